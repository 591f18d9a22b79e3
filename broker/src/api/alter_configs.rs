//! AlterConfigs (key 33): a topic's settings as a whole; what is not named goes back to its default. Carried out while
//! the topic is in use, and answered when that is durable; `validate_only` checks everything but the disk.
//!
//! Left out: settings of anything but topics.

use annals_kafka_wire::error::ErrorCode;
use annals_kafka_wire::message::alter_configs::{
    AlterConfigsRequest, AlterConfigsResource, AlterConfigsResponse, AlterableConfig,
};

use crate::api::outcome::Refusal;
use crate::api::resource::{self, Config};
use crate::broker::Shared;
use crate::table::{Answer, Context};
use crate::topic_config::clipped;

pub(crate) fn handle(
    ctx: &Context,
    _version: i16,
    request: AlterConfigsRequest,
) -> Answer<AlterConfigsResponse> {
    let AlterConfigsRequest {
        resources,
        validate_only,
    } = request;
    let thing = |asked: &AlterConfigsResource| (asked.resource_type, asked.resource_name.clone());
    let change = |_: &Shared, _: &Config, asked: &AlterConfigsResource| settings(&asked.configs);
    resource::alter_each(ctx, resources, thing, validate_only, change, |responses| {
        AlterConfigsResponse {
            responses,
            ..AlterConfigsResponse::default()
        }
    })
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
