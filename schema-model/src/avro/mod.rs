//! Avro: schemas, rules and payloads, after the specification and, where it is silent, after Avro Java.

pub mod compat;
mod interim;
pub mod wire;

pub use interim::{Plan, Reading, Schema, Walk};
