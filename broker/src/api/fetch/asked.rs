//! What a Fetch reads: the partitions it names, each once, or those of its session.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::sync::Arc;

use annals_kafka_wire::error::ErrorCode;
use annals_kafka_wire::message::fetch::{
    FetchRequest, FetchResponse, FetchableTopicResponse, PartitionData, TOPIC_IDS_FROM,
};
use annals_segment_log::Partition;
use uuid::Uuid;

use super::round::Round;
use super::{READ_COMMITTED, refused};
use crate::broker::Shared;
use crate::fetch_sessions::{Ask, Found, Part, TopicKey, Wanted};
use crate::topic::Topic;
use crate::topics::TopicMap;

/// What an entry takes in memory, in the request and while it waits and in the answer.
const ENTRY_BYTES: usize = 512;

/// A request, and the partitions it reads.
pub(super) struct Asked {
    pub(super) max_wait_ms: i32,
    pub(super) min_bytes: i32,
    max_bytes: i32,
    isolation_level: i8,
    part: Part,
    /// In the order in which they are read.
    pub(super) wanted: Vec<Wanted>,
}

impl Asked {
    /// Takes a request in; it changes its session.
    pub(super) fn of(
        shared: &Shared,
        peer: SocketAddr,
        version: i16,
        request: FetchRequest,
    ) -> Result<Asked, ErrorCode> {
        let ask = ask(peer, version, &request);
        let (part, wanted) = shared.fetch_sessions.begin(ask)?;
        Ok(Asked {
            max_wait_ms: request.max_wait_ms,
            min_bytes: request.min_bytes,
            max_bytes: request.max_bytes,
            isolation_level: request.isolation_level,
            part,
            wanted,
        })
    }

    /// What its partitions take in memory, records aside.
    pub(super) fn entry_bytes(&self) -> usize {
        let topics = self.wanted.chunk_by(|one, next| one.topic == next.topic).count();
        (topics + self.wanted.len()).saturating_mul(ENTRY_BYTES)
    }

    pub(super) fn bytes_max(&self, shared: &Shared) -> usize {
        usize::try_from(self.max_bytes)
            .unwrap_or(0)
            .min(shared.config.fetch_bytes_max)
    }

    pub(super) fn is_committed_only(&self) -> bool {
        self.isolation_level == READ_COMMITTED
    }

    /// How far it may read.
    pub(super) fn end(&self, partition: &Partition) -> i64 {
        match self.is_committed_only() {
            true => partition.last_stable_offset(),
            false => partition.high_watermark(),
        }
    }

    /// The answer of a round that has come to its end: what its session has to tell.
    pub(super) fn answer(&self, shared: &Shared, round: Round) -> FetchResponse {
        let found: Vec<Found> = round.partitions.iter().map(Found::of).collect();
        let (session_id, told) = match shared.fetch_sessions.tell(self.part, &found) {
            Ok(told) => told,
            Err(code) => return refused(code),
        };
        let each = self.wanted.iter().zip(round.partitions).zip(told);
        let told = each.filter_map(|(one, is_told)| is_told.then_some(one));
        FetchResponse {
            session_id,
            responses: by_topic(told),
            ..FetchResponse::default()
        }
    }
}

/// What a request says of its session. A partition that it names several times counts as it was named first.
fn ask(peer: SocketAddr, version: i16, request: &FetchRequest) -> Ask {
    let by_id = version >= TOPIC_IDS_FROM;
    let key = |name: &str, id: [u8; 16]| match by_id {
        true => TopicKey::Id(Uuid::from_bytes(id)),
        false => TopicKey::Name(Arc::from(name)),
    };
    let mut seen = HashSet::new();
    let mut wanted = Vec::new();
    for named in &request.topics {
        let topic = key(&named.topic, named.topic_id);
        for asked in &named.partitions {
            if seen.insert((topic.clone(), asked.partition)) {
                let (topic, asked) = (topic.clone(), asked.clone());
                wanted.push(Wanted { topic, asked });
            }
        }
    }
    let forgotten = request.forgotten_topics_data.iter().flat_map(|named| {
        let topic = key(&named.topic, named.topic_id);
        let partitions = named.partitions.iter();
        partitions.map(move |partition| (topic.clone(), *partition))
    });
    Ask {
        session_id: request.session_id,
        epoch: request.session_epoch,
        by_id,
        wanted,
        forgotten: forgotten.collect(),
        peer,
    }
}

/// Partitions that follow each other stand under one topic if they are of one.
fn by_topic<'a>(told: impl Iterator<Item = (&'a Wanted, PartitionData)>) -> Vec<FetchableTopicResponse> {
    let mut responses: Vec<FetchableTopicResponse> = Vec::new();
    let mut last = None;
    for (wanted, data) in told {
        match responses.last_mut().filter(|_| last == Some(&wanted.topic)) {
            Some(response) => response.partitions.push(data),
            None => responses.push(FetchableTopicResponse {
                partitions: vec![data],
                ..named(&wanted.topic)
            }),
        }
        last = Some(&wanted.topic);
    }
    responses
}

fn named(topic: &TopicKey) -> FetchableTopicResponse {
    let mut response = FetchableTopicResponse::default();
    match topic {
        TopicKey::Name(name) => response.topic = name.to_string(),
        TopicKey::Id(id) => response.topic_id = *id.as_bytes(),
    }
    response
}

/// The topic that is meant.
pub(super) fn topic_of<'a>(topics: &'a TopicMap, wanted: &Wanted) -> Result<&'a Topic, ErrorCode> {
    match &wanted.topic {
        TopicKey::Name(name) => topics.named(name).ok_or(ErrorCode::UnknownTopicOrPartition),
        TopicKey::Id(id) => topics.with_id(*id).ok_or(ErrorCode::UnknownTopicId),
    }
}

/// The partition that is meant.
pub(super) fn partition_of<'a>(
    topics: &'a TopicMap,
    wanted: &Wanted,
) -> Result<&'a Arc<Partition>, ErrorCode> {
    let partition = topic_of(topics, wanted)?.partition(wanted.asked.partition);
    partition.ok_or(ErrorCode::UnknownTopicOrPartition)
}
