//! FindCoordinator (key 10): who coordinates a group, or a transactional id. It is always this broker.
//!
//! * The first question makes the topic in which what follows is stored.
//! * Share groups (type 2): INVALID_REQUEST, there are none here.

use std::sync::Arc;

use annals_kafka_wire::error::ErrorCode;
use annals_kafka_wire::message::find_coordinator::{
    Coordinator, FindCoordinatorRequest, FindCoordinatorResponse,
};

use crate::internal;
use crate::table::{Answer, Context};

const GROUP: i8 = 0;
const TRANSACTION: i8 = 1;

/// The first version that asks for several at once.
const SEVERAL: i16 = 4;

pub(crate) fn handle(
    ctx: &Context,
    version: i16,
    request: FindCoordinatorRequest,
) -> Answer<FindCoordinatorResponse> {
    let keys = match version >= SEVERAL {
        true => request.coordinator_keys,
        false => vec![request.key],
    };
    let advertised = Arc::clone(&ctx.advertised);
    let node_id = ctx.shared.config.node_id;
    let answer = move |code: ErrorCode| {
        let found = keys.iter().map(|key| match code {
            ErrorCode::None => Coordinator {
                key: key.clone(),
                node_id,
                host: advertised.host.clone(),
                port: i32::from(advertised.port),
                ..Coordinator::default()
            },
            code => Coordinator {
                key: key.clone(),
                node_id: -1,
                port: -1,
                error_code: code.code(),
                error_message: Some(code.meaning().to_owned()),
                ..Coordinator::default()
            },
        });
        respond(version, found.collect())
    };
    let topic = match request.key_type {
        GROUP => internal::OFFSETS,
        TRANSACTION => internal::TRANSACTIONS,
        _ => return Answer::Now(answer(ErrorCode::InvalidRequest)),
    };
    if internal::exists(&ctx.shared, topic) {
        return Answer::Now(answer(ErrorCode::None));
    }
    let shared = Arc::clone(&ctx.shared);
    let unsettled = answer.clone();
    let make = move || match internal::make(&shared, topic) {
        Ok(()) => answer(ErrorCode::None),
        Err(error) => {
            tracing::warn!(%error, "the topic of a coordinator could not be made");
            answer(ErrorCode::CoordinatorNotAvailable)
        }
    };
    Answer::change(ctx, &ctx.shared.topic_turns, make, move |_| {
        unsettled(ErrorCode::CoordinatorNotAvailable)
    })
}

fn respond(version: i16, mut found: Vec<Coordinator>) -> FindCoordinatorResponse {
    if version >= SEVERAL {
        return FindCoordinatorResponse {
            coordinators: found,
            ..FindCoordinatorResponse::default()
        };
    }
    let found = found.pop().unwrap_or_default();
    FindCoordinatorResponse {
        error_code: found.error_code,
        error_message: found.error_message,
        node_id: found.node_id,
        host: found.host,
        port: found.port,
        ..FindCoordinatorResponse::default()
    }
}
