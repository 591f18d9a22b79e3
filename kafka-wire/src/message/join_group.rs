//! JoinGroup (key 11): a member comes into a group, or back into it, and waits until the others are there too.
//!
//! The answer to the leader has all members with what they said of themselves; the others' answers have none. From
//! version 4 on a member without an id is given one first, and asked to come again with it (KIP-394).

use bytes::Bytes;

use super::PROTOCOLS_MAX;

message! {
    /// Who joins, and which protocols it speaks.
    request JoinGroupRequest: JoinGroup 0..=9 => JoinGroupResponse {
        group_id: String, 0..; "The group."
        session_timeout_ms: i32, 0..; "How long the member may be silent before it counts as gone, in milliseconds."
        rebalance_timeout_ms: i32, 1.., default -1; "How long the others wait for the member to come back in a rebalance, in milliseconds; -1 for the session's time."
        member_id: String, 0..; "The id the member was given, empty for none yet."
        group_instance_id: Option<String>, 5.., null 5..; "The name a static member keeps over restarts, null for a dynamic one."
        protocol_type: String, 0..; "What kind of protocol the members speak: `consumer`, `connect` and the like."
        protocols: Vec<JoinGroupRequestProtocol>, 0.., most PROTOCOLS_MAX; "Each protocol, the one it likes best first."
        reason: Option<String>, 8.., null 8..; "Why it joins, for logs."
    }

    /// One protocol the member speaks.
    part JoinGroupRequestProtocol {
        name: String, 0..; "The protocol: for consumers, an assignor."
        metadata: Bytes, 0..; "What the member tells the leader; only members understand it."
    }

    /// The generation that came of it.
    response JoinGroupResponse: JoinGroup 0..=9 => {
        throttle_time_ms: i32, 2..; "How long the client is asked to wait, in milliseconds."
        error_code: i16, 0..; "0, or why the member is not in the group."
        generation_id: i32, 0.., default -1; "The group's generation, -1 on an error."
        protocol_type: Option<String>, 7.., null 7..; "What kind of protocol the members speak: `consumer`, `connect` and the like."
        protocol_name: Option<String>, 0.., null 7.., default Some(String::new()); "The protocol chosen, one that all members speak; null if there is none."
        leader: String, 0..; "The member that assigns."
        skip_assignment: bool, 9..; "Whether the leader need not assign: what it did last still stands."
        member_id: String, 0..; "The member's id."
        members: Vec<JoinGroupResponseMember>, 0..; "Each member; empty for all but the leader."
    }

    /// A member, as the leader sees it.
    part JoinGroupResponseMember {
        member_id: String, 0..; "The member."
        group_instance_id: Option<String>, 5.., null 5..; "The name a static member keeps over restarts, null for a dynamic one."
        metadata: Bytes, 0..; "What the member tells the leader; only members understand it."
    }
}
