//! The golden file compiled and run: what is compared is also what works.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod allocations;
mod borrowed;
mod changed_writers;
mod choices;
mod deep;
mod dynamic;
mod foreign_writers;
mod fuzz;
mod fuzzed;
#[allow(dead_code)]
#[path = "../../../schema-model/tests/avro_java/generate.rs"]
mod generate;
#[path = "../../../fuzz/harness.rs"]
mod harness;
mod hostile;
mod java;
mod locked;
mod one;
#[path = "../../../schema-model/tests/avro_java/oracle.rs"]
mod oracle;
#[path = "../../../schema-model/tests/avro_java/payload.rs"]
mod payload;
mod proto;
mod raised;
mod records;
mod referred;
mod round_trip;
mod sets;
mod unions;
mod upcasts;
mod values;

/// The generated types.
#[allow(unreachable_pub)]
mod events {
    include!("../golden/events.rs.txt");
}
