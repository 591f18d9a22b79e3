//! What the settings of topics and of this node look like to who asks for them, in Kafka's words.
//!
//! Left out: what a setting may be, which is [`crate::topic_config`]'s.

use std::collections::BTreeMap;

use crate::config::BrokerConfig;
use crate::guard::Guard;
use crate::guard_settings::{self, Effective, GuardSetting};
use crate::topic_config;

mod meaning;
mod node;

pub(crate) use meaning::Kind;
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

/// The settings of a topic that sets `config` itself, by name.
pub(crate) fn of_topic(
    config: &BTreeMap<String, String>,
    broker: &BrokerConfig,
    guard: &dyn Guard,
) -> Vec<Setting> {
    let own = topic_config::effective(config).map(|(name, value)| {
        let meaning = meaning::of(name);
        let elsewhere = meaning.map(|row| node_wide(name, row, broker));
        let here = value.map(|value| here(name, value));
        let places: Vec<Place> = here.into_iter().chain(elsewhere).collect();
        Setting {
            name: name.to_owned(),
            value: places.first().map_or_else(
                || topic_config::default(name).to_owned(),
                |place| place.value.clone(),
            ),
            kind: meaning.map_or(Kind::String, |row| row.kind),
            meaning: meaning.map_or("", |row| row.meaning),
            read_only: false,
            places,
        }
    });
    let guards = guard_settings::effective(guard.settings(), config).map(of_guard);
    let mut settings: Vec<Setting> = own.chain(guards).collect();
    settings.sort_by(|one, other| one.name.cmp(&other.name));
    settings
}

fn of_guard(setting: Effective<'_>) -> Setting {
    let Effective { row, value, set_by } = setting;
    let default = row.default().map(|default| Place {
        name: row.name.to_owned(),
        value: default.to_owned(),
        source: DEFAULT_CONFIG,
    });
    let here = set_by.map(|name| here(name, &value));
    Setting {
        name: row.name.to_owned(),
        kind: if row.is_list() { Kind::List } else { Kind::String },
        meaning: row.meaning,
        read_only: false,
        places: here.into_iter().chain(default).collect(),
        value,
    }
}

/// A value that the topic itself sets.
fn here(name: &str, value: &str) -> Place {
    Place {
        name: name.to_owned(),
        value: value.to_owned(),
        source: TOPIC_CONFIG,
    }
}

/// Whether a setting's values are lists.
pub(crate) fn is_list(name: &str, guard: &dyn Guard) -> bool {
    meaning::is_list(name) || guard_settings::named(guard.settings(), name).is_some_and(GuardSetting::is_list)
}

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
