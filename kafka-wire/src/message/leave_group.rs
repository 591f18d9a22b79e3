//! LeaveGroup (key 13): members go, so that nobody waits for them.
//!
//! Up to version 2 a member goes by itself; from version 3 on several can be sent away, static ones by the name they
//! keep.

use super::MEMBERS_MAX;

message! {
    /// Who goes.
    request LeaveGroupRequest: LeaveGroup 0..=5 => LeaveGroupResponse {
        group_id: String, 0..; "The group."
        member_id: String, 0..=2; "The member."
        members: Vec<MemberIdentity>, 3.., most MEMBERS_MAX; "Each member."
    }

    /// One member that goes.
    part MemberIdentity {
        member_id: String, 3..; "The member's id, empty if it is known by its instance id."
        group_instance_id: Option<String>, 3.., null 3..; "The name a static member keeps over restarts, null for a dynamic one."
        reason: Option<String>, 5.., null 5..; "Why it goes, for logs."
    }

    /// What became of it.
    response LeaveGroupResponse: LeaveGroup 0..=5 => {
        throttle_time_ms: i32, 1..; "How long the client is asked to wait, in milliseconds."
        error_code: i16, 0..; "0, or why nobody left."
        members: Vec<MemberResponse>, 3..; "Each member."
    }

    /// What became of one member.
    part MemberResponse {
        member_id: String, 3..; "The member."
        group_instance_id: Option<String>, 3.., null 3..; "The name a static member keeps over restarts, null for a dynamic one."
        error_code: i16, 3..; "0, or why it is still there."
    }
}
