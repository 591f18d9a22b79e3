//! The fuzz target of generated types on a stable compiler, each input within its memory; a failing one is printed.

use std::panic::{self, AssertUnwindSafe};

use allocation_counter::measure;
use annals_schema_model::Schema;

use crate::fuzzed::{generated, written};
use crate::generate::Random;
use crate::harness::Inputs;
use crate::payload;

/// More than any of these inputs justifies, and less than what forged counts would take.
const MEMORY_BYTES: u64 = 16 << 20;

/// Numbers that lengths, counts and branches are forged from.
const PIECES: [&[u8]; 10] = [
    &[0],
    &[1],
    &[2],
    &[2, 0],
    &[0x80, 0x80, 4],
    &[0xfe, 0xff, 0xff, 0xff, 0x0f],
    &[0xff, 0xff, 0xff, 0xff, 0x0f],
    &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1],
    &[0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1],
    &[0x80; 11],
];

#[test]
fn no_bytes_break_a_generated_type() {
    let mut random = Random::new(5);
    let mut seeds = Vec::new();
    for (which, written) in written().iter().enumerate() {
        let Schema::Avro(schema) = &written.schema else {
            unreachable!()
        };
        let which = u8::try_from(which).unwrap();
        let bodies = (0..4).filter_map(|_| payload::data(schema, &mut random, true));
        seeds.extend(bodies.map(|body| [&[which], body.as_slice()].concat()));
    }
    let inputs = Inputs {
        seeds,
        pieces: &PIECES,
        repeated_max: 600,
    };
    let (mut most, mut read) = (0, 0);
    let count = inputs.run(|input| {
        let mut outcome = Ok(false);
        let used = measure(|| outcome = panic::catch_unwind(AssertUnwindSafe(|| generated(input))));
        most = most.max(used.bytes_max);
        read += u64::from(matches!(outcome, Ok(true)));
        assert!(
            outcome.is_ok() && used.bytes_max < MEMORY_BYTES,
            "{} bytes of memory for {input:02x?}",
            used.bytes_max
        );
    });
    let seeds = inputs.seeds.len() as u64;
    println!("{seeds} seeds, {count} mutations, {read} of all read, {most} bytes of memory at most");
    assert!(read > seeds / 2, "{read} of {seeds}");
}
