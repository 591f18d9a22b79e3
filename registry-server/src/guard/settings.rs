//! The settings of a topic's guard: their names, those of other brokers for the same, and what a topic's settings ask for.
//!
//! A topic that says nothing (`auto`) is checked in full as soon as a subject is registered for it, and not at all
//! before. What other brokers call schema validation is on or off, and "on" checks ids and subjects, never payloads.

use std::collections::BTreeMap;

use annals_broker::{GuardSetting, Standing};

use super::{Level, Side};
use crate::topic_subjects::Strategies;

type Config = BTreeMap<String, String>;

/// The level that is none: it depends on what is registered.
const AUTO: &str = "auto";

/// What is asked of one side of a topic's records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Asked {
    /// Nothing for `auto`.
    pub(super) level: Option<Level>,
    pub(super) strategies: Strategies,
    /// Whether there must be a key, or value, at all.
    pub(super) refuses_nulls: bool,
}

/// What a topic's settings ask for.
pub(super) fn asked(config: &Config, side: Side) -> Asked {
    let names = Names::of(side);
    let said = |own: &str, others: [&str; 2], means: fn(&str) -> Option<&'static str>, other_means| {
        let others = others.into_iter().map(|name| (name, other_means));
        [(own, means)]
            .into_iter()
            .chain(others)
            .find_map(|(name, means): (&str, fn(&str) -> Option<&'static str>)| means(config.get(name)?))
    };
    let level = said(names.guard, names.validations, level, validation);
    let strategy = said(names.strategy, names.strategies, strategies, class);
    Asked {
        level: level.and_then(|word| Level::ALL.into_iter().find(|level| level.name() == word)),
        strategies: strategy.and_then(Strategies::named).unwrap_or_default(),
        refuses_nulls: side == Side::Value
            && config.get(NULLS).and_then(|value| nulls(value)) == Some("reject"),
    }
}

/// What the settings of one side are called.
struct Names {
    guard: &'static str,
    strategy: &'static str,
    validations: [&'static str; 2],
    strategies: [&'static str; 2],
}

impl Names {
    const fn of(side: Side) -> Names {
        match side {
            Side::Key => Names {
                guard: "annals.key.guard",
                strategy: "annals.key.subject.name.strategy",
                validations: [
                    "confluent.key.schema.validation",
                    "redpanda.key.schema.id.validation",
                ],
                strategies: [
                    "confluent.key.subject.name.strategy",
                    "redpanda.key.subject.name.strategy",
                ],
            },
            Side::Value => Names {
                guard: "annals.value.guard",
                strategy: "annals.value.subject.name.strategy",
                validations: [
                    "confluent.value.schema.validation",
                    "redpanda.value.schema.id.validation",
                ],
                strategies: [
                    "confluent.value.subject.name.strategy",
                    "redpanda.value.subject.name.strategy",
                ],
            },
        }
    }
}

const KEY: Names = Names::of(Side::Key);
const VALUE: Names = Names::of(Side::Value);
const NULLS: &str = "annals.value.nulls";

const GUARD_MEANS: &str = "What is asked of a record: off, nothing; id, a registered schema id; subject, one of this topic; \
     full, that the payload reads with it and keeps its rules; warn, as full, but told and let in; auto, full as soon as \
     a subject of this topic is registered.";
const STRATEGY_MEANS: &str = "How subjects of this topic are named: topic, TOPIC-key and TOPIC-value; record, by the record's \
     full name; topic-record, by both.";

/// All of them, and their other names.
pub(super) const ROWS: &[GuardSetting] = &[
    own(KEY.guard, AUTO, false, level, LEVELS, GUARD_MEANS),
    other(KEY.validations[0], KEY.guard, validation, BOOLEAN, VALIDATION),
    other(KEY.validations[1], KEY.guard, validation, BOOLEAN, VALIDATION),
    own(
        KEY.strategy,
        DEFAULT,
        true,
        strategies,
        STRATEGIES,
        STRATEGY_MEANS,
    ),
    other(KEY.strategies[0], KEY.strategy, class, CLASSES, STRATEGY),
    other(KEY.strategies[1], KEY.strategy, class, CLASSES, STRATEGY),
    own(VALUE.guard, AUTO, false, level, LEVELS, GUARD_MEANS),
    other(VALUE.validations[0], VALUE.guard, validation, BOOLEAN, VALIDATION),
    other(VALUE.validations[1], VALUE.guard, validation, BOOLEAN, VALIDATION),
    own(
        NULLS,
        "allow",
        false,
        nulls,
        "allow or reject",
        "Whether a record may come without a value.",
    ),
    own(
        VALUE.strategy,
        DEFAULT,
        true,
        strategies,
        STRATEGIES,
        STRATEGY_MEANS,
    ),
    other(VALUE.strategies[0], VALUE.strategy, class, CLASSES, STRATEGY),
    other(VALUE.strategies[1], VALUE.strategy, class, CLASSES, STRATEGY),
];

const DEFAULT: &str = "topic,topic-record";
const LEVELS: &str = "auto, off, warn, id, subject or full";
const BOOLEAN: &str = "true or false";
const STRATEGIES: &str = "topic, record or topic-record, or several of them with commas between";
const CLASSES: &str =
    "TopicNameStrategy, RecordNameStrategy or TopicRecordNameStrategy, or the name of that class in full";
const VALIDATION: &str = "Another name of the guard's level: true is subject, false is off.";
const STRATEGY: &str = "Another name of how subjects are named.";

type Means = fn(&str) -> Option<&'static str>;

const fn own(
    name: &'static str,
    default: &'static str,
    is_list: bool,
    means: Means,
    wants: &'static str,
    meaning: &'static str,
) -> GuardSetting {
    let standing = Standing::Own { default, is_list };
    GuardSetting {
        name,
        standing,
        means,
        wants,
        meaning,
    }
}

const fn other(
    name: &'static str,
    of: &'static str,
    means: Means,
    wants: &'static str,
    meaning: &'static str,
) -> GuardSetting {
    let standing = Standing::NameOf(of);
    GuardSetting {
        name,
        standing,
        means,
        wants,
        meaning,
    }
}

/// White space around a setting's value does not count, as in the broker's own.
fn level(word: &str) -> Option<&'static str> {
    let names = Level::ALL.into_iter().map(Level::name).chain([AUTO]);
    one_of(word, names)
}

fn nulls(word: &str) -> Option<&'static str> {
    one_of(word, ["allow", "reject"].into_iter())
}

fn one_of(word: &str, mut words: impl Iterator<Item = &'static str>) -> Option<&'static str> {
    words.find(|known| *known == word.trim())
}

/// `true` or `false`, in any case, as Kafka reads its settings.
fn validation(word: &str) -> Option<&'static str> {
    let is_on = word.trim().to_ascii_lowercase().parse().ok()?;
    Some(if is_on { Level::Subject } else { Level::Off }.name())
}

fn strategies(words: &str) -> Option<&'static str> {
    Strategies::named(words).map(Strategies::name)
}

/// A Java class of the registry's clients, with its package or without.
fn class(word: &str) -> Option<&'static str> {
    let word = word.trim();
    let class = word
        .strip_prefix("io.confluent.kafka.serializers.subject.")
        .unwrap_or(word);
    Some(match class {
        "TopicNameStrategy" => "topic",
        "RecordNameStrategy" => "record",
        "TopicRecordNameStrategy" => "topic-record",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLASS: &str = "io.confluent.kafka.serializers.subject.RecordNameStrategy";

    fn config(pairs: &[(&str, &str)]) -> Config {
        let pairs = pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned()));
        pairs.collect()
    }

    #[test]
    fn what_settings_ask_for() {
        let check = |pairs: &[(&str, &str)], level: Option<Level>, strategies: &str| {
            let asked = asked(&config(pairs), Side::Value);
            assert_eq!(
                (asked.level, asked.strategies.name()),
                (level, strategies),
                "{pairs:?}"
            );
        };
        check(&[], None, DEFAULT);
        check(&[("annals.value.guard", "auto")], None, DEFAULT);
        for level in Level::ALL {
            check(&[("annals.value.guard", level.name())], Some(level), DEFAULT);
            check(
                &[("annals.value.guard", &format!(" {level} "))],
                Some(level),
                DEFAULT,
            );
        }
        check(&[("annals.key.guard", "id")], None, DEFAULT);
        for name in [
            "confluent.value.schema.validation",
            "redpanda.value.schema.id.validation",
        ] {
            for (value, level) in [
                ("true", Level::Subject),
                ("TRUE", Level::Subject),
                ("false", Level::Off),
                (" False ", Level::Off),
            ] {
                check(&[(name, value)], Some(level), DEFAULT);
            }
        }
        check(
            &[("annals.value.subject.name.strategy", "record")],
            None,
            "record",
        );
        check(
            &[("annals.value.subject.name.strategy", " topic-record , topic ")],
            None,
            DEFAULT,
        );
        check(
            &[("confluent.value.subject.name.strategy", CLASS)],
            None,
            "record",
        );
        check(
            &[("redpanda.value.subject.name.strategy", "TopicRecordNameStrategy")],
            None,
            "topic-record",
        );
        let nulls = |value: &str| asked(&config(&[(NULLS, value)]), Side::Value).refuses_nulls;
        assert!(nulls("reject") && !nulls("allow"));
        assert!(!asked(&config(&[(NULLS, "reject")]), Side::Key).refuses_nulls);
    }

    #[test]
    fn values() {
        let means = |name: &str, value: &str| {
            let row = ROWS.iter().find(|row| row.name == name).unwrap();
            (row.means)(value)
        };
        for row in ROWS {
            match row.standing {
                // A default may be written down as it stands, and says itself.
                Standing::Own { default, .. } => assert_eq!((row.means)(default), Some(default)),
                Standing::NameOf(name) => assert!(ROWS.iter().any(|row| row.name == name), "{name}"),
            }
            for wrong in [
                "",
                "on",
                "1",
                "yes",
                "Topic",
                "topic;record",
                "x.RecordNameStrategy",
            ] {
                assert_eq!((row.means)(wrong), None, "{} = {wrong:?}", row.name);
            }
        }
        assert_eq!(means("confluent.key.schema.validation", "TRUE"), Some("subject"));
        assert_eq!(
            means("confluent.key.subject.name.strategy", CLASS),
            Some("record")
        );
        assert_eq!(
            means("redpanda.key.subject.name.strategy", "TopicNameStrategy"),
            Some("topic")
        );
    }
}
