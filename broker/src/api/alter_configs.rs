//! AlterConfigs (key 33): a topic's settings as a whole; what is not named goes back to its default. Carried out while
//! the topic is in use, and answered when that is durable; `validate_only` checks everything but the disk.
//!
//! Left out: settings of anything but topics.

use std::collections::BTreeMap;
use std::sync::Arc;

use annals_kafka_wire::error::ErrorCode;
use annals_kafka_wire::message::alter_configs::{
    AlterConfigsRequest, AlterConfigsResource, AlterConfigsResourceResponse, AlterConfigsResponse,
    AlterableConfig,
};

use crate::api::outcome::{Refusal, each_once, said, unsettled};
use crate::api::resource;
use crate::table::{Answer, Context};
use crate::topic_config::clipped;

type Config = BTreeMap<String, String>;

pub(crate) fn handle(
    ctx: &Context,
    _version: i16,
    request: AlterConfigsRequest,
) -> Answer<AlterConfigsResponse> {
    let shared = Arc::clone(&ctx.shared);
    let things = |asked: &AlterConfigsResource| (asked.resource_type, asked.resource_name.clone());
    let named: Vec<(i8, String)> = request.resources.iter().map(things).collect();
    let alter = move || {
        let twice = "Each resource must appear at most once.";
        let alter = |asked: &AlterConfigsResource| {
            let thing = (asked.resource_type, asked.resource_name.as_str());
            resource::alter(&shared, thing, request.validate_only, |_| {
                settings(&asked.configs)
            })
        };
        answer(each_once(&request.resources, things, twice, alter))
    };
    Answer::change(ctx, &ctx.shared.topic_turns, alter, move |error| {
        answer(unsettled(named, error))
    })
}

fn answer(outcomes: Vec<((i8, String), Result<(), Refusal>)>) -> AlterConfigsResponse {
    let response = |((resource_type, resource_name), outcome)| {
        let (error_code, error_message) = said(outcome);
        AlterConfigsResourceResponse {
            error_code,
            error_message,
            resource_type,
            resource_name,
        }
    };
    AlterConfigsResponse {
        responses: outcomes.into_iter().map(response).collect(),
        ..AlterConfigsResponse::default()
    }
}

/// The settings asked for, each once and with a value.
fn settings(asked: &[AlterableConfig]) -> Result<Config, Refusal> {
    let mut config = Config::new();
    for setting in asked {
        let Some(value) = setting.value.clone() else {
            let sentence = format!("Null value not supported for : {}", clipped(&setting.name));
            return Err((ErrorCode::InvalidRequest, sentence));
        };
        if config.insert(setting.name.clone(), value).is_some() {
            let sentence = format!("Setting named twice: {}", clipped(&setting.name));
            return Err((ErrorCode::InvalidRequest, sentence));
        }
    }
    Ok(config)
}
