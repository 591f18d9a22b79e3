//! What to do about a problem, in the case at hand: names, symbols and defaults instead of generalities.
//!
//! Going backward, the new schema can still be changed to read what was written; going forward, the readers are out
//! there and only what is written can change.

use std::{borrow::Cow, cell::RefCell, collections::HashMap};

use super::{
    Kind, NodeId, Problem, Schema,
    place::{Places, Token},
    promotes,
};
use crate::{Direction, avro::node::Field};

/// What hints for one comparison rest on.
pub(super) struct Hints<'s> {
    reader: &'s Schema,
    writer: &'s Schema,
    places: &'s Places,
    pub(super) direction: Direction,
    /// For a pair of records: by type, the one field of the writer that the reader does not have, if it is one.
    gone: RefCell<HashMap<(NodeId, NodeId), Gone<'s>>>,
}

/// Names of fields by their type; none where several are of one type.
type Gone<'s> = HashMap<&'s str, Option<&'s str>>;

impl<'s> Hints<'s> {
    pub(super) fn new(
        reader: &'s Schema,
        writer: &'s Schema,
        places: &'s Places,
        direction: Direction,
    ) -> Hints<'s> {
        Hints {
            reader,
            writer,
            places,
            direction,
            gone: RefCell::default(),
        }
    }

    /// A hint closer to the case than the rule's own.
    pub(super) fn hint(&self, problem: &Problem) -> Option<String> {
        let case = Case {
            hints: self,
            reader: self.reader,
            writer: self.writer,
            nodes: self.places.nodes(problem.place),
            problem,
            backward: self.direction == Direction::Backward,
        };
        match problem.rule.code() {
            "READER_FIELD_MISSING_DEFAULT_VALUE" => case.missing_default(),
            "TYPE_MISMATCH" => case.type_mismatch(),
            "MISSING_UNION_BRANCH" => Some(case.missing_branch()),
            "MISSING_ENUM_SYMBOLS" => case.missing_symbols(),
            "NAME_MISMATCH" => case.name(),
            "NAMESPACE_CHANGED" => case.name(),
            "FIXED_SIZE_MISMATCH" => case.fixed_size(),
            "AMBIGUOUS_FIELD_ALIAS" => case.field().map(|field| {
                let name = &field.name;
                format!("Take from field \"{name}\" the aliases that name a second field of the writer.")
            }),
            "ENUM_SYMBOL_REMOVED" => case.enum_default(),
            "DECIMAL_SCALE_CHANGED" | "DECIMAL_PRECISION_NARROWED" => case.decimal(),
            "LOGICAL_TYPE_CHANGED" | "LOGICAL_TYPE_ADDED" | "LOGICAL_TYPE_REMOVED" => Some(case.logical()),
            "LOSSY_PROMOTION" => Some(case.lossy()),
            _ => None,
        }
    }
}

/// A list of symbols, cut short when it is long.
fn few(symbols: &str) -> Cow<'_, str> {
    const BYTES_MAX: usize = 400;
    let few = &symbols[..symbols.floor_char_boundary(BYTES_MAX)];
    match few.rfind(", ").filter(|_| few.len() < symbols.len()) {
        Some(end) => Cow::Owned(format!("{}, …]", &few[..end])),
        None => Cow::Borrowed(symbols),
    }
}

struct Case<'c, 's> {
    hints: &'c Hints<'s>,
    reader: &'s Schema,
    writer: &'s Schema,
    nodes: (NodeId, NodeId),
    problem: &'c Problem,
    backward: bool,
}

impl<'s> Case<'_, 's> {
    fn kinds(&self) -> (&'s Kind, &'s Kind) {
        (
            &self.reader.node(self.nodes.0).kind,
            &self.writer.node(self.nodes.1).kind,
        )
    }

    /// The reader's field the problem is about.
    fn field(&self) -> Option<&Field> {
        match (self.kinds().0, self.problem.token) {
            (Kind::Record(record), Token::Field(index)) => record.fields.get(index),
            _ => None,
        }
    }

    fn missing_default(&self) -> Option<String> {
        let field = self.field()?;
        let name = &field.name;
        if !self.backward {
            return Some(format!(
                "Keep field \"{name}\": readers with the old schema need it. It can go once the schema they read with has a default for it."
            ));
        }
        let proposal = match &self.reader.node(field.node).kind {
            Kind::Union(branches) if self.has_null(branches) => "\"default\": null".to_owned(),
            Kind::Null => "\"default\": null".to_owned(),
            Kind::Array(_) => "\"default\": []".to_owned(),
            Kind::Map(_) => "\"default\": {}".to_owned(),
            kind if kind.type_name().is_none() && !matches!(kind, Kind::Union(_)) => {
                format!("\"type\": [\"null\", \"{}\"], \"default\": null", kind.name())
            }
            _ => "\"default\": null, and \"null\" as the first of its types".to_owned(),
        };
        let rename = match self.renamed_from(field) {
            Some(old) => format!("; if it is what \"{old}\" was, give it \"aliases\": [\"{old}\"]"),
            None => String::new(),
        };
        Some(format!(
            "Give field \"{name}\" a default, for example {proposal}{rename}."
        ))
    }

    fn has_null(&self, branches: &[NodeId]) -> bool {
        branches
            .iter()
            .any(|branch| matches!(self.reader.node(*branch).kind, Kind::Null))
    }

    /// The one field of the writer that the reader does not have and that is of this field's type.
    fn renamed_from(&self, field: &Field) -> Option<&'s str> {
        let (Kind::Record(record), Kind::Record(written)) = self.kinds() else {
            return None;
        };
        let mut known = self.hints.gone.borrow_mut();
        let gone = known.entry(self.nodes).or_insert_with(|| {
            let mut gone = Gone::new();
            for candidate in &written.fields {
                if record.field(&candidate.name).is_none() {
                    gone.entry(self.writer.type_label(candidate.node))
                        .and_modify(|one| *one = None)
                        .or_insert(Some(&*candidate.name));
                }
            }
            gone
        });
        gone.get(self.reader.type_label(field.node)).copied().flatten()
    }

    fn type_mismatch(&self) -> Option<String> {
        let (kind, other) = self.kinds();
        let (now, was) = (
            self.reader.type_label(self.nodes.0),
            self.writer.type_label(self.nodes.1),
        );
        Some(match (kind, other, self.backward) {
            (_, Kind::Null, true) => {
                format!("Old data may be null here: make the type a union of \"null\" and \"{now}\".")
            }
            (_, Kind::Null, false) => {
                format!("Readers with the old schema expect {now} here: do not let it become null.")
            }
            (_, _, true) if promotes(kind, other) => {
                format!("Keep {was}: what was written as {was} may not fit {now}.")
            }
            (_, _, true) => format!("Keep {was} here, and add a new field with a default for {now}."),
            (_, _, false) => {
                format!(
                    "Keep {now} here, which readers with the old schema expect, and add a new field for {was}."
                )
            }
        })
    }

    fn missing_branch(&self) -> String {
        let branch = self.problem.branch.unwrap_or(self.nodes.1);
        let label = self.writer.type_label(branch);
        let cause = self.problem.cause.as_ref();
        let cause = cause.filter(|cause| cause.rule != self.problem.rule);
        if let Some(cause) = cause {
            let path = self.hints.places.path(cause.place, cause.token);
            let inner = self.hints.hint(cause);
            let inner = inner.unwrap_or_else(|| cause.rule.fix().to_owned());
            return format!(
                "Both unions have {label}, but {} at {path} within it keeps it from being read. {inner}",
                cause.rule
            );
        }
        if self.backward {
            format!("Keep {label} in the union: old data may hold it.")
        } else {
            format!(
                "Readers with the old schema do not know {label} here: put such values into a new field, or let every reader have the new schema first."
            )
        }
    }

    fn missing_symbols(&self) -> Option<String> {
        let Kind::Enum(kind) = self.kinds().0 else {
            return None;
        };
        let (name, symbols) = (kind.name.short(), few(&self.problem.detail));
        Some(if self.backward {
            let first = kind.symbols.first().map_or("", String::as_str);
            format!(
                "Keep the symbols {symbols} in enum {name}, or give it a default for what it does not know: \"default\": \"{first}\"."
            )
        } else {
            format!(
                "Readers with the old schema know no {symbols} in enum {name}: give it a \"default\" symbol in a version before the one that adds symbols."
            )
        })
    }

    fn name(&self) -> Option<String> {
        let (kind, other) = self.kinds();
        let (name, wanted) = (kind.type_name()?, other.type_name()?);
        Some(if self.backward {
            format!(
                "Call {} {} again, or give it \"aliases\": [\"{}\"].",
                name.full(),
                wanted.full(),
                wanted.full()
            )
        } else {
            format!(
                "Keep the name {}: readers with the old schema look for it.",
                name.full()
            )
        })
    }

    fn fixed_size(&self) -> Option<String> {
        let (Kind::Fixed(fixed), Kind::Fixed(other)) = self.kinds() else {
            return None;
        };
        let old = if self.backward { other } else { fixed };
        Some(format!(
            "Keep size {} of {}; for another size add a new field with a fixed of another name.",
            old.size,
            old.name.short()
        ))
    }

    fn enum_default(&self) -> Option<String> {
        let Kind::Enum(kind) = self.kinds().0 else {
            return None;
        };
        let default = kind.default.as_deref().unwrap_or_default();
        let (name, symbols) = (kind.name.short(), few(&self.problem.detail));
        Some(if self.backward {
            format!(
                "Keep the symbols {symbols} in enum {name}: old data that holds them would read {default}."
            )
        } else {
            format!(
                "Let every reader have the new schema first: with the old one they read {default} for {symbols} of enum {name}."
            )
        })
    }

    fn decimal(&self) -> Option<String> {
        let logical = if self.backward {
            self.writer.node(self.nodes.1).logical
        } else {
            self.reader.node(self.nodes.0).logical
        };
        let crate::avro::Logical::Decimal { precision, scale } = logical? else {
            return None;
        };
        Some(format!(
            "Keep precision {precision} and scale {scale}; for another add a new field."
        ))
    }

    fn logical(&self) -> String {
        let old = if self.backward {
            self.writer.node(self.nodes.1).logical
        } else {
            self.reader.node(self.nodes.0).logical
        };
        match old {
            Some(old) => format!(
                "Keep \"logicalType\": \"{}\"; for another meaning add a new field.",
                old.name()
            ),
            None => "Leave out the logical type here; add a new field that has it.".to_owned(),
        }
    }

    fn lossy(&self) -> String {
        let (kind, other) = self.kinds();
        let old = if self.backward { other } else { kind };
        format!("Keep {} here; add a new field of the other type.", old.name())
    }
}
