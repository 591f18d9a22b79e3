//! The settings of this node that users look for, by Kafka's names: those of its start, and what is fixed here.
//!
//! Left out: what Kafka has and this broker has nothing like.

use super::meaning::{self, Kind};
use super::{DEFAULT_CONFIG, Place, STATIC_BROKER_CONFIG, Setting};
use crate::broker::Shared;
use crate::config::BrokerConfig;
use crate::net::Advertised;
use crate::{api, groups};

/// The release of Kafka whose protocol is spoken: some programs go by it.
const PROTOCOL: &str = "4.0-IV3";

pub(super) fn source_of_message_bytes_max(config: &BrokerConfig) -> i8 {
    source(
        &config.message_bytes_max,
        &BrokerConfig::default().message_bytes_max,
    )
}

fn source<T: PartialEq>(value: &T, default: &T) -> i8 {
    if value == default {
        DEFAULT_CONFIG
    } else {
        STATIC_BROKER_CONFIG
    }
}

/// All of them, by name.
pub(crate) fn of_node(shared: &Shared, advertised: &Advertised) -> Vec<Setting> {
    let mut settings: Vec<Setting> = of_topics(&shared.config).collect();
    settings.extend(of_start(shared, advertised));
    settings.extend(fixed());
    settings.sort_by(|one, other| one.name.cmp(&other.name));
    settings
}

/// What topics have that set nothing themselves.
fn of_topics(config: &BrokerConfig) -> impl Iterator<Item = Setting> + use<'_> {
    meaning::rows().filter_map(|(name, row)| {
        row.node_name?;
        let place = super::node_wide(name, row, config);
        Some(setting(
            &place.name,
            place.value,
            row.kind,
            place.source,
            row.meaning,
        ))
    })
}

fn setting(name: &str, value: String, kind: Kind, source: i8, meaning: &'static str) -> Setting {
    let place = Place {
        name: name.to_owned(),
        value: value.clone(),
        source,
    };
    Setting {
        name: name.to_owned(),
        value,
        read_only: true,
        kind,
        meaning,
        places: vec![place],
    }
}

/// What the broker was started with.
#[rustfmt::skip]
fn of_start(shared: &Shared, advertised: &Advertised) -> Vec<Setting> {
    let (config, default) = (&shared.config, BrokerConfig::default());
    let listener = format!("PLAINTEXT://{}:{}", advertised.host, advertised.port);
    let id = source(&config.node_id, &default.node_id);
    let idle = |config: &BrokerConfig| config.idle_timeout.as_millis();
    let minutes = |config: &BrokerConfig| config.offsets_retention.as_secs() / 60;
    let unused = |config: &BrokerConfig| config.transactional_id_expiration.as_millis();
    vec![
        setting("advertised.listeners", listener, Kind::List, STATIC_BROKER_CONFIG, "Where clients are told to connect to."),
        setting("auto.create.topics.enable", config.auto_create_topics.to_string(), Kind::Boolean, source(&config.auto_create_topics, &default.auto_create_topics), "Whether a client that asks for a topic that is not there creates it."),
        setting("broker.id", config.node_id.to_string(), Kind::Int, id, "The number of this node."),
        setting("connections.max.idle.ms", idle(config).to_string(), Kind::Long, source(&idle(config), &idle(&default)), "How long a connection may send nothing before it is closed, in milliseconds."),
        setting("fetch.max.bytes", config.fetch_bytes_max.to_string(), Kind::Int, source(&config.fetch_bytes_max, &default.fetch_bytes_max), "How many bytes of records an answer has at most."),
        setting("log.dirs", shared.data_dir.display().to_string(), Kind::List, STATIC_BROKER_CONFIG, "Where the records are kept."),
        setting("max.connections", config.connections_max.to_string(), Kind::Int, source(&config.connections_max, &default.connections_max), "How many connections there may be."),
        setting("max.incremental.fetch.session.cache.slots", config.fetch_sessions_max.to_string(), Kind::Int, source(&config.fetch_sessions_max, &default.fetch_sessions_max), "How many fetch sessions there may be."),
        setting("node.id", config.node_id.to_string(), Kind::Int, id, "The number of this node."),
        setting("num.partitions", config.default_partitions.to_string(), Kind::Int, source(&config.default_partitions, &default.default_partitions), "How many partitions a topic has that is created without a number."),
        setting("offsets.retention.minutes", minutes(config).to_string(), Kind::Int, source(&minutes(config), &minutes(&default)), "How long the offsets of a group that nobody is in are kept, in minutes."),
        setting("queued.max.request.bytes", config.requests_in_flight_bytes_max.to_string(), Kind::Long, source(&config.requests_in_flight_bytes_max, &default.requests_in_flight_bytes_max), "How many bytes of requests may wait for their answers."),
        setting("transactional.id.expiration.ms", unused(config).to_string(), Kind::Int, source(&unused(config), &unused(&default)), "How long a transactional id is known that nobody uses, in milliseconds."),
        setting("socket.request.max.bytes", config.frame_bytes_max.to_string(), Kind::Int, source(&config.frame_bytes_max, &default.frame_bytes_max), "How large a request may be, in bytes."),
    ]
}

/// What is the same with every start.
#[rustfmt::skip]
fn fixed() -> Vec<Setting> {
    let (shortest, longest) = groups::LIMITS.session_timeout_ms;
    let consumer = &groups::CONSUMER_LIMITS;
    let row = |name, value: &dyn ToString, kind, meaning| setting(name, value.to_string(), kind, DEFAULT_CONFIG, meaning);
    vec![
        row("default.replication.factor", &1, Kind::Int, "How many replicas a partition has."),
        row("delete.topic.enable", &true, Kind::Boolean, "Whether topics can be deleted."),
        row("group.consumer.assignors", &"uniform,range", Kind::List, "How partitions may be given to the members of a group of the new protocol."),
        row("group.consumer.heartbeat.interval.ms", &consumer.interval_ms, Kind::Int, "How often a member of the new protocol says something, in milliseconds."),
        row("group.consumer.max.size", &consumer.members_max, Kind::Int, "How many members a group of the new protocol may have."),
        row("group.consumer.migration.policy", &"bidirectional", Kind::String, "Whether a group changes its protocol while somebody is in it."),
        row("group.consumer.session.timeout.ms", &consumer.session_timeout_ms, Kind::Int, "How long a member of the new protocol may be silent, in milliseconds."),
        row("group.initial.rebalance.delay.ms", &groups::LIMITS.initial_rebalance_delay_ms, Kind::Int, "How long the first member of an empty group waits for others, in milliseconds."),
        row("group.max.session.timeout.ms", &longest, Kind::Int, "The longest session time-out that a group's member may ask for, in milliseconds."),
        row("group.max.size", &groups::LIMITS.members_max, Kind::Int, "How many members a group may have."),
        row("group.min.session.timeout.ms", &shortest, Kind::Int, "The shortest session time-out that a group's member may ask for, in milliseconds."),
        row("inter.broker.protocol.version", &PROTOCOL, Kind::String, "The release of Kafka whose protocol is spoken."),
        row("offsets.topic.num.partitions", &1, Kind::Int, "How many partitions the topic of the groups' offsets has."),
        row("offsets.topic.replication.factor", &1, Kind::Int, "How many replicas the topic of the groups' offsets has."),
        row("process.roles", &"broker,controller", Kind::List, "What this node does: everything."),
        row("transaction.max.timeout.ms", &api::init_producer_id::TIMEOUT_MAX_MS, Kind::Int, "The longest time-out of transactions that a producer may ask for, in milliseconds."),
        row("transaction.state.log.min.isr", &1, Kind::Int, "How many replicas must have a transaction's state before it counts."),
        row("transaction.state.log.num.partitions", &1, Kind::Int, "How many partitions the topic of the transactions' state has."),
        row("transaction.state.log.replication.factor", &1, Kind::Int, "How many replicas the topic of the transactions' state has."),
    ]
}
