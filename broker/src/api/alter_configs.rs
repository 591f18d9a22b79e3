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

use crate::api::resource::{self, Refusal, counted};
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
        let times = counted(request.resources.iter().map(things));
        let alter = |asked: &AlterConfigsResource| {
            let thing = things(asked);
            let altered = match times.get(&thing) {
                Some(1) => resource::alter(&shared, (thing.0, &thing.1), request.validate_only, |_| {
                    settings(&asked.configs)
                }),
                _ => {
                    let sentence = "Each resource must appear at most once.".to_owned();
                    Err((ErrorCode::InvalidRequest, sentence))
                }
            };
            outcome(thing, altered)
        };
        answer(request.resources.iter().map(alter).collect())
    };
    Answer::change(ctx, &ctx.shared.topic_turns, alter, move |error| {
        let unsettled = |thing| outcome(thing, Err((error, error.meaning().to_owned())));
        answer(named.into_iter().map(unsettled).collect())
    })
}

fn answer(responses: Vec<AlterConfigsResourceResponse>) -> AlterConfigsResponse {
    AlterConfigsResponse {
        responses,
        ..AlterConfigsResponse::default()
    }
}

fn outcome(
    (resource_type, resource_name): (i8, String),
    altered: Result<(), Refusal>,
) -> AlterConfigsResourceResponse {
    let (code, error_message) = match altered {
        Ok(()) => (ErrorCode::None, None),
        Err((code, sentence)) => (code, Some(sentence)),
    };
    AlterConfigsResourceResponse {
        error_code: code.code(),
        error_message,
        resource_type,
        resource_name,
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
