//! JSON Schema: parse, normal form, compatibility rules, payload walk and reading, for drafts 4, 6, 7, 2019-09, 2020-12.
//!
//! Invariant: every `$ref` of a [`Schema`] leads somewhere, inside the text or into a reference it was given; nothing is
//! ever fetched, from no network and no file. The text is kept as sent. Payloads are judged by the `jsonschema` crate;
//! judging schemas is done here, on an arena in which the drafts' spellings are one. Left out on purpose: vocabularies,
//! and the dynamic scope of `$dynamicRef` and `$recursiveRef` where schemas are compared (there they lead where a
//! `$ref` would; payloads are judged with their full meaning).

#[cfg(feature = "cel")]
mod coarse;
pub mod compat;
mod draft;
mod events;
#[cfg(feature = "cel")]
mod exact;
#[cfg(feature = "cel")]
mod laid;
mod meta;
mod node;
mod parse;
mod reading;
pub mod rules;
#[cfg(feature = "cel")]
mod shape;
mod validator;
mod walk;

use std::{
    fmt,
    sync::{Arc, OnceLock},
};

use hmac_sha256::Hash;

use crate::{
    ParseError, Resolved,
    json_text::{Json, write},
};
use node::{Keywords, Kind, Node, NodeId};

pub use draft::Draft;
#[cfg(feature = "cel")]
pub use laid::Laying;
pub use parse::{IN_PLACE_MAX, NODES_MAX, TEXT_BYTES_MAX};
pub use reading::Reading;
#[cfg(feature = "cel")]
pub use reading::event_value;
pub use walk::Walk;

/// A parsed JSON Schema. Cheap to clone.
///
/// ```
/// use annals_schema_model::json::Schema;
///
/// let schema = Schema::parse(r#"{"title": "Order", "type": "object"}"#, &[])?;
/// assert_eq!(schema.record_name().as_deref(), Some("Order"));
/// assert_eq!(schema.normalized(), r#"{"title":"Order","type":"object"}"#);
/// let error = Schema::parse(r##"{"$ref": "#/definitions/Order"}"##, &[]).unwrap_err();
/// assert_eq!((error.line, error.column), (1, 10));
/// # Ok::<(), annals_schema_model::ParseError>(())
/// ```
#[derive(Clone)]
pub struct Schema(Arc<Inner>);

struct Inner {
    draft: Draft,
    json: Json,
    nodes: Vec<Node>,
    root: NodeId,
    /// The schema's own text, then those of its references.
    documents: Vec<Document>,
    /// What tells its events apart, where there are several, once it was asked.
    naming: OnceLock<Walk>,
}

/// One text.
#[derive(Clone, Debug)]
struct Document {
    text: String,
    draft: Draft,
    /// The URIs by which `$ref`s reach it; for the schema itself its base URI.
    uris: Vec<String>,
}

impl Schema {
    /// Parses a text. What a `$ref` does not find in it is taken from `resolved`: by the reference's name, which is the
    /// `$ref` as written or its absolute form, or by the `$id` inside the reference.
    ///
    /// # Errors
    /// [`ParseError`] with what is wrong, line and column. What is wrong with a reference is placed at the start of the
    /// schema.
    pub fn parse(text: &str, resolved: &[Resolved]) -> Result<Schema, ParseError> {
        parse::parse(text, resolved).map(|inner| Schema(Arc::new(inner)))
    }

    /// The text as sent.
    #[must_use]
    pub fn text(&self) -> &str {
        self.0.documents.first().map_or("", |main| main.text.as_str())
    }

    /// The text the registry stores and answers: as sent.
    #[must_use]
    pub fn stored_text(&self) -> String {
        self.text().to_owned()
    }

    /// The text without white space. Keys keep their order, numbers their digits.
    #[must_use]
    pub fn printed(&self) -> String {
        let mut out = String::new();
        write::write_compact(&mut out, &self.0.json);
        out
    }

    /// The text without white space, with the keys of every object in order, and one spelling for a number's value.
    #[must_use]
    pub fn normalized(&self) -> String {
        let mut out = String::new();
        write::write_values(&mut out, &self.0.json);
        out
    }

    /// The schema's `title`.
    #[must_use]
    pub fn record_name(&self) -> Option<String> {
        self.keywords(self.0.root).and_then(|root| root.title.clone())
    }

    /// SHA-256 of the normalised text.
    #[must_use]
    pub fn fingerprint(&self) -> [u8; 32] {
        Hash::hash(self.normalized().as_bytes())
    }

    /// The draft the schema is written in.
    #[must_use]
    pub fn draft(&self) -> Draft {
        self.0.draft
    }

    fn node(&self, id: NodeId) -> &Node {
        &self.0.nodes[id.index()]
    }

    fn keywords(&self, id: NodeId) -> Option<&Keywords> {
        match &self.node(id).kind {
            Kind::Object(keywords) => Some(keywords),
            Kind::Bool(_) => None,
        }
    }
}

impl fmt::Debug for Schema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("json::Schema").field(&self.record_name()).finish()
    }
}

#[cfg(test)]
mod tests;
