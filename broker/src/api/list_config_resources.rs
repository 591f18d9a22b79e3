//! ListConfigResources (key 74): what has settings that can be described: the topics and this node with its loggers.
//! Version 0 asks for clients' metrics alone. Of those, and of groups, none has settings of its own.

use annals_kafka_wire::error::ErrorCode;
use annals_kafka_wire::message::list_config_resources::{
    ConfigResource, ListConfigResourcesRequest, ListConfigResourcesResponse,
};

use crate::api::resource;
use crate::table::{Answer, Context};

const KINDS: [i8; 5] = [
    resource::TOPIC,
    resource::BROKER,
    resource::BROKER_LOGGER,
    resource::CLIENT_METRICS,
    resource::GROUP,
];

pub(crate) fn handle(
    ctx: &Context,
    version: i16,
    request: ListConfigResourcesRequest,
) -> Answer<ListConfigResourcesResponse> {
    let kinds = match request.resource_types {
        _ if version == 0 => vec![resource::CLIENT_METRICS],
        kinds if kinds.is_empty() => KINDS.to_vec(),
        kinds => kinds,
    };
    if kinds.iter().any(|kind| !KINDS.contains(kind)) {
        return Answer::Now(ListConfigResourcesResponse {
            error_code: ErrorCode::UnsupportedVersion.code(),
            ..ListConfigResourcesResponse::default()
        });
    }
    let ctx = ctx.clone();
    let named = move |kind: i8| match kind {
        resource::TOPIC => {
            let topics = ctx.shared.topics.now().list();
            topics.into_iter().map(|topic| topic.name.clone()).collect()
        }
        resource::BROKER | resource::BROKER_LOGGER => vec![ctx.shared.config.node_id.to_string()],
        _ => Vec::new(),
    };
    Answer::wanted(move || {
        let wanted = KINDS.into_iter().filter(|kind| kinds.contains(kind));
        let resources = wanted.flat_map(|resource_type| {
            let names: Vec<String> = named(resource_type);
            names.into_iter().map(move |resource_name| ConfigResource {
                resource_name,
                resource_type,
            })
        });
        ListConfigResourcesResponse {
            config_resources: resources.collect(),
            ..ListConfigResourcesResponse::default()
        }
    })
}
