//! Does a record fit its topic? The registry's answer to the broker's question.
//!
//! A record's value (and key) must carry the id of a registered schema; that schema must be registered under one of
//! the topic's subjects; and the payload must read with it. How much of that is asked is the topic's [`Mode`].
//! Answers come from the registry's view in memory, so a schema registered a moment ago is known to the next record.
//! An empty value is a tombstone and always welcome. Payloads are never echoed in a refusal.

mod mode;
mod verdict;

use annals_broker::{Guard, Record, Refusal, Topic};

pub use mode::{Mode, Side};
use verdict::Verdicts;

use crate::service::Registry;

/// The broker's guard over a registry.
pub struct SchemaGuard {
    registry: Registry,
    verdicts: Verdicts,
}

impl SchemaGuard {
    /// A guard that judges by what `registry` holds at the time of each record.
    #[must_use]
    pub fn new(registry: Registry) -> SchemaGuard {
        SchemaGuard {
            registry,
            verdicts: Verdicts::default(),
        }
    }

    /// How strictly one side of a topic's records is checked right now.
    #[must_use]
    pub fn mode(&self, topic: &Topic, side: Side) -> Mode {
        mode::configured(&topic.config, side).unwrap_or_else(|| {
            match self
                .verdicts
                .at(&self.registry.view())
                .has_subject(&topic.name, side)
            {
                true => Mode::Full,
                false => Mode::Off,
            }
        })
    }
}

impl Guard for SchemaGuard {
    fn admits(&self, topic: &Topic) -> bool {
        [Side::Key, Side::Value]
            .into_iter()
            .any(|side| self.mode(topic, side) > Mode::Off)
    }

    fn judge(&self, topic: &Topic, records: &mut dyn Iterator<Item = Record>) -> Vec<Refusal> {
        let (key_mode, value_mode) = (self.mode(topic, Side::Key), self.mode(topic, Side::Value));
        let verdicts = self.verdicts.at(&self.registry.view());
        let mut keys = verdicts.judge(&topic.name, Side::Key, key_mode);
        let mut values = verdicts.judge(&topic.name, Side::Value, value_mode);
        let mut refusals = Vec::new();
        for record in records {
            let refused = keys.check(&record).and_then(|()| values.check(&record)).err();
            refusals.extend(refused.map(|sentence| Refusal {
                index: record.index,
                sentence,
            }));
        }
        refusals
    }

    fn topic_config_known(&self, key: &str, value: &str) -> Result<bool, String> {
        mode::known(key, value)
    }
}
