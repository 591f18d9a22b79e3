//! SyncGroup (key 14): the leader brings what it assigned, and each member takes its part.

use bytes::Bytes;

use super::MEMBERS_MAX;

message! {
    /// Who asks, and from the leader what it assigned.
    request SyncGroupRequest: SyncGroup 0..=5 => SyncGroupResponse {
        group_id: String, 0..; "The group."
        generation_id: i32, 0..; "The group's generation."
        member_id: String, 0..; "The member."
        group_instance_id: Option<String>, 3.., null 3..; "The name a static member keeps over restarts, null for a dynamic one."
        protocol_type: Option<String>, 5.., null 5..; "The protocol's kind as the member thinks, null if it does not say."
        protocol_name: Option<String>, 5.., null 5..; "The protocol the member thinks was chosen, null if it does not say."
        assignments: Vec<SyncGroupRequestAssignment>, 0.., most MEMBERS_MAX; "Each member's part; empty from all but the leader."
    }

    /// One member's part.
    part SyncGroupRequestAssignment {
        member_id: String, 0..; "The member."
        assignment: Bytes, 0..; "What it is given; only members understand it."
    }

    /// The member's part.
    response SyncGroupResponse: SyncGroup 0..=5 => {
        throttle_time_ms: i32, 1..; "How long the client is asked to wait, in milliseconds."
        error_code: i16, 0..; "0, or why there is no part."
        protocol_type: Option<String>, 5.., null 5..; "The protocol's kind."
        protocol_name: Option<String>, 5.., null 5..; "The protocol chosen."
        assignment: Bytes, 0..; "What the member is given; only members understand it."
    }
}
