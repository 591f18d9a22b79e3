//! Avro Java as the oracle: random pairs of schemas, some of them damaged, and payloads, answered by both.
//!
//! Needs a JDK and Avro's jar with what it depends on in `ANNALS_AVRO_CLASSPATH`; skipped otherwise. The number of
//! pairs is `ANNALS_AVRO_ROUNDS` (20,000), the first seed `ANNALS_AVRO_SEED` (1).

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod cases;
mod change;
mod generate;
mod odd;
mod oracle;
mod payload;
mod values;

use std::panic::{AssertUnwindSafe, catch_unwind};

use annals_schema_model::{
    Direction, Writing,
    avro::{Plan, Reading, Schema, compat},
};
use generate::{Random, write};
use oracle::{Oracle, hex, unhex};
use payload::data;
use serde_json::{Value as Json, json};

/// One random pair and what to ask about it.
struct Round {
    seed: u64,
    texts: [String; 2],
    bodies: [Vec<u8>; 2],
}

fn number(variable: &str, default: u64) -> u64 {
    std::env::var(variable)
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(default)
}

fn round(seed: u64) -> Round {
    let mut random = Random::new(seed);
    let [one, other] = change::pair(&mut random);
    let mut texts = [write(&one, &mut random), write(&other, &mut random)];
    if random.once_in(5) {
        texts[1] = odd::damage(&texts[1], &mut random);
    }
    let bodies = [&texts[0], &texts[1]].map(|text| {
        let schema = Schema::parse(text, &[]).ok();
        schema
            .and_then(|schema| data(&schema, &mut random, false))
            .unwrap_or_default()
    });
    Round { seed, texts, bodies }
}

/// What a body reads as is written as a body that reads the same; but for instants beyond the year 9999, whose text is no
/// RFC 3339. Needs no Java.
#[test]
fn what_is_read_is_written_back() {
    let mut written = 0;
    for seed in 1..=4_000 {
        let round = round(seed);
        let Ok(schema) = Schema::parse(&round.texts[0], &[]) else {
            continue;
        };
        let reading = Reading::of(&schema);
        let Ok(value) = reading.read(&round.bodies[0]) else {
            continue;
        };
        let json = value.to_json();
        match Writing::of(&annals_schema_model::Schema::Avro(schema)).write(&json.to_string()) {
            Ok(body) => {
                let again = reading.read(&body).map(|value| value.to_json());
                assert_eq!(again.as_ref(), Ok(&json), "seed {seed}: {}", round.texts[0]);
                written += 1;
            }
            Err(error) => {
                let is_far_off = |text: &str| text.starts_with(['+', '-']) && text.matches('-').count() >= 2;
                let text = json.to_string();
                assert!(
                    text.split('"').any(is_far_off),
                    "seed {seed}: {error} in {text} of {}",
                    round.texts[0]
                );
            }
        }
    }
    assert!(written > 1_500, "only {written} of the bodies were written");
}

#[test]
fn random_schemas_agree() {
    let Some(oracle) = Oracle::start("Oracle") else {
        return;
    };
    let (first, rounds) = (
        number("ANNALS_AVRO_SEED", 1),
        number("ANNALS_AVRO_ROUNDS", 20_000),
    );
    let question = |round: &Round| {
        let bodies = [hex(&round.bodies[0]), hex(&round.bodies[1])];
        json!({"schemas": round.texts, "bodies": bodies})
    };
    let (mut counts, mut differences) = (Counts::default(), 0);
    oracle.ask((first..first + rounds).map(round), question, |round, answer| {
        // Each difference is told; a run shows all there are.
        let compare = AssertUnwindSafe(|| compare(&round, &answer, &mut counts));
        differences += usize::from(catch_unwind(compare).is_err());
    });
    println!("{counts:?}");
    assert_eq!(differences, 0);
    let rounds = usize::try_from(rounds).unwrap();
    assert_eq!(counts.parsed + counts.refused, rounds * 2);
    assert!(
        counts.parsed > counts.refused && counts.refused * 20 > rounds,
        "{counts:?}"
    );
    assert!(counts.resolved * 3 > rounds, "{counts:?}");
    assert!(counts.incompatible * 5 > rounds, "{counts:?}");
    // Fewer rounds need not meet all of them.
    let is_met = counts.java_cannot.iter().all(|count| *count > 0);
    assert!(
        is_met || rounds < 20_000,
        "one is no difference any more: {counts:?}"
    );
}

/// What Java cannot read and we do: a part of its error, and why reading it is right. Each must occur.
const JAVA_CANNOT: [(&str, &str); 7] = [
    (
        " bytes each, but only ",
        "it measures the items of a collection by the reader's type, of which the writer's is the shorter one",
    ),
    (
        "expecting union[",
        "the rules find the branch by its short name, and promise that it reads; its reader looks for the full one",
    ),
    (
        "missing required field",
        "the rules take a field's alias wherever the records live; its reader only in the record of the alias's namespace",
    ),
    (
        "Invalid default for field",
        "it renames the writer's fields by the reader's aliases, and then refuses the writer's own defaults",
    ),
    (
        "No default value for",
        "it takes an array, as the default of a union, for the record in it",
    ),
    (
        "Duplicate in union",
        "an alias that names another branch makes two of that name",
    ),
    (
        "expecting b.Enum",
        "an alias that names a type which both have makes it that other type",
    ),
];

#[derive(Debug, Default)]
struct Counts {
    parsed: usize,
    refused: usize,
    compatible: usize,
    incompatible: usize,
    resolved: usize,
    misread: usize,
    no_text: usize,
    refused_value: usize,
    java_cannot: [usize; JAVA_CANNOT.len()],
}

fn compare(round: &Round, answer: &Json, counts: &mut Counts) {
    let mut schemas = Vec::new();
    for (text, answer) in round.texts.iter().zip(answer["schemas"].as_array().unwrap()) {
        let parsed = Schema::parse(text, &[]);
        let context = format!(
            "seed {}\n{text}\n{answer}\n{:?}",
            round.seed,
            parsed.as_ref().err()
        );
        assert_eq!(parsed.is_ok(), answer["ok"] == true, "{context}");
        let Ok(schema) = parsed else {
            counts.refused += 1;
            continue;
        };
        counts.parsed += 1;
        compare_forms(&schema, answer, &context);
        schemas.push(schema);
    }
    let [one, other] = schemas.as_slice() else { return };
    for (index, (writer, reader)) in [(one, other), (other, one)].into_iter().enumerate() {
        let context = format!(
            "seed {}\nwriter {}\nreader {}\n",
            round.seed,
            writer.stored_text(),
            reader.stored_text()
        );
        compare_rules(writer, reader, &answer["compat"][index], &context, counts);
        let body = &round.bodies[index];
        compare_data(writer, reader, body, &answer["resolve"][index], &context, counts);
    }
}

fn compare_forms(schema: &Schema, answer: &Json, context: &str) {
    assert_eq!(
        schema.stored_text(),
        answer["text"].as_str().unwrap(),
        "{context}"
    );
    assert_eq!(
        schema.canonical_form(),
        answer["canonical"].as_str().unwrap(),
        "{context}"
    );
    assert_eq!(
        format!("{:016x}", schema.fingerprint_rabin()),
        answer["rabin"].as_str().unwrap(),
        "{context}"
    );
    assert_eq!(
        hex(&schema.fingerprint_md5()),
        answer["md5"].as_str().unwrap(),
        "{context}"
    );
    assert_eq!(
        hex(&schema.fingerprint()),
        answer["sha256"].as_str().unwrap(),
        "{context}"
    );
    if let Some(strict) = answer["strict"].as_bool() {
        assert_eq!(schema.check_names().is_ok(), strict, "{context}");
    }
}

fn compare_rules(writer: &Schema, reader: &Schema, answer: &Json, context: &str, counts: &mut Counts) {
    let findings = compat::check(reader, writer, Direction::Backward);
    if answer["ok"] != true {
        assert_eq!(
            findings.first().map(|finding| finding.rule.code()),
            Some("AMBIGUOUS_FIELD_ALIAS"),
            "{context}{answer}"
        );
        return;
    }
    let mut wanted: Vec<String> = Vec::new();
    for problem in answer["problems"].as_array().unwrap() {
        let text = |key: &str| problem[key].as_str().unwrap().to_owned();
        let line = format!("{} {} {}", text("type"), text("path"), text("info"));
        if !wanted.contains(&line) {
            wanted.push(line);
        }
    }
    let found: Vec<String> = findings
        .iter()
        .map(|finding| format!("{} {} {}", finding.rule, finding.path, finding.additional_info))
        .collect();
    assert_eq!(found, wanted, "{context}");
    if found.is_empty() {
        counts.compatible += 1
    } else {
        counts.incompatible += 1
    }
}

fn compare_data(
    writer: &Schema,
    reader: &Schema,
    body: &[u8],
    answer: &Json,
    context: &str,
    counts: &mut Counts,
) {
    let plan = Plan::lenient(writer, reader);
    let mut out = Vec::new();
    let translated = plan.translate(body, &mut out);
    let context = format!(
        "{context}body {}\nanswer {answer}\n{translated:?}\n{}",
        hex(body),
        hex(&out)
    );
    let no_text = |error: &annals_schema_model::ReadError| error.message.starts_with("a string is not UTF-8");
    if answer["ok"] == true && translated.as_ref().is_err_and(no_text) {
        // Bytes of the writer's that are a string of the reader's: Java keeps what is no text, a `String` cannot.
        counts.no_text += 1;
    } else if answer["ok"] == true && translated.is_err() {
        // What Java reads for another value is refused here.
        let misread = compat::misreadings(reader, writer, Direction::Backward);
        assert!(!misread.is_empty(), "{context}");
        counts.misread += 1;
    } else if answer["ok"] == true {
        assert_eq!(out, unhex(answer["body"].as_str().unwrap()), "{context}");
        counts.resolved += 1;
    } else if translated.is_ok() {
        let error = answer["error"].as_str().unwrap();
        let known = JAVA_CANNOT.iter().position(|(part, _)| error.contains(part));
        counts.java_cannot[known.unwrap_or_else(|| panic!("{context}"))] += 1;
    } else {
        counts.refused_value += 1;
    }
}
