//! `cargo +nightly fuzz run batch`
#![no_main]

#[path = "../../kafka-wire/tests/fuzz/targets.rs"]
mod targets;

libfuzzer_sys::fuzz_target!(|data: &[u8]| targets::batch(data));
