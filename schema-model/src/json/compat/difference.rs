//! A difference, where each side says what it is about, and the finding it makes.

use std::sync::Arc;

use super::super::{Schema, node::NodeId, rules::Row};
use crate::{Direction, Finding, Span, finding::snippet, lines::Lines};

/// Where a side says what a difference is about.
#[derive(Clone, Debug)]
pub(super) struct Site {
    pub(super) node: NodeId,
    /// The keyword, or none for the whole subschema.
    pub(super) keyword: Option<String>,
}

impl Site {
    pub(super) const fn of(node: NodeId) -> Site {
        Site { node, keyword: None }
    }

    pub(super) fn at(node: NodeId, keyword: &str) -> Site {
        Site {
            node,
            keyword: Some(keyword.to_owned()),
        }
    }

    /// The place in the schema's own text, if it is there.
    pub(super) fn span(&self, schema: &Schema) -> Option<Span> {
        let node = schema.node(self.node);
        if node.document != 0 {
            return None;
        }
        let keyword = self.keyword.as_deref().and_then(|keyword| {
            let keywords = schema.keywords(self.node)?;
            keywords.place(keyword)
        });
        Some(keyword.unwrap_or(node.span))
    }

    pub(super) fn text<'s>(&self, schema: &'s Schema) -> &'s str {
        let node = schema.node(self.node);
        let document = schema.0.documents.get(node.document as usize);
        let keyword = self
            .keyword
            .as_deref()
            .and_then(|keyword| schema.keywords(self.node)?.place(keyword));
        document.map_or("", |document| keyword.unwrap_or(node.span).of(&document.text))
    }
}

/// One difference, harmless or not.
#[derive(Clone, Debug)]
pub(super) struct Difference {
    pub(super) row: &'static Row,
    /// From the pair it was found in: `/properties/a/type`.
    pub(super) path: String,
    pub(super) writer: Site,
    pub(super) reader: Site,
    /// Where to show the writer's and the reader's site when it lies in a reference: where the reference is used.
    pub(super) shown_at: [Option<Site>; 2],
    /// What is wrong further in, where that is not reported by itself.
    pub(super) cause: Option<Arc<str>>,
}

impl Difference {
    /// The finding it makes, given the lines of the new schema's text.
    pub(super) fn finding(
        &self,
        reader: &Schema,
        writer: &Schema,
        direction: Direction,
        lines: &Lines<'_>,
    ) -> Finding {
        let path = format!("#{}", self.path);
        let description = self.row.describe(&path, direction);
        let mut finding = Finding::new(self.row.rule, path, description, direction);
        let (new, old) = match direction {
            Direction::Backward => ((reader, &self.reader, 1), (writer, &self.writer)),
            Direction::Forward => ((writer, &self.writer, 0), (reader, &self.reader)),
        };
        let root = new.0.node(new.0.0.root).span;
        let shown = self.shown_at.get(new.2).and_then(Option::as_ref);
        let span = shown.unwrap_or(new.1).span(new.0);
        finding = finding.at(lines, span.unwrap_or(root));
        finding.new = snippet(new.1.text(new.0));
        finding.old = snippet(old.1.text(old.0));
        if let Some(cause) = &self.cause {
            finding.hint = format!("{} {cause}", finding.hint);
        }
        finding
    }
}
