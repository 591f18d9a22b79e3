//! `cargo +nightly fuzz run proto fuzz/corpus/proto fuzz/seeds/proto`
#![no_main]

#[path = "../../schema-model/tests/fuzz/targets.rs"]
mod targets;

libfuzzer_sys::fuzz_target!(|data: &[u8]| targets::proto(data));
