//! The checks that need every type of a text: unions, defaults, and how deep the schema nests when written out.

use super::{
    default,
    node::{Kind, Name, NodeId},
    parse::Parser,
    places::Places,
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
    for branch in branches {
        if matches!(parser.node(*branch).kind, Kind::Union(_)) {
            return Err(parser.error_at(*branch, "a union cannot hold another union directly"));
        }
    }
    let label = |branch: &NodeId| {
        let kind = &parser.node(*branch).kind;
        kind.type_name().map_or_else(|| kind.name(), Name::full)
    };
    let labels: Vec<&str> = branches.iter().map(label).collect();
    match Places::new(&labels, |label| label) {
        Ok(_) => Ok(()),
        Err(place) => {
            let name = labels[place];
            Err(parser.error_at(union, format!("the union has the branch \"{name}\" twice")))
        }
    }
}

/// Walks from every root candidate of the text, entering each definition once, in the order it would be printed.
fn check_depth(parser: &Parser<'_>, first: usize) -> Result<(), ParseError> {
    let Some(last) = parser.nodes.len().checked_sub(1).filter(|last| *last >= first) else {
        return Ok(());
    };
    // The root is the last node unless it is a bare name; then it was checked with its own text.
    let root = NodeId(u32::try_from(last).unwrap_or(u32::MAX));
    walk_depth(parser, root, DEPTH_MAX, true)?;
    if first == 0 {
        // There are no references: that was all of it.
        return Ok(());
    }
    walk_depth(parser, root, EXPANDED_DEPTH_MAX, false)
}

fn walk_depth(parser: &Parser<'_>, root: NodeId, limit: usize, own_only: bool) -> Result<(), ParseError> {
    let mut entered = vec![false; parser.nodes.len()];
    let mut open = vec![(root, 1)];
    while let Some((id, depth)) = open.pop() {
        let node = parser.node(id);
        if own_only && node.source != parser.source() {
            continue;
        }
        if node.kind.type_name().is_some() && std::mem::replace(&mut entered[id.index()], true) {
            continue;
        }
        if depth > limit {
            let message =
                format!("types nest deeper than {limit} levels once names are replaced by their definitions");
            return Err(parser.error_at_byte(0, message));
        }
        // Pushed in reverse, so that the first child is walked first.
        open.extend(node.kind.children().rev().map(|child| (child, depth + 1)));
    }
    Ok(())
}
