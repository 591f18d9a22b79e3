//! DescribeTopicPartitions (key 75): topics and their partitions, a page at a time, by name.
//!
//! * A page has at most as many partitions as the client wants, and never more than 2,000 (Kafka's limit). Where there
//!   are more, it names the partition the next page begins with.
//! * No topics asked for are all; a topic asked for that is not there is said to be unknown, and counts as a partition,
//!   so that the answer is bounded.
//! * A page that begins below 0, or with a topic that is not asked for, is INVALID_REQUEST for each topic, as with Kafka.
//! * This node leads every partition and is its only replica, so there are no others that could lead it.

use std::collections::BTreeSet;
use std::ops::Bound;

use annals_kafka_wire::error::ErrorCode;
use annals_kafka_wire::message::describe_topic_partitions::{
    Cursor, DescribeTopicPartitionsRequest, DescribeTopicPartitionsResponse,
    DescribeTopicPartitionsResponsePartition, DescribeTopicPartitionsResponseTopic,
};

use crate::api::allowed;
use crate::internal;
use crate::table::{Answer, Context};
use crate::topic::Topic;
use crate::topic_name;

/// The most partitions of a page.
const PARTITIONS_MAX: usize = 2_000;

pub(crate) fn handle(
    ctx: &Context,
    _version: i16,
    request: DescribeTopicPartitionsRequest,
) -> Answer<DescribeTopicPartitionsResponse> {
    let asked: BTreeSet<String> = request.topics.iter().map(|topic| topic.name.clone()).collect();
    let first = request.cursor.as_ref().map_or(0, |cursor| cursor.partition_index);
    let start = request.cursor.as_ref().map(|cursor| &cursor.topic_name);
    let Some(first) = usize::try_from(first)
        .ok()
        .filter(|_| asked.is_empty() || start.is_none_or(|start| asked.contains(start)))
    else {
        // No page begins there.
        let refused = |name: &String| refused(name, ErrorCode::InvalidRequest);
        return Answer::Now(DescribeTopicPartitionsResponse {
            topics: asked.iter().map(refused).collect(),
            ..DescribeTopicPartitionsResponse::default()
        });
    };
    let ctx = ctx.clone();
    Answer::wanted(move || {
        let topics = ctx.shared.topics.now();
        let all = || topics.list().into_iter().map(|topic| topic.name.clone());
        let asked = match asked.is_empty() {
            true => &all().collect(),
            false => &asked,
        };
        let start = request.cursor.as_ref().map(|cursor| cursor.topic_name.as_str());
        let from = start.map_or(Bound::Unbounded, Bound::Included);
        let wanted = usize::try_from(request.response_partition_limit).unwrap_or(0);
        let mut page = Page {
            node_id: ctx.shared.config.node_id,
            room: wanted.clamp(1, PARTITIONS_MAX),
            answer: DescribeTopicPartitionsResponse::default(),
        };
        for name in asked.range::<str, _>((from, Bound::Unbounded)) {
            let first = if start == Some(name) { first } else { 0 };
            if !page.add(name, topics.named(name), first) {
                break;
            }
        }
        page.answer
    })
}

/// A page that is being filled.
struct Page {
    node_id: i32,
    /// How many partitions it still takes.
    room: usize,
    answer: DescribeTopicPartitionsResponse,
}

impl Page {
    /// Adds a topic from its partition `first` on, as far as there is room; says whether all of it is there.
    fn add(&mut self, name: &str, topic: Option<&Topic>, first: usize) -> bool {
        if self.room == 0 {
            self.end(name, first);
            return false;
        }
        let Some(topic) = topic else {
            self.room -= 1;
            self.answer.topics.push(unknown(name));
            return true;
        };
        let behind = topic.partitions.len().saturating_sub(first);
        let count = behind.min(self.room);
        self.room -= count;
        self.answer
            .topics
            .push(described(self.node_id, topic, first, count));
        if count < behind {
            self.end(name, first + count);
        }
        count == behind
    }

    /// The next page begins here.
    fn end(&mut self, name: &str, partition: usize) {
        self.answer.next_cursor = Some(Cursor {
            topic_name: name.to_owned(),
            partition_index: i32::try_from(partition).unwrap_or(i32::MAX),
        });
    }
}

fn described(
    node_id: i32,
    topic: &Topic,
    first: usize,
    count: usize,
) -> DescribeTopicPartitionsResponseTopic {
    let numbered = topic.partitions.iter().zip(0..).skip(first).take(count);
    let partition = numbered.map(|(partition, number)| DescribeTopicPartitionsResponsePartition {
        partition_index: number,
        leader_id: node_id,
        leader_epoch: partition.leader_epoch(),
        replica_nodes: vec![node_id],
        isr_nodes: vec![node_id],
        eligible_leader_replicas: Some(Vec::new()),
        last_known_elr: Some(Vec::new()),
        ..DescribeTopicPartitionsResponsePartition::default()
    });
    DescribeTopicPartitionsResponseTopic {
        name: Some(topic.name.clone()),
        topic_id: *topic.id.as_bytes(),
        is_internal: internal::is_internal(&topic.name),
        partitions: partition.collect(),
        topic_authorized_operations: allowed::TO_A_TOPIC,
        ..DescribeTopicPartitionsResponseTopic::default()
    }
}

fn unknown(name: &str) -> DescribeTopicPartitionsResponseTopic {
    let code = match topic_name::check(name) {
        Ok(()) => ErrorCode::UnknownTopicOrPartition,
        Err(_) => ErrorCode::InvalidTopicException,
    };
    refused(name, code)
}

fn refused(name: &str, code: ErrorCode) -> DescribeTopicPartitionsResponseTopic {
    DescribeTopicPartitionsResponseTopic {
        error_code: code.code(),
        name: Some(name.to_owned()),
        topic_authorized_operations: match code {
            ErrorCode::InvalidRequest => allowed::NOT_ASKED,
            _ => allowed::TO_A_TOPIC,
        },
        ..DescribeTopicPartitionsResponseTopic::default()
    }
}
