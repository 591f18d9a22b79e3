//! Places within the state: what may stand there is checked when a fold is loaded, and what an event does to them.

use annals_event_store::declarative::{self, Pins};
use annals_event_store::{Step, declarative::LoadError};
use serde_json::{Value, json};

use crate::declarative::{fold, opened, paid};
use crate::till::{Till, table};

/// A file whose first operation of a payment is on line 11, its value at column 9 or behind.
const START: &str = "name: till
rev: 1
topic: tills
events:
  t.Opened:
    begin:
      - set: { owner: event.owner, lines: {}, list: [{ n: 1 }], at: { street: \"'a'\", no: 1, tags: [] } }
      - set: { whole: event, gone: 1 }
  t.Paid:
    on:
";

fn wrong(operations: &str) -> Vec<LoadError> {
    let text = format!("{START}{operations}");
    match declarative::load_checked(&text, &Pins::default(), &table().0) {
        Ok(_) => panic!("loaded: {text}"),
        Err(errors) => errors,
    }
}

/// The operation, the column of what is wrong with it, and what that is.
const NEVER_THERE: &[(&str, u32, &str)] = &[
    (
        "set: { at.street.name: 1 }",
        16,
        "state.at.street is text and has no field `name`",
    ),
    (
        "add: { at.street: 1 }",
        16,
        "needs integers or decimals, and state.at.street is text",
    ),
    ("add: { at.no: event.note }", 23, "the value is text or null"),
    (
        "inc: at.none",
        14,
        "state.at has no field `none`; it has street, no, tags",
    ),
    (
        "inc: { at.none: 1 }",
        16,
        "state.at has no field `none`; it has street, no, tags",
    ),
    (
        "set: { at.no: event.note }",
        23,
        "state.at.no is an integer, and the value is text or null",
    ),
    ("set: { at.none.deeper: 1 }", 16, "state.at has no field `none`"),
    (
        "append: { at.no: 1 }",
        19,
        "needs a list, and state.at.no is an integer",
    ),
    (
        "set: { whole.ownr: 1 }",
        16,
        "state.whole has no field `ownr`; it has owner, opened_at",
    ),
    (
        "set: { whole.owner: 1 }",
        29,
        "state.whole.owner is text, and the value is an integer",
    ),
    (
        "remove: whole.owner",
        17,
        "is a record t.Opened, whose fields stay; set it to null",
    ),
    (
        "remove: [gone, whole.owner]",
        24,
        "is a record t.Opened, whose fields stay; set it to null",
    ),
    (
        "remove: \"list[0]\"",
        17,
        "state.list is a list; `remove-where` takes elements out of it",
    ),
    ("remove: nothing", 17, "nothing sets state.nothing"),
    ("set: { nothing.x: 1 }", 16, "nothing sets state.nothing"),
    (
        "set: { \"lines[event.payer]\": 1 }",
        16,
        "the keys of a map are texts, and string(…) makes one",
    ),
    ("set: { \"lines[event.ownr]\": 1 }", 16, "no field `ownr`"),
    ("set: { \"lines[it.x]\": 1 }", 16, "`it` is the element"),
    (
        "set: { \"list[event.note]\": 1 }",
        16,
        "is a list and has no element that text names",
    ),
    (
        "set: { list.first: 1 }",
        16,
        "state.list is a list and has no field `first`",
    ),
    (
        "set: { \"list[0].n\": \"'x'\" }",
        29,
        "state.list[…].n is an integer, and the value is text",
    ),
    ("set: { \"whole[event.note]\": 1 }", 16, "; name the field"),
    (
        "set: { \"at + at.no\": 1 }",
        16,
        "`at + at.no` names no place of the state",
    ),
    ("set: { at.: 1 }", 16, "`at.` names no place of the state"),
    ("remove-where: { list: it.n + 1 }", 31, "must be true or false"),
    (
        "inc: gone\n        if: state.at.noo == 1",
        13,
        "has no field `noo`",
    ),
];

#[test]
fn targets_that_can_never_be_there() {
    for (operation, column, part) in NEVER_THERE {
        let errors = wrong(&format!("      - {operation}\n"));
        let [error] = errors.as_slice() else {
            panic!("{operation}: {errors:?}");
        };
        assert!(error.message.contains(part), "{operation}: {error}");
        let line = 11 + u32::from(operation.contains('\n'));
        assert_eq!(
            (error.line, error.column),
            (line, *column),
            "{operation}: {error}"
        );
    }
}

#[test]
fn all_that_is_wrong_is_told_at_once() {
    let errors = wrong("      - set: { x: event.a }\n      - put: 1\n");
    assert_eq!(
        errors.len(),
        1,
        "a file that is none is not looked into: {errors:?}"
    );
    let errors = wrong(
        "      - set: { x: event.a, y: event.b }\n      - { inc: at, add: { at: 1 } }\n      - inc: at.street\n  t.Shut:\n    on: []\n",
    );
    let places: Vec<(u32, bool)> = errors
        .iter()
        .map(|error| (error.line, error.span.is_some()))
        .collect();
    assert!(
        places.contains(&(11, true)) && places.contains(&(12, true)),
        "{errors:?}"
    );
    assert!(
        places.contains(&(13, true)) && places.contains(&(14, true)),
        "{errors:?}"
    );
    // What cannot be read hides nothing beside it, and is no reason to call wrong what rests on it.
    let errors = wrong(
        "      - set: { x: 0.00, y: event.nothing, z: \"'x'\", '': 1 }\n      - inc: x\n      - set: { v: state.z }\n",
    );
    let places: Vec<(u32, &str)> = errors
        .iter()
        .map(|error| (error.line, error.message.split(' ').next().unwrap()))
        .collect();
    assert_eq!(places, [(11, "a"), (11, "event"), (11, "a")], "{errors:?}");
    let errors = wrong("      - set: { x: 2026-01-01 }\n");
    assert!(
        errors[0].message.contains("timestamp('2026-01-01T00:00:00Z')"),
        "{errors:?}"
    );
    let errors = wrong("      - set: { state.x: 1 }\n");
    assert!(errors[0].message.ends_with("leave `state.` out"), "{errors:?}");
}

fn state_after(operations: &str, events: &[Till]) -> (Value, Result<Step, String>) {
    let (state, mut steps) = fold(&format!("{START}{operations}"), events);
    let last = steps.pop().unwrap();
    (state, last.map_err(|stop| stop.to_string()))
}

#[test]
fn what_is_set_within_and_taken_out() {
    let check = |operations: &str, pointer: &str, wanted: Value| {
        let (state, last) = state_after(operations, &[opened(), paid(150), paid(50)]);
        assert_eq!(last, Ok(Step::Applied), "{operations}");
        assert_eq!(state.pointer(pointer), Some(&wanted), "{operations}: {state}");
    };
    check(
        "      - set: { at.street: state.owner }\n",
        "/at",
        json!({"street": "ada", "no": 1, "tags": []}),
    );
    check("      - set: { at.zip: event.payer }\n", "/at/zip", json!(4));
    check(
        "      - append: { at.tags: event.amount }\n",
        "/at/tags",
        json!(["1.50", "0.50"]),
    );
    check(
        "      - inc: at.no\n      - inc: { at.no: event.payer }\n",
        "/at/no",
        json!(11),
    );
    check("      - inc: list[0].n\n", "/list", json!([{"n": 3}]));
    check(
        "      - set: { \"list[0]\": { n: 7 } }\n",
        "/list",
        json!([{"n": 7}]),
    );
    check(
        "      - set: { whole.owner: \"'eve'\" }\n",
        "/whole/owner",
        json!("eve"),
    );
    // A map whose keys are values of the events.
    check(
        "      - set:
          lines[string(event.payer)]: { sum: decimal('0.00'), times: 0 }
        if: \"!(string(event.payer) in state.lines)\"
      - add:
          lines[string(event.payer)].sum: event.amount
      - inc: lines[string(event.payer)].times
      - set: { lines.x: { sum: decimal('1'), times: 1 } }
      - remove: lines.x
      - remove: [ lines.nobody ]
",
        "/lines",
        json!({"4": {"sum": "2.00", "times": 2}}),
    );
    let (state, last) = state_after("      - remove: [gone, at.street, at.no]\n", &[opened(), paid(1)]);
    assert_eq!(last, Ok(Step::Applied));
    assert_eq!((state.get("gone"), &state["at"]), (None, &json!({"tags": []})));
}

#[test]
fn targets_that_are_not_there_halt() {
    let check = |operations: &str, part: &str| {
        let before = state_after(operations, &[opened()]).0;
        let (state, last) = state_after(operations, &[opened(), paid(150)]);
        let reason = last.expect_err(operations);
        assert!(reason.contains(part), "{operations}: {reason}");
        assert_eq!(state, before, "{operations}");
    };
    check(
        "      - set: { at.street: \"'changed'\", \"lines['k']\": { n: 1 } }\n      - remove: [at.no, gone]\n      - inc: lines[event.note].n\n",
        "null is no key",
    );
    check(
        "      - set: { \"lines[state.owner]\": { n: 1 } }\n      - inc: lines['l'].n\n",
        "there is no `l` yet",
    );
    check(
        "      - set: { \"list[3]\": { n: 1 } }\n",
        "`append` puts a value at its end",
    );
    check("      - set: { \"list[-1]\": { n: 1 } }\n", "-1 is no key");
    check(
        "      - remove: gone\n      - inc: gone\n",
        "nothing has set this field yet (line 12 of the fold, field `gone`)",
    );
    check(
        "      - set: { at: null }\n      - set: { at.no: 1 }\n",
        "is null",
    );
}
