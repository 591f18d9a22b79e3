//! Snapshots tell nothing that the events do not: answers with them are those without, whatever was kept, lost or flipped.

use std::sync::Arc;

use annals_event_store::{AsOf, EventStore, Reconstruction, SnapshotFigures, StoreError, declarative, typed};
use proptest::prelude::*;

use crate::support::Logs;
use crate::till::{FILE, TOPIC, Till, TillFold, table};

/// A till's payments, and now and then something else.
fn events() -> impl Strategy<Value = Vec<(u8, Till)>> {
    let paid = |note: bool| {
        (-9i64..9, 0i64..3).prop_map(move |(cents, payer)| Till::Paid {
            cents,
            payer,
            note: note.then(|| format!("{cents}")),
        })
    };
    let event = prop_oneof![
        60 => paid(false),
        1 => paid(true),
        6 => (-9i64..9, 0i32..3).prop_map(|(cents, who)| Till::PaidOld { cents, who }),
        2 => "[a-z]{1,4}".prop_map(|owner| Till::Renamed { owner }),
        2 => Just(Till::Counted),
        1 => Just(Till::Closed),
    ];
    proptest::collection::vec((0u8..3, event), 200..600)
}

fn logs(events: &[(u8, Till)]) -> Logs {
    let (logs, ids) = (Logs::new(TOPIC, 1), table().1);
    let opened = |key: u8| {
        let event = Till::Opened {
            owner: format!("o{key}"),
            opened_at: 5,
        };
        (key, event)
    };
    let all = (0..3).map(opened).chain(events.iter().cloned());
    let writes: Vec<_> = all
        .zip(0..)
        .map(|((key, event), ms)| event.write(&ids, &format!("k{key}"), ms))
        .collect();
    for batch in writes.chunks(50) {
        logs.append(0, batch);
    }
    logs
}

/// The fold as it is declared, which keeps computed times too, of each kind there is.
fn timed() -> String {
    FILE.replace(
        "- set: { last_paid: at.recorded }",
        "- set: { last_paid: at.recorded, open_for: at.recorded - state.opened_at }
      - set: { due: \"(has(state.due) && state.due > at.recorded ? state.due : at.recorded) + duration('1us1ns')\" }",
    )
}

/// A store with the fold as it is declared, in this text, or typed.
fn store(logs: &Logs, text: Option<&str>) -> EventStore {
    let table: Arc<dyn annals_event_store::Subjects> = Arc::new(table().0);
    let store = EventStore::new(table.clone());
    match text {
        Some(text) => {
            let fold = declarative::load(text, &*table).unwrap();
            store.add_aggregate(Box::new(fold), logs.source()).unwrap();
        }
        None => {
            let fold = typed::<TillFold>(TOPIC).with_snapshots();
            store.add_aggregate(Box::new(fold), logs.source()).unwrap();
        }
    }
    store
}

/// Asks with snapshots and without; both answers are the same but for the snapshot. Says whether there was one.
fn ask(store: &EventStore, key: u8, offset: i64) -> Result<bool, TestCaseError> {
    let (id, at) = (format!("k{key}"), AsOf::Offset(offset));
    let with = store.reconstruct("till", &id, &at);
    let without = store.without_snapshots().reconstruct("till", &id, &at);
    match (with, without) {
        (Ok(with), Ok(without)) => {
            prop_assert!(without.snapshot.is_none());
            let snapshot = with.snapshot.clone();
            if let Some(used) = &snapshot {
                prop_assert!(used.offset <= offset && Some(used.revision) <= with.revision);
            }
            let with = Reconstruction {
                snapshot: None,
                ..with
            };
            prop_assert_eq!(
                serde_json::to_string(&with).unwrap(),
                serde_json::to_string(&without).unwrap()
            );
            Ok(snapshot.is_some())
        }
        (Err(StoreError::NotYet { .. }), Err(StoreError::NotYet { .. })) => Ok(false),
        (with, without) => {
            prop_assert!(false, "{with:?}, without snapshots {without:?}");
            Ok(false)
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases / 16, ..ProptestConfig::default() })]

    #[test]
    fn any_cut_with_any_snapshots_is_the_cut_without(
        events in events(),
        which in 0usize..3,
        asked in proptest::collection::vec((0u8..3, 0i64..600), 1..8),
        reopened in 0usize..8,
        flipped in proptest::option::of(any::<prop::sample::Index>()),
    ) {
        let logs = logs(&events);
        let timed = timed();
        let text = [None, Some(FILE), Some(timed.as_str())][which];
        let mut one = store(&logs, text);
        let mut used = 0;
        for (number, (key, offset)) in asked.into_iter().enumerate() {
            if number == reopened {
                drop(one);
                if let Some(flipped) = flipped {
                    for file in logs.snapshot_files(0) {
                        let mut bytes = std::fs::read(&file).unwrap();
                        if !bytes.is_empty() {
                            let at = flipped.index(bytes.len());
                            bytes[at] ^= 4;
                            std::fs::write(&file, bytes).unwrap();
                        }
                    }
                }
                one = store(&logs, text);
            }
            used += u64::from(ask(&one, key, offset)?);
        }
        let SnapshotFigures { used: told, wrong, .. } = one.snapshot_figures();
        prop_assert!(told <= used && wrong == 0);
    }
}

/// So many payments of one till.
fn payments(count: i64) -> Vec<(u8, Till)> {
    let paid = |cents| Till::Paid {
        cents,
        payer: 1,
        note: None,
    };
    (0..count).map(|cents| (0, paid(cents % 90))).collect()
}

#[test]
fn a_long_history_is_entered_near_the_point_that_is_asked_for() {
    let logs = logs(&payments(5_000));
    for text in [None, Some(FILE)] {
        let before = store(&logs, text);
        let first = before.reconstruct("till", "k0", &AsOf::Head).unwrap();
        assert_eq!((first.snapshot, first.events), (None, 5_001));
        let kept = before.snapshot_figures().kept;
        assert!(kept >= 20, "{kept} were kept");
        drop(before);
        // After a restart they are there, for any cut.
        let after = store(&logs, text);
        for revision in [5_000, 4_000, 2_500, 1_000] {
            let answer = after
                .reconstruct("till", "k0", &AsOf::Revision(revision))
                .unwrap();
            let from = answer.snapshot.expect("a snapshot").revision;
            assert!(from <= revision && revision - from < 300, "{from} for {revision}");
        }
        let figures = after.snapshot_figures();
        assert_eq!((figures.used, figures.kept, figures.damaged), (4, 0, 0));
        // They take a quarter of what was folded at most, with their names.
        let size = |path: &std::path::PathBuf| std::fs::metadata(path).unwrap().len();
        let folded = 5_001 * 15;
        let taken = logs.snapshot_files(0).iter().map(size).max().unwrap();
        assert!(taken < folded, "{taken} bytes for {folded}");
    }
    assert_eq!(
        logs.snapshot_files(0).len(),
        1,
        "the file of the fold that is not there any more is gone"
    );
}

#[test]
fn a_fold_that_changed_begins_with_no_snapshot_of_the_one_before() {
    let logs = logs(&payments(1_000));
    let before = store(&logs, Some(FILE));
    before.reconstruct("till", "k0", &AsOf::Head).unwrap();
    assert!(
        before
            .reconstruct("till", "k0", &AsOf::Head)
            .unwrap()
            .snapshot
            .is_some()
    );
    let changed = FILE.replace("- inc: payments", "- set: { payments: 7 }");
    let after = store(&logs, Some(&changed));
    let answer = after.reconstruct("till", "k0", &AsOf::Head).unwrap();
    assert_eq!((answer.snapshot, &answer.state["payments"]), (None, &7.into()));
}

#[test]
fn what_was_deleted_is_missing_whatever_is_kept() {
    let logs = logs(&payments(1_000));
    let one = store(&logs, None);
    for _ in 0..2 {
        one.reconstruct("till", "k0", &AsOf::Head).unwrap();
    }
    assert_eq!(one.snapshot_figures().used, 1);
    logs.partitions[0].delete_before(10).unwrap();
    let (with, without) = (
        one.reconstruct("till", "k0", &AsOf::Head),
        one.without_snapshots().reconstruct("till", "k0", &AsOf::Head),
    );
    assert_eq!(format!("{with:?}"), format!("{without:?}"));
    assert_eq!(one.snapshot_figures().used, 1);
}

#[test]
fn answers_are_checked_behind_the_back_of_who_asked() {
    let logs = logs(&payments(1_000));
    let one = store(&logs, None);
    for _ in 0..200 {
        one.reconstruct("till", "k0", &AsOf::Head).unwrap();
    }
    // The thread has its turn when it has it.
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(60);
    while one.snapshot_figures().checked == 0 {
        assert!(std::time::Instant::now() < deadline, "nothing was checked");
        std::thread::yield_now();
    }
    let figures = one.snapshot_figures();
    assert_eq!((figures.used, figures.wrong), (199, 0));
}
