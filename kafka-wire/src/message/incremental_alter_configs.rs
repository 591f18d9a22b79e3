//! IncrementalAlterConfigs (key 44): settings to change, one by one; the others stay.

use super::alter_configs::AlterConfigsResourceResponse;
use super::{RESOURCES_MAX, SETTINGS_MAX};

message! {
    /// The changes.
    request IncrementalAlterConfigsRequest: IncrementalAlterConfigs 0..=1 => IncrementalAlterConfigsResponse {
        resources: Vec<AlterConfigsResource>, 0.., most RESOURCES_MAX; "Each thing."
        validate_only: bool, 0..; "Whether to check only, and change nothing."
    }

    /// One thing's changes.
    part AlterConfigsResource {
        resource_type: i8, 0..; "What kind of thing it is: 2 a topic, 4 a broker, 8 a broker's loggers, 16 a client's metrics, 32 a group."
        resource_name: String, 0..; "Which one."
        configs: Vec<AlterableConfig>, 0.., most SETTINGS_MAX; "Each setting."
    }

    /// One change.
    part AlterableConfig {
        name: String, 0..; "The setting."
        config_operation: i8, 0..; "0 set it, 1 back to its default, 2 add to a list, 3 take from a list."
        value: Option<String>, 0.., null 0..; "The value, null when it goes back to its default."
    }

    /// What became of them.
    response IncrementalAlterConfigsResponse: IncrementalAlterConfigs 0..=1 => {
        throttle_time_ms: i32, 0..; "How long the client is asked to wait, in milliseconds."
        responses: Vec<AlterConfigsResourceResponse>, 0..; "Each thing."
    }
}
