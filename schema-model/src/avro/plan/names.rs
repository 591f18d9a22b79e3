//! The writer's names as the reader's aliases rename them.

use std::{collections::HashMap, rc::Rc};

use crate::avro::{
    node::{Kind, Name, NodeId},
    schema::Schema,
};

/// What the writer's types and fields are called for this reader.
pub(super) struct Names {
    /// From a writer's full name to the reader's.
    types: HashMap<String, String>,
    /// For a reader's record, or an alias of one: from alias to field.
    fields: HashMap<String, Rc<HashMap<String, String>>>,
}

impl Names {
    /// Collects the aliases of a reader. A reader that is the writer's schema renames nothing.
    pub(super) fn new(writer: &Schema, reader: &Schema) -> Names {
        let mut names = Names {
            types: HashMap::new(),
            fields: HashMap::new(),
        };
        if writer.same_as(reader) {
            return names;
        }
        // Java meets the types from the root down, and the last one met wins; every type of the arena that the root
        // reaches is met in that order here.
        for id in in_order(reader) {
            let kind = &reader.node(id).kind;
            let Some(name) = kind.type_name() else { continue };
            for alias in kind.aliases() {
                names
                    .types
                    .insert(alias.full().to_owned(), name.full().to_owned());
            }
            let Kind::Record(record) = kind else { continue };
            let mut aliases = HashMap::new();
            for field in &record.fields {
                for alias in &field.aliases {
                    aliases.insert(alias.clone(), field.name.to_string());
                }
            }
            if aliases.is_empty() {
                continue;
            }
            let aliases = Rc::new(aliases);
            for alias in &record.aliases {
                names.fields.insert(alias.full().to_owned(), Rc::clone(&aliases));
            }
            names.fields.insert(name.full().to_owned(), aliases);
        }
        names
    }

    /// The full name of a writer's type.
    pub(super) fn full<'n>(&'n self, full: &'n str) -> &'n str {
        self.types.get(full).map_or(full, String::as_str)
    }

    /// The short name of a writer's type.
    pub(super) fn short<'n>(&'n self, full: &'n str) -> &'n str {
        let full = self.full(full);
        full.rsplit('.').next().unwrap_or(full)
    }

    /// Whether a writer's type goes by a reader's short name: renamed, or as it is called; the rules promise both.
    pub(super) fn agree(&self, written: &Name, name: &Name) -> bool {
        self.short(written.full()) == name.short() || written.short() == name.short()
    }

    /// The name of a field of a writer's record.
    pub(super) fn field<'n>(&'n self, record: &str, field: &'n str) -> &'n str {
        let aliases = self.fields.get(self.full(record));
        aliases
            .and_then(|aliases| aliases.get(field))
            .map_or(field, String::as_str)
    }
}

/// The types the root reaches, each once, a type before the types it holds.
fn in_order(schema: &Schema) -> Vec<NodeId> {
    let mut seen = vec![false; schema.nodes().len()];
    let mut order = Vec::new();
    let mut open = vec![schema.root()];
    while let Some(id) = open.pop() {
        if std::mem::replace(&mut seen[id.index()], true) {
            continue;
        }
        order.push(id);
        open.extend(schema.node(id).kind.children().rev());
    }
    order
}
