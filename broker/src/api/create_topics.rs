//! CreateTopics (key 19): several topics at once, each with its own outcome.
//!
//! * One node: the replication factor is 1 (or -1, the default), an assignment may only name this node.
//! * `validate_only` checks everything but the disk. v5+ answers the settings the topic has, v7+ its id.
//! * A name twice in one request is INVALID_REQUEST, said once, as with Kafka.
//! * What is not durable in time is REQUEST_TIMED_OUT, and may still come to be: then it is *the* topic of its name.

use std::collections::BTreeMap;
use std::sync::Arc;

use annals_kafka_wire::error::ErrorCode;
use annals_kafka_wire::message::create_topics::{
    CreatableTopic, CreatableTopicConfigs, CreatableTopicResult, CreateTopicsRequest, CreateTopicsResponse,
};

use crate::api::outcome::{Refusal, counted};
use crate::api::topic_error_code;
use crate::broker::Shared;
use crate::described;
use crate::table::{Answer, Context};
use crate::topics::{NewTopic, TopicError};

pub(crate) fn handle(ctx: &Context, _: i16, request: CreateTopicsRequest) -> Answer<CreateTopicsResponse> {
    let shared = Arc::clone(&ctx.shared);
    let names: Vec<String> = request.topics.iter().map(|topic| topic.name.clone()).collect();
    let create = move || {
        let mut times = counted(request.topics.iter().map(|topic| topic.name.as_str()));
        let outcome = |topic: &CreatableTopic| {
            if times.remove(topic.name.as_str())? > 1 {
                let sentence = "Duplicate topic name in the request.".to_owned();
                return Some(refused(topic.name.clone(), (ErrorCode::InvalidRequest, sentence)));
            }
            let created = create_one(&shared, topic, request.validate_only);
            Some(created.unwrap_or_else(|why| refused(topic.name.clone(), why)))
        };
        let topics = request.topics.iter().filter_map(outcome).collect();
        CreateTopicsResponse {
            topics,
            ..CreateTopicsResponse::default()
        }
    };
    let unsettled = |error: ErrorCode| CreateTopicsResponse {
        topics: names
            .into_iter()
            .map(|name| refused(name, (error, error.meaning().to_owned())))
            .collect(),
        ..CreateTopicsResponse::default()
    };
    Answer::change(ctx, &ctx.shared.topic_turns, create, unsettled)
}

fn create_one(
    shared: &Shared,
    asked: &CreatableTopic,
    validate_only: bool,
) -> Result<CreatableTopicResult, Refusal> {
    let new = NewTopic {
        name: asked.name.clone(),
        partitions: partition_count(shared, asked)?,
        config: settings(asked)?,
    };
    let because = |error: TopicError| (topic_error_code(&error), error.to_string());
    let topic_id = if validate_only {
        shared.check_topic(&new).map_err(because)?;
        [0; 16]
    } else {
        *shared.create_topic(&new).map_err(because)?.id.as_bytes()
    };
    let settings = described::of_topic(&new.config, &shared.config, shared.guard.as_ref()).into_iter();
    let configs = settings.map(|setting| CreatableTopicConfigs {
        config_source: setting.source(),
        name: setting.name,
        value: Some(setting.value),
        ..CreatableTopicConfigs::default()
    });
    Ok(CreatableTopicResult {
        name: new.name,
        topic_id,
        num_partitions: new.partitions,
        replication_factor: 1,
        configs: Some(configs.collect()),
        ..CreatableTopicResult::default()
    })
}

/// How many partitions are asked for, by number or by assignment.
fn partition_count(shared: &Shared, asked: &CreatableTopic) -> Result<i32, Refusal> {
    if asked.assignments.is_empty() {
        let factor = asked.replication_factor;
        if !matches!(factor, -1 | 1) {
            let sentence = if factor < 1 {
                "Replication factor must be larger than 0, or -1 to use the default value.".to_owned()
            } else {
                format!("Replication factor: {factor} larger than available brokers: 1.")
            };
            return Err((ErrorCode::InvalidReplicationFactor, sentence));
        }
        let default = asked.num_partitions == -1;
        return Ok(if default {
            shared.config.default_partitions
        } else {
            asked.num_partitions
        });
    }
    if asked.num_partitions != -1 || asked.replication_factor != -1 {
        let sentence = "Both numPartitions or replicationFactor and replicasAssignments were set.".to_owned();
        return Err((ErrorCode::InvalidRequest, sentence));
    }
    let mut numbers: Vec<i32> = asked
        .assignments
        .iter()
        .map(|assigned| assigned.partition_index)
        .collect();
    numbers.sort_unstable();
    let gapless = numbers
        .iter()
        .zip(0..)
        .all(|(number, expected)| *number == expected);
    let this_node = [shared.config.node_id];
    if !gapless
        || asked
            .assignments
            .iter()
            .any(|assigned| assigned.broker_ids != this_node)
    {
        let sentence = format!(
            "Partitions must be numbered from 0 and assigned to node {} alone.",
            this_node[0]
        );
        return Err((ErrorCode::InvalidReplicaAssignment, sentence));
    }
    Ok(i32::try_from(numbers.len()).unwrap_or(i32::MAX))
}

fn settings(asked: &CreatableTopic) -> Result<BTreeMap<String, String>, Refusal> {
    let mut config = BTreeMap::new();
    for setting in &asked.configs {
        let Some(value) = setting.value.clone() else {
            let name: String = setting.name.chars().take(100).collect();
            return Err((
                ErrorCode::InvalidConfig,
                format!("Null value not supported for topic config: {name}"),
            ));
        };
        config.insert(setting.name.clone(), value);
    }
    Ok(config)
}

fn refused(name: String, (error, sentence): Refusal) -> CreatableTopicResult {
    CreatableTopicResult {
        name,
        error_code: error.code(),
        error_message: Some(sentence),
        num_partitions: -1,
        replication_factor: -1,
        configs: Some(Vec::new()),
        ..CreatableTopicResult::default()
    }
}
