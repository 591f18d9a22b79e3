//! `cargo +nightly fuzz run message`
#![no_main]

#[path = "../../kafka-wire/tests/fuzz/targets.rs"]
mod targets;

libfuzzer_sys::fuzz_target!(|data: &[u8]| targets::message(data));
