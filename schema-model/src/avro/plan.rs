//! From a writer's bytes to a reader's values: resolution compiled once, then read through.
//!
//! A plan is a tree of steps in the shape of the *reader's* schema. A generated type reads itself from [`Planned`] as it reads
//! itself from its own bytes, in one pass: nothing is translated before, and nothing dynamic is built.
//!
//! The rules are those of Avro Java's reader: aliases of the reader rename the writer, fields match by name, defaults
//! fill what the writer lacks, unions pick the branch Java picks. Where Java would fail though the two schemas are
//! compatible (an enum in a union whose namespace changed; a field alias on a record whose namespace changed), the plan
//! reads what the compatibility rules promise. What cannot be read fails when it is met, not before; so does a decimal
//! whose scale changed or a time whose unit did, which Java would misread.

mod branch;
mod build;
mod names;
mod planned;
mod translate;

pub(crate) use planned::Planned;

use std::sync::Arc;

use branch::Branches;
use names::Names;

use super::{
    compat,
    node::NodeId,
    schema::Schema,
    walk::Ops,
    wire::{self, Reader},
};
use crate::{Direction, Finding, ReadError};

/// How many bytes one payload's reading may take from defaults, pass over ahead of their turn, or translate to. A value of
/// a default counts for 64 bytes more than it has.
pub const PLANNED_BYTES_MAX: usize = 64 * 1024 * 1024;

/// A compiled resolution of one writer schema into one reader schema.
#[derive(Clone, Debug)]
pub struct Plan {
    steps: Vec<Step>,
    root: StepId,
    reader: Schema,
    /// How the writer's own values are passed over.
    writer: Ops,
    /// How much memory the steps take.
    bytes: usize,
}

/// The place of a step in its plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct StepId(u32);

/// The step of every plan whose bytes are the reader's.
const EXACT: StepId = StepId(0);

/// The step of every plan that stands for what it has no room for.
const TOO_LARGE: StepId = StepId(1);

#[derive(Clone, Debug)]
enum Step {
    /// The writer's bytes are the reader's, all the way down.
    Exact,
    /// An int, as whatever number the reader has.
    Int,
    /// A string, as the reader's bytes.
    Text,
    LongToFloat,
    LongToDouble,
    FloatToDouble,
    /// The reader's symbol for each of the writer's, or the writer's where the reader has none and no default.
    Enum {
        /// The reader's enum.
        name: Box<str>,
        symbols: Box<[Result<usize, Box<str>>]>,
    },
    /// The items of an array, or the values of a map.
    Items(StepId),
    /// The step of each branch of the writer's union.
    WriterUnion(Box<[StepId]>),
    /// The reader's union takes a plain value as this branch.
    ReaderUnion(usize, StepId),
    Record(RecordSteps),
    /// Cannot be read: why not, and the writer's type that is met.
    Fail(String, Option<NodeId>),
}

/// A record, in the order of the reader's fields.
#[derive(Clone, Debug, Default)]
struct RecordSteps {
    fields: Box<[FieldStep]>,
    /// Writer fields behind the last one that is read.
    passed: Box<[NodeId]>,
    /// All of the writer's fields, when they come in another order than the reader's; then no field has `passed`.
    reordered: Option<Box<[NodeId]>>,
}

#[derive(Clone, Debug)]
struct FieldStep {
    /// Writer fields before this one that the reader has not.
    passed: Box<[NodeId]>,
    from: From,
}

#[derive(Clone, Debug)]
enum From {
    /// The writer's field at this index.
    Field(usize, StepId),
    Default(Arc<DefaultValue>),
}

/// What the reader has for a field that the writer lacks. All plans' steps that need it share it.
#[derive(Debug)]
struct DefaultValue {
    field: Box<str>,
    /// The reader's encoding.
    bytes: Vec<u8>,
    /// What reading it counts for.
    cost: usize,
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

    /// The branch of the union at the top of a reader that takes a writer's named type under one of its names: what resolution
    /// picks, where that goes by the type's short name or an alias.
    ///
    /// ```
    /// use annals_schema_model::avro::{Plan, Schema};
    ///
    /// let writer = Schema::parse(r#"{"type": "enum", "name": "m.A", "symbols": ["X"]}"#, &[])?;
    /// let branches = r#"["null", {"type": "enum", "name": "n.A", "symbols": ["X"]}]"#;
    /// assert_eq!(Plan::named_branch(&writer, &Schema::parse(branches, &[])?), Some(1));
    /// # Ok::<(), annals_schema_model::ParseError>(())
    /// ```
    #[must_use]
    pub fn named_branch(writer: &Schema, reader: &Schema) -> Option<usize> {
        let names = Names::new(writer, reader);
        let mut branches = Branches::new(writer, reader, &names);
        branches.find_named(writer.root(), reader.root(), reader.branches()?)
    }

    /// Whether every payload stays as it is.
    #[must_use]
    pub fn is_identity(&self) -> bool {
        self.root == EXACT
    }

    /// Appends the reader's bytes for a writer's body.
    ///
    /// # Errors
    /// [`ReadError`] when the body does not read with the writer schema, or holds what the reader cannot read.
    pub fn translate(&self, body: &[u8], out: &mut Vec<u8>) -> Result<(), ReadError> {
        let length = out.len();
        let mut writer = wire::Writer::append_to(std::mem::take(out));
        let result = self.read(Reader::new(body), |planned| {
            translate::value(&self.reader, self.reader.root(), planned, &mut writer)
        });
        *out = writer.into_bytes();
        if result.is_err() {
            out.truncate(length);
        }
        result
    }

    /// Reads a writer's value from where a reader stands, to the last byte of its body.
    ///
    /// # Errors
    /// As [`Plan::translate`].
    pub(crate) fn read<'a, T>(
        &'a self,
        reader: Reader<'a>,
        read: impl FnOnce(&mut Planned<'a>) -> wire::Result<T>,
    ) -> Result<T, ReadError> {
        let mut planned = Planned::new(self, reader.clone());
        let value = read(&mut planned).and_then(|value| planned.finish().map(|()| value));
        value.map_err(|fault| self.writer.placed(reader, planned.placed(fault)))
    }

    /// How many bytes of memory it takes, about.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    fn step(&self, id: StepId) -> &Step {
        &self.steps[id.0 as usize]
    }
}
