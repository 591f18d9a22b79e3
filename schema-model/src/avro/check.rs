//! The checks that need every type of a text: unions, defaults, and how deep the schema nests when written out.

use std::collections::HashSet;

use super::{
    default,
    node::{Kind, Name, NodeId},
    parse::Parser,
};
use crate::{DEPTH_MAX, ParseError};

/// How deep a schema may nest when every name is replaced by its definition once, references included.
const EXPANDED_DEPTH_MAX: usize = 256;

/// Checks the nodes of the text just parsed: those from `first` on.
pub(super) fn check(parser: &Parser<'_>, first: usize) -> Result<(), ParseError> {
    let mut steps = 0;
    for index in first..parser.nodes.len() {
        let id = NodeId(u32::try_from(index).unwrap_or(u32::MAX));
        match &parser.node(id).kind {
            Kind::Union(branches) => check_union(parser, id, branches)?,
            Kind::Record(record) => {
                for field in &record.fields {
                    let Some(value) = &field.default else { continue };
                    if let Err(problem) = default::check(&parser.nodes, field.node, value, &mut steps) {
                        let message = format!(
                            "the default of field \"{}\" does not fit its type: {problem}",
                            field.name
                        );
                        return Err(parser.error(value, message));
                    }
                }
            }
            _ => {}
        }
    }
    check_depth(parser, first)
}

fn check_union(parser: &Parser<'_>, union: NodeId, branches: &[NodeId]) -> Result<(), ParseError> {
    let mut known = HashSet::new();
    for branch in branches {
        let kind = &parser.node(*branch).kind;
        if matches!(kind, Kind::Union(_)) {
            return Err(parser.error_at(*branch, "a union cannot hold another union directly"));
        }
        let name = kind.type_name().map_or_else(|| kind.name(), Name::full);
        if !known.insert(name) {
            return Err(parser.error_at(union, format!("the union has the branch \"{name}\" twice")));
        }
    }
    Ok(())
}

/// Walks from every root candidate of the text, entering each definition once, in the order it would be printed.
fn check_depth(parser: &Parser<'_>, first: usize) -> Result<(), ParseError> {
    let Some(last) = parser.nodes.len().checked_sub(1).filter(|last| *last >= first) else {
        return Ok(());
    };
    // The root is the last node unless it is a bare name; then it was checked with its own text.
    let root = NodeId(u32::try_from(last).unwrap_or(u32::MAX));
    for (limit, own_only) in [(DEPTH_MAX, true), (EXPANDED_DEPTH_MAX, false)] {
        let mut entered = HashSet::new();
        let mut open = vec![(root, 1)];
        while let Some((id, depth)) = open.pop() {
            let node = parser.node(id);
            let named = node.kind.type_name().is_some();
            if (own_only && node.source != parser.source()) || (named && !entered.insert(id)) {
                continue;
            }
            if depth > limit {
                let message = format!(
                    "types nest deeper than {limit} levels once names are replaced by their definitions"
                );
                return Err(parser.error_at_byte(0, message));
            }
            // Pushed in reverse, so that the first child is walked first.
            open.extend(
                node.kind
                    .children()
                    .into_iter()
                    .rev()
                    .map(|child| (child, depth + 1)),
            );
        }
    }
    Ok(())
}
