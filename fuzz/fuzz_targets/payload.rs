//! `cargo +nightly fuzz run payload fuzz/corpus/payload fuzz/seeds/payload`
#![no_main]

#[path = "../../schema-model/tests/fuzz/targets.rs"]
mod targets;

libfuzzer_sys::fuzz_target!(|data: &[u8]| targets::payload(data));
