//! Migration rules of registered versions: what they make of events, and what answers say of them.

use annals_event_store::declarative::{self, Declarative};
use annals_event_store::{AnyFold, AsOf, LeafOrigin, Reconstruction, ValueFrom};
use annals_schema_model::{MigrationRule, Resolve as _, Schema, SchemaId, SchemaType, Writing};
use serde_json::{Value, json};

use crate::support::{Logs, Table, Write, stored};

pub(crate) const V1: &str = r#"{"type": "record", "name": "s.Joined", "fields": [
    {"name": "id", "type": "string"}, {"name": "full_name", "type": "string"}, {"name": "cents", "type": "long"}]}"#;
pub(crate) const V2: &str = r#"{"type": "record", "name": "s.Joined", "fields": [
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
pub(crate) const AMOUNT: &str = "{'amount': decimal('0.01') * message.cents}";
pub(crate) const FILE: &str = "
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

pub(crate) fn rule(name: &str, expr: &str) -> MigrationRule {
    MigrationRule {
        name: name.into(),
        transforms: true,
        upgrades: true,
        downgrades: false,
        language: "CEL".into(),
        expr: expr.into(),
    }
}

/// A rule that leads back to the version before.
pub(crate) fn back(name: &str, expr: &str) -> MigrationRule {
    MigrationRule {
        upgrades: false,
        downgrades: true,
        ..rule(name, expr)
    }
}

pub(crate) fn rules() -> Vec<MigrationRule> {
    vec![rule("split", SPLIT), rule("amount", AMOUNT)]
}

/// What is answered about events.
fn asked(
    table: Table,
    fold: Declarative,
    topic: &'static str,
    events: &[(SchemaId, Value)],
) -> Reconstruction {
    let logs = Logs::new(topic, 1);
    let records: Vec<Write> = events
        .iter()
        .map(|(id, json)| table.written(*id, ("a", 1), json))
        .collect();
    logs.append(0, &records);
    let name = fold.id().name.clone();
    let store = stored(table, fold, &logs);
    store.explain(&name, "a", &AsOf::Head).unwrap()
}

/// What becomes of events: the state, where its values come from, and why the fold stopped.
pub(crate) fn folded(
    table: Table,
    fold: Declarative,
    topic: &'static str,
    events: &[(SchemaId, Value)],
) -> (Value, Vec<LeafOrigin>, Option<String>) {
    let answer = asked(table, fold, topic, events);
    let halted = answer
        .halted
        .map(|halted| format!("{}: {}", halted.offset, halted.reason));
    let leaves = answer
        .explanation
        .map_or_else(Vec::new, |explanation| explanation.leaves);
    for rule in leaves.iter().filter_map(|leaf| leaf.rule.as_ref()) {
        assert!(answer.migrations.contains(rule), "{rule} is no evidence");
    }
    (answer.state, leaves, halted)
}

/// Where each value comes from, in a word, and by which rule.
pub(crate) fn origins(leaves: &[LeafOrigin]) -> Vec<(&str, ValueFrom, Option<String>)> {
    let origin = |leaf: &'_ LeafOrigin| leaf.rule.as_ref().map(ToString::to_string);
    leaves
        .iter()
        .map(|leaf| (leaf.path.as_str(), leaf.from.unwrap(), origin(leaf)))
        .collect()
}

pub(crate) fn v1(name: &str, cents: i64) -> Value {
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

/// The rules that ran, and no others, stand with what an answer rests on.
#[test]
fn an_answer_names_the_rules_that_its_events_went_through() {
    let check = |events: &dyn Fn(SchemaId, SchemaId) -> Vec<(SchemaId, Value)>, wanted: &[&str]| {
        let mut table = Table::default();
        let old = table.register(SchemaType::Avro, "joins", V1);
        let new = table.register_with(SchemaType::Avro, "joins", V2, &rules());
        let fold = declarative::load(FILE, &table).unwrap();
        let answer = asked(table, fold, "joins", &events(old, new));
        let told: Vec<String> = answer.migrations.iter().map(ToString::to_string).collect();
        assert_eq!(told, wanted);
    };
    let second = json!({"id": "a", "first": "Bo", "last": null, "amount": "1.00", "channel": "shop"});
    let both =
        ["split", "amount"].map(|rule| format!("migration rule {rule} of version 2 of joins-s.Joined"));
    let both: Vec<&str> = both.iter().map(String::as_str).collect();
    check(&|_, new| vec![(new, second.clone())], &[]);
    check(
        &|old, _| vec![(old, v1("Ada Lovelace", 1)), (old, v1("Ada", 2))],
        &both,
    );
    check(
        &|old, new| vec![(new, second.clone()), (old, v1("Ada Lovelace", 1))],
        &both,
    );
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

/// What is always given need not be resolved: the writer's bytes are passed over, but for those of the same message within another.
#[test]
fn a_field_of_a_message_that_is_always_given_may_have_another_type() {
    let of = |amount: &str, more: &str| {
        format!(
            "syntax = \"proto3\"; package p; message E {{ string id = 1; {amount}; {more} oneof event {{ One one = 10; }} }} \
             message One {{ }}"
        )
    };
    let file = "name: e\nrev: 1\ntopic: es\nmessage: p.E\n\
                events: { one: { begin: [{ set: { id: event.id, amount: event.amount } }] } }\n";
    let given = |new: &str, more: &str, expr: &str| {
        let mut table = Table::default();
        let id = table.register(SchemaType::Protobuf, "es", &of("int64 amount = 2", more));
        table.register_with(SchemaType::Protobuf, "es", &of(new, more), &[rule("give", expr)]);
        let fold = declarative::load(file, &table).map_err(|error| error.message)?;
        let event = json!({"id": "7", "amount": "1234", "one": {}});
        let (state, leaves, halted) = folded(table, fold, "es", &[(id, event)]);
        assert_eq!((halted, leaves[0].from), (None, Some(ValueFrom::Migration)));
        Ok::<_, String>(state)
    };
    let text = "{'amount': string(message.amount)}";
    let wanted = Ok(json!({"id": "7", "amount": "1234"}));
    assert_eq!(given("string amount = 2", "", text), wanted);
    let list = given("repeated string amount = 2", "", "{'amount': [message.id]}");
    assert_eq!(list, Ok(json!({"id": "7", "amount": ["7"]})));
    let refused = |more: &str, expr: &str| {
        let told = given("string amount = 2", more, expr).unwrap_err();
        let says = "what they do not always give cannot be resolved from version 1 to version 2: ";
        assert!(told.contains(says) && told.contains("#/E/2"), "{told}");
    };
    refused("", "message.amount > 1 ; {'amount': string(message.amount)}");
    refused("", "message.amount > 1 ? {'amount': 'a'} : {'id': 'b'}");
    refused("E within = 3;", text);
}

/// Rules are the named message's, wherever it stands in the file, which it need not do at the same place.
#[test]
fn a_message_that_is_not_the_first_is_migrated() {
    let of = |sent: &str, before: &str| {
        format!(
            "syntax = \"proto3\"; package p; {before} message Other {{ int32 n = 1; }} \
             message Parcel {{ string id = 1; oneof event {{ Sent sent = 3; }} }} message Sent {{ {sent} }}"
        )
    };
    let file = "
name: parcel
rev: 1
topic: parcels
message: p.Parcel
events:
  sent:
    begin:
      - set: { id: event.id, kilos: event.sent.kilos }
";
    let give = "has(message.sent) ; {'sent': {'kilos': double(message.sent.grams) / 1000.0}}";
    let check = |before: &str| {
        let mut table = Table::default();
        let subject = || "parcels-value".to_owned();
        let parsed = |text: &str| Schema::parse(SchemaType::Protobuf, text, &[]).unwrap();
        let old = table.register_as(subject(), parsed(&of("int64 grams = 2;", before)), &[]);
        table.register_as(
            subject(),
            parsed(&of("double kilos = 3;", "")),
            &[rule("give", give)],
        );
        let fold = declarative::load(file, &table).unwrap();
        let body = |name: &str, json: &Value| {
            let schema = table.writer(old).unwrap();
            Writing::of_message(&schema.schema, name)
                .write(&json.to_string())
                .unwrap()
        };
        let parcel = body("p.Parcel", &json!({"id": "7", "sent": {"grams": "1500"}}));
        let other = body("p.Other", &json!({"n": 1}));
        let logs = Logs::new("parcels", 1);
        logs.append(0, &[&parcel, &other].map(|body| Write::of("a", old, body)));
        let store = stored(table, fold, &logs);
        let answer = store.explain("parcel", "a", &AsOf::Head).unwrap();
        assert_eq!(
            (answer.state, answer.halted),
            (json!({"id": "7", "kilos": 1.5}), None)
        );
        assert_eq!(answer.unknown_events, 1);
        let leaves = answer.explanation.unwrap().leaves;
        let wanted = Some("migration rule give of version 2 of parcels-value".to_owned());
        assert_eq!(origins(&leaves)[1], ("/kilos", ValueFrom::Migration, wanted));
    };
    check("");
    check("message First { } message Second { }");
}
