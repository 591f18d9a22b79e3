//! How strictly a topic's records are checked, told from its settings.
//!
//! A topic that says nothing is checked in full as soon as a subject is registered for it, and not at all before.

use std::collections::BTreeMap;
use std::fmt;

/// Which half of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Side {
    /// The record's key.
    Key,
    /// The record's value.
    Value,
}

impl Side {
    /// `key` or `value`, as in settings and subject names.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Side::Key => "key",
            Side::Value => "value",
        }
    }
}

/// What is asked of each record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mode {
    /// Nothing.
    Off,
    /// A registered schema id.
    Id,
    /// A schema id registered under one of the topic's subjects.
    Subject,
    /// And the payload must read with that schema.
    Full,
}

const MODES: [(&str, Mode); 4] = [
    ("off", Mode::Off),
    ("id", Mode::Id),
    ("subject", Mode::Subject),
    ("full", Mode::Full),
];

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = MODES
            .iter()
            .find(|(_, mode)| mode == self)
            .map_or("off", |(name, _)| name);
        f.write_str(name)
    }
}

fn own_setting(side: Side) -> String {
    format!("annals.{}.guard", side.name())
}

/// Confluent's broker knows on and off; its "on" checks ids and subjects, never payloads.
fn confluent_setting(side: Side) -> String {
    format!("confluent.{}.schema.validation", side.name())
}

/// The mode a topic's settings ask for, if they do.
#[must_use]
pub(super) fn configured(config: &BTreeMap<String, String>, side: Side) -> Option<Mode> {
    if let Some(word) = config.get(&own_setting(side)) {
        return mode(word);
    }
    Some(match boolean(config.get(&confluent_setting(side))?)? {
        true => Mode::Subject,
        false => Mode::Off,
    })
}

/// The mode of this name. White space around a setting's value does not count, as in the broker's own.
fn mode(word: &str) -> Option<Mode> {
    let found = MODES.iter().find(|(name, _)| *name == word.trim());
    found.map(|(_, mode)| *mode)
}

/// `true` or `false`, in any case, as Kafka reads its settings.
fn boolean(word: &str) -> Option<bool> {
    word.trim().to_ascii_lowercase().parse().ok()
}

/// Is this setting ours, and its value good?
///
/// # Errors
/// The values there are.
pub(super) fn known(key: &str, value: &str) -> Result<bool, String> {
    for side in [Side::Key, Side::Value] {
        if key == own_setting(side) {
            return match mode(value) {
                Some(_) => Ok(true),
                None => Err(format!("{key} must be off, id, subject or full, not {value:?}")),
            };
        }
        if key == confluent_setting(side) {
            return match boolean(value) {
                Some(_) => Ok(true),
                None => Err(format!("{key} must be true or false, not {value:?}")),
            };
        }
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings() {
        let check = |pairs: &[(&str, &str)], wanted: Option<Mode>| {
            let config = pairs
                .iter()
                .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
                .collect();
            assert_eq!(configured(&config, Side::Value), wanted, "{pairs:?}");
        };
        check(&[], None);
        check(&[("annals.value.guard", "id")], Some(Mode::Id));
        check(&[("annals.key.guard", "id")], None);
        check(
            &[("confluent.value.schema.validation", "true")],
            Some(Mode::Subject),
        );
        check(&[("confluent.value.schema.validation", "false")], Some(Mode::Off));
        check(
            &[("confluent.value.schema.validation", "TRUE")],
            Some(Mode::Subject),
        );
        check(
            &[("confluent.value.schema.validation", " False ")],
            Some(Mode::Off),
        );
        check(&[("annals.value.guard", " id ")], Some(Mode::Id));
        check(
            &[
                ("confluent.value.schema.validation", "true"),
                ("annals.value.guard", "full"),
            ],
            Some(Mode::Full),
        );
    }

    #[test]
    fn values() {
        assert_eq!(known("annals.value.guard", "full"), Ok(true));
        assert_eq!(known("retention.ms", "1"), Ok(false));
        assert!(
            known("annals.key.guard", "on")
                .unwrap_err()
                .contains("off, id, subject or full")
        );
        for value in ["TRUE", "True", "false", " False "] {
            assert_eq!(
                known("confluent.key.schema.validation", value),
                Ok(true),
                "{value}"
            );
            assert_eq!(
                known("confluent.value.schema.validation", value),
                Ok(true),
                "{value}"
            );
        }
        assert!(known("confluent.key.schema.validation", "1").is_err());
        assert!(known("confluent.key.schema.validation", "yes").is_err());
    }
}
