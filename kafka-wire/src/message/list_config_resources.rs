//! ListConfigResources (key 74): the things that have a configuration of their own.
//!
//! Version 0 lists the metrics clients are asked for, and nothing else.

use super::FILTERS_MAX;

message! {
    /// Of which kinds.
    request ListConfigResourcesRequest: ListConfigResources 0..=1 => ListConfigResourcesResponse {
        resource_types: Vec<i8>, 1.., most FILTERS_MAX; "The kinds, empty for all."
    }

    /// The things.
    response ListConfigResourcesResponse: ListConfigResources 0..=1 => {
        throttle_time_ms: i32, 0..; "How long the client is asked to wait, in milliseconds."
        error_code: i16, 0..; "0, or why there is no list."
        config_resources: Vec<ConfigResource>, 0..; "Each thing."
    }

    /// One thing.
    part ConfigResource {
        resource_name: String, 0..; "Its name."
        resource_type: i8, 1.., default 16; "What kind of thing it is: 2 a topic, 4 a broker, 8 a broker's loggers, 16 a client's metrics, 32 a group."
    }
}
