//! IncrementalAlterConfigs (key 44): one setting of a topic and another is set, goes back to its default, or, where it is
//! a list, gets or loses words; the others stay. Carried out while the topic is in use, and answered when that is
//! durable; `validate_only` checks everything but the disk.
//!
//! Left out: settings of anything but topics.

use annals_kafka_wire::error::ErrorCode;
use annals_kafka_wire::message::incremental_alter_configs::{
    AlterConfigsResource, AlterableConfig, IncrementalAlterConfigsRequest, IncrementalAlterConfigsResponse,
};

use crate::api::outcome::{Refusal, counted};
use crate::api::resource::{self, Config};
use crate::broker::Shared;
use crate::described;
use crate::guard::Guard;
use crate::guard_settings::{self, GuardSetting};
use crate::table::{Answer, Context};
use crate::topic_config::{self, clipped};

pub(crate) fn handle(
    ctx: &Context,
    _version: i16,
    request: IncrementalAlterConfigsRequest,
) -> Answer<IncrementalAlterConfigsResponse> {
    let IncrementalAlterConfigsRequest {
        resources,
        validate_only,
    } = request;
    let thing = |asked: &AlterConfigsResource| (asked.resource_type, asked.resource_name.clone());
    let change = |shared: &Shared, config: &Config, asked: &AlterConfigsResource| {
        changed(config, &asked.configs, shared.guard.as_ref())
    };
    resource::alter_each(ctx, resources, thing, validate_only, change, |responses| {
        IncrementalAlterConfigsResponse {
            responses,
            ..IncrementalAlterConfigsResponse::default()
        }
    })
}

const SET: i8 = 0;
const DELETE: i8 = 1;
const APPEND: i8 = 2;
const SUBTRACT: i8 = 3;

/// The settings after the changes, of which each setting has one.
fn changed(config: &Config, changes: &[AlterableConfig], guard: &dyn Guard) -> Result<Config, Refusal> {
    let times = counted(changes.iter().map(|change| &change.name));
    if times.values().any(|times| *times > 1) {
        let sentence = "Error due to duplicate config keys.".to_owned();
        return Err((ErrorCode::InvalidRequest, sentence));
    }
    let mut altered = config.clone();
    for change in changes {
        apply(&mut altered, change, guard)?;
    }
    Ok(altered)
}

fn apply(config: &mut Config, change: &AlterableConfig, guard: &dyn Guard) -> Result<(), Refusal> {
    let name = &change.name;
    let refused = |code, sentence: String| Err((code, sentence));
    match (change.config_operation, &change.value) {
        (DELETE, _) => {
            config.remove(name);
        }
        (SET, Some(value)) => {
            config.insert(name.clone(), value.clone());
        }
        (operation @ (APPEND | SUBTRACT), Some(_)) if !described::is_list(name, guard) => {
            let verb = if operation == APPEND { "APPEND" } else { "SUBTRACT" };
            let sentence = format!(
                "Can't {verb} to key {} because its type is not LIST.",
                clipped(name)
            );
            return refused(ErrorCode::InvalidConfig, sentence);
        }
        (operation @ (APPEND | SUBTRACT), Some(value)) => {
            let default = || {
                let row = guard_settings::named(guard.settings(), name);
                row.and_then(GuardSetting::default)
                    .unwrap_or_else(|| topic_config::default(name))
            };
            let now = config.get(name).map_or_else(default, String::as_str);
            let words = words_after(now, operation == APPEND, value);
            config.insert(name.clone(), words);
        }
        (SET | APPEND | SUBTRACT, None) => {
            let sentence = format!("Null value not supported for : {}", clipped(name));
            return refused(ErrorCode::InvalidRequest, sentence);
        }
        (operation, _) => {
            let sentence = format!("Unknown operation {operation} on {}.", clipped(name));
            return refused(ErrorCode::InvalidRequest, sentence);
        }
    }
    Ok(())
}

/// A list of words with or without those of `value`.
fn words_after(now: &str, with: bool, value: &str) -> String {
    let split = |text: &str| -> Vec<String> {
        let words = text.split(',').map(|word| word.trim().to_owned());
        words.filter(|word| !word.is_empty()).collect()
    };
    let (mut words, changed) = (split(now), split(value));
    words.retain(|word| with || !changed.contains(word));
    if with {
        let new: Vec<String> = changed.into_iter().filter(|word| !words.contains(word)).collect();
        words.extend(new);
    }
    words.join(",")
}
