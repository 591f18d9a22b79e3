//! `cargo +nightly fuzz run avro fuzz/corpus/avro fuzz/seeds/avro`
#![no_main]

#[path = "../../schema-model/tests/fuzz/targets.rs"]
mod targets;

libfuzzer_sys::fuzz_target!(|data: &[u8]| targets::avro(data));
