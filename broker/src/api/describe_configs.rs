//! DescribeConfigs (key 32): the settings of topics and of this node, each with its value, where that comes from, the
//! other places it could come from, its type and (version 3 on) what it means.
//!
//! * A topic's settings are all it may have, those of the guard among them, and other names of those where it uses them. The node's are those of its start that
//!   users look for by Kafka's names; none of them changes while it runs.
//! * A thing named twice is described once, so an answer has no more in it than there is.
//! * The defaults of all brokers (an empty name), loggers, groups and clients' metrics have nothing of their own to set,
//!   and an empty list says so.

use std::collections::HashSet;

use annals_kafka_wire::error::ErrorCode;
use annals_kafka_wire::message::describe_configs::{
    DescribeConfigsRequest, DescribeConfigsResource, DescribeConfigsResourceResult, DescribeConfigsResponse,
    DescribeConfigsResult, DescribeConfigsSynonym,
};

use crate::api::outcome::Refusal;
use crate::api::resource;
use crate::described::{self, Setting};
use crate::table::{Answer, Context};
use crate::topic_config::clipped;
use crate::topic_name;

pub(crate) fn handle(
    ctx: &Context,
    _version: i16,
    request: DescribeConfigsRequest,
) -> Answer<DescribeConfigsResponse> {
    let ctx = ctx.clone();
    Answer::wanted(move || {
        let mut seen = HashSet::new();
        let mut asked = request.resources.clone();
        asked.retain(|one| seen.insert((one.resource_type, one.resource_name.clone())));
        DescribeConfigsResponse {
            results: asked
                .into_iter()
                .map(|one| describe(&ctx, &request, one))
                .collect(),
            ..DescribeConfigsResponse::default()
        }
    })
}

fn describe(
    ctx: &Context,
    request: &DescribeConfigsRequest,
    asked: DescribeConfigsResource,
) -> DescribeConfigsResult {
    let keys = asked
        .configuration_keys
        .as_deref()
        .map(HashSet::<&String>::from_iter);
    // Older clients ask for everything by an empty list.
    let keys = keys.filter(|keys| !keys.is_empty());
    let (error_code, error_message, settings) = match settings(ctx, asked.resource_type, &asked.resource_name)
    {
        Ok(settings) => (ErrorCode::None, None, settings),
        Err((code, sentence)) => (code, Some(sentence), Vec::new()),
    };
    let wanted = |setting: &Setting| keys.as_ref().is_none_or(|keys| keys.contains(&setting.name));
    let configs = settings
        .into_iter()
        .filter(wanted)
        .map(|setting| DescribeConfigsResourceResult {
            read_only: setting.read_only,
            config_source: setting.source(),
            config_type: setting.kind as i8,
            documentation: request.include_documentation.then(|| setting.meaning.to_owned()),
            synonyms: if request.include_synonyms {
                synonyms(&setting)
            } else {
                Vec::new()
            },
            name: setting.name,
            value: Some(setting.value),
            ..DescribeConfigsResourceResult::default()
        });
    DescribeConfigsResult {
        error_code: error_code.code(),
        error_message,
        configs: configs.collect(),
        resource_type: asked.resource_type,
        resource_name: asked.resource_name,
    }
}

fn synonyms(setting: &Setting) -> Vec<DescribeConfigsSynonym> {
    let synonym = |place: &described::Place| DescribeConfigsSynonym {
        name: place.name.clone(),
        value: Some(place.value.clone()),
        source: place.source,
    };
    setting.places.iter().map(synonym).collect()
}

fn settings(ctx: &Context, kind: i8, name: &str) -> Result<Vec<Setting>, Refusal> {
    let refused = |sentence: &str| Err((ErrorCode::InvalidRequest, sentence.to_owned()));
    match kind {
        resource::TOPIC => topic_name::check(name)
            .map_err(|sentence| (ErrorCode::InvalidTopicException, sentence))
            .and_then(|()| match ctx.shared.topics.now().named(name) {
                Some(topic) => Ok(described::of_topic(
                    &topic.config,
                    &ctx.shared.config,
                    ctx.shared.guard.as_ref(),
                )),
                None => Err((
                    ErrorCode::UnknownTopicOrPartition,
                    ErrorCode::UnknownTopicOrPartition.meaning().to_owned(),
                )),
            }),
        resource::BROKER if name.is_empty() => Ok(Vec::new()),
        resource::BROKER => {
            resource::check_node(ctx, name)?;
            Ok(described::of_node(&ctx.shared, &ctx.advertised))
        }
        resource::BROKER_LOGGER => resource::check_node(ctx, name).map(|()| Vec::new()),
        resource::CLIENT_METRICS if name.is_empty() => refused("The subscription has no name."),
        resource::GROUP if name.is_empty() => refused("The group has no name."),
        resource::CLIENT_METRICS | resource::GROUP => Ok(Vec::new()),
        _ => refused(&format!(
            "Unsupported resource type: {kind} (named {}).",
            clipped(name)
        )),
    }
}
