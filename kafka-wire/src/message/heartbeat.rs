//! Heartbeat (key 12): a member says that it is alive, and learns whether the group is rebalancing.

message! {
    /// Who is alive.
    request HeartbeatRequest: Heartbeat 0..=4 => HeartbeatResponse {
        group_id: String, 0..; "The group."
        generation_id: i32, 0..; "The group's generation."
        member_id: String, 0..; "The member."
        group_instance_id: Option<String>, 3.., null 3..; "The name a static member keeps over restarts, null for a dynamic one."
    }

    /// Whether all is well.
    response HeartbeatResponse: Heartbeat 0..=4 => {
        throttle_time_ms: i32, 1..; "How long the client is asked to wait, in milliseconds."
        error_code: i16, 0..; "0, REBALANCE_IN_PROGRESS when the member must join again, or why it is no member any more."
    }
}
