//! ConsumerGroupDescribe (key 69): a group of the new protocol (KIP-848) and its members.

use super::GROUPS_MAX;

message! {
    /// Which groups.
    request ConsumerGroupDescribeRequest: ConsumerGroupDescribe 0..=1 => ConsumerGroupDescribeResponse {
        group_ids: Vec<String>, 0.., most GROUPS_MAX; "The groups."
        include_authorized_operations: bool, 0..; "Whether to say what the client may do to each group."
    }

    /// The groups.
    response ConsumerGroupDescribeResponse: ConsumerGroupDescribe 0..=1 => {
        throttle_time_ms: i32, 0..; "How long the client is asked to wait, in milliseconds."
        groups: Vec<DescribedGroup>, 0..; "Each group."
    }

    /// One group.
    part DescribedGroup {
        error_code: i16, 0..; "0, or why the group is not described."
        error_message: Option<String>, 0.., null 0..; "The same in words."
        group_id: String, 0..; "The group."
        group_state: String, 0..; "What the group is doing: `Empty`, `Assigning`, `Reconciling`, `Stable` or `Dead`."
        group_epoch: i32, 0..; "Grows with every change of members or subscriptions."
        assignment_epoch: i32, 0..; "The group epoch that the assignment was made for."
        assignor_name: String, 0..; "The assignor chosen."
        members: Vec<Member>, 0..; "Each member."
        authorized_operations: i32, 0.., default i32::MIN; "What the client may do to the group, a bit an operation."
    }

    /// One member.
    part Member {
        member_id: String, 0..; "The member."
        instance_id: Option<String>, 0.., null 0..; "The name a static member keeps over restarts, null for a dynamic one."
        rack_id: Option<String>, 0.., null 0..; "The member's rack."
        member_epoch: i32, 0..; "The member's epoch."
        client_id: String, 0..; "The client's own name."
        client_host: String, 0..; "Where the client comes from."
        subscribed_topic_names: Vec<String>, 0..; "The topics it wants."
        subscribed_topic_regex: Option<String>, 0.., null 0..; "A regular expression of topics it wants, null for none."
        assignment: Assignment, 0..; "What it has."
        target_assignment: Assignment, 0..; "What it is to have."
        member_type: i8, 1.., default -1; "0 a member of the classic protocol, 1 of the new one, -1 if not known."
    }

    /// What a member has.
    part Assignment {
        topic_partitions: Vec<TopicPartitions>, 0..; "Each topic."
    }

    /// Partitions of one topic.
    part TopicPartitions {
        topic_id: [u8; 16], 0..; "The topic's id."
        topic_name: String, 0..; "The topic."
        partitions: Vec<i32>, 0..; "Its partitions."
    }
}
