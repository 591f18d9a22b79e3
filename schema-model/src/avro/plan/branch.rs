//! Which branch of the reader's union takes a writer's value.
//!
//! Java's order: the first branch of the same type (of the same full name, for named types); for records also the
//! first whose fields resolve, one with the same short name preferred; then the first by promotion. If none is found,
//! the first branch that is compatible.

use std::collections::HashMap;

use super::names::Names;
use crate::avro::{
    compat::promotes,
    node::{Kind, NodeId},
    schema::Schema,
};

/// How many records may be tried inside each other; below that they count as matching, as recursion does.
const TRIALS_DEEP_MAX: usize = 64;

/// How many trials one resolution may take; beyond that they count as matching.
const TRIALS_MAX: usize = 250_000;

/// Finds branches, remembering which records match.
pub(super) struct Branches<'s> {
    pub(super) writer: &'s Schema,
    pub(super) reader: &'s Schema,
    pub(super) names: &'s Names,
    records: HashMap<(NodeId, NodeId), bool>,
    trials: usize,
}

impl<'s> Branches<'s> {
    pub(super) fn new(writer: &'s Schema, reader: &'s Schema, names: &'s Names) -> Branches<'s> {
        Branches {
            writer,
            reader,
            names,
            records: HashMap::new(),
            trials: 0,
        }
    }

    /// The branch for a writer's type that is no union.
    pub(super) fn find(&mut self, writer: NodeId, branches: &[NodeId]) -> Option<usize> {
        self.first_match(writer, branches, 0).or_else(|| {
            branches
                .iter()
                .position(|branch| self.agrees_loosely(writer, *branch))
        })
    }

    fn first_match(&mut self, writer: NodeId, branches: &[NodeId], depth: usize) -> Option<usize> {
        let kind = &self.writer.node(writer).kind;
        let mut structure = None;
        for (index, branch) in branches.iter().enumerate() {
            let other = &self.reader.node(*branch).kind;
            if kind.name() != other.name() {
                continue;
            }
            let (Some(name), Some(wanted)) = (kind.type_name(), other.type_name()) else {
                return Some(index);
            };
            if self.names.full(name.full()) == wanted.full() {
                return Some(index);
            }
            if matches!(kind, Kind::Record(_)) && self.record_matches(writer, *branch, depth) {
                let same_short = self.names.short(name.full()) == wanted.short();
                if structure.is_none() || same_short {
                    structure = Some(index);
                }
            }
        }
        structure.or_else(|| {
            branches
                .iter()
                .position(|branch| promotes(kind, &self.reader.node(*branch).kind))
        })
    }

    /// Whether every field of the reader's record is there or has a default, and none of the fields fails at once.
    fn record_matches(&mut self, writer: NodeId, reader: NodeId, depth: usize) -> bool {
        if let Some(known) = self.records.get(&(writer, reader)) {
            return *known;
        }
        self.trials += 1;
        if depth > TRIALS_DEEP_MAX || self.trials > TRIALS_MAX {
            return true;
        }
        self.records.insert((writer, reader), true);
        let matches = self.has_fields(writer, reader) && self.fields_resolve(writer, reader, depth);
        self.records.insert((writer, reader), matches);
        matches
    }

    /// Whether the writer has every field the reader has no default for.
    fn has_fields(&self, writer: NodeId, reader: NodeId) -> bool {
        let (Kind::Record(other), Kind::Record(record)) =
            (&self.writer.node(writer).kind, &self.reader.node(reader).kind)
        else {
            return false;
        };
        record.fields.iter().all(|field| {
            let written = |name: &str| self.names.field(other.name.full(), name) == field.name;
            field.default.is_some() || other.fields.iter().any(|other| written(&other.name))
        })
    }

    fn fields_resolve(&mut self, writer: NodeId, reader: NodeId, depth: usize) -> bool {
        let (writer_schema, reader_schema) = (self.writer, self.reader);
        let (Kind::Record(other), Kind::Record(record)) =
            (&writer_schema.node(writer).kind, &reader_schema.node(reader).kind)
        else {
            return false;
        };
        other.fields.iter().all(|written| {
            let name = self.names.field(other.name.full(), &written.name);
            match record.field(name) {
                Some((_, field)) => self.resolves(written.node, field.node, depth + 1),
                None => true,
            }
        })
    }

    /// Whether a pair does not fail at once; what lies inside arrays, maps, unions and records is not looked at.
    fn resolves(&mut self, writer: NodeId, reader: NodeId, depth: usize) -> bool {
        let (writer_schema, reader_schema) = (self.writer, self.reader);
        match (&writer_schema.node(writer).kind, &reader_schema.node(reader).kind) {
            (Kind::Union(_), _) => true,
            (_, Kind::Union(branches)) => self.first_match(writer, branches, depth).is_some(),
            (Kind::Fixed(other), Kind::Fixed(fixed)) => {
                self.names.short(other.name.full()) == fixed.name.short() && other.size == fixed.size
            }
            (Kind::Enum(other), Kind::Enum(kind)) => self.names.short(other.name.full()) == kind.name.short(),
            (Kind::Record(_), Kind::Record(_)) => self.has_fields(writer, reader),
            (kind, other) => kind.name() == other.name() || promotes(kind, other),
        }
    }

    /// Same type and, for enums and fixed, same short name or an alias.
    fn agrees_loosely(&self, writer: NodeId, reader: NodeId) -> bool {
        match (&self.writer.node(writer).kind, &self.reader.node(reader).kind) {
            (Kind::Fixed(other), Kind::Fixed(fixed)) => {
                self.names.short(other.name.full()) == fixed.name.short() && other.size == fixed.size
            }
            (Kind::Enum(other), Kind::Enum(kind)) => self.names.short(other.name.full()) == kind.name.short(),
            (Kind::Record(other), Kind::Record(record)) => {
                self.names.short(other.name.full()) == record.name.short()
            }
            _ => false,
        }
    }
}
