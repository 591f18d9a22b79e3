//! `cargo +nightly fuzz run json fuzz/corpus/json fuzz/seeds/json`
#![no_main]

#[path = "../../schema-model/tests/fuzz/targets.rs"]
mod targets;

libfuzzer_sys::fuzz_target!(|data: &[u8]| targets::json(data));
