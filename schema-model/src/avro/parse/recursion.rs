//! What readers must know of records: which can hold themselves (the ones that references lead back to, however far around),
//! and how many of their fields take no bytes.
//!
//! Tarjan's components, without the call stack.

use super::Parser;
use crate::avro::node::{Kind, Node};

impl Parser<'_> {
    /// Marks the records of the text that was parsed last, whose nodes begin at `first`. No reference leads from an
    /// earlier text into it.
    pub(super) fn mark_records(&mut self, first: usize) {
        self.mark_nothings(first);
        let found = Components::of(&self.nodes, first).cyclic;
        for index in found {
            if let Kind::Record(record) = &mut self.nodes[index].kind {
                record.holds_itself = true;
            }
        }
    }
}

impl Parser<'_> {
    fn mark_nothings(&mut self, first: usize) {
        let takes_nothing = |kind: &Kind| match kind {
            Kind::Null => true,
            Kind::Fixed(fixed) => fixed.size == 0,
            Kind::Record(record) => record.fields.is_empty(),
            _ => false,
        };
        for index in first..self.nodes.len() {
            let Kind::Record(record) = &self.nodes[index].kind else {
                continue;
            };
            let fields = record.fields.iter();
            let nothings = fields
                .filter(|field| takes_nothing(&self.node(field.node).kind))
                .count();
            if let Kind::Record(record) = &mut self.nodes[index].kind {
                record.nothings = nothings;
            }
        }
    }
}

/// Not yet met.
const NEVER: usize = usize::MAX;

struct Components<'n> {
    nodes: &'n [Node],
    /// When each node was met first, and the earliest that is reached from it.
    met: Vec<usize>,
    low: Vec<usize>,
    /// Nodes whose component is not known yet.
    open: Vec<usize>,
    is_open: Vec<bool>,
    /// What is on a cycle.
    cyclic: Vec<usize>,
}

impl<'n> Components<'n> {
    fn of(nodes: &'n [Node], first: usize) -> Components<'n> {
        let mut components = Components {
            nodes,
            met: vec![NEVER; nodes.len()],
            low: vec![NEVER; nodes.len()],
            open: Vec::new(),
            is_open: vec![false; nodes.len()],
            cyclic: Vec::new(),
        };
        let mut count = 0;
        for root in first..nodes.len() {
            if components.met[root] == NEVER {
                components.visit(root, &mut count);
            }
        }
        components
    }

    fn visit(&mut self, root: usize, count: &mut usize) {
        // A node, and those below it that are still to be looked at.
        let mut path = vec![(root, self.enter(root, count))];
        while let Some((node, below)) = path.last_mut() {
            let node = *node;
            match below.pop() {
                Some(child) if self.met[child] == NEVER => {
                    let below = self.enter(child, count);
                    path.push((child, below));
                }
                Some(child) if self.is_open[child] => self.low[node] = self.low[node].min(self.met[child]),
                Some(_) => {}
                None => {
                    path.pop();
                    self.leave(node);
                    if let Some((holder, _)) = path.last() {
                        self.low[*holder] = self.low[*holder].min(self.low[node]);
                    }
                }
            }
        }
    }

    fn below(&self, node: usize) -> impl Iterator<Item = usize> + 'n {
        self.nodes[node].kind.children().map(|child| child.index())
    }

    fn enter(&mut self, node: usize, count: &mut usize) -> Vec<usize> {
        (self.met[node], self.low[node]) = (*count, *count);
        *count += 1;
        self.open.push(node);
        self.is_open[node] = true;
        self.below(node).collect()
    }

    /// Closes a component when its first node has been looked at whole.
    fn leave(&mut self, node: usize) {
        if self.low[node] != self.met[node] {
            return;
        }
        let start = self
            .open
            .iter()
            .rposition(|open| *open == node)
            .unwrap_or_default();
        let component = self.open.split_off(start);
        for member in &component {
            self.is_open[*member] = false;
        }
        if component.len() > 1 || self.below(node).any(|child| child == node) {
            self.cyclic.extend(component);
        }
    }
}
