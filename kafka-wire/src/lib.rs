//! The Kafka protocol as plain values: bytes to messages and back.
//!
//! Pure and synchronous: no IO, no clock, no async. Everything that comes from outside is bounded by the bytes
//! in hand: a count or a length is compared with what is left before anything is reserved for it, decompression
//! stops at the caller's limit, and no input makes this crate panic. Payloads (`records`, record keys and values)
//! are slices of the bytes they came in, never copies.
//!
//! * [`primitives`] reads and writes the protocol's numbers, strings and lengths;
//! * [`frame`] holds length-delimited frames and the headers of requests and responses;
//! * [`message`] has one file a message, each message declared once with a version span a field;
//! * [`batch`] is the record batch (magic 2), its records, checksum and compression;
//! * [`error`] and [`api_key`] are Kafka's tables.
//!
//! Left out on purpose: which versions a broker advertises, what any request means, message formats older than
//! magic 2 and the protocol versions that Kafka 4 dropped (KIP-896).

pub mod api_key;
pub mod batch;
pub mod error;
pub mod frame;
pub mod message;
pub mod primitives;
