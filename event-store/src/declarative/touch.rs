//! What an operation did, for who asks where a value comes from.
//!
//! Invariant: what is told rests on the fold's text and on the place that was changed, not on the values of the event, which may
//! have been moved by then.

use std::sync::Arc;

use annals_schema_model::cel::{Node, Root};

use super::names::EVENT;
use super::verb::{Operation, Verb};
use crate::explain::{Given, OperationUsed, Touch};

impl Operation {
    /// What it did at a place of the state, for who asks where a value comes from.
    pub(crate) fn touch(&self, place: String) -> Touch {
        Touch {
            place,
            operation: OperationUsed {
                line: self.place.line,
                verb: self.verb.name().to_owned(),
                target: self.target.to_string(),
            },
            given: match &self.verb {
                Verb::Set(node) | Verb::Append(node) => given(node),
                Verb::UpsertBy { value, .. } => parts(value),
                _ => Given::Made,
            },
        }
    }
}

/// What of an event an expression is.
fn given(node: &Node) -> Given {
    match node {
        Node::Path(path) if path.root == Root::Name(EVENT) => Given::Field(path.steps.clone()),
        Node::Map(entries) => parts(entries),
        Node::List(items) => {
            let items = items.iter().enumerate();
            Given::Parts(
                items
                    .map(|(place, item)| (place.to_string(), given(item)))
                    .collect(),
            )
        }
        _ => Given::Made,
    }
}

fn parts(entries: &[(Arc<str>, Node)]) -> Given {
    Given::Parts(
        entries
            .iter()
            .map(|(name, node)| (name.to_string(), given(node)))
            .collect(),
    )
}
