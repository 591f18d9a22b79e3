//! The fuzz targets on a stable compiler: every seed, and mutations of seeds for a while, each within its memory.
//!
//! The mutations are the same every time as far as they get; a failing input is printed. `ANNALS_FUZZ_SECONDS` is how
//! long each target runs.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod targets;

use std::panic::{self, AssertUnwindSafe};
use std::time::{Duration, Instant};

use allocation_counter::measure;

const SECONDS: u64 = 10;
/// Bytes of memory for what was read, what it is written to, and what that is read to again.
const MEMORY_BYTES: usize = 4 << 20;
/// The buffers of a codec: LZ4 announces blocks of up to 4 MiB and keeps two of them. And records, which are kept here.
const CODEC_BYTES: usize = 32 << 20;

/// Numbers that lengths and counts are forged from.
const PIECES: [&[u8]; 10] = [
    &[0xff, 0xff, 0xff, 0xff],
    &[0x7f, 0xff, 0xff, 0xff],
    &[0xff, 0xff, 0xff, 0xff, 0x0f],
    &[0xff, 0xff, 0xff, 0xff, 0x07],
    &[0, 0, 0, 1],
    &[0, 0, 0, 2],
    &[0, 0, 0x10, 0],
    &[0x80, 0],
    &[2],
    &[3],
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

fn mutated(random: &mut Random, seeds: &[Vec<u8>]) -> Vec<u8> {
    let mut input = seeds[random.below(seeds.len())].clone();
    for _ in 0..=random.below(6) {
        let place = random.below(input.len() + 1);
        let end = (place + random.below(40)).min(input.len());
        match random.below(7) {
            0 if place < input.len() => input[place] ^= 1 << random.below(8),
            1 => drop(input.drain(place..end)),
            2 => {
                let copy = input[place..end].to_vec();
                let to = random.below(input.len() + 1);
                input.splice(to..to, copy);
            }
            3 => {
                let piece = PIECES[random.below(PIECES.len())];
                let over = (place + piece.len()).min(input.len());
                input.splice(place..over, piece.iter().copied());
            }
            // Elements of an array, mostly.
            4 => drop(input.splice(place..place, vec![0; random.below(60)])),
            5 => {
                let other = &seeds[random.below(seeds.len())];
                let from = random.below(other.len() + 1);
                let part = other[from..(from + random.below(200)).min(other.len())].to_vec();
                input.splice(place..end, part);
            }
            _ => {
                let piece = input[place..end.min(place + 12)].repeat(1 + random.below(3000));
                input.splice(place..place, piece);
            }
        }
    }
    input
}

fn run(target: &str, check: fn(&[u8]), memory: usize) {
    let seconds = std::env::var("ANNALS_FUZZ_SECONDS").ok();
    let seconds = seconds.and_then(|text| text.parse().ok());
    let until = Duration::from_secs(seconds.unwrap_or(SECONDS));
    let seeds = targets::seeds(target);
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let (started, mut count, mut most) = (Instant::now(), 0_u64, 0);
    let mut one = |input: &[u8]| {
        let mut outcome = Ok(());
        let cost = measure(|| outcome = panic::catch_unwind(AssertUnwindSafe(|| check(input)))).bytes_max;
        most = most.max(cost);
        assert!(
            outcome.is_ok() && cost <= (10 * input.len() + memory) as u64,
            "{target} broke, or took {cost} bytes, on {input:02x?}"
        );
    };
    seeds.iter().for_each(|seed| one(seed));
    while started.elapsed() < until {
        one(&mutated(&mut random, &seeds));
        count += 1;
    }
    println!(
        "{target}: {} seeds, {count} mutations, at most {most} bytes of memory",
        seeds.len()
    );
}

#[test]
fn frame() {
    run("frame", targets::frame, MEMORY_BYTES);
}

#[test]
fn message() {
    run("message", targets::message, MEMORY_BYTES);
}

#[test]
fn batch() {
    run("batch", targets::batch, CODEC_BYTES);
}

/// Each file of messages has its row, so that no message is left out.
#[test]
fn every_request_is_a_target() {
    let declared = include_str!("../../src/message.rs");
    assert_eq!(declared.matches("\npub mod ").count(), targets::ROWS.len());
}
