//! Compiling a plan. Pairs of records are compiled from a list, not from each other, so the depth of the recursion here
//! is that of the arrays, maps and unions of one text.

use std::collections::{HashMap, HashSet};

use super::{Action, FieldOp, Op, OpId, Plan, Promotion, RecordOp, Source, branch::Branches, names::Names};
use crate::avro::{
    compat,
    node::{Enum, Field, Kind, NodeId, Record},
    schema::Schema,
    walk::Ops,
};

/// How many types, fields and symbols a plan may compare to see whether unions are alike.
const ALIKE_STEPS_MAX: usize = 1_000_000;

pub(super) fn build(writer: &Schema, reader: &Schema) -> Plan {
    let names = Names::new(writer, reader);
    let mut builder = Builder {
        writer,
        reader,
        branches: Branches::new(writer, reader, &names),
        ops: Vec::new(),
        nodes: Vec::new(),
        records: HashMap::new(),
        waiting: Vec::new(),
        alike_steps: ALIKE_STEPS_MAX,
    };
    let root = builder.op(writer.root(), reader.root());
    while let Some((id, writer, reader)) = builder.waiting.pop() {
        builder.ops[id.0] = builder.record(writer, reader);
    }
    builder.settle_copies();
    Plan {
        ops: builder.ops,
        root,
        writer: Ops::new(writer),
    }
}

struct Builder<'s> {
    writer: &'s Schema,
    reader: &'s Schema,
    branches: Branches<'s>,
    ops: Vec<Op>,
    /// The writer's type of each operation.
    nodes: Vec<NodeId>,
    records: HashMap<(NodeId, NodeId), OpId>,
    /// Record pairs that have a place among the operations but are not compiled yet.
    waiting: Vec<(OpId, NodeId, NodeId)>,
    alike_steps: usize,
}

impl Builder<'_> {
    fn add(&mut self, writer: NodeId, op: Op) -> OpId {
        self.ops.push(op);
        self.nodes.push(writer);
        OpId(self.ops.len() - 1)
    }

    fn fail(&mut self, writer: NodeId, reader: NodeId) -> OpId {
        let (found, expected) = (self.writer.type_label(writer), self.reader.type_label(reader));
        self.add(
            writer,
            Op::Fail(format!("found {found}, the reader expects {expected}")),
        )
    }

    /// Why a reader would misread a writer's type.
    fn misread(&self, writer: NodeId, reader: NodeId) -> Option<String> {
        compat::misread(self.reader.node(reader).logical, self.writer.node(writer).logical)
    }

    fn op(&mut self, writer: NodeId, reader: NodeId) -> OpId {
        let (writer_schema, reader_schema) = (self.writer, self.reader);
        if let Some(message) = self.misread(writer, reader) {
            return self.add(writer, Op::Fail(message));
        }
        let (kind, other) = (&writer_schema.node(writer).kind, &reader_schema.node(reader).kind);
        match (kind, other) {
            (Kind::Union(branches), _) => {
                let alike = self.alike(writer, reader);
                if alike {
                    return self.add(writer, Op::Copy(writer));
                }
                let ops = branches.iter().map(|branch| self.op(*branch, reader)).collect();
                self.add(writer, Op::WriterUnion(ops))
            }
            (_, Kind::Union(branches)) => match self.branches.find(writer, reader, branches) {
                Some(branch) => {
                    let op = self.op(writer, branches[branch]);
                    self.add(writer, Op::ReaderUnion(branch, op))
                }
                None => self.fail(writer, reader),
            },
            (Kind::Record(_), Kind::Record(_)) => {
                if let Some(known) = self.records.get(&(writer, reader)) {
                    return *known;
                }
                let id = self.add(writer, Op::Record(RecordOp::default()));
                self.records.insert((writer, reader), id);
                self.waiting.push((id, writer, reader));
                id
            }
            (Kind::Array(item), Kind::Array(other)) => {
                let item = self.op(*item, *other);
                self.add(writer, Op::Array(item))
            }
            (Kind::Map(value), Kind::Map(other)) => {
                let value = self.op(*value, *other);
                self.add(writer, Op::Map(value))
            }
            (Kind::Enum(kind), Kind::Enum(other)) => self.enumeration(writer, reader, kind, other),
            (Kind::Fixed(fixed), Kind::Fixed(other)) => {
                if self.branches.names.agree(&fixed.name, &other.name) && fixed.size == other.size {
                    return self.add(writer, Op::Copy(writer));
                }
                self.fail(writer, reader)
            }
            (Kind::Int, Kind::Long) | (Kind::String, Kind::Bytes) => self.add(writer, Op::Copy(writer)),
            (Kind::Bytes, Kind::String) => self.add(writer, Op::Text),
            (Kind::Int | Kind::Long, Kind::Float) => self.add(writer, Op::Promote(Promotion::LongToFloat)),
            (Kind::Int | Kind::Long, Kind::Double) => self.add(writer, Op::Promote(Promotion::LongToDouble)),
            (Kind::Float, Kind::Double) => self.add(writer, Op::Promote(Promotion::FloatToDouble)),
            (kind, other) if kind.name() == other.name() => self.add(writer, Op::Copy(writer)),
            _ => self.fail(writer, reader),
        }
    }

    fn enumeration(&mut self, writer: NodeId, reader: NodeId, kind: &Enum, other: &Enum) -> OpId {
        if !self.branches.names.agree(&kind.name, &other.name) {
            return self.fail(writer, reader);
        }
        let places: HashMap<&str, usize> = other
            .symbols
            .iter()
            .enumerate()
            .map(|(index, symbol)| (symbol.as_str(), index))
            .collect();
        let default = other.default.as_deref().and_then(|default| places.get(default));
        let symbols: Vec<Result<usize, String>> = kind
            .symbols
            .iter()
            .map(|symbol| {
                places.get(symbol.as_str()).or(default).copied().ok_or_else(|| {
                    format!(
                        "the reader's enum {} has no symbol \"{symbol}\" and no default",
                        other.name.full()
                    )
                })
            })
            .collect();
        let same = symbols
            .iter()
            .enumerate()
            .all(|(index, symbol)| *symbol == Ok(index));
        self.add(writer, if same { Op::Copy(writer) } else { Op::Enum(symbols) })
    }

    fn record(&mut self, writer: NodeId, reader: NodeId) -> Op {
        let (writer_schema, reader_schema) = (self.writer, self.reader);
        let (Kind::Record(written), Kind::Record(record)) =
            (&writer_schema.node(writer).kind, &reader_schema.node(reader).kind)
        else {
            return Op::Fail("not a record".to_owned());
        };
        let sources = match self.sources(written, record) {
            Ok(sources) => sources,
            Err(message) => return Op::Fail(message),
        };
        let mut targets: Vec<Option<usize>> = vec![None; written.fields.len()];
        for (target, source) in sources.iter().enumerate() {
            if let Source::Field(index) = source {
                targets[*index] = Some(target);
            }
        }
        let fields = written.fields.iter().zip(&targets).map(|(field, target)| {
            let action = match target {
                Some(target) => Action::Read(self.op(field.node, record.fields[*target].node)),
                None => Action::Skip(field.node),
            };
            FieldOp {
                name: field.name.clone(),
                action,
            }
        });
        let fields: Vec<FieldOp> = fields.collect();
        let order: Vec<usize> = targets.iter().copied().flatten().collect();
        let in_order = order.is_sorted();
        let identity = in_order && order.len() == fields.len() && order.len() == sources.len();
        Op::Record(RecordOp {
            fields,
            sources,
            in_order,
            identity,
        })
    }

    /// Where each field of the reader comes from.
    fn sources(&self, written: &Record, record: &Record) -> Result<Vec<Source>, String> {
        let mut places: HashMap<&str, usize> = HashMap::new();
        for (index, field) in written.fields.iter().enumerate() {
            let name = self.branches.names.field(written.name.full(), &field.name);
            // A field that has the name beats one that gets it by an alias.
            if field.name == name || !places.contains_key(name) {
                places.insert(name, index);
            }
        }
        let mut free: Vec<bool> = vec![true; written.fields.len()];
        for field in &record.fields {
            if let Some(index) = places.get(field.name.as_str()) {
                free[*index] = false;
            }
        }
        // What the compatibility rules promise beyond Java: the field's own name or an alias, wherever the records live.
        let mut promised = |field: &Field| {
            let names = std::iter::once(&field.name).chain(&field.aliases);
            let found = names
                .filter_map(|name| written.field(name))
                .find(|(index, _)| free[*index]);
            found.map(|(index, _)| {
                free[index] = false;
                Source::Field(index)
            })
        };
        let sources = record.fields.iter().map(|field| {
            if let Some(index) = places.get(field.name.as_str()) {
                return Ok(Source::Field(*index));
            }
            match &field.default {
                Some(default) => {
                    let bytes = self.reader.default_bytes(field.node, default);
                    bytes.map(Source::Default).map_err(|problem| format!("field \"{}\": {problem}", field.name))
                }
                None => promised(field).ok_or_else(|| {
                    let (name, other) = (written.name.full(), record.name.full());
                    format!("found {name}, the reader expects {other}: field \"{}\" is missing and has no default", field.name)
                }),
            }
        });
        sources.collect()
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
                                names.field(record.name.full(), &field.name) == other.name
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

    /// Turns operations into plain copies where everything below only copies. A record counts as copied until one of
    /// its fields is not, so recursive records become copies too.
    fn settle_copies(&mut self) {
        let mut copies: Vec<bool> = self
            .ops
            .iter()
            .map(|op| !matches!(op, Op::Record(record) if !record.identity))
            .collect();
        let mut holders: Vec<Vec<usize>> = vec![Vec::new(); self.ops.len()];
        let mut changed = Vec::new();
        for (index, op) in self.ops.iter().enumerate() {
            for inner in inner(op) {
                holders[inner.0].push(index);
            }
            let leaf = match op {
                Op::Copy(_) | Op::Array(_) | Op::Map(_) | Op::Record(_) => true,
                Op::Promote(_)
                | Op::Text
                | Op::Enum(_)
                | Op::WriterUnion(_)
                | Op::ReaderUnion(..)
                | Op::Fail(_) => false,
            };
            if !leaf {
                copies[index] = false;
            }
            if !copies[index] {
                changed.push(index);
            }
        }
        while let Some(index) = changed.pop() {
            for holder in &holders[index] {
                if std::mem::replace(&mut copies[*holder], false) {
                    changed.push(*holder);
                }
            }
        }
        for ((op, node), copied) in self.ops.iter_mut().zip(&self.nodes).zip(copies) {
            if copied {
                *op = Op::Copy(*node);
            }
        }
    }
}

/// The operations an operation runs.
fn inner(op: &Op) -> Vec<OpId> {
    match op {
        Op::Array(inner) | Op::Map(inner) | Op::ReaderUnion(_, inner) => vec![*inner],
        Op::WriterUnion(inner) => inner.clone(),
        Op::Record(record) => {
            let read = record.fields.iter().filter_map(|field| match field.action {
                Action::Read(op) => Some(op),
                Action::Skip(_) => None,
            });
            read.collect()
        }
        Op::Copy(_) | Op::Promote(_) | Op::Text | Op::Enum(_) | Op::Fail(_) => Vec::new(),
    }
}
