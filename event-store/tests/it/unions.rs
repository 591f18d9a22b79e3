//! Events in a union at the top of an Avro schema: each record of it is an event, whatever else the union holds.

use std::sync::Arc;

use annals_event_store::declarative::{self, Declarative};
use annals_event_store::{AsOf, EventStore, Page, Reconstruction, ValueFrom};
use annals_schema_model::{SchemaId, SchemaType};
use proptest::prelude::*;
use serde_json::json;

use crate::migrations::rule;
use crate::support::{Logs, Table, Write, enveloped};

const P1: &str = r#"{"type": "record", "name": "u.P", "fields": [{"name": "n", "type": "int"}]}"#;
/// Reads what P1 wrote; P1 does not read what this wrote.
const P2: &str = r#"{"type": "record", "name": "u.P", "fields": [
    {"name": "extra", "type": "string", "default": "d"}, {"name": "n", "type": "long"}]}"#;
const Q: &str = r#"{"type": "record", "name": "u.Q", "fields": [{"name": "n", "type": "long"}]}"#;
const IGNORED: &str = r#"{"type": "record", "name": "u.Ignored", "fields": [{"name": "n", "type": "long"}]}"#;
const NEW: &str = r#"{"type": "record", "name": "u.New", "fields": [{"name": "n", "type": "long"}]}"#;

const FILE: &str = "
name: u
rev: 1
topic: us
ignore: [u.Ignored]
events:
  u.P:
    begin:
      - set: { seen: [\"'P' + string(event.n)\"] }
    on:
      - append: { seen: \"'P' + string(event.n)\" }
  u.Q:
    begin:
      - set: { seen: [\"'Q' + string(event.n)\"] }
    on:
      - append: { seen: \"'Q' + string(event.n)\" }
";

/// What the topic's events were written with, the oldest first: one record, or a union.
const WRITERS: [&[&str]; 5] = [
    &[P1, Q],
    &[r#""null""#, Q, IGNORED, P2],
    &[P1],
    &[NEW, P1, IGNORED, r#""string""#, Q],
    &[Q, P2],
];

fn text(branches: &[&str]) -> String {
    match branches {
        [one] => (*one).to_owned(),
        several => format!("[{}]", several.join(", ")),
    }
}

fn registered(table: &mut Table, writers: &[&[&str]]) -> Vec<SchemaId> {
    let texts = writers.iter().map(|branches| text(branches));
    texts
        .map(|text| table.register(SchemaType::Avro, "us", &text))
        .collect()
}

/// An event, or what is none, as its writer has it: small numbers, so that each takes one byte.
fn body(branches: &[&str], branch: usize, n: u8) -> Vec<u8> {
    let mut body = Vec::new();
    if branches.len() > 1 {
        body.push(u8::try_from(branch * 2).unwrap());
    }
    match branches[branch] {
        r#""null""# => {}
        r#""string""# => body.extend([2, b's']),
        P2 => body.extend([2, b'x', n * 2]),
        _ => body.push(n * 2),
    }
    body
}

fn write(schema: SchemaId, body: &[u8]) -> Write {
    Write {
        ms: 1,
        key: Some(b"k".to_vec()),
        value: Some(enveloped(schema, body)),
        headers: vec![],
    }
}

fn stored(table: Table, fold: Declarative, logs: &Logs) -> EventStore {
    let store = EventStore::new(Arc::new(table));
    store.add_aggregate(Box::new(fold), logs.source()).unwrap();
    store
}

fn unknown(answer: &Reconstruction) -> Vec<&str> {
    answer.unknown.iter().map(|kind| kind.event.as_str()).collect()
}

/// What becomes of events, by a model that knows no schemas.
#[derive(Default, Debug, PartialEq)]
struct Model {
    seen: Vec<String>,
    unknown: Vec<&'static str>,
    halted: bool,
}

impl Model {
    fn of(events: &[(usize, usize, u8)], loaded: usize) -> Model {
        let reads_p = WRITERS[..loaded].iter().rev().flat_map(|branches| *branches);
        let reads_p = reads_p.copied().find(|branch| [P1, P2].contains(branch));
        let mut model = Model::default();
        for (writer, branch, n) in events {
            let unknown = match WRITERS[*writer][*branch] {
                P2 if reads_p == Some(P1) => {
                    model.halted = true;
                    break;
                }
                P1 | P2 => {
                    model.seen.push(format!("P{n}"));
                    continue;
                }
                Q => {
                    model.seen.push(format!("Q{n}"));
                    continue;
                }
                IGNORED => continue,
                NEW => "u.New",
                r#""null""# => "null",
                _ => "string",
            };
            model.unknown.push(unknown);
        }
        model
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases / 4, ..ProptestConfig::default() })]

    #[test]
    fn records_of_unions_are_events_whichever_schema_wrote_them_and_reads_them(
        picked in prop::collection::vec((0..WRITERS.len(), any::<prop::sample::Index>(), 0u8..60), 1..20),
        loaded in 1..=WRITERS.len(),
    ) {
        let events: Vec<(usize, usize, u8)> = picked
            .iter()
            .map(|(writer, branch, n)| (*writer, branch.index(WRITERS[*writer].len()), *n))
            .collect();
        let mut table = Table::default();
        let mut ids = registered(&mut table, &WRITERS[..loaded]);
        let fold = declarative::load(FILE, &table).unwrap();
        ids.extend(registered(&mut table, &WRITERS[loaded..]));
        let logs = Logs::new("us", 1);
        let writes: Vec<Write> = events
            .iter()
            .map(|(writer, branch, n)| write(ids[*writer], &body(WRITERS[*writer], *branch, *n)))
            .collect();
        logs.append(0, &writes);
        let store = stored(table, fold, &logs);
        let answer = store.reconstruct("u", "k", &AsOf::Head).unwrap();
        let model = Model::of(&events, loaded);
        let seen = answer.state["seen"].as_array().into_iter().flatten();
        let found = Model {
            seen: seen.map(|seen| seen.as_str().unwrap().to_owned()).collect(),
            halted: answer.halted.is_some(),
            unknown: model.unknown.clone(),
        };
        prop_assert_eq!(&found, &model, "{:?}", answer.halted);
        prop_assert_eq!(unknown(&answer), model.unknown);
    }
}

/// One union, of which P is read with another version than wrote it.
fn some() -> EventStore {
    let mut table = Table::default();
    let old = registered(&mut table, &[&[P1, Q]])[0];
    registered(&mut table, &[&[r#""null""#, P2, Q]]);
    let text = FILE.replace(
        "seen: [\"'P' + string(event.n)\"]",
        "seen: [], n: event.n, extra: event.extra",
    );
    let fold = declarative::load(&text, &table).unwrap();
    let (subject, version) = ("us-value", 2);
    let pin = fold.pins().get("u.P").unwrap();
    assert_eq!((pin.subject.as_str(), pin.version), (subject, version));
    assert_eq!(
        declarative::Pins::parse(&fold.pins().to_text().unwrap()).unwrap(),
        *fold.pins()
    );
    let again = declarative::load_pinned(&text, fold.pins(), &table).unwrap();
    assert!(again.pins().read_as(fold.pins()));
    let logs = Logs::new("us", 1);
    let bodies = [body(&[P1, Q], 0, 7), body(&[P1, Q], 1, 8), vec![4, 0]];
    logs.append(0, &bodies.map(|body| write(old, &body)));
    stored(table, fold, &logs)
}

#[test]
fn answers_name_the_record() {
    let store = some();
    let history = store.history("u", "k", &AsOf::Head, Page::default()).unwrap();
    let told: Vec<_> = history
        .entries
        .iter()
        .map(|entry| (entry.event.as_deref().unwrap(), &entry.data))
        .collect();
    assert_eq!(told[..2], [("u.P", &json!({"n": 7})), ("u.Q", &json!({"n": 8}))]);
    let explained = store.explain("u", "k", &AsOf::Head).unwrap();
    let halted = explained.halted.unwrap();
    assert!(
        halted.offset == 2 && halted.reason.contains("union branch"),
        "{halted:?}"
    );
    let leaves = explained.explanation.unwrap().leaves;
    let told: Vec<_> = leaves
        .iter()
        .map(|leaf| (leaf.path.as_str(), leaf.by.event.as_deref(), leaf.from))
        .collect();
    assert_eq!(
        told,
        [
            ("/extra", Some("u.P"), Some(ValueFrom::Default)),
            ("/n", Some("u.P"), Some(ValueFrom::Upcast)),
            ("/seen/0", Some("u.Q"), Some(ValueFrom::Fold)),
        ]
    );
}

#[test]
fn cases_name_the_record() {
    let mut table = Table::default();
    registered(&mut table, &[&[r#""null""#, P2, Q, NEW]]);
    let fold = declarative::load(FILE, &table).unwrap();
    let check = |event: &str, data: &str, wanted: Result<&[&str], &str>| {
        let text = format!(
            "cases:\n  - name: one\n    when: {{ event: {event}, data: {data} }}\n    then: {{ state: {{ seen: [Q1] }} }}\n"
        );
        match (declarative::run_cases(&fold, &text, &table), wanted) {
            (Ok(results), Ok(wanted)) => assert_eq!(results[0].wrong, wanted),
            (Err(error), Err(wanted)) => assert!(error.to_string().contains(wanted), "{error}"),
            (found, wanted) => panic!("{wanted:?}: {:?}", found.err()),
        }
    };
    check("u.Q", "{ n: 1 }", Ok(&[]));
    check(
        "u.P",
        "{ n: 1 }",
        Ok(&["/seen/0: \"Q1\" was expected, and there is \"P1\""]),
    );
    check(
        "u.New",
        "{ n: 1 }",
        Ok(&["the fold has not heard of u.New (event 1)"]),
    );
    check(
        "u.Q",
        "{ m: 1 }",
        Err("the data is no u.Q: m: u.Q has no such field"),
    );
    check(
        "u.Gone",
        "{ n: 1 }",
        Err("no schema of record u.Gone is registered"),
    );
}

#[test]
fn migration_rules_of_a_union_are_refused() {
    let refused = "version 2 of us-value: migration rules are run on records of Avro and messages of Protobuf alone, and not on \
         events in a union";
    for (writers, wanted) in [
        ([&[P1, Q][..], &[P2, Q]], refused),
        ([&[Q, P1], &[Q, NEW, P2]], refused),
    ] {
        let mut table = Table::default();
        registered(&mut table, &writers[..1]);
        let rules = [rule("n", "{'n': message.n}")];
        table.register_with(SchemaType::Avro, "us", &text(writers[1]), &rules);
        let error = declarative::load(FILE, &table).err().unwrap();
        assert!(error.to_string().contains(wanted), "{error}");
    }
}

#[test]
fn what_the_union_lacks_is_told() {
    let mut table = Table::default();
    registered(&mut table, &[&[P1, Q]]);
    let check = |from: &str, to: &str, wanted: &str| {
        let error = declarative::load(&FILE.replacen(from, to, 1), &table)
            .err()
            .unwrap();
        assert!(error.to_string().contains(wanted), "{error}");
    };
    check(
        "  u.Q:",
        "  u.R:",
        "no schema of record u.R is registered for topic us",
    );
    check(
        "string(event.n)",
        "string(event.m)",
        "event has no field `m`; it has n",
    );
}
