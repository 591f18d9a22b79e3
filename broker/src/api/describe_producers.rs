//! DescribeProducers (key 61): who has written to a partition with a producer id, and what each has open there. Producers
//! that were silent for a day may be forgotten; when each last wrote is counted from the start where that was later.
//!
//! An answer has no more than 100,000 producers: further partitions are INVALID_REQUEST, to be asked for in another.

use std::collections::{BTreeMap, BTreeSet};

use annals_kafka_wire::error::ErrorCode;
use annals_kafka_wire::message::describe_producers::{
    DescribeProducersRequest, DescribeProducersResponse, PartitionResponse, ProducerState, TopicResponse,
};
use annals_segment_log::{KnownProducer, Partition};

use crate::table::{Answer, Context};

/// The most producers in an answer.
const PRODUCERS_MAX: usize = 100_000;

/// Kafka's numbers for what there is none of.
const NO_SEQUENCE: i32 = -1;
const NO_OFFSET: i64 = -1;

pub(crate) fn handle(
    ctx: &Context,
    _version: i16,
    request: DescribeProducersRequest,
) -> Answer<DescribeProducersResponse> {
    let shared = ctx.shared.clone();
    Answer::wanted(move || {
        let mut wanted = BTreeMap::<&str, BTreeSet<i32>>::new();
        for asked in &request.topics {
            wanted
                .entry(&asked.name)
                .or_default()
                .extend(&asked.partition_indexes);
        }
        let topics = shared.topics.now();
        let mut room = PRODUCERS_MAX;
        let topic = |(name, numbers): (&str, BTreeSet<i32>)| {
            let topic = topics.named(name);
            let partition = |number: i32| {
                let partition = topic.and_then(|topic| topic.partition(number));
                described(number, partition.map(AsRef::as_ref), &mut room)
            };
            TopicResponse {
                name: name.to_owned(),
                partitions: numbers.into_iter().map(partition).collect(),
            }
        };
        DescribeProducersResponse {
            topics: wanted.into_iter().map(topic).collect(),
            ..DescribeProducersResponse::default()
        }
    })
}

fn described(partition_index: i32, partition: Option<&Partition>, room: &mut usize) -> PartitionResponse {
    let failed = |code: ErrorCode, sentence: &str| PartitionResponse {
        partition_index,
        error_code: code.code(),
        error_message: Some(sentence.to_owned()),
        ..PartitionResponse::default()
    };
    let Some(partition) = partition else {
        let code = ErrorCode::UnknownTopicOrPartition;
        return failed(code, code.meaning());
    };
    let producers = partition.producers();
    let Some(left) = room.checked_sub(producers.len()) else {
        return failed(
            ErrorCode::InvalidRequest,
            "There are too many producers for one answer.",
        );
    };
    *room = left;
    PartitionResponse {
        partition_index,
        active_producers: producers.into_iter().map(state).collect(),
        ..PartitionResponse::default()
    }
}

fn state(producer: KnownProducer) -> ProducerState {
    ProducerState {
        producer_id: producer.id,
        producer_epoch: i32::from(producer.epoch),
        last_sequence: producer.last_sequence.unwrap_or(NO_SEQUENCE),
        last_timestamp: producer.last_ms,
        coordinator_epoch: 0,
        current_txn_start_offset: producer.transaction_start.unwrap_or(NO_OFFSET),
    }
}
