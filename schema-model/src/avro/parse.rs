//! From JSON to the arena: which texts are schemas, by Avro Java's rules.
//!
//! Names are looked up the way Avro Java 1.12 does: in the current namespace, then as written; what is not known yet
//! is looked up again, by its full name, when the whole text was read (so a type may be used above its definition). A
//! type may be defined twice if both definitions are equal. Bounded: text size, nesting, number of nodes.

mod recursion;
mod settle;

use std::{borrow::Cow, collections::HashMap};

use super::{
    default,
    json::{Json, JsonKind},
    logical,
    node::{Kind, Name, Node, NodeId, Record},
    places::Places,
};
use crate::{DEPTH_MAX, Outline, ParseError};

/// The longest schema text.
pub const TEXT_BYTES_MAX: usize = 1024 * 1024;

/// The most types one schema may have, with those of its references.
pub const NODES_MAX: usize = 100_000;

/// The largest fixed.
pub const FIXED_BYTES_MAX: usize = 16 * 1024 * 1024;

/// What properties of a type mean something to Avro and are no custom properties.
pub(super) const RESERVED: [&str; 10] = [
    "doc",
    "fields",
    "items",
    "name",
    "namespace",
    "size",
    "symbols",
    "values",
    "type",
    "aliases",
];

/// A text's JSON, its strings still in the text.
pub(super) type Tree<'t> = Json<Cow<'t, str>>;

/// Builds one arena from the texts of the references and the schema's own.
#[derive(Default)]
pub(super) struct Parser<'t> {
    text: &'t str,
    source: u32,
    pub(super) nodes: Vec<Node>,
    /// Definitions by full name.
    names: HashMap<String, NodeId>,
    /// Names used before their definition: the node that stands in, and the full name.
    pending: Vec<(NodeId, String)>,
    /// Second definitions of a name, with the first.
    redefined: Vec<(NodeId, NodeId)>,
    /// How many values of defaults were checked.
    default_steps: usize,
    /// How many bytes the full names had so far.
    pub(super) names_bytes: usize,
}

impl<'t> Parser<'t> {
    /// Parses one text; its definitions are known to the ones that follow.
    pub(super) fn parse(&mut self, text: &'t str, source: u32) -> Result<NodeId, ParseError> {
        let first = self.nodes.len();
        let root = self.start(text, source)?;
        let root = self.settle(first, root)?;
        super::check::check(self, first)?;
        self.mark_records(first);
        Ok(root)
    }

    /// Reads one text, and leaves open what it uses and does not define.
    fn start(&mut self, text: &'t str, source: u32) -> Result<NodeId, ParseError> {
        self.text = text;
        self.source = source;
        if text.len() > TEXT_BYTES_MAX {
            return Err(ParseError::at(
                text,
                0,
                format!("the schema is longer than {TEXT_BYTES_MAX} bytes"),
            ));
        }
        let json = Tree::parse_borrowed(text)?;
        self.schema(&json, None, 0)
    }

    pub(super) fn error<S>(&self, at: &Json<S>, message: impl Into<String>) -> ParseError {
        ParseError::at(self.text, at.span.start, message)
    }

    /// An error at a node of the text that is being parsed.
    pub(super) fn error_at(&self, node: NodeId, message: impl Into<String>) -> ParseError {
        ParseError::at(self.text, self.node(node).span.start, message)
    }

    pub(super) fn error_at_byte(&self, position: usize, message: impl Into<String>) -> ParseError {
        ParseError::at(self.text, position, message)
    }

    pub(super) fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id.index()]
    }

    pub(super) fn source(&self) -> u32 {
        self.source
    }

    /// Checks a field's default against its type, as far as that is known.
    pub(super) fn check_default(
        &mut self,
        field: &str,
        node: NodeId,
        value: &Json,
    ) -> Result<(), ParseError> {
        default::check(&self.nodes, node, value, &mut self.default_steps).map_err(|problem| {
            self.error(
                value,
                format!("the default of field \"{field}\" does not fit its type: {problem}"),
            )
        })
    }

    pub(super) fn add(
        &mut self,
        json: &Tree<'t>,
        kind: Kind,
        props: Vec<(String, Json)>,
    ) -> Result<NodeId, ParseError> {
        if self.nodes.len() >= NODES_MAX {
            return Err(self.error(json, format!("the schema has more than {NODES_MAX} types")));
        }
        if matches!(kind, Kind::Array(_) | Kind::Map(_) | Kind::Record(_))
            && let Some((key, _)) = props.iter().find(|(_, value)| beyond_64_bits(value))
        {
            // Java copies the properties of these types, and cannot copy such a number.
            let message = format!("the property \"{key}\" holds an integer that does not fit 64 bits");
            return Err(self.error(json, message));
        }
        let logical = logical::of(&kind, &props);
        self.nodes.push(Node {
            kind,
            logical,
            props,
            span: json.span,
            source: self.source,
        });
        Ok(NodeId(u32::try_from(self.nodes.len() - 1).unwrap_or(u32::MAX)))
    }

    /// A schema: a name, an object or a union.
    pub(super) fn schema(
        &mut self,
        json: &Tree<'t>,
        namespace: Option<&str>,
        depth: usize,
    ) -> Result<NodeId, ParseError> {
        if depth == DEPTH_MAX {
            return Err(self.error(json, format!("types nest deeper than {DEPTH_MAX} levels")));
        }
        match &json.kind {
            JsonKind::String(name) => self.reference(json, name, namespace),
            JsonKind::Object(_) => self.object(json, namespace, depth),
            JsonKind::Array(branches) => {
                let mut types = Vec::with_capacity(branches.len());
                for branch in branches {
                    types.push(self.schema(branch, namespace, depth + 1)?);
                }
                self.add(json, Kind::Union(types), Vec::new())
            }
            _ => Err(self.error(
                json,
                "a schema is a type name, an object with a \"type\", or an array of schemas (a union)",
            )),
        }
    }

    fn reference(
        &mut self,
        json: &Tree<'t>,
        name: &str,
        namespace: Option<&str>,
    ) -> Result<NodeId, ParseError> {
        if let Some(kind) = primitive(name) {
            return self.add(json, kind, Vec::new());
        }
        self.count_name(json, name, namespace)?;
        let full = match namespace {
            Some(namespace) if !name.contains('.') => format!("{namespace}.{name}"),
            _ => name.to_owned(),
        };
        if let Some(id) = self.names.get(&full).or_else(|| self.names.get(name)) {
            return Ok(*id);
        }
        // To the check of a default that comes before the definition, the type is a record without fields, as in Java.
        let stand_in = Record {
            name: Name::new("", None),
            doc: None,
            aliases: Vec::new(),
            fields: Vec::new(),
            is_error: false,
            holds_itself: false,
            nothings: 0,
            places: Places::none(),
        };
        let id = self.add(json, Kind::Record(Box::new(stand_in)), Vec::new())?;
        self.pending.push((id, full));
        Ok(id)
    }

    fn object(
        &mut self,
        json: &Tree<'t>,
        namespace: Option<&str>,
        depth: usize,
    ) -> Result<NodeId, ParseError> {
        let kind = json.get("type").and_then(Json::as_str);
        let Some(kind) = kind else {
            let message = match json.get("type") {
                Some(_) => "\"type\" of a type object must be a string; write the inner type in its place",
                None => "a type object needs a \"type\"",
            };
            return Err(self.error(json.get("type").unwrap_or(json), message));
        };
        match kind {
            "record" | "error" => self.record(json, namespace, depth, kind == "error"),
            "enum" => self.enumeration(json, namespace),
            "fixed" => self.fixed(json, namespace),
            "array" => {
                let items = self.required(json, "items", "an array needs \"items\"")?;
                let items = self.schema(items, namespace, depth + 1)?;
                self.add(json, Kind::Array(items), props(json, &RESERVED))
            }
            "map" => {
                let values = self.required(json, "values", "a map needs \"values\"")?;
                let values = self.schema(values, namespace, depth + 1)?;
                self.add(json, Kind::Map(values), props(json, &RESERVED))
            }
            other => match primitive(other) {
                Some(kind) => self.add(json, kind, props(json, &RESERVED)),
                None => {
                    let message = format!(
                        "\"{other}\" is not a type a type object can have: use a primitive type, record, error, enum, fixed, array or map; a name stands alone, without an object"
                    );
                    Err(self.error(json.get("type").unwrap_or(json), message))
                }
            },
        }
    }

    pub(super) fn required<'j>(
        &self,
        json: &'j Tree<'t>,
        key: &str,
        message: &str,
    ) -> Result<&'j Tree<'t>, ParseError> {
        json.get(key).ok_or_else(|| self.error(json, message))
    }

    pub(super) fn alias_texts<'j>(
        &self,
        json: &'j Tree<'t>,
    ) -> Result<Vec<(&'j Tree<'t>, &'j str)>, ParseError> {
        let Some(aliases) = json.get("aliases") else {
            return Ok(Vec::new());
        };
        let JsonKind::Array(items) = &aliases.kind else {
            return Err(self.error(aliases, "\"aliases\" must be an array"));
        };
        let texts = items.iter().map(|item| match item.as_str() {
            Some(text) => Ok((item, text)),
            None => Err(self.error(item, "an alias must be a string")),
        });
        texts.collect()
    }

    /// Makes a finished definition known by its name.
    pub(super) fn define(&mut self, id: NodeId) -> NodeId {
        let full = self
            .node(id)
            .kind
            .type_name()
            .map(|name| name.full().to_owned())
            .unwrap_or_default();
        match self.names.get(&full) {
            Some(first) => self.redefined.push((*first, id)),
            None => {
                self.names.insert(full, id);
            }
        }
        id
    }
}

/// The names a text defines, and those it leaves to references.
pub(crate) fn outline(text: &str) -> Result<Outline, ParseError> {
    let mut parser = Parser::default();
    parser.start(text, 0)?;
    let mut needs: Vec<String> = parser.pending.into_iter().map(|(_, full)| full).collect();
    needs.retain(|full| !parser.names.contains_key(full));
    needs.sort_unstable();
    needs.dedup();
    let mut defines: Vec<String> = parser.names.into_keys().collect();
    defines.sort_unstable();
    Ok(Outline {
        defines,
        needs,
        ..Outline::default()
    })
}

/// Whether an integer within a value does not fit 64 bits.
fn beyond_64_bits(json: &Json) -> bool {
    match &json.kind {
        JsonKind::Array(items) => items.iter().any(beyond_64_bits),
        JsonKind::Object(entries) => entries.iter().any(|(_, value)| beyond_64_bits(value)),
        _ => json.is_integer() && json.as_i64().is_none(),
    }
}

/// The primitive type of a name.
pub(super) fn primitive(name: &str) -> Option<Kind> {
    Some(match name {
        "null" => Kind::Null,
        "boolean" => Kind::Boolean,
        "int" => Kind::Int,
        "long" => Kind::Long,
        "float" => Kind::Float,
        "double" => Kind::Double,
        "bytes" => Kind::Bytes,
        "string" => Kind::String,
        _ => return None,
    })
}

/// The text under a key; anything but a string counts as absent.
pub(super) fn text(json: &Tree<'_>, key: &str) -> Option<String> {
    json.get(key).and_then(Json::as_str).map(str::to_owned)
}

/// The custom properties of an object.
pub(super) fn props(json: &Tree<'_>, reserved: &[&str]) -> Vec<(String, Json)> {
    match &json.kind {
        JsonKind::Object(entries) => entries
            .iter()
            .filter(|(key, _)| !reserved.contains(&&**key))
            .map(|(key, value)| (key.to_string(), value.to_owned()))
            .collect(),
        _ => Vec::new(),
    }
}
