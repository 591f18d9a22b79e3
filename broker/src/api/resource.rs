//! The kinds of things that have settings, in Kafka's numbers, and what of them can be changed: topics.

use std::collections::BTreeMap;
use std::sync::Arc;

use annals_kafka_wire::error::ErrorCode;
use annals_kafka_wire::message::alter_configs::AlterConfigsResourceResponse;

use crate::api::outcome::{Refusal, each_once, said, unsettled};
use crate::api::topic_error_code;
use crate::broker::Shared;
use crate::internal;
use crate::table::{Answer, Context};
use crate::topic_config::clipped;
use crate::topic_name;
use crate::topics::TopicError;

pub(crate) const TOPIC: i8 = 2;
pub(crate) const BROKER: i8 = 4;
pub(crate) const BROKER_LOGGER: i8 = 8;
pub(crate) const CLIENT_METRICS: i8 = 16;
pub(crate) const GROUP: i8 = 32;

/// Whether a broker's name is this node's.
pub(crate) fn check_node(ctx: &Context, name: &str) -> Result<(), Refusal> {
    let node_id = ctx.shared.config.node_id;
    let sentence = match name.parse::<i32>() {
        Ok(id) if id == node_id => return Ok(()),
        Ok(id) => format!("Unexpected broker id, expected {node_id}, but received {id}."),
        Err(_) => format!("Broker id must be an integer, but it is: {}", clipped(name)),
    };
    Err((ErrorCode::InvalidRequest, sentence))
}

/// Settings with their values.
pub(crate) type Config = BTreeMap<String, String>;

/// Changes the settings of each thing that is asked for as `change` says, and answers when that is durable.
pub(crate) fn alter_each<A: Send + 'static, R: Send + 'static>(
    ctx: &Context,
    asked: Vec<A>,
    thing: fn(&A) -> (i8, String),
    validate_only: bool,
    change: impl Fn(&Shared, &Config, &A) -> Result<Config, Refusal> + Send + 'static,
    respond: fn(Vec<AlterConfigsResourceResponse>) -> R,
) -> Answer<R> {
    let shared = Arc::clone(&ctx.shared);
    let named: Vec<(i8, String)> = asked.iter().map(thing).collect();
    let alter = move || {
        let twice = "Each resource must appear at most once.";
        let alter = |one: &A| {
            let (kind, name) = thing(one);
            alter(&shared, (kind, &name), validate_only, |config| {
                change(&shared, config, one)
            })
        };
        respond(
            each_once(&asked, thing, twice, alter)
                .into_iter()
                .map(response)
                .collect(),
        )
    };
    Answer::change(ctx, &ctx.shared.topic_turns, alter, move |error| {
        respond(unsettled(named, error).into_iter().map(response).collect())
    })
}

fn response(
    ((resource_type, resource_name), outcome): ((i8, String), Result<(), Refusal>),
) -> AlterConfigsResourceResponse {
    let (error_code, error_message) = said(outcome);
    AlterConfigsResourceResponse {
        error_code,
        error_message,
        resource_type,
        resource_name,
    }
}

/// Changes the settings of a thing as `change` says. Blocks for a sync.
fn alter(
    shared: &Shared,
    (kind, name): (i8, &str),
    validate_only: bool,
    change: impl FnOnce(&Config) -> Result<Config, Refusal>,
) -> Result<(), Refusal> {
    match kind {
        TOPIC => {}
        BROKER | BROKER_LOGGER => {
            let sentence = "The settings of this broker are those of its start: none changes while it runs.";
            return Err((ErrorCode::InvalidRequest, sentence.to_owned()));
        }
        _ => {
            let sentence = format!("Nothing of resource type {kind} has settings to change.");
            return Err((ErrorCode::InvalidRequest, sentence));
        }
    }
    if name.is_empty() {
        return Err((ErrorCode::InvalidRequest, "The topic has no name.".to_owned()));
    }
    topic_name::check(name).map_err(|sentence| (ErrorCode::InvalidTopicException, sentence))?;
    if internal::is_internal(name) {
        let sentence = "The topic is the broker's own.".to_owned();
        return Err((ErrorCode::InvalidTopicException, sentence));
    }
    // A refusal of the change's own has a code of its own.
    let mut refusal = None;
    let altered = shared.alter_topic(name, validate_only, |config| {
        change(config).map_err(|(code, sentence)| {
            refusal = Some(code);
            TopicError::InvalidConfig(sentence)
        })
    });
    altered.map_err(|error| {
        (
            refusal.unwrap_or_else(|| topic_error_code(&error)),
            error.to_string(),
        )
    })
}
