//! A real Apache Kafka beside us: the same requests to both, for every version of every API that both advertise, and
//! their answers compared place by place. What may differ is laid down in two places: ids, times and the like in
//! `shown`, and what we do otherwise on purpose in `known`, each with its reason.
//!
//! Left out: APIs and versions that we do not advertise, and the order of lists, which in Kafka is that of its hash maps.

mod both;
mod cluster;
mod configs;
mod groups;
mod kafka;
mod known;
mod new_groups;
mod offsets;
mod records;
mod shown;
mod side;
mod topics;
mod transactions;

use std::collections::BTreeSet;
use std::time::Instant;

use crate::server::Server;
use both::Both;
use kafka::Kafka;

/// What is asked of both.
type Script = fn(&mut Both);

/// Every script, and what the names in it begin with.
const SCRIPTS: &[(&str, Script)] = &[
    ("first", cluster::first),
    ("topics", topics::script),
    ("cluster", cluster::script),
    ("configs", configs::script),
    ("records", records::script),
    ("groups", groups::script),
    ("new-groups", new_groups::script),
    ("transactions", transactions::script),
    ("hostile", cluster::hostile),
];

#[test]
fn every_version_of_every_api_answers_as_kafka_does() {
    let Some(kafka) = Kafka::start() else {
        return;
    };
    let annals = Server::start(&[]);
    let started = Instant::now();
    let mut both = Both::new(&kafka.address, &annals.kafka);
    for (name, script) in SCRIPTS {
        both.run(name, *script);
    }
    let mut wrong = known::judged(&both.differences);
    let unasked = both.unasked();
    wrong.extend(
        unasked
            .iter()
            .map(|(key, version)| format!("{key} v{version} is never asked")),
    );
    let apis: BTreeSet<_> = both.asked.keys().map(|(key, _)| key).collect();
    println!(
        "beside Kafka: {} exchanges of {} versions of {} APIs compared in {} s, {} known differences",
        both.exchanges,
        both.asked.len(),
        apis.len(),
        started.elapsed().as_secs(),
        known::KNOWN.len()
    );
    assert!(
        wrong.is_empty(),
        "{} differences:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}
