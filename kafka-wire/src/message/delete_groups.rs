//! DeleteGroups (key 42): groups without members to forget, and their offsets.

use super::GROUPS_MAX;

message! {
    /// The groups to delete.
    request DeleteGroupsRequest: DeleteGroups 0..=2 => DeleteGroupsResponse {
        groups_names: Vec<String>, 0.., most GROUPS_MAX; "The groups."
    }

    /// What became of each group.
    response DeleteGroupsResponse: DeleteGroups 0..=2 => {
        throttle_time_ms: i32, 0..; "How long the client is asked to wait, in milliseconds."
        results: Vec<DeletableGroupResult>, 0..; "Each group."
    }

    /// What became of one group.
    part DeletableGroupResult {
        group_id: String, 0..; "The group."
        error_code: i16, 0..; "0, or why it is still there."
    }
}
