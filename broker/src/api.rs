//! The APIs: one file each, named in [`crate::table`]. A handler reads a request, makes one call, builds the answer.

pub(crate) mod api_versions;
pub(crate) mod create_topics;
pub(crate) mod delete_topics;
pub(crate) mod fetch;
pub(crate) mod init_producer_id;
pub(crate) mod list_offsets;
pub(crate) mod metadata;
pub(crate) mod produce;

use annals_kafka_wire::error::ErrorCode;

use crate::topics::TopicError;

/// What a topic's error is called on the wire.
pub(crate) fn topic_error_code(error: &TopicError) -> ErrorCode {
    match error {
        TopicError::InvalidName(_) => ErrorCode::InvalidTopicException,
        TopicError::Exists(_) => ErrorCode::TopicAlreadyExists,
        TopicError::Unknown(_) => ErrorCode::UnknownTopicOrPartition,
        TopicError::InvalidConfig(_) => ErrorCode::InvalidConfig,
        TopicError::InvalidPartitions { .. } => ErrorCode::InvalidPartitions,
        TopicError::TooManyPartitions { .. } => ErrorCode::PolicyViolation,
        TopicError::Meta(_) | TopicError::Log(_) => ErrorCode::KafkaStorageError,
    }
}
