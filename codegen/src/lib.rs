//! Schemas to Rust at build time.
//!
//! ```no_run
//! // build.rs of a user's crate, and all there is to it:
//! annals_codegen::Build::new("../schemas/annals.toml").out("events.rs").run();
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
//! `annals.toml` names topics and their subjects; a subject is a folder, a version a file in it. The newest version
//! of a subject becomes Rust types, and the build fails, with file, line and column, when it cannot read what an
//! older version wrote. Each topic becomes one event type that reads records of *any* registered writer schema.
//!
//! What is generated depends on `annals-schema-model` alone, with its features `uuid` and `jiff` when schemas have uuids,
//! or dates and times of day, and `proto` for Protobuf; that needs `prost` and `prost-types` as well.
//!
//! Nothing here touches the network. Left out: JSON Schema, and schemas split over several subjects by references.

mod asyncapi;
mod avro;
mod build;
mod check;
mod diagnostic;
mod flat;
mod manifest;
mod model;
mod names;
mod protobuf;
mod python;
mod rust;
mod settings;
mod typescript;
mod unit;
mod words;

pub use asyncapi::Document;
pub use build::Build;
pub use diagnostic::Diagnostic;
