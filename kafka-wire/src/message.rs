//! Requests and responses, one file an API, each message declared once.
//!
//! A message is a list of fields, a field a line: its name and type, the versions it is in, the versions in which it
//! may be null, its tag if it is a tagged field, what it is in versions without it, and what it means. From that
//! list the `message!` macro makes the struct, its `Default`, and reading and writing in every version, old and
//! flexible (KIP-482) alike.
//!
//! Invariant: for every version of the span, `decode(encode(value))` is the value with its default in each field that
//! the version does not have; a decoded message has used all its bytes. Writing drops such fields silently: the
//! caller picks a version that can say what it means.
//!
//! Field names and meanings follow Kafka's protocol (Apache Kafka 4.x message definitions). Error codes are kept as
//! numbers, see [`crate::error::ErrorCode`].
//!
//! ```
//! use annals_kafka_wire::message::{Message, find_coordinator::FindCoordinatorRequest};
//! use annals_kafka_wire::primitives::{Reader, Writer};
//!
//! let asked = FindCoordinatorRequest { key: "billing".into(), ..Default::default() };
//! let mut writer = Writer::new();
//! asked.encode(&mut writer, 2)?;
//! let read = FindCoordinatorRequest::decode(&mut Reader::new(writer.into_bytes()), 2)?;
//! assert_eq!(read, asked);
//! # Ok::<(), annals_kafka_wire::error::WireError>(())
//! ```

use std::ops::RangeInclusive;

use crate::{
    api_key::ApiKey,
    error::WireError,
    primitives::{Reader, Writer},
};

#[macro_use]
pub(crate) mod declare;
pub(crate) mod field;

pub mod add_offsets_to_txn;
pub mod add_partitions_to_txn;
pub mod alter_configs;
pub mod alter_partition_reassignments;
pub mod api_versions;
pub mod consumer_group_describe;
pub mod consumer_group_heartbeat;
pub mod create_partitions;
pub mod create_topics;
pub mod delete_groups;
pub mod delete_records;
pub mod delete_topics;
pub mod describe_acls;
pub mod describe_client_quotas;
pub mod describe_cluster;
pub mod describe_configs;
pub mod describe_groups;
pub mod describe_log_dirs;
pub mod describe_producers;
pub mod describe_quorum;
pub mod describe_topic_partitions;
pub mod describe_transactions;
pub mod describe_user_scram_credentials;
pub mod elect_leaders;
pub mod end_txn;
pub mod fetch;
pub mod find_coordinator;
pub mod heartbeat;
pub mod incremental_alter_configs;
pub mod init_producer_id;
pub mod join_group;
pub mod leave_group;
pub mod list_config_resources;
pub mod list_groups;
pub mod list_offsets;
pub mod list_partition_reassignments;
pub mod list_transactions;
pub mod metadata;
pub mod offset_commit;
pub mod offset_delete;
pub mod offset_fetch;
pub mod offset_for_leader_epoch;
pub mod produce;
pub mod sync_group;
pub mod txn_offset_commit;

#[cfg(test)]
pub(crate) mod tests;

/// Most topics (or keys) a request may name: a broker's answer costs more than the question.
pub const TOPICS_MAX: usize = 10_000;

/// Most partitions a request may name of one topic.
pub const PARTITIONS_MAX: usize = 10_000;

/// Most topics a request may create: each is answered with all its settings.
pub const NEW_TOPICS_MAX: usize = 1_000;

/// Most settings a new topic may be given.
pub const SETTINGS_MAX: usize = 1_000;

/// Most things a request may describe, or set, the configuration of.
pub const RESOURCES_MAX: usize = 10_000;

/// Most users a request may name.
pub const USERS_MAX: usize = 10_000;

/// Most replicas a partition may be assigned to.
pub const REPLICAS_MAX: usize = 1_000;

/// Most groups a request may name.
pub const GROUPS_MAX: usize = 10_000;

/// Most members of a group a request may name.
pub const MEMBERS_MAX: usize = 10_000;

/// Most transactions, or producers, a request may name.
pub const TRANSACTIONS_MAX: usize = 10_000;

/// Most protocols a member may offer its group: clients have a handful.
pub const PROTOCOLS_MAX: usize = 100;

/// Most values a request may ask a listing to be filtered by.
pub const FILTERS_MAX: usize = 100;

/// A request or a response.
pub trait Message: Sized + Default {
    /// What it asks, or answers.
    const KEY: ApiKey;
    /// The versions this crate knows completely.
    const VERSIONS: RangeInclusive<i16>;
    /// The first version with compact lengths and tagged fields.
    const FLEXIBLE_FROM: i16 = Self::KEY.flexible_from();

    /// Reads a message that is all of what is left in `r`.
    fn decode(r: &mut Reader, version: i16) -> Result<Self, WireError>;

    /// Writes the message; fields that `version` does not have are left out.
    fn encode(&self, w: &mut Writer, version: i16) -> Result<(), WireError>;

    /// Shows the value of every field that is named `error_code`, wherever in the message it is.
    ///
    /// ```
    /// use annals_kafka_wire::message::{Message, metadata};
    ///
    /// let topic = |error_code| metadata::MetadataResponseTopic { error_code, ..Default::default() };
    /// let response = metadata::MetadataResponse { topics: vec![topic(3), topic(0)], ..Default::default() };
    /// let mut codes = Vec::new();
    /// response.error_codes(&mut |code| codes.push(code));
    /// codes.sort_unstable();
    /// assert_eq!(codes, [0, 0, 3]);
    /// ```
    fn error_codes(&self, show: &mut dyn FnMut(i16));
}

/// A request, and what answers it.
pub trait Request: Message {
    /// The response, which has the same versions.
    type Response: Message;
}

/// What stands by itself and says its version in its first two bytes: keys and values of records, and what clients
/// hide in bytes.
pub trait Versioned: Sized + Default {
    /// The versions this crate knows completely.
    const VERSIONS: RangeInclusive<i16>;
    /// The first version with compact lengths and tagged fields.
    const FLEXIBLE_FROM: i16;

    /// Reads a version, and a value that is all of what is left in `r`. A version not declared is an error.
    fn decode(r: &mut Reader) -> Result<Self, WireError>;

    /// Writes the version and the value; fields that `version` does not have are left out.
    fn encode(&self, w: &mut Writer, version: i16) -> Result<(), WireError>;
}
