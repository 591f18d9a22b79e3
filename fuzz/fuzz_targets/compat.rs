//! `cargo +nightly fuzz run compat fuzz/corpus/compat fuzz/seeds/compat`
#![no_main]

#[path = "../../schema-model/tests/fuzz/targets.rs"]
mod targets;

libfuzzer_sys::fuzz_target!(|data: &[u8]| targets::compat(data));
