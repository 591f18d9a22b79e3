//! The fuzz targets on a stable compiler: no input breaks one, or keeps it; one that does is printed.

#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "../../../fuzz/harness.rs"]
mod harness;
mod targets;

use std::{
    fs,
    panic::{self, AssertUnwindSafe},
    path::Path,
    time::{Duration, Instant},
};

use harness::Inputs;

/// An input that takes longer hangs, however slow the machine.
const HANG: Duration = Duration::from_secs(30);

/// What schemas are made of: pieces that get an input past the parser's first look.
const PIECES: [&[u8]; 32] = [
    b"{",
    b"}",
    b"[",
    b"]",
    b",",
    b":",
    b"\"",
    b"null",
    b"\"type\":",
    b"\"record\"",
    b"\"name\":",
    b"\"fields\":",
    b"\"enum\"",
    b"\"default\":",
    b"\"items\":",
    b"\"logicalType\":\"decimal\"",
    b"\"$ref\":\"#\"",
    b"\"oneOf\":",
    b"\"properties\":",
    b"\"additionalProperties\":false",
    b"message M {",
    b"enum E {",
    b"oneof o {",
    b"repeated ",
    b"optional ",
    b"= 1;",
    b"reserved 1 to max;",
    b"extend ",
    b"import \"google/protobuf/any.proto\";",
    b"99999999999999999999",
    b"-1",
    b"\\u0000",
];

fn seeds(target: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../fuzz/seeds")
        .join(target);
    let mut paths: Vec<_> = fs::read_dir(&folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.sort();
    assert!(!paths.is_empty(), "{} has no seeds", folder.display());
    paths.iter().map(|path| fs::read(path).unwrap()).collect()
}

fn run(target: &str, check: fn(&[u8])) {
    let inputs = Inputs {
        seeds: seeds(target),
        pieces: &PIECES,
        repeated_max: 300,
    };
    let mut slowest = Duration::ZERO;
    let count = inputs.run(|input| {
        let begun = Instant::now();
        let outcome = panic::catch_unwind(AssertUnwindSafe(|| check(input)));
        let took = begun.elapsed();
        slowest = slowest.max(took);
        assert!(
            outcome.is_ok() && took < HANG,
            "{target} broke after {took:?} on {:?}",
            String::from_utf8_lossy(input)
        );
    });
    println!(
        "{target}: {} seeds, {count} mutations, slowest {slowest:?}",
        inputs.seeds.len()
    );
}

#[test]
fn avro() {
    run("avro", targets::avro);
}

#[test]
fn proto() {
    run("proto", targets::proto);
}

#[test]
fn json() {
    run("json", targets::json);
}

#[test]
fn payload() {
    run("payload", targets::payload);
}

#[test]
fn compat() {
    run("compat", targets::compat);
}
