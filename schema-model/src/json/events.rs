//! The events of a schema: one, or, where its top is a `oneOf`, one for each of its branches.
//!
//! An event is called by the `title` of its schema; a branch without one by what its `$ref` leads to, `OrderPlaced` of
//! `#/$defs/OrderPlaced` and of `order/OrderPlaced.json`. Where a branch has no name, or two have the same, the branches are
//! not events but forms of one, which is called by the title of the whole. Which branch a value is says the `oneOf` alone:
//! the one that the value is valid for. Left out: `anyOf`, of which a value may be several.

use super::{Kind, NodeId, Schema, Walk};

/// Steps from a branch to where its name stands.
const STEPS_MAX: usize = 64;

/// The branches of a schema that are events.
pub(super) struct Branches {
    /// Their names, in their order.
    pub(super) names: Vec<String>,
    /// The schema whose `oneOf` they are: its text, and the place in it.
    pub(super) document: u32,
    pub(super) pointer: String,
    /// The same schema, and theirs.
    #[cfg(feature = "cel")]
    pub(super) nodes: (NodeId, Vec<NodeId>),
}

impl Schema {
    /// The names of the schema's events: those of the branches of a `oneOf` at its top, or else its title.
    ///
    /// ```
    /// use annals_schema_model::json::Schema;
    ///
    /// let text = r##"{"oneOf": [{"$ref": "#/$defs/Paid"}, {"title": "Refunded", "type": "object"}],
    ///     "$defs": {"Paid": {"type": "object", "required": ["amount"]}}}"##;
    /// assert_eq!(Schema::parse(text, &[])?.event_names(), ["Paid", "Refunded"]);
    /// # Ok::<(), annals_schema_model::ParseError>(())
    /// ```
    #[must_use]
    pub fn event_names(&self) -> Vec<String> {
        match self.branches() {
            Some(branches) => branches.names,
            None => self.record_name().into_iter().collect(),
        }
    }

    /// The name of the event that a body is; nothing where it is none, or has no name.
    pub(crate) fn event_name(&self, body: &[u8]) -> Option<String> {
        let Some(branches) = self.branches() else {
            return self.record_name();
        };
        let walk = self.0.naming.get_or_init(|| Walk::new(self));
        let (_, branch) = walk.read(body).ok()?;
        branches.names.get(branch?).cloned()
    }

    /// The schema of an event, and the one whose branch it is, which holds for all of them.
    #[cfg(feature = "cel")]
    pub(super) fn nodes_of(&self, event: &str) -> Option<(NodeId, Option<NodeId>)> {
        let Some(branches) = self.branches() else {
            let is_it = self.record_name().is_some_and(|name| name == event);
            return is_it.then_some((self.0.root, None));
        };
        let place = branches.names.iter().position(|name| name == event)?;
        let (top, nodes) = branches.nodes;
        Some((*nodes.get(place)?, Some(top)))
    }

    /// The branches at the top, where they are events.
    pub(super) fn branches(&self) -> Option<Branches> {
        let mut top = self.0.root;
        for _ in 0..STEPS_MAX {
            match self.keywords(top)? {
                keywords if keywords.only_refers => top = keywords.target?,
                _ => break,
            }
        }
        let nodes = &self.keywords(top)?.one_of;
        let mut names: Vec<String> = Vec::with_capacity(nodes.len());
        for branch in nodes {
            let name = self.name_of(*branch)?;
            if names.contains(&name) {
                return None;
            }
            names.push(name);
        }
        let node = self.node(top);
        (!names.is_empty()).then(|| Branches {
            names,
            document: node.document,
            pointer: node.pointer.clone(),
            #[cfg(feature = "cel")]
            nodes: (top, nodes.clone()),
        })
    }

    /// What a branch is called.
    fn name_of(&self, branch: NodeId) -> Option<String> {
        let (mut node, mut referred) = (branch, None);
        for _ in 0..STEPS_MAX {
            let keywords = match &self.node(node).kind {
                Kind::Object(keywords) => keywords,
                Kind::Bool(_) => break,
            };
            if let Some(title) = &keywords.title {
                return Some(title.clone());
            }
            let Some(target) = keywords.target else { break };
            referred = referred.or_else(|| self.place_name(target));
            node = target;
        }
        referred
    }

    /// The last part of where a schema stands.
    fn place_name(&self, node: NodeId) -> Option<String> {
        let node = self.node(node);
        let name = match node.pointer.rsplit('/').next() {
            Some(last) if !last.is_empty() => last.replace("~1", "/").replace("~0", "~"),
            _ => {
                let uris = &self.0.documents.get(node.document as usize)?.uris;
                let last = uris.iter().min()?.rsplit('/').next()?;
                let stem = last.strip_suffix(".json").unwrap_or(last);
                stem.strip_suffix(".schema").unwrap_or(stem).to_owned()
            }
        };
        (!name.is_empty()).then_some(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Resolved;

    const DRAFTS: [(&str, &str); 5] = [
        ("http://json-schema.org/draft-04/schema#", "definitions"),
        ("http://json-schema.org/draft-06/schema#", "definitions"),
        ("http://json-schema.org/draft-07/schema#", "definitions"),
        ("https://json-schema.org/draft/2019-09/schema", "$defs"),
        ("https://json-schema.org/draft/2020-12/schema", "$defs"),
    ];

    fn parse(text: &str) -> Schema {
        Schema::parse(text, &[]).unwrap_or_else(|error| panic!("{error}: {text}"))
    }

    #[test]
    fn names() {
        let check = |text: &str, wanted: &[&str]| assert_eq!(parse(text).event_names(), wanted, "{text}");
        check(r#"{"title": "Order", "type": "object"}"#, &["Order"]);
        check(r#"{"type": "object"}"#, &[]);
        check("true", &[]);
        let defs = r##""definitions": {"A": {"type": "object"}, "B": {"title": "Bee"}, "D": {"$ref": "#/definitions/B"}}"##;
        let one_of = |branches: &str| format!(r#"{{"title": "Whole", "oneOf": [{branches}], {defs}}}"#);
        let (a, b, d) = (
            r##"{"$ref": "#/definitions/A"}"##,
            r##"{"$ref": "#/definitions/B"}"##,
            r##"{"$ref": "#/definitions/D"}"##,
        );
        check(&one_of(&format!("{a}, {b}")), &["A", "Bee"]);
        check(&one_of(&format!(r#"{a}, {{"title": "C"}}"#)), &["A", "C"]);
        check(&one_of(d), &["Bee"]);
        // Forms of one event.
        check(&one_of(&format!("{a}, {a}")), &["Whole"]);
        check(&one_of(&format!("{d}, {b}")), &["Whole"]);
        check(&one_of(&format!(r#"{a}, {{"type": "null"}}"#)), &["Whole"]);
        check(&one_of(&format!("{a}, true")), &["Whole"]);
        let behind = r##"{"$ref": "#/definitions/E", "definitions": {"E": {"oneOf": [{"title": "X"}, {"title": "Y"}]}}}"##;
        check(behind, &["X", "Y"]);
    }

    #[test]
    fn branches_in_texts_of_their_own() {
        let reference = |name: &str, text: &str| Resolved {
            name: name.to_owned(),
            text: text.to_owned(),
        };
        let references = [
            reference(
                "shop/OrderPlaced.schema.json",
                r#"{"type": "object", "required": ["placed"]}"#,
            ),
            reference(
                "paid.json",
                r#"{"title": "OrderPaid", "type": "object", "required": ["paid"]}"#,
            ),
        ];
        let text = r#"{"oneOf": [{"$ref": "shop/OrderPlaced.schema.json"}, {"$ref": "paid.json"}]}"#;
        let schema = Schema::parse(text, &references).unwrap();
        assert_eq!(schema.event_names(), ["OrderPlaced", "OrderPaid"]);
        assert_eq!(schema.event_name(br#"{"paid": 1}"#).as_deref(), Some("OrderPaid"));
        assert_eq!(
            schema.event_name(br#"{"placed": {}}"#).as_deref(),
            Some("OrderPlaced")
        );
        assert_eq!(schema.event_name(br#"{"paid": 1, "placed": 1}"#), None);
    }

    /// Told by what is valid, whatever the draft; what lies within a value does not count, though the same schema judges it.
    #[test]
    fn a_value_is_the_branch_it_is_valid_for() {
        for (draft, defs) in DRAFTS {
            let id = if draft.contains("draft-04") { "id" } else { "$id" };
            let text = format!(
                r##"{{"$schema": "{draft}", "{id}": "http://a.b/events.json", "type": "object",
                "oneOf": [{{"$ref": "#/{defs}/Leaf"}},
                    {{"title": "Branch", "type": "object", "required": ["parts"], "additionalProperties": false,
                      "properties": {{"parts": {{"type": "array", "items": {{"$ref": "#"}}}}}}}},
                    {{"$ref": "events.json#/{defs}/Named"}}],
                "{defs}": {{
                    "Leaf": {{"type": "object", "required": ["size"], "properties": {{"size": {{"type": "integer"}}}}}},
                    "Named": {{"properties": {{"name": {{"type": "string"}}}}, "required": ["name"]}}}}}}"##
            );
            let schema = parse(&text);
            let check = |body: &str, wanted: Option<&str>| {
                assert_eq!(
                    schema.event_name(body.as_bytes()).as_deref(),
                    wanted,
                    "{draft} {body}"
                );
            };
            check(r#"{"size": 1}"#, Some("Leaf"));
            check(r#"{"name": "x"}"#, Some("Named"));
            check(r#"{"parts": []}"#, Some("Branch"));
            check(
                r#"{"parts": [{"size": 1}, {"name": "n"}, {"parts": [{"size": 2}]}]}"#,
                Some("Branch"),
            );
            check(r#"{"size": 1, "name": "x"}"#, None);
            check(r#"{"parts": [{}]}"#, None);
            check("{", None);
        }
    }
}
