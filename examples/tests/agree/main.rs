//! The typed and the declarative fold of an aggregate give the same canonical JSON.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::sync::Arc;

use annals_event_store::{
    AnyFold, At, Cell, Headers, Recorded, Registered, Spent, Step, Subjects, declarative, typed,
};
use annals_examples::company::{DemoRecord, history};
use annals_examples::events::SCHEMAS;
use annals_examples::order::OrderFold;
use annals_examples::package::PackageFold;
use annals_examples::{ORDER_FOLD, PACKAGE_FOLD};
use annals_schema_model::{Raw, Resolve, Schema, SchemaId, Unresolved, Writer};

/// Every schema of the company, with ids in the order in which they are listed.
struct Registry(Vec<Row>);

/// Subject, version, and what stands there.
type Row = (&'static str, u32, Arc<Writer>);

impl Registry {
    fn new() -> Registry {
        let writers = SCHEMAS.iter().zip(1..).map(|(listed, id)| {
            let schema = Schema::parse(listed.schema_type, listed.text, &[]).unwrap();
            let writer = Writer::new(SchemaId::new(id).unwrap(), schema);
            (listed.subject, listed.version, Arc::new(writer))
        });
        Registry(writers.collect())
    }

    fn id(&self, record: &DemoRecord) -> SchemaId {
        self.version(record.subject, record.schema_version).unwrap().id
    }
}

impl Resolve for Registry {
    fn writer(&self, id: SchemaId) -> Result<Arc<Writer>, Unresolved> {
        let found = self.0.iter().find(|(.., writer)| writer.id == id);
        found
            .map(|(.., writer)| Arc::clone(writer))
            .ok_or(Unresolved::Unregistered)
    }
}

impl Subjects for Registry {
    fn version(&self, subject: &str, version: u32) -> Option<Arc<Writer>> {
        let found = self.0.iter().find(|row| (row.0, row.1) == (subject, version));
        found.map(|(.., writer)| Arc::clone(writer))
    }

    fn latest(&self, topic: &str, record_name: &str) -> Option<Registered> {
        let of_topic = self.0.iter().filter(|(subject, _, writer)| {
            subject.starts_with(&format!("{topic}-"))
                && writer.schema.record_name().as_deref() == Some(record_name)
        });
        let (subject, version, writer) = of_topic.clone().max_by_key(|(_, version, _)| *version)?;
        let versions = of_topic.map(|(_, version, writer)| (*version, writer.id));
        Some(Registered {
            subject: (*subject).to_owned(),
            version: *version,
            versions: versions.collect(),
            writer: Arc::clone(writer),
        })
    }
}

/// Feeds records to both folds and compares what they show after each event. Answers how many events both folded.
fn compare(registry: &Registry, folds: &[Box<dyn AnyFold>; 2], records: &[&DemoRecord]) -> usize {
    let mut states: [Cell; 2] = [None, None];
    for (record, revision) in records.iter().zip(0..) {
        let headers: Headers = record
            .headers
            .iter()
            .map(|(name, value)| (name, Some(value)))
            .collect();
        let spent = Spent::default();
        let event = Recorded {
            topic: record.topic,
            at: At {
                partition: 0,
                offset: i64::try_from(revision).unwrap(),
                revision,
                recorded_ms: record.timestamp_ms,
                headers: &headers,
            },
            key: record.partition_key.as_bytes(),
            raw: Raw {
                schema: registry.id(record),
                body: &record.body,
            },
            spent: &spent,
        };
        let steps = [0, 1].map(|fold: usize| folds[fold].step(&mut states[fold], &event, registry));
        match &steps {
            [Ok(Step::Applied), Ok(Step::Applied)] => {}
            [Err(_), Err(_)] => return usize::try_from(revision).unwrap(),
            other => panic!("{record:?}: {other:?}"),
        }
        let views = [0, 1].map(|fold: usize| folds[fold].view(&states[fold]).unwrap().to_string());
        assert_eq!(views[0], views[1], "after {record:?}");
    }
    records.len()
}

fn folds(topic: &str, registry: &Registry) -> [Box<dyn AnyFold>; 2] {
    let text = if topic == "orders" {
        ORDER_FOLD
    } else {
        PACKAGE_FOLD
    };
    let declared = declarative::load(text, registry).unwrap_or_else(|error| panic!("{topic}: {error}"));
    let typed: Box<dyn AnyFold> = match topic {
        "orders" => Box::new(typed::<OrderFold>(topic)),
        _ => Box::new(typed::<PackageFold>(topic)),
    };
    [typed, Box::new(declared)]
}

#[test]
fn both_folds_show_the_same() {
    let registry = Registry::new();
    let records: Vec<DemoRecord> = history(1).collect();
    let mut aggregates: BTreeMap<(&str, &str), Vec<&DemoRecord>> = BTreeMap::new();
    for record in &records {
        aggregates
            .entry((record.topic, &record.partition_key))
            .or_default()
            .push(record);
    }
    let mut compared = 0;
    for topic in ["orders", "packages"] {
        let folds = folds(topic, &registry);
        let of_topic = aggregates.iter().filter(|((of, _), _)| *of == topic);
        for (_, events) in of_topic {
            compared += compare(&registry, &folds, events);
        }
    }
    assert_eq!(compared, records.len());
}

#[test]
fn both_folds_stop_at_the_same_event() {
    let registry = Registry::new();
    let records: Vec<DemoRecord> = history(1).take(600).collect();
    let mut aggregates: BTreeMap<(&str, &str), Vec<&DemoRecord>> = BTreeMap::new();
    for record in &records {
        aggregates
            .entry((record.topic, &record.partition_key))
            .or_default()
            .push(record);
    }
    let [orders, packages] = ["orders", "packages"].map(|topic| folds(topic, &registry));
    for ((topic, _), events) in aggregates {
        let folds = if topic == "orders" { &orders } else { &packages };
        let reversed: Vec<_> = events.iter().rev().copied().collect();
        assert_eq!(
            compare(&registry, folds, &reversed),
            usize::from(events.len() == 1)
        );
        let twice: Vec<_> = events.iter().chain(&events).copied().collect();
        assert_eq!(compare(&registry, folds, &twice), events.len());
    }
}
