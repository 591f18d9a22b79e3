//! The APIs: one file each, named in [`crate::table`]. A handler reads a request, makes one call, builds the answer.

pub(crate) mod add_offsets_to_txn;
pub(crate) mod add_partitions_to_txn;
pub(crate) mod allowed;
pub(crate) mod alter_configs;
pub(crate) mod alter_partition_reassignments;
pub(crate) mod api_versions;
pub(crate) mod consumer_group_describe;
pub(crate) mod consumer_group_heartbeat;
pub(crate) mod create_partitions;
pub(crate) mod create_topics;
pub(crate) mod delete_groups;
pub(crate) mod delete_records;
pub(crate) mod delete_topics;
pub(crate) mod describe_acls;
pub(crate) mod describe_client_quotas;
pub(crate) mod describe_cluster;
pub(crate) mod describe_configs;
pub(crate) mod describe_groups;
pub(crate) mod describe_log_dirs;
pub(crate) mod describe_producers;
pub(crate) mod describe_quorum;
pub(crate) mod describe_topic_partitions;
pub(crate) mod describe_transactions;
pub(crate) mod describe_user_scram_credentials;
pub(crate) mod elect_leaders;
pub(crate) mod end_txn;
pub(crate) mod fetch;
pub(crate) mod find_coordinator;
pub(crate) mod heartbeat;
pub(crate) mod incremental_alter_configs;
pub(crate) mod init_producer_id;
pub(crate) mod join_group;
pub(crate) mod leave_group;
pub(crate) mod list_config_resources;
pub(crate) mod list_groups;
pub(crate) mod list_offsets;
pub(crate) mod list_partition_reassignments;
pub(crate) mod list_transactions;
pub(crate) mod metadata;
pub(crate) mod offset_commit;
pub(crate) mod offset_delete;
pub(crate) mod offset_fetch;
pub(crate) mod offset_for_leader_epoch;
pub(crate) mod outcome;
pub(crate) mod produce;
pub(crate) mod resource;
pub(crate) mod sync_group;
pub(crate) mod txn_offset_commit;

use annals_kafka_wire::error::ErrorCode;

use crate::topics::TopicError;

/// What a producer of an old life is told: versions before the word for it was found have another.
pub(crate) fn producer_fault(code: ErrorCode, knows_fenced: bool) -> ErrorCode {
    match code {
        ErrorCode::ProducerFenced if !knows_fenced => ErrorCode::InvalidProducerEpoch,
        code => code,
    }
}

/// What a topic's error is called on the wire.
pub(crate) fn topic_error_code(error: &TopicError) -> ErrorCode {
    match error {
        TopicError::InvalidName(_) => ErrorCode::InvalidTopicException,
        TopicError::Prohibited(_) => ErrorCode::InvalidRequest,
        TopicError::Exists(_) => ErrorCode::TopicAlreadyExists,
        TopicError::Unknown(_) => ErrorCode::UnknownTopicOrPartition,
        TopicError::InvalidConfig(_) => ErrorCode::InvalidConfig,
        TopicError::InvalidPartitions { .. } | TopicError::NotMorePartitions { .. } => {
            ErrorCode::InvalidPartitions
        }
        TopicError::TooManyPartitions { .. } | TopicError::Held(_) => ErrorCode::PolicyViolation,
        TopicError::Meta(_) | TopicError::Log(_) => ErrorCode::KafkaStorageError,
    }
}
