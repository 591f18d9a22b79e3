//! JoinGroup (key 11): a member's way into the next generation of its group, which it waits for.
//!
//! * A member without an id makes the group if there is none; one with an id must know a group that is there.
//! * Version 0 has one time-out for both; from 4 on a member is told its id before it counts (KIP-394).

use annals_kafka_wire::error::ErrorCode;
use annals_kafka_wire::message::join_group::{JoinGroupRequest, JoinGroupResponse, JoinGroupResponseMember};
use bytes::Bytes;
use uuid::Uuid;

use crate::group::{self, Event, Identity, Join, Joined, NotJoined};
use crate::groups;
use crate::table::{Answer, Context};

/// The most a member may say about itself, in bytes.
const METADATA_BYTES_MAX: usize = 1024 * 1024;

/// The first version whose members are told their id before they count,
const KNOWS_ITS_ID_FIRST: i16 = 4;
/// the first in which there may be no protocol,
const NULLABLE_PROTOCOL: i16 = 7;
/// and the first whose leader can be told that it need not assign.
const SKIPS_ASSIGNMENT: i16 = 9;

pub(crate) fn handle(ctx: &Context, version: i16, request: JoinGroupRequest) -> Answer<JoinGroupResponse> {
    let member_id = request.member_id.clone();
    let refused = |code| {
        Answer::Now(respond(
            version,
            Err(NotJoined {
                code,
                member_id: member_id.clone(),
            }),
        ))
    };
    if request.group_id.is_empty() {
        return refused(ErrorCode::InvalidGroupId);
    }
    let bytes = request.protocols.iter().map(|protocol| protocol.metadata.len());
    let bytes: usize = bytes.sum();
    if bytes > METADATA_BYTES_MAX {
        return refused(ErrorCode::InvalidRequest);
    }
    let who = Identity {
        member_id: request.member_id.clone(),
        instance_id: request.group_instance_id.clone(),
    };
    if !groups::have_room(&ctx.shared, &request.group_id, &who, bytes) {
        return refused(ErrorCode::GroupMaxSizeReached);
    }
    let is_new = request.member_id.is_empty();
    let group_id = request.group_id.clone();
    let join = join(ctx, version, request);
    let asked = match groups::ask(&ctx.shared, &group_id, is_new, |ticket| Event::Join(ticket, join)) {
        Ok(asked) => asked,
        Err(code) => return refused(code),
    };
    let stop = ctx.stop.clone();
    Answer::Poll(Box::pin(async move {
        let joined = match asked.told(stop).await {
            Some(group::Answer::Join(joined)) => joined,
            _ => Err(NotJoined {
                code: ErrorCode::CoordinatorNotAvailable,
                member_id,
            }),
        };
        (respond(version, joined), None)
    }))
}

fn join(ctx: &Context, version: i16, request: JoinGroupRequest) -> Join {
    let client_id = ctx.caller.client_id.clone().unwrap_or_default();
    let name = request.group_instance_id.as_deref().unwrap_or(&client_id);
    Join {
        fresh_id: format!("{name}-{}", Uuid::new_v4()),
        client_host: format!("/{}", ctx.caller.peer.ip()),
        client_id,
        session_timeout_ms: request.session_timeout_ms,
        rebalance_timeout_ms: match request.rebalance_timeout_ms {
            ms if ms < 0 => request.session_timeout_ms,
            ms => ms,
        },
        identity: Identity {
            member_id: request.member_id,
            instance_id: request.group_instance_id,
        },
        protocol_type: request.protocol_type,
        protocols: request
            .protocols
            .into_iter()
            // Kept for as long as the group is, and not the frame it came in.
            .map(|protocol| (protocol.name, Bytes::copy_from_slice(&protocol.metadata)))
            .collect(),
        knows_its_id_first: version >= KNOWS_ITS_ID_FIRST,
        can_skip_assignment: version >= SKIPS_ASSIGNMENT,
    }
}

fn respond(version: i16, joined: Result<Joined, NotJoined>) -> JoinGroupResponse {
    match joined {
        Ok(joined) => JoinGroupResponse {
            generation_id: joined.generation,
            protocol_type: joined.protocol_type,
            protocol_name: joined.protocol,
            leader: joined.leader,
            skip_assignment: joined.skip_assignment,
            member_id: joined.member_id,
            members: joined
                .members
                .into_iter()
                .map(
                    |(member_id, group_instance_id, metadata)| JoinGroupResponseMember {
                        member_id,
                        group_instance_id,
                        metadata,
                    },
                )
                .collect(),
            ..JoinGroupResponse::default()
        },
        Err(NotJoined { code, member_id }) => JoinGroupResponse {
            error_code: code.code(),
            generation_id: -1,
            protocol_name: (version < NULLABLE_PROTOCOL).then(String::new),
            member_id,
            ..JoinGroupResponse::default()
        },
    }
}
