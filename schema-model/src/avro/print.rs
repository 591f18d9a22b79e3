//! A schema written out again: as Avro Java prints it, and normalised.
//!
//! Invariant of both: parsing the result (with the same references) gives the same schema. Depth was bounded when the
//! schema was parsed.

use std::collections::HashSet;

use super::{
    json::Json,
    json_text::{separate, string, write, write_sorted},
    node::{Field, Kind, Name, NodeId, Order},
    parse::primitive,
    schema::Schema,
};

/// The text of Avro Java's `Schema.toString()`.
pub(super) fn stored(schema: &Schema) -> String {
    let mut printer = Printer::new(schema);
    printer.print(schema.root(), None);
    printer.out
}

/// Like [`stored`], with the definitions of references written out.
#[cfg(feature = "apache-avro")]
pub(super) fn expanded(schema: &Schema) -> String {
    let mut printer = Printer {
        schema,
        known: HashSet::new(),
        out: String::new(),
    };
    printer.print(schema.root(), None);
    printer.out
}

struct Printer<'s> {
    schema: &'s Schema,
    /// Full names written out already, or by the references.
    known: HashSet<String>,
    out: String,
}

impl<'s> Printer<'s> {
    fn new(schema: &'s Schema) -> Printer<'s> {
        let of_references = schema.nodes().iter().filter(|node| node.source > 0);
        let known = of_references
            .filter_map(|node| node.kind.type_name())
            .map(|name| name.full().to_owned());
        Printer {
            schema,
            known: known.collect(),
            out: String::new(),
        }
    }

    fn print(&mut self, id: NodeId, namespace: Option<&str>) {
        let node = self.schema.node(id);
        if let Some(name) = node.kind.type_name()
            && !self.known.insert(name.full().to_owned())
        {
            string(&mut self.out, qualified(name, namespace));
            return;
        }
        match &node.kind {
            Kind::Union(branches) => {
                return self.union(branches, |printer, branch| printer.print(branch, namespace));
            }
            Kind::Array(item) | Kind::Map(item) => {
                let key = if matches!(node.kind, Kind::Array(_)) {
                    "items"
                } else {
                    "values"
                };
                self.out
                    .push_str(&format!("{{\"type\":\"{}\",\"{key}\":", node.kind.name()));
                self.print(*item, namespace);
            }
            Kind::Record(record) => {
                self.head(
                    if record.is_error { "error" } else { "record" },
                    &node.kind,
                    namespace,
                );
                self.out.push_str(",\"fields\":[");
                for (index, field) in record.fields.iter().enumerate() {
                    separate(&mut self.out, index);
                    self.field(field, record.name.namespace());
                }
                self.out.push(']');
            }
            Kind::Enum(kind) => {
                self.head("enum", &node.kind, namespace);
                self.strings("symbols", kind.symbols.iter().map(String::as_str));
                if let Some(default) = &kind.default {
                    self.out.push_str(",\"default\":");
                    string(&mut self.out, default);
                }
            }
            Kind::Fixed(fixed) => {
                self.head("fixed", &node.kind, namespace);
                self.out.push_str(&format!(",\"size\":{}", fixed.size));
            }
            primitive if node.props.is_empty() => {
                string(&mut self.out, primitive.name());
                return;
            }
            primitive => self.out.push_str(&format!("{{\"type\":\"{}\"", primitive.name())),
        }
        self.props(&node.props);
        if let Some(name) = node.kind.type_name()
            && !node.kind.aliases().is_empty()
        {
            let aliases: Vec<&str> = node
                .kind
                .aliases()
                .iter()
                .map(|alias| qualified(alias, name.namespace()))
                .collect();
            self.strings("aliases", aliases.into_iter());
        }
        self.out.push('}');
    }

    fn union(&mut self, branches: &[NodeId], mut print: impl FnMut(&mut Self, NodeId)) {
        self.out.push('[');
        for (index, branch) in branches.iter().enumerate() {
            separate(&mut self.out, index);
            print(self, *branch);
        }
        self.out.push(']');
    }

    /// The start of a named type: type, name, namespace when it differs, documentation.
    fn head(&mut self, word: &str, kind: &Kind, namespace: Option<&str>) {
        self.out.push_str(&format!("{{\"type\":\"{word}\""));
        if let Some(name) = kind.type_name() {
            self.out.push_str(",\"name\":");
            string(&mut self.out, name.short());
            if name.namespace() != namespace {
                self.out.push_str(",\"namespace\":");
                string(&mut self.out, name.namespace().unwrap_or_default());
            }
        }
        self.doc(kind.doc());
    }

    fn doc(&mut self, doc: Option<&str>) {
        if let Some(doc) = doc {
            self.out.push_str(",\"doc\":");
            string(&mut self.out, doc);
        }
    }

    fn field(&mut self, field: &Field, namespace: Option<&str>) {
        self.out.push_str("{\"name\":");
        string(&mut self.out, &field.name);
        self.out.push_str(",\"type\":");
        self.print(field.node, namespace);
        self.doc(field.doc.as_deref());
        if let Some(default) = &field.default {
            self.out.push_str(",\"default\":");
            write(&mut self.out, default);
        }
        if field.order != Order::Ascending {
            self.out
                .push_str(&format!(",\"order\":\"{}\"", field.order.name()));
        }
        if !field.aliases.is_empty() {
            self.strings("aliases", field.aliases.iter().map(String::as_str));
        }
        self.props(&field.props);
        self.out.push('}');
    }

    fn strings<'t>(&mut self, key: &str, texts: impl Iterator<Item = &'t str>) {
        self.out.push_str(&format!(",\"{key}\":["));
        for (index, text) in texts.enumerate() {
            separate(&mut self.out, index);
            string(&mut self.out, text);
        }
        self.out.push(']');
    }

    fn props(&mut self, props: &[(String, Json)]) {
        for (key, value) in props {
            self.out.push(',');
            string(&mut self.out, key);
            self.out.push(':');
            write(&mut self.out, value);
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

/// The text for normalised lookups.
pub(super) fn normalized(schema: &Schema) -> String {
    let mut printer = Printer::new(schema);
    printer.normalize(schema.root(), None);
    printer.out
}

impl Printer<'_> {
    fn normalize(&mut self, id: NodeId, namespace: Option<&str>) {
        let node = self.schema.node(id);
        if let Some(name) = node.kind.type_name() {
            if !self.known.insert(name.full().to_owned()) {
                string(&mut self.out, name.full());
                return;
            }
            self.out.push_str("{\"name\":");
            string(&mut self.out, name.full());
            if name.namespace().is_none() && namespace.is_some() {
                self.out.push_str(",\"namespace\":\"\"");
            }
            self.out.push_str(&format!(",\"type\":\"{}\"", node.kind.name()));
        }
        match &node.kind {
            Kind::Union(branches) => {
                return self.union(branches, |printer, branch| printer.normalize(branch, namespace));
            }
            Kind::Array(item) | Kind::Map(item) => {
                let key = if matches!(node.kind, Kind::Array(_)) {
                    "items"
                } else {
                    "values"
                };
                self.out
                    .push_str(&format!("{{\"type\":\"{}\",\"{key}\":", node.kind.name()));
                self.normalize(*item, namespace);
            }
            Kind::Record(record) => {
                self.out.push_str(",\"fields\":[");
                for (index, field) in record.fields.iter().enumerate() {
                    separate(&mut self.out, index);
                    self.normalize_field(field, record.name.namespace());
                }
                self.out.push(']');
            }
            Kind::Enum(kind) => {
                self.strings("symbols", kind.symbols.iter().map(String::as_str));
                if let Some(default) = &kind.default {
                    self.out.push_str(",\"default\":");
                    string(&mut self.out, default);
                }
            }
            Kind::Fixed(fixed) => self.out.push_str(&format!(",\"size\":{}", fixed.size)),
            primitive if node.props.is_empty() => {
                string(&mut self.out, primitive.name());
                return;
            }
            primitive => self.out.push_str(&format!("{{\"type\":\"{}\"", primitive.name())),
        }
        self.doc(node.kind.doc());
        if !node.kind.aliases().is_empty() {
            self.strings("aliases", node.kind.aliases().iter().map(Name::full));
        }
        self.sorted_props(&node.props);
        self.out.push('}');
    }

    fn normalize_field(&mut self, field: &Field, namespace: Option<&str>) {
        self.out.push_str("{\"name\":");
        string(&mut self.out, &field.name);
        self.out.push_str(",\"type\":");
        self.normalize(field.node, namespace);
        self.doc(field.doc.as_deref());
        if let Some(default) = &field.default {
            self.out.push_str(",\"default\":");
            write_sorted(&mut self.out, default);
        }
        if field.order != Order::Ascending {
            self.out
                .push_str(&format!(",\"order\":\"{}\"", field.order.name()));
        }
        if !field.aliases.is_empty() {
            self.strings("aliases", field.aliases.iter().map(String::as_str));
        }
        self.sorted_props(&field.props);
        self.out.push('}');
    }

    fn sorted_props(&mut self, props: &[(String, Json)]) {
        let mut props: Vec<_> = props.iter().collect();
        props.sort_by(|left, right| left.0.cmp(&right.0));
        for (key, value) in props {
            self.out.push(',');
            string(&mut self.out, key);
            self.out.push(':');
            write_sorted(&mut self.out, value);
        }
    }
}
