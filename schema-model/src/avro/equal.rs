//! When two definitions are the same, as Avro Java's `equals` sees it: names, types, defaults, order and custom
//! properties count; documentation and aliases do not.

use std::collections::HashSet;

use super::node::{Kind, Name, Node, NodeId};

/// Compares two types, maybe of two arenas, down to their last field.
pub(super) fn equal(left_nodes: &[Node], left: NodeId, right_nodes: &[Node], right: NodeId) -> bool {
    let mut seen = HashSet::new();
    let mut open = vec![(left, right)];
    while let Some((left, right)) = open.pop() {
        if !seen.insert((left, right)) {
            continue;
        }
        let (one, other) = (&left_nodes[left.index()], &right_nodes[right.index()]);
        if !equal_alone(one, other) {
            return false;
        }
        let (children, others) = (one.kind.children(), other.kind.children());
        if one.kind.children().count() != other.kind.children().count() {
            return false;
        }
        open.extend(children.zip(others));
    }
    true
}

/// Compares everything but the types below.
fn equal_alone(one: &Node, other: &Node) -> bool {
    let props = |left: &[(String, super::Json)], right: &[(String, super::Json)]| {
        left.len() == right.len() && left.iter().all(|entry| right.contains(entry))
    };
    let names = one.kind.type_name().map(Name::full) == other.kind.type_name().map(Name::full);
    names
        && props(&one.props, &other.props)
        && match (&one.kind, &other.kind) {
            (Kind::Enum(left), Kind::Enum(right)) => left.symbols == right.symbols,
            (Kind::Fixed(left), Kind::Fixed(right)) => left.size == right.size,
            (Kind::Record(left), Kind::Record(right)) => {
                left.fields.len() == right.fields.len()
                    && left.fields.iter().zip(&right.fields).all(|(left, right)| {
                        left.name == right.name
                            && left.order == right.order
                            && left.default == right.default
                            && props(&left.props, &right.props)
                    })
            }
            (left, right) => left.name() == right.name(),
        }
}
