//! AddPartitionsToTxn (key 24): what a producer's transaction is about to write to. One partition that is not there
//! leaves all of them out, as in Kafka.

use std::collections::BTreeSet;
use std::sync::Arc;

use annals_kafka_wire::error::ErrorCode;
use annals_kafka_wire::message::add_partitions_to_txn::{
    AddPartitionsToTxnPartitionResult, AddPartitionsToTxnRequest, AddPartitionsToTxnResponse,
    AddPartitionsToTxnTopic, AddPartitionsToTxnTopicResult,
};

use super::producer_fault;
use crate::internal;
use crate::table::{Answer, Context};
use crate::transaction::{Event, Place, Producer};
use crate::transactions;

pub(crate) fn handle(
    ctx: &Context,
    version: i16,
    request: AddPartitionsToTxnRequest,
) -> Answer<AddPartitionsToTxnResponse> {
    let topics = request.v3_and_below_topics;
    let known = ctx.shared.topics.now();
    let code = |topic: &str, partition: i32| {
        let exists = known
            .named(topic)
            .is_some_and(|topic| topic.partition(partition).is_some());
        match exists && !internal::is_internal(topic) {
            true => ErrorCode::None,
            false => ErrorCode::UnknownTopicOrPartition,
        }
    };
    let places: BTreeSet<Place> = topics
        .iter()
        .flat_map(|topic| {
            topic
                .partitions
                .iter()
                .map(|partition| (topic.name.clone(), *partition))
        })
        .collect();
    if places
        .iter()
        .any(|(topic, partition)| code(topic, *partition) != ErrorCode::None)
    {
        return Answer::Now(respond(&topics, |topic, partition| {
            match code(topic, partition) {
                ErrorCode::None => ErrorCode::OperationNotAttempted,
                code => code,
            }
        }));
    }
    let producer = Producer {
        id: request.v3_and_below_producer_id,
        epoch: request.v3_and_below_producer_epoch,
    };
    let id = request.v3_and_below_transactional_id;
    let (shared, stop) = (Arc::clone(&ctx.shared), ctx.stop.clone());
    Answer::Change(Box::pin(async move {
        let add = |ticket| Event::Add(ticket, producer, places);
        let added = transactions::ask(&shared, &id, false, stop, add).await;
        let code = producer_fault(added.err().unwrap_or(ErrorCode::None), version >= 2);
        respond(&topics, |_, _| code)
    }))
}

fn respond(
    topics: &[AddPartitionsToTxnTopic],
    code: impl Fn(&str, i32) -> ErrorCode,
) -> AddPartitionsToTxnResponse {
    let topic = |topic: &AddPartitionsToTxnTopic| {
        let partitions = topic
            .partitions
            .iter()
            .map(|partition| AddPartitionsToTxnPartitionResult {
                partition_index: *partition,
                partition_error_code: code(&topic.name, *partition).code(),
            });
        AddPartitionsToTxnTopicResult {
            name: topic.name.clone(),
            results_by_partition: partitions.collect(),
        }
    };
    AddPartitionsToTxnResponse {
        results_by_topic_v3_and_below: topics.iter().map(topic).collect(),
        ..AddPartitionsToTxnResponse::default()
    }
}
