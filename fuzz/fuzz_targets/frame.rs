//! `cargo +nightly fuzz run frame`
#![no_main]

#[path = "../../kafka-wire/tests/fuzz/targets.rs"]
mod targets;

libfuzzer_sys::fuzz_target!(|data: &[u8]| targets::frame(data));
