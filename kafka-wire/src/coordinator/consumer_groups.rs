//! Groups of the new protocol (KIP-848) in `__consumer_offsets`: a record for the group, one for each member, for what
//! each is to have and for what each has. All values have one version, 0, and grow by tagged fields.
//!
//! Left out on purpose: the partitions of subscribed topics (kind 4), which Kafka since 4.1 only removes.

use bytes::Bytes;

use crate::message::declare::message;

message! {
    /// Which group.
    versioned ConsumerGroupMetadataKey: 3..=3, flexible i16::MAX => {
        group_id: String, 3..; "The group."
    }

    /// A group.
    versioned ConsumerGroupMetadataValue: 0..=0, flexible 0 => {
        epoch: i32, 0..; "Grows with every change of members or subscriptions."
        metadata_hash: i64, 0.., tag 0; "A hash of the topics it is subscribed to and their partitions, 0 for none."
    }

    /// Which member.
    versioned ConsumerGroupMemberMetadataKey: 5..=5, flexible i16::MAX => {
        group_id: String, 5..; "The group."
        member_id: String, 5..; "The member."
    }

    /// A member, as it describes itself.
    versioned ConsumerGroupMemberMetadataValue: 0..=0, flexible 0 => {
        instance_id: Option<String>, 0.., null 0..; "The name a static member keeps over restarts, null for a dynamic one."
        rack_id: Option<String>, 0.., null 0..; "Its rack."
        client_id: String, 0..; "The client's own name."
        client_host: String, 0..; "Where the client comes from."
        subscribed_topic_names: Vec<String>, 0..; "The topics it wants."
        subscribed_topic_regex: Option<String>, 0.., null 0..; "A regular expression of topics it wants, null for none."
        rebalance_timeout_ms: i32, 0.., default -1; "How long it may take to give partitions up, in milliseconds."
        server_assignor: Option<String>, 0.., null 0..; "The assignor it would like, null for any."
        classic_member_metadata: Option<ClassicMemberMetadata>, 0.., null 0.., tag 0, default Some(ClassicMemberMetadata::default()); "What it said when it joined by the classic protocol: null if it did not, an empty one if nothing is said."
    }

    /// A member of the classic protocol in a group of the new one.
    part ClassicMemberMetadata {
        session_timeout_ms: i32, 0..; "How long it may be silent before it counts as gone, in milliseconds."
        supported_protocols: Vec<ClassicProtocol>, 0..; "Each protocol it speaks."
    }

    /// One protocol the member speaks.
    part ClassicProtocol {
        name: String, 0..; "The protocol: an assignor."
        metadata: Bytes, 0..; "What the member says, see [`super::consumer_protocol`]."
    }

    /// Whose target assignment.
    versioned ConsumerGroupTargetAssignmentMetadataKey: 6..=6, flexible i16::MAX => {
        group_id: String, 6..; "The group."
    }

    /// Which state of the group the target assignment is for.
    versioned ConsumerGroupTargetAssignmentMetadataValue: 0..=0, flexible 0 => {
        assignment_epoch: i32, 0..; "The group epoch it was made for."
    }

    /// Which member's target assignment.
    versioned ConsumerGroupTargetAssignmentMemberKey: 7..=7, flexible i16::MAX => {
        group_id: String, 7..; "The group."
        member_id: String, 7..; "The member."
    }

    /// What a member is to have.
    versioned ConsumerGroupTargetAssignmentMemberValue: 0..=0, flexible 0 => {
        topic_partitions: Vec<TopicPartitions>, 0..; "Each topic."
    }

    /// Which member's assignment.
    versioned ConsumerGroupCurrentMemberAssignmentKey: 8..=8, flexible i16::MAX => {
        group_id: String, 8..; "The group."
        member_id: String, 8..; "The member."
    }

    /// What a member has.
    versioned ConsumerGroupCurrentMemberAssignmentValue: 0..=0, flexible 0 => {
        member_epoch: i32, 0..; "The member's epoch, -1 when it left, -2 when it left and will come back under its instance id."
        previous_member_epoch: i32, 0..; "The epoch it had before, which it may still show if an answer was lost."
        state: i8, 0..; "0 it has what it is to have, 1 it has partitions to give up, 2 it waits for partitions that others give up."
        assigned_partitions: Vec<TopicPartitions>, 0..; "What it has."
        partitions_pending_revocation: Vec<TopicPartitions>, 0..; "What it has and must give up."
    }

    /// Partitions of one topic.
    part TopicPartitions {
        topic_id: [u8; 16], 0..; "The topic's id."
        partitions: Vec<i32>, 0..; "Its partitions."
    }

    /// Which regular expression, of which group.
    versioned ConsumerGroupRegularExpressionKey: 16..=16, flexible i16::MAX => {
        group_id: String, 16..; "The group."
        regular_expression: String, 16..; "The regular expression."
    }

    /// The topics a regular expression stands for.
    versioned ConsumerGroupRegularExpressionValue: 0..=0, flexible 0 => {
        topics: Vec<String>, 0..; "The topics."
        version: i64, 0..; "The state of the cluster's topics it was looked up in."
        timestamp: i64, 0..; "When it was looked up, in milliseconds since 1970."
    }
}
