//! AlterConfigs (key 33): a whole configuration in place of the old one: what is not named goes back to its default.
//!
//! Clients that know it use IncrementalAlterConfigs instead.

use super::{RESOURCES_MAX, SETTINGS_MAX};

message! {
    /// The configurations.
    request AlterConfigsRequest: AlterConfigs 0..=2 => AlterConfigsResponse {
        resources: Vec<AlterConfigsResource>, 0.., most RESOURCES_MAX; "Each thing."
        validate_only: bool, 0..; "Whether to check only, and change nothing."
    }

    /// One thing's configuration.
    part AlterConfigsResource {
        resource_type: i8, 0..; "What kind of thing it is: 2 a topic, 4 a broker, 8 a broker's loggers, 16 a client's metrics, 32 a group."
        resource_name: String, 0..; "Which one."
        configs: Vec<AlterableConfig>, 0.., most SETTINGS_MAX; "Each setting."
    }

    /// One setting.
    part AlterableConfig {
        name: String, 0..; "Its name."
        value: Option<String>, 0.., null 0..; "Its value, null for the default."
    }

    /// What became of them.
    response AlterConfigsResponse: AlterConfigs 0..=2 => {
        throttle_time_ms: i32, 0..; "How long the client is asked to wait, in milliseconds."
        responses: Vec<AlterConfigsResourceResponse>, 0..; "Each thing."
    }

    /// One thing's result.
    part AlterConfigsResourceResponse {
        error_code: i16, 0..; "0, or why nothing was changed."
        error_message: Option<String>, 0.., null 0..; "The same in words."
        resource_type: i8, 0..; "What kind of thing it is: 2 a topic, 4 a broker, 8 a broker's loggers, 16 a client's metrics, 32 a group."
        resource_name: String, 0..; "Which one."
    }
}
