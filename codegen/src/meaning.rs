//! What compatibility rules leave out: the same bytes must not come to mean something else.
//!
//! Avro's rules ignore logical types, so a decimal whose scale changed still "reads", a hundred times too large. Here
//! such a change is wrong: equal places of two schemas must agree on scale, on the unit of times and dates, and on
//! whether bytes are a decimal's digits. Giving a plain number a meaning, or taking it away, changes no value.
//!
//! The items of this file are printed into generated code as they are, so they use `annals-schema-model` alone.

use std::collections::BTreeSet;

use annals_schema_model::Span;
use annals_schema_model::avro::{Field, Kind, Logical, NodeId, Schema};

/// A place of the reader whose values would be misread, and why.
pub(crate) struct Misreading {
    /// The place in the reader's text.
    pub(crate) span: Span,
    /// The fields that lead there.
    pub(crate) path: String,
    /// What differs.
    pub(crate) message: String,
}

/// Every place where a reader would misread what a writer wrote.
pub(crate) fn misreadings(reader: &Schema, writer: &Schema) -> Vec<Misreading> {
    let mut found = Vec::new();
    let mut seen = BTreeSet::new();
    let mut open = vec![(reader.root(), writer.root(), String::new())];
    while let Some((new, old, path)) = open.pop() {
        if !seen.insert((new, old)) {
            continue;
        }
        let (new_node, old_node) = (reader.node(new), writer.node(old));
        if let (Some(now), Some(before)) = (new_node.logical, old_node.logical)
            && let Some(message) = difference(now, before)
        {
            found.push(Misreading {
                span: new_node.span,
                path: path.clone(),
                message,
            });
        }
        open.extend(below(reader, new, writer, old, &path));
    }
    found.sort_by_key(|misreading| misreading.span.start);
    found
}

/// Pairs of types that meet when two types meet.
fn below(
    reader: &Schema,
    new: NodeId,
    writer: &Schema,
    old: NodeId,
    path: &str,
) -> Vec<(NodeId, NodeId, String)> {
    match (&reader.node(new).kind, &writer.node(old).kind) {
        (Kind::Array(new), Kind::Array(old)) | (Kind::Map(new), Kind::Map(old)) => {
            vec![(*new, *old, format!("{path}[]"))]
        }
        (Kind::Record(new), Kind::Record(old)) => new
            .fields
            .iter()
            .filter_map(|field| Some((field, written(field, &old.fields)?)))
            .map(|(field, written)| {
                let dot = if path.is_empty() { "" } else { "." };
                (field.node, written.node, format!("{path}{dot}{}", field.name))
            })
            .collect(),
        (Kind::Union(news), Kind::Union(olds)) => {
            let pairs = news
                .iter()
                .flat_map(|new| olds.iter().map(move |old| (*new, *old)));
            pairs
                .filter(|(new, old)| alike(reader, *new, writer, *old))
                .map(|(new, old)| (new, old, path.to_owned()))
                .collect()
        }
        (Kind::Union(news), _) => {
            let pairs = news.iter().filter(|new| alike(reader, **new, writer, old));
            pairs.map(|new| (*new, old, path.to_owned())).collect()
        }
        (_, Kind::Union(olds)) => {
            let pairs = olds.iter().filter(|old| alike(reader, new, writer, **old));
            pairs.map(|old| (new, *old, path.to_owned())).collect()
        }
        _ => Vec::new(),
    }
}

/// The writer's field a reader's field takes its values from.
fn written<'a>(field: &Field, written: &'a [Field]) -> Option<&'a Field> {
    let named = |name: &str| written.iter().find(|candidate| candidate.name == name);
    named(&field.name).or_else(|| field.aliases.iter().find_map(|alias| named(alias)))
}

/// Whether values of two union branches may meet: the same kind and, for named types, the same short name.
fn alike(reader: &Schema, new: NodeId, writer: &Schema, old: NodeId) -> bool {
    let (new, old) = (&reader.node(new).kind, &writer.node(old).kind);
    let short = |kind: &Kind| kind.type_name().map(|name| name.short().to_owned());
    new.name() == old.name() && short(new) == short(old)
}

fn difference(now: Logical, before: Logical) -> Option<String> {
    match (now, before) {
        (Logical::Decimal { scale, .. }, Logical::Decimal { scale: old, .. }) => {
            (scale != old).then(|| format!("the scale of the decimal is {scale}, it was {old}"))
        }
        (now, before) if now == before => None,
        (now, before) => Some(format!("the bytes mean {now:?}, they meant {before:?}")),
    }
}
