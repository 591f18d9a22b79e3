//! Random values beside the `apache-avro` crate: what goes there comes back, and bytes mean the same on both sides, but for
//! what is listed.
//!
//! Avro Java agrees with us on all of it (`tests/avro_java`); so each row is where that crate parts from Java, with its issue
//! where there is one. A row that is no disagreement any more fails the test.

use annals_schema_model::{
    Value,
    avro::{Reading, Schema, interop},
};
use apache_avro::reader::datum::GenericDatumReader;
use apache_avro::{Schema as ApacheSchema, writer::datum::GenericDatumWriter};

use crate::{
    generate::{Random, Types, write},
    payload,
};

const SCHEMAS: u64 = 8_000;
const DATA: usize = 4;

fn schema(random: &mut Random) -> Option<Schema> {
    let depth = 1 + random.below(3);
    let kind = Types::new(random).record(depth);
    Schema::parse(&write(&kind, random), &[]).ok()
}

/// Where the crate parts from Avro Java: a part of what is noted, why, and its issue where there is one.
const DISAGREEMENTS: &[(&str, &str, Option<&str>)] = &[
    (
        "read: from: Record(",
        "an alias that is the name of a type makes that type the one with the alias",
        None,
    ),
    (
        "write: Unresolved schema reference",
        "a type without a namespace used within one, which it does not find when it writes",
        None,
    ),
    ("read: Unresolved schema reference", "nor when it reads", None),
    (
        "schema: apache-avro refuses the schema: Unknown primitive type",
        "records declared as errors, and a type without a namespace used within one",
        None,
    ),
    (
        "schema: apache-avro refuses the schema: logicalType must be a string",
        "a logicalType that is no text is no logical type",
        None,
    ),
    (
        "schema: apache-avro refuses the schema: `default`'s value type of field",
        "defaults of decimals and durations as fixeds, and NaN as text",
        Some("apache/avro-rs#580"),
    ),
    (
        "schema: apache-avro refuses the schema: One union type",
        "the default of a union of logical types",
        Some("apache/avro-rs#580"),
    ),
    (
        "write: Value does not match schema",
        "a local timestamp behind a uuid in a union is written for a text",
        None,
    ),
    // Ours: the text of a year beyond 0 to 9999 is no instant that JSON is read from.
    (
        "to: String(",
        "values keep local timestamps as text, which is read of the years 0 to 9999 alone",
        None,
    ),
];

/// With maps in the order of their keys, which that crate does not keep; NaN is not equal to itself.
fn shown(value: &Value) -> String {
    fn sorted(value: &Value) -> Value {
        match value {
            Value::Map(entries) => {
                let mut entries: Vec<_> = entries
                    .iter()
                    .map(|(key, value)| (key.clone(), sorted(value)))
                    .collect();
                entries.sort_by(|left, right| left.0.cmp(&right.0));
                Value::Map(entries)
            }
            Value::Array(items) => Value::Array(items.iter().map(sorted).collect()),
            Value::Record { name, fields } => Value::Record {
                name: name.clone(),
                fields: fields
                    .iter()
                    .map(|(name, value)| (name.clone(), sorted(value)))
                    .collect(),
            },
            leaf => leaf.clone(),
        }
    }
    format!("{:?}", sorted(value))
}

#[test]
fn random_values_go_both_ways() {
    let mut found = [0usize; DISAGREEMENTS.len()];
    let mut unknown = Vec::new();
    let mut note = |kind: String, example: String| match DISAGREEMENTS
        .iter()
        .position(|(part, ..)| kind.starts_with(part))
    {
        Some(row) => found[row] += 1,
        None => unknown.push(format!("{kind}\n    {example}")),
    };
    let mut random = Random::new(5);
    let (mut schemas, mut data) = (0, 0);
    for _ in 0..SCHEMAS {
        let Some(schema) = schema(&mut random) else {
            continue;
        };
        let apache = match interop::schema_to_apache(&schema) {
            Ok(apache) => apache,
            Err(error) => {
                note(format!("schema: {error}"), schema.stored_text());
                continue;
            }
        };
        schemas += 1;
        for _ in 0..DATA {
            let Some(body) = payload::data(&schema, &mut random, true) else {
                continue;
            };
            data += 1;
            one(&schema, &apache, &body, &mut note);
        }
    }
    println!("{schemas} schemas, {data} data, disagreements {found:?}");
    assert!(
        unknown.is_empty(),
        "{} unknown\n{}",
        unknown.len(),
        unknown[..unknown.len().min(3)].join("\n")
    );
    assert!(
        found.iter().all(|count| *count > 0),
        "one is no disagreement any more: {found:?}"
    );
    assert!(schemas > 6_000 && data > 20_000);
}

fn one(schema: &Schema, apache: &ApacheSchema, body: &[u8], note: &mut impl FnMut(String, String)) {
    let ours = Reading::of(schema).read(body).unwrap();
    let example = || format!("{} {body:?}", schema.stored_text());
    let cut = |error: String| error.chars().take(200).collect::<String>();
    // There and back.
    let there = match interop::value_to_apache(schema, &ours) {
        Ok(there) => there,
        Err(error) => return note(format!("to: {}", cut(error.to_string())), example()),
    };
    match interop::value_from_apache(schema, &there) {
        Ok(back) if shown(&back) == shown(&ours) => {}
        Ok(back) => note(
            "back: another value".to_owned(),
            format!("{} {} {}", example(), shown(&ours), shown(&back)),
        ),
        Err(error) => note(format!("back: {}", cut(error.to_string())), example()),
    }
    // Bytes that crate writes are read by us.
    let mut bytes = Vec::new();
    let written = GenericDatumWriter::builder(apache)
        .build()
        .and_then(|writer| writer.write_value(&mut bytes, there));
    match written {
        Ok(_) => match Reading::of(schema).read(&bytes) {
            Ok(read) if shown(&read) == shown(&ours) => {}
            other => note(
                "written: another value".to_owned(),
                format!("{} {ours:?} {other:?}", example()),
            ),
        },
        Err(error) => note(format!("write: {}", cut(error.to_string())), example()),
    }
    // Bytes of ours are read by that crate.
    let value = GenericDatumReader::builder(apache)
        .build()
        .and_then(|reader| reader.read_value(&mut &body[..]));
    match value {
        Ok(value) => match interop::value_from_apache(schema, &value) {
            Ok(read) if shown(&read) == shown(&ours) => {}
            Ok(other) => note(
                "read: another value".to_owned(),
                format!("{} {ours:?} {other:?}", example()),
            ),
            Err(error) => note(
                format!("read: from: {}", cut(error.to_string())),
                format!("{} {value:?}", example()),
            ),
        },
        Err(error) => note(format!("read: {}", cut(error.to_string())), example()),
    }
}

#[test]
fn the_deepest_values_go_both_ways_on_a_small_stack() {
    let text = r#"{"type":"record","name":"L","fields":[{"name":"l","type":{"type":"array","items":["null","L"]}}]}"#;
    let run = || {
        let schema = Schema::parse(text, &[]).unwrap();
        let read = |rounds: usize| {
            let body = [[2, 2].repeat(rounds), vec![0; rounds + 1]].concat();
            Reading::of(&schema).read(&body).unwrap()
        };
        // Each round is an array, a union and a record.
        let value = read(84);
        let there = interop::value_to_apache(&schema, &value).unwrap();
        assert_eq!(interop::value_from_apache(&schema, &there).unwrap(), value);
        let error = interop::value_to_apache(&schema, &read(255)).unwrap_err();
        assert_eq!(error.to_string(), "the value nests deeper than 256 levels");
    };
    let thread = std::thread::Builder::new().stack_size(2 * 1024 * 1024);
    thread.spawn(run).unwrap().join().unwrap();
}
