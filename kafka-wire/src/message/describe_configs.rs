//! DescribeConfigs (key 32): the configuration of topics, brokers and groups, with where each value comes from.
//!
//! Version 0 is gone (KIP-896).

use super::{RESOURCES_MAX, SETTINGS_MAX};

message! {
    /// Whose configuration.
    request DescribeConfigsRequest: DescribeConfigs 1..=4 => DescribeConfigsResponse {
        resources: Vec<DescribeConfigsResource>, 0.., most RESOURCES_MAX; "Each thing."
        include_synonyms: bool, 0..; "Whether to say where else each value could come from."
        include_documentation: bool, 3..; "Whether to say what each setting means."
    }

    /// One thing that has a configuration.
    part DescribeConfigsResource {
        resource_type: i8, 0..; "What kind of thing it is: 2 a topic, 4 a broker, 8 a broker's loggers, 16 a client's metrics, 32 a group."
        resource_name: String, 0..; "Which one."
        configuration_keys: Option<Vec<String>>, 0.., most SETTINGS_MAX, null 0.., default Some(Vec::new()); "The settings to describe, null for all."
    }

    /// The configurations.
    response DescribeConfigsResponse: DescribeConfigs 1..=4 => {
        throttle_time_ms: i32, 0..; "How long the client is asked to wait, in milliseconds."
        results: Vec<DescribeConfigsResult>, 0..; "Each thing."
    }

    /// One thing's configuration.
    part DescribeConfigsResult {
        error_code: i16, 0..; "0, or why there is no configuration."
        error_message: Option<String>, 0.., null 0..; "The same in words."
        resource_type: i8, 0..; "What kind of thing it is: 2 a topic, 4 a broker, 8 a broker's loggers, 16 a client's metrics, 32 a group."
        resource_name: String, 0..; "Which one."
        configs: Vec<DescribeConfigsResourceResult>, 0..; "Each setting."
    }

    /// One setting.
    part DescribeConfigsResourceResult {
        name: String, 0..; "Its name."
        value: Option<String>, 0.., null 0..; "Its value, null for a secret or for none."
        read_only: bool, 0..; "Whether it cannot be changed."
        config_source: i8, 0.., default -1; "Where the value comes from: 1 the topic, 2 this broker's dynamic settings, 3 those of all brokers, 4 the file, 5 the default, 6 a broker's loggers, 7 a client's metrics, 8 the group."
        is_sensitive: bool, 0..; "Whether the value is a secret and so not shown."
        synonyms: Vec<DescribeConfigsSynonym>, 0..; "Each place, the one that wins first."
        config_type: i8, 3..; "What its values are: 1 boolean, 2 string, 3 int, 4 short, 5 long, 6 double, 7 list, 8 class, 9 password; 0 if not known."
        documentation: Option<String>, 3.., null 3..; "What it means."
    }

    /// One place a value could come from.
    part DescribeConfigsSynonym {
        name: String, 0..; "The setting's name there."
        value: Option<String>, 0.., null 0..; "The value there, null for a secret or for none."
        source: i8, 0..; "Which place, numbered as `config_source` is."
    }
}
