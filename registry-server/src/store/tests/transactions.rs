//! Writers, one after the other: what they may write, and what they leave when they give up.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    time::Duration,
};

use super::{all, content, context, on_each, schema, version, write};
use crate::{
    registry::{Commit, VersionState},
    store::{Store, StoreError, key},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writers_take_turns() {
    const COMMITS: usize = 25;
    on_each(async |database| {
        let inside = Arc::new(AtomicBool::new(false));
        let writers = (0..3).map(|writer| {
            let (database, inside) = (database.clone(), Arc::clone(&inside));
            tokio::spawn(async move {
                let mut store = Store::open(&database).await.unwrap();
                let (mut seen, mut rows, mut mine) = (Commit::default(), BTreeMap::new(), Vec::new());
                for step in 0..COMMITS {
                    let mut transaction = store.begin().await.unwrap();
                    assert!(!inside.swap(true, SeqCst), "somebody else is writing");
                    let changes = transaction.changes_since(seen).await.unwrap();
                    assert_eq!(changes.commit, transaction.last());
                    for change in &changes.changes {
                        rows.insert(format!("{:?}", key(change)), change.clone());
                    }
                    assert_eq!(
                        rows.len() as i64,
                        changes.commit.sequence,
                        "a row for every commit so far"
                    );
                    let change = context(&format!(".{writer}-{step}"), 1);
                    transaction.write(std::slice::from_ref(&change)).await.unwrap();
                    rows.insert(format!("{:?}", key(&change)), change);
                    inside.store(false, SeqCst);
                    seen = transaction.commit().await.unwrap();
                    assert_eq!(seen.sequence, changes.commit.sequence + 1);
                    mine.push(seen.sequence);
                }
                mine
            })
        });
        let mut sequences = Vec::new();
        for writer in writers.collect::<Vec<_>>() {
            sequences.extend(writer.await.unwrap());
        }
        sequences.sort_unstable();
        let wanted: Vec<i64> = (1..=3 * COMMITS as i64).collect();
        assert_eq!(sequences, wanted, "{database}");
    })
    .await;
}

#[tokio::test]
async fn what_is_not_committed_is_not_there() {
    on_each(async |database| {
        let mut one = Store::open(database).await.unwrap();
        let mut two = Store::open(database).await.unwrap();
        let rows = [context(".", 1)];

        let mut dropped = one.begin().await.unwrap();
        dropped.write(&rows).await.unwrap();
        drop(dropped);
        let mut rolled_back = two.begin().await.unwrap();
        assert_eq!(rolled_back.last(), Commit::default());
        rolled_back.write(&rows).await.unwrap();
        rolled_back.rollback().await.unwrap();
        let nothing = one.begin().await.unwrap();
        assert_eq!(
            nothing.commit().await.unwrap(),
            Commit::default(),
            "nothing written, nothing counted"
        );

        // Whoever waits for the lock and is abandoned leaves no trace.
        let holder = one.begin().await.unwrap();
        tokio::select! {
            biased;
            _ = two.begin() => panic!("the lock is held"),
            () = tokio::time::sleep(Duration::from_millis(20)) => {}
        }
        holder.rollback().await.unwrap();
        assert_eq!(write(&mut two, &rows).await.unwrap(), 1, "{database}");
        assert_eq!(all(&mut one).await.unwrap().changes.len(), 1);
    })
    .await;
}

#[tokio::test]
async fn what_cannot_be_is_refused() {
    on_each(async |database| {
        let mut store = Store::open(database).await.unwrap();
        let (one, other) = (content("1"), content("2"));
        let base = [
            schema(".", 1, &one, false),
            schema(".", 2, &other, false),
            version("a", 1, 1, VersionState::Live),
        ];
        write(&mut store, &base).await.unwrap();
        let (live, gone) = (VersionState::Live, VersionState::Gone);
        let table = [
            ("a content's second id", schema(".", 3, &one, false), false),
            ("a retired second id", schema(".", 3, &one, true), true),
            ("an id in another context", schema(".eu", 3, &one, false), true),
            (
                "an id twice in a subject, as imports may have it",
                version("a", 2, 1, live),
                true,
            ),
            ("a deleted id once more", version("a", 2, 1, gone), true),
            ("an id in another subject", version("b", 1, 1, live), true),
            ("a version without a schema", version("a", 2, 9, live), false),
        ];
        for (what, change, allowed) in table {
            let mut transaction = store.begin().await.unwrap();
            let written = transaction.write(&[change]).await;
            assert_eq!(written.is_ok(), allowed, "{what} on {database}: {written:?}");
            if let Err(error) = written {
                assert!(matches!(error, StoreError::Refused(_)), "{what}: {error:?}");
                let error = transaction.commit().await.unwrap_err();
                assert!(matches!(error, StoreError::RolledBack), "{what}: {error:?}");
            }
        }
        assert_eq!(
            all(&mut store).await.unwrap().commit.sequence,
            1,
            "all were rolled back"
        );
    })
    .await;
}
