//! What the settings of topics and of this node look like to who asks for them, in Kafka's words.
//!
//! Left out: what a setting may be, which is [`crate::topic_config`]'s.

use std::collections::BTreeMap;

use crate::config::BrokerConfig;
use crate::topic_config;

mod meaning;
mod node;

pub(crate) use meaning::{Kind, is_list};
pub(crate) use node::of_node;

/// Where a value comes from, in Kafka's numbers.
const TOPIC_CONFIG: i8 = 1;
const STATIC_BROKER_CONFIG: i8 = 4;
const DEFAULT_CONFIG: i8 = 5;

/// One setting.
pub(crate) struct Setting {
    pub(crate) name: String,
    pub(crate) value: String,
    pub(crate) read_only: bool,
    pub(crate) kind: Kind,
    pub(crate) meaning: &'static str,
    /// Where it is set, the one that wins first; never empty.
    pub(crate) places: Vec<Place>,
}

/// One place a value could come from.
pub(crate) struct Place {
    /// The setting's name there.
    pub(crate) name: String,
    pub(crate) value: String,
    pub(crate) source: i8,
}

impl Setting {
    pub(crate) fn source(&self) -> i8 {
        self.places.first().map_or(DEFAULT_CONFIG, |place| place.source)
    }
}

/// The settings of a topic that sets `config` itself.
pub(crate) fn of_topic(config: &BTreeMap<String, String>, broker: &BrokerConfig) -> Vec<Setting> {
    let settings = topic_config::effective(config).into_iter();
    let setting = |(name, value, own): (String, String, bool)| {
        let meaning = meaning::of(&name);
        let elsewhere = meaning.map(|row| node_wide(&name, row, broker));
        let value = if own {
            value
        } else {
            elsewhere.as_ref().map_or(value, |place| place.value.clone())
        };
        let here = own.then(|| Place {
            name: name.clone(),
            value: value.clone(),
            source: TOPIC_CONFIG,
        });
        Setting {
            kind: meaning.map_or(Kind::String, |row| row.kind),
            meaning: meaning.map_or(GUARDS, |row| row.meaning),
            places: here.into_iter().chain(elsewhere).collect(),
            read_only: false,
            name,
            value,
        }
    };
    settings.map(setting).collect()
}

/// What is said of a setting that the broker leaves to its guard.
const GUARDS: &str = "What the guard checks of the topic's records.";

/// What holds for topics that do not say otherwise.
fn node_wide(name: &str, row: &meaning::Row, broker: &BrokerConfig) -> Place {
    let (value, source) = match name {
        "max.message.bytes" => (
            broker.message_bytes_max.to_string(),
            node::source_of_message_bytes_max(broker),
        ),
        _ => (topic_config::default(name).to_owned(), DEFAULT_CONFIG),
    };
    Place {
        name: row.node_name.unwrap_or(name).to_owned(),
        value,
        source,
    }
}
