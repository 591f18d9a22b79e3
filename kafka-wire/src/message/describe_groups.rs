//! DescribeGroups (key 15): a group of the classic protocol and its members.

use bytes::Bytes;

use super::GROUPS_MAX;

message! {
    /// Which groups.
    request DescribeGroupsRequest: DescribeGroups 0..=6 => DescribeGroupsResponse {
        groups: Vec<String>, 0.., most GROUPS_MAX; "The groups."
        include_authorized_operations: bool, 3..; "Whether to say what the client may do to each group."
    }

    /// The groups.
    response DescribeGroupsResponse: DescribeGroups 0..=6 => {
        throttle_time_ms: i32, 1..; "How long the client is asked to wait, in milliseconds."
        groups: Vec<DescribedGroup>, 0..; "Each group."
    }

    /// One group.
    part DescribedGroup {
        error_code: i16, 0..; "0, or why the group is not described."
        error_message: Option<String>, 6.., null 6..; "The same in words."
        group_id: String, 0..; "The group."
        group_state: String, 0..; "What the group is doing: `Empty`, `PreparingRebalance`, `CompletingRebalance`, `Stable` or `Dead`."
        protocol_type: String, 0..; "What kind of protocol the members speak: `consumer`, `connect` and the like."
        protocol_data: String, 0..; "The protocol chosen: for consumers, the assignor."
        members: Vec<DescribedGroupMember>, 0..; "Each member."
        authorized_operations: i32, 3.., default i32::MIN; "What the client may do to the group, a bit an operation."
    }

    /// One member.
    part DescribedGroupMember {
        member_id: String, 0..; "The member."
        group_instance_id: Option<String>, 4.., null 4..; "The name a static member keeps over restarts, null for a dynamic one."
        client_id: String, 0..; "The client's own name."
        client_host: String, 0..; "Where the client comes from."
        member_metadata: Bytes, 0..; "What the member said when it joined."
        member_assignment: Bytes, 0..; "What the member was given."
    }
}
