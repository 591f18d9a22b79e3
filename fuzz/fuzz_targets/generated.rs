//! `cargo +nightly fuzz run generated`
#![no_main]

#[path = "../../codegen/tests/reading/fuzzed.rs"]
mod fuzzed;
#[path = "../../codegen/tests/reading/one.rs"]
mod one;
#[path = "../../codegen/tests/reading/raised.rs"]
mod raised;

#[allow(dead_code)]
mod sets {
    pub(crate) mod generated {
        include!(concat!(env!("OUT_DIR"), "/events.rs"));
    }
}

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    fuzzed::generated(data);
});
