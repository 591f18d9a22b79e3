//! Where the values of a state come from, against folding again, and in a table.

use std::sync::Arc;

use annals_event_store::{AsOf, EventStore, LeafOrigin, ValueFrom, declarative};
use proptest::prelude::*;
use serde_json::Value;

use crate::model::{Stream, events, stores};
use crate::support::Logs;
use crate::till::{FILE, TOPIC, Till, table};

/// A path with any place for each place in a list.
fn anywhere(path: &str) -> String {
    let steps = path
        .split('/')
        .map(|step| if step.parse::<usize>().is_ok() { "*" } else { step });
    steps.collect::<Vec<_>>().join("/")
}

/// How often a value stands at such a path.
fn count(state: &Value, path: &str, value: &Value) -> usize {
    let Some((step, rest)) = path
        .strip_prefix('/')
        .map(|path| path.split_once('/').unwrap_or((path, "")))
    else {
        return usize::from(state == value);
    };
    let rest = if rest.is_empty() {
        String::new()
    } else {
        format!("/{rest}")
    };
    match state {
        Value::Array(items) if step == "*" => items.iter().map(|item| count(item, &rest, value)).sum(),
        Value::Object(fields) => fields.get(step).map_or(0, |field| count(field, &rest, value)),
        _ => 0,
    }
}

fn leaves(state: &Value, path: &str, told: &mut Vec<String>) {
    match state {
        Value::Object(fields) if !fields.is_empty() => {
            fields
                .iter()
                .for_each(|(name, field)| leaves(field, &format!("{path}/{name}"), told));
        }
        Value::Array(items) if !items.is_empty() => {
            items
                .iter()
                .enumerate()
                .for_each(|(place, item)| leaves(item, &format!("{path}/{place}"), told));
        }
        _ => told.push(path.to_owned()),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases / 20, ..ProptestConfig::default() })]

    /// Folded up to the event that is named, the value is there; up to the one before, it is not.
    #[test]
    fn the_event_that_is_named_made_the_value(steps in events(), at in 0u64..40) {
        let stream = Stream::of(&steps);
        let (_logs, stores) = stores(&stream);
        let key = &stream.partitions.iter().flatten().next().unwrap().0;
        for store in stores {
            let last = store.reconstruct("till", key, &AsOf::Head).unwrap().revision.unwrap();
            let at = AsOf::Revision(at.min(last));
            let mut plain = store.reconstruct("till", key, &at).unwrap();
            plain.snapshot = None;
            let mut answer = store.explain("till", key, &at).unwrap();
            let explanation = answer.explanation.take().unwrap();
            prop_assert_eq!(&answer, &plain);
            let mut wanted = Vec::new();
            leaves(&answer.state, "", &mut wanted);
            let told: Vec<&String> = explanation.leaves.iter().map(|leaf| &leaf.path).collect();
            prop_assert_eq!(told, wanted.iter().collect::<Vec<_>>());
            prop_assert_eq!(explanation.total, wanted.len() as u64);
            for leaf in &explanation.leaves {
                let value = answer.state.pointer(&leaf.path).unwrap();
                let path = anywhere(&leaf.path);
                let at = |revision| store.reconstruct("till", key, &AsOf::Revision(revision)).unwrap();
                let after = at(leaf.by.revision);
                prop_assert_eq!(after.offsets_applied.last, Some(leaf.by.offset));
                let before = leaf.by.revision.checked_sub(1).map_or(Value::Null, |before| at(before).state);
                let (before, after) = (count(&before, &path, value), count(&after.state, &path, value));
                prop_assert!(before < after, "{}: {} before, {} after", leaf.path, before, after);
            }
        }
    }
}

/// A till in a fold of operations, some of whose values are defaults and upcasts; the fold's text, and where its values come from.
fn explained() -> (String, Vec<LeafOrigin>) {
    let (table, ids) = table();
    let logs = Logs::new(TOPIC, 1);
    let opened = Till::Opened {
        owner: "ada".into(),
        opened_at: 5,
    };
    let old = Till::PaidOld { cents: 100, who: 7 };
    let paid = Till::Paid {
        cents: 50,
        payer: 8,
        note: Some("thanks".into()),
    };
    logs.append(
        0,
        &[
            opened.write(&ids, "a", 10),
            old.write(&ids, "a", 20),
            paid.write(&ids, "a", 30),
        ],
    );
    let table = Arc::new(table);
    let store = EventStore::new(table.clone());
    // What was written by the old schema has no note, which the reader fills with null.
    let note = "      - set: { last_note: event.note }\n        if: event.payer == 7\n";
    let file = FILE.replace(
        "      - inc: payments\n",
        &format!("      - inc: payments\n{note}"),
    );
    let fold = declarative::load(&file, &*table).unwrap();
    store.add_aggregate(Box::new(fold), logs.source()).unwrap();
    let answer = store.explain("till", "a", &AsOf::Head).unwrap();
    (file, answer.explanation.unwrap().leaves)
}

/// The source of each kind of value, in a fold of operations.
#[test]
fn each_value_says_what_of_its_event_it_is() {
    let (file, leaves) = explained();
    let check = |path: &str, revision: u64, from: ValueFrom, field: Option<&str>, operation: &str| {
        let found = leaves.iter().find(|leaf| leaf.path == path);
        let LeafOrigin {
            by,
            schema,
            from: source,
            field: of,
            operation: used,
            ..
        } = found.unwrap_or_else(|| panic!("{path}"));
        let used = used.as_ref().unwrap();
        assert_eq!(by.revision, revision, "{path}");
        assert_eq!((*source, of.as_deref()), (Some(from), field), "{path}");
        assert_eq!(format!("{} {}", used.verb, used.target), operation, "{path}");
        let line = file.lines().nth(used.line as usize - 1).unwrap();
        assert!(
            line.contains(used.target.as_str()) || line.contains("status"),
            "{path}: {line}"
        );
        assert!(schema.is_some() && by.actor.as_deref() == Some("ada"), "{path}");
    };
    check("/owner", 0, ValueFrom::Event, Some("owner"), "set owner");
    check("/names/0", 0, ValueFrom::Event, Some("owner"), "set names");
    check(
        "/opened_at",
        0,
        ValueFrom::Event,
        Some("opened_at"),
        "set opened_at",
    );
    check("/status", 0, ValueFrom::Fold, None, "set status");
    check("/actor", 0, ValueFrom::Fold, None, "set actor");
    check("/last_paid", 2, ValueFrom::Fold, None, "set last_paid");
    check("/balance", 2, ValueFrom::Fold, None, "add balance");
    check("/payments", 2, ValueFrom::Fold, None, "inc payments");
    check("/notes/0", 2, ValueFrom::Event, Some("note"), "append notes");
    check(
        "/payers/0/payer",
        1,
        ValueFrom::Upcast,
        Some("payer"),
        "upsert-by payers",
    );
    check(
        "/payers/0/amount",
        1,
        ValueFrom::Event,
        Some("amount"),
        "upsert-by payers",
    );
    check(
        "/payers/1/payer",
        2,
        ValueFrom::Event,
        Some("payer"),
        "upsert-by payers",
    );
    check("/last_note", 1, ValueFrom::Default, Some("note"), "set last_note");
}

/// A fold in Rust names the event, and whether its schema is another than the reader's.
#[test]
fn a_fold_in_rust_names_the_event_alone() {
    let steps = [];
    let stream = Stream::of(&steps);
    let (logs, [store, _]) = stores(&stream);
    let (_, ids) = table();
    let opened = Till::Opened {
        owner: "ada".into(),
        opened_at: 5,
    };
    logs.append(0, &[opened.write(&ids, "a", 10)]);
    let explanation = store
        .explain("till", "a", &AsOf::Head)
        .unwrap()
        .explanation
        .unwrap();
    for leaf in explanation.leaves {
        assert_eq!((leaf.by.offset, leaf.operation, leaf.field), (0, None, None));
        assert_eq!(
            leaf.from,
            Some(ValueFrom::Upcast),
            "the reader's fingerprint is made up"
        );
    }
}
