//! The end of parsing: names used before their definition find it, and double definitions are compared.

use std::collections::HashMap;

use super::{
    super::{
        equal,
        node::{Kind, Name, NodeId},
    },
    Parser,
};
use crate::ParseError;

impl Parser<'_> {
    /// Puts definitions in the place of names that were used before them, and compares double definitions.
    pub(super) fn settle(&mut self, first: usize, root: NodeId) -> Result<NodeId, ParseError> {
        let mut targets = HashMap::new();
        for (id, full) in std::mem::take(&mut self.pending) {
            match self.names.get(&full) {
                Some(target) => targets.insert(id, *target),
                None => {
                    let message = format!("the type \"{full}\" is not defined here nor in the references");
                    return Err(self.error_at(id, message));
                }
            };
        }
        // The stand-ins are out of the tree from here on.
        for id in targets.keys() {
            self.nodes[id.index()].kind = Kind::Null;
        }
        let settled = |id: &mut NodeId| {
            if let Some(target) = targets.get(id) {
                *id = *target;
            }
        };
        if !targets.is_empty() {
            for node in &mut self.nodes[first..] {
                match &mut node.kind {
                    Kind::Array(item) | Kind::Map(item) => settled(item),
                    Kind::Union(branches) => branches.iter_mut().for_each(settled),
                    Kind::Record(record) => record
                        .fields
                        .iter_mut()
                        .for_each(|field| settled(&mut field.node)),
                    _ => {}
                }
            }
        }
        for (one, other) in std::mem::take(&mut self.redefined) {
            if !equal::equal(&self.nodes, one, &self.nodes, other) {
                let full = self
                    .node(other)
                    .kind
                    .type_name()
                    .map(Name::full)
                    .unwrap_or_default();
                return Err(self.error_at(
                    other,
                    format!("the type \"{full}\" is already defined, differently"),
                ));
            }
        }
        let mut root = root;
        settled(&mut root);
        Ok(root)
    }
}
