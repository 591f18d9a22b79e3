//! SyncGroup (key 14): a member asks for its part of the generation; its leader says everybody's.

use annals_kafka_wire::error::ErrorCode;
use annals_kafka_wire::message::sync_group::{SyncGroupRequest, SyncGroupResponse};
use bytes::Bytes;

use crate::group::{self, Event, Identity, Sync, Synced};
use crate::groups;
use crate::table::{Answer, Context};

/// The first version whose members say what they take the group's protocol for.
const SAYS_PROTOCOL: i16 = 5;

pub(crate) fn handle(ctx: &Context, version: i16, request: SyncGroupRequest) -> Answer<SyncGroupResponse> {
    if request.group_id.is_empty() {
        return Answer::Now(respond(Err(ErrorCode::InvalidGroupId)));
    }
    if version >= SAYS_PROTOCOL && (request.protocol_type.is_none() || request.protocol_name.is_none()) {
        return Answer::Now(respond(Err(ErrorCode::InconsistentGroupProtocol)));
    }
    let sync = Sync {
        identity: Identity {
            member_id: request.member_id,
            instance_id: request.group_instance_id,
        },
        generation: request.generation_id,
        protocol_type: request.protocol_type,
        protocol: request.protocol_name,
        assignments: request
            .assignments
            .into_iter()
            // Kept for as long as the group is, and not the frame it came in.
            .map(|part| (part.member_id, Bytes::copy_from_slice(&part.assignment)))
            .collect(),
    };
    let asked = groups::ask(&ctx.shared, &request.group_id, false, |ticket| {
        Event::Sync(ticket, sync)
    });
    let asked = match asked {
        Ok(asked) => asked,
        Err(code) => return Answer::Now(respond(Err(code))),
    };
    let stop = ctx.stop.clone();
    Answer::Poll(Box::pin(async move {
        let synced = match asked.told(stop).await {
            Some(group::Answer::Sync(synced)) => synced,
            _ => Err(ErrorCode::CoordinatorNotAvailable),
        };
        (respond(synced), None)
    }))
}

fn respond(synced: Result<Synced, ErrorCode>) -> SyncGroupResponse {
    match synced {
        Ok(synced) => SyncGroupResponse {
            protocol_type: synced.protocol_type,
            protocol_name: synced.protocol,
            assignment: synced.assignment,
            ..SyncGroupResponse::default()
        },
        Err(code) => SyncGroupResponse {
            error_code: code.code(),
            ..SyncGroupResponse::default()
        },
    }
}
