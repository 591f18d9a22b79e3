//! Avro: schemas, rules and payloads, after the specification and, where it leaves room, after Avro Java 1.12.
//!
//! A [`Schema`] is an arena of nodes with byte spans, so that a finding can point into the text. Nothing here
//! converts through a generic value on the way from a writer's bytes to a reader's values: a [`Plan`] drives the reader.
//! Left out on purpose: IDL, RPC, sort order.

mod canon;
mod check;
pub mod compat;
#[cfg(feature = "apache-avro")]
pub mod container;
mod default;
mod equal;
mod fields;
#[cfg(feature = "cel")]
mod held;
#[cfg(feature = "apache-avro")]
pub mod interop;
mod kept;
mod locate;
mod logical;
mod met;
mod named;
mod names;
mod node;
mod parse;
mod payload;
mod places;
mod plan;
mod print;
#[cfg(feature = "values")]
mod read;
pub mod rules;
mod schema;
mod symbol;
mod typed;
mod walk;
pub mod wire;
#[cfg(feature = "values")]
mod write;

use crate::json_text::{self as json, write as json_text};

// What generated code calls its fields' types and its own traits by, so that it needs one name of this crate alone.
pub use crate::event::{DecodeError, EncodeError, EventSet, Identify, Raw, Resolve, SchemaVersion, Seen};
pub use crate::{Decimal, Exact, ReadError, Timestamp, dec};
#[cfg(feature = "bigdecimal")]
pub use bigdecimal;
#[cfg(feature = "chrono")]
pub use chrono;
#[cfg(feature = "cel")]
pub(crate) use held::{holds, write_value};
#[cfg(feature = "jiff")]
pub use jiff::civil::{Date, DateTime, Time};
pub use json::{Json, JsonKind};
pub use node::{Enum, Field, Fixed, Kind, Logical, Name, Node, NodeId, Order, Record};
pub(crate) use parse::outline;
pub use parse::{FIXED_BYTES_MAX, NODES_MAX, TEXT_BYTES_MAX};
pub use payload::{Branch, Payload, encode, encode_checked, encode_into, encode_into_checked};
pub use plan::{PLANNED_BYTES_MAX, Plan};
#[cfg(feature = "values")]
pub use read::Reading;
#[cfg(feature = "rust_decimal")]
pub use rust_decimal;
pub use schema::Schema;
pub use symbol::{UnknownSymbol, symbol};
#[cfg(feature = "time")]
pub use time;
pub use typed::{
    Borrowed, Datum, ReaderSchema, blank, branch_of, default_of, written_name, written_short_name,
};
#[cfg(feature = "uuid")]
pub use uuid::Uuid;
pub use walk::Walk;
pub use wire::Duration;
#[cfg(feature = "values")]
pub(crate) use write::write;
