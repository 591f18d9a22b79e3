//! Migration rules of registered versions: what they make of events, where they are refused, and what of them is pinned.

use std::sync::Arc;

use annals_event_store::declarative::{self, Declarative, Pins};
use annals_event_store::{AnyFold, AsOf, EventStore, LeafOrigin, ValueFrom};
use annals_schema_model::Resolve as _;
use annals_schema_model::{MigrationRule, SchemaId, SchemaType, Writing};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::support::{Logs, Table, Write, enveloped};

const V1: &str = r#"{"type": "record", "name": "s.Joined", "fields": [
    {"name": "id", "type": "string"}, {"name": "full_name", "type": "string"}, {"name": "cents", "type": "long"}]}"#;
const V2: &str = r#"{"type": "record", "name": "s.Joined", "fields": [
    {"name": "id", "type": "string"}, {"name": "first", "type": "string"}, {"name": "last", "type": ["null", "string"]},
    {"name": "amount", "type": {"type": "bytes", "logicalType": "decimal", "precision": 20, "scale": 2}},
    {"name": "channel", "type": "string", "default": "web"}]}"#;
const V3: &str = r#"{"type": "record", "name": "s.Joined", "fields": [
    {"name": "id", "type": "string"}, {"name": "given", "aliases": ["first"], "type": "string"},
    {"name": "last", "type": ["null", "string"]},
    {"name": "amount", "type": {"type": "bytes", "logicalType": "decimal", "precision": 20, "scale": 2}},
    {"name": "channel", "type": "string", "default": "web"}, {"name": "tier", "type": "int", "default": 7}]}"#;
const SPLIT: &str = "{'first': message.full_name.split(' ')[0], \
     'last': message.full_name.contains(' ') ? message.full_name.split(' ')[1] : null}";
const AMOUNT: &str = "{'amount': decimal('0.01') * message.cents}";
const FILE: &str = "
name: member
rev: 1
topic: joins
events:
  s.Joined:
    begin:
      - set: { id: event.id, first: event.first, last: event.last, amount: event.amount, channel: event.channel }
    on:
      - set: { first: event.first, last: event.last, amount: event.amount, channel: event.channel }
";

fn rule(name: &str, expr: &str) -> MigrationRule {
    MigrationRule {
        name: name.into(),
        transforms: true,
        upgrades: true,
        downgrades: false,
        language: "CEL".into(),
        expr: expr.into(),
    }
}

fn rules() -> Vec<MigrationRule> {
    vec![rule("split", SPLIT), rule("amount", AMOUNT)]
}

/// An event as its writer has it.
fn written(table: &Table, id: SchemaId, json: &Value) -> Write {
    let writer = table.writer(id).unwrap();
    let body = Writing::of(&writer.schema).write(&json.to_string()).unwrap();
    Write {
        ms: 1,
        key: Some(b"a".to_vec()),
        value: Some(enveloped(id, &body)),
        headers: vec![],
    }
}

/// What becomes of events: the state, where its values come from, and why the fold stopped.
fn folded(
    table: Table,
    fold: Declarative,
    topic: &'static str,
    events: &[(SchemaId, Value)],
) -> (Value, Vec<LeafOrigin>, Option<String>) {
    let logs = Logs::new(topic, 1);
    let records: Vec<Write> = events
        .iter()
        .map(|(id, json)| written(&table, *id, json))
        .collect();
    logs.append(0, &records);
    let name = fold.id().name.clone();
    let store = EventStore::new(Arc::new(table));
    store.add_aggregate(Box::new(fold), logs.source()).unwrap();
    let answer = store.explain(&name, "a", &AsOf::Head).unwrap();
    let halted = answer
        .halted
        .map(|halted| format!("{}: {}", halted.offset, halted.reason));
    let leaves = answer
        .explanation
        .map_or_else(Vec::new, |explanation| explanation.leaves);
    (answer.state, leaves, halted)
}

/// Where each value comes from, in a word, and by which rule.
fn origins(leaves: &[LeafOrigin]) -> Vec<(&str, ValueFrom, Option<String>)> {
    let origin = |leaf: &'_ LeafOrigin| leaf.rule.as_ref().map(ToString::to_string);
    leaves
        .iter()
        .map(|leaf| (leaf.path.as_str(), leaf.from.unwrap(), origin(leaf)))
        .collect()
}

fn v1(name: &str, cents: i64) -> Value {
    json!({"id": "a", "full_name": name, "cents": cents})
}

#[test]
fn an_event_becomes_one_of_the_next_version_and_its_values_say_by_which_rule() {
    let mut table = Table::default();
    let old = table.register(SchemaType::Avro, "joins", V1);
    let new = table.register_with(SchemaType::Avro, "joins", V2, &rules());
    let fold = declarative::load(FILE, &table).unwrap();
    let second = json!({"id": "a", "first": "Bo", "last": null, "amount": "1.00", "channel": "shop"});
    let events = [(new, second), (old, v1("Ada Lovelace", 1234))];
    let (state, leaves, halted) = folded(table, fold, "joins", &events);
    let wanted = json!({"id": "a", "first": "Ada", "last": "Lovelace", "amount": "12.34", "channel": "web"});
    assert_eq!((state, halted), (wanted, None));
    let by = |rule: &str| Some(format!("migration rule {rule} of version 2 of joins-s.Joined"));
    let wanted = [
        ("/amount", ValueFrom::Migration, by("amount")),
        ("/channel", ValueFrom::Default, None),
        ("/first", ValueFrom::Migration, by("split")),
        ("/id", ValueFrom::Event, None),
        ("/last", ValueFrom::Migration, by("split")),
    ];
    assert_eq!(origins(&leaves), wanted);
}

/// From version to version, and by resolution where there are no rules; a rule set that came along is of where it first stood.
#[test]
fn rules_of_versions_in_between_run_in_their_order() {
    let mut table = Table::default();
    let old = table.register(SchemaType::Avro, "joins", V1);
    table.register_with(SchemaType::Avro, "joins", V2, &rules());
    let mut third = rules();
    third.push(rule(
        "tier",
        "message.amount > decimal('10') ; {'tier': 1, 'last': 'of ' + message.first}",
    ));
    table.register_with(SchemaType::Avro, "joins", V3, &third);
    let file = FILE.replace("event.first", "event.given").replace(
        "channel: event.channel",
        "channel: event.channel, tier: event.tier",
    );
    let fold = declarative::load(&file, &table).unwrap();
    let (state, leaves, halted) = folded(table, fold, "joins", &[(old, v1("Ada Lovelace", 1234))]);
    let wanted =
        json!({"id": "a", "first": "Ada", "last": "of Ada", "amount": "12.34", "channel": "web", "tier": 1});
    assert_eq!((state, halted), (wanted, None));
    let by = |rule: &str, version| {
        Some(format!(
            "migration rule {rule} of version {version} of joins-s.Joined"
        ))
    };
    let wanted = [
        ("/amount", ValueFrom::Migration, by("amount", 2)),
        ("/channel", ValueFrom::Default, None),
        ("/first", ValueFrom::Migration, by("split", 2)),
        ("/id", ValueFrom::Event, None),
        ("/last", ValueFrom::Migration, by("tier", 3)),
        ("/tier", ValueFrom::Migration, by("tier", 3)),
    ];
    assert_eq!(origins(&leaves), wanted);
}

#[test]
fn a_reader_that_is_older_than_an_event_has_the_rules_that_lead_back() {
    let mut table = Table::default();
    table.register(SchemaType::Avro, "joins", V1);
    let file = "
name: member
rev: 1
topic: joins
events:
  s.Joined:
    begin:
      - set: { name: event.full_name, cents: event.cents }
";
    let fold = declarative::load(file, &table).unwrap();
    let back = |name: &str, expr: &str| MigrationRule {
        upgrades: false,
        downgrades: true,
        ..rule(name, expr)
    };
    let mut all = rules();
    // The last comes first on the way back.
    all.push(back("whole", "{'full_name': message.full_name + '!'}"));
    all.push(back(
        "join",
        "{'full_name': message.first, 'cents': message.channel == 'web' ? 1 : 2}",
    ));
    table.register_with(SchemaType::Avro, "joins", V2, &all);
    let new = table.register(SchemaType::Avro, "joins", V3);
    let event =
        json!({"id": "a", "given": "Bo", "last": null, "amount": "1.00", "channel": "shop", "tier": 1});
    let Err(wrong) = declarative::load(file, &table) else {
        panic!("the newest version has no full_name");
    };
    assert!(wrong.message.contains("full_name"), "{wrong}");
    let (state, _, halted) = folded(table, fold, "joins", &[(new, event)]);
    // What version 3 calls `given` is none of a rule's of version 2.
    assert_eq!(state, Value::Null);
    let halted = halted.unwrap();
    for says in [
        "0: ",
        "migration rule join of version 2 of joins-s.Joined",
        "no field `first`",
        "given",
    ] {
        assert!(halted.contains(says), "{halted}");
    }
}

#[test]
fn an_event_of_the_next_version_goes_back_to_the_one_before() {
    let mut table = Table::default();
    table.register(SchemaType::Avro, "joins", V1);
    let file = "
name: member
rev: 1
topic: joins
events:
  s.Joined:
    begin:
      - set: { id: event.id, name: event.full_name, cents: event.cents }
";
    let fold = declarative::load(file, &table).unwrap();
    let back = |name: &str, expr: &str| MigrationRule {
        upgrades: false,
        downgrades: true,
        ..rule(name, expr)
    };
    let mut all = rules();
    all.push(back("whole", "{'full_name': message.full_name + '!'}"));
    all.push(back(
        "join",
        "{'full_name': message.first, 'cents': size(message.channel)}",
    ));
    let new = table.register_with(SchemaType::Avro, "joins", V2, &all);
    let event = json!({"id": "a", "first": "Bo", "last": null, "amount": "1.00", "channel": "shop"});
    let (state, _, halted) = folded(table, fold, "joins", &[(new, event)]);
    assert_eq!(
        (state, halted),
        (json!({"id": "a", "name": "Bo!", "cents": 4}), None)
    );
}

#[test]
fn a_rule_that_cannot_be_run_is_told_when_the_fold_is_loaded() {
    let check = |rules: &[MigrationRule], says: &[&str]| {
        let mut table = Table::default();
        table.register(SchemaType::Avro, "joins", V1);
        table.register_with(SchemaType::Avro, "joins", V2, rules);
        let Err(wrong) = declarative::load(FILE, &table) else {
            panic!("{rules:?} loads");
        };
        assert_eq!((wrong.line, wrong.column), (6, 3), "{wrong}");
        for says in says {
            assert!(wrong.message.contains(says), "{says}: {}", wrong.message);
        }
    };
    let named = "migration rule split of version 2 of joins-s.Joined: ";
    let amount = || rule("amount", AMOUNT);
    let jsonata = MigrationRule {
        language: "JSONATA".into(),
        ..rule("split", "$")
    };
    check(&[jsonata], &[named, "JSONATA", "only CEL", "disabled"]);
    let split =
        |expr: &str, says: &[&str]| check(&[rule("split", expr), amount()], &[&[named], says].concat());
    split(
        "{'first': message.name}",
        &[
            "message has no field `name`",
            "it has id, full_name, cents",
            "in `{'first'",
        ],
    );
    split("{'first': event.full_name}", &["event"]);
    split(
        "{'first': message.full_name, 'lost': 1}",
        &["the event has no field `lost`", "first, last"],
    );
    split(
        "{'first': message.cents}",
        &["it gives an integer as `first`, which is text"],
    );
    split("{'first': null}", &["it gives null as `first`"]);
    split("{'first': ", &["is no CEL expression"]);
    split(
        "message.full_name",
        &["it gives text, and not fields of the event"],
    );
    split(
        "message.cents ; {'first': 'x'}",
        &["a condition must be true or false"],
    );
    split(
        "{'first': message.full_name.split(' ')}",
        &["it gives a list as `first`"],
    );
    check(
        &[MigrationRule {
            transforms: false,
            ..rule("split", "message.cents + 1")
        }],
        &[named, "a condition must be true or false"],
    );
    // What is given at times must be resolved at others.
    let missing = [
        "version 2 of joins-s.Joined has migration rules",
        "cannot be resolved from version 1 to version 2",
    ];
    check(&[rule("split", SPLIT)], &missing);
    check(
        &[
            rule("split", "message.cents > 1 ; {'first': 'x', 'last': null}"),
            amount(),
        ],
        &missing,
    );
    check(
        &[
            rule(
                "split",
                "message.cents > 1 ? {'first': 'x', 'last': null} : {'last': null}",
            ),
            amount(),
        ],
        &missing,
    );
    check(
        &[
            rule(
                "split",
                &format!("{}message{}", "(".repeat(2_000), ")".repeat(2_000)),
            ),
            amount(),
        ],
        &[named],
    );
}

#[test]
fn an_event_that_a_rule_has_no_answer_for_halts_the_fold_where_it_stands() {
    let check = |first: MigrationRule, says: &[&str]| {
        let mut table = Table::default();
        let old = table.register(SchemaType::Avro, "joins", V1);
        table.register_with(SchemaType::Avro, "joins", V2, &[first, rule("amount", AMOUNT)]);
        let fold = declarative::load(FILE, &table).unwrap();
        let events = [(old, v1("Ada Lovelace", 1)), (old, v1("Ada", i64::MAX))];
        let (state, _, halted) = folded(table, fold, "joins", &events);
        let halted = halted.unwrap();
        for says in [&["1: ", "of version 2 of joins-s.Joined: "], says].concat() {
            assert!(halted.contains(says), "{halted}");
        }
        assert_eq!(state["amount"], "0.01");
    };
    let split = |last: &str| {
        rule(
            "split",
            &format!("{{'first': message.full_name, 'last': {last}}}"),
        )
    };
    check(
        split("message.full_name.split(' ')[1]"),
        &["migration rule split"],
    );
    check(
        split("string(message.cents + 1)"),
        &["migration rule split", "too many digits"],
    );
    check(
        rule(
            "split",
            "{'last': null, 'first': message.full_name == 'Ada' ? null : 'x'}",
        ),
        &["migration rule split", "first"],
    );
    check(
        rule(
            "split",
            "{'last': null, 'first': message.full_name == 'Ada' ? dyn(message.cents) : 'x'}",
        ),
        &["migration rule split", "first", "no string"],
    );
    let all = (0..40).map(|_| "[0,0,0,0,0,0,0,0,0,0]");
    let many = format!("({}).filter(a, true)", all.collect::<Vec<_>>().join("+"));
    let nested = format!("size({many}.map(a, {many}.map(b, {many}.map(c, {many}.exists(d, d == 1))))) == 1");
    check(
        split(&format!("message.full_name == 'Ada' && {nested} ? 'a' : 'b'")),
        &["migration rule split", "too much work"],
    );
    let condition = MigrationRule {
        transforms: false,
        ..rule("named", "message.full_name != 'Ada'")
    };
    let mut table = Table::default();
    let old = table.register(SchemaType::Avro, "joins", V1);
    table.register_with(
        SchemaType::Avro,
        "joins",
        V2,
        &[vec![condition], rules()].concat(),
    );
    let fold = declarative::load(FILE, &table).unwrap();
    let events = [(old, v1("Ada Lovelace", 1)), (old, v1("Ada", 2))];
    let (state, _, halted) = folded(table, fold, "joins", &events);
    let wanted = "1: migration rule named of version 2 of joins-s.Joined: its condition does not hold";
    assert_eq!(
        (&state["amount"], halted.as_deref()),
        (&json!("0.01"), Some(wanted))
    );
}

#[test]
fn a_fold_pins_the_rules_it_reads_through() {
    let with = |rules: &[MigrationRule]| {
        let mut table = Table::default();
        table.register(SchemaType::Avro, "joins", V1);
        table.register_with(SchemaType::Avro, "joins", V2, rules);
        table
    };
    let table = with(&rules());
    let fold = declarative::load(FILE, &table).unwrap();
    let lock = fold.pins().to_text().unwrap();
    assert!(lock.contains("migrations:\n    2: "), "{lock}");
    let pins = Pins::parse(&lock).unwrap();
    assert_eq!(
        declarative::load_pinned(FILE, &pins, &table).unwrap().id(),
        fold.id()
    );
    let refused = |pins: &Pins, table: &Table| {
        let Err(wrong) = declarative::load_pinned(FILE, pins, table) else {
            panic!("it loads");
        };
        for says in [
            "version 2 of joins-s.Joined",
            "annals fold update member",
            "`rev`",
        ] {
            assert!(wrong.message.contains(says), "{wrong}");
        }
    };
    let other = with(&[
        rule("split", "{'first': message.full_name, 'last': null}"),
        rule("amount", AMOUNT),
    ]);
    refused(&pins, &other);
    refused(&pins, &with(&[]));
    let updated = declarative::load(FILE, &other).unwrap();
    assert_ne!(updated.id(), fold.id());
    assert!(!updated.pins().read_as(fold.pins()));
    // A lock that is older than the rules.
    let (_, migrations) = lock.split_once("  migrations:").unwrap();
    let without = lock.replace(&format!("  migrations:{migrations}"), "");
    refused(&Pins::parse(&without).unwrap(), &table);
}

#[test]
fn messages_are_migrated_by_number_and_by_rule() {
    let old = r#"syntax = "proto3"; package p; message Parcel { string id = 1; oneof event { Sent sent = 3; Lost lost = 4; } }
message Sent { string carrier = 1; int64 grams = 2; } message Lost { }"#;
    let new = r#"syntax = "proto3"; package p; message Parcel { string parcel_id = 1; oneof event { Lost lost = 4; Gone gone = 5; } }
message Gone { repeated string by = 1; double kilos = 2; } message Lost { }"#;
    let gone = "has(message.sent) ; {'gone': {'by': message.sent.carrier.split('/'), 'kilos': double(message.sent.grams) / 1000.0}}";
    let file = "
name: parcel
rev: 1
topic: parcels
message: p.Parcel
events:
  gone:
    begin:
      - set: { id: event.parcel_id, by: event.gone.by, kilos: event.gone.kilos }
  lost:
    on:
      - set: { lost: event.parcel_id }
";
    let mut table = Table::default();
    let id = table.register(SchemaType::Protobuf, "parcels", old);
    table.register_with(SchemaType::Protobuf, "parcels", new, &[rule("gone", gone)]);
    let fold = declarative::load(file, &table).unwrap();
    let events = [
        (
            id,
            json!({"id": "7", "sent": {"carrier": "post/air", "grams": "1500"}}),
        ),
        (id, json!({"id": "8", "lost": {}})),
    ];
    let (state, leaves, halted) = folded(table, fold, "parcels", &events);
    assert_eq!(
        (state, halted),
        (
            json!({"id": "7", "by": ["post", "air"], "kilos": 1.5, "lost": "8"}),
            None
        )
    );
    let by = || Some("migration rule gone of version 2 of parcels-p.Parcel".to_owned());
    let wanted = [
        ("/by/0", ValueFrom::Migration, by()),
        ("/by/1", ValueFrom::Migration, by()),
        ("/id", ValueFrom::Upcast, None),
        ("/kilos", ValueFrom::Migration, by()),
        ("/lost", ValueFrom::Upcast, None),
    ];
    assert_eq!(origins(&leaves), wanted);
}

#[test]
fn rules_for_events_in_json_schema_are_refused() {
    let schema = r#"{"title": "Paid", "type": "object", "properties": {"amount": {"type": "number"}}}"#;
    let file =
        "name: p\nrev: 1\ntopic: pays\nevents: { Paid: { begin: [{ set: { amount: event.amount } }] } }\n";
    let mut table = Table::default();
    table.register(SchemaType::Json, "pays", schema);
    let changed = schema.replace("object", "object\", \"description\": \"2");
    table.register_with(SchemaType::Json, "pays", &changed, &[rule("r", "{'amount': 1}")]);
    let Err(wrong) = declarative::load(file, &table) else {
        panic!("it loads");
    };
    let says = "migration rule r of version 2 of pays-value: migration rules are run on records of Avro";
    assert!(wrong.message.contains(says), "{wrong}");
}

/// What one version does to the fields of the one before.
#[derive(Clone, Debug)]
enum Change {
    Rename(usize),
    Units(usize),
    Split(usize),
    Computed(usize),
    Plain,
}

/// A field of a version: its name, and what it is.
#[derive(Clone, Debug)]
struct Field {
    name: String,
    kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Whole,
    Money,
    Text,
    Defaulted,
}

fn changes() -> impl Strategy<Value = Vec<Change>> {
    let change = prop_oneof![
        any::<usize>().prop_map(Change::Rename),
        any::<usize>().prop_map(Change::Units),
        any::<usize>().prop_map(Change::Split),
        any::<usize>().prop_map(Change::Computed),
        Just(Change::Plain),
    ];
    proptest::collection::vec(change, 1..6)
}

fn schema_of(fields: &[Field]) -> String {
    let field = |field: &Field| {
        let rest = match field.kind {
            Kind::Whole => r#""type": "long""#,
            Kind::Money => {
                r#""type": {"type": "bytes", "logicalType": "decimal", "precision": 30, "scale": 2}"#
            }
            Kind::Text => r#""type": "string""#,
            Kind::Defaulted => r#""type": "string", "default": "as ever""#,
        };
        format!(r#"{{"name": "{}", {rest}}}"#, field.name)
    };
    let fields: Vec<String> = fields.iter().map(field).collect();
    format!(
        r#"{{"type": "record", "name": "s.E", "fields": [{}]}}"#,
        fields.join(", ")
    )
}

/// The next version of fields and its rule, and what that makes of values.
type Made = (
    Vec<Field>,
    Option<String>,
    Box<dyn Fn(&[(String, Value)]) -> Vec<(String, Value)>>,
);

fn made(change: &Change, version: usize, fields: &[Field]) -> Made {
    let pick = |at: usize, kind: Kind| {
        let fitting: Vec<&Field> = fields.iter().filter(|field| field.kind == kind).collect();
        fitting
            .get(at % fitting.len().max(1))
            .map(|field| field.name.clone())
    };
    let new = |what: &str| format!("{what}{version}");
    let without = |name: &str| {
        fields
            .iter()
            .filter(|field| field.name != name)
            .cloned()
            .collect::<Vec<_>>()
    };
    let with = |mut rest: Vec<Field>, more: &[(String, Kind)]| {
        rest.extend(more.iter().map(|(name, kind)| Field {
            name: name.clone(),
            kind: *kind,
        }));
        rest
    };
    let taken = |values: &[(String, Value)], name: &str| {
        let rest: Vec<_> = values
            .iter()
            .filter(|(known, _)| known != name)
            .cloned()
            .collect();
        let value = values.iter().find(|(known, _)| known == name).unwrap().1.clone();
        (rest, value)
    };
    match change {
        Change::Rename(at) if pick(*at, Kind::Text).is_some() => {
            let (from, to) = (pick(*at, Kind::Text).unwrap(), new("name"));
            let fields = with(without(&from), &[(to.clone(), Kind::Text)]);
            let rule = format!("{{'{to}': message.{from}}}");
            (
                fields,
                Some(rule),
                Box::new(move |values| {
                    let (mut rest, value) = taken(values, &from);
                    rest.push((to.clone(), value));
                    rest
                }),
            )
        }
        Change::Units(at) if pick(*at, Kind::Whole).is_some() => {
            let from = pick(*at, Kind::Whole).unwrap();
            // Of the same name, which resolution would refuse.
            let fields = with(without(&from), &[(from.clone(), Kind::Money)]);
            let rule = format!("{{'{from}': decimal('0.01') * message.{from}}}");
            (
                fields,
                Some(rule),
                Box::new(move |values| {
                    let (mut rest, value) = taken(values, &from);
                    let cents = value.as_i64().unwrap();
                    let sign = if cents < 0 { "-" } else { "" };
                    let cents = cents.unsigned_abs();
                    rest.push((
                        from.clone(),
                        json!(format!("{sign}{}.{:02}", cents / 100, cents % 100)),
                    ));
                    rest
                }),
            )
        }
        Change::Split(at) if pick(*at, Kind::Text).is_some() => {
            let (from, a, b) = (pick(*at, Kind::Text).unwrap(), new("a"), new("b"));
            let fields = with(
                without(&from),
                &[(a.clone(), Kind::Text), (b.clone(), Kind::Text)],
            );
            let parts = format!("message.{from}.split('-')");
            let rule = format!("{{'{a}': {parts}[0], '{b}': size({parts}) > 1 ? {parts}[1] : ''}}");
            (
                fields,
                Some(rule),
                Box::new(move |values| {
                    let (mut rest, value) = taken(values, &from);
                    let mut parts = value.as_str().unwrap().split('-');
                    for name in [&a, &b] {
                        rest.push((name.clone(), json!(parts.next().unwrap_or_default())));
                    }
                    rest
                }),
            )
        }
        Change::Computed(at) if pick(*at, Kind::Whole).is_some() => {
            let (from, to) = (pick(*at, Kind::Whole).unwrap(), new("twice"));
            let fields = with(fields.to_vec(), &[(to.clone(), Kind::Whole)]);
            let rule = format!("message.{from} > 0 ? {{'{to}': message.{from} * 2}} : {{'{to}': 0}}");
            (
                fields,
                Some(rule),
                Box::new(move |values| {
                    let (mut rest, value) = (values.to_vec(), taken(values, &from).1);
                    rest.push((to.clone(), json!(value.as_i64().unwrap().max(0) * 2)));
                    rest
                }),
            )
        }
        _ => {
            let name = new("more");
            let fields = with(fields.to_vec(), &[(name.clone(), Kind::Defaulted)]);
            (
                fields,
                None,
                Box::new(move |values| {
                    let mut rest = values.to_vec();
                    rest.push((name.clone(), json!("as ever")));
                    rest
                }),
            )
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases / 4, ..ProptestConfig::default() })]

    /// Whatever versions do, an event of any of them reads as what they make of it, one after the other.
    #[test]
    fn an_event_reads_as_what_each_version_makes_of_it(
        changes in changes(), writer in any::<usize>(), whole in -1_000_000i64..1_000_000, text in "[a-z]{0,5}(-[a-z]{0,5}){0,3}",
    ) {
        let mut table = Table::default();
        let mut fields = vec![
            Field { name: "whole".into(), kind: Kind::Whole },
            Field { name: "text".into(), kind: Kind::Text },
        ];
        let mut values = vec![("whole".to_owned(), json!(whole)), ("text".to_owned(), json!(text))];
        let mut ids = vec![table.register(SchemaType::Avro, "es", &schema_of(&fields))];
        let writer = writer % (changes.len() + 1);
        let mut event = values.clone();
        for (change, version) in changes.iter().zip(1..) {
            let (next, rule_text, model) = made(change, version, &fields);
            fields = next;
            let rules: Vec<MigrationRule> = rule_text.iter().map(|text| rule("r", text)).collect();
            ids.push(table.register_with(SchemaType::Avro, "es", &schema_of(&fields), &rules));
            values = model(&values);
            if version == writer {
                event.clone_from(&values);
            }
        }
        let sets: Vec<String> = fields.iter().map(|field| format!("{0}: event.{0}", field.name)).collect();
        let file = format!(
            "name: e\nrev: 1\ntopic: es\nevents: {{ s.E: {{ begin: [{{ set: {{ {} }} }}] }} }}\n",
            sets.join(", ")
        );
        let fold = declarative::load(&file, &table).unwrap();
        let event = Value::Object(event.into_iter().collect());
        let (state, _, halted) = folded(table, fold, "es", &[(ids[writer], event)]);
        prop_assert_eq!(halted, None);
        prop_assert_eq!(state, Value::Object(values.into_iter().collect()));
    }
}
