//! Several revisions of a fold run side by side, and which of them a name means.

use std::sync::Arc;

use annals_event_store::{AsOf, EventStore, NotLoaded, StoreError, declarative};
use serde_json::json;

use crate::support::{Logs, Table};
use crate::till::{FILE, TOPIC, Till, table};

/// The fold with a state that says its revision.
fn revision(rev: u32) -> String {
    FILE.replace("rev: 1", &format!("rev: {rev}"))
        .replace("status: open", &format!("status: open-{rev}"))
}

struct Revisions {
    store: EventStore,
    table: Arc<Table>,
    logs: Logs,
}

impl Revisions {
    fn add(&self, rev: u32) {
        let fold = declarative::load(&revision(rev), &*self.table).unwrap();
        self.store
            .add_aggregate(Box::new(fold), self.logs.source())
            .unwrap();
    }
}

fn with(revisions: &[u32]) -> Revisions {
    let (table, ids) = table();
    let (table, logs) = (Arc::new(table), Logs::new(TOPIC, 1));
    let owner = "ada".to_owned();
    logs.append(0, &[Till::Opened { owner, opened_at: 0 }.write(&ids, "k", 1)]);
    let store = EventStore::new(table.clone());
    let running = Revisions { store, table, logs };
    revisions.iter().for_each(|rev| running.add(*rev));
    running
}

/// What each name gives: the aggregate as the answer calls it, and the revision; nothing where no fold answers.
fn check(store: &EventStore, names: &[(&str, Option<u32>)]) {
    for (name, expected) in names {
        let got = match store.reconstruct(name, "k", &AsOf::Head) {
            Ok(answer) => {
                assert_eq!(answer.aggregate, *name);
                assert_eq!(answer.fold.name, "till", "the fold has one name");
                assert_eq!(answer.state["status"], json!(format!("open-{}", answer.fold.rev)));
                Some(answer.fold.rev)
            }
            Err(StoreError::UnknownAggregate { .. }) => None,
            Err(error) => panic!("{name}: {error}"),
        };
        assert_eq!(got, *expected, "{name}");
    }
}

fn listed(store: &EventStore) -> Vec<(String, u32)> {
    let all = store.aggregates().into_iter();
    let listed = all.map(|info| (info.name, info.fold.rev)).collect();
    let progress: Vec<String> = store.progress().into_iter().map(|one| one.name).collect();
    let names: Vec<String> = store.aggregates().into_iter().map(|info| info.name).collect();
    assert_eq!(progress, names);
    listed
}

#[test]
fn a_name_means_the_newest_and_each_revision_has_its_own() {
    let running = with(&[2, 1, 10]);
    let store = &running.store;
    check(
        store,
        &[
            ("till", Some(10)),
            ("till@1", Some(1)),
            ("till@2", Some(2)),
            ("till@10", Some(10)),
            ("till@3", None),
            ("till@", None),
            ("till@x", None),
            ("till@-1", None),
            ("@1", None),
        ],
    );
    let names = |names: &[(&str, u32)]| -> Vec<(String, u32)> {
        names
            .iter()
            .map(|(name, rev)| ((*name).to_owned(), *rev))
            .collect()
    };
    assert_eq!(
        listed(store),
        names(&[("till", 10), ("till@1", 1), ("till@2", 2)])
    );
    let page = store.list("till@1", &AsOf::Head, 10, None).unwrap();
    assert_eq!((page.aggregate.as_str(), page.fold.rev), ("till@1", 1));

    assert!(store.remove_aggregate("till@10"));
    assert!(!store.remove_aggregate("till@10"));
    check(
        store,
        &[("till", Some(2)), ("till@10", None), ("till@1", Some(1))],
    );
    running.add(3);
    check(store, &[("till", Some(3)), ("till@2", Some(2))]);
    assert!(store.remove_aggregate("till"));
    check(store, &[("till", None), ("till@1", None), ("till@3", None)]);
    assert!(!store.remove_aggregate("till") && store.aggregates().is_empty());
}

#[test]
fn no_older_revision_answers_for_one_that_does_not_load() {
    let running = with(&[1, 2]);
    let store = &running.store;
    let not_loaded = |name: &str| NotLoaded {
        name: name.to_owned(),
        file: "some.yaml".to_owned(),
        line: Some(7),
        reason: "it is broken".to_owned(),
    };
    store.set_not_loaded(vec![not_loaded("till")]);
    check(store, &[("till", None), ("till@1", Some(1)), ("till@2", Some(2))]);
    let error = store
        .reconstruct("till", "k", &AsOf::Head)
        .unwrap_err()
        .to_string();
    assert!(error.contains("some.yaml, line 7: it is broken"), "{error}");
    store.set_not_loaded(vec![not_loaded("till@1")]);
    check(store, &[("till", Some(2)), ("till@1", None)]);
}
