//! ConsumerGroupHeartbeat (key 68): a member of a group of the new protocol (KIP-848) joins, stays, changes what it wants
//! or goes, and is told what it has.
//!
//! Epochs say which: 0 joins, -1 goes, -2 goes but comes back under the same instance id. Fields that have not changed
//! since the last heartbeat are null. In version 1 the member makes its own id.

use super::{PARTITIONS_MAX, TOPICS_MAX};

message! {
    /// Who is alive, and what it wants.
    request ConsumerGroupHeartbeatRequest: ConsumerGroupHeartbeat 0..=1 => ConsumerGroupHeartbeatResponse {
        group_id: String, 0..; "The group."
        member_id: String, 0..; "The member."
        member_epoch: i32, 0..; "The member's epoch, or one of the special ones."
        instance_id: Option<String>, 0.., null 0..; "The name a static member keeps over restarts, null for a dynamic one."
        rack_id: Option<String>, 0.., null 0..; "The member's rack, null if it has not changed."
        rebalance_timeout_ms: i32, 0.., default -1; "How long the member may take to give partitions up, in milliseconds; -1 if it has not changed."
        subscribed_topic_names: Option<Vec<String>>, 0.., most TOPICS_MAX, null 0..; "The topics it wants, null if they have not changed."
        subscribed_topic_regex: Option<String>, 1.., null 1..; "A regular expression of topics it wants, null if it has not changed."
        server_assignor: Option<String>, 0.., null 0..; "The assignor it would like, null if it has not changed or does not matter."
        topic_partitions: Option<Vec<TopicPartitions>>, 0.., most TOPICS_MAX, null 0..; "What it has, null if that has not changed."
    }

    /// Partitions of one topic.
    part TopicPartitions {
        topic_id: [u8; 16], 0..; "The topic's id."
        partitions: Vec<i32>, 0.., most PARTITIONS_MAX; "Its partitions."
    }

    /// What the member has from now on.
    response ConsumerGroupHeartbeatResponse: ConsumerGroupHeartbeat 0..=1 => {
        throttle_time_ms: i32, 0..; "How long the client is asked to wait, in milliseconds."
        error_code: i16, 0..; "0, or what is wrong with the member."
        error_message: Option<String>, 0.., null 0..; "The same in words."
        member_id: Option<String>, 0.., null 0..; "The member's id, where the coordinator made it; else it may be null."
        member_epoch: i32, 0..; "The member's epoch from here on."
        heartbeat_interval_ms: i32, 0..; "How often to send a heartbeat, in milliseconds."
        assignment: Option<Assignment>, 0.., null 0..; "What it has, null if that has not changed."
    }

    /// What a member has.
    part Assignment {
        topic_partitions: Vec<TopicPartitions>, 0..; "Each topic."
    }
}
