//! The fuzz targets on a stable compiler: every seed, and mutations of seeds for a while.
//!
//! The mutations are the same every time as far as they get; a failing input is printed. `ANNALS_FUZZ_SECONDS` is how
//! long each target runs.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod targets;

use std::{
    env, fs,
    panic::{self, AssertUnwindSafe},
    path::Path,
    time::{Duration, Instant},
};

const SECONDS: u64 = 10;
/// An input that takes longer hangs, however slow the machine.
const HANG: Duration = Duration::from_secs(30);

/// What schemas are made of: pieces that get an input past the parser's first look.
const PIECES: [&str; 32] = [
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "\"",
    "null",
    "\"type\":",
    "\"record\"",
    "\"name\":",
    "\"fields\":",
    "\"enum\"",
    "\"default\":",
    "\"items\":",
    "\"logicalType\":\"decimal\"",
    "\"$ref\":\"#\"",
    "\"oneOf\":",
    "\"properties\":",
    "\"additionalProperties\":false",
    "message M {",
    "enum E {",
    "oneof o {",
    "repeated ",
    "optional ",
    "= 1;",
    "reserved 1 to max;",
    "extend ",
    "import \"google/protobuf/any.proto\";",
    "99999999999999999999",
    "-1",
    "\\u0000",
];

struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % limit.max(1) as u64) as usize
    }
}

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

fn mutated(random: &mut Random, seeds: &[Vec<u8>]) -> Vec<u8> {
    let mut input = seeds[random.below(seeds.len())].clone();
    for _ in 0..=random.below(6) {
        let place = random.below(input.len() + 1);
        let end = (place + random.below(40)).min(input.len());
        match random.below(6) {
            0 if place < input.len() => input[place] ^= 1 << random.below(8),
            1 => drop(input.drain(place..end)),
            2 => {
                let copy = input[place..end].to_vec();
                let to = random.below(input.len() + 1);
                input.splice(to..to, copy);
            }
            3 => drop(input.splice(place..place, PIECES[random.below(PIECES.len())].bytes())),
            4 => {
                let other = &seeds[random.below(seeds.len())];
                let from = random.below(other.len() + 1);
                let part = other[from..(from + random.below(200)).min(other.len())].to_vec();
                input.splice(place..end, part);
            }
            // Nesting: the same piece many times over.
            _ => {
                let piece = input[place..end.min(place + 12)].repeat(1 + random.below(300));
                input.splice(place..place, piece);
            }
        }
    }
    input
}

fn run(target: &str, check: fn(&[u8])) {
    let seconds = env::var("ANNALS_FUZZ_SECONDS")
        .ok()
        .and_then(|text| text.parse().ok());
    let until = Duration::from_secs(seconds.unwrap_or(SECONDS));
    let seeds = seeds(target);
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let (started, mut count, mut slowest) = (Instant::now(), 0_u64, Duration::ZERO);
    let mut one = |input: &[u8]| {
        let begun = Instant::now();
        let outcome = panic::catch_unwind(AssertUnwindSafe(|| check(input)));
        let took = begun.elapsed();
        slowest = slowest.max(took);
        assert!(
            outcome.is_ok() && took < HANG,
            "{target} broke after {took:?} on {:?}",
            String::from_utf8_lossy(input)
        );
    };
    seeds.iter().for_each(|seed| one(seed));
    while started.elapsed() < until {
        one(&mutated(&mut random, &seeds));
        count += 1;
    }
    println!(
        "{target}: {} seeds, {count} mutations, slowest {slowest:?}",
        seeds.len()
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
fn compat() {
    run("compat", targets::compat);
}
