//! A schema written out again: as Avro Java prints it, and normalised.
//!
//! Invariant of both: parsing the result (with the same references) gives the same schema; only an alias without a
//! namespace comes back inside its type's namespace when it was printed as Java does. Depth was bounded when the schema
//! was parsed.

use std::collections::HashSet;

use super::{
    json::Json,
    json_text::{separate, string, write, write_sorted},
    node::{Field, Kind, Name, Node, NodeId, Order},
    parse::primitive,
    schema::Schema,
};

/// The text of Avro Java's `Schema.toString()`, types of references by name.
pub(super) fn stored(schema: &Schema) -> String {
    print(schema, Style::Java, of_references(schema))
}

/// Like [`stored`], with the definitions of references written out where they are first used.
pub(super) fn resolved(schema: &Schema) -> String {
    print(schema, Style::Java, HashSet::new())
}

/// The text for normalised lookups.
pub(super) fn normalized(schema: &Schema) -> String {
    print(schema, Style::Normal, of_references(schema))
}

/// In which order and spelling a schema is written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Style {
    /// Type first, names as short as the namespace allows, properties in their order.
    Java,
    /// Full name first, properties sorted and last.
    Normal,
}

fn print(schema: &Schema, style: Style, known: HashSet<&str>) -> String {
    let mut printer = Printer {
        schema,
        style,
        known,
        out: String::with_capacity(schema.text().len()),
    };
    printer.print(schema.root(), None);
    printer.out
}

fn of_references(schema: &Schema) -> HashSet<&str> {
    let nodes = schema.nodes().iter().filter(|node| node.source > 0);
    nodes
        .filter_map(|node| node.kind.type_name())
        .map(Name::full)
        .collect()
}

struct Printer<'s> {
    schema: &'s Schema,
    style: Style,
    /// Full names written out already, or by the references.
    known: HashSet<&'s str>,
    out: String,
}

impl<'s> Printer<'s> {
    fn print(&mut self, id: NodeId, namespace: Option<&str>) {
        let schema: &'s Schema = self.schema;
        let node = schema.node(id);
        if let Some(name) = node.kind.type_name()
            && !self.known.insert(name.full())
        {
            return match self.style {
                Style::Java => string(&mut self.out, qualified(name, namespace)),
                Style::Normal => string(&mut self.out, name.full()),
            };
        }
        match &node.kind {
            Kind::Union(branches) => {
                self.out.push('[');
                for (index, branch) in branches.iter().enumerate() {
                    separate(&mut self.out, index);
                    self.print(*branch, namespace);
                }
                self.out.push(']');
                return;
            }
            kind if node.props.is_empty() && primitive(kind.name()).is_some() => {
                return string(&mut self.out, kind.name());
            }
            _ => {}
        }
        self.out.push('{');
        match self.style {
            Style::Java => self.java_head(&node.kind, namespace),
            Style::Normal => self.normal_head(&node.kind, namespace),
        }
        self.body(&node.kind, namespace);
        match self.style {
            Style::Java => self.java_tail(node),
            Style::Normal => self.normal_tail(node),
        }
        self.out.push('}');
    }

    fn java_head(&mut self, kind: &Kind, namespace: Option<&str>) {
        let word = match kind {
            Kind::Record(record) if record.is_error => "error",
            other => other.name(),
        };
        self.push(&["\"type\":\"", word, "\""]);
        let Some(name) = kind.type_name() else { return };
        self.text("name", name.short());
        if name.namespace() != namespace {
            self.text("namespace", name.namespace().unwrap_or_default());
        }
        self.doc(kind.doc());
    }

    fn normal_head(&mut self, kind: &Kind, namespace: Option<&str>) {
        if let Some(name) = kind.type_name() {
            self.out.push_str("\"name\":");
            string(&mut self.out, name.full());
            if name.namespace().is_none() && namespace.is_some() {
                self.out.push_str(",\"namespace\":\"\"");
            }
            self.out.push(',');
        }
        self.push(&["\"type\":\"", kind.name(), "\""]);
    }

    /// What makes the type: its items, values, fields, symbols or size.
    fn body(&mut self, kind: &Kind, namespace: Option<&str>) {
        match kind {
            Kind::Array(item) => {
                self.out.push_str(",\"items\":");
                self.print(*item, namespace);
            }
            Kind::Map(value) => {
                self.out.push_str(",\"values\":");
                self.print(*value, namespace);
            }
            Kind::Record(record) => {
                self.out.push_str(",\"fields\":[");
                for (index, field) in record.fields.iter().enumerate() {
                    separate(&mut self.out, index);
                    self.field(field, record.name.namespace());
                }
                self.out.push(']');
            }
            Kind::Enum(kind) => {
                self.texts("symbols", kind.symbols.iter().map(String::as_str));
                if let Some(default) = &kind.default {
                    self.text("default", default);
                }
            }
            Kind::Fixed(fixed) => self.push(&[",\"size\":", &fixed.size.to_string()]),
            _ => {}
        }
    }

    fn java_tail(&mut self, node: &Node) {
        self.props(&node.props);
        if let Some(name) = node.kind.type_name()
            && !node.kind.aliases().is_empty()
        {
            let aliases = node.kind.aliases().iter();
            self.texts("aliases", aliases.map(|alias| qualified(alias, name.namespace())));
        }
    }

    fn normal_tail(&mut self, node: &Node) {
        self.doc(node.kind.doc());
        if let Some(name) = node.kind.type_name()
            && !node.kind.aliases().is_empty()
        {
            // A leading dot keeps an alias out of the namespace, as in Java's list of aliases.
            let dotted = |alias: &Name| match (alias.namespace(), name.namespace()) {
                (None, Some(_)) => format!(".{}", alias.full()),
                _ => alias.full().to_owned(),
            };
            let aliases: Vec<String> = node.kind.aliases().iter().map(dotted).collect();
            self.texts("aliases", aliases.iter().map(String::as_str));
        }
        self.props(&node.props);
    }

    fn field(&mut self, field: &Field, namespace: Option<&str>) {
        self.out.push_str("{\"name\":");
        string(&mut self.out, &field.name);
        self.out.push_str(",\"type\":");
        self.print(field.node, namespace);
        self.doc(field.doc.as_deref());
        if let Some(default) = &field.default {
            self.out.push_str(",\"default\":");
            self.json(default);
        }
        if field.order != Order::Ascending {
            self.push(&[",\"order\":\"", field.order.name(), "\""]);
        }
        if !field.aliases.is_empty() {
            self.texts("aliases", field.aliases.iter().map(String::as_str));
        }
        self.props(&field.props);
        self.out.push('}');
    }

    fn push(&mut self, parts: &[&str]) {
        for part in parts {
            self.out.push_str(part);
        }
    }

    fn text(&mut self, key: &str, text: &str) {
        self.push(&[",\"", key, "\":"]);
        string(&mut self.out, text);
    }

    fn texts<'t>(&mut self, key: &str, texts: impl Iterator<Item = &'t str>) {
        self.push(&[",\"", key, "\":["]);
        for (index, text) in texts.enumerate() {
            separate(&mut self.out, index);
            string(&mut self.out, text);
        }
        self.out.push(']');
    }

    fn doc(&mut self, doc: Option<&str>) {
        if let Some(doc) = doc {
            self.text("doc", doc);
        }
    }

    fn props(&mut self, props: &[(String, Json)]) {
        let mut props: Vec<&(String, Json)> = props.iter().collect();
        if self.style == Style::Normal {
            props.sort_by(|left, right| left.0.cmp(&right.0));
        }
        for (key, value) in props {
            self.out.push(',');
            string(&mut self.out, key);
            self.out.push(':');
            self.json(value);
        }
    }

    fn json(&mut self, json: &Json) {
        match self.style {
            Style::Java => write(&mut self.out, json),
            Style::Normal => write_sorted(&mut self.out, json),
        }
    }
}

/// A name as it is written inside a namespace: short in its own, unless that would read as a type's word.
fn qualified<'n>(name: &'n Name, namespace: Option<&str>) -> &'n str {
    let word = primitive(name.short()).is_some()
        || matches!(
            name.short(),
            "record" | "enum" | "array" | "map" | "union" | "fixed"
        );
    if name.namespace().is_some() && name.namespace() == namespace && !word {
        name.short()
    } else {
        name.full()
    }
}
