//! Schemas as code generation sees them, whatever is printed from them.
//!
//! Invariant: what stands here is a schema's meaning and its words, and nothing of the language it becomes: names are the
//! schema's own. Avro is in [`avro`], Protobuf in [`proto`]; they share no types, because their types are not the same.

mod avro;
pub(crate) mod proto;

pub(crate) use avro::{
    Body, Definition, Definitions, Field, Logical, Ranks, Type, Value, can_borrow, has_floats,
    has_open_enums, holds, holds_itself, is_endless, rank, ranks, reached_by, recurs,
};
