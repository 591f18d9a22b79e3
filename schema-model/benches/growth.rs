//! How what a check costs grows with the size of the schemas: near linear, or the check was given up in bounded steps.
//!
//! `cargo bench -p annals-schema-model --bench growth` prints CPU time for sizes that double, for parsing, for a check and
//! for what `explain` asks for, and the power of the size the time grows with: 1 is linear, 2 quadratic.

#![allow(clippy::unwrap_used, missing_docs)]

use std::{hint::black_box, time::Instant};

use annals_schema_model::{Level, Policy, Schema, SchemaType, Standard, compat};

/// How many fields, types or values.
const SIZES: [usize; 5] = [500, 1_000, 2_000, 4_000, 8_000];

/// The text of an old (`a`) or a new (`b`) schema of a size.
type Text = fn(usize, &str) -> String;

const CASES: &[(&str, SchemaType, Text)] = &[
    (
        "Avro: fields none of which is shared",
        SchemaType::Avro,
        |size, side| avro_record("R", side, size, ""),
    ),
    (
        "Avro: fields that came with a default",
        SchemaType::Avro,
        |size, side| avro_record("R", side, size, r#","default":0"#),
    ),
    (
        "Avro: a union of records that all changed",
        SchemaType::Avro,
        |size, side| {
            let records = list(size, |index| {
                avro_record(&format!("n{index}.E{index}"), side, 1, "")
            });
            format!("[{records}]")
        },
    ),
    (
        "Avro: a union of records in other namespaces",
        SchemaType::Avro,
        |size, side| {
            let records = list(size, |index| {
                avro_record(&format!("{side}{index}.E{index}"), "f", 1, "")
            });
            format!("[{records}]")
        },
    ),
    ("Avro: symbols that went away", SchemaType::Avro, |size, side| {
        let symbols = list(size, |index| format!("\"{side}{index}\""));
        format!(r#"{{"type":"enum","name":"E","symbols":[{symbols}]}}"#)
    }),
    (
        "Protobuf: fields that changed their type",
        SchemaType::Protobuf,
        |size, side| {
            let kind = if side == "a" { "int32" } else { "string" };
            let field = |index: usize| format!("{kind} f{index} = {};\n", index + 1);
            let fields: String = (0..size).map(field).collect();
            format!("syntax = \"proto3\";\nmessage M {{\n{fields}}}\n")
        },
    ),
    (
        "Protobuf: messages none of which is shared",
        SchemaType::Protobuf,
        |size, side| {
            let message = |index: usize| format!("message {side}{index} {{ int32 f = 1; }}\n");
            let messages: String = (0..size).map(message).collect();
            format!("syntax = \"proto3\";\n{messages}")
        },
    ),
    (
        "JSON Schema: properties none of which is shared",
        SchemaType::Json,
        |size, side| {
            let properties = list(size, |index| format!(r#""{side}{index}":{{"type":"string"}}"#));
            format!(r#"{{"properties":{{{properties}}}}}"#)
        },
    ),
    (
        "JSON Schema: choices of which each got a demand",
        SchemaType::Json,
        |size, side| {
            let demand = if side == "a" { "" } else { r#","maxLength":9"# };
            let choices = list(size, |index| {
                format!(r#"{{"type":"string","const":"{index}"{demand}}}"#)
            });
            format!(r#"{{"oneOf":[{choices}]}}"#)
        },
    ),
];

fn list(size: usize, item: impl Fn(usize) -> String) -> String {
    (0..size).map(item).collect::<Vec<_>>().join(",")
}

fn avro_record(name: &str, prefix: &str, fields: usize, rest: &str) -> String {
    let fields = list(fields, |index| {
        format!(r#"{{"name":"{prefix}{index}","type":"int"{rest}}}"#)
    });
    format!(r#"{{"type":"record","name":"{name}","fields":[{fields}]}}"#)
}

/// What this thread has been running for, where the system says; else what the clock says.
fn running() -> Option<u64> {
    let statistics = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    statistics.split(' ').next()?.parse().ok()
}

/// Milliseconds of one run, of so many that the system's clock ticks often enough meanwhile.
fn cost<T>(mut run: impl FnMut() -> T) -> f64 {
    const ENOUGH_MS: f64 = 100.0;
    let (before, clock) = (running(), Instant::now());
    let mut runs = 0.0;
    loop {
        black_box(run());
        runs += 1.0;
        let spent = match (before, running()) {
            (Some(before), Some(now)) => (now - before) as f64 / 1e6,
            _ => clock.elapsed().as_secs_f64() * 1e3,
        };
        if spent >= ENOUGH_MS {
            return spent / runs;
        }
    }
}

fn main() {
    let standard = Standard::from(Level::Full);
    println!("CPU milliseconds for {SIZES:?}, and the power they grow with");
    for (name, kind, text) in CASES {
        let texts = SIZES.map(|size| (text(size, "a"), text(size, "b")));
        let parse = |text: &str| Schema::parse(*kind, text, &[]).unwrap();
        let schemas = texts.each_ref().map(|(old, new)| (parse(old), parse(new)));
        let judged = |policy, (old, new): &(Schema, Schema)| {
            compat::check_pair(Standard { policy, ..standard }, new, old)
        };
        let findings = |pair: &(Schema, Schema)| judged(Policy::Confluent, pair);
        let rows = [
            ("parse", texts.each_ref().map(|(_, new)| cost(|| parse(new)))),
            ("check", schemas.each_ref().map(|pair| cost(|| findings(pair)))),
            (
                "explain",
                schemas
                    .each_ref()
                    .map(|pair| cost(|| Policy::ALL.map(|policy| judged(policy, pair)))),
            ),
        ];
        let given_up = |pair: &(Schema, Schema)| {
            let all = Policy::ALL.map(|policy| judged(policy, pair)).concat();
            all.iter()
                .any(|finding| finding.rule.code() == "COMPARISON_TOO_LARGE")
        };
        println!(
            "\n{name}, findings {:?}",
            schemas.each_ref().map(|pair| findings(pair).len())
        );
        for (operation, times) in rows {
            let (first, last) = (times[1], times[SIZES.len() - 1]);
            let doublings = (SIZES.len() - 2) as f64;
            let times = times.map(|time| format!("{time:9.2}")).join(" ");
            println!(
                "  {operation:8}{times}   {:.2}",
                (last / first).log2() / doublings
            );
        }
        let given_up: Vec<usize> = SIZES
            .into_iter()
            .zip(&schemas)
            .filter(|(_, pair)| given_up(pair))
            .map(|(size, _)| size)
            .collect();
        if !given_up.is_empty() {
            println!("  given up as COMPARISON_TOO_LARGE by some policy at {given_up:?}");
        }
    }
}
