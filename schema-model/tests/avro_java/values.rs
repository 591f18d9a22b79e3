//! Values: what we write is read by Java as the same, and what Java writes by us.
//!
//! Of each random schema some data are ours and some are made by Avro's own `RandomData`; Java tells what it reads, and
//! writes it again in two ways. A leaf that both do not read alike must be one of [`KNOWN`], each of which must occur.
//! The number of schemas is `ANNALS_AVRO_VALUE_SCHEMAS` (5,000), at ten data of ours each.

use annals_schema_model::{
    Value, Walk,
    avro::{Reading, Schema},
};
use serde_json::{Value as Json, json};

use crate::{
    generate::{Random, Types, write},
    number,
    oracle::{Oracle, hex, unhex},
    payload,
};

const OURS: usize = 10;
const MADE: usize = 2;

type Known = (&'static str, fn(&Value, &Json) -> bool);

/// What Java reads otherwise, leaf by leaf, and why that is right.
const KNOWN: [Known; 3] = [
    // Java refuses what is no time of a day; shown as the number it is, an auditor sees what was written.
    ("time beyond the day", |ours, java| {
        matches!(ours, Value::Time { micros } if !(0..86_400_000_000).contains(micros)) && is_refused(java)
    }),
    // A text that is no UUID in the one spelling there is stays that text; Java refuses it, or spells it anew.
    ("uuid in another spelling", |ours, java| {
        matches!(ours, Value::String(_)) && (is_refused(java) || is_uuid(java))
    }),
    // No bytes are no digits: zero. Java throws a NumberFormatException.
    ("decimal without digits", |ours, java| {
        matches!(ours, Value::Decimal(decimal) if decimal.unscaled() == Some(0)) && is_refused(java)
    }),
];

/// Data that we refuse and Java reads, in part or whole.
const REFUSED: [(&str, &str); 1] = [
    // Java refuses the leaf alone; the datum has no value for us.
    ("big-decimal that is none", "big-decimal"),
];

fn is_refused(java: &Json) -> bool {
    java.get("refused").is_some()
}

fn is_uuid(java: &Json) -> bool {
    java.as_str().is_some_and(|text| text.len() == 36)
}

struct Question {
    seed: u64,
    schema: Schema,
    bodies: Vec<Vec<u8>>,
}

fn question(seed: u64) -> Option<Question> {
    let mut random = Random::new(seed);
    let depth = 1 + random.below(3);
    let kind = Types::new(&mut random).record(depth);
    let text = write(&kind, &mut random);
    let schema = Schema::parse(&text, &[]).ok()?;
    let bodies = (0..OURS).filter_map(|_| payload::data(&schema, &mut random, false));
    let bodies = bodies.collect();
    Some(Question { seed, schema, bodies })
}

#[derive(Debug, Default)]
struct Counts {
    ours: usize,
    made: usize,
    refused: [usize; REFUSED.len()],
    known: [usize; KNOWN.len()],
    leaves: usize,
}

#[test]
fn values_agree() {
    let Some(oracle) = Oracle::start("Values") else {
        return;
    };
    let schemas = number("ANNALS_AVRO_VALUE_SCHEMAS", 5_000);
    let first = number("ANNALS_AVRO_SEED", 1);
    let questions = (first..first + schemas).filter_map(question);
    let ask = |question: &Question| {
        let bodies: Vec<String> = question.bodies.iter().map(|body| hex(body)).collect();
        json!({"schema": question.schema.text(), "bodies": bodies, "make": MADE, "seed": question.seed})
    };
    let (mut counts, mut differences) = (Counts::default(), Vec::new());
    oracle.ask(questions, ask, |question, answer| {
        let values = |key: &str| answer[key].as_array().unwrap().clone();
        assert_eq!(values("bodies").len(), question.bodies.len());
        counts.ours += question.bodies.len();
        counts.made += values("made").len();
        for datum in values("bodies").into_iter().chain(values("made")) {
            if let Err(difference) = compare(&question.schema, &datum, &mut counts) {
                differences.push(format!(
                    "seed {} {}\n{datum}\n{difference}",
                    question.seed,
                    question.schema.text()
                ));
            }
        }
    });
    println!("{counts:?}");
    assert!(
        differences.is_empty(),
        "{} differences\n{}",
        differences.len(),
        differences[..differences.len().min(5)].join("\n")
    );
    assert!(
        counts.ours as u64 > schemas * 9 && counts.made as u64 > schemas,
        "{counts:?}"
    );
    assert!(
        counts.known.iter().chain(&counts.refused).all(|count| *count > 0),
        "one is no difference any more: {counts:?}"
    );
}

/// One datum: its value, and the two ways Java writes it again.
fn compare(schema: &Schema, datum: &Json, counts: &mut Counts) -> Result<(), String> {
    let body = unhex(datum["body"].as_str().unwrap());
    let reading = Reading::of(schema);
    let ours = reading.read(&body);
    let walked = Walk::new(&annals_schema_model::Schema::Avro(schema.clone())).check(&body);
    if walked.is_ok() != ours.is_ok() {
        return Err(format!("the guard says {walked:?}, the reading {ours:?}"));
    }
    if datum["ok"] != true {
        return Err("Java reads nothing".to_owned());
    }
    let ours = match ours {
        Ok(ours) => ours,
        Err(error) => {
            let known = REFUSED
                .iter()
                .position(|(_, message)| error.message.contains(message));
            counts.refused[known.ok_or_else(|| error.to_string())?] += 1;
            return Ok(());
        }
    };
    alike(&ours, &datum["value"], counts)?;
    // The maps that Java makes have no order; it writes them in that of their keys, as ours are.
    let plain = unhex(datum["plain"].as_str().unwrap());
    if plain != body && (plain.len() != body.len() || sorted(&plain) != sorted(&body)) {
        return Err("Java writes other bytes".to_owned());
    }
    let blocks = unhex(datum["blocks"].as_str().unwrap());
    let again = reading
        .read(&blocks)
        .map_err(|error| format!("of Java's blocks: {error}"))?;
    alike(&again, &datum["value"], &mut Counts::default())
        .map_err(|difference| format!("of Java's blocks: {difference}"))
}

fn sorted(bytes: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    bytes.sort_unstable();
    bytes
}

fn alike(ours: &Value, java: &Json, counts: &mut Counts) -> Result<(), String> {
    let same_length = |count: usize, java: Option<usize>| match java {
        Some(length) if length == count => Ok(()),
        _ => Err(format!("{count} values here, {java:?} there")),
    };
    match ours {
        Value::Record { name, fields } => {
            if java[0] != **name {
                return Err(format!("{name}, not {}", java[0]));
            }
            same_length(fields.len(), java[1].as_object().map(serde_json::Map::len))?;
            fields
                .iter()
                .try_for_each(|(field, value)| alike(value, &java[1][&**field], counts))
        }
        Value::Map(entries) => {
            same_length(entries.len(), java.as_object().map(serde_json::Map::len))?;
            entries
                .iter()
                .try_for_each(|(key, value)| alike(value, &java[&**key], counts))
        }
        Value::Array(items) => {
            same_length(items.len(), java.as_array().map(Vec::len))?;
            items
                .iter()
                .zip(java.as_array().into_iter().flatten())
                .try_for_each(|(value, java)| alike(value, java, counts))
        }
        leaf => {
            counts.leaves += 1;
            let shown = match leaf {
                Value::Float(value) if value.is_nan() => Json::from("NaN"),
                Value::Float(value) => Json::from(format!("{:016x}", value.to_bits())),
                leaf => leaf.to_json(),
            };
            if shown == *java {
                return Ok(());
            }
            let known = KNOWN.iter().position(|(_, is_known)| is_known(leaf, java));
            counts.known[known.ok_or_else(|| format!("{leaf:?} here, {java} there"))?] += 1;
            Ok(())
        }
    }
}
