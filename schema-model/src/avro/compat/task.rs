//! What there is to compare about two types, before anything below them is compared.

use std::collections::HashMap;

use super::{Candidates, Check, Path, Problem, Step, Task, promotes, rules, type_word};
use crate::avro::node::{Field, Kind, NodeId, Record};

/// Up to this many branches, every branch of a union is compared.
const SMALL_UNION: usize = 64;

impl Check<'_> {
    /// What there is to compare about two types.
    pub(super) fn task(&self, reader: NodeId, writer: NodeId, path: &Path) -> Result<Task, Problem> {
        let problem = |rule, token: Option<&str>, detail: String| {
            let path = path.iter().cloned().chain(token.map(str::to_owned)).collect();
            Step::Problem(Problem {
                rule,
                reader,
                writer,
                path,
                detail,
                field: None,
            })
        };
        let pair = |token: String, reader, writer| Step::Pair {
            tokens: vec![token],
            reader,
            writer,
        };
        let mut steps = Vec::new();
        match (&self.reader.node(reader).kind, &self.writer.node(writer).kind) {
            (Kind::Union(_), Kind::Union(branches)) => return Ok(Task::EachBranch(branches.clone())),
            (_, Kind::Union(branches)) => {
                for (index, branch) in branches.iter().enumerate() {
                    steps.push(pair(index.to_string(), reader, *branch));
                }
            }
            (Kind::Union(branches), other) => {
                return Ok(Task::AnyBranch(self.candidates(reader, branches, other)));
            }
            (Kind::Array(item), Kind::Array(other)) => steps.push(pair("items".to_owned(), *item, *other)),
            (Kind::Map(value), Kind::Map(other)) => steps.push(pair("values".to_owned(), *value, *other)),
            (Kind::Fixed(fixed), Kind::Fixed(other)) => {
                steps.extend(self.name_problem(reader, writer, path));
                if fixed.size != other.size {
                    let detail = format!("expected: {}, found: {}", other.size, fixed.size);
                    steps.push(problem(rules::FIXED_SIZE_MISMATCH, Some("size"), detail));
                }
            }
            (Kind::Enum(kind), Kind::Enum(other)) => {
                steps.extend(self.name_problem(reader, writer, path));
                let mut missing: Vec<&str> = other
                    .symbols
                    .iter()
                    .filter(|symbol| kind.position(symbol).is_none())
                    .map(String::as_str)
                    .collect();
                missing.sort_by(|left, right| left.encode_utf16().cmp(right.encode_utf16()));
                if !missing.is_empty() && kind.default.is_none() {
                    let detail = format!("[{}]", missing.join(", "));
                    steps.push(problem(rules::MISSING_ENUM_SYMBOLS, Some("symbols"), detail));
                }
            }
            (Kind::Record(record), Kind::Record(other)) => {
                steps.extend(self.name_problem(reader, writer, path));
                self.fields(record, other, (reader, writer), path, &mut steps)?;
            }
            (kind, other) if kind.name() == other.name() || promotes(other, kind) => {}
            _ => steps.push(problem(rules::TYPE_MISMATCH, None, self.mismatch(reader, writer))),
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
        candidates.into_iter().map(|(_, branch)| branch).collect()
    }

    fn mismatch(&self, reader: NodeId, writer: NodeId) -> String {
        let (reader, writer) = (type_word(self.reader, reader), type_word(self.writer, writer));
        format!("reader type: {reader} not compatible with writer type: {writer}")
    }

    fn name_problem(&self, reader: NodeId, writer: NodeId, path: &Path) -> Option<Step> {
        let (kind, other) = (&self.reader.node(reader).kind, &self.writer.node(writer).kind);
        let (name, wanted) = (kind.type_name()?, other.type_name()?);
        // An alias without a namespace inside one is written with a leading dot in Java, and so matches nothing.
        let alias_matches = |alias: &crate::avro::Name| {
            alias.full() == wanted.full() && (alias.namespace().is_some() || name.namespace().is_none())
        };
        if name.short() == wanted.short() || kind.aliases().iter().any(alias_matches) {
            return None;
        }
        let path = path.iter().cloned().chain(["name".to_owned()]).collect();
        let detail = format!("expected: {}", wanted.full());
        Some(Step::Problem(Problem {
            rule: rules::NAME_MISMATCH,
            reader,
            writer,
            path,
            detail,
            field: None,
        }))
    }

    fn fields(
        &self,
        record: &Record,
        other: &Record,
        (reader, writer): (NodeId, NodeId),
        path: &Path,
        steps: &mut Vec<Step>,
    ) -> Result<(), Problem> {
        let known: HashMap<&str, &Field> = other
            .fields
            .iter()
            .map(|field| (field.name.as_str(), field))
            .collect();
        for (index, field) in record.fields.iter().enumerate() {
            let names = std::iter::once(&field.name).chain(&field.aliases);
            let matches: Vec<&Field> = names
                .filter_map(|name| known.get(name.as_str()).copied())
                .collect();
            let path = || {
                path.iter()
                    .cloned()
                    .chain(["fields".to_owned(), index.to_string()])
                    .collect::<Path>()
            };
            let tokens = vec!["fields".to_owned(), index.to_string(), "type".to_owned()];
            match matches.as_slice() {
                [] if field.default.is_some() => {}
                [] if self.has_enum_default(field) => {
                    steps.push(Step::Pair {
                        tokens,
                        reader: field.node,
                        writer,
                    });
                }
                [] => {
                    let (rule, detail) = (rules::READER_FIELD_MISSING_DEFAULT_VALUE, field.name.clone());
                    let field = Some(index);
                    steps.push(Step::Problem(Problem {
                        rule,
                        reader,
                        writer,
                        path: path(),
                        detail,
                        field,
                    }));
                }
                [one] => steps.push(Step::Pair {
                    tokens,
                    reader: field.node,
                    writer: one.node,
                }),
                _ => {
                    let kind = type_word(self.reader, field.node);
                    let detail = format!("{} type:{kind} pos:{index}", field.name);
                    let (rule, field) = (rules::AMBIGUOUS_FIELD_ALIAS, Some(index));
                    return Err(Problem {
                        rule,
                        reader,
                        writer,
                        path: path(),
                        detail,
                        field,
                    });
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
