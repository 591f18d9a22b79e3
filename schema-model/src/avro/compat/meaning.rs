//! What Avro's own rules leave out: the bytes can be read, but come to mean something else.
//!
//! Avro's rules ignore logical types, so a decimal whose scale changed still "reads", a hundred times too large. This walk
//! goes through the pairs of types whose values meet (in unions, the branch that is meant for a writer's type) and
//! notes every difference in meaning; which of them count is the policy's affair. Types that do not read at all are
//! the structural comparison's.

use std::collections::HashSet;

use super::{
    Kind, Next, NodeId, PAIRS_MAX, Problem, STEPS_MAX, Schema, Unions,
    place::{Places, Token},
    promotes, rules, task, type_word,
};
use crate::avro::node::{Logical, Node};

/// Every place where some of a writer's values do not fit the reader, though all others do: a decimal with fewer digits,
/// a string that is to be a uuid, bytes that are to be a text. Such a value is an error when it is read.
///
/// ```
/// use annals_schema_model::{Direction, avro::{Schema, compat}};
///
/// let old = Schema::parse(r#""string""#, &[])?;
/// let new = Schema::parse(r#"{"type": "string", "logicalType": "uuid"}"#, &[])?;
/// assert!(compat::misreadings(&new, &old, Direction::Backward).is_empty());
/// let narrowed = compat::narrowings(&new, &old, Direction::Backward);
/// assert_eq!(narrowed[0].rule.code(), "LOGICAL_TYPE_ADDED");
/// # Ok::<(), annals_schema_model::ParseError>(())
/// ```
#[must_use]
pub fn narrowings(reader: &Schema, writer: &Schema, direction: crate::Direction) -> Vec<crate::Finding> {
    let (places, problems) = problems(reader, writer);
    let narrows = |problem: &&Problem| {
        let (now, before) = places.nodes(problem.place);
        let (now, before) = (reader.node(now), writer.node(before));
        problem.rule == rules::DECIMAL_PRECISION_NARROWED
            || problem.rule == rules::LOGICAL_TYPE_ADDED && !takes_all(now, before)
            || problem.rule == rules::LOSSY_PROMOTION && matches!(before.kind, Kind::Bytes)
    };
    let problems = problems.iter().filter(narrows);
    super::report::findings(reader, writer, &places, problems, direction)
}

/// Whether every value of a plain type is one of a logical type upon it. A moment takes all numbers of its own width; what was
/// written as an int counts something else.
fn takes_all(reader: &Node, writer: &Node) -> bool {
    let same_kind = reader.kind.name() == writer.kind.name();
    match reader.logical {
        Some(Logical::Uuid | Logical::Duration) => matches!(writer.kind, Kind::Fixed(_)),
        Some(Logical::TimestampMillis | Logical::TimestampMicros | Logical::TimestampNanos) => same_kind,
        Some(
            Logical::LocalTimestampMillis | Logical::LocalTimestampMicros | Logical::LocalTimestampNanos,
        ) => same_kind,
        _ => reader.logical.is_none(),
    }
}

/// Every difference in meaning, in the order of the reader's text, and where it stands.
pub(super) fn problems(reader: &Schema, writer: &Schema) -> (Places, Vec<Problem>) {
    let mut walk = Meaning {
        reader,
        writer,
        places: Places::default(),
        seen: HashSet::new(),
        open: Vec::new(),
        problems: Vec::new(),
        unions: Unions::default(),
        steps_left: STEPS_MAX,
        gave_up: false,
    };
    walk.meet(None, (Token::Root, reader.root(), writer.root()));
    while !walk.gave_up
        && let Some(place) = walk.open.pop()
    {
        walk.spend(place);
        walk.compare(place);
        let from = walk.open.len();
        walk.below(place);
        // The first of the types below is walked first.
        walk.open[from..].reverse();
    }
    (walk.places, walk.problems)
}

struct Meaning<'s> {
    reader: &'s Schema,
    writer: &'s Schema,
    places: Places,
    seen: HashSet<(NodeId, NodeId)>,
    /// Places that are still to be compared.
    open: Vec<usize>,
    problems: Vec<Problem>,
    /// The reader's unions.
    unions: Unions<'s>,
    steps_left: usize,
    /// Whether a limit was met; what was not compared then is not known to mean the same.
    gave_up: bool,
}

impl Meaning<'_> {
    fn spend(&mut self, place: usize) {
        let (reader, writer) = self.places.nodes(place);
        let cost = task::cost(&self.reader.node(reader).kind, &self.writer.node(writer).kind);
        match self.steps_left.checked_sub(cost) {
            Some(left) => self.steps_left = left,
            None => self.give_up(place, format!("takes more than {STEPS_MAX} steps")),
        }
    }

    fn give_up(&mut self, place: usize, why: String) {
        if !self.gave_up {
            self.gave_up = true;
            let detail = format!("comparing the schemas {why}");
            self.note(rules::COMPARISON_TOO_LARGE, place, Token::Here, detail);
        }
    }

    fn meet(&mut self, parent: Option<usize>, (token, reader, writer): (Token, NodeId, NodeId)) {
        let (node, written) = (self.reader.node(reader), self.writer.node(writer));
        // Most pairs are of plain types that mean the same.
        let is_plain = task::is_plain(&node.kind) && node.kind.name() == written.kind.name();
        if is_plain && node.logical == written.logical || self.seen.contains(&(reader, writer)) {
            return;
        }
        if self.seen.len() == PAIRS_MAX {
            let why = format!("goes through more than {PAIRS_MAX} pairs of types");
            return self.give_up(parent.unwrap_or_default(), why);
        }
        self.seen.insert((reader, writer));
        let next = Next {
            token,
            reader,
            writer,
        };
        let place = self.places.add(parent, next);
        self.open.push(place);
    }

    fn note(&mut self, rule: crate::Rule, place: usize, token: Token, detail: String) {
        self.problems.push(Problem::new(rule, place, token, detail));
    }

    /// Compares what two types mean, apart from the types below them.
    fn compare(&mut self, place: usize) {
        let (reader, writer) = self.places.nodes(place);
        let (node, written) = (self.reader.node(reader), self.writer.node(writer));
        let same_kind = node.kind.name() == written.kind.name();
        let promoted = promotes(&written.kind, &node.kind);
        if !same_kind && !promoted {
            return;
        }
        self.compare_logical(place, node, written);
        if loses(&written.kind, &node.kind) {
            let words = [type_word(self.reader, reader), type_word(self.writer, writer)];
            let detail = format!(
                "reader type: {} is narrower than writer type: {}",
                words[0], words[1]
            );
            self.note(rules::LOSSY_PROMOTION, place, Token::Here, detail);
        }
        if let (Kind::Enum(kind), Kind::Enum(other)) = (&node.kind, &written.kind)
            && kind.default.is_some()
        {
            let missing = task::missing_symbols(kind, other);
            if !missing.is_empty() {
                let detail = format!("[{}]", missing.join(", "));
                self.note(rules::ENUM_SYMBOL_REMOVED, place, Token::Symbols, detail);
            }
        }
        if let (Some(name), Some(other)) = (node.kind.type_name(), written.kind.type_name())
            && name.short() == other.short()
            && name.full() != other.full()
            && !task::has_alias(&node.kind, other)
        {
            let detail = expected(other.full(), name.full());
            self.note(rules::NAMESPACE_CHANGED, place, Token::Name, detail);
        }
    }

    fn compare_logical(&mut self, place: usize, node: &Node, written: &Node) {
        match (node.logical, written.logical) {
            (
                Some(Logical::Decimal { precision, scale }),
                Some(Logical::Decimal {
                    precision: old_precision,
                    scale: old_scale,
                }),
            ) => {
                if scale != old_scale {
                    let detail = expected(old_scale, scale);
                    self.note(rules::DECIMAL_SCALE_CHANGED, place, Token::Here, detail);
                }
                if precision < old_precision {
                    let detail = expected(old_precision, precision);
                    self.note(rules::DECIMAL_PRECISION_NARROWED, place, Token::Here, detail);
                }
            }
            (Some(now), Some(before)) if now != before => {
                let detail = expected(before.name(), now.name());
                self.note(rules::LOGICAL_TYPE_CHANGED, place, Token::Here, detail);
            }
            (None, Some(before)) => {
                let detail = expected(before.name(), "none");
                self.note(rules::LOGICAL_TYPE_REMOVED, place, Token::Here, detail);
            }
            (Some(now), None) => {
                let detail = expected("none", now.name());
                self.note(rules::LOGICAL_TYPE_ADDED, place, Token::Here, detail);
            }
            _ => {}
        }
    }

    /// Meets the types that meet when these two do.
    fn below(&mut self, place: usize) {
        let (reader_schema, writer_schema) = (self.reader, self.writer);
        let (reader, writer) = self.places.nodes(place);
        match (&reader_schema.node(reader).kind, &writer_schema.node(writer).kind) {
            (Kind::Array(item), Kind::Array(other)) => self.meet(Some(place), (Token::Items, *item, *other)),
            (Kind::Map(value), Kind::Map(other)) => self.meet(Some(place), (Token::Values, *value, *other)),
            (Kind::Record(record), Kind::Record(other)) => {
                for (index, field) in record.fields.iter().enumerate() {
                    if let Some(written) = task::matches(field, index, other).next() {
                        self.meet(Some(place), (Token::FieldType(index), field.node, written.node));
                    }
                }
            }
            (_, Kind::Union(branches)) => {
                for branch in branches {
                    self.meet_branch(place, reader, *branch);
                }
            }
            (Kind::Union(_), _) => self.meet_branch(place, reader, writer),
            _ => {}
        }
    }

    fn meet_branch(&mut self, place: usize, reader: NodeId, writer: NodeId) {
        let Kind::Union(branches) = &self.reader.node(reader).kind else {
            return self.meet(Some(place), (Token::Here, reader, writer));
        };
        let branches = self.unions.of(self.reader, reader, branches);
        let meant = branches.meant(self.writer, writer);
        if let Some((index, branch)) = meant.and_then(|place| Some((place, branches.node(place)?))) {
            self.meet(Some(place), (Token::Index(index), branch, writer));
        }
    }
}

fn expected(expected: impl std::fmt::Display, found: impl std::fmt::Display) -> String {
    format!("expected: {expected}, found: {found}")
}

/// Why a reader's logical type would take a writer's bytes for another value; see [`super::misreadings`].
pub(in crate::avro) fn misread(now: Option<Logical>, before: Option<Logical>) -> Option<String> {
    match (now?, before?) {
        (Logical::Decimal { scale, .. }, Logical::Decimal { scale: old, .. }) => (scale != old)
            .then(|| format!("the writer's decimal has the scale {old}, the reader's has {scale}")),
        (now, before) => (now != before).then(|| {
            let (now, before) = (now.name(), before.name());
            format!("the writer's bytes mean {before}, the reader takes them for {now}")
        }),
    }
}

/// Whether values of a writer's type change when they are read as a wider type.
fn loses(writer: &Kind, reader: &Kind) -> bool {
    matches!(
        (writer, reader),
        (Kind::Int, Kind::Float) | (Kind::Long, Kind::Float | Kind::Double) | (Kind::Bytes, Kind::String)
    )
}
