//! The fuzz targets on a stable compiler, each input within its memory; a failing one is printed.

#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "../../../fuzz/harness.rs"]
mod harness;
mod targets;

use std::panic::{self, AssertUnwindSafe};

use allocation_counter::measure;
use harness::Inputs;

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

fn run(target: &str, check: fn(&[u8]), memory: usize) {
    let inputs = Inputs {
        seeds: targets::seeds(target),
        pieces: &PIECES,
        repeated_max: 3_000,
    };
    let mut most = 0;
    let count = inputs.run(|input| {
        let mut outcome = Ok(());
        let cost = measure(|| outcome = panic::catch_unwind(AssertUnwindSafe(|| check(input)))).bytes_max;
        most = most.max(cost);
        assert!(
            outcome.is_ok() && cost <= (10 * input.len() + memory) as u64,
            "{target} broke, or took {cost} bytes, on {input:02x?}"
        );
    });
    println!(
        "{target}: {} seeds, {count} mutations, at most {most} bytes of memory",
        inputs.seeds.len()
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
