//! FindCoordinator (key 10): which broker looks after a group or a transactional id.
//!
//! * Groups: this node, the only one. (The group APIs themselves are not advertised yet, so clients learn from
//!   ApiVersions, not from here, that they cannot join.)
//! * Transactions: INVALID_REQUEST with a sentence. COORDINATOR_NOT_AVAILABLE would be retried until the client gives
//!   up after a minute without a reason; naming this node would only move the same refusal to InitProducerId, whose
//!   answer has no room for a sentence. Java clients fail at once with the sentence; librdkafka retries every code
//!   but authorization failures until its timeout, so the log says it too.
//! * v4+: many keys at once.

use annals_kafka_wire::error::ErrorCode;
use annals_kafka_wire::message::find_coordinator::{
    Coordinator, FindCoordinatorRequest, FindCoordinatorResponse,
};

use crate::api::TOPICS_PER_REQUEST_MAX;
use crate::table::{Answer, Context};

const GROUP: i8 = 0;
const TRANSACTION: i8 = 1;

/// The first version that asks for several keys at once.
const BATCHED_SINCE: i16 = 4;

pub(crate) fn handle(
    ctx: &Context,
    version: i16,
    request: FindCoordinatorRequest,
) -> Answer<FindCoordinatorResponse> {
    let find = |key: String| coordinator(ctx, request.key_type, key);
    if version < BATCHED_SINCE {
        let Coordinator {
            node_id,
            host,
            port,
            error_code,
            error_message,
            ..
        } = find(request.key.clone());
        return Answer::Now(FindCoordinatorResponse {
            error_code,
            error_message,
            node_id,
            host,
            port,
            ..FindCoordinatorResponse::default()
        });
    }
    if request.coordinator_keys.len() > TOPICS_PER_REQUEST_MAX {
        return Answer::Close(format!(
            "FindCoordinator names more than {TOPICS_PER_REQUEST_MAX} keys"
        ));
    }
    let coordinators = request.coordinator_keys.iter().cloned().map(find).collect();
    Answer::Now(FindCoordinatorResponse {
        coordinators,
        ..FindCoordinatorResponse::default()
    })
}

fn coordinator(ctx: &Context, key_type: i8, key: String) -> Coordinator {
    let refused = |sentence: &str| Coordinator {
        key: key.clone(),
        node_id: -1,
        host: String::new(),
        port: -1,
        error_code: ErrorCode::InvalidRequest.code(),
        error_message: Some(sentence.to_owned()),
    };
    match key_type {
        GROUP => {
            let (host, port) = ctx.shared.advertised();
            let node_id = ctx.shared.config.node_id;
            Coordinator {
                key,
                node_id,
                host,
                port,
                error_code: 0,
                error_message: None,
            }
        }
        TRANSACTION => {
            tracing::warn!("a client asked for transactions, which this broker does not have yet");
            refused("This broker has no transactions yet: produce without a transactional id")
        }
        _ => refused("This broker coordinates consumer groups only"),
    }
}
