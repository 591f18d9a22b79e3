//! From a writer's bytes to a reader's: resolution compiled once, then run over bytes.
//!
//! The rules are those of Avro Java's reader: aliases of the reader rename the writer, fields match by name, defaults
//! fill what the writer lacks, unions pick the branch Java picks. Where Java would fail though the two schemas are
//! compatible (an enum in a union whose namespace changed; a field alias on a record whose namespace changed), the plan
//! reads what the compatibility rules promise. What cannot be read fails when it is met, not before; so does a decimal
//! whose scale changed or a time whose unit did, which Java would misread.

mod branch;
mod build;
mod names;
mod run;

use super::{compat, node::NodeId, schema::Schema, walk::Ops};
use crate::{Direction, Finding, ReadError};

/// The longest translation: defaults may make it longer than what was read.
pub const TRANSLATED_BYTES_MAX: usize = 64 * 1024 * 1024;

/// A compiled resolution of one writer schema into one reader schema.
#[derive(Clone, Debug)]
pub struct Plan {
    ops: Vec<Op>,
    root: OpId,
    /// How the writer's own values are passed and copied.
    writer: Ops,
}

/// The place of an operation in its plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct OpId(usize);

#[derive(Clone, Debug)]
enum Op {
    /// The writer's bytes are the reader's bytes.
    Copy(NodeId),
    /// A number is read as a wider one that is encoded differently.
    Promote(Promotion),
    /// Bytes become a string: they must be UTF-8.
    Text,
    /// The reader's symbol for each of the writer's.
    Enum(Vec<Result<usize, String>>),
    Array(OpId),
    Map(OpId),
    /// The operation of each branch of the writer's union.
    WriterUnion(Vec<OpId>),
    /// The reader's union takes a plain value as this branch.
    ReaderUnion(usize, OpId),
    Record(RecordOp),
    /// Cannot be read.
    Fail(String),
}

#[derive(Clone, Copy, Debug)]
enum Promotion {
    LongToFloat,
    LongToDouble,
    FloatToDouble,
}

/// A record: what is done with each of the writer's fields, in the writer's order.
#[derive(Clone, Debug, Default)]
struct RecordOp {
    fields: Vec<FieldOp>,
    /// Where the reader's fields come from, in the reader's order.
    sources: Vec<Source>,
    /// Whether the writer's fields come in the reader's order.
    in_order: bool,
    /// Whether bytes can be copied field by field and the record as a whole.
    identity: bool,
}

#[derive(Clone, Debug)]
struct FieldOp {
    /// The writer's name, for errors.
    name: String,
    action: Action,
}

#[derive(Clone, Debug)]
enum Action {
    Skip(NodeId),
    Read(OpId),
}

#[derive(Clone, Debug)]
enum Source {
    /// The writer's field at this index.
    Field(usize),
    Default(Vec<u8>),
}

impl Plan {
    /// Compiles the resolution of a writer's data into a reader's shape.
    ///
    /// ```
    /// use annals_schema_model::avro::{Plan, Schema};
    ///
    /// let writer = Schema::parse(r#""int""#, &[])?;
    /// let reader = Schema::parse(r#"["null", "double"]"#, &[])?;
    /// let plan = Plan::resolve(&writer, &reader).unwrap();
    /// let mut out = Vec::new();
    /// plan.translate(&[2], &mut out).unwrap();
    /// assert_eq!(out, [&[2][..], &1f64.to_le_bytes()].concat());
    /// # Ok::<(), annals_schema_model::ParseError>(())
    /// ```
    ///
    /// # Errors
    /// The findings that keep the reader from reading the writer's data, or would make it misread them: see
    /// [`compat::misreadings`].
    pub fn resolve(writer: &Schema, reader: &Schema) -> Result<Plan, Vec<Finding>> {
        let mut findings = compat::check(reader, writer, Direction::Backward);
        if findings.is_empty() {
            findings = compat::misreadings(reader, writer, Direction::Backward);
        }
        if findings.is_empty() {
            Ok(Plan::lenient(writer, reader))
        } else {
            Err(findings)
        }
    }

    /// Compiles a resolution of schemas that may not be compatible: what of the writer's data can be read is read, the
    /// rest fails when it is met, as with Avro Java's reader.
    #[must_use]
    pub fn lenient(writer: &Schema, reader: &Schema) -> Plan {
        build::build(writer, reader)
    }

    /// Whether every payload stays as it is.
    #[must_use]
    pub fn is_identity(&self) -> bool {
        matches!(self.ops[self.root.0], Op::Copy(_))
    }

    /// Appends the reader's bytes for a writer's body.
    ///
    /// # Errors
    /// [`ReadError`] when the body does not read with the writer schema, or holds what the reader cannot read.
    pub fn translate(&self, body: &[u8], out: &mut Vec<u8>) -> Result<(), ReadError> {
        run::translate(self, body, out)
    }
}
