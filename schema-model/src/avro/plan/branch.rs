//! Which branch of the reader's union takes a writer's value.
//!
//! Java's order: the first branch of the same type (of the same full name, for named types); for records also the
//! first whose fields resolve, one with the same short name preferred; then the first by promotion. If none is found,
//! the first branch that is compatible.

use std::collections::{HashMap, HashSet};

use super::names::Names;
use crate::avro::{
    compat::promotes,
    node::{Kind, NodeId},
    schema::Schema,
};

/// How many records may be tried inside each other; below that they count as matching, as recursion does.
const TRIALS_DEEP_MAX: usize = 64;

/// How many steps one resolution may take to try records, a step for each branch and field looked at; beyond that only
/// names count.
const STEPS_MAX: usize = 2_000_000;

/// Finds branches, remembering which records match.
pub(super) struct Branches<'s> {
    pub(super) writer: &'s Schema,
    pub(super) reader: &'s Schema,
    pub(super) names: &'s Names,
    records: HashMap<(NodeId, NodeId), bool>,
    steps_left: usize,
    /// For each union of the reader: its branches by full name.
    exact: HashMap<NodeId, HashMap<&'s str, usize>>,
    /// For each union of the reader: its named branches by short name.
    short: HashMap<NodeId, HashMap<&'s str, Vec<usize>>>,
    /// For each record of the writer: its fields as this reader calls them.
    written: HashMap<NodeId, HashSet<&'s str>>,
}

impl<'s> Branches<'s> {
    pub(super) fn new(writer: &'s Schema, reader: &'s Schema, names: &'s Names) -> Branches<'s> {
        Branches {
            writer,
            reader,
            names,
            records: HashMap::new(),
            steps_left: STEPS_MAX,
            exact: HashMap::new(),
            short: HashMap::new(),
            written: HashMap::new(),
        }
    }

    /// The branch for a writer's type that is no union.
    pub(super) fn find(&mut self, writer: NodeId, union: NodeId, branches: &[NodeId]) -> Option<usize> {
        let first = self.first_match(writer, union, branches, 0);
        first.or_else(|| self.by_short_name(writer, union, branches))
    }

    /// The branch for a writer's named type, if it goes by a name of that.
    pub(super) fn find_named(&mut self, writer: NodeId, union: NodeId, branches: &[NodeId]) -> Option<usize> {
        let (reader, kind) = (self.reader, &self.writer.node(writer).kind);
        let first = self.first_match(writer, union, branches, 0);
        let first =
            first.filter(|place| agrees_loosely(self.names, kind, &reader.node(branches[*place]).kind));
        first.or_else(|| self.by_short_name(writer, union, branches))
    }

    /// The first branch of the same type that goes by a short name of the writer's.
    fn by_short_name(&mut self, writer: NodeId, union: NodeId, branches: &[NodeId]) -> Option<usize> {
        let (reader, names) = (self.reader, self.names);
        let kind = &self.writer.node(writer).kind;
        let name = kind.type_name()?;
        let places = self.short.entry(union).or_insert_with(|| {
            let mut places: HashMap<&str, Vec<usize>> = HashMap::new();
            for (place, branch) in branches.iter().enumerate() {
                if let Some(name) = reader.node(*branch).kind.type_name() {
                    places.entry(name.short()).or_default().push(place);
                }
            }
            places
        });
        let agrees = |place: &usize| agrees_loosely(names, kind, &reader.node(branches[*place]).kind);
        let first = |name: &str| places.get(name)?.iter().copied().find(agrees);
        let found = [first(names.short(name.full())), first(name.short())];
        found.into_iter().flatten().min()
    }

    fn first_match(
        &mut self,
        writer: NodeId,
        union: NodeId,
        branches: &[NodeId],
        depth: usize,
    ) -> Option<usize> {
        let kind = &self.writer.node(writer).kind;
        let name = kind
            .type_name()
            .map_or_else(|| kind.name(), |name| self.names.full(name.full()));
        if let Some(exact) = self.exact(union, branches, name)
            && self.reader.node(branches[exact]).kind.name() == kind.name()
        {
            return Some(exact);
        }
        let by_structure = if matches!(kind, Kind::Record(_)) {
            self.by_structure(writer, branches, depth)
        } else {
            None
        };
        by_structure.or_else(|| {
            branches
                .iter()
                .position(|branch| promotes(kind, &self.reader.node(*branch).kind))
        })
    }

    /// The branch of a full name, or of an unnamed type.
    fn exact(&mut self, union: NodeId, branches: &[NodeId], name: &str) -> Option<usize> {
        let reader = self.reader;
        let places = self.exact.entry(union).or_insert_with(|| {
            let places = branches
                .iter()
                .enumerate()
                .map(|(place, branch)| (reader.type_label(*branch), place));
            places.collect()
        });
        places.get(name).copied()
    }

    /// The first record whose fields resolve, or the last of those that has the same short name.
    fn by_structure(&mut self, writer: NodeId, branches: &[NodeId], depth: usize) -> Option<usize> {
        let short = self.names.short(self.writer.type_label(writer));
        let mut found = None;
        for (index, branch) in branches.iter().enumerate() {
            match self.steps_left.checked_sub(1) {
                Some(left) => self.steps_left = left,
                None => break,
            }
            let Kind::Record(other) = &self.reader.node(*branch).kind else {
                continue;
            };
            let wanted = found.is_none() || short == other.name.short();
            if wanted && self.record_matches(writer, *branch, depth) {
                found = Some(index);
            }
        }
        found
    }

    /// Whether every field of the reader's record is there or has a default, and none of the fields fails at once.
    fn record_matches(&mut self, writer: NodeId, reader: NodeId, depth: usize) -> bool {
        if let Some(known) = self.records.get(&(writer, reader)) {
            return *known;
        }
        if depth > TRIALS_DEEP_MAX || self.steps_left == 0 {
            return depth > TRIALS_DEEP_MAX;
        }
        self.records.insert((writer, reader), true);
        let matches = self.has_fields(writer, reader) && self.fields_resolve(writer, reader, depth);
        self.records.insert((writer, reader), matches);
        matches
    }

    /// Whether the writer has every field the reader has no default for.
    fn has_fields(&mut self, writer: NodeId, reader: NodeId) -> bool {
        let (writer_schema, reader_schema, names) = (self.writer, self.reader, self.names);
        let (Kind::Record(other), Kind::Record(record)) =
            (&writer_schema.node(writer).kind, &reader_schema.node(reader).kind)
        else {
            return false;
        };
        self.steps_left = self.steps_left.saturating_sub(record.fields.len());
        let written = self.written.entry(writer).or_insert_with(|| {
            let fields = other.fields.iter();
            fields
                .map(|field| names.field(other.name.full(), &field.name))
                .collect()
        });
        let mut fields = record.fields.iter();
        fields.all(|field| field.default.is_some() || written.contains(&*field.name))
    }

    fn fields_resolve(&mut self, writer: NodeId, reader: NodeId, depth: usize) -> bool {
        let (writer_schema, reader_schema) = (self.writer, self.reader);
        let (Kind::Record(other), Kind::Record(record)) =
            (&writer_schema.node(writer).kind, &reader_schema.node(reader).kind)
        else {
            return false;
        };
        self.steps_left = self.steps_left.saturating_sub(other.fields.len());
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
            (_, Kind::Union(branches)) => self.first_match(writer, reader, branches, depth).is_some(),
            (Kind::Fixed(other), Kind::Fixed(fixed)) => {
                self.names.short(other.name.full()) == fixed.name.short() && other.size == fixed.size
            }
            (Kind::Enum(other), Kind::Enum(kind)) => self.names.short(other.name.full()) == kind.name.short(),
            (Kind::Record(_), Kind::Record(_)) => self.has_fields(writer, reader),
            (kind, other) => kind.name() == other.name() || promotes(kind, other),
        }
    }
}

/// Same type and, for named types, the same short name or an alias.
fn agrees_loosely(names: &Names, writer: &Kind, reader: &Kind) -> bool {
    match (writer, reader) {
        (Kind::Fixed(other), Kind::Fixed(fixed)) => {
            names.agree(&other.name, &fixed.name) && other.size == fixed.size
        }
        (Kind::Enum(other), Kind::Enum(kind)) => names.agree(&other.name, &kind.name),
        (Kind::Record(other), Kind::Record(record)) => names.agree(&other.name, &record.name),
        _ => false,
    }
}
