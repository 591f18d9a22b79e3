//! What there is to compare about two types, before anything below them is compared.

use std::rc::Rc;

use super::{Check, Next, Problem, Step, Task, Token, rules, type_word};
use crate::avro::node::{Enum, Field, Kind, Name, Record};

impl<'s> Check<'s> {
    /// What there is to compare about the two types of a pair.
    pub(super) fn task(&self, pair: usize) -> Result<Task<'s>, Problem> {
        let (reader, writer) = self.places.nodes(pair);
        let problem =
            |rule, token, detail: String| Step::Problem(Rc::new(Problem::new(rule, pair, token, detail)));
        let next = |token, reader, writer| {
            Step::Pair(Next {
                token,
                reader,
                writer,
            })
        };
        let mut steps = Vec::new();
        match (&self.reader.node(reader).kind, &self.writer.node(writer).kind) {
            (Kind::Union(_), Kind::Union(branches)) => return Ok(Task::EachBranch(branches)),
            (_, Kind::Union(branches)) => {
                let pairs = branches.iter().enumerate();
                steps.extend(pairs.map(|(index, branch)| next(Token::Index(index), reader, *branch)));
            }
            (Kind::Union(branches), other) => {
                let branches = self.unions.borrow_mut().of(self.reader, reader, branches);
                let candidates = branches.candidates(other, self.names);
                return Ok(Task::AnyBranch(branches, candidates));
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
        Some(Step::Problem(Rc::new(problem)))
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
                    let problem = Problem::new(rule, pair, token, field.name.to_string());
                    steps.push(Step::Problem(Rc::new(problem)));
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
    let aliases = field.aliases.iter().map(String::as_str);
    let names = std::iter::once(&*field.name).chain(aliases);
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
    aliases(kind).any(|alias| alias.full() == wanted.full())
}

/// The aliases of a type that count.
pub(super) fn aliases(kind: &Kind) -> impl Iterator<Item = &Name> {
    let in_none = kind.type_name().is_some_and(|name| name.namespace().is_none());
    // An alias without a namespace inside one is written with a leading dot in Java, and so matches nothing.
    let counts = move |alias: &&Name| alias.namespace().is_some() || in_none;
    kind.aliases().iter().filter(counts)
}

/// What comparing two types costs, before anything below them is compared: about as many names as are looked up.
pub(super) fn cost(reader: &Kind, writer: &Kind) -> usize {
    let names = reader.aliases().len();
    1 + names
        + match (reader, writer) {
            (_, Kind::Union(branches)) => branches.len(),
            (Kind::Enum(_), Kind::Enum(other)) => other.symbols.len(),
            (Kind::Record(record), Kind::Record(_)) => {
                let aliases = record.fields.iter().map(|field| field.aliases.len());
                record.fields.len() + aliases.sum::<usize>()
            }
            _ => 0,
        }
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

/// Whether a writer's type is read as a wider reader's type.
pub(in crate::avro) fn promotes(writer: &Kind, reader: &Kind) -> bool {
    matches!(
        (writer, reader),
        (Kind::Int, Kind::Long | Kind::Float | Kind::Double)
            | (Kind::Long, Kind::Float | Kind::Double)
            | (Kind::Float, Kind::Double)
            | (Kind::Bytes, Kind::String)
            | (Kind::String, Kind::Bytes)
    )
}
