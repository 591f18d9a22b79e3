//! What a fold file may not say, and on which line the error stands.

use annals_event_store::{AnyFold, Cell, Recorded, Step, Stop, declarative};
use annals_schema_model::Raw;

use crate::till::{FILE, Till, table};

/// A file that begins well, with the last operation open.
pub(crate) const START: &str = "name: till
rev: 1
topic: tills
events:
  t.Opened:
    begin:
      - set: { owner: event.owner, at: event.opened_at, count: 0, list: [], sum: decimal('0.00') }
  t.Paid:
    on:
";

fn load(text: &str) -> Result<(), declarative::LoadError> {
    declarative::load(text, &table().0).map(drop)
}

fn refused(text: &str, line: u32, part: &str) {
    match load(text) {
        Ok(()) => panic!("loaded: {text}"),
        Err(error) => {
            assert_eq!(error.line, line, "{error}\n{text}");
            assert!(error.message.contains(part), "{error}\nis about: {part}");
        }
    }
}

/// The operation is on line 10.
fn refused_operation(operation: &str, part: &str) {
    refused(&format!("{START}      - {operation}\n"), 10, part);
}

/// The condition beside `inc: count` is on line 11.
fn refused_condition(condition: &str, part: &str) {
    refused(
        &format!("{START}      - inc: count\n        if: {condition}\n"),
        11,
        part,
    );
}

#[test]
fn what_fits_loads() {
    load(FILE).unwrap();
    for operation in [
        "set: { owner: \"'ada'\" }",
        "set: { owner: event.note }",
        "set: { extra: \"event.payer > 3 ? event.note : 'none'\" }",
        "set: { extra: \"event.note.contains('x')\" }",
        "set: { extra: \"state.list.filter(x, x.amount == event.amount).map(y, y.note)\" }",
        "set: { extra: { a: event.amount, b: [1, true, null, \"at.headers['business-time']\"] } }",
        "add: { sum: event.amount }",
        "add: { at: duration('24h') }",
        "set: { at: \"at.recorded - duration('1m')\" }",
        "set: { extra: at.recorded - state.at }\n        if: state.at.getDayOfWeek() in [0, 6]",
        "sub: { sum: 1 }",
        "add: { count: event.payer }",
        "inc: count",
        "inc: { count: event.payer }",
        "append: { list: { amount: event.amount, note: event.note } }",
        "remove-where: { list: it.amount == event.amount || it.note != null }",
        "status: done\n        if: size(state.list) >= 2 && !(event.payer == 0)",
        "set: { extra: at.recorded }\n        if: at.business_time != null && at.business_time < at.recorded",
    ] {
        let text = format!(
            "{START}      - append: {{ list: {{ amount: event.amount, note: null }} }}\n      - {operation}\n"
        );
        load(&text).unwrap_or_else(|error| panic!("{operation}: {error}"));
    }
}

#[test]
fn names_that_do_not_exist() {
    refused_operation(
        "set: { owner: event.ownr }",
        "no field `ownr`; it has amount, payer, note",
    );
    refused_operation("set: { owner: event.note.text }", "has no field `text`");
    refused_operation("set: { owner: state.nothing }", "nothing sets state.nothing");
    refused_operation("set: { owner: at.time }", "at has no field `time`");
    refused_operation("set: { owner: ada }", "`ada` is unknown");
    refused_operation("set: { owner: it.x }", "remove-where");
    refused_operation("set: { owner: shout(event.note) }", "no function `shout`");
    refused_operation("set: { owner: \"state.list.map(x, y)\" }", "`y` is unknown");
    refused_operation(
        "set: { owner: \"state.list.map(x, event.ownr)\" }",
        "no field `ownr`",
    );
    refused_operation("add: { nothing: 1 }", "nothing sets state.nothing");
    refused_operation("inc: nothing", "nothing sets state.nothing");
    refused(
        &FILE.replace("t.Closed", "t.Shut"),
        32,
        "no schema of record t.Shut",
    );
}

#[test]
fn types_that_do_not_fit() {
    refused_operation("add: { owner: 1 }", "state.owner is text");
    refused(
        &format!("{START}      - set: {{ no: null }}\n      - inc: no\n"),
        11,
        "state.no is null",
    );
    refused_operation("add: { sum: event.note }", "the value is text or null");
    refused_operation("inc: sum", "state.sum is a decimal");
    refused_operation(
        "add: { at: 1 }",
        "`+` does not go with a timestamp and an integer",
    );
    refused_operation(
        "sub: { at: at.recorded }",
        "`sub` would make a duration of state.at, which is a timestamp",
    );
    refused_operation("append: { sum: 1 }", "needs a list");
    refused_operation("remove-where: { sum: true }", "needs a list");
    refused_operation("remove-where: { list: event.payer }", "must be true or false");
    refused_operation(
        "upsert-by: { list: { key: id, value: { other: 1 } } }",
        "must have that field",
    );
    refused_operation("set: { owner: event.amount > 'x' }", "cannot be compared");
    refused_operation("set: { owner: state.at == event.payer }", "cannot be compared");
    refused_operation("set: { owner: size(event.payer) }", "has no size");
    refused_condition("event.payer", "must be true or false");
    refused_operation("set: { sum: 0.0 }", "decimal('0.00')");
    refused_operation(
        "set: { sum: decimal('x') }",
        "decimal(\"x\"): not a decimal number",
    );
    refused_operation(
        "set: { sum: \"{'a': 1, 'b': 2, 'a': 3}\" }",
        "the key 'a' stands twice",
    );
}

#[test]
fn decimals_that_do_not_fit() {
    let cases = [
        ("event.amount + 'x'", "`+` does not go with a decimal and text"),
        ("event.amount / 2", "a quotient of decimals is not exact"),
        (
            "event.amount % decimal('2')",
            "a quotient of decimals is not exact",
        ),
        ("event.amount * 2.0", "decimal('1.5')"),
        ("1.5 + event.amount", "decimal('1.5')"),
        ("event.payer * 2.0", "double(…)"),
        ("-event.note", "no -(text or null)"),
        ("state.at + 1", "duration('24h')"),
        (
            "state.at + state.at",
            "`+` does not go with a timestamp and a timestamp",
        ),
        ("state.at > duration('1h')", "cannot be compared"),
        ("state.at.getHours('Europe/Berlin')", "no fixed offset"),
        ("event.note.getHours()", "`getHours` is not for text"),
        ("duration('1h').getFullYear()", "is not for a duration"),
        (
            "duration('1h') * 2",
            "`*` does not go with a duration and an integer",
        ),
        (
            "timestamp('2024-02-30T00:00:00Z')",
            "is no time: 2024-02 has 29 days",
        ),
        ("duration('1 day')", "is no duration"),
        ("event.amount == event.note", "cannot be compared"),
        ("event.amount in ['a']", "a decimal is never in a list"),
        ("[event.amount].exists(x, x == 'a')", "cannot be compared"),
        ("[event.amount].filter(x, x + 1)", "must be true or false"),
        (
            "[event.amount].map(x, x.cents)",
            "a decimal and has no field `cents`",
        ),
        (
            "[event.amount].map(x, x > 1 ? decimal('y') : x)",
            "decimal(\"y\")",
        ),
        ("[event.amount].map(x)", "takes a variable and an expression"),
        ("[event.amount].map(event, event)", "stands for something already"),
        (
            "[event.amount].map(x, z)",
            "`z` is unknown; there are event, state and at, x",
        ),
        ("event.amount.contains('1')", "`contains` is not for a decimal"),
        ("int(event.amount)", "`int` is not for a decimal"),
        ("size(event.amount)", "a decimal has no size"),
        ("event.payer.map(x, x)", "an integer is no list"),
        ("decimal(1.5)", "digits as text"),
        ("decimal(double(event.amount))", "digits as text"),
        ("has(event)", "asks for a field"),
        ("has(event.ownr)", "no field `ownr`"),
        ("event.amount[0]", "a decimal has no element"),
    ];
    for (expression, part) in cases {
        refused_operation(&format!("set: {{ owner: \"{expression}\" }}"), part);
    }
    // In a condition, in a list's verbs, and as what is added.
    refused_condition("event.amount + 1", "this one is a decimal");
    refused_operation("inc: { count: event.amount * 2 }", "is a decimal");
}

#[test]
fn decimals_fit_where_values_and_conditions_stand() {
    let rest = [
        "add: { sum: event.amount * 2 - decimal('0.01') }",
        "sub: { sum: -event.amount }",
        "append: { list: { v: event.amount * event.payer } }",
        "remove-where: { list: \"it.v - event.amount < decimal('0')\" }",
        "upsert-by: { list: { key: v, value: { v: event.amount + 1, w: \"-event.amount\" } } }",
        "status: paid\n        if: \"state.sum * 2 >= decimal('3') && state.list.exists(x, x.v > 1)\"",
    ];
    let text = format!("{START}      - {}\n", rest.join("\n      - "));
    let (state, steps) = fold(&text, &[opened(), paid(150)]);
    assert_eq!(steps[1], Ok(Step::Applied));
    assert_eq!(
        (&state["sum"], &state["status"], state["list"].to_string()),
        (
            &"4.49".into(),
            &"paid".into(),
            r#"[{"v":"6.00"},{"v":"2.50","w":"-1.50"}]"#.to_owned()
        )
    );
}

#[test]
fn files_that_are_none() {
    refused_operation("set: { owner: 'event.' }", "no CEL expression");
    refused_operation("put: { owner: 1 }", "put");
    refused_operation("set: { owner: 1 }\n        inc: count", "exactly one");
    refused_operation("{}", "exactly one");
    refused(&START.replace("rev: 1", "rev: x"), 2, "");
    refused(&START.replace("name: till", "name: ''"), 1, "name");
    refused(
        &format!("{START}      - inc: count\n  t.Paid:\n    on:\n      - inc: count\n"),
        11,
        "t.Paid",
    );
    refused("", 1, "");
    refused(&"x".repeat(1 << 20), 1, "at most");
}

/// What is wrong with a text is told in words of the fold, with its line and column, once.
#[test]
fn texts_that_cannot_be_read() {
    const BEGIN: &str = "name: a\nrev: 1\ntopic: t\nevents:\n  t.E:\n    begin:\n";
    let check = |text: &str, at: (u32, u32), wanted: &str| {
        let error = load(text).unwrap_err();
        assert_eq!((error.line, error.column), at, "{text}");
        assert_eq!(error.message, wanted, "{text}");
    };
    check("", (1, 1), "it ends too early");
    check("x", (1, 1), "there should be a mapping, such as `name: value`");
    check("name: [", (1, 7), "there should be a text");
    check(
        "name: null\nrev: 1\n",
        (1, 7),
        "there should be a text, and there is nothing",
    );
    let whole = "there should be a whole number from 0 to 4294967295";
    check("name: a\nrev: one\n", (2, 6), whole);
    check("name: a\nrev: -1\n", (2, 6), whole);
    check("name: a\nname: b\n", (2, 1), "`name` stands there twice");
    check("name: a\nrev: 1\ntopic: t\n", (3, 1), "`events` is missing");
    check("name: a\nrev: 1\nignore: x\n", (3, 9), "there should be a list");
    check(
        &format!("{BEGIN}      - sett: 1\n"),
        (7, 9),
        "there is no `sett` here; there are if, set, remove, status, add, sub, inc, append, remove-where, upsert-by",
    );
    check(
        &format!("{BEGIN}      - inc: [1]\n"),
        (7, 9),
        "there should be the name of a field, or a mapping of fields to numbers, and there is a list",
    );
    check(
        &format!("{BEGIN}      - set: {{ a: 1, a: 2 }}\n"),
        (7, 22),
        "`a` stands there twice",
    );
    let too_much = |set: &str, wanted: &str| {
        let error = load(&format!("{BEGIN}      - set: {{ a: {set} }}\n")).unwrap_err();
        assert_eq!((error.line, error.message.as_str()), (7, wanted));
    };
    too_much(
        &format!("[&x [{}1]{}]", "1,".repeat(1_000), ",*x".repeat(400)),
        "the file has more than 250000 nodes, what aliases stand for among them",
    );
    too_much(
        &format!("&x [1], b: [{}1]", "*x,".repeat(60_000)),
        "the file has more than 50000 aliases",
    );
    too_much(
        &format!("{}{}", "[".repeat(70), "]".repeat(70)),
        "it nests deeper than 64",
    );
    // At an alias it is what stands at its anchor that is wrong.
    check(
        "name: a\nrev: 1\ntopic: t\nevents: &e { t.E: { begin: [] } }\nignore: *e\n",
        (5, 9),
        "there should be a list",
    );
}

/// Steps a fold through events; `Ok` is the state in JSON.
pub(crate) fn fold(text: &str, events: &[Till]) -> (serde_json::Value, Vec<Result<Step, Stop>>) {
    let (table, ids) = table();
    let fold = declarative::load(text, &table).unwrap();
    let mut state: Cell = None;
    let mut steps = Vec::new();
    for (event, offset) in events.iter().zip(0..) {
        let write = event.write(&ids, "k", 1_000 * offset);
        let value = write.value.unwrap();
        let envelope = annals_schema_model::envelope::read(&value).unwrap();
        let headers = [("actor", Some("eve")), ("trace", None)].into_iter().collect();
        let at = annals_event_store::At {
            partition: 3,
            offset,
            revision: 7,
            recorded_ms: 5,
            headers: &headers,
        };
        let recorded = Recorded {
            topic: "tills",
            at,
            key: b"k",
            raw: Raw {
                schema: envelope.id,
                body: envelope.body,
            },
            spent: &annals_event_store::Spent::default(),
        };
        steps.push(fold.step(&mut state, &recorded, &table));
    }
    (fold.view(&state).unwrap(), steps)
}

pub(crate) fn opened() -> Till {
    Till::Opened {
        owner: "ada".into(),
        opened_at: 0,
    }
}

pub(crate) fn paid(cents: i64) -> Till {
    Till::Paid {
        cents,
        payer: 4,
        note: None,
    }
}

#[test]
fn what_halts_leaves_the_state_as_it_was() {
    let text = format!(
        "{START}      - set: {{ owner: \"'changed'\", fresh: 1 }}
      - append: {{ list: 7 }}
      - upsert-by: {{ rows: {{ key: k, value: {{ k: 1, v: 2 }} }} }}
      - remove-where: {{ list: it == 7 }}
      - inc: {{ count: 9223372036854775807 }}
"
    );
    let text = text.replace("list: [],", "list: [], rows: [{ k: 1, v: 1 }],");
    let (state, steps) = fold(&text, &[opened(), paid(1), paid(1)]);
    assert_eq!(steps[..2], [Ok(Step::Applied), Ok(Step::Applied)]);
    let reason = steps[2].as_ref().unwrap_err().to_string();
    assert!(
        reason.contains("line 14") && reason.contains("`count`"),
        "{reason}"
    );
    let (before, _) = fold(&text, &[opened(), paid(1)]);
    assert_eq!(state, before);
    let (first, _) = fold(&text, &[opened()]);
    let start = text.replace("count: 0,", "count: 1,");
    let (undone, steps) = fold(&start, &[opened(), paid(1)]);
    assert!(steps[1].is_err());
    assert_eq!(undone["rows"], first["rows"]);
    assert_eq!(
        (&undone["owner"], undone.get("fresh"), &undone["list"]),
        (&first["owner"], None, &first["list"])
    );
}

#[test]
fn order_of_events() {
    let (_, steps) = fold(FILE, &[paid(1), opened(), opened(), Till::Counted]);
    let told: Vec<String> = steps
        .iter()
        .map(|step| {
            step.as_ref()
                .map_or_else(ToString::to_string, |step| format!("{step:?}"))
        })
        .collect();
    assert_eq!(
        told,
        [
            "t.Paid is not an event that till can begin with",
            "Applied",
            "t.Opened came again, and till only begins with it",
            "UnknownKind",
        ]
    );
    let ignoring = FILE.replace("events:", "ignore: [t.Counted]\nevents:");
    let (_, steps) = fold(&ignoring, &[opened(), Till::Counted]);
    assert_eq!(steps[1], Ok(Step::NotMine));
}
