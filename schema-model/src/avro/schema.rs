//! A parsed Avro schema: its text, its arena and its forms.

use std::sync::Arc;

use hmac_sha256::Hash;

use super::{
    canon,
    default::{self, Encoded},
    equal,
    json::Json,
    names,
    node::{Kind, Name, Node, NodeId},
    parse::Parser,
    print,
};
use crate::{ParseError, Resolved, Span};

/// A parsed Avro schema. Cheap to clone.
///
/// ```
/// use annals_schema_model::avro::Schema;
///
/// let schema = Schema::parse(r#"{ "type": "int", "logicalType": "date" }"#, &[])?;
/// assert_eq!(schema.stored_text(), r#"{"type":"int","logicalType":"date"}"#);
/// assert_eq!(schema.canonical_form(), r#""int""#);
/// # Ok::<(), annals_schema_model::ParseError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Schema(Arc<Inner>, NodeId);

#[derive(Debug)]
struct Inner {
    text: String,
    references: Vec<Resolved>,
    nodes: Vec<Node>,
}

impl Schema {
    /// Parses a text; names it does not define are taken from `resolved`, dependencies first.
    ///
    /// # Errors
    /// [`ParseError`] with what is wrong, line and column. An error in a reference is placed at the start and names
    /// the reference.
    pub fn parse(text: &str, resolved: &[Resolved]) -> Result<Schema, ParseError> {
        let mut parser = Parser::default();
        for (source, reference) in (1..).zip(resolved) {
            parser
                .parse(&reference.text, source)
                .map_err(|error| ParseError {
                    message: format!("reference \"{}\": {error}", reference.name),
                    line: 1,
                    column: 1,
                })?;
        }
        let root = parser.parse(text, 0)?;
        let inner = Inner {
            text: text.to_owned(),
            references: resolved.to_vec(),
            nodes: parser.nodes,
        };
        Ok(Schema(Arc::new(inner), root))
    }

    /// The schema of a branch of the union at the top, if there is such a one. Its text is still the whole.
    ///
    /// ```
    /// use annals_schema_model::avro::Schema;
    ///
    /// let schema = Schema::parse(r#"["null", {"type": "fixed", "name": "Md5", "size": 16}]"#, &[])?;
    /// assert_eq!(schema.branch(1).unwrap().name(), "Md5");
    /// assert!(schema.branch(2).is_none());
    /// # Ok::<(), annals_schema_model::ParseError>(())
    /// ```
    #[must_use]
    pub fn branch(&self, index: usize) -> Option<Schema> {
        Some(Schema(Arc::clone(&self.0), *self.branches()?.get(index)?))
    }

    /// The schema of a named type that a whole payload may be: of the type at the top, or of a branch of the union there. Its text is
    /// still the whole.
    ///
    /// ```
    /// use annals_schema_model::avro::Schema;
    ///
    /// let schema = Schema::parse(r#"["null", {"type": "enum", "name": "shop.Way", "symbols": ["SEA"]}]"#, &[])?;
    /// assert_eq!(schema.named("shop.Way").unwrap().canonical_form(), r#"{"name":"shop.Way","type":"enum","symbols":["SEA"]}"#);
    /// assert!(schema.named("Way").is_none());
    /// # Ok::<(), annals_schema_model::ParseError>(())
    /// ```
    #[must_use]
    pub fn named(&self, full: &str) -> Option<Schema> {
        let mut tops = self.branches().unwrap_or(std::slice::from_ref(&self.1)).iter();
        let is_it = |id: &&NodeId| {
            let name = self.node(**id).kind.type_name();
            name.is_some_and(|name| name.full() == full)
        };
        Some(Schema(Arc::clone(&self.0), *tops.find(is_it)?))
    }

    /// The record at the top without some of its fields, which is as it was wherever it is within itself. Nothing when there is
    /// another type at the top. Its text is still the whole.
    #[must_use]
    pub fn without_fields(&self, without: &[&str]) -> Option<Schema> {
        let mut top = self.node(self.root()).clone();
        let Kind::Record(record) = &mut top.kind else {
            return None;
        };
        record.fields.retain(|field| !without.contains(&&*field.name));
        let mut nodes = self.0.nodes.clone();
        let root = NodeId(u32::try_from(nodes.len()).ok()?);
        nodes.push(top);
        let inner = Inner {
            text: self.0.text.clone(),
            references: self.0.references.clone(),
            nodes,
        };
        Some(Schema(Arc::new(inner), root))
    }

    /// The branches of the union at the top; nothing when there is another type.
    #[must_use]
    pub fn branches(&self) -> Option<&[NodeId]> {
        match &self.node(self.root()).kind {
            Kind::Union(branches) => Some(branches),
            _ => None,
        }
    }

    /// Whether every name this text gives is one by the specification, which is narrower than what is read.
    ///
    /// # Errors
    /// The first name that is not, with the place of its type or field.
    pub fn check_names(&self) -> Result<(), ParseError> {
        for node in self.nodes().iter().filter(|node| node.source == 0) {
            let check = |what: &str, name: &str, span: Span| {
                names::validate_specified(name)
                    .map_err(|problem| ParseError::at(self.text(), span.start, format!("{what} {problem}")))
            };
            if let Some(name) = node.kind.type_name() {
                check("the name", name.full(), node.span)?;
            }
            for alias in node.kind.aliases() {
                check("an alias", alias.short(), node.span)?;
            }
            match &node.kind {
                Kind::Record(record) => record
                    .fields
                    .iter()
                    .try_for_each(|field| check("the field name", &field.name, field.span))?,
                Kind::Enum(kind) => kind
                    .symbols
                    .iter()
                    .try_for_each(|symbol| check("a symbol", symbol, node.span))?,
                _ => {}
            }
        }
        Ok(())
    }

    /// The text as sent.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.0.text
    }

    /// The text as Avro Java prints it: minified, attributes in a fixed order, types of references by name.
    #[must_use]
    pub fn stored_text(&self) -> String {
        print::stored(self)
    }

    /// The text as Avro Java prints it, with the types of references written out where they are first used: what needs
    /// no references to be read. Two schemas whose resolved texts are equal are the same schema, whichever of them has
    /// references. References that nest may make it deeper than a text may be that is parsed here.
    ///
    /// ```
    /// use annals_schema_model::{Resolved, avro::Schema};
    ///
    /// let money = r#"{"type":"fixed","name":"Money","size":8}"#;
    /// let reference = Resolved { name: "Money".into(), text: money.into() };
    /// let schema = Schema::parse(r#"{"type":"array","items":"Money"}"#, &[reference])?;
    /// let whole = Schema::parse(&format!(r#"{{"type":"array","items":{money}}}"#), &[])?;
    /// assert_eq!(schema.stored_text(), r#"{"type":"array","items":"Money"}"#);
    /// assert_eq!(schema.resolved_text(), whole.stored_text());
    /// # Ok::<(), annals_schema_model::ParseError>(())
    /// ```
    #[must_use]
    pub fn resolved_text(&self) -> String {
        print::resolved(self)
    }

    /// The text used for normalised lookups: full names, properties sorted; documentation, aliases and defaults kept.
    #[must_use]
    pub fn normalized(&self) -> String {
        print::normalized(self)
    }

    /// The full name of the top type, when it has one.
    #[must_use]
    pub fn record_name(&self) -> Option<String> {
        self.node(self.root())
            .kind
            .type_name()
            .map(|name| name.full().to_owned())
    }

    /// The parsing canonical form.
    #[must_use]
    pub fn canonical_form(&self) -> String {
        canon::canonical_form(self)
    }

    /// SHA-256 of the canonical form.
    #[must_use]
    pub fn fingerprint(&self) -> [u8; 32] {
        Hash::hash(self.canonical_form().as_bytes())
    }

    /// CRC-64-AVRO (Rabin) of the canonical form.
    #[must_use]
    pub fn fingerprint_rabin(&self) -> u64 {
        canon::rabin(self.canonical_form().as_bytes())
    }

    /// MD5 of the canonical form.
    #[must_use]
    pub fn fingerprint_md5(&self) -> [u8; 16] {
        md5::compute(self.canonical_form()).0
    }

    /// The type at the top.
    #[must_use]
    pub fn root(&self) -> NodeId {
        self.1
    }

    /// A type of this schema.
    ///
    /// # Panics
    /// When the id belongs to another, larger schema.
    #[must_use]
    pub fn node(&self, id: NodeId) -> &Node {
        &self.0.nodes[id.index()]
    }

    /// All types, those of references first, inner types before the types that hold them.
    #[must_use]
    pub fn nodes(&self) -> &[Node] {
        &self.0.nodes
    }

    /// The definition of a full name.
    #[must_use]
    pub fn find(&self, full: &str) -> Option<NodeId> {
        let position = self
            .0
            .nodes
            .iter()
            .position(|node| node.kind.type_name().is_some_and(|name| name.full() == full))?;
        Some(NodeId(u32::try_from(position).unwrap_or(u32::MAX)))
    }

    /// A default in binary form, for the type it is the default of.
    ///
    /// # Errors
    /// What keeps it from being one: a string that is no symbol of its enum, for example.
    pub fn default_bytes(&self, node: NodeId, value: &Json) -> Result<Vec<u8>, String> {
        self.default(node, value).map(|default| default.bytes)
    }

    /// The same, with how many values it holds.
    pub(super) fn default(&self, node: NodeId, value: &Json) -> Result<Encoded, String> {
        default::encode(&self.0.nodes, node, value)
    }

    /// Whether two schemas are the same to a reader and in their custom properties; documentation and aliases do not
    /// count.
    #[must_use]
    pub fn same_as(&self, other: &Schema) -> bool {
        equal::equal(&self.0.nodes, self.root(), &other.0.nodes, other.root())
    }

    /// Whether two schemas are of one text, with the same references, and the same type of it.
    pub(super) fn is(&self, other: &Schema) -> bool {
        let is_one_text = Arc::ptr_eq(&self.0, &other.0)
            || self.text() == other.text() && self.0.references == other.0.references;
        is_one_text && self.root() == other.root()
    }

    /// The full name of the top type; empty when it has none.
    #[must_use]
    pub fn name(&self) -> &str {
        self.node(self.root()).kind.type_name().map_or("", Name::full)
    }

    /// Where a node stands in this schema's own text; `None` for types of references.
    pub(super) fn span(&self, id: NodeId) -> Option<Span> {
        let node = self.node(id);
        (node.source == 0).then_some(node.span)
    }

    /// A node's type as a message names it: the full name of a named type, or `array`, `int`, …
    #[must_use]
    pub fn type_label(&self, id: NodeId) -> &str {
        let kind = &self.node(id).kind;
        kind.type_name().map_or_else(|| kind.name(), Name::full)
    }
}
