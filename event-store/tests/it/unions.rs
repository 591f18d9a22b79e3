//! Events in a union at the top of an Avro schema: each record of it is an event, whatever else the union holds.

use annals_event_store::declarative;
use annals_event_store::{AsOf, EventStore, Page, Reconstruction, ValueFrom};
use annals_schema_model::{MigrationRule, Schema, SchemaId, SchemaType};
use proptest::prelude::*;
use serde_json::json;

use crate::migrations::{back, rule};
use crate::support::{Logs, Table, Write, stored};

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
    Write::of("k", schema, body)
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

/// P in a shape that no resolution leads to.
const P3: &str = r#"{"type": "record", "name": "u.P", "fields": [{"name": "code", "type": "string"}]}"#;
/// Q without anything that a rule could ask P for.
const Q2: &str = r#"{"type": "record", "name": "u.Q", "fields": [{"name": "m", "type": "long"}]}"#;

/// A union with rules, of events that a union or a record alone was the schema of before.
fn migrated(
    old: &[&str],
    new: &[&str],
    rules: &[MigrationRule],
    file: &str,
) -> Result<(EventStore, Logs), String> {
    let mut table = Table::default();
    let subject = || "us-value".to_owned();
    let parsed = |branches: &[&str]| Schema::parse(SchemaType::Avro, &text(branches), &[]).unwrap();
    let ids = [
        table.register_as(subject(), parsed(old), &[]),
        table.register_as(subject(), parsed(new), rules),
    ];
    let fold = declarative::load(file, &table).map_err(|error| error.message)?;
    let logs = Logs::new("us", 1);
    for (id, branches) in ids.into_iter().zip([old, new]) {
        let of = |(branch, record): (usize, &&str)| match *record {
            P3 => [
                if branches.len() > 1 {
                    vec![branch as u8 * 2]
                } else {
                    vec![]
                },
                vec![2, b'x'],
            ]
            .concat(),
            _ => body(branches, branch, 7),
        };
        let bodies = branches.iter().enumerate().map(of);
        let writes: Vec<Write> = bodies.map(|body| write(id, &body)).collect();
        logs.append(0, &writes);
    }
    Ok((stored(table, fold, &logs), logs))
}

#[test]
fn rules_of_a_union_are_run_on_the_record_that_the_event_is_of() {
    let file = FILE
        .replace("'P' + string(event.n)", "event.code")
        .replace("string(event.n)", "string(event.m)");
    let give = rule("give", "has(message.n) ; {'code': 'c' + string(message.n)}");
    let check = |old: &[&str], new: &[&str], seen: &[&str], names: &[&str]| {
        let rules = std::slice::from_ref(&give);
        let (store, _logs) = migrated(old, new, rules, &file).unwrap();
        let answer = store.explain("u", "k", &AsOf::Head).unwrap();
        assert_eq!((&answer.state["seen"], &answer.halted), (&json!(seen), &None));
        assert_eq!(unknown(&answer), names);
        let by: Vec<String> = answer.migrations.iter().map(ToString::to_string).collect();
        assert_eq!(by, ["migration rule give of version 2 of us-value"]);
    };
    check(&[P1, Q2], &[Q2, P3], &["c7", "Q7", "Q7", "x"], &[]);
    let (null, text) = (r#""null""#, r#""string""#);
    check(
        &[null, P1, NEW],
        &[text, P3, Q2],
        &["c7", "x", "Q7"],
        &["null", "u.New", "string"],
    );
    // A record alone, and one of several.
    check(&[P1], &[IGNORED, Q2, P3], &["c7", "Q7", "x"], &[]);
    let refused = |rules: &[MigrationRule], says: &[&str]| {
        let wrong = migrated(&[P1, Q2], &[Q2, P3], rules, &file).err().unwrap();
        for says in says {
            assert!(wrong.contains(says), "{says}: {wrong}");
        }
    };
    let open = rule("give", "{'code': 'c' + string(message.n)}");
    refused(
        &[open],
        &[
            "us-value",
            "message has no field `n`; it has m",
            "a guard says which events",
        ],
    );
    let wrong = rule("give", "has(message.n) ; {'code': message.n}");
    refused(&[wrong], &["it gives an integer as `code`, which is text"]);
    let at_times = rule("give", "message.n > 1 ; {'code': 'c'}");
    refused(
        &[rule("q", "has(message.m) ; {'m': 1}"), at_times],
        &["what they do not always give cannot be resolved", "code"],
    );
    let none = rule("give", "has(message.k) ; {'code': 'c'}");
    refused(&[none], &["message has no field `k`"]);
}

#[test]
fn a_value_says_which_rule_of_a_union_it_came_by() {
    let file = FILE.replace(r#"seen: ["'P' + string(event.n)"]"#, "seen: [], code: event.code");
    let file = file
        .replace("'P' + string(event.n)", "event.code")
        .replace("event.n", "event.m");
    let give = rule("give", "has(message.n) ; {'code': 'c' + string(message.n)}");
    let (store, _logs) = migrated(&[P1, Q2], &[Q2, P3], &[give], &file).unwrap();
    let answer = store.explain("u", "k", &AsOf::Offset(1)).unwrap();
    let leaves = answer.explanation.unwrap().leaves;
    let told: Vec<_> = leaves
        .iter()
        .map(|leaf| {
            (
                leaf.path.as_str(),
                leaf.from,
                leaf.rule.as_ref().map(|rule| rule.name.as_str()),
            )
        })
        .collect();
    let wanted = [
        ("/code", Some(ValueFrom::Migration), Some("give")),
        ("/seen/0", Some(ValueFrom::Fold), None),
    ];
    assert_eq!(told, wanted);
}

/// A fold whose reader is older than the union has the rules that lead back.
#[test]
fn a_record_of_a_newer_union_goes_back_to_the_one_before() {
    let mut table = Table::default();
    table.register(SchemaType::Avro, "us", &text(&[P1, Q]));
    let fold = declarative::load(FILE, &table).unwrap();
    let down = back("down", "has(message.code) ; {'n': size(message.code)}");
    let new = table.register_with(SchemaType::Avro, "us", &text(&[Q, P3]), &[down]);
    let logs = Logs::new("us", 1);
    logs.append(0, &[write(new, &[2, 6, b'a', b'b', b'c']), write(new, &[0, 8])]);
    let answer = stored(table, fold, &logs)
        .reconstruct("u", "k", &AsOf::Head)
        .unwrap();
    assert_eq!(
        (answer.state, answer.halted),
        (json!({"seen": ["P3", "Q4"]}), None)
    );
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
