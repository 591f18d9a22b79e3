//! The kinds of things that have settings, in Kafka's numbers, and what of them can be changed: topics.

use std::collections::BTreeMap;

use annals_kafka_wire::error::ErrorCode;

use crate::api::outcome::Refusal;
use crate::api::topic_error_code;
use crate::broker::Shared;
use crate::internal;
use crate::table::Context;
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

/// Changes the settings of a thing as `change` says. Blocks for a sync.
pub(crate) fn alter(
    shared: &Shared,
    (kind, name): (i8, &str),
    validate_only: bool,
    change: impl FnOnce(&BTreeMap<String, String>) -> Result<BTreeMap<String, String>, Refusal>,
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
