//! What a changed fold would make of history, against both folds asked alone about every prefix.

use std::collections::BTreeMap;
use std::sync::Arc;

use annals_event_store::{
    AnyFold, AsOf, Differing, EventStore, Reconstruction, StoreError, Work, declarative, typed,
};
use proptest::prelude::*;
use serde_json::Value;

use crate::model::{Stream, events, written};
use crate::support::{Logs, Table};
use crate::till::{FILE, TOPIC, Till, TillFold, table};

/// Changed folds: what stands there, and what instead.
const CHANGES: &[(&str, &str)] = &[
    ("rev: 1", "rev: 1"),
    ("status: overdrawn", "status: broke"),
    // Renaming becomes unknown.
    (
        "  t.Renamed:\n    on:\n      - set: { owner: event.owner }\n      - append: { names: event.owner }\n",
        "",
    ),
    (
        "{ balance: event.amount }",
        "{ balance: event.amount }\n        if: event.amount > 0",
    ),
    // Differs until the payer pays again.
    (
        "      - remove-where: { payers: \"it.amount == decimal('0')\" }\n",
        "",
    ),
    // Stops at a name that comes too early.
    (
        "      - append: { names: event.owner }\n",
        "      - append: { names: event.owner }\n      - set: { \"names[2]\": event.owner }\n",
    ),
    // Stops where the other fold goes on and leaves the state as it is.
    (
        "      - status: closed\n        if: state.balance >= 0\n",
        "      - status: closed\n        if: state.balance >= 0\n      - set: { \"names[1]\": \"state.names[1]\" }\n",
    ),
];

fn changed(change: usize, table: &Table) -> Arc<dyn AnyFold> {
    let (from, to) = CHANGES[change];
    assert!(FILE.contains(from), "{from}");
    let text = FILE.replace(from, to).replace("rev: 1", "rev: 2");
    Arc::new(declarative::load(&text, table).unwrap())
}

fn store_of(folds: &[Arc<dyn AnyFold>], logs: &Logs, table: &Arc<Table>) -> EventStore {
    let store = EventStore::new(table.clone());
    for fold in folds {
        store
            .add_aggregate(Box::new(Shared(Arc::clone(fold))), logs.source())
            .unwrap();
    }
    store
}

/// A fold that several stores have.
struct Shared(Arc<dyn AnyFold>);

impl AnyFold for Shared {
    fn id(&self) -> &annals_event_store::FoldId {
        self.0.id()
    }
    fn topic(&self) -> &str {
        self.0.topic()
    }
    fn readers(&self) -> Vec<annals_event_store::ReaderUsed> {
        self.0.readers()
    }
    fn schema(&self, id: annals_schema_model::SchemaId) -> annals_event_store::SchemaUsed {
        self.0.schema(id)
    }
    fn step(
        &self,
        state: &mut annals_event_store::Cell,
        event: &annals_event_store::Recorded<'_>,
        resolve: &dyn annals_schema_model::Resolve,
    ) -> Result<annals_event_store::Step, annals_event_store::Stop> {
        self.0.step(state, event, resolve)
    }
    fn view(&self, state: &annals_event_store::Cell) -> Result<Value, annals_event_store::Stop> {
        self.0.view(state)
    }
}

fn outcome(answer: &Reconstruction) -> (&Value, Option<i64>) {
    (&answer.state, answer.halted.as_ref().map(|halted| halted.offset))
}

/// All pages of a walk, each of so many.
fn walk(
    store: &EventStore,
    changed: &Arc<dyn AnyFold>,
    at: &AsOf,
    limit: usize,
) -> (BTreeMap<String, Differing>, u64) {
    let (mut all, mut compared, mut cursor) = (BTreeMap::new(), 0, None);
    loop {
        let page = store
            .what_if("till", Arc::clone(changed), at, limit, cursor.as_deref())
            .unwrap();
        compared += page.compared;
        all.extend(page.items.into_iter().map(|one| (one.id.clone(), one)));
        cursor = page.next_cursor;
        if cursor.is_none() {
            assert_eq!(compared, page.total);
            return (all, compared);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases / 8, ..ProptestConfig::default() })]

    #[test]
    fn what_if_is_the_comparison_of_both_folds_asked_alone(
        steps in events(), change in 0..CHANGES.len(), ends in (-1i64..70, -1i64..70), limit in 1usize..4,
    ) {
        let stream = Stream::of(&steps);
        let (logs, table) = written(&stream);
        let runs: Arc<dyn AnyFold> = Arc::new(declarative::load(FILE, &*table).unwrap());
        let changed = changed(change, &table);
        let alone = [store_of(std::slice::from_ref(&runs), &logs, &table), store_of(std::slice::from_ref(&changed), &logs, &table)];
        let both = store_of(&[runs, changed.clone()], &logs, &table);
        for at in [AsOf::Head, AsOf::Cut([(0, ends.0), (1, ends.1)].into_iter().collect())] {
            let (mut told, compared) = walk(&alone[0], &changed, &at, limit);
            let mut known = 0;
            for key in (0..6).map(|key| format!("till {key}/{key}")) {
                let Ok(before) = alone[0].reconstruct("till", &key, &at) else { continue };
                let after = alone[1].reconstruct("till", &key, &at).unwrap();
                known += 1;
                // Side by side each revision gives what it gives alone.
                for (name, alone) in [("till@1", &before), ("till@2", &after), ("till", &after)] {
                    let mut beside = both.reconstruct(name, &key, &at).unwrap();
                    prop_assert_eq!(&beside.aggregate, name);
                    beside.aggregate.clone_from(&alone.aggregate);
                    prop_assert_eq!(&beside, alone);
                }
                let told = told.remove(&key);
                if outcome(&before) == outcome(&after) {
                    prop_assert_eq!(told, None);
                    continue;
                }
                let told = told.unwrap();
                let within = |revision: u64| {
                    let [before, after] = [0, 1].map(|side| alone[side].reconstruct("till", &key, &AsOf::Revision(revision)).unwrap());
                    outcome(&before) != outcome(&after)
                };
                let first = (0..before.events).find(|revision| within(*revision));
                prop_assert_eq!(told.since.as_ref().map(|event| event.revision), first);
                prop_assert!(told.since.as_ref().unwrap().event.is_some());
                prop_assert_eq!((told.events, told.partition), (before.events, before.partition));
                prop_assert_eq!((&told.halted_before, &told.halted_after), (&before.halted, &after.halted));
                prop_assert_eq!(told.changes_total == 0, before.state == after.state);
                prop_assert_eq!(told.changes_total, told.changes.len() as u64);
                for change in told.changes {
                    let sides = [(&before.state, &change.before), (&after.state, &change.after)];
                    for (state, value) in sides.into_iter().filter(|(_, value)| value.is_some()) {
                        prop_assert_eq!(state.pointer(&change.path), value.as_ref(), "{}", change.path);
                    }
                }
            }
            prop_assert_eq!(compared, known);
            prop_assert!(told.is_empty(), "{told:?}");
        }
    }
}

/// A till that was paid once, under so many keys.
fn tills(keys: usize) -> (Logs, Arc<Table>, EventStore) {
    let (table, ids) = table();
    let (table, logs) = (Arc::new(table), Logs::new(TOPIC, 1));
    let opened = Till::Opened {
        owner: "ada".into(),
        opened_at: 0,
    };
    let paid = Till::Paid {
        cents: -5,
        payer: 1,
        note: None,
    };
    for event in [opened, paid, Till::Closed] {
        let writes: Vec<_> = (0..keys)
            .map(|key| event.write(&ids, &format!("k{key:04}"), 1))
            .collect();
        logs.append(0, &writes);
    }
    let runs: Arc<dyn AnyFold> = Arc::new(declarative::load(FILE, &*table).unwrap());
    let store = store_of(&[runs], &logs, &table);
    (logs, table, store)
}

#[test]
fn a_typed_fold_and_its_file_differ_in_nothing() {
    let (_logs, _, store) = tills(30);
    let page = store
        .what_if("till", Arc::new(typed::<TillFold>(TOPIC)), &AsOf::Head, 10, None)
        .unwrap();
    assert_eq!((page.total, page.compared, page.items.len()), (30, 30, 0));
    assert_eq!(page.next_cursor, None);
    assert_ne!(page.before.digest, page.after.digest);
}

#[test]
fn a_page_ends_when_it_has_cost_its_share_and_leads_on() {
    let (_logs, table, store) = tills(300);
    let broke = changed(1, &table);
    let (mut cursor, mut told, mut pages) = (None, 0, 0);
    loop {
        // Each page is a question of its own.
        let store = store.at_work(&Work::up_to(4_000));
        let page = store
            .what_if("till", Arc::clone(&broke), &AsOf::Head, 1_000, cursor.as_deref())
            .unwrap();
        assert!(page.compared > 0);
        (told, pages, cursor) = (told + page.items.len(), pages + 1, page.next_cursor);
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(told, 300);
    assert!(pages > 2, "{pages}");
    let error = store
        .at_work(&Work::up_to(5))
        .what_if("till", broke, &AsOf::Head, 1_000, None)
        .unwrap_err();
    assert!(matches!(error, StoreError::TooMuchWork { .. }), "{error}");
}

#[test]
fn a_page_compares_only_so_many() {
    let (_logs, table, store) = tills(10_001);
    let same = changed(0, &table);
    let page = store
        .what_if("till", Arc::clone(&same), &AsOf::Head, 1_000, None)
        .unwrap();
    assert_eq!((page.total, page.compared, page.items.len()), (10_001, 10_000, 0));
    let next = store
        .what_if("till", same, &AsOf::Head, 1_000, page.next_cursor.as_deref())
        .unwrap();
    assert_eq!((next.compared, next.next_cursor), (1, None));
}

/// A till with so many events, whose fold keeps each note.
fn noted(notes: usize) -> (Logs, Arc<Table>, EventStore) {
    let (table, ids) = table();
    let (table, logs) = (Arc::new(table), Logs::new(TOPIC, 1));
    let owner = "ada".to_owned();
    let mut events = vec![Till::Opened { owner, opened_at: 0 }];
    events.extend((0..notes).map(|note| Till::Paid {
        cents: 1,
        payer: 1,
        note: Some(note.to_string()),
    }));
    events.push(Till::Closed);
    let writes: Vec<_> = events.iter().map(|event| event.write(&ids, "k", 1)).collect();
    for batch in writes.chunks(1_000) {
        logs.append(0, batch);
    }
    let runs: Arc<dyn AnyFold> = Arc::new(declarative::load(FILE, &*table).unwrap());
    let store = store_of(&[runs], &logs, &table);
    (logs, table, store)
}

#[test]
fn of_one_aggregate_only_so_many_changes_are_told() {
    let (_logs, table, store) = noted(150);
    let text = FILE.replace("{ notes: event.note }", "{ notes: \"event.note + '!'\" }");
    let louder = Arc::new(declarative::load(&text, &*table).unwrap());
    let page = store.what_if("till", louder, &AsOf::Head, 10, None).unwrap();
    let one = &page.items[0];
    assert_eq!((one.changes_total, one.changes.len()), (150, 100));
    assert_eq!(one.changes[0].path, "/notes/0");
}

#[test]
fn an_event_that_is_too_far_in_large_states_is_left_open() {
    let text = FILE.replace("status: closed", "status: shut");
    for (notes, expected) in [(100, Some(101)), (2_100, None)] {
        let (_logs, table, store) = noted(notes);
        let shut = Arc::new(declarative::load(&text, &*table).unwrap());
        let page = store.what_if("till", shut, &AsOf::Head, 10, None).unwrap();
        let since = page.items[0].since.as_ref().map(|event| event.revision);
        assert_eq!((since, page.items[0].changes_total), (expected, 1), "{notes}");
    }
}

#[test]
fn a_walk_is_over_two_folds_of_one_topic() {
    let (_logs, table, store) = tills(4);
    let ask =
        |fold: Arc<dyn AnyFold>, cursor: Option<&str>| store.what_if("till", fold, &AsOf::Head, 1, cursor);
    let first = ask(changed(1, &table), None).unwrap();
    let cursor = first.next_cursor.unwrap();
    assert_eq!(
        ask(changed(1, &table), Some(&cursor)).unwrap().items[0].id,
        "k0001"
    );
    let error = ask(changed(3, &table), Some(&cursor)).unwrap_err();
    assert!(matches!(error, StoreError::OtherFolds), "{error}");
    for wrong in ["", "a", "0=1;0;k", ";;", &cursor[1..8]] {
        let error = ask(changed(1, &table), Some(wrong)).unwrap_err();
        assert!(matches!(error, StoreError::Cursor(_)), "{wrong}: {error}");
    }
    let error = ask(Arc::new(typed::<TillFold>("elsewhere")), None).unwrap_err();
    assert!(matches!(error, StoreError::WrongTopic { .. }), "{error}");
    let error = store
        .what_if("nobody", changed(1, &table), &AsOf::Head, 1, None)
        .unwrap_err();
    assert!(matches!(error, StoreError::UnknownAggregate { .. }), "{error}");
    let error = store
        .what_if("till", changed(1, &table), &AsOf::Head, 0, None)
        .unwrap_err();
    assert!(matches!(error, StoreError::Limit { .. }), "{error}");
}
