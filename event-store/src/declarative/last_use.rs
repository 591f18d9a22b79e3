//! Which values of an event nobody asks for again, so that they are moved into the state and not copied.
//!
//! Invariant: what an operation takes out of an event is asked for by none behind it, and by no other part of its own values;
//! its condition and its target's keys are looked at before.

use annals_schema_model::cel::{Node, Root};

use super::names::EVENT;
use super::target::Step;
use super::verb::Operation;

/// Says of each operation whether it takes what its values are of the event.
pub(super) fn find(block: &mut [Operation]) {
    let mut later: Vec<Vec<String>> = Vec::new();
    for operation in block.iter_mut().rev() {
        let mut asked = Vec::new();
        for node in operation.verb.nodes_mut() {
            asks(node, &mut asked);
        }
        let mut others = asked.iter().enumerate();
        operation.takes = others.all(|(place, path)| {
            let before = asked.iter().take(place);
            !before.chain(&later).any(|other| overlap(path, other))
        });
        let keys = operation.target.steps.iter_mut().filter_map(|step| match step {
            Step::Key(key) => Some(key),
            Step::Name(_) => None,
        });
        let condition = operation.condition.as_mut().map(|(condition, _)| condition);
        keys.chain(condition).for_each(|node| asks(node, &mut asked));
        later.append(&mut asked);
    }
}

/// Adds what an expression asks of the event.
fn asks(node: &mut Node, asked: &mut Vec<Vec<String>>) {
    if let Node::Path(path) | Node::Has(path) = node
        && path.root == Root::Name(EVENT)
    {
        asked.push(path.steps.clone());
    }
    for part in node.parts_mut() {
        asks(part, asked);
    }
}

/// Whether one is the other, or within it.
fn overlap(one: &[String], other: &[String]) -> bool {
    one.starts_with(other) || other.starts_with(one)
}

#[cfg(test)]
mod tests {
    use serde_saphyr::Spanned;

    use super::*;
    use crate::declarative::load::parse;
    use crate::declarative::lower::lower_block;
    use crate::declarative::text;

    #[test]
    fn what_is_asked_for_again_is_left_in_the_event() {
        let check = |block: &str, takes: &[bool]| {
            let block: Vec<Spanned<text::Operation>> = parse(block).unwrap_or_else(|_| panic!("{block}"));
            let mut operations = lower_block(&block, &mut Vec::new());
            find(&mut operations);
            let found: Vec<bool> = operations.iter().map(|operation| operation.takes).collect();
            assert_eq!(found, takes);
        };
        check("- set: { a: event.x, b: event.y }", &[true, true]);
        check("- set: { a: event.x, b: event.x }", &[false, true]);
        check("- set: { a: event.x.y, b: event.x }", &[false, true]);
        check("- set: { a: event.x, b: event.x.y }", &[false, true]);
        check("- set: { a: event, b: event.x }", &[false, true]);
        check("- set: { a: \"event.x + event.x\", b: event.y }", &[false, true]);
        check(
            "- set: { a: event.x }\n- append: { b: size(event.x) }",
            &[false, true],
        );
        check(
            "- set: { a: event.x }\n- inc: b\n  if: has(event.x)",
            &[false, true],
        );
        check("- set: { a: event.x }\n  if: event.x > 0", &[true]);
        check(
            "- set: { a: event.x, b: event.y }\n  if: event.x > 0",
            &[false, true],
        );
        check("- set: { a: event.x, 'b[event.x]': '1' }", &[false, true]);
        check("- set: { 'b[event.x]': event.x }", &[true]);
        check(
            "- set: { a: event.x }\n- remove-where: { b: it == event.x }",
            &[false, true],
        );
        check(
            "- set: { a: event.x, b: \"event.y.map(i, event.x)\" }",
            &[false, true],
        );
        check(
            "- upsert-by: { a: { key: k, value: { k: event.x, v: event.y } } }",
            &[true],
        );
        check(
            "- upsert-by: { a: { key: k, value: { k: event.x, v: event.x } } }",
            &[false],
        );
    }
}
