//! Metadata (key 3): this node, and the topics asked for.
//!
//! * No list (v0: an empty one) asks for every topic. v12+ may ask by id, which then counts: unknown, or another
//!   topic's than the name beside it, it is UNKNOWN_TOPIC_ID. v10 and v11 have the field, but their answer has no room
//!   for a topic without a name, so a request of theirs with an id is INVALID_REQUEST, as with Kafka.
//! * A topic named several times is described once.
//! * A name unknown but valid is created when the broker and, since v4, the client allow it; the answer then already
//!   has it, so clients need not come back. While half of the partitions that may be are taken none is created like
//!   that: POLICY_VIOLATION.
//! * Every partition is led by this node, the only replica. Everybody may do everything: there is no authorizer.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use annals_kafka_wire::error::ErrorCode;
use annals_kafka_wire::message::metadata::{
    MetadataRequest, MetadataRequestTopic, MetadataResponse, MetadataResponseBroker,
    MetadataResponsePartition, MetadataResponseTopic,
};
use uuid::Uuid;

use crate::api::{allowed, topic_error_code};
use crate::broker::Shared;
use crate::internal;
use crate::table::{Answer, Context};
use crate::topic::Topic;
use crate::topic_name;
use crate::topics::{NewTopic, TopicError};

/// The first version whose clients say whether topics may be created.
const CONSENT_SINCE: i16 = 4;

/// The first version that can ask for topics by id.
const IDS_SINCE: i16 = 12;

pub(crate) fn handle(ctx: &Context, version: i16, request: MetadataRequest) -> Answer<MetadataResponse> {
    let told = |is_asked: bool, operations| if is_asked { operations } else { allowed::NOT_ASKED };
    let operations = Operations {
        cluster: told(
            request.include_cluster_authorized_operations,
            allowed::TO_THE_CLUSTER,
        ),
        topic: told(request.include_topic_authorized_operations, allowed::TO_A_TOPIC),
    };
    let asked = match request.topics {
        Some(topics) if version == 0 && topics.is_empty() => None,
        topics => topics,
    };
    let Some(asked) = asked else {
        let (me, shared) = (Me::of(ctx, operations), Arc::clone(&ctx.shared));
        return Answer::wanted(move || me.answer(every_topic(&shared)));
    };
    let asked = once_each(asked);
    if version < IDS_SINCE
        && asked
            .iter()
            .any(|topic| topic.name.is_none() || id_of(topic).is_some())
    {
        let refused = |topic: &MetadataRequestTopic| MetadataResponseTopic {
            name: Some(topic.name.clone().unwrap_or_default()),
            ..unknown(ErrorCode::InvalidRequest, topic)
        };
        return Answer::Now(Me::of(ctx, operations).answer(asked.iter().map(refused).collect()));
    }
    let consent = version < CONSENT_SINCE || request.allow_auto_topic_creation;
    let create = consent && ctx.shared.config.auto_create_topics;
    let me = Me::of(ctx, operations);
    if create && asked.iter().any(|topic| is_missing(&ctx.shared, topic)) {
        let (shared, failed) = (Arc::clone(&ctx.shared), me.clone());
        let topics = asked.clone();
        return Answer::change(
            ctx,
            &ctx.shared.topic_turns,
            move || me.answer(describe_or_create_all(&shared, &asked)),
            move |error| failed.answer(topics.iter().map(|topic| unknown(error, topic)).collect()),
        );
    }
    let shared = Arc::clone(&ctx.shared);
    Answer::wanted(move || me.answer(asked.iter().map(|topic| describe(&shared, topic)).collect()))
}

/// The topics asked for, each once: an answer weighs more than its question.
fn once_each(asked: Vec<MetadataRequestTopic>) -> Vec<MetadataRequestTopic> {
    let mut seen = HashSet::with_capacity(asked.len());
    asked
        .into_iter()
        .filter(|topic| seen.insert((topic.name.clone(), topic.topic_id)))
        .collect()
}

/// This node as the clients of one listener see it.
#[derive(Clone)]
struct Me {
    node: MetadataResponseBroker,
    cluster_id: String,
    operations: Operations,
}

/// What a client may do, as far as it asks.
#[derive(Clone, Copy)]
struct Operations {
    cluster: i32,
    topic: i32,
}

impl Me {
    fn of(ctx: &Context, operations: Operations) -> Me {
        let node = MetadataResponseBroker {
            node_id: ctx.shared.config.node_id,
            host: ctx.advertised.host.clone(),
            port: i32::from(ctx.advertised.port),
            rack: None,
        };
        let cluster_id = ctx.shared.cluster_id().to_owned();
        Me {
            node,
            cluster_id,
            operations,
        }
    }

    fn answer(&self, mut topics: Vec<MetadataResponseTopic>) -> MetadataResponse {
        for topic in &mut topics {
            topic.topic_authorized_operations = match topic.error_code {
                0 => self.operations.topic,
                _ => allowed::NOT_ASKED,
            };
        }
        MetadataResponse {
            controller_id: self.node.node_id,
            brokers: vec![self.node.clone()],
            cluster_id: Some(self.cluster_id.clone()),
            topics,
            cluster_authorized_operations: self.operations.cluster,
            ..MetadataResponse::default()
        }
    }
}

fn every_topic(shared: &Shared) -> Vec<MetadataResponseTopic> {
    shared
        .topics
        .now()
        .list()
        .iter()
        .map(|topic| described(shared, topic))
        .collect()
}

/// The id asked by; zeros are none.
fn id_of(asked: &MetadataRequestTopic) -> Option<Uuid> {
    Some(Uuid::from_bytes(asked.topic_id)).filter(|id| !id.is_nil())
}

/// Whether a name is asked for that no topic has. What is asked by its id was there before.
fn is_missing(shared: &Shared, asked: &MetadataRequestTopic) -> bool {
    let name = asked.name.as_ref().filter(|_| id_of(asked).is_none());
    name.is_some_and(|name| name != internal::METADATA && shared.topics.now().named(name).is_none())
}

fn describe(shared: &Shared, asked: &MetadataRequestTopic) -> MetadataResponseTopic {
    let topics = shared.topics.now();
    if let Some(id) = id_of(asked) {
        // Java's clients leave the name empty beside an id.
        let name = asked.name.as_deref().unwrap_or_default();
        let topic = topics.with_id(id);
        return match topic.filter(|topic| name.is_empty() || name == topic.name) {
            Some(topic) => described(shared, topic),
            None => unknown(ErrorCode::UnknownTopicId, asked),
        };
    }
    let Some(name) = &asked.name else {
        return unknown(ErrorCode::InvalidRequest, asked);
    };
    match topics.named(name) {
        Some(topic) => described(shared, topic),
        None if topic_name::check(name).is_err() => unknown(ErrorCode::InvalidTopicException, asked),
        None => unknown(ErrorCode::UnknownTopicOrPartition, asked),
    }
}

/// Describes all, creating as many as one request may. Blocks.
fn describe_or_create_all(shared: &Shared, asked: &[MetadataRequestTopic]) -> Vec<MetadataResponseTopic> {
    let mut creations = 0;
    let describe_one = |asked| {
        creations += usize::from(is_missing(shared, asked));
        if creations > shared.config.auto_create_topics_per_request_max {
            // Unknown for now: its client asks again.
            return describe(shared, asked);
        }
        describe_or_create(shared, asked)
    };
    asked.iter().map(describe_one).collect()
}

/// As [`describe`], but an unknown name becomes a topic. Blocks.
fn describe_or_create(shared: &Shared, asked: &MetadataRequestTopic) -> MetadataResponseTopic {
    if let Some(name) = asked.name.clone().filter(|_| is_missing(shared, asked)) {
        let partitions = shared.config.default_partitions;
        if !shared.topics.may_add_on_demand(partitions) {
            tracing::warn!(
                topic = name,
                "a topic is not created on demand: half of all partitions are taken"
            );
            return unknown(ErrorCode::PolicyViolation, asked);
        }
        match shared.create_topic(&NewTopic {
            name,
            partitions,
            config: BTreeMap::new(),
        }) {
            // Someone else was quicker: that is as good.
            Ok(_) | Err(TopicError::Exists(_)) => {}
            Err(error) => {
                tracing::warn!(%error, "a topic could not be created on demand");
                return unknown(topic_error_code(&error), asked);
            }
        }
    }
    describe(shared, asked)
}

fn unknown(error: ErrorCode, asked: &MetadataRequestTopic) -> MetadataResponseTopic {
    MetadataResponseTopic {
        error_code: error.code(),
        name: asked.name.clone(),
        topic_id: asked.topic_id,
        ..MetadataResponseTopic::default()
    }
}

fn described(shared: &Shared, topic: &Topic) -> MetadataResponseTopic {
    let node_id = shared.config.node_id;
    let partitions = topic
        .partitions
        .iter()
        .zip(0..)
        .map(|(partition, number)| MetadataResponsePartition {
            partition_index: number,
            leader_id: node_id,
            leader_epoch: partition.leader_epoch(),
            replica_nodes: vec![node_id],
            isr_nodes: vec![node_id],
            ..MetadataResponsePartition::default()
        });
    MetadataResponseTopic {
        is_internal: internal::is_internal(&topic.name),
        name: Some(topic.name.clone()),
        topic_id: *topic.id.as_bytes(),
        partitions: partitions.collect(),
        ..MetadataResponseTopic::default()
    }
}
