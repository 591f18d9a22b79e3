//! ListGroups (key 16): the groups this broker looks after.

use super::FILTERS_MAX;

message! {
    /// Which groups.
    request ListGroupsRequest: ListGroups 0..=5 => ListGroupsResponse {
        states_filter: Vec<String>, 4.., most FILTERS_MAX; "States the groups may be in, empty for any."
        types_filter: Vec<String>, 5.., most FILTERS_MAX; "Types the groups may have, empty for any."
    }

    /// The groups.
    response ListGroupsResponse: ListGroups 0..=5 => {
        throttle_time_ms: i32, 1..; "How long the client is asked to wait, in milliseconds."
        error_code: i16, 0..; "0, or why there is no list."
        groups: Vec<ListedGroup>, 0..; "Each group."
    }

    /// One group.
    part ListedGroup {
        group_id: String, 0..; "The group."
        protocol_type: String, 0..; "What kind of protocol the members speak: `consumer`, `connect` and the like."
        group_state: String, 4..; "What the group is doing."
        group_type: String, 5..; "`classic` or `consumer`, by the protocol of its members."
    }
}
