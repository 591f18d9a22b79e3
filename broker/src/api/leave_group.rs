//! LeaveGroup (key 13): members go at once, instead of by silence. From version 3 on several, also by instance alone.

use annals_kafka_wire::error::ErrorCode;
use annals_kafka_wire::message::leave_group::{LeaveGroupRequest, LeaveGroupResponse, MemberResponse};

use crate::group::{self, Event, Identity};
use crate::groups;
use crate::table::{Answer, Context};

/// The first version that names several.
const SEVERAL: i16 = 3;

pub(crate) fn handle(ctx: &Context, version: i16, request: LeaveGroupRequest) -> Answer<LeaveGroupResponse> {
    let refused = |code: ErrorCode| LeaveGroupResponse {
        error_code: code.code(),
        ..LeaveGroupResponse::default()
    };
    if request.group_id.is_empty() {
        return Answer::Now(refused(ErrorCode::InvalidGroupId));
    }
    let identities: Vec<Identity> = match version >= SEVERAL {
        false => vec![Identity {
            member_id: request.member_id,
            instance_id: None,
        }],
        true => request
            .members
            .into_iter()
            .map(|member| Identity {
                member_id: member.member_id,
                instance_id: member.group_instance_id,
            })
            .collect(),
    };
    let asked = groups::ask(&ctx.shared, &request.group_id, false, |ticket| {
        Event::Leave(ticket, identities.clone())
    });
    let asked = match asked {
        Ok(asked) => asked,
        Err(code) => {
            let codes = vec![code; identities.len()];
            return Answer::Now(respond(version, identities, codes));
        }
    };
    let stop = ctx.stop.clone();
    Answer::later(async move {
        match asked.told(stop).await {
            Some(group::Answer::Leave(codes)) => respond(version, identities, codes),
            _ => refused(ErrorCode::CoordinatorNotAvailable),
        }
    })
}

fn respond(version: i16, identities: Vec<Identity>, codes: Vec<ErrorCode>) -> LeaveGroupResponse {
    if version < SEVERAL {
        return LeaveGroupResponse {
            error_code: codes.first().map_or(0, |code| code.code()),
            ..LeaveGroupResponse::default()
        };
    }
    let members = identities
        .into_iter()
        .zip(codes)
        .map(|(identity, code)| MemberResponse {
            member_id: identity.member_id,
            group_instance_id: identity.instance_id,
            error_code: code.code(),
        });
    LeaveGroupResponse {
        members: members.collect(),
        ..LeaveGroupResponse::default()
    }
}
