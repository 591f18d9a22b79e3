//! FindCoordinator (key 10): which broker looks after a group or a transactional id.
//!
//! Up to version 3 one key is asked for and the answer stands at the top; from version 4 on there are lists.

use super::TOPICS_MAX;

message! {
    /// Whose coordinator to find.
    request FindCoordinatorRequest: FindCoordinator 0..=6 => FindCoordinatorResponse {
        key: String, 0..=3; "The group or transactional id."
        key_type: i8, 1..; "0 for a group, 1 for a transactional id, 2 for a share group's partition."
        coordinator_keys: Vec<String>, 4.., most TOPICS_MAX; "The groups or transactional ids."
    }

    /// Where the coordinators are.
    response FindCoordinatorResponse: FindCoordinator 0..=6 => {
        throttle_time_ms: i32, 1..; "How long the client is asked to wait, in milliseconds."
        error_code: i16, 0..=3; "0, or why there is no coordinator."
        error_message: Option<String>, 1..=3, null 1..=3; "The same in words."
        node_id: i32, 0..=3; "The broker."
        host: String, 0..=3; "Its host name."
        port: i32, 0..=3; "Its port."
        coordinators: Vec<Coordinator>, 4..; "Each coordinator."
    }

    /// One coordinator.
    part Coordinator {
        key: String, 4..; "The group or transactional id."
        node_id: i32, 4..; "The broker."
        host: String, 4..; "Its host name."
        port: i32, 4..; "Its port."
        error_code: i16, 4..; "0, or why there is no coordinator."
        error_message: Option<String>, 4.., null 4..; "The same in words."
    }
}
