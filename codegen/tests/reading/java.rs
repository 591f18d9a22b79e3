//! Generated types beside Avro Java: Java reads what they write as the same bytes, and they read what Java writes.

use annals_schema_model::{EventSet, Reading, Schema, SchemaType, SchemaVersion, Seen, avro};
use serde_json::json;

use crate::foreign_writers::read;
use crate::generate::Random;
use crate::oracle::{Oracle, hex, unhex};
use crate::{events, payload, sets};

/// Data of each schema, and those that Java makes.
const DATA: usize = 200;
const MADE: usize = 50;

pub(crate) type Again = fn(&str, &[u8]) -> Result<Vec<u8>, String>;

/// What an event set reads, in its own bytes.
fn again<E: EventSet>(text: &str, body: &[u8]) -> Result<Vec<u8>, String> {
    match read::<E>(SchemaType::Avro, text, 1, body) {
        Ok(Seen::Known(event)) => event
            .encode()
            .map(|(_, body)| body)
            .map_err(|error| error.to_string()),
        Ok(_) => Err("another kind".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

/// The topics by the start of their subjects.
pub(crate) const SETS: &[(&str, Again)] = &[
    ("zoo-", again::<events::ZooEvent>),
    ("kinds-", again::<sets::generated::KindsEvent>),
    ("lists-", again::<sets::generated::ListsEvent>),
    ("moved-", again::<sets::generated::MovedEvent>),
    ("names-", again::<sets::generated::NamesEvent>),
    ("ordered-", again::<sets::generated::OrderedEvent>),
    ("rebilled-", again::<sets::generated::RebilledEvent>),
    ("paid-", again::<sets::generated::PaidEvent>),
    ("defaults-", again::<sets::generated::DefaultsEvent>),
    ("raised-", again::<sets::generated::RaisedEvent>),
    ("strings-", again::<sets::generated::StringsEvent>),
    ("changes-", again::<sets::generated::ChangesEvent>),
    ("clicks-", again::<sets::generated::ClicksEvent>),
    ("nests-", again::<sets::generated::NestsEvent>),
    ("readings-", again::<sets::generated::ReadingsEvent>),
    ("words-", again::<sets::generated::WordsEvent>),
    ("symbols-", again::<sets::generated::SymbolsEvent>),
    ("happened-", again::<sets::generated::HappenedEvent>),
    ("samples-", again::<sets::generated::SamplesEvent>),
    ("turned-", again::<sets::generated::TurnedEvent>),
    ("wide-", again::<sets::generated::WideEvent>),
];

/// A schema of a set, the one its events are read as, and bytes that generated types wrote.
struct Case {
    subject: &'static str,
    text: &'static str,
    again: Again,
    reader: avro::Schema,
    bodies: Vec<Vec<u8>>,
}

fn cases() -> Vec<Case> {
    let schemas = || events::SCHEMAS.iter().chain(sets::generated::SCHEMAS);
    let of_avro = schemas()
        .filter(|schema| schema.schema_type == SchemaType::Avro)
        // The oracle is told one text.
        .filter(|schema| schema.references.is_empty() && !schema.subject.starts_with("geo."))
        // What is upcast becomes what its user makes of it.
        .filter(|schema| schema.subject != "raised-value" || schema.version == 3)
        .filter(|schema| schema.subject != "happened-value" || schema.version == 2);
    let mut random = Random::new(1);
    let case = |schema: &SchemaVersion| {
        let SchemaVersion { subject, text, .. } = *schema;
        let (_, again) = SETS.iter().find(|(topic, _)| subject.starts_with(topic)).unwrap();
        let newest = schemas().rfind(|of| of.subject == subject).unwrap().text;
        let [writer, reader] = [text, newest].map(|text| avro::Schema::parse(text, &[]).unwrap());
        let dynamic = avro::Reading::new(&writer, &reader).unwrap();
        let bodies = (0..DATA)
            .filter_map(|_| payload::data(&writer, &mut random, true))
            .map(|body| {
                let bytes = again(text, &body).unwrap_or_else(|error| panic!("{subject}: {error}"));
                let (read, read_again) = (dynamic.read(&body), avro::Reading::of(&reader).read(&bytes));
                assert_eq!(format!("{read:?}"), format!("{read_again:?}"), "{subject}");
                bytes
            });
        let bodies = bodies.collect();
        Case {
            subject,
            text: newest,
            again: *again,
            reader,
            bodies,
        }
    };
    of_avro.map(case).collect()
}

#[test]
fn generated_types_and_java_read_each_other() {
    let cases = cases();
    let Some(oracle) = Oracle::start("Values") else {
        return;
    };
    let ask = |case: &Case| {
        let bodies: Vec<String> = case.bodies.iter().map(|body| hex(body)).collect();
        json!({"schema": case.text, "bodies": bodies, "make": MADE, "seed": 1})
    };
    let (mut ours, mut made, mut not_held) = (0, 0, 0);
    oracle.ask(cases.into_iter(), ask, |case, answer| {
        let schema = Schema::parse(SchemaType::Avro, case.text, &[]).unwrap();
        let has_logical = case.reader.nodes().iter().any(|node| node.logical.is_some());
        for (datum, body) in answer["bodies"].as_array().unwrap().iter().zip(&case.bodies) {
            let context = format!("{}: {} {datum}", case.subject, hex(body));
            assert_eq!(datum["ok"], true, "{context}");
            assert_eq!(unhex(datum["plain"].as_str().unwrap()), *body, "{context}");
            let blocks = unhex(datum["blocks"].as_str().unwrap());
            assert_eq!((case.again)(case.text, &blocks).as_ref(), Ok(body), "{context}");
            ours += 1;
        }
        for datum in answer["made"].as_array().unwrap() {
            let body = unhex(datum["body"].as_str().unwrap());
            match (case.again)(case.text, &body) {
                Ok(bytes) => {
                    // In another order of a map's entries.
                    let shown = |body: &[u8]| Reading::of(&schema).read(body).unwrap().to_json();
                    assert_eq!(shown(&bytes), shown(&body), "{}", case.subject);
                    made += 1;
                }
                // Java makes numbers and texts of any kind, which need be no date and no uuid.
                Err(error) => {
                    assert!(has_logical, "{}: {error} in {}", case.subject, hex(&body));
                    not_held += 1;
                }
            }
        }
    });
    println!("{ours} data of ours, {made} of Java's, {not_held} of Java's that no type holds");
    assert!(ours > 2_500 && made > 500, "{ours} {made}");
}
