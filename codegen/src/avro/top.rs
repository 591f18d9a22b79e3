//! What is at the top of a schema: one type, or the branches of a union, each of which is an event.
//!
//! Invariant: every one has a definition. What has no name of its own, or stands for another type, is called by its subject.

use std::collections::BTreeSet;

use annals_schema_model::avro::{Kind, Schema};

use super::{Place, deprecated, kind, problem};
use crate::diagnostic::Diagnostic;
use crate::input::VersionText;
use crate::model::{Body, Definition, Definitions, Field};
use crate::unit::short;

/// A type at the top of a schema.
pub(crate) struct Top {
    /// What its definition is called.
    pub(crate) name: String,
    /// The index of its branch in the union at the top.
    pub(crate) branch: Option<usize>,
    /// What writers call it too.
    pub(crate) aliases: Vec<String>,
    /// The schema of it alone.
    pub(crate) schema: Schema,
}

/// What is at the top, with definitions for what has none.
pub(super) fn tops(
    text: &VersionText,
    schema: &Schema,
    subject: &str,
    definitions: &mut Definitions,
    complaints: &mut Vec<Diagnostic>,
) -> Vec<Top> {
    let top = schema.node(schema.root());
    let (line, column) = Place::of(text, top).line_column(top.span);
    let Some(branches) = schema.branches() else {
        let name = top_name(text, schema, subject, None, definitions);
        complaints.extend(problem_of(definitions, &name, text, (line, column)));
        let aliases = aliases(schema, &mut BTreeSet::new());
        return vec![Top {
            name,
            branch: None,
            aliases,
            schema: schema.clone(),
        }];
    };
    if branches.is_empty() {
        let message = "the top is a union without branches, which no value fits";
        complaints.push(Diagnostic::at(&text.path, line, column, message));
    }
    let labels = branches
        .iter()
        .map(|branch| schema.type_label(*branch).to_owned());
    let mut taken: BTreeSet<String> = labels.collect();
    let top = |index: usize| {
        let branch = schema.branch(index)?;
        let name = top_name(text, &branch, subject, Some(index), definitions);
        complaints.extend(problem_of(definitions, &name, text, (line, column)));
        let aliases = aliases(&branch, &mut taken);
        Some(Top {
            name,
            branch: Some(index),
            aliases,
            schema: branch,
        })
    };
    (0..branches.len()).filter_map(top).collect()
}

/// What the definition of the top of a schema is called, which is made where there is none.
fn top_name(
    text: &VersionText,
    schema: &Schema,
    subject: &str,
    branch: Option<usize>,
    definitions: &mut Definitions,
) -> String {
    let node = schema.node(schema.root());
    let label = schema.type_label(schema.root());
    if definitions.contains_key(label) {
        return label.to_owned();
    }
    let name = match branch {
        None => subject.to_owned(),
        Some(_) => format!("{subject}-{}", short(label)),
    };
    let place = Place::of(text, node);
    let (doc, line) = (node.kind.doc(), place.line_column(node.span).0);
    let field = Field {
        name: "value".to_owned(),
        doc: None,
        deprecated: None,
        line,
        kind: kind(schema, schema.root()),
        default: None,
    };
    let definition = Definition {
        name: name.clone(),
        doc: doc.map(str::to_owned),
        deprecated: deprecated(&node.props, doc),
        path: place.path.to_owned(),
        label: place.label.to_owned(),
        line,
        body: Body::Bare(label.to_owned(), Box::new(field)),
    };
    definitions.insert(name.clone(), definition);
    name
}

/// What no value can be had of at the top.
fn problem_of(
    definitions: &Definitions,
    name: &str,
    text: &VersionText,
    (line, column): (u32, u32),
) -> Option<Diagnostic> {
    let Body::Bare(label, field) = &definitions.get(name)?.body else {
        return None;
    };
    let problem = problem(&field.kind)?;
    Some(Diagnostic::at(
        &text.path,
        line,
        column,
        format!("`{label}` at the top is {problem}"),
    ))
}

/// What writers call the top of a schema too: the names it had, and the types that are promoted to it. What is `taken` is the
/// name of another branch.
fn aliases(schema: &Schema, taken: &mut BTreeSet<String>) -> Vec<String> {
    let kind = &schema.node(schema.root()).kind;
    let promoted: &[&str] = match kind {
        Kind::Long => &["int"],
        Kind::Float => &["int", "long"],
        Kind::Double => &["int", "long", "float"],
        Kind::String => &["bytes"],
        Kind::Bytes => &["string"],
        _ => &[],
    };
    let promoted = promoted.iter().filter(|name| taken.insert((**name).to_owned()));
    let had = kind.aliases().iter().map(|alias| alias.full().to_owned());
    had.chain(promoted.map(|name| (*name).to_owned())).collect()
}
