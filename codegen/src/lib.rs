//! Schemas to Rust at build time.
//!
//! ```no_run
//! // build.rs of a user's crate, and all there is to it:
//! fn main() -> Result<(), annals_codegen::Error> {
//!     annals_codegen::configure().schemas("schemas").compile()
//! }
//! ```
//!
//! The user's crate then says where the types live:
//!
//! ```text
//! pub mod events {
//!     include!(concat!(env!("OUT_DIR"), "/events.rs"));
//! }
//! ```
//!
//! A subject is a folder in `schemas`, a version a file in it, `v1.avsc` or `v1.proto`; what has one version may be a file
//! alone. Folders are called as subjects are in a registry: `<topic>-value`, `<topic>-<full record name>`, or as the
//! topic alone, which is subject `<topic>-value` unless `annals.lock` has the subject without. What no name can say, `annals.toml` says beside them. The newest version of a subject becomes Rust types,
//! and the build fails, with file, line and column, when it is not compatible with an older one. Each topic becomes one
//! event type that reads records of *any* registered writer schema.
//!
//! A type that another file defines, and an import, is looked for in the same folder: types by their names, imports by
//! their paths. What others refer to is no topic, and neither is a key (`<topic>-key`): they become types alone.
//!
//! Protobuf's types are those of prost. Where the first message of a topic's file has exactly one oneof, its members are the
//! events; else all messages of the file are that are in no other, told apart by the message indexes before a payload.
//! Where a subject is named by a message, that is the event, wherever in the file it stands.
//!
//! An Avro record begins with the defaults of its schema, so that `OrderPlaced { order_id, ..Default::default() }` is whole.
//! A topic whose Avro schema is a union at its top, as `["shop.Placed", "shop.Paid"]`, has an event for each branch, whichever
//! order writers have them in; the index of the branch stands in the payload before its value. What has no name of its own
//! there (a string, an array, a decimal) is a struct of one field `value`, called as its subject: `OrdersValueString`, or
//! `OrdersValue` where it is all there is.
//!
//! An enum whose schema has no default keeps symbols that only their writers know. What a `deprecated` property or
//! `@deprecated` in a doc says, the compiler says. A record that subjects define differently is several types: the later one
//! lives in a module of its subject. Dates, times and decimals are types of jiff and this project, or as [`DateTimes`] and
//! [`Decimals`] say; `dec!(12.50)` is a decimal that the compiler has checked against the schema.
//!
//! An old version of an Avro subject is generated as well, in a module `v1`, where `annals.toml` says `keep = [1]`; what did
//! not change it shares with the newest. With `upcast = [1]` what it wrote becomes the next version by a `From` of yours, and
//! the build asks for it: `impl From<v1::OrderPlaced> for OrderPlaced`.
//!
//! What is generated depends on `annals-schema-model` alone, with its features `uuid` and `jiff` when schemas have uuids,
//! or dates and times of day (`chrono`, `time`, `bigdecimal`, `rust_decimal`, `serde` where a build asks for them), and
//! `proto` for Protobuf; that needs `prost` and `prost-types` as well.
//!
//! Avro is always understood; Protobuf with the feature `proto`, because what reads it takes longer to build than all else.
//!
//! [`Loaded::typescript`] and [`Loaded::python`] print the same events for services in other languages, and the feature
//! `asyncapi` describes the topics; `annals gen` writes them all to files.
//!
//! Nothing here touches the network. Left out: JSON Schema.

// What is printed has one model, parts of which are nobody's where a format or a document is not asked for.
#![cfg_attr(not(all(feature = "asyncapi", feature = "proto")), allow(dead_code))]
#![cfg_attr(not(feature = "proto"), allow(irrefutable_let_patterns, unreachable_patterns))]

#[cfg(feature = "asyncapi")]
mod asyncapi;
mod avro;
mod build;
mod check;
mod compat;
mod diagnostic;
pub mod draw;
mod error;
pub mod files;
mod flat;
mod input;
pub mod lock;
mod model;
mod names;
pub mod needs;
#[cfg(feature = "proto")]
mod protobuf;
mod python;
mod rust;
mod settings;
mod tables;
mod typescript;
mod unit;
mod words;

#[cfg(feature = "asyncapi")]
pub use asyncapi::Document;
pub use build::{Build, Loaded, configure};
pub use compat::Incompatible;
pub use diagnostic::Diagnostic;
pub use error::Error;
pub use input::FolderVersion;
pub use settings::{DateTimes, Decimals};
