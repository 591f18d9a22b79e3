//! A small honest Kafka broker: one node, real clients, records acknowledged when they are on disk.
//!
//! It speaks enough of the Kafka protocol for producers (idempotent, transactional or neither) and consumers (in groups of
//! the classic protocol or alone); what it advertises it answers whole. Before a batch is appended a [`Guard`] is asked, so a topic can
//! hold its producers to their schemas; the broker itself knows none.
//!
//! * [`Broker`] opens a data directory and serves a listener; [`BrokerConfig`] names every limit;
//! * [`Topic`] is what the rest of the program sees of a topic, its partitions included;
//! * [`Figures`] are what it counts and holds;
//! * [`Guard`] is what is asked, [`OpenGate`] lets everything in.
//!
//! Promises: requests of one connection are handled in the order they were sent, and what was sent is carried out.
//! `acks=all` (-1) is answered after the sync, `acks=1` after the write. Consumers see durable records only, and who
//! asks on the connection it produced on waits for its own. A refused batch leaves no trace, so its producer goes on.
//! Stored batches are byte for byte what the producer sent, but for offset, leader epoch and a greatest timestamp that
//! was wrong, or is the log's to give.
//!
//! Groups and transactions are a pure state machine each (`group.rs`, `transaction.rs`), whose coordinators (`groups.rs`,
//! `transactions.rs`) store, wait and tell.
//!
//! Left out for now: groups of the protocol of KIP-848, authentication, TLS, retention, compaction.

mod admit;
mod alarm;
mod api;
mod appended;
mod broker;
mod budget;
mod cells;
mod config;
mod connection;
mod consumer_group;
mod dead_letter;
mod described;
mod expiry;
mod fetch_sessions;
mod figures;
mod group;
mod groups;
mod guard;
mod guard_settings;
mod internal;
mod log_state;
mod meta;
mod net;
mod offline;
mod pace;
mod producer_ids;
mod rare;
mod refusals;
mod table;
mod ticket;
mod topic;
mod topic_config;
mod topic_name;
mod topics;
mod transaction;
mod transactions;

pub use annals_kafka_wire::batch::Record;
pub use annals_segment_log::{
    Cuts, Damage, LogError, Mended, OfflineLog, PartitionCheck, Remedy, Timed, create_folder, try_room,
};
pub use broker::{Broker, BrokerError};
pub use config::BrokerConfig;
pub use figures::{ApiFigures, Figures, GroupFigures, TopicFigures};
pub use guard::{CannotJudge, Guard, OpenGate, Refusal, SENTENCES_MAX};
pub use guard_settings::{GuardSetting, Standing};
pub use internal::InternalTopicError;
pub use log_state::{DamagedPartition, LogState};
pub use meta::MetaError;
pub use net::Advertised;
pub use offline::{Nameless, PartitionNames};
pub use refusals::Refused;
pub use table::Caller;
pub use topic::{Topic, TopicState};
pub use topic_name::TOPIC_NAME_BYTES_MAX;
pub use topics::{TopicError, TopicsListener};
