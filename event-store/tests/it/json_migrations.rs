//! Migration rules over events in JSON Schema: what is given is laid over what was written, and the rest stays.

use annals_event_store::{AsOf, ValueFrom, declarative};
use annals_schema_model::{MigrationRule, SchemaId, SchemaType};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::migrations::{back, folded, origins, rule};
use crate::support::{Logs, Table, Write, stored};

/// An event `E` with these properties, of which those that are named first are required.
fn schema(required: &[&str], properties: &Value) -> String {
    json!({"title": "E", "type": "object", "required": required, "properties": properties}).to_string()
}

const FILE: &str = "name: e\nrev: 1\ntopic: es\nevents: { E: { begin: [{ set: { x: event.x } }] } }\n";
const NAMED: &str = "0: migration rule give of version 2 of es-value: ";

/// The state that a fold makes of `event.x`, where the second version has it and a rule.
fn given(of: &Value, expr: &str) -> Result<Value, String> {
    let old = json!({"n": {"type": "integer"}, "s": {"type": "string"}, "d": {"type": "number"}, "o": {},
        "list": {"type": "array", "items": {"type": "integer"}}});
    let mut new = old.clone();
    new["x"] = of.clone();
    let mut table = Table::default();
    let id = table.register(SchemaType::Json, "es", &schema(&["n", "s", "d", "list"], &old));
    let text = schema(&["n"], &new);
    table.register_with(SchemaType::Json, "es", &text, &[rule("give", expr)]);
    let fold = declarative::load(FILE, &table).map_err(|error| format!("not loaded: {}", error.message))?;
    let event = json!({"n": 1234, "s": "abc", "d": 0.1, "list": [1, 2], "o": {"text": "t"}});
    let (state, _, halted) = folded(table, fold, "es", &[(id, event)]);
    halted.map_or_else(|| Ok(state["x"].clone()), Err)
}

fn check(of: &str, expr: &str, wanted: Result<Value, &[&str]>) {
    let of: Value = serde_json::from_str(of).unwrap();
    match (given(&of, expr), wanted) {
        (Ok(got), Ok(wanted)) => assert_eq!(got, wanted, "{expr} as {of}"),
        (Err(got), Err(says)) => {
            for says in says {
                assert!(got.contains(says), "{expr} as {of}: `{says}` is not said: {got}");
            }
        }
        (got, wanted) => panic!("{expr} as {of}: {got:?}, not {wanted:?}"),
    }
}

#[test]
fn what_is_given_is_held_by_its_property() {
    let integer = r#"{"type": "integer"}"#;
    check(integer, "{'x': message.n + 1}", Ok(json!(1235)));
    check(integer, "{'x': decimal('7.00')}", Ok(json!(7)));
    check(
        integer,
        "{'x': dyn(message.s)}",
        Err(&[NAMED, "x: it is given \"abc\", and it is not of type \"integer\""]),
    );
    check(
        integer,
        "{'x': message.d + decimal('0.4')}",
        Err(&[NAMED, "0.5", "integer"]),
    );
    let number = r#"{"type": "number", "minimum": 0}"#;
    check(number, "{'x': decimal('0.01') * message.n}", Ok(json!("12.34")));
    check(number, "{'x': message.n}", Ok(json!("1234")));
    // What other clients have for a number.
    check(number, "{'x': 0.5}", Ok(json!("0.5")));
    check(
        number,
        "{'x': [1, 0.25]}",
        Err(&["not loaded: ", "it gives a list as `x`"]),
    );
    check(
        number,
        "{'x': -1}",
        Err(&[NAMED, "x: it is given -1, and it is less than the minimum of 0"]),
    );
    check(
        number,
        "{'x': dyn(double('NaN'))}",
        Err(&[NAMED, "JSON has no such number"]),
    );
    let symbol = r#"{"enum": ["a", "b"]}"#;
    check(symbol, "{'x': 'b'}", Ok(json!("b")));
    check(
        symbol,
        "{'x': message.s}",
        Err(&[NAMED, "x: it is given \"abc\"", "\"a\" or \"b\""]),
    );
    let text = r#"{"type": "string", "pattern": "^a"}"#;
    check(text, "{'x': message.s}", Ok(json!("abc")));
    check(text, "{'x': 'b'}", Err(&[NAMED, "x: it is given \"b\"", "^a"]));
    // A property that may be missing may not be null for that.
    check(text, "{'x': null}", Err(&[NAMED, "x: it is given null"]));
    let optional = r#"{"type": ["string", "null"]}"#;
    check(optional, "{'x': null}", Ok(Value::Null));
    let list = r#"{"type": "array", "items": {"type": "integer", "maximum": 1}}"#;
    check(list, "{'x': message.list}", Err(&[NAMED, "x[1]: it is given 2"]));
    check(list, "{'x': [1, message.n - 1234]}", Ok(json!([1, 0])));
    let map = r#"{"type": "object", "additionalProperties": {"type": "integer"}}"#;
    check(map, "{'x': {'a': message.n}}", Ok(json!({"a": 1234})));
    check(
        map,
        "{'x': {'a': dyn('b')}}",
        Err(&[NAMED, "x.a: it is given \"b\""]),
    );
    check("{}", "{'x': message.o}", Ok(json!({"text": "t"})));
    // What stands behind a reference, and beside it.
    let all = r#"{"allOf": [{"type": "integer"}, {"multipleOf": 2}]}"#;
    check(all, "{'x': message.n}", Ok(json!(1234)));
    check(
        all,
        "{'x': 3}",
        Err(&[NAMED, "x: it is given 3", "multiple of 2"]),
    );
}

/// The judge knows doubles: what it would take for another number is refused where the schema asks anything of numbers.
#[test]
fn no_number_is_judged_as_another() {
    let cents = r#"{"type": "number", "multipleOf": 0.01}"#;
    check(cents, "{'x': decimal('12.340')}", Ok(json!("12.340")));
    check(
        cents,
        "{'x': decimal('12.345')}",
        Err(&[NAMED, "multiple of 0.01"]),
    );
    let tiny = format!("{{'x': decimal('0.{}1')}}", "0".repeat(999));
    let digits = "has more digits than a floating-point number, by which";
    check(
        cents,
        &tiny,
        Err(&[NAMED, "x: it is given 0.000", digits, "\"multipleOf\""]),
    );
    check(
        r#"{"type": "number"}"#,
        &tiny,
        Ok(json!(format!("0.{}1", "0".repeat(999)))),
    );
    let most = r#"{"type": "number", "maximum": 1}"#;
    check(
        most,
        "{'x': decimal('1.00000000000000000001')}",
        Err(&[digits, "\"maximum\""]),
    );
    check(most, "{'x': decimal('1.000')}", Ok(json!("1.000")));
    let list = r#"{"type": "array", "items": {"type": "integer"}}"#;
    check(
        list,
        "{'x': [1, dyn(decimal('100000000000000000000.5'))]}",
        Err(&[digits, "\"type\""]),
    );
    check(
        list,
        "{'x': [1, 9007199254740993]}",
        Ok(json!([1, 9_007_199_254_740_993i64])),
    );
    // Whether a number is whole, its double says as well as itself.
    check(
        list,
        "{'x': [decimal('18446744073709551617')]}",
        Ok(json!(["18446744073709551617"])),
    );
    check(
        r#"{"type": "integer", "minimum": 0}"#,
        "{'x': decimal('18446744073709551617')}",
        Err(&[digits, "\"minimum\""]),
    );
}

/// A property may be described by a pattern, or by what all others are.
#[test]
fn properties_by_pattern_are_given_too() {
    let given = |new: &str, expr: &str| {
        let mut table = Table::default();
        let id = table.register(
            SchemaType::Json,
            "es",
            r#"{"title": "E", "properties": {"n": {}}}"#,
        );
        table.register_with(SchemaType::Json, "es", new, &[rule("give", expr)]);
        let file = FILE.replace("event.x", "dyn(event).x_a");
        let fold =
            declarative::load(&file, &table).map_err(|error| format!("not loaded: {}", error.message))?;
        let (state, _, halted) = folded(table, fold, "es", &[(id, json!({"n": 1}))]);
        halted.map_or_else(|| Ok(state["x"].clone()), Err)
    };
    let named = r#"{"title": "E", "properties": {"n": {}}, "patternProperties": {"^x_": {"type": "integer", "maximum": 9}}}"#;
    let only = r#"{"title": "E", "type": "object", "patternProperties": {"^x_": {"type": "integer", "maximum": 9}, "^(?=y)": {}},
        "additionalProperties": false}"#;
    for new in [named, only] {
        assert_eq!(given(new, "{'x_a': 7}"), Ok(json!(7)), "{new}");
        let wrong = given(new, "{'x_a': 10}").unwrap_err();
        assert!(
            wrong.contains("x_a: it is given 10, and it is greater than the maximum of 9"),
            "{wrong}"
        );
        let wrong = given(new, "{'x_a': dyn('b')}").unwrap_err();
        assert!(wrong.contains("x_a: it is given \"b\""), "{wrong}");
    }
    let wrong = given(named, "{'y_a': 7}").unwrap_err();
    assert!(
        wrong.contains("not loaded: ") && wrong.contains("the event has no field `y_a`; it has n"),
        "{wrong}"
    );
    let wrong = given(named, "dyn({'y_a': 7})").unwrap_err();
    assert!(wrong.contains("y_a: E has no such property"), "{wrong}");
    let closed = only.replace(r#", "^(?=y)": {}"#, "");
    let wrong = given(&closed, "{'x_a': 7, 'y_a': 7}").unwrap_err();
    assert!(wrong.contains(NAMED) && wrong.contains("y_a"), "{wrong}");
}

#[test]
fn a_rule_that_cannot_be_run_is_told_when_the_fold_is_loaded() {
    let named = "not loaded: migration rule give of version 2 of es-value: ";
    let text = r#"{"type": "string"}"#;
    check(
        text,
        "{'x': message.name}",
        Err(&[named, "message has no field `name`", "it has d, list, n, o, s"]),
    );
    check(
        text,
        "{'x': message.list[0].y}",
        Err(&[named, "message.list[…] is an integer and has no field `y`"]),
    );
    check(
        text,
        "{'x': 'a', 'y': 1}",
        Err(&[named, "the event has no field `y`"]),
    );
    check(
        text,
        "{'x': message.n}",
        Err(&[named, "it gives an integer as `x`, which is text"]),
    );
    check(
        r#"{"type": "integer"}"#,
        "{'x': message.s}",
        Err(&[named, "it gives text as `x`, which is an integer"]),
    );
    check(
        text,
        "{'x': timestamp('2026-03-04T00:00:00Z')}",
        Err(&[named, "a timestamp as `x`, and JSON has no such type; string(…)"]),
    );
    check("{}", "{'x': [b'ab']}", Err(&[named, "JSON has no such type"]));
    check(
        text,
        "message.n ; {'x': 'a'}",
        Err(&[named, "a condition must be true or false"]),
    );
    check(
        text,
        "message.s",
        Err(&[named, "it gives text, and not fields of the event"]),
    );
    let object = r#"{"type": "object", "properties": {"y": {"type": "integer"}}}"#;
    check(
        object,
        "{'x': {'y': 'a'}}",
        Err(&[named, "it gives text as `x.y`, which is an integer"]),
    );
    check(
        object,
        "{'x': {'y': 1, 'z': 2}}",
        Err(&[named, "x has no field `z`; it has y"]),
    );
    check(
        r#"{"type": "array", "items": {"type": "object", "properties": {"y": {"type": "integer"}}}}"#,
        "{'x': [{'y': 1, 'z': 2}]}",
        Err(&[named, "x[…] has no field `z`; it has y"]),
    );
}

/// What is not there by any rule or writer is missing as ever, and what was written stays whatever the next version says of it.
#[test]
fn what_is_not_given_is_as_it_was_written() {
    let old = json!({"a": {"type": "string"}, "b": {"type": "number"}});
    let new = json!({"x": {"type": "string"}, "y": {"type": "string"}, "a": {"type": "integer"}, "b": {"type": "number"}});
    let check = |file: &str, wanted: Result<Value, &str>| {
        let mut table = Table::default();
        let id = table.register(SchemaType::Json, "es", &schema(&[], &old));
        let rules = [rule("give", "has(message.a) ; {'x': message.a + '!'}")];
        table.register_with(SchemaType::Json, "es", &schema(&["x", "y"], &new), &rules);
        let fold = declarative::load(file, &table).unwrap();
        let pin = fold.pins().get("E").unwrap();
        assert_eq!((pin.version, pin.migrations.len()), (2, 1));
        let logs = Logs::new("es", 1);
        let body = r#"{"a": "w", "b": 12.500, "z": [1.50, {"k": 9007199254740993}], "a": "v"}"#;
        logs.append(0, &[Write::of("k", id, body.as_bytes())]);
        let store = stored(table, fold, &logs);
        let answer = store.reconstruct("e", "k", &AsOf::Head).unwrap();
        match wanted {
            Ok(state) => assert_eq!((answer.state, answer.halted), (state, None)),
            Err(says) => assert!(answer.halted.unwrap().reason.contains(says)),
        }
    };
    let all = FILE.replace(
        "x: event.x",
        "x: event.x, a: dyn(event).a, b: event.b, z: dyn(event).z",
    );
    let wanted = json!({"x": "v!", "a": "v", "b": "12.500", "z": ["1.50", {"k": 9_007_199_254_740_993i64}]});
    check(&all, Ok(wanted));
    check(&FILE.replace("event.x", "event.y"), Err("y"));
}

#[test]
fn values_say_by_which_rule_they_came() {
    let mut table = Table::default();
    let old =
        json!({"id": {"type": "string"}, "full_name": {"type": "string"}, "cents": {"type": "integer"}});
    let id = table.register(
        SchemaType::Json,
        "es",
        &schema(&["id", "full_name", "cents"], &old),
    );
    let new = json!({"id": {"type": "string"}, "first": {"type": "string"}, "amount": {"type": "number"}});
    let split = rule("split", "{'first': message.full_name.split(' ')[0]}");
    let amount = rule("amount", "{'amount': decimal('0.01') * message.cents}");
    table.register_with(
        SchemaType::Json,
        "es",
        &schema(&["id", "first", "amount"], &new),
        &[split.clone(), amount],
    );
    // The rule that came along has run where it first stood.
    let mut third = new.clone();
    third["given"] = json!({"type": "string"});
    let given = rule("given", "{'given': message.first}");
    table.register_with(SchemaType::Json, "es", &schema(&["id"], &third), &[split, given]);
    let file = FILE.replace(
        "x: event.x",
        "id: event.id, given: event.given, first: event.first, amount: event.amount",
    );
    let fold = declarative::load(&file, &table).unwrap();
    let event = json!({"id": "a", "full_name": "Ada Lovelace", "cents": 1234});
    let (state, leaves, halted) = folded(table, fold, "es", &[(id, event)]);
    assert_eq!(
        (state, halted),
        (
            json!({"id": "a", "first": "Ada", "given": "Ada", "amount": "12.34"}),
            None
        )
    );
    let by =
        |rule: &str, version: u32| Some(format!("migration rule {rule} of version {version} of es-value"));
    let wanted = [
        ("/amount", ValueFrom::Migration, by("amount", 2)),
        ("/first", ValueFrom::Migration, by("split", 2)),
        ("/given", ValueFrom::Migration, by("given", 3)),
        ("/id", ValueFrom::Event, None),
    ];
    assert_eq!(origins(&leaves), wanted);
}

/// Two events in a `oneOf`, told apart by what they have, or by a word.
fn two(amount: &str) -> String {
    json!({"oneOf": [
        {"title": "Paid", "type": "object", "required": ["kind", amount], "properties": {
            "kind": {"const": "paid"}, amount: {"type": "number"}, "total": {"type": "number"}}},
        {"title": "Sent", "type": "object", "required": ["kind", "by"], "properties": {
            "kind": {"const": "sent"}, "by": {"type": "string"}, "total": {"type": "number"}}}]})
    .to_string()
}

const TWO: &str = "name: e\nrev: 1\ntopic: es\nevents: { Paid: { begin: [{ set: { paid: \"has(event.total) ? event.total : null\" } }] }, \
     Sent: { begin: [{ set: { by: event.by, sent: \"has(event.total) ? event.total : null\" } }] } }\n";

#[test]
fn a_guard_says_which_of_several_events_a_rule_is_of() {
    let registered = |expr: &str| {
        let mut table = Table::default();
        let id = table.register(SchemaType::Json, "es", &two("amount"));
        table.register_with(SchemaType::Json, "es", &two("sum"), &[rule("give", expr)]);
        (table, id)
    };
    let check = |expr: &str| {
        let (table, id) = registered(expr);
        let fold = declarative::load(TWO, &table).unwrap();
        let (state, _, halted) = folded(table, fold, "es", &[(id, json!({"kind": "paid", "amount": 2}))]);
        assert_eq!((state, halted), (json!({"paid": "4"}), None), "{expr}");
        let (table, _) = registered(expr);
        let fold = declarative::load(TWO, &table).unwrap();
        let (state, leaves, halted) = folded(table, fold, "es", &[(id, json!({"kind": "sent", "by": "x"}))]);
        assert_eq!(
            (state, halted),
            (json!({"by": "x", "sent": null}), None),
            "{expr}"
        );
        assert!(leaves.iter().all(|leaf| leaf.rule.is_none()));
    };
    check("has(message.amount) ; {'total': message.amount * 2}");
    check("message.kind == 'paid' ; {'total': message.amount * 2}");
    check("message.kind in ['paid'] && message.amount > 0 ; {'total': message.amount * 2}");
    // A rule may be of several of them.
    let both = "message.kind in ['paid', 'sent'] && (message.kind == 'sent' || message.kind == 'paid') ; {'total': 7}";
    let (table, id) = registered(both);
    let fold = declarative::load(TWO, &table).unwrap();
    let sent = json!({"kind": "sent", "by": "x"});
    let (state, _, halted) = folded(table, fold, "es", &[(id, sent)]);
    assert_eq!((&state["sent"], halted), (&json!("7"), None));
    let refused = |expr: &str, says: &[&str]| {
        let error = declarative::load(TWO, &registered(expr).0).err().unwrap().message;
        for says in says {
            assert!(error.contains(says), "{says}: {error}");
        }
    };
    let hint = "a guard says which events of the version a rule is of";
    refused(
        "{'total': message.amount * 2}",
        &["message has no field `amount`; it has by, kind", hint],
    );
    refused(
        "message.amount > 1 ; {'total': message.amount * 2}",
        &["message has no field `amount`", hint],
    );
    refused(
        "has(message.amuont) ; {'total': message.amount * 2}",
        &["message has no field `amuont`"],
    );
    refused(
        "message.kind == 'sent' && message.amount > 1 ; {'total': 1}",
        &["'sent' is no symbol"],
    );
    refused("message.kind == 'payd' ; {'total': 1}", &["'payd' is no symbol"]);
    // An object may have what its schema does not name, and then the guard lets it in.
    let (table, id) = registered("has(message.amount) ; {'total': message.amount * 2}");
    let fold = declarative::load(TWO, &table).unwrap();
    let (_, _, halted) = folded(
        table,
        fold,
        "es",
        &[(id, json!({"kind": "sent", "by": "x", "amount": 1}))],
    );
    let halted = halted.unwrap();
    let says = "migration rule give of version 2 of es-value: its guard lets in an event";
    assert!(halted.contains(says), "{halted}");
}

/// Whether a version has rules of its own, or those of the one before.
#[derive(Clone, Copy, Debug)]
enum Version {
    Own,
    Inherits,
    Plain,
}

/// What versions there are, and what they make of a number.
struct Model {
    versions: Vec<Version>,
}

impl Model {
    /// The version, from 0, that a version's property is called by.
    fn property(&self, version: usize) -> usize {
        let mut known = (1..=version).rev();
        known
            .find(|version| matches!(self.versions[*version], Version::Own))
            .unwrap_or(0)
    }

    fn rules(&self, version: usize) -> Vec<MigrationRule> {
        match self.versions[version] {
            Version::Plain => vec![],
            Version::Inherits if version > 0 => self.rules(version - 1),
            Version::Own if version > 0 => {
                let before = self.property(version - 1);
                let up = rule("up", &format!("{{'v{version}': message.v{before} * 2 + 1}}"));
                let down = back(
                    "down",
                    &format!("{{'v{before}': message.v{version} - {version}}}"),
                );
                vec![up, down]
            }
            _ => vec![],
        }
    }

    fn schema(&self, version: usize) -> String {
        let property = format!("v{}", self.property(version));
        schema(
            &[&property],
            &json!({property.as_str(): {"type": "integer"}, "kept": {"type": "number"}}),
        )
    }

    fn read(&self, writer: usize, reader: usize, number: i64) -> i64 {
        let own = |version: &usize| matches!(self.versions[*version], Version::Own);
        let up = (writer + 1..=reader)
            .filter(own)
            .fold(number, |number, _| number * 2 + 1);
        let down = (reader + 1..=writer).rev().filter(own);
        down.fold(up, |number, version| number - version as i64)
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases / 4, ..ProptestConfig::default() })]

    /// Whichever version wrote an event and reads it, it is what the rules in between make of it, and a snapshot tells the same.
    #[test]
    fn an_event_goes_from_version_to_version_in_both_directions(
        versions in prop::collection::vec(prop_oneof![Just(Version::Own), Just(Version::Inherits), Just(Version::Plain)], 1..7),
        reader in any::<prop::sample::Index>(),
        events in prop::collection::vec((any::<prop::sample::Index>(), -1_000i64..1_000), 1..200),
    ) {
        // A version that is plain forgets the rules, so that inheriting them again would have them run again.
        let mut versions = versions;
        for at in 1..versions.len() {
            if matches!((versions[at - 1], versions[at]), (Version::Plain, Version::Inherits)) {
                versions[at] = Version::Plain;
            }
        }
        let model = Model { versions };
        let reader = reader.index(model.versions.len());
        let mut table = Table::default();
        let register = |table: &mut Table, version: usize| {
            table.register_with(SchemaType::Json, "es", &model.schema(version), &model.rules(version))
        };
        let mut ids: Vec<SchemaId> = (0..=reader).map(|version| register(&mut table, version)).collect();
        let read = format!("event.v{}", model.property(reader));
        let file = format!(
            "name: e\nrev: 1\ntopic: es\nevents: {{ E: {{ begin: [{{ set: {{ all: ['{read}'], kept: event.kept }} }}], \
             on: [{{ append: {{ all: {read} }} }}, {{ add: {{ kept: event.kept }} }}] }} }}\n"
        )
        .replace("['", "[\"").replace("']", "\"]");
        let fold = declarative::load(&file, &table).unwrap();
        ids.extend((reader + 1..model.versions.len()).map(|version| register(&mut table, version)));
        let (mut writes, mut all) = (Vec::new(), Vec::new());
        for (writer, number) in &events {
            let writer = writer.index(model.versions.len());
            // Long enough for a state that has all numbers to be kept.
            let body = format!(r#"{{"v{}":{number},"kept":0.10,"note":"{}"}}"#, model.property(writer), "-".repeat(99));
            writes.push(Write::of("k", ids[writer], body.as_bytes()));
            all.push(model.read(writer, reader, *number));
        }
        let logs = Logs::new("es", 1);
        logs.append(0, &writes);
        let store = stored(table, fold, &logs);
        let kept = format!("{}.{}0", events.len() / 10, events.len() % 10);
        for _ in 0..2 {
            let answer = store.reconstruct("e", "k", &AsOf::Head).unwrap();
            prop_assert_eq!(&answer.halted, &None);
            prop_assert_eq!(&answer.state, &json!({"all": all, "kept": kept}));
            let without = store.without_snapshots().reconstruct("e", "k", &AsOf::Head).unwrap();
            prop_assert_eq!(without.state, answer.state);
            prop_assert_eq!(without.migrations, answer.migrations);
        }
        // The second answer begins with what the first one kept of so many.
        let figures = store.snapshot_figures();
        prop_assert!(figures.used > 0 || events.len() < 90, "{} events, {figures:?}", events.len());
        prop_assert_eq!(figures.wrong, 0);
    }
}
