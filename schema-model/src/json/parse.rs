//! From JSON to the arena: which texts are schemas, and where their references lead.
//!
//! All texts are read first, then every `$ref` is followed; one that leads to a place no keyword makes a schema of is
//! read as a schema there. Nothing is fetched: a `$ref` that leads out of the texts at hand is an error. Bounded: text
//! size, nesting, number of nodes, and how many schemas judge one value in a row; a `$ref` that comes back to itself
//! without going down into the value is refused, because no value could ever be judged by it.

mod cycle;
mod keyword;
mod refer;

use std::{collections::HashMap, sync::OnceLock};

use super::{
    Document, Draft, Inner, meta,
    node::{Keywords, Kind, Node, NodeId},
};
use crate::{
    DEPTH_MAX, ParseError, Resolved, Span,
    json_text::{Json, JsonKind},
};

pub use cycle::IN_PLACE_MAX;

/// The longest schema text.
pub const TEXT_BYTES_MAX: usize = 1024 * 1024;

/// The most subschemas one schema may have, with those of its references.
pub const NODES_MAX: usize = 50_000;

/// Keywords that demand nothing of a value.
const SILENT: [&str; 14] = [
    "$ref",
    "$dynamicRef",
    "$recursiveRef",
    "$schema",
    "$id",
    "id",
    "$anchor",
    "$dynamicAnchor",
    "$comment",
    "$defs",
    "definitions",
    "title",
    "description",
    "examples",
];

/// One text and its JSON.
struct Source<'t> {
    /// The reference's name; empty for the schema itself.
    name: &'t str,
    text: &'t str,
    json: Json,
    draft: Draft,
    base: String,
}

/// What a subschema inherits from what is around it.
#[derive(Clone)]
struct Scope {
    document: u32,
    draft: Draft,
    base: String,
    pointer: String,
    depth: usize,
}

impl Scope {
    fn below(&self, tokens: &[&str]) -> Scope {
        let mut pointer = self.pointer.clone();
        for token in tokens {
            pointer.push('/');
            pointer.push_str(&token.replace('~', "~0").replace('/', "~1"));
        }
        Scope {
            pointer,
            depth: self.depth + 1,
            ..self.clone()
        }
    }
}

/// A `$ref` still to be followed.
struct Pending<'s> {
    from: NodeId,
    base: String,
    at: &'s Json,
    document: u32,
}

struct Parser<'s> {
    sources: &'s [Source<'s>],
    nodes: Vec<Node>,
    /// Nodes by text and first byte.
    by_place: HashMap<(u32, usize), NodeId>,
    /// Nodes by text and pointer.
    by_pointer: HashMap<(u32, String), NodeId>,
    /// Schemas by absolute URI: those with an `$id`, and the references by their names.
    resources: HashMap<String, (u32, &'s Json)>,
    anchors: HashMap<(String, String), NodeId>,
    pending: Vec<Pending<'s>>,
}

/// Parses a schema with its references.
pub(super) fn parse(text: &str, resolved: &[Resolved]) -> Result<Inner, ParseError> {
    let mut sources = vec![source("", text, Draft::default(), None)?];
    let (draft, base) = (sources[0].draft, sources[0].base.clone());
    for reference in resolved {
        let read = source(&reference.name, &reference.text, draft, Some(&base)).map_err(|error| {
            let place = (error.line, error.column);
            ParseError::at(text, 0, in_reference(&reference.name, place, &error.message))
        })?;
        sources.push(read);
    }
    let mut parser = Parser {
        sources: &sources,
        nodes: Vec::new(),
        by_place: HashMap::new(),
        by_pointer: HashMap::new(),
        resources: HashMap::new(),
        anchors: HashMap::new(),
        pending: Vec::new(),
    };
    let root = parser.all()?;
    let (nodes, resources) = (parser.nodes, parser.resources);
    let mut documents: Vec<Document> = sources
        .iter()
        .map(|source| Document {
            text: source.text.to_owned(),
            draft: source.draft,
            uris: Vec::new(),
        })
        .collect();
    for (uri, (document, json)) in resources {
        let document = document as usize;
        if json.span == sources[document].json.span {
            documents[document].uris.push(uri);
        }
    }
    documents[0].uris = vec![base];
    let json = sources.swap_remove(0).json;
    Ok(Inner {
        draft,
        json,
        nodes,
        root,
        documents,
        naming: OnceLock::new(),
    })
}

fn in_reference(name: &str, (line, column): (u32, u32), message: &str) -> String {
    format!("in the reference \"{name}\", line {line}, column {column}: {message}")
}

/// Reads one text up to its draft and base URI. A reference without `$schema` is of the schema's own draft.
fn source<'t>(
    name: &'t str,
    text: &'t str,
    draft: Draft,
    around: Option<&str>,
) -> Result<Source<'t>, ParseError> {
    if text.len() > TEXT_BYTES_MAX {
        let message = format!("the schema is longer than {TEXT_BYTES_MAX} bytes");
        return Err(ParseError::at(text, 0, message));
    }
    let json = Json::parse_strict(text)?;
    let error = |at: &Json, message: String| Err(ParseError::at(text, at.span.start, message));
    let draft = match json.get("$schema") {
        None => draft,
        Some(at) => match at.as_str().map(|uri| (uri, Draft::of_uri(uri))) {
            Some((_, Some(draft))) => draft,
            Some((uri, None)) => {
                let message = format!(
                    "\"{uri}\" is no draft of JSON Schema that is known here; known are {}",
                    Draft::NAMES
                );
                return error(at, message);
            }
            None => return error(at, "\"$schema\" must be a string".to_owned()),
        },
    };
    let outer = match around {
        None => refer::DEFAULT_BASE.to_owned(),
        Some(base) => refer::join(base, name).unwrap_or_else(|| base.to_owned()),
    };
    let key = if draft == Draft::Draft4 { "id" } else { "$id" };
    let base = match json.get(key).and_then(Json::as_str) {
        Some(id) if !id.starts_with('#') => refer::join(&outer, id).unwrap_or(outer),
        _ => outer,
    };
    Ok(Source {
        name,
        text,
        json,
        draft,
        base,
    })
}

impl<'s> Parser<'s> {
    fn all(&mut self) -> Result<NodeId, ParseError> {
        let sources = self.sources;
        let base = sources.first().map_or("", |main| main.base.as_str());
        let mut root = NodeId(0);
        for (document, source) in sources.iter().enumerate() {
            let scope = Scope {
                document: u32::try_from(document).unwrap_or(u32::MAX),
                draft: source.draft,
                base: source.base.clone(),
                pointer: String::new(),
                depth: 0,
            };
            let place = (scope.document, &source.json);
            self.resources.entry(source.base.clone()).or_insert(place);
            if document > 0 {
                let named = refer::join(base, source.name).unwrap_or_else(|| source.name.to_owned());
                self.resources.entry(named).or_insert(place);
            }
            let node = self.schema(&source.json, &scope)?;
            if document == 0 {
                root = node;
            }
        }
        while let Some(pending) = self.pending.pop() {
            let target = self.follow(&pending)?;
            if let Kind::Object(keywords) = &mut self.nodes[pending.from.index()].kind {
                keywords.target = Some(target);
            }
        }
        cycle::check(&self.nodes).map_err(|(node, message)| {
            let node = &self.nodes[node.index()];
            self.error(node.document, node.span, message)
        })?;
        self.meta()?;
        Ok(root)
    }

    /// Checks every text against its draft's meta-schema.
    fn meta(&self) -> Result<(), ParseError> {
        for (document, source) in (0u32..).zip(self.sources) {
            let own = self.nodes.iter().filter(|node| node.document == document);
            let pointers = own.map(|node| node.pointer.as_str());
            if let Some((pointer, message)) = meta::violation(&source.json, source.draft, pointers) {
                let place = refer::pointed(&source.json, &pointer).unwrap_or(&source.json);
                return Err(self.error(document, place.span, message));
            }
        }
        Ok(())
    }

    /// An error at a place of one of the texts.
    fn error(&self, document: u32, span: Span, message: impl Into<String>) -> ParseError {
        let main = self.sources.first().map_or("", |main| main.text);
        match self.sources.get(document as usize) {
            Some(source) if document > 0 => {
                let place = Span::line_column(source.text, span.start);
                ParseError::at(main, 0, in_reference(source.name, place, &message.into()))
            }
            _ => ParseError::at(main, span.start, message),
        }
    }

    /// Reads a schema, unless the place was read before.
    fn schema(&mut self, json: &'s Json, scope: &Scope) -> Result<NodeId, ParseError> {
        let place = (scope.document, json.span.start);
        if let Some(known) = self.by_place.get(&place) {
            return Ok(*known);
        }
        let error = |message: String| self.error(scope.document, json.span, message);
        if scope.depth == DEPTH_MAX {
            return Err(error(format!("schemas nest deeper than {DEPTH_MAX} levels")));
        }
        if self.nodes.len() == NODES_MAX {
            return Err(error(format!("the schema has more than {NODES_MAX} subschemas")));
        }
        let id = NodeId(u32::try_from(self.nodes.len()).unwrap_or(u32::MAX));
        let kind = match &json.kind {
            JsonKind::Object(_) => Kind::Object(Box::default()),
            JsonKind::Bool(value) if scope.draft > Draft::Draft4 || scope.depth > 0 => Kind::Bool(*value),
            _ => return Err(error("a schema is an object, or true or false".to_owned())),
        };
        self.by_place.insert(place, id);
        self.by_pointer
            .insert((scope.document, scope.pointer.clone()), id);
        self.nodes.push(Node {
            document: scope.document,
            pointer: scope.pointer.clone(),
            span: json.span,
            kind,
        });
        if let JsonKind::Object(entries) = &json.kind {
            let keywords = self.object(id, json, entries, scope)?;
            self.nodes[id.index()].kind = Kind::Object(Box::new(keywords));
        }
        Ok(id)
    }

    fn object(
        &mut self,
        id: NodeId,
        json: &'s Json,
        entries: &'s [(String, Json)],
        scope: &Scope,
    ) -> Result<Keywords, ParseError> {
        let mut scope = scope.clone();
        let mut keywords = Keywords::default();
        self.identity(id, json, &mut scope, &mut keywords)?;
        let alone = scope.draft.reference_stands_alone() && json.get("$ref").is_some();
        for (key, value) in entries {
            if !scope.draft.knows(key) || alone && !matches!(key.as_str(), "$ref" | "definitions" | "title") {
                continue;
            }
            keywords.places.push((key.clone(), value.span));
            if matches!(key.as_str(), "$ref" | "$dynamicRef" | "$recursiveRef") {
                self.pending.push(Pending {
                    from: id,
                    base: scope.base.clone(),
                    at: value,
                    document: scope.document,
                });
            } else if !self.subschemas(&mut keywords, key, value, &scope)? {
                self.assertion(&mut keywords, key, value, &scope)?;
            }
        }
        let mut keys = keywords.places.iter().map(|(key, _)| key.as_str());
        keywords.only_refers = keys.all(|key| SILENT.contains(&key));
        keyword::settle_items(&mut keywords, json);
        if scope.draft == Draft::Draft4 {
            keyword::settle_exclusive(&mut keywords, json);
        }
        Ok(keywords)
    }
}
