//! Heartbeat (key 12): a member is alive, and learns whether it must join again.

use annals_kafka_wire::error::ErrorCode;
use annals_kafka_wire::message::heartbeat::{HeartbeatRequest, HeartbeatResponse};

use crate::group::{self, Event, Identity};
use crate::groups;
use crate::table::{Answer, Context};

pub(crate) fn handle(ctx: &Context, _version: i16, request: HeartbeatRequest) -> Answer<HeartbeatResponse> {
    if request.group_id.is_empty() {
        return Answer::Now(respond(ErrorCode::InvalidGroupId));
    }
    let identity = Identity {
        member_id: request.member_id,
        instance_id: request.group_instance_id,
    };
    let generation = request.generation_id;
    let asked = groups::ask(&ctx.shared, &request.group_id, false, |ticket| {
        Event::Heartbeat(ticket, identity, generation)
    });
    let asked = match asked {
        Ok(asked) => asked,
        Err(code) => return Answer::Now(respond(code)),
    };
    let stop = ctx.stop.clone();
    Answer::later(async move {
        match asked.told(stop).await {
            Some(group::Answer::Heartbeat(code)) => respond(code),
            _ => respond(ErrorCode::CoordinatorNotAvailable),
        }
    })
}

fn respond(code: ErrorCode) -> HeartbeatResponse {
    HeartbeatResponse {
        error_code: code.code(),
        ..HeartbeatResponse::default()
    }
}
