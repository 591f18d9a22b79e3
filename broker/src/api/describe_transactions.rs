//! DescribeTransactions (key 65): where transactional ids stand, and which partitions each has written to.

use std::collections::BTreeSet;

use annals_kafka_wire::coordinator::transactions::{PartitionsSchema, TransactionLogValue};
use annals_kafka_wire::error::ErrorCode;
use annals_kafka_wire::message::describe_transactions::{
    DescribeTransactionsRequest, DescribeTransactionsResponse, TopicData, TransactionState,
};

use crate::table::{Answer, Context};
use crate::transactions;

pub(crate) fn handle(
    ctx: &Context,
    _version: i16,
    request: DescribeTransactionsRequest,
) -> Answer<DescribeTransactionsResponse> {
    let shared = ctx.shared.clone();
    let ids = BTreeSet::from_iter(request.transactional_ids);
    Answer::wanted(move || {
        let described = |id: &String| match transactions::describe(&shared, id) {
            Some(value) => described(id, value),
            None => TransactionState {
                error_code: match id.is_empty() {
                    true => ErrorCode::InvalidRequest.code(),
                    false => ErrorCode::TransactionalIdNotFound.code(),
                },
                transactional_id: id.clone(),
                ..TransactionState::default()
            },
        };
        DescribeTransactionsResponse {
            transaction_states: ids.iter().map(described).collect(),
            ..DescribeTransactionsResponse::default()
        }
    })
}

fn described(id: &str, value: TransactionLogValue) -> TransactionState {
    let topic = |topic: PartitionsSchema| TopicData {
        topic: topic.topic,
        partitions: topic.partition_ids,
    };
    let topics = value.transaction_partitions.unwrap_or_default();
    TransactionState {
        transactional_id: id.to_owned(),
        transaction_state: transactions::state_name(value.transaction_status).to_owned(),
        transaction_timeout_ms: value.transaction_timeout_ms,
        transaction_start_time_ms: value.transaction_start_timestamp_ms,
        producer_id: value.producer_id,
        producer_epoch: value.producer_epoch,
        topics: topics.into_iter().map(topic).collect(),
        ..TransactionState::default()
    }
}
