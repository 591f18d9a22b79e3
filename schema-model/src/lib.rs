//! What a schema is and may become.
//!
//! Parsing, canonical form, fingerprints, references, compatibility rules, the wire envelope, and the reading of
//! payloads, for Avro, Protobuf and JSON Schema. Everything here is pure: no IO, no async, no clock. Whatever comes from outside
//! (schema text, payload bytes) is bounded in size, depth and count, and can fail but never panic.
//!
//! ```
//! use annals_schema_model::{Level, Schema, SchemaType, Version, compat};
//!
//! let text = |fields: &str| format!(r#"{{"type":"record","name":"Order","fields":[{fields}]}}"#);
//! let old = Schema::parse(SchemaType::Avro, &text(r#"{"name":"id","type":"long"}"#), &[])?;
//! let new = Schema::parse(
//!     SchemaType::Avro,
//!     &text(r#"{"name":"id","type":"long"},{"name":"currency","type":"string"}"#),
//!     &[],
//! )?;
//! let findings = compat::check(Level::Backward, &new, &[(Version(1), &old)]);
//! assert_eq!(findings[0].rule.code(), "READER_FIELD_MISSING_DEFAULT_VALUE");
//! # Ok::<(), annals_schema_model::ParseError>(())
//! ```

#[cfg(not(any(feature = "avro", feature = "proto", feature = "json")))]
compile_error!("enable at least one of the features `avro`, `proto` and `json`");

#[cfg(feature = "avro")]
pub mod avro;
#[cfg(feature = "cel")]
pub mod cel;
pub mod compat;
mod decimal;
#[cfg(feature = "values")]
mod double;
#[cfg(feature = "values")]
mod duration;
pub mod envelope;
pub mod event;
#[cfg(feature = "cel")]
mod fields;
mod finding;
#[cfg(all(feature = "cel", any(feature = "avro", feature = "proto")))]
mod held;
mod id;
#[cfg(feature = "json")]
pub mod json;
// A part of it is Avro's alone: public there, and of no use elsewhere.
#[cfg(any(feature = "avro", feature = "json"))]
#[cfg_attr(not(feature = "avro"), allow(dead_code, unreachable_pub))]
mod json_text;
mod level;
mod lines;
mod migration;
#[cfg(feature = "proto")]
pub mod proto;
mod reading;
mod reference;
mod schema;
#[cfg(feature = "serde")]
mod serde;
mod span;
mod standard;
mod subject;
mod text;
mod timestamp;
#[cfg(feature = "values")]
mod value;
mod walk;
#[cfg(feature = "values")]
mod writing;

pub use decimal::{Decimal, DecimalError, Exact, Number};
#[cfg(feature = "values")]
pub use double::write_double;
#[cfg(feature = "values")]
pub use duration::{Duration, DurationError};
pub use event::{
    DecodeError, EncodeError, EventSet, Identify, Opened, Raw, Resolve, SchemaVersion, Seen, Unresolved,
    Writer,
};
#[cfg(feature = "cel")]
pub use fields::{Fields, Leaf, Visit};
pub use finding::{Direction, Finding, Form, Rule};
pub use id::{SchemaId, Version};
pub use level::{Level, LevelError};
pub use migration::MigrationRule;
pub use reading::ReadError;
#[cfg(feature = "values")]
pub use reading::Reading;
pub use reference::{Outline, Reference, Resolved};
pub use schema::{ParseError, Schema, SchemaType, SchemaTypeError};
pub use span::Span;
pub use standard::{CompatibilityPolicy, Policy, PolicyError, Standard};
pub use subject::{Subject, SubjectError};
pub use timestamp::{Timestamp, TimestampError};
#[cfg(feature = "values")]
pub use value::Value;
pub use walk::{Walk, WalkError};
#[cfg(feature = "values")]
pub use writing::Writing;

#[cfg(feature = "bigdecimal")]
pub use bigdecimal;
#[cfg(feature = "chrono")]
pub use chrono;
#[cfg(feature = "jiff")]
pub use jiff;
#[cfg(feature = "rust_decimal")]
pub use rust_decimal;
#[cfg(feature = "time")]
pub use time;
#[cfg(feature = "uuid")]
pub use uuid;

/// How deep schemas, and payloads of Protobuf and JSON, may nest before they are refused; of Avro see
/// `avro::wire::RECURSION_MAX`.
pub const DEPTH_MAX: usize = 64;
