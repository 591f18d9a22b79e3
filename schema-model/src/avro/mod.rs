//! Avro: schemas, rules and payloads, after the specification and, where it leaves room, after Avro Java 1.12.
//!
//! A [`Schema`] is an arena of nodes with byte spans, so that a finding can point into the text. Nothing here
//! converts through a generic value on the way from a writer's bytes to a reader's: a [`Plan`] translates bytes.
//! Left out on purpose: IDL, RPC, object container files, sort order.

mod canon;
mod check;
pub mod compat;
mod default;
mod equal;
mod fields;
#[cfg(feature = "apache-avro")]
pub mod interop;
mod logical;
mod named;
mod names;
mod node;
mod parse;
mod places;
mod plan;
mod print;
mod read;
pub mod rules;
mod schema;
mod walk;
pub mod wire;
mod write;

use crate::json_text::{self as json, write as json_text};

pub use json::{Json, JsonKind};
pub use node::{Enum, Field, Fixed, Kind, Logical, Name, Node, NodeId, Order, Record};
pub use parse::{FIXED_BYTES_MAX, NODES_MAX, TEXT_BYTES_MAX};
pub use plan::{Plan, TRANSLATED_BYTES_MAX};
pub use read::Reading;
pub use schema::Schema;
pub use walk::Walk;
pub(crate) use write::write;
