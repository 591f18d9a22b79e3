//! CreatePartitions (key 37): topics get more partitions, while they are in use; each with its own outcome, answered when
//! it is durable. Records stay where they are, so a key's next records may go to another partition than those before.
//!
//! * An assignment may only name this node. `validate_only` checks everything but the disk.
//! * A name twice in one request is INVALID_REQUEST, said once, as with Kafka.

use std::collections::HashSet;
use std::sync::Arc;

use annals_kafka_wire::error::ErrorCode;
use annals_kafka_wire::message::create_partitions::{
    CreatePartitionsAssignment, CreatePartitionsRequest, CreatePartitionsResponse, CreatePartitionsTopic,
    CreatePartitionsTopicResult,
};

use crate::api::outcome::{Refusal, each_once, said, unsettled};
use crate::api::topic_error_code;
use crate::broker::Shared;
use crate::internal;
use crate::table::{Answer, Context};
use crate::topics::TopicError;

pub(crate) fn handle(
    ctx: &Context,
    _version: i16,
    request: CreatePartitionsRequest,
) -> Answer<CreatePartitionsResponse> {
    let shared = Arc::clone(&ctx.shared);
    let name = |topic: &CreatePartitionsTopic| topic.name.clone();
    let names: Vec<String> = request.topics.iter().map(name).collect();
    let grow = move || {
        let twice = "Duplicate topic in request.";
        let grow = |topic: &CreatePartitionsTopic| grow_one(&shared, topic, request.validate_only);
        let mut outcomes = each_once(&request.topics, name, twice, grow);
        let mut said = HashSet::new();
        outcomes.retain(|(name, _)| said.insert(name.clone()));
        answer(outcomes)
    };
    Answer::change(ctx, &ctx.shared.topic_turns, grow, move |error| {
        answer(unsettled(names, error))
    })
}

fn grow_one(shared: &Shared, asked: &CreatePartitionsTopic, validate_only: bool) -> Result<(), Refusal> {
    let because = |error: TopicError| (topic_error_code(&error), error.to_string());
    if internal::is_internal(&asked.name) {
        let sentence = "The topic is the broker's own.".to_owned();
        return Err((ErrorCode::InvalidTopicException, sentence));
    }
    let more = shared
        .topics
        .check_grow(&asked.name, asked.count)
        .map_err(because)?;
    check_assignments(shared.config.node_id, more, asked.assignments.as_deref())?;
    if validate_only {
        return Ok(());
    }
    let grown = shared.topics.grow(&asked.name, asked.count, shared.now_ms());
    grown.map_err(because)
}

/// Whether every new partition is to be here; `None` leaves that to the broker.
fn check_assignments(
    node_id: i32,
    more: usize,
    assignments: Option<&[CreatePartitionsAssignment]>,
) -> Result<(), Refusal> {
    let Some(assignments) = assignments else {
        return Ok(());
    };
    let elsewhere = |assigned: &CreatePartitionsAssignment| assigned.broker_ids != [node_id];
    let sentence = match assignments.len() {
        count if count != more => {
            format!(
                "Attempted to add {more} additional partition(s), but only {count} assignment(s) were specified."
            )
        }
        _ if assignments.iter().any(elsewhere) => {
            format!("Partitions must be assigned to node {node_id} alone.")
        }
        _ => return Ok(()),
    };
    Err((ErrorCode::InvalidReplicaAssignment, sentence))
}

fn answer(outcomes: Vec<(String, Result<(), Refusal>)>) -> CreatePartitionsResponse {
    let result = |(name, outcome)| {
        let (error_code, error_message) = said(outcome);
        CreatePartitionsTopicResult {
            name,
            error_code,
            error_message,
        }
    };
    CreatePartitionsResponse {
        results: outcomes.into_iter().map(result).collect(),
        ..CreatePartitionsResponse::default()
    }
}
