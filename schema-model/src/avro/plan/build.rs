//! Compiling a plan. Pairs of records are compiled from a list, not from each other, so the depth of the recursion here
//! is that of the arrays, maps and unions of one text.

mod record;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::{
    DefaultValue, EXACT, From, Plan, RecordSteps, Step, StepId, TOO_LARGE, branch::Branches, names::Names,
};
use crate::avro::{
    compat,
    node::{Enum, Kind, NodeId},
    schema::Schema,
    walk::Ops,
};

/// How many types, fields and symbols a plan may compare to see whether unions are alike.
const ALIKE_STEPS_MAX: usize = 1_000_000;

/// How many bytes of memory a plan may take. Records that hold each other come together in as many pairs as one schema
/// has of them times the other; what a plan has no room for cannot be read.
const PLAN_BYTES_MAX: usize = 64 * 1024 * 1024;

pub(super) fn build(writer: &Schema, reader: &Schema) -> Plan {
    let names = Names::new(writer, reader);
    let mut builder = Builder {
        writer,
        reader,
        branches: Branches::new(writer, reader, &names),
        steps: vec![Step::Exact, too_large()],
        room: PLAN_BYTES_MAX,
        defaults: HashMap::new(),
        records: HashMap::new(),
        waiting: Vec::new(),
        identities: HashSet::new(),
        alike_steps: ALIKE_STEPS_MAX,
    };
    let root = builder.step(writer.root(), reader.root());
    while let Some((id, writer, reader)) = builder.waiting.pop() {
        let step = match builder.record(id, writer, reader) {
            Step::Fail(message, _) if !builder.take(message.len()) => too_large(),
            step => step,
        };
        builder.steps[id.0 as usize] = step;
    }
    let root = builder.settle_exact(root);
    Plan {
        steps: builder.steps,
        root,
        reader: reader.clone(),
        writer: Ops::new(writer),
        bytes: PLAN_BYTES_MAX - builder.room,
    }
}

struct Builder<'s> {
    writer: &'s Schema,
    reader: &'s Schema,
    branches: Branches<'s>,
    steps: Vec<Step>,
    /// How many bytes the plan may still take.
    room: usize,
    /// The default of a field of the reader's record, once some writer's record lacks it.
    defaults: HashMap<(NodeId, usize), Result<Arc<DefaultValue>, String>>,
    records: HashMap<(NodeId, NodeId), StepId>,
    /// Record pairs that have a place among the steps but are not compiled yet.
    waiting: Vec<(StepId, NodeId, NodeId)>,
    /// Records whose fields are the writer's, in its order: exact, if what is in them is.
    identities: HashSet<u32>,
    alike_steps: usize,
}

impl Builder<'_> {
    fn add(&mut self, step: Step) -> StepId {
        let beside = match &step {
            Step::Enum { name, symbols } => {
                let missing = symbols.iter().filter_map(|symbol| symbol.as_ref().err());
                name.len() + size_of_val(&**symbols) + missing.map(|symbol| symbol.len()).sum::<usize>()
            }
            Step::WriterUnion(branches) => size_of_val(&**branches),
            Step::Fail(message, _) => message.len(),
            _ => 0,
        };
        if !self.take(size_of::<Step>() + beside) {
            return TOO_LARGE;
        }
        self.steps.push(step);
        StepId(u32::try_from(self.steps.len() - 1).unwrap_or(u32::MAX))
    }

    /// Whether there is room for so many bytes more, which are taken then; if not, there is none for anything.
    fn take(&mut self, bytes: usize) -> bool {
        let left = self.room.checked_sub(bytes);
        self.room = left.unwrap_or_default();
        left.is_some()
    }

    fn fail(&mut self, writer: NodeId, reader: NodeId) -> StepId {
        let (found, expected) = (self.writer.type_label(writer), self.reader.type_label(reader));
        let message = format!("found {found}, the reader expects {expected}");
        self.add(Step::Fail(message, Some(writer)))
    }

    /// Why a reader would misread a writer's type.
    fn misread(&self, writer: NodeId, reader: NodeId) -> Option<String> {
        compat::misread(self.reader.node(reader).logical, self.writer.node(writer).logical)
    }

    fn step(&mut self, writer: NodeId, reader: NodeId) -> StepId {
        if self.room == 0 {
            return TOO_LARGE;
        }
        let (writer_schema, reader_schema) = (self.writer, self.reader);
        if let Some(message) = self.misread(writer, reader) {
            return self.add(Step::Fail(message, Some(writer)));
        }
        let (kind, other) = (&writer_schema.node(writer).kind, &reader_schema.node(reader).kind);
        match (kind, other) {
            (Kind::Union(branches), _) => {
                if self.alike(writer, reader) {
                    return EXACT;
                }
                let steps = branches.iter().map(|branch| self.step(*branch, reader)).collect();
                self.add(Step::WriterUnion(steps))
            }
            (_, Kind::Union(branches)) => match self.branches.find(writer, reader, branches) {
                Some(branch) => {
                    let step = self.step(writer, branches[branch]);
                    self.add(Step::ReaderUnion(branch, step))
                }
                None => self.fail(writer, reader),
            },
            (Kind::Record(_), Kind::Record(_)) => {
                if let Some(known) = self.records.get(&(writer, reader)) {
                    return *known;
                }
                let id = self.add(Step::Record(RecordSteps::default()));
                if id != TOO_LARGE {
                    self.records.insert((writer, reader), id);
                    self.waiting.push((id, writer, reader));
                }
                id
            }
            (Kind::Array(item), Kind::Array(other)) | (Kind::Map(item), Kind::Map(other)) => {
                let item = self.step(*item, *other);
                self.add(Step::Items(item))
            }
            (Kind::Enum(kind), Kind::Enum(other)) => self.enumeration(writer, reader, kind, other),
            (Kind::Fixed(fixed), Kind::Fixed(other)) => {
                if self.branches.names.agree(&fixed.name, &other.name) && fixed.size == other.size {
                    return EXACT;
                }
                self.fail(writer, reader)
            }
            (Kind::Bytes, Kind::String) => EXACT,
            (Kind::String, Kind::Bytes) => self.add(Step::Text),
            (Kind::Int, Kind::Long | Kind::Float | Kind::Double) => self.add(Step::Int),
            (Kind::Long, Kind::Float) => self.add(Step::LongToFloat),
            (Kind::Long, Kind::Double) => self.add(Step::LongToDouble),
            (Kind::Float, Kind::Double) => self.add(Step::FloatToDouble),
            (kind, other) if kind.name() == other.name() => EXACT,
            _ => self.fail(writer, reader),
        }
    }

    fn enumeration(&mut self, writer: NodeId, reader: NodeId, kind: &Enum, other: &Enum) -> StepId {
        if !self.branches.names.agree(&kind.name, &other.name) {
            return self.fail(writer, reader);
        }
        if kind.symbols == other.symbols {
            return EXACT;
        }
        let places: HashMap<&str, usize> = other
            .symbols
            .iter()
            .enumerate()
            .map(|(index, symbol)| (symbol.as_str(), index))
            .collect();
        let default = other.default.as_deref().and_then(|default| places.get(default));
        let symbols = kind.symbols.iter().map(|symbol| {
            let place = places.get(symbol.as_str()).or(default).copied();
            place.ok_or_else(|| symbol.as_str().into())
        });
        let symbols = symbols.collect();
        let name = other.name.full().into();
        self.add(Step::Enum { name, symbols })
    }

    /// Whether two unions are the same to the last field, so that data of one is data of the other.
    fn alike(&mut self, writer: NodeId, reader: NodeId) -> bool {
        let names = self.branches.names;
        let mut seen = HashSet::new();
        let mut open = vec![(writer, reader)];
        while let Some((writer, reader)) = open.pop() {
            if !seen.insert((writer, reader)) {
                continue;
            }
            let (kind, other) = (&self.writer.node(writer).kind, &self.reader.node(reader).kind);
            let cost = match kind {
                Kind::Enum(kind) => kind.symbols.len(),
                kind => kind.children().count(),
            };
            match self.alike_steps.checked_sub(1 + cost) {
                Some(left) => self.alike_steps = left,
                None => return false,
            }
            let same_name = match (kind.type_name(), other.type_name()) {
                (Some(name), Some(other)) => names.short(name.full()) == other.short(),
                _ => true,
            };
            let same = same_name
                && self.misread(writer, reader).is_none()
                && match (kind, other) {
                    (Kind::Enum(kind), Kind::Enum(other)) => kind.symbols == other.symbols,
                    (Kind::Fixed(fixed), Kind::Fixed(other)) => fixed.size == other.size,
                    (Kind::Record(record), Kind::Record(other)) => {
                        record.fields.len() == other.fields.len()
                            && record.fields.iter().zip(&other.fields).all(|(field, other)| {
                                *names.field(record.name.full(), &field.name) == *other.name
                            })
                    }
                    (kind, other) => kind.name() == other.name(),
                };
            if !same || kind.children().count() != other.children().count() {
                return false;
            }
            open.extend(kind.children().zip(other.children()));
        }
        true
    }

    /// Makes exact what holds nothing but what is exact, and answers what the root is then. A record counts as exact
    /// until one of its fields is not, so recursive records become exact too.
    fn settle_exact(&mut self, root: StepId) -> StepId {
        let may_be = |(index, step): (usize, &Step)| match step {
            Step::Exact | Step::Items(_) => true,
            Step::Record(_) => self.identities.contains(&(index as u32)),
            _ => false,
        };
        let mut exact: Vec<bool> = self.steps.iter().enumerate().map(may_be).collect();
        let mut holders: Vec<Vec<usize>> = vec![Vec::new(); self.steps.len()];
        for (index, step) in self.steps.iter().enumerate() {
            each_inner(&mut step.clone(), |inner| holders[inner.0 as usize].push(index));
        }
        let mut changed: Vec<usize> = (0..exact.len()).filter(|index| !exact[*index]).collect();
        while let Some(index) = changed.pop() {
            for holder in &holders[index] {
                if std::mem::replace(&mut exact[*holder], false) {
                    changed.push(*holder);
                }
            }
        }
        let settle = |id: &mut StepId| {
            if exact[id.0 as usize] {
                *id = EXACT;
            }
        };
        self.steps.iter_mut().for_each(|step| each_inner(step, settle));
        let mut root = root;
        settle(&mut root);
        root
    }
}

const TOO_LARGE_MESSAGE: &str =
    "the schemas of writer and reader differ in so many places that no plan holds them";

fn too_large() -> Step {
    Step::Fail(TOO_LARGE_MESSAGE.to_owned(), None)
}

/// Shows the steps a step leads to.
fn each_inner(step: &mut Step, mut show: impl FnMut(&mut StepId)) {
    match step {
        Step::Items(inner) | Step::ReaderUnion(_, inner) => show(inner),
        Step::WriterUnion(inner) => inner.iter_mut().for_each(show),
        Step::Record(record) => {
            for field in &mut record.fields {
                if let From::Field(_, step) = &mut field.from {
                    show(step);
                }
            }
        }
        _ => {}
    }
}
