//! Schemas that judge the same value one after the other: no circle, and no row too long.

use crate::json::node::{Kind, Node, NodeId};

/// How many schemas may judge one value in a row, each reached from the one before by `$ref` or a combinator.
pub const IN_PLACE_MAX: usize = 64;

#[derive(Clone, Copy, PartialEq)]
enum State {
    New,
    Open,
    /// Done, with the longest row that begins here.
    Done(usize),
}

/// Finds a circle or a row that is too long; answers with a node in it.
pub(super) fn check(nodes: &[Node]) -> Result<(), (NodeId, String)> {
    let mut states = vec![State::New; nodes.len()];
    for start in 0..nodes.len() {
        if states[start] == State::New {
            walk(nodes, start, &mut states)?;
        }
    }
    Ok(())
}

fn below(nodes: &[Node], index: usize) -> Vec<NodeId> {
    match &nodes[index].kind {
        Kind::Object(keywords) => keywords.in_place().collect(),
        Kind::Bool(_) => Vec::new(),
    }
}

fn walk(nodes: &[Node], start: usize, states: &mut [State]) -> Result<(), (NodeId, String)> {
    let mut stack = vec![(start, below(nodes, start), 0)];
    states[start] = State::Open;
    while let Some((index, children, longest)) = stack.last_mut() {
        let (index, longest_here) = (*index, *longest);
        let id = NodeId(u32::try_from(index).unwrap_or(u32::MAX));
        let Some(child) = children.pop() else {
            states[index] = State::Done(longest_here + 1);
            if longest_here >= IN_PLACE_MAX {
                let message =
                    format!("more than {IN_PLACE_MAX} schemas in a row judge the same value from here on");
                return Err((id, message));
            }
            stack.pop();
            if let Some((_, _, above)) = stack.last_mut() {
                *above = (*above).max(longest_here + 1);
            }
            continue;
        };
        match states[child.index()] {
            State::Open => {
                let message = "this schema refers back to itself without going down into the value, so it judges nothing";
                return Err((child, message.to_owned()));
            }
            State::Done(row) => *longest = longest_here.max(row),
            State::New => {
                states[child.index()] = State::Open;
                let children = below(nodes, child.index());
                stack.push((child.index(), children, 0));
            }
        }
    }
    Ok(())
}
