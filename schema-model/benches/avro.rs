//! What a registration costs: reading an Avro schema to its fingerprint, beside apache-avro, and one verdict.
//!
//! `cargo bench -p annals-schema-model --features apache-avro` prints times; those of the two crates in one run are to be
//! compared, not those of two runs.

#![allow(clippy::unwrap_used, missing_docs)]

use std::hint::black_box;

use annals_schema_model::{
    Direction,
    avro::{Schema, compat},
};
use apache_avro::{Schema as ApacheSchema, rabin::Rabin};
use criterion::{Criterion, criterion_group, criterion_main};

/// A record of many fields, of the kinds that events have.
fn record(fields: usize) -> String {
    let field = |index: usize| {
        let kind = match index % 6 {
            0 => r#""long""#.to_owned(),
            1 => r#"["null","string"],"default":null"#.to_owned(),
            2 => r#"{"type":"long","logicalType":"timestamp-millis"}"#.to_owned(),
            3 => format!(r#"{{"type":"enum","name":"State{index}","symbols":["NEW","PAID","SENT"]}}"#),
            4 => r#"{"type":"bytes","logicalType":"decimal","precision":12,"scale":2}"#.to_owned(),
            _ => r#"{"type":"array","items":"string"},"doc":"What was chosen.""#.to_owned(),
        };
        format!(r#"{{"name":"field_{index}","type":{kind}}}"#)
    };
    let fields: Vec<String> = (0..fields).map(field).collect();
    format!(
        r#"{{"type":"record","name":"Order","namespace":"shop.sales","fields":[{}]}}"#,
        fields.join(",")
    )
}

fn reading(criterion: &mut Criterion) {
    for fields in [12, 200] {
        let text = record(fields);
        let mut group =
            criterion.benchmark_group(format!("parse, canonical form, fingerprint: {fields} fields"));
        group.bench_function("annals", |bencher| {
            bencher.iter(|| {
                let schema = Schema::parse(black_box(&text), &[]).unwrap();
                (schema.canonical_form(), schema.fingerprint_rabin())
            });
        });
        group.bench_function("apache-avro", |bencher| {
            bencher.iter(|| {
                let schema = ApacheSchema::parse_str(black_box(&text)).unwrap();
                (schema.canonical_form(), schema.fingerprint::<Rabin>())
            });
        });
        group.bench_function("annals, parse alone", |bencher| {
            bencher.iter(|| Schema::parse(black_box(&text), &[]).unwrap());
        });
        group.bench_function("apache-avro, parse alone", |bencher| {
            bencher.iter(|| ApacheSchema::parse_str(black_box(&text)).unwrap());
        });
    }
}

fn verdicts(criterion: &mut Criterion) {
    let text = record(200);
    let old = Schema::parse(&text, &[]).unwrap();
    let new = text
        .replace("field_7\"", "added\"")
        .replace("\"SENT\"", "\"SENT\",\"LOST\"");
    let new = Schema::parse(&new, &[]).unwrap();
    assert!(compat::check(&new, &old, Direction::Backward).is_empty());
    let mut group = criterion.benchmark_group("a verdict on 200 fields");
    group.bench_function("compatible", |bencher| {
        bencher.iter(|| compat::check(black_box(&new), black_box(&old), Direction::Backward));
    });
    // Every enum lost a symbol.
    group.bench_function("33 findings", |bencher| {
        bencher.iter(|| compat::check(black_box(&old), black_box(&new), Direction::Forward));
    });
}

criterion_group!(benches, reading, verdicts);
criterion_main!(benches);
