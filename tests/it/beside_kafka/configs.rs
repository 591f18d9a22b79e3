//! Settings: described, set as a whole, and altered one by one.

use annals_kafka_wire::message::alter_configs::{self, AlterConfigsRequest};
use annals_kafka_wire::message::describe_configs::{DescribeConfigsRequest, DescribeConfigsResource};
use annals_kafka_wire::message::incremental_alter_configs::{self, IncrementalAlterConfigsRequest};

use super::both::Both;
use super::topics::{make, rest};

const TOPIC: i8 = 2;
const BROKER: i8 = 4;
const GROUP: i8 = 32;

const SET: i8 = 0;
const DELETE: i8 = 1;
const APPEND: i8 = 2;
const SUBTRACT: i8 = 3;

pub(crate) fn script(both: &mut Both) {
    let topic = both.name("t");
    make(both, &topic, 1, &[("min.compaction.lag.ms", "7")]);
    describing(both, &topic);
    setting(both, &topic);
    altering(both, &topic);
}

fn of(resource_type: i8, name: &str, keys: Option<&[&str]>) -> DescribeConfigsRequest {
    DescribeConfigsRequest {
        resources: vec![DescribeConfigsResource {
            resource_type,
            resource_name: name.to_owned(),
            configuration_keys: keys.map(|keys| keys.iter().map(|key| (*key).to_owned()).collect()),
        }],
        ..rest()
    }
}

fn describing(both: &mut Both, topic: &str) {
    both.ask("all of a topic", |_| of(TOPIC, topic, None));
    both.ask("all of a topic and where they come from", |_| {
        DescribeConfigsRequest {
            include_synonyms: true,
            include_documentation: true,
            ..of(TOPIC, topic, None)
        }
    });
    both.ask("some of a topic", |_| {
        of(
            TOPIC,
            topic,
            Some(&["retention.ms", "no.such.config", "cleanup.policy"]),
        )
    });
    both.ask("one of a topic twice", |_| {
        of(TOPIC, topic, Some(&["retention.ms", "retention.ms"]))
    });
    both.ask("none of a topic", |_| of(TOPIC, topic, Some(&[])));
    for (kind, name) in [
        (TOPIC, "none"),
        (TOPIC, ""),
        (TOPIC, "a/b"),
        (BROKER, "7"),
        (BROKER, "x"),
        (8, "1"),
        (8, "7"),
        (16, "none"),
        (16, ""),
        (0, "x"),
        (1, "x"),
        (99, "x"),
    ] {
        both.ask(&format!("of {kind} {name}"), |_| of(kind, name, None));
    }
    both.ask("of a group", |_| of(GROUP, "g", None));
    both.ask("of a group without a name", |_| of(GROUP, "", None));
    both.ask("of the broker", |_| of(BROKER, "1", None));
    both.ask("of the brokers", |_| of(BROKER, "", None));
    both.ask("of nothing", |_| DescribeConfigsRequest::default());
    both.ask("of a topic twice", |_| {
        let one = of(TOPIC, topic, Some(&["retention.ms"]));
        DescribeConfigsRequest {
            resources: [one.resources.clone(), one.resources].concat(),
            ..rest()
        }
    });
}

/// Waits until both say that a setting of a topic is so.
fn until(both: &mut Both, topic: &str, key: &str, value: &str) {
    both.set_up(|both| {
        both.ask_until(
            "until it is so",
            |_| of(TOPIC, topic, Some(&[key])),
            |answer| {
                let configs = answer.results.iter().flat_map(|result| &result.configs);
                configs
                    .into_iter()
                    .all(|config| config.value.as_deref() == Some(value))
            },
        );
    });
}

fn set(resource_type: i8, name: &str, configs: &[(&str, Option<&str>)]) -> AlterConfigsRequest {
    AlterConfigsRequest {
        resources: vec![alter_configs::AlterConfigsResource {
            resource_type,
            resource_name: name.to_owned(),
            configs: configs
                .iter()
                .map(|(name, value)| alter_configs::AlterableConfig {
                    name: (*name).to_owned(),
                    value: value.map(str::to_owned),
                })
                .collect(),
        }],
        ..rest()
    }
}

/// Values that no topic takes, or each that it does in a strange form.
const VALUES: &[(&str, Option<&str>)] = &[
    ("no.such.config", Some("1")),
    ("retention.ms", Some("long")),
    ("retention.ms", Some("-2")),
    ("retention.ms", Some("")),
    ("retention.ms", None),
    ("retention.ms", Some(" 7 ")),
    ("cleanup.policy", Some("burn")),
    ("cleanup.policy", Some("delete,delete")),
    ("max.message.bytes", Some("2147483648")),
    ("segment.ms", Some("0")),
    ("preallocate", Some("TRUE")),
    ("min.cleanable.dirty.ratio", Some("1.5")),
    ("", Some("1")),
];

fn setting(both: &mut Both, topic: &str) {
    both.ask("set", |_| set(TOPIC, topic, &[("segment.ms", Some("3600000"))]));
    until(both, topic, "segment.ms", "3600000");
    // What is not said is as it was before anybody set it.
    until(both, topic, "min.compaction.lag.ms", "0");
    both.ask("only try to set", |_| AlterConfigsRequest {
        validate_only: true,
        ..set(TOPIC, topic, &[("segment.ms", Some("7200000"))])
    });
    for (key, value) in VALUES {
        both.ask(&format!("only try {key}={value:?}"), |_| AlterConfigsRequest {
            validate_only: true,
            ..set(TOPIC, topic, &[(key, *value)])
        });
    }
    both.ask("set one twice", |_| {
        set(
            TOPIC,
            topic,
            &[("segment.ms", Some("1000")), ("segment.ms", Some("2000"))],
        )
    });
    for (kind, name) in [
        (TOPIC, "none"),
        (TOPIC, ""),
        (TOPIC, "a/b"),
        (BROKER, "7"),
        (BROKER, "x"),
        (8, "1"),
        (0, "x"),
        (99, "x"),
    ] {
        both.ask(&format!("set of {kind} {name}"), |_| {
            set(kind, name, &[("retention.ms", Some("1"))])
        });
    }
    both.ask("set nothing", |_| AlterConfigsRequest::default());
    both.ask("set none", |_| set(TOPIC, topic, &[]));
    until(both, topic, "segment.ms", "604800000");
}

fn alter(
    resource_type: i8,
    name: &str,
    configs: &[(&str, i8, Option<&str>)],
) -> IncrementalAlterConfigsRequest {
    IncrementalAlterConfigsRequest {
        resources: vec![incremental_alter_configs::AlterConfigsResource {
            resource_type,
            resource_name: name.to_owned(),
            configs: configs
                .iter()
                .map(
                    |(name, config_operation, value)| incremental_alter_configs::AlterableConfig {
                        name: (*name).to_owned(),
                        config_operation: *config_operation,
                        value: value.map(str::to_owned),
                    },
                )
                .collect(),
        }],
        ..rest()
    }
}

fn altering(both: &mut Both, topic: &str) {
    both.ask("alter", |_| {
        alter(
            TOPIC,
            topic,
            &[
                ("min.compaction.lag.ms", SET, Some("5000")),
                ("segment.ms", SET, Some("6000")),
            ],
        )
    });
    until(both, topic, "segment.ms", "6000");
    both.ask("altered", |_| {
        of(TOPIC, topic, Some(&["min.compaction.lag.ms", "segment.ms"]))
    });
    both.ask("alter back", |_| {
        alter(TOPIC, topic, &[("min.compaction.lag.ms", DELETE, None)])
    });
    until(both, topic, "min.compaction.lag.ms", "0");
    both.ask("alter back what nobody set", |_| {
        alter(
            TOPIC,
            topic,
            &[("flush.ms", DELETE, None), ("flush.ms", DELETE, None)],
        )
    });
    for (what, operation, value, then) in [
        ("append", APPEND, "compact", "delete,compact"),
        ("append again", APPEND, "compact", "delete,compact"),
        ("subtract", SUBTRACT, "delete", "compact"),
        ("subtract what is not there", SUBTRACT, "delete", "compact"),
    ] {
        both.ask(what, |_| {
            alter(TOPIC, topic, &[("cleanup.policy", operation, Some(value))])
        });
        until(both, topic, "cleanup.policy", then);
    }
    let tries: &[(&str, i8, Option<&str>)] = &[
        ("retention.ms", APPEND, Some("1")),
        ("retention.ms", SUBTRACT, Some("1")),
        ("retention.ms", 9, Some("1")),
        ("retention.ms", -1, Some("1")),
        ("no.such.config", DELETE, None),
        ("no.such.config", APPEND, Some("1")),
        ("cleanup.policy", APPEND, None),
        ("cleanup.policy", APPEND, Some("burn")),
        ("cleanup.policy", APPEND, Some("")),
        ("cleanup.policy", SUBTRACT, Some("compact")),
        ("retention.ms", DELETE, Some("77")),
    ];
    for (key, operation, value) in tries {
        both.ask(&format!("only try {operation} {key} {value:?}"), |_| {
            IncrementalAlterConfigsRequest {
                validate_only: true,
                ..alter(TOPIC, topic, &[(key, *operation, *value)])
            }
        });
    }
    for (key, value) in VALUES {
        both.ask(&format!("only try {key}={value:?}"), |_| {
            IncrementalAlterConfigsRequest {
                validate_only: true,
                ..alter(TOPIC, topic, &[(key, SET, *value)])
            }
        });
    }
    both.ask("alter one twice", |_| {
        alter(
            TOPIC,
            topic,
            &[("segment.ms", SET, Some("1000")), ("segment.ms", DELETE, None)],
        )
    });
    for (kind, name) in [
        (TOPIC, "none"),
        (TOPIC, ""),
        (TOPIC, "a/b"),
        (BROKER, "7"),
        (BROKER, "x"),
        (8, "7"),
        (0, "x"),
        (99, "x"),
    ] {
        both.ask(&format!("alter of {kind} {name}"), |_| {
            alter(kind, name, &[("retention.ms", SET, Some("1"))])
        });
    }
    both.ask("alter nothing", |_| IncrementalAlterConfigsRequest::default());
    both.ask("alter none", |_| alter(TOPIC, topic, &[]));
    both.ask("alter one topic twice", |_| {
        let one = alter(TOPIC, topic, &[("segment.ms", SET, Some("3600000"))]);
        IncrementalAlterConfigsRequest {
            resources: [one.resources.clone(), one.resources].concat(),
            ..rest()
        }
    });
}
