//! Who did what, and which aggregates differ, against folding each up to each event.

use std::collections::BTreeMap;

use annals_event_store::diff::ATTRIBUTED_EVENTS_MAX;
use annals_event_store::{
    AsOf, Cut, Deed, Difference, EventStore, Page, Sought, StoreError, ValueChange, parse_at,
};
use proptest::prelude::*;
use serde_json::Value;

use crate::model::{Step, Stream, events};
use crate::support::{Logs, Write};
use crate::till::{FILE, TOPIC, Till, table};

/// A store whose events have actors, by their offsets.
fn store(stream: &Stream) -> (Logs, EventStore) {
    let (table, ids) = table();
    let table = std::sync::Arc::new(table);
    let logs = Logs::new(TOPIC, 2);
    for (number, partition) in stream.partitions.iter().enumerate() {
        let writes: Vec<_> = (0..)
            .zip(partition)
            .map(|(offset, (key, event, ms))| {
                let mut write = event.write(&ids, key, *ms);
                write.headers[0].1 = actor(offset).to_owned();
                write
            })
            .collect();
        for batch in writes.chunks(5) {
            logs.append(number, batch);
        }
    }
    let store = EventStore::new(table.clone());
    let fold = annals_event_store::declarative::load(FILE, &*table).unwrap();
    store.add_aggregate(Box::new(fold), logs.source()).unwrap();
    (logs, store)
}

fn actor(offset: i64) -> &'static str {
    ["ada", "jane", "joe"][offset as usize % 3]
}

fn kind(event: &Till) -> &'static str {
    match event {
        Till::Opened { .. } => "t.Opened",
        Till::Paid { .. } | Till::PaidOld { .. } => "t.Paid",
        Till::Renamed { .. } => "t.Renamed",
        Till::Closed => "t.Closed",
        Till::Counted => "t.Counted",
    }
}

fn state(store: &EventStore, key: &str, at: &AsOf) -> Value {
    store
        .reconstruct("till", key, at)
        .map_or(Value::Null, |answer| answer.state)
}

/// The state of each field at the top that differs.
fn tops(changes: &[ValueChange]) -> Vec<String> {
    let mut tops: Vec<String> = changes
        .iter()
        .filter_map(|change| Some(change.path.split('/').nth(1)?.to_owned()))
        .collect();
    tops.dedup();
    tops
}

fn tops_between(before: &Value, after: &Value) -> Vec<String> {
    let names = [
        "actor",
        "balance",
        "last_paid",
        "names",
        "notes",
        "opened_at",
        "owner",
        "payers",
        "payments",
        "status",
    ];
    names
        .iter()
        .filter(|name| before.get(name) != after.get(name))
        .map(|name| (*name).to_owned())
        .collect()
}

fn walk(store: &EventStore, sought: &Sought, from: &AsOf, to: &AsOf, limit: usize) -> Vec<Deed> {
    let (mut cursor, mut deeds) = (None, Vec::new());
    loop {
        let page = store
            .trail("till", sought, from, to, limit, cursor.as_deref())
            .unwrap();
        assert!(page.entries.len() <= limit && page.looked_at <= page.offsets);
        deeds.extend(page.entries);
        cursor = page.next_cursor;
        if cursor.is_none() {
            return deeds;
        }
    }
}

fn walk_differences(store: &EventStore, from: &AsOf, to: &AsOf, limit: usize) -> Vec<Difference> {
    let (mut cursor, mut items) = (None, Vec::new());
    loop {
        let page = store
            .differences("till", from, to, limit, cursor.as_deref())
            .unwrap();
        assert!(page.items.len() <= limit);
        items.extend(page.items);
        cursor = page.next_cursor;
        if cursor.is_none() {
            return items;
        }
    }
}

fn check_trail(
    store: &EventStore,
    stream: &Stream,
    sought: &Sought,
    cuts: [&Cut; 2],
    limit: usize,
) -> Result<(), TestCaseError> {
    let ends = [0, 1].map(|number| cuts.map(|cut| cut.last(number)));
    if ends.iter().any(|[from, to]| from > to) {
        let [from, to] = cuts.map(|cut| AsOf::Cut(cut.clone()));
        let refused = store.trail("till", sought, &from, &to, limit, None);
        prop_assert!(
            matches!(refused, Err(StoreError::Backwards { .. })),
            "{:?}",
            refused
        );
        let of_each = |which: fn(i64, i64) -> i64| -> Cut {
            let ends = (0..)
                .zip(ends)
                .map(|(number, [one, other])| (number, which(one, other)));
            ends.collect()
        };
        let cuts = [of_each(i64::min), of_each(i64::max)];
        return check_trail(store, stream, sought, cuts.each_ref(), limit);
    }
    let mut wanted = Vec::new();
    for (number, partition) in (0u32..).zip(&stream.partitions) {
        let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
        for (offset, (key, event, _)) in (0i64..).zip(partition) {
            let revision = *counts.entry(key).and_modify(|count| *count += 1).or_insert(0);
            let is_between = offset > cuts[0].last(number) && offset <= cuts[1].last(number);
            let fits = sought.actor.as_deref().is_none_or(|who| who == actor(offset))
                && sought
                    .kind
                    .as_deref()
                    .is_none_or(|asked| kind(event).ends_with(asked));
            if !is_between || !fits {
                continue;
            }
            let at = |revision| state(store, key, &AsOf::Revision(revision));
            let before = revision.checked_sub(1).map_or(Value::Null, at);
            let mut tops = tops_between(&before, &at(revision));
            if let Some(field) = &sought.field {
                tops.retain(|top| *top == field.steps()[0]);
                if tops.is_empty() {
                    continue;
                }
            }
            wanted.push((number, offset, key.clone(), revision, tops));
        }
    }
    let deeds = walk(
        store,
        sought,
        &AsOf::Cut(cuts[0].clone()),
        &AsOf::Cut(cuts[1].clone()),
        limit,
    );
    for deed in &deeds {
        prop_assert_eq!(deed.by.actor.as_deref(), Some(actor(deed.by.offset)));
        prop_assert_eq!(&deed.problem, &None);
    }
    let told: Vec<_> = deeds
        .into_iter()
        .map(|deed| {
            (
                deed.partition,
                deed.by.offset,
                deed.id,
                deed.by.revision,
                tops(&deed.changes),
            )
        })
        .collect();
    prop_assert_eq!(told, wanted);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases / 20, ..ProptestConfig::default() })]

    #[test]
    fn what_happened_between_two_cuts(
        steps in events(), a in (-1i64..40, -1i64..40), b in (-1i64..40, -1i64..40), limit in 1usize..5,
        who in proptest::option::of(0usize..2), what in proptest::option::of(0usize..3), field in proptest::option::of(0usize..3),
    ) {
        let steps: Vec<Step> = steps.into_iter().take(60).collect();
        let stream = Stream::of(&steps);
        let (_logs, store) = store(&stream);
        let cut = |(a, b)| -> Cut { [(0, a), (1, b)].into_iter().collect() };
        let (from, to) = (cut(a), cut(b));
        let sought = Sought {
            actor: who.map(|who| ["jane", "nobody"][who].to_owned()),
            kind: what.map(|what| ["t.Paid", "Renamed", "Closed"][what].to_owned()),
            field: field.map(|field| ["payers[*].amount", "balance", "/notes"][field].parse().unwrap()),
        };
        check_trail(&store, &stream, &sought, [&from, &to], limit)?;

        let items = walk_differences(&store, &AsOf::Cut(from.clone()), &AsOf::Cut(to.clone()), limit);
        let mut items = items.into_iter();
        for key in (0..6).map(|key| format!("till {key}/{key}")) {
            let (before, after) = (state(&store, &key, &AsOf::Cut(from.clone())), state(&store, &key, &AsOf::Cut(to.clone())));
            if before == after {
                continue;
            }
            let item = items.next().unwrap();
            prop_assert_eq!(&item.id, &key);
            prop_assert_eq!(item.from.is_some(), !before.is_null());
            prop_assert_eq!(item.to.is_some(), !after.is_null());
            prop_assert_eq!(tops(&item.changes), tops_between(&before, &after));
            prop_assert_eq!(item.total, item.changes.len() as u64);
            for change in item.changes {
                if change.before.is_some() {
                    prop_assert_eq!(before.pointer(&change.path), change.before.as_ref());
                }
                if change.after.is_some() {
                    prop_assert_eq!(after.pointer(&change.path), change.after.as_ref());
                }
            }
        }
        prop_assert_eq!(items.next(), None);
    }
}

/// A page ends after so many offsets, whether anything was found or not, and the walk goes on.
#[test]
fn a_page_looks_at_so_many_offsets() {
    let (table, ids) = table();
    let logs = Logs::new(TOPIC, 1);
    let opened = Till::Opened {
        owner: "ada".into(),
        opened_at: 0,
    }
    .write(&ids, "a", 1);
    let batch = vec![opened; 50_000];
    for _ in 0..11 {
        logs.append(0, &batch);
    }
    let store = EventStore::new(std::sync::Arc::new(table));
    store
        .add_aggregate(
            Box::new(annals_event_store::typed::<crate::till::TillFold>(TOPIC)),
            logs.source(),
        )
        .unwrap();
    let sought = Sought {
        actor: Some("nobody".to_owned()),
        ..Sought::default()
    };
    let page = store
        .trail("till", &sought, &AsOf::Cut(Cut::default()), &AsOf::Head, 10, None)
        .unwrap();
    assert_eq!(
        (page.looked_at, page.offsets),
        (annals_event_store::trail::LOOKED_AT_MAX, 550_000)
    );
    let cursor = page.next_cursor.unwrap();
    let rest = store
        .trail("till", &sought, &AsOf::Head, &AsOf::Head, 10, Some(&cursor))
        .unwrap();
    assert_eq!((rest.looked_at, rest.next_cursor), (50_000, None));
}

fn typed_store(table: crate::support::Table, logs: &Logs) -> EventStore {
    let store = EventStore::new(std::sync::Arc::new(table));
    let fold = annals_event_store::typed::<crate::till::TillFold>(TOPIC);
    store.add_aggregate(Box::new(fold), logs.source()).unwrap();
    store
}

fn opened() -> Till {
    Till::Opened {
        owner: "ada".into(),
        opened_at: 0,
    }
}

/// Nobody is told that nothing happened from a point to an earlier one.
#[test]
fn points_in_the_wrong_order_are_refused() {
    let (table, ids) = table();
    let logs = Logs::new(TOPIC, 1);
    for ms in [1_000, 2_000, 3_000] {
        logs.append(0, &[opened().write(&ids, "a", ms)]);
    }
    let store = typed_store(table, &logs);
    let check = |from: &str, to: &str, wanted: Option<usize>| {
        let [from, to] = [from, to].map(|at| parse_at(at, 10_000).unwrap());
        let page = store.trail("till", &Sought::default(), &from, &to, 10, None);
        match (page, wanted) {
            (Ok(page), Some(events)) => assert_eq!(page.entries.len(), events, "{from} to {to}"),
            (Err(error), None) => {
                let message = error.to_string();
                assert!(message.contains("give the earlier point first"), "{message}");
            }
            (page, wanted) => panic!("{from} to {to}: {page:?}, expected {wanted:?}"),
        }
    };
    check("-9s", "-8s", Some(1));
    check("-8s", "-8s", Some(0));
    check("-8s", "-9s", None);
    check("2001-01-01", "2000-01-01", None);
    check("now", "head", Some(0));
    check("offset:0", "offset:2", Some(2));
    check("offset:2", "offset:0", None);
    check("offset:90", "offset:80", None);
    check("0=0", "0=1", Some(1));
    check("0=1", "0=0", None);
    check("0=90", "0=80", None);
    check("head", "0=1", None);
    check("0=1", "head", Some(1));
    check("-8s", "0=0", None);
    check("offset:1", "-9s", None);
    check("0=2", "head", Some(0));
}

/// Aggregates that have no events between two points are none of the answer.
#[test]
fn a_page_of_differences_is_of_what_lies_between() {
    let (table, ids) = table();
    let logs = Logs::new(TOPIC, 1);
    let one = opened().write(&ids, "a", 1);
    let tills = (0..5_000).map(|till| Write {
        key: Some(format!("till {till:06}").into_bytes()),
        ..one.clone()
    });
    logs.append(0, &tills.collect::<Vec<_>>());
    let store = typed_store(table, &logs);
    let check = |from: i64, to: AsOf, wanted: &[&str]| {
        let page = store
            .differences("till", &AsOf::Offset(from), &to, 10, None)
            .unwrap();
        let ids: Vec<&str> = page.items.iter().map(|item| item.id.as_str()).collect();
        assert_eq!((&*ids, page.next_cursor), (wanted, None));
    };
    check(4_998, AsOf::Head, &["till 004999"]);
    check(4_999, AsOf::Head, &[]);
    check(2_000, AsOf::Offset(2_002), &["till 002001", "till 002002"]);
    check(2_002, AsOf::Offset(2_000), &["till 002001", "till 002002"]);
}

/// A page ends after so many aggregates, whether any of them differs or not.
#[test]
fn a_page_of_differences_looks_at_so_many_aggregates() {
    let (table, ids) = table();
    let logs = Logs::new(TOPIC, 1);
    let one = opened().write(&ids, "a", 1);
    let mut tills = (0..102_000).map(|till| Write {
        key: Some(format!("till {till:06}").into_bytes()),
        ..one.clone()
    });
    loop {
        let batch: Vec<Write> = tills.by_ref().take(20_000).collect();
        if batch.is_empty() {
            break;
        }
        logs.append(0, &batch);
    }
    let store = typed_store(table, &logs);
    let (from, to) = (AsOf::Offset(101_998), AsOf::Head);
    let page = store.differences("till", &from, &to, 10, None).unwrap();
    let cursor = page.next_cursor.unwrap();
    assert!(page.items.is_empty() && cursor.contains(";till 100"), "{cursor}");
    let rest = store.differences("till", &from, &to, 10, Some(&cursor)).unwrap();
    assert_eq!((rest.items.len(), rest.next_cursor), (1, None));
}

/// A diff names the event of each change as long as there are not too many; the changes tell each.
#[test]
fn changes_are_put_down_to_so_many_events() {
    let (table, ids) = table();
    let logs = Logs::new(TOPIC, 1);
    let paid = Till::Paid {
        cents: 1,
        payer: 1,
        note: None,
    };
    logs.append(0, &[opened().write(&ids, "a", 1)]);
    logs.append(0, &vec![paid.write(&ids, "a", 2); ATTRIBUTED_EVENTS_MAX + 1]);
    let store = typed_store(table, &logs);
    let by = |from: u64| {
        let diff = store
            .diff("till", "a", &AsOf::Revision(from), &AsOf::Head, Page::default())
            .unwrap();
        assert!(!diff.changes.is_empty());
        diff.changes.iter().all(|change| change.by.is_some())
    };
    assert!(by(1) && !by(0));
}

/// What an event changed is found by folding each aggregate about twice, however many events it has.
#[test]
fn a_long_history_is_not_folded_for_each_of_its_events() {
    const EVENTS: usize = 20_000;
    let (table, ids) = table();
    let logs = Logs::new(TOPIC, 1);
    let paid = Till::Paid {
        cents: 1,
        payer: 1,
        note: None,
    };
    logs.append(0, &[opened().write(&ids, "a", 1)]);
    for _ in 0..EVENTS / 1_000 {
        logs.append(0, &vec![paid.write(&ids, "a", 2); 1_000]);
    }
    let store = typed_store(table, &logs);
    let sought = Sought {
        field: "owner".parse().ok(),
        ..Sought::default()
    };
    // A page ends when it has cost a quarter of what it may.
    let work = annals_event_store::Work::up_to(4 * 80 * EVENTS as u64);
    let from = AsOf::Cut(Cut::default());
    let page = store
        .at_work(&work)
        .trail("till", &sought, &from, &AsOf::Head, 10, None)
        .unwrap();
    assert_eq!((page.entries.len(), page.next_cursor), (1, None));
    assert_eq!(page.looked_at, EVENTS as u64 + 1);
}
