//! Copies of the log tell nothing that the log does not: answers from them are those from the log itself.

use std::sync::Arc;

use annals_event_store::{AsOf, Cut, EventStore, Member, Question, Reconstruction};
use proptest::prelude::*;

use crate::model::{Stream, events, stores_in, stores_over};
use crate::support::Logs;
use crate::till::table;

/// Small segments: every sealed one has a copy.
const SEGMENT_BYTES: u64 = 1_000;

/// An answer, or why there is none.
type Told<T> = Result<T, String>;

fn state(store: &EventStore, key: &str, at: &AsOf) -> Told<Reconstruction> {
    store
        .reconstruct("till", key, at)
        .map_err(|error| error.to_string())
}

fn all(store: &EventStore, at: &AsOf, question: &Question) -> Told<Vec<Member>> {
    let mut members = Vec::new();
    let rows = store
        .rows("till", at, question)
        .map_err(|error| error.to_string())?;
    let given = rows.each(None, &mut |member| {
        members.push(member);
        Ok(())
    });
    given.map_err(|error| error.to_string())?;
    Ok(members)
}

fn pages(store: &EventStore, at: &AsOf, question: &Question, limit: usize) -> Told<Vec<Member>> {
    let (mut cursor, mut members) = (None, Vec::new());
    loop {
        let page = store.ask("till", at, question, limit, cursor.as_deref());
        let page = page.map_err(|error| error.to_string())?;
        members.extend(page.items);
        cursor = page.next_cursor;
        if cursor.is_none() {
            return Ok(members);
        }
    }
}

/// Whatever is asked of a store is what it says without copies.
fn check(store: &EventStore, cut: &Cut, limit: usize) -> Result<(), TestCaseError> {
    let (at, alone) = (AsOf::Cut(cut.clone()), store.without_snapshots());
    for key in (0..6).map(|key| format!("till {key}/{key}")) {
        prop_assert_eq!(state(store, &key, &at), state(&alone, &key, &at));
    }
    let condition = Some("state.payments > 1".to_owned());
    for question in [
        Question::default(),
        Question {
            condition,
            ..Question::default()
        },
    ] {
        let members = all(&alone, &at, &question);
        prop_assert_eq!(&all(store, &at, &question), &members);
        prop_assert_eq!(&pages(store, &at, &question, limit), &members);
    }
    Ok(())
}

/// Makes what copies can be made, and says how many there are.
fn cluster(logs: &Logs) -> usize {
    let chunks = logs.partitions.iter().map(|partition| {
        partition.cluster().unwrap();
        partition.clustered().unwrap().len()
    });
    chunks.sum()
}

/// All that is told of a cut, by copies or without.
fn told(store: &EventStore, cut: &Cut) -> (Vec<Told<Reconstruction>>, Told<Vec<Member>>) {
    let at = AsOf::Cut(cut.clone());
    let states = (0..6).map(|key| state(store, &format!("till {key}/{key}"), &at));
    (states.collect(), all(store, &at, &Question::default()))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases / 8, ..ProptestConfig::default() })]

    #[test]
    fn any_cut_is_told_from_copies_as_from_the_log(
        steps in events(), cut in (-1i64..70, -1i64..70), limit in 1usize..4, deleted in proptest::option::of(0i64..40),
        flipped in proptest::option::of(any::<prop::sample::Index>()),
    ) {
        let stream = Stream::of(&steps);
        let (logs, stores) = stores_in(&stream, Some(SEGMENT_BYTES));
        let cut: Cut = [(0, cut.0), (1, cut.1)].into_iter().collect();
        for store in &stores {
            check(store, &cut, limit)?;
        }
        let made = cluster(&logs);
        let sealed = stream.partitions.iter().any(|partition| partition.len() > 40);
        prop_assert!(made > 0 || !sealed, "nothing was copied");
        for store in &stores {
            check(store, &cut, limit)?;
        }
        if let Some(flipped) = flipped {
            for file in logs.files(0, "clustered") {
                let mut bytes = std::fs::read(&file).unwrap();
                let at = flipped.index(bytes.len());
                bytes[at] ^= 4;
                std::fs::write(&file, bytes).unwrap();
            }
            for store in &stores {
                check(store, &cut, limit)?;
            }
        }
        if let Some(deleted) = deleted.filter(|deleted| *deleted < logs.partitions[0].high_watermark()) {
            logs.partitions[0].delete_before(deleted).unwrap();
            for store in &stores {
                check(store, &cut, limit)?;
            }
            cluster(&logs);
            for store in &stores {
                check(store, &cut, limit)?;
            }
        }
    }

    /// Where the log is damaged a copy has what stood there: nobody is told anything else, whoever has noticed by then.
    #[test]
    fn what_the_log_loses_copies_tell(
        steps in events(), cut in (-1i64..70, -1i64..70), flipped in any::<prop::sample::Index>(),
    ) {
        let (logs, stores) = stores_in(&Stream::of(&steps), Some(SEGMENT_BYTES));
        let cut: Cut = [(0, cut.0), (1, cut.1)].into_iter().collect();
        cluster(&logs);
        let expected = stores.each_ref().map(|store| told(store, &cut));
        let mut files = logs.files(0, "log");
        files.pop();
        for file in &files {
            let mut bytes = std::fs::read(file).unwrap();
            let at = flipped.index(bytes.len());
            bytes[at] ^= 4;
            std::fs::write(file, bytes).unwrap();
        }
        for _ in 0..2 {
            let fresh = stores_over(&logs, Arc::new(table().0));
            for (store, expected) in fresh.iter().zip(&expected) {
                prop_assert_eq!(&told(store, &cut), expected);
                prop_assert_eq!(&told(&store.without_snapshots(), &cut), expected);
            }
        }
        prop_assert!(logs.partitions[0].damage().len() <= files.len());
    }
}
