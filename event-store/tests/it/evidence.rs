//! What an answer rests on is told in full and in few bytes, however many events there are.

use std::sync::Arc;

use annals_event_store::{AsOf, EventStore, OffsetRange, Page, typed};
use sha2::{Digest, Sha256};

use crate::support::Logs;
use crate::till::{TOPIC, Till, TillFold, table};

/// Each second event is another till's, and some are of a kind nobody knows.
#[test]
fn many_offsets_take_few_bytes() {
    const PAIRS: usize = 3_000;
    let (table, ids) = table();
    let logs = Logs::new(TOPIC, 1);
    let opened = Till::Opened {
        owner: "ada".into(),
        opened_at: 0,
    };
    let unknown = |place: usize| place > 0 && place.is_multiple_of(100);
    let pairs: Vec<_> = (0..PAIRS)
        .flat_map(|place| {
            let event = match place {
                0 => &opened,
                place if unknown(place) => &Till::Counted,
                _ => &Till::Closed,
            };
            [event.write(&ids, "k", 1), Till::Closed.write(&ids, "other", 1)]
        })
        .collect();
    for batch in pairs.chunks(500) {
        logs.append(0, batch);
    }
    let store = EventStore::new(Arc::new(table));
    store
        .add_aggregate(Box::new(typed::<TillFold>(TOPIC)), logs.source())
        .unwrap();
    let answer = store.reconstruct("till", "k", &AsOf::Head).unwrap();
    assert!(answer.halted.is_none());
    let applied: Vec<i64> = (0..PAIRS)
        .filter(|place| !unknown(*place))
        .map(|place| 2 * place as i64)
        .collect();
    let lines: String = applied.iter().map(|offset| format!("{offset}\n")).collect();
    let hash: String = Sha256::digest(lines)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let told = &answer.offsets_applied;
    assert_eq!((told.count, &told.sha256), (applied.len() as u64, &hash));
    assert_eq!(
        (told.first, told.last),
        (applied.first().copied(), applied.last().copied())
    );
    let alone = |offset: &i64| OffsetRange {
        first: *offset,
        last: *offset,
    };
    assert_eq!(
        told.ranges,
        applied.iter().take(64).map(alone).collect::<Vec<_>>()
    );
    assert_eq!((answer.unknown_events, answer.unknown.len()), (29, 16));
    assert_eq!(answer.unknown[15].offset, 3_200);
    let bytes = serde_json::to_vec(&answer).unwrap().len();
    assert!(bytes < 8_000, "{bytes} bytes");
    // One by one they stand in the history.
    let history = store.history("till", "k", &answer_cut(&answer), Page::default());
    let offsets: Vec<i64> = history
        .unwrap()
        .entries
        .iter()
        .map(|entry| entry.offset)
        .collect();
    assert!(offsets.iter().copied().eq((0..1_000).map(|place| 2 * place)));
}

fn answer_cut(answer: &annals_event_store::Reconstruction) -> AsOf {
    AsOf::Cut(answer.cut.clone())
}

#[test]
fn runs_of_offsets_are_told_as_ranges() {
    let (table, ids) = table();
    let logs = Logs::new(TOPIC, 1);
    let opened = Till::Opened {
        owner: "ada".into(),
        opened_at: 0,
    };
    let closed = |key| Till::Closed.write(&ids, key, 1);
    let tail = [closed("k"), closed("k"), closed("other"), closed("k")];
    logs.append(0, &[opened.write(&ids, "k", 1)]);
    logs.append(0, &tail);
    let store = EventStore::new(Arc::new(table));
    store
        .add_aggregate(Box::new(typed::<TillFold>(TOPIC)), logs.source())
        .unwrap();
    let told = store
        .reconstruct("till", "k", &AsOf::Head)
        .unwrap()
        .offsets_applied;
    let range = |first, last| OffsetRange { first, last };
    assert_eq!(told.ranges, [range(0, 2), range(4, 4)]);
    assert_eq!((told.count, told.first, told.last), (4, Some(0), Some(4)));
}

/// Topics of one name are told apart by the ids that a broker gives them; a log of one's own has none.
#[test]
fn an_answer_has_the_id_of_its_topic() {
    let (table, ids) = table();
    let logs = Logs::new(TOPIC, 1);
    let opened = Till::Opened {
        owner: "ada".into(),
        opened_at: 0,
    };
    logs.append(0, &[opened.write(&ids, "k", 1)]);
    let store = EventStore::new(Arc::new(table));
    let check = |topic_id: Option<&str>| {
        let source = annals_event_store::Source {
            topic_id: topic_id.map(str::to_owned),
            ..logs.source()
        };
        store
            .add_aggregate(Box::new(typed::<TillFold>(TOPIC)), source)
            .unwrap();
        let state = store.reconstruct("till", "k", &AsOf::Head).unwrap();
        let history = store.history("till", "k", &AsOf::Head, Page::default()).unwrap();
        assert_eq!(
            (state.topic_id.as_deref(), history.topic_id.as_deref()),
            (topic_id, topic_id)
        );
        let told = serde_json::to_value(&state).unwrap();
        assert_eq!(told.get("topic_id").and_then(|id| id.as_str()), topic_id);
        assert!(store.remove_aggregate("till"));
    };
    check(None);
    check(Some("2d3c0c5e-5c5e-4f4e-9d60-0a3d4f1e2b3c"));
}
