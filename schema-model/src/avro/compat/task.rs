//! What there is to compare about two types, before anything below them is compared.

use super::{Candidates, Check, Next, Problem, Step, Task, Token, promotes, rules, type_word};
use crate::avro::node::{Enum, Field, Kind, Name, NodeId, Record};

/// Up to this many branches, every branch of a union is compared.
const SMALL_UNION: usize = 64;

impl Check<'_> {
    /// What there is to compare about the two types of a pair.
    pub(super) fn task(&self, pair: usize) -> Result<Task, Problem> {
        let (reader, writer) = self.places.nodes(pair);
        let problem =
            |rule, token, detail: String| Step::Problem(Box::new(Problem::new(rule, pair, token, detail)));
        let next = |token, reader, writer| {
            Step::Pair(Next {
                token,
                reader,
                writer,
            })
        };
        let mut steps = Vec::new();
        match (&self.reader.node(reader).kind, &self.writer.node(writer).kind) {
            (Kind::Union(_), Kind::Union(branches)) => return Ok(Task::EachBranch(branches.clone())),
            (_, Kind::Union(branches)) => {
                let pairs = branches.iter().enumerate();
                steps.extend(pairs.map(|(index, branch)| next(Token::Index(index), reader, *branch)));
            }
            (Kind::Union(branches), other) => {
                return Ok(Task::AnyBranch(self.candidates(reader, branches, other)));
            }
            (Kind::Array(item), Kind::Array(other)) => steps.push(next(Token::Items, *item, *other)),
            (Kind::Map(value), Kind::Map(other)) => steps.push(next(Token::Values, *value, *other)),
            (Kind::Fixed(fixed), Kind::Fixed(other)) => {
                steps.extend(self.name_problem(pair));
                if fixed.size != other.size {
                    let detail = format!("expected: {}, found: {}", other.size, fixed.size);
                    steps.push(problem(rules::FIXED_SIZE_MISMATCH, Token::Size, detail));
                }
            }
            (Kind::Enum(kind), Kind::Enum(other)) => {
                steps.extend(self.name_problem(pair));
                let missing = missing_symbols(kind, other);
                if !missing.is_empty() && kind.default.is_none() {
                    let detail = format!("[{}]", missing.join(", "));
                    steps.push(problem(rules::MISSING_ENUM_SYMBOLS, Token::Symbols, detail));
                }
            }
            (Kind::Record(record), Kind::Record(other)) => {
                steps.extend(self.name_problem(pair));
                self.fields(record, other, pair, &mut steps)?;
            }
            (kind, other) if reads_plainly(kind, other) => {}
            _ => {
                let (reader, writer) = (type_word(self.reader, reader), type_word(self.writer, writer));
                let detail = format!("reader type: {reader} not compatible with writer type: {writer}");
                steps.push(problem(rules::TYPE_MISMATCH, Token::Here, detail));
            }
        }
        Ok(Task::All(steps))
    }

    /// The branches worth comparing. Of a small union all of them, as in Java; of a large one those that do not fail by
    /// type or name alone, so that two unions of thousands of events are compared in linear time.
    fn candidates(&self, union: NodeId, branches: &[NodeId], writer: &Kind) -> Vec<NodeId> {
        if branches.len() <= SMALL_UNION {
            return branches.to_vec();
        }
        let mut indexes = self.large_unions.borrow_mut();
        let index = indexes.entry(union).or_insert_with(|| {
            let mut index = Candidates::new();
            for (place, branch) in branches.iter().enumerate() {
                let kind = &self.reader.node(*branch).kind;
                let name = kind.type_name().map_or("", |name| name.short());
                index.entry(name.to_owned()).or_default().push((place, *branch));
                for alias in kind.aliases() {
                    index
                        .entry(format!("alias {}", alias.full()))
                        .or_default()
                        .push((place, *branch));
                }
            }
            index
        });
        let known = |key: &str| index.get(key).cloned().unwrap_or_default();
        let mut candidates = match writer.type_name() {
            Some(name) => [known(name.short()), known(&format!("alias {}", name.full()))].concat(),
            None => known(""),
        };
        candidates.sort_unstable();
        candidates.dedup();
        let mut candidates: Vec<NodeId> = candidates.into_iter().map(|(_, branch)| branch).collect();
        if !self.names && writer.type_name().is_some() {
            // Any branch of that kind will do; the one of the same name most likely does.
            candidates.extend(branches.iter().filter(|branch| {
                let kind = &self.reader.node(**branch).kind;
                kind.name() == writer.name()
            }));
        }
        candidates
    }

    fn name_problem(&self, pair: usize) -> Option<Step> {
        if !self.names {
            return None;
        }
        let (reader, writer) = self.places.nodes(pair);
        let (kind, other) = (&self.reader.node(reader).kind, &self.writer.node(writer).kind);
        let (name, wanted) = (kind.type_name()?, other.type_name()?);
        if name.short() == wanted.short() || has_alias(kind, wanted) {
            return None;
        }
        let detail = format!("expected: {}", wanted.full());
        let problem = Problem::new(rules::NAME_MISMATCH, pair, Token::Name, detail);
        Some(Step::Problem(Box::new(problem)))
    }

    fn fields(
        &self,
        record: &Record,
        other: &Record,
        pair: usize,
        steps: &mut Vec<Step>,
    ) -> Result<(), Problem> {
        for (index, field) in record.fields.iter().enumerate() {
            let next = |writer| {
                Step::Pair(Next {
                    token: Token::FieldType(index),
                    reader: field.node,
                    writer,
                })
            };
            let mut matches = matches(field, index, other);
            match (matches.next(), matches.next()) {
                (None, _) if field.default.is_some() => {}
                (None, _) if self.has_enum_default(field) => steps.push(next(self.places.nodes(pair).1)),
                (None, _) => {
                    let (rule, token) = (rules::READER_FIELD_MISSING_DEFAULT_VALUE, Token::Field(index));
                    let problem = Problem::new(rule, pair, token, field.name.clone());
                    steps.push(Step::Problem(Box::new(problem)));
                }
                (Some(one), None) => {
                    let kinds = (
                        &self.reader.node(field.node).kind,
                        &self.writer.node(one.node).kind,
                    );
                    if !reads_plainly(kinds.0, kinds.1) {
                        steps.push(next(one.node));
                    }
                }
                (Some(_), Some(_)) => {
                    let kind = type_word(self.reader, field.node);
                    let detail = format!("{} type:{kind} pos:{index}", field.name);
                    let (rule, token) = (rules::AMBIGUOUS_FIELD_ALIAS, Token::Field(index));
                    return Err(Problem::new(rule, pair, token, detail));
                }
            }
        }
        Ok(())
    }

    /// Java compares a new enum field that has only an enum default with the whole writer record.
    fn has_enum_default(&self, field: &Field) -> bool {
        matches!(&self.reader.node(field.node).kind, Kind::Enum(kind) if kind.default.is_some())
    }
}

/// The writer's fields that name and aliases of a reader's field match; most likely the one at the same place.
pub(super) fn matches<'a>(
    field: &'a Field,
    place: usize,
    written: &'a Record,
) -> impl Iterator<Item = &'a Field> {
    let names = std::iter::once(&field.name).chain(&field.aliases);
    names.filter_map(move |name| written.field_near(name, place))
}

/// The symbols of a writer's enum that the reader's lacks, in Java's order.
pub(super) fn missing_symbols<'a>(kind: &Enum, written: &'a Enum) -> Vec<&'a str> {
    let symbols = written.symbols.iter().map(String::as_str);
    let mut missing: Vec<&str> = symbols.filter(|symbol| kind.position(symbol).is_none()).collect();
    missing.sort_by(|left, right| left.encode_utf16().cmp(right.encode_utf16()));
    missing
}

/// Whether a type lists a writer's full name as an alias.
pub(super) fn has_alias(kind: &Kind, wanted: &Name) -> bool {
    let Some(name) = kind.type_name() else {
        return false;
    };
    // An alias without a namespace inside one is written with a leading dot in Java, and so matches nothing.
    kind.aliases().iter().any(|alias| {
        alias.full() == wanted.full() && (alias.namespace().is_some() || name.namespace().is_none())
    })
}

/// Whether a type has neither a name nor types below it.
pub(super) fn is_plain(kind: &Kind) -> bool {
    !matches!(
        kind,
        Kind::Array(_) | Kind::Map(_) | Kind::Union(_) | Kind::Enum(_) | Kind::Fixed(_) | Kind::Record(_)
    )
}

/// Whether a plain type reads another: it is the same or wider.
pub(super) fn reads_plainly(reader: &Kind, writer: &Kind) -> bool {
    let same = std::mem::discriminant(reader) == std::mem::discriminant(writer);
    is_plain(reader) && is_plain(writer) && (same || promotes(writer, reader))
}
