//! Long answers come in pages: whole, of one cut, and bounded in entries and in bytes.

use std::sync::Arc;

use annals_event_store::{
    AsOf, Cut, EventStore, FieldChange, PAGE_BYTES_MAX, Page, Question, StoreError, Work, typed,
};

use crate::support::Logs;
use crate::till::{Ids, TOPIC, Till, TillFold, table};

fn store(logs: &Logs) -> (EventStore, Ids) {
    let (table, ids) = table();
    let store = EventStore::new(Arc::new(table));
    store
        .add_aggregate(Box::new(typed::<TillFold>(TOPIC)), logs.source())
        .unwrap();
    (store, ids)
}

fn opened(owner: &str) -> Till {
    Till::Opened {
        owner: owner.to_owned(),
        opened_at: 0,
    }
}

/// Opens a till and renames it so often, in batches among which other tills' events stand.
fn renamed(logs: &Logs, ids: &Ids, key: &str, names: usize) {
    let rename = |number: usize| Till::Renamed {
        owner: format!("o{number}"),
    };
    let mut events = vec![opened("o").write(ids, key, 1)];
    events.extend((0..names).map(|number| rename(number).write(ids, key, 2)));
    for batch in events.chunks(100) {
        logs.append(0, batch);
        logs.append(
            0,
            &[opened("other").write(ids, &format!("other {}", batch.len()), 3)],
        );
    }
}

fn bytes(entry: &impl serde::Serialize) -> usize {
    serde_json::to_string(entry).unwrap().len()
}

#[test]
fn a_history_is_walked_at_one_cut() {
    let logs = Logs::new(TOPIC, 1);
    let (store, ids) = store(&logs);
    renamed(&logs, &ids, "k", 2_499);
    for limit in [1, 700, 1_000] {
        let (mut revisions, mut pages) = (Vec::new(), 0);
        let first = Page {
            limit,
            ..Page::default()
        };
        let mut page = store.history("till", "k", &AsOf::Head, first).unwrap();
        let cut = page.cut.clone();
        loop {
            assert!(page.entries.len() <= limit && page.cut == cut);
            assert_eq!(page.events, 2_500);
            revisions.extend(page.entries.iter().map(|entry| entry.revision));
            pages += 1;
            let Some(cursor) = page.next_cursor else { break };
            if pages == 1 {
                // What comes meanwhile is not of this walk.
                logs.append(0, &[Till::Closed.write(&ids, "other 1", 9)]);
            }
            let next = Page {
                limit,
                cursor: Some(&cursor),
                ..Page::default()
            };
            page = store.history("till", "k", &AsOf::Head, next).unwrap();
        }
        assert!(revisions.into_iter().eq(0..2_500), "limit {limit}");
        assert_eq!(pages, 2_500_usize.div_ceil(limit));
    }
    let beyond = Page {
        from: u64::MAX,
        limit: 1,
        cursor: None,
    };
    let beyond = store.history("till", "k", &AsOf::Head, beyond).unwrap();
    assert!(beyond.entries.is_empty() && beyond.next_cursor.is_none());
    for limit in [0, 1_001] {
        let page = Page {
            limit,
            ..Page::default()
        };
        let refused = store.history("till", "k", &AsOf::Head, page);
        assert!(matches!(refused, Err(StoreError::Limit { .. })));
    }
}

#[test]
fn large_entries_make_short_pages() {
    let logs = Logs::new(TOPIC, 1);
    let (store, ids) = store(&logs);
    let large = "x".repeat(PAGE_BYTES_MAX / 4);
    for till in 0..9 {
        let key = format!("till {till}");
        let events = [opened(&large), Till::Renamed { owner: large.clone() }];
        logs.append(0, &events.map(|event| event.write(&ids, &key, 1)));
    }
    let huge = "y".repeat(PAGE_BYTES_MAX + 1);
    for owner in [huge.clone(), huge, "small".to_owned()] {
        logs.append(0, &[Till::Renamed { owner }.write(&ids, "till 0", 2)]);
    }
    // A state holds its names as often as it was renamed.
    let (mut cursor, mut ids_seen, mut sizes) = (None, Vec::new(), Vec::new());
    loop {
        let page = store.list("till", &AsOf::Head, 100, cursor.as_deref()).unwrap();
        sizes.push(page.items.len());
        let before_last: usize = page.items.iter().rev().skip(1).map(bytes).sum();
        assert!(before_last < PAGE_BYTES_MAX);
        ids_seen.extend(page.items.into_iter().map(|member| member.id));
        cursor = page.next_cursor;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(ids_seen.len(), 9);
    assert_eq!(sizes, [1, 2, 2, 2, 2]);

    let (mut from, mut sizes) = (0, Vec::new());
    while from < 5 {
        let page = Page {
            from,
            limit: 100,
            cursor: None,
        };
        let history = store.history("till", "till 0", &AsOf::Head, page).unwrap();
        sizes.push(history.entries.len());
        from += history.entries.len() as u64;
    }
    assert_eq!(sizes, [3, 1, 1]);
}

/// Large states are not folded by the dozen to give one of them.
#[test]
fn a_page_folds_no_more_than_goes_onto_it() {
    let logs = Logs::new(TOPIC, 1);
    let (store, ids) = store(&logs);
    let large = "x".repeat(PAGE_BYTES_MAX + 1);
    for till in 0..8 {
        logs.append(0, &[opened(&large).write(&ids, &format!("till {till}"), 1)]);
    }
    // One of them costs its bytes once.
    let work = Work::up_to(2 * PAGE_BYTES_MAX as u64 / 256);
    let page = store.at_work(&work).list("till", &AsOf::Head, 100, None).unwrap();
    assert_eq!((page.items.len(), page.total), (1, 8));
}

#[test]
fn a_long_difference_is_walked_at_its_two_cuts() {
    let logs = Logs::new(TOPIC, 1);
    let (store, ids) = store(&logs);
    renamed(&logs, &ids, "k", 1_500);
    let (from, to) = (AsOf::Revision(0), AsOf::Revision(1_000));
    let whole = store.diff("till", "k", &from, &to, Page::default()).unwrap();
    // Each new name, and the owner.
    assert_eq!((whole.total, whole.changes.len()), (1_001, 1_000));
    let mut walked: Vec<FieldChange> = Vec::new();
    let first = Page {
        limit: 300,
        ..Page::default()
    };
    let mut page = store.diff("till", "k", &from, &to, first).unwrap();
    loop {
        assert_eq!((&page.from.cut, &page.to.cut), (&whole.from.cut, &whole.to.cut));
        assert!(page.total == 1_001 && page.changes.len() <= 300);
        walked.append(&mut page.changes);
        let Some(cursor) = page.next_cursor else { break };
        let next = Page {
            limit: 300,
            cursor: Some(&cursor),
            ..Page::default()
        };
        page = store.diff("till", "k", &from, &to, next).unwrap();
    }
    assert_eq!(walked.len(), 1_001);
    assert_eq!(walked[..1_000], whole.changes);
    // Each name is put down to the event that gave it.
    for change in walked {
        let by = change.by.unwrap().revision;
        match change.path.strip_prefix("/names/") {
            Some(place) => assert_eq!(by.to_string(), place),
            None => assert_eq!((change.path.as_str(), by), ("/owner", 1_000)),
        }
    }
}

/// All ids of a walk, one a page.
fn walked(page: impl Fn(Option<&str>) -> Result<(Vec<String>, Option<String>), StoreError>) -> Vec<String> {
    let (mut ids, mut cursor) = (Vec::new(), None);
    loop {
        let (found, next): (_, Option<String>) = page(cursor.as_deref()).unwrap();
        ids.extend(found);
        let Some(next) = next else { return ids };
        assert!(next.len() <= 2_048, "a cursor of {} bytes", next.len());
        cursor = Some(next);
    }
}

/// Ids of tens of KiB that begin alike are told apart, and a URL holds every cursor.
#[test]
fn cursors_are_short_however_long_the_ids_are() {
    let logs = Logs::new(TOPIC, 2);
    let (store, ids) = store(&logs);
    let long = |number: usize| format!("b{}{number:03}", "b".repeat(20_000));
    let mut keys: Vec<String> = (0..100).map(long).collect();
    keys.extend([0, 511, 512, 513].map(|count| format!("a{}", "b".repeat(count))));
    keys.extend([170, 171, 172].map(|count| "é‰".repeat(count)));
    keys.push("z".to_owned());
    for (place, key) in keys.iter().enumerate() {
        logs.append(place % 2, &[opened("o").write(&ids, key, 1)]);
    }
    keys.sort();
    let (head, nothing) = (AsOf::Head, AsOf::Cut(Cut::default()));
    let counted = Question {
        count: true,
        ..Question::default()
    };
    let of_list = |page: annals_event_store::Population| {
        let ids = page.items.into_iter().map(|member| member.id).collect();
        (ids, page.next_cursor)
    };
    let walks = [
        walked(|cursor| store.list("till", &head, 1, cursor).map(of_list)),
        walked(|cursor| store.ask("till", &head, &counted, 1, cursor).map(of_list)),
        walked(|cursor| {
            let page = store.differences("till", &nothing, &head, 1, cursor)?;
            Ok((
                page.items.into_iter().map(|item| item.id).collect(),
                page.next_cursor,
            ))
        }),
    ];
    for walk in walks {
        assert!(walk == keys, "{} of {} ids", walk.len(), keys.len());
    }
}

/// Behind a long id that has gone nobody knows where to go on.
#[test]
fn a_walk_that_stands_at_a_long_id_that_is_gone_is_refused() {
    let logs = Logs::new(TOPIC, 1);
    let (store, ids) = store(&logs);
    for key in ["a".repeat(1_000), "z".to_owned()] {
        logs.append(0, &[opened("o").write(&ids, &key, 1)]);
    }
    let cursor = store
        .list("till", &AsOf::Head, 1, None)
        .unwrap()
        .next_cursor
        .unwrap();
    let other = cursor.replace(";0~", ";0~0");
    let refused = store.list("till", &AsOf::Head, 1, Some(&other));
    assert!(matches!(refused, Err(StoreError::PlaceGone)), "{refused:?}");
}
