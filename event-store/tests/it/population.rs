//! What is asked of all aggregates, against what is asked of each.

use std::collections::BTreeMap;

use annals_event_store::format::Format;
use annals_event_store::{AsOf, Cut, EventStore, Member, Question, StoreError};
use annals_schema_model::avro::Reading;
use annals_schema_model::avro::container::ContainerReader;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::model::{Stream, events, stores};
use crate::support::Logs;
use crate::till::{FILE, TOPIC, Till, table};

/// Conditions, and what they mean of a state in JSON.
type Condition = (&'static str, fn(&Value) -> bool);

const CONDITIONS: [Condition; 6] = [
    ("state.status == 'open'", |state| state["status"] == "open"),
    ("state.balance > decimal('0.03')", |state| cents(state) > 3),
    ("state.payments >= 2 && state.names.size() == 1", |state| {
        state["payments"].as_u64().unwrap() >= 2 && state["names"].as_array().unwrap().len() == 1
    }),
    ("state.payers.exists(p, p.payer == 1)", |state| {
        state["payers"]
            .as_array()
            .unwrap()
            .iter()
            .any(|payer| payer["payer"] == 1)
    }),
    ("state.last_paid == null", |state| state["last_paid"].is_null()),
    (
        "state.last_paid != null && state.last_paid < timestamp(0) + duration('30ms')",
        |state| {
            state["last_paid"]
                .as_str()
                .is_some_and(|paid| paid < "1970-01-01T00:00:00.030Z")
        },
    ),
];

fn cents(state: &Value) -> i64 {
    state["balance"]
        .as_str()
        .unwrap()
        .replace('.', "")
        .parse()
        .unwrap()
}

/// All pages.
fn walk(store: &EventStore, at: &AsOf, question: &Question, limit: usize) -> Vec<Member> {
    let (mut cursor, mut items) = (None, Vec::new());
    loop {
        let page = store.ask("till", at, question, limit, cursor.as_deref()).unwrap();
        assert!(page.items.len() <= limit);
        items.extend(page.items);
        cursor = page.next_cursor;
        if cursor.is_none() {
            return items;
        }
    }
}

fn rows(store: &EventStore, at: &AsOf, question: &Question, limit: Option<usize>) -> Vec<Member> {
    let mut items = Vec::new();
    let rows = store.rows("till", at, question).unwrap();
    let summary = rows.each(limit, &mut |member| {
        items.push(member);
        Ok(())
    });
    assert!(limit.is_some() || summary.unwrap().matched == items.len() as u64);
    items
}

/// A value as rows in JSON have it: instants there are in milliseconds.
fn as_in_json(value: Value) -> Value {
    match value {
        Value::String(text) => Value::String(
            text.strip_suffix("000Z")
                .map_or(text.clone(), |text| format!("{text}Z")),
        ),
        Value::Array(items) => items.into_iter().map(as_in_json).collect(),
        Value::Object(fields) => {
            let fields = fields.into_iter().map(|(name, value)| (name, as_in_json(value)));
            fields.collect()
        }
        other => other,
    }
}

/// The rows of an Avro container file, by their columns' names.
fn container(file: &[u8]) -> Vec<Value> {
    let mut file = ContainerReader::new(file).unwrap();
    let reading = Reading::of(file.schema());
    let mut rows = Vec::new();
    while let Some((_, datum)) = file.next_datum().unwrap() {
        rows.push(as_in_json(reading.read(datum).unwrap().to_json()));
    }
    rows
}

/// A text as Avro has it: behind its length.
fn prefixed(text: &str) -> Vec<u8> {
    let mut bytes = annals_schema_model::avro::wire::Writer::new();
    bytes.string(text);
    bytes.into_bytes()
}

/// What a container file has of rows, against the same rows in JSON.
fn check_container(store: &EventStore, at: &AsOf, question: &Question) {
    let write = || {
        let mut file = Vec::new();
        let rows = store.rows("till", at, question).unwrap();
        Format::Avro.write(rows, None, &mut file).unwrap();
        file
    };
    let file = write();
    assert_eq!(file, write(), "the same rows are the same bytes");
    let around = store.rows("till", at, question).unwrap().around().clone();
    for (name, text) in [
        ("annals.cut", around.cut.to_string()),
        ("annals.fold", around.fold.to_string()),
        ("annals.unreadable", "0".to_owned()),
    ] {
        let said = [name.as_bytes(), &prefixed(&text)].concat();
        assert!(
            file.windows(said.len()).any(|bytes| bytes == said),
            "{name} {text}"
        );
    }
    let members = rows(store, at, question, None);
    let read = container(&file);
    assert_eq!(read.len(), members.len());
    for (read, member) in read.into_iter().zip(members) {
        assert_eq!(
            (&read["id"], &read["events"], &read["revision"], &read["offset"]),
            (
                &json!(member.id),
                &json!(member.events),
                &json!(member.revision),
                &json!(member.offset)
            )
        );
        let columns = member.state.as_object().unwrap();
        for (column, wanted) in columns {
            let name: String = column
                .chars()
                .map(|c| if c.is_alphanumeric() { c } else { '_' })
                .collect();
            assert_eq!(&read[&name], wanted, "{column} of {}", member.id);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases / 20, ..ProptestConfig::default() })]

    #[test]
    fn what_is_asked_of_all_is_what_each_says(
        steps in events(), cut in (-1i64..70, -1i64..70), condition in 0usize..6, limit in 1usize..4, descending: bool,
    ) {
        let stream = Stream::of(&steps);
        // The file: what is compared with decimals are decimals there, and texts in JSON.
        let (_logs, [_, store]) = stores(&stream);
        let cut: Cut = [(0, cut.0), (1, cut.1)].into_iter().collect();
        let at = AsOf::Cut(cut.clone());
        let (text, holds) = CONDITIONS[condition];
        let wanted: BTreeMap<String, Value> = (0..6)
            .map(|key| format!("till {key}/{key}"))
            .filter_map(|key| Some((key.clone(), store.reconstruct("till", &key, &at).ok()?.state)))
            .filter(|(_, state)| holds(state))
            .collect();
        let question = Question { condition: Some(text.to_owned()), ..Question::default() };
        let states = |items: Vec<Member>| items.into_iter().map(|one| (one.id, one.state)).collect::<Vec<_>>();
        let in_order: Vec<(String, Value)> = wanted.clone().into_iter().collect();
        prop_assert_eq!(states(walk(&store, &at, &question, limit)), in_order.clone());
        prop_assert_eq!(states(rows(&store, &at, &question, None)), in_order.clone());
        let few: Vec<_> = in_order.iter().take(limit).cloned().collect();
        prop_assert_eq!(states(rows(&store, &at, &question, Some(limit))), few);

        let columns = Question { select: Some("status,balance,payers,payers[0].payer,last_paid,names,opened_at".to_owned()), ..question.clone() };
        check_container(&store, &at, &columns);

        let summed = Question { sum: Some("balance, payments".to_owned()), ..question.clone() };
        let page = store.ask("till", &at, &summed, limit, None).unwrap();
        prop_assert_eq!(page.matched, Some(wanted.len() as u64));
        let sums = page.sums.unwrap();
        let sum: i64 = wanted.values().map(cents).sum();
        let payments: u64 = wanted.values().map(|state| state["payments"].as_u64().unwrap()).sum();
        if !wanted.is_empty() {
            let told = sums["balance"].sum.as_str().unwrap().replace('.', "");
            prop_assert_eq!(told.parse::<i64>().unwrap(), sum);
            prop_assert_eq!(&sums["payments"].sum, &json!(payments));
        }
        prop_assert_eq!(sums["balance"].of, wanted.len() as u64);

        let sign = if descending { "-" } else { "" };
        let ordered = Question {
            order: Some(format!("{sign}balance")), select: Some("state.balance,payers[0].payer,status".to_owned()), ..question
        };
        let mut by_balance = in_order;
        by_balance.sort_by_key(|(_, state)| if descending { -cents(state) } else { cents(state) });
        let by_balance: Vec<_> = by_balance
            .into_iter()
            .map(|(id, state)| {
                let payer = state.pointer("/payers/0/payer").cloned().unwrap_or_default();
                (id, json!({"payers[0].payer": payer, "state.balance": state["balance"], "status": state["status"]}))
            })
            .collect();
        prop_assert_eq!(states(walk(&store, &at, &ordered, limit)), by_balance.clone());
        let few: Vec<_> = by_balance.into_iter().take(limit).collect();
        prop_assert_eq!(states(rows(&store, &at, &ordered, Some(limit))), few);
    }
}

#[test]
fn what_does_not_fit_the_state_is_told_with_its_place() {
    let stream = Stream::of(&[]);
    let (_logs, [typed, file]) = stores(&stream);
    let check = |question: Question, says: &[&str]| {
        let error = file.ask("till", &AsOf::Head, &question, 10, None).unwrap_err();
        assert!(matches!(error, StoreError::Question { .. }), "{error:?}");
        let error = error.to_string();
        for word in says {
            assert!(error.contains(word), "{error}");
        }
    };
    let condition = |text: &str| Question {
        condition: Some(text.to_owned()),
        ..Question::default()
    };
    check(
        condition("state.status == 'open' && state.totall > 1"),
        &["where", "character 27", "nothing sets state.totall", "balance"],
    );
    check(condition("state.balance"), &["true or false"]);
    check(
        condition("state.balance > 'much'"),
        &["decimal", "text", "compared"],
    );
    check(condition("event.x == 1"), &["event", "state"]);
    check(
        condition("state.balance >"),
        &["where `state.balance >`: it is no CEL expression: character 16: it ends too early"],
    );
    let deep = format!("{}state.payments > 0{}", "(!".repeat(1_000), ")".repeat(1_000));
    check(condition(&deep), &["no CEL expression"]);
    let deep = format!("state.payments > {}1", "1 + ".repeat(101));
    check(condition(&deep), &["nests deeper than 100"]);
    let select = |text: &str| Question {
        select: Some(text.to_owned()),
        ..Question::default()
    };
    check(select("balance,totall"), &["select", "nothing sets state.totall"]);
    check(select("balance..x"), &["no place in a state"]);
    check(select(&"balance,".repeat(101)), &["more than 100"]);
    check(
        Question {
            order: Some("-nobody".to_owned()),
            ..Question::default()
        },
        &["order", "nobody"],
    );
    check(
        Question {
            sum: Some("owner".to_owned()),
            ..Question::default()
        },
        &["sum", "owner is text", "integers, decimals and durations"],
    );
    // What a fold in Rust has in its state shows when there is one.
    let question = condition("state.totall == 1");
    assert!(
        typed
            .ask("till", &AsOf::Head, &question, 10, None)
            .unwrap()
            .items
            .is_empty()
    );
}

/// Brackets that hold no index and no key are no key that nobody has.
#[test]
fn a_place_is_no_expression() {
    let stream = Stream::of(&[]);
    let (_logs, [typed, file]) = stores(&stream);
    for (place, says) in [
        ("payers[payer]", "brackets hold an index"),
        ("balance['x", "is not closed"),
        ("payers[*]", "any of several places"),
    ] {
        let place = || Some(place.to_owned());
        let of = Question::default;
        for (part, question) in [
            (
                "select",
                Question {
                    select: place(),
                    ..of()
                },
            ),
            (
                "order",
                Question {
                    order: place(),
                    ..of()
                },
            ),
            ("sum", Question { sum: place(), ..of() }),
        ] {
            for store in [&typed, &file] {
                let error = store.ask("till", &AsOf::Head, &question, 10, None).unwrap_err();
                let error = error.to_string();
                assert!(error.contains(part) && error.contains(says), "{error}");
            }
        }
    }
}

#[test]
fn an_aggregate_that_a_question_has_no_answer_for_is_named() {
    let steps = [];
    let stream = Stream::of(&steps);
    let (logs, stores) = stores(&stream);
    let (_, ids) = crate::till::table();
    let opened = crate::till::Till::Opened {
        owner: "ada".into(),
        opened_at: 5,
    };
    logs.append(0, &[opened.write(&ids, "a", 10)]);
    let check = |store: &EventStore, condition: &str, says: &str| {
        let question = Question {
            condition: Some(condition.to_owned()),
            ..Question::default()
        };
        let error = store.ask("till", &AsOf::Head, &question, 10, None).unwrap_err();
        assert!(
            matches!(&error, StoreError::Undecided { id, .. } if id == "a"),
            "{error:?}"
        );
        assert!(error.to_string().contains(says), "{error}");
    };
    check(&stores[0], "state.totall == 1", "totall");
    check(&stores[1], "state.last_paid > state.opened_at", "no order");
    let tens = "[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]";
    let costly = (0..7).fold("true".to_owned(), |inner, depth| {
        format!("{tens}.all(x{depth}, {inner})")
    });
    check(
        &stores[1],
        &format!("state.payments >= 0 && {costly}"),
        "too much work",
    );
}

/// So many tills, each opened by the same one.
fn opened_by(tills: usize, owner: &str) -> (Logs, EventStore) {
    let (table, ids) = table();
    let logs = Logs::new(TOPIC, 1);
    for till in 0..tills {
        let opened = Till::Opened {
            owner: owner.to_owned(),
            opened_at: 0,
        };
        logs.append(0, &[opened.write(&ids, &format!("till {till}"), 1)]);
    }
    let table = std::sync::Arc::new(table);
    let store = EventStore::new(table.clone());
    let fold = annals_event_store::declarative::load(FILE, &*table).unwrap();
    store.add_aggregate(Box::new(fold), logs.source()).unwrap();
    (logs, store)
}

#[test]
fn only_so_many_rows_come_in_an_order() {
    let (_logs, store) = opened_by(2, "ada");
    let question = Question {
        order: Some("balance".to_owned()),
        ..Question::default()
    };
    let rows = store.rows("till", &AsOf::Head, &question).unwrap();
    let most = annals_event_store::ORDERED_MAX;
    for limit in [Some(most), None] {
        assert_eq!(rows.each(limit, &mut |_| Ok(())).unwrap().matched, 2);
    }
    let refused = |rows: &annals_event_store::Rows, limit| {
        let error = rows.each(limit, &mut |_| Ok(())).unwrap_err();
        assert!(matches!(error, StoreError::Ordered { .. }), "{error}");
        assert!(error.to_string().contains("`--limit`"), "{error}");
    };
    refused(&rows, Some(most + 1));
    let (_more, many) = opened_by(most + 1, "ada");
    refused(&many.rows("till", &AsOf::Head, &question).unwrap(), None);
    let first = store.ask("till", &AsOf::Head, &question, 1, None).unwrap();
    let (walk, _) = first.next_cursor.as_deref().unwrap().rsplit_once(';').unwrap();
    let error = store
        .ask("till", &AsOf::Head, &question, 2, Some(&format!("{walk};9999")))
        .unwrap_err();
    assert!(matches!(error, StoreError::Ordered { .. }), "{error}");
}

/// Rows in an order are held, and only so much of them.
#[test]
fn rows_in_an_order_have_only_so_many_bytes() {
    // A state has the owner's name twice.
    let (_logs, store) = opened_by(17, &"x".repeat(1 << 20));
    let question = Question {
        order: Some("balance".to_owned()),
        ..Question::default()
    };
    let rows = store.rows("till", &AsOf::Head, &question).unwrap();
    let error = rows.each(Some(17), &mut |_| Ok(())).unwrap_err();
    assert!(matches!(error, StoreError::OrderedBytes { .. }), "{error}");
    assert!(error.to_string().contains("33554432"), "{error}");
    rows.each(Some(4), &mut |_| Ok(())).unwrap();
}
