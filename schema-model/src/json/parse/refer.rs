//! Where a `$ref` leads: URIs, fragments, anchors, and the references by name.

use jsonschema::uri;

use super::{Parser, Pending, Scope};
use crate::{
    ParseError,
    json::{
        draft::Draft,
        node::{Keywords, Kind, Node, NodeId},
    },
    json_text::{Json, JsonKind},
};

/// What relative URIs of a schema without `$id` are relative to.
pub(super) const DEFAULT_BASE: &str = "json-schema:///";

/// An absolute URI without fragment, by RFC 3986.
pub(super) fn join(base: &str, reference: &str) -> Option<String> {
    let base = uri::from_str(base).ok()?;
    let joined = uri::resolve_against(&base.borrow(), reference).ok()?;
    let text = joined.as_str();
    Some(text.split_once('#').map_or(text, |(before, _)| before).to_owned())
}

/// Takes the percent encoding off a fragment.
fn decode(fragment: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(fragment.len());
    let mut rest = fragment.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let mut digit = || char::from(rest.next()?).to_digit(16);
        let (high, low) = (digit()?, digit()?);
        bytes.push(u8::try_from(high * 16 + low).ok()?);
    }
    String::from_utf8(bytes).ok()
}

impl<'s> Parser<'s> {
    /// Reads `$id` and anchors: what makes a schema known by a name.
    pub(super) fn identity(
        &mut self,
        node: NodeId,
        json: &'s Json,
        scope: &mut Scope,
        keywords: &mut Keywords,
    ) -> Result<(), ParseError> {
        let key = if scope.draft == Draft::Draft4 { "id" } else { "$id" };
        if let Some(at) = json.get(key) {
            let id = self.string(at, key, scope)?;
            keywords.id = Some(id.to_owned());
            if let Some(anchor) = id.strip_prefix('#').filter(|anchor| !anchor.is_empty()) {
                self.anchors.insert((scope.base.clone(), anchor.to_owned()), node);
            } else {
                let base = join(&scope.base, id).ok_or_else(|| {
                    self.error(
                        scope.document,
                        at.span,
                        format!("\"{id}\" is not a URI reference"),
                    )
                })?;
                self.resources
                    .entry(base.clone())
                    .or_insert((scope.document, json));
                scope.base = base;
            }
        }
        for key in ["$anchor", "$dynamicAnchor"] {
            if let Some(at) = json.get(key).filter(|_| scope.draft.knows(key)) {
                let anchor = self.string(at, key, scope)?.to_owned();
                self.anchors.insert((scope.base.clone(), anchor), node);
            }
        }
        Ok(())
    }

    /// The schema a `$ref` leads to.
    pub(super) fn follow(&mut self, pending: &Pending<'s>) -> Result<NodeId, ParseError> {
        let error = |parser: &Self, message: String| parser.error(pending.document, pending.at.span, message);
        let Some(reference) = pending.at.as_str() else {
            return Err(error(self, "a \"$ref\" must be a string".to_owned()));
        };
        let (place, fragment) = reference.split_once('#').unwrap_or((reference, ""));
        let uri = if place.is_empty() {
            pending.base.clone()
        } else {
            join(&pending.base, place)
                .ok_or_else(|| error(self, format!("\"{reference}\" is not a URI reference")))?
        };
        let own = &self.sources[pending.document as usize];
        let found = if place.is_empty() && uri == own.base {
            Some((pending.document, &own.json))
        } else {
            self.resource(&uri, place)
        };
        let Some((document, json)) = found else {
            if Draft::of_uri(&uri).is_some() {
                return Ok(self.anything());
            }
            let message = format!(
                "the $ref \"{reference}\" is neither in this schema nor a reference; add a reference with the name \"{place}\" (nothing is fetched)"
            );
            return Err(error(self, message));
        };
        let missing = || format!("the $ref \"{reference}\" leads to nothing");
        let Some(fragment) = decode(fragment) else {
            return Err(error(self, missing()));
        };
        if !fragment.is_empty() && !fragment.starts_with('/') {
            let anchor = self.anchors.get(&(uri, fragment)).copied();
            return anchor.ok_or_else(|| error(self, missing()));
        }
        let is_whole = json.span == self.sources[document as usize].json.span;
        let key = (document, fragment);
        if let Some(known) = self.by_pointer.get(&key).filter(|_| is_whole) {
            return Ok(*known);
        }
        let fragment = key.1;
        let found = pointed(json, &fragment).ok_or_else(|| error(self, missing()))?;
        let scope = Scope {
            document,
            draft: self.sources[document as usize].draft,
            base: uri,
            pointer: fragment,
            depth: 1,
        };
        self.schema(found, &scope)
    }

    /// The text part a URI stands for: by absolute URI, or by a reference's name as written.
    fn resource(&mut self, uri: &str, written: &str) -> Option<(u32, &'s Json)> {
        if let Some(known) = self.resources.get(uri) {
            return Some(*known);
        }
        let named = |name: &str| name == written || name == uri;
        let document = self
            .sources
            .iter()
            .skip(1)
            .position(|source| named(source.name))?
            + 1;
        let found = (u32::try_from(document).ok()?, &self.sources[document].json);
        self.resources.insert(uri.to_owned(), found);
        Some(found)
    }

    /// A schema that accepts everything: what a draft's own meta-schema counts as when schemas are compared.
    fn anything(&mut self) -> NodeId {
        let id = NodeId(u32::try_from(self.nodes.len()).unwrap_or(u32::MAX));
        self.nodes.push(Node {
            document: u32::MAX,
            pointer: String::new(),
            span: crate::Span::default(),
            kind: Kind::Bool(true),
        });
        id
    }
}

/// The value a JSON pointer leads to (RFC 6901).
pub(super) fn pointed<'j>(json: &'j Json, pointer: &str) -> Option<&'j Json> {
    let mut json = json;
    for token in pointer.split('/').skip(1) {
        let token = token.replace("~1", "/").replace("~0", "~");
        json = match &json.kind {
            JsonKind::Object(_) => json.get(&token)?,
            JsonKind::Array(items) => items.get(token.parse::<usize>().ok()?)?,
            _ => return None,
        };
    }
    Some(json)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn joins() {
        let check = |base: &str, reference: &str, wanted: &str| {
            assert_eq!(join(base, reference).as_deref(), Some(wanted))
        };
        check(DEFAULT_BASE, "a.json", "json-schema:///a.json");
        check(DEFAULT_BASE, "./a.json#/b", "json-schema:///a.json");
        check("https://x.org/s/a.json", "../b.json", "https://x.org/b.json");
        check("https://x.org/s/a.json", "urn:b", "urn:b");
        assert_eq!(join(DEFAULT_BASE, "a b"), None);
    }

    #[test]
    fn fragments() {
        assert_eq!(decode("/a%20b%25").as_deref(), Some("/a b%"));
        for bad in ["%", "%1", "%zz", "%ff"] {
            assert_eq!(decode(bad), None, "{bad}");
        }
    }
}
