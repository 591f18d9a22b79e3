//! What cannot be folded is reported where it stands, and never skipped in silence.

use std::sync::Arc;

use annals_event_store::{
    AsOf, At, Cut, EventStore, Fold, Halt, Halted, Page, StoreError, declarative, typed,
};
use annals_kafka_wire::batch::{Batch, BatchBuilder};
use annals_schema_model::SchemaId;
use bytes::BytesMut;

use crate::support::{Logs, Write, enveloped};
use crate::till::{FILE, TOPIC, Till, TillEvent, TillFold, table};

fn opened() -> Till {
    Till::Opened {
        owner: "ada".into(),
        opened_at: 0,
    }
}

/// Both folds over a till that opens, then has this value, then closes.
fn check(value: Option<Vec<u8>>, reason: &str) {
    let logs = Logs::new(TOPIC, 1);
    let (table, ids) = table();
    let odd = Write {
        value,
        ..Till::Closed.write(&ids, "k", 2)
    };
    logs.append(
        0,
        &[
            opened().write(&ids, "k", 1),
            odd,
            Till::Closed.write(&ids, "k", 3),
        ],
    );
    let file = declarative::load(FILE, &table).unwrap();
    let store = EventStore::new(Arc::new(table));
    let mut told = Vec::new();
    let folds: [Box<dyn annals_event_store::AnyFold>; 2] =
        [Box::new(typed::<TillFold>(TOPIC)), Box::new(file)];
    for fold in folds {
        store.add_aggregate(fold, logs.source()).unwrap();
        let answer = store.reconstruct("till", "k", &AsOf::Head).unwrap();
        assert_eq!((answer.revision, answer.events), (Some(0), 3));
        assert_eq!(answer.state["status"], "open");
        assert_eq!(answer.offsets_applied, [0]);
        let Halted {
            offset,
            reason: given,
        } = answer.halted.unwrap();
        assert_eq!(offset, 1);
        told.push(given);
        assert!(
            store.list("till", &AsOf::Head, 1, None).unwrap().items[0]
                .halted
                .is_some()
        );
        // Whether the points lie about the event it stopped at or both behind it.
        for from in [0, 2] {
            let diff = store
                .diff("till", "k", &AsOf::Revision(from), &AsOf::Head, Page::default())
                .unwrap();
            assert_eq!(diff.halted.unwrap().offset, 1);
            assert_eq!((diff.from.revision, diff.to.revision), (Some(0), Some(0)));
            assert!(diff.changes.is_empty());
        }
        let history = store.history("till", "k", &AsOf::Head, Page::default()).unwrap();
        assert_eq!(history.entries.len(), 3);
    }
    assert!(told.iter().all(|given| given.contains(reason)), "{told:?}");
}

#[test]
fn events_that_cannot_be_read() {
    check(None, "no value");
    check(Some(b"plain text".to_vec()), "magic byte");
    check(
        Some(enveloped(SchemaId::new(99).unwrap(), b"")),
        "schema id 99 is not registered",
    );
    let (_, ids) = table();
    check(Some(enveloped(ids.renamed, b"\x20abc")), "");
    check(Some(enveloped(ids.closed, b"too much")), "");
}

/// Refuses a till's closing, and has changed the state by then.
struct Hasty;

impl Fold for Hasty {
    const NAME: &'static str = "hasty";
    const REV: u32 = 1;
    type State = Vec<String>;
    type Event = TillEvent;

    fn begin(_: TillEvent, at: &At<'_>) -> Result<Vec<String>, Halt> {
        Ok(vec![format!("begun at {}", at.revision)])
    }

    fn evolve(state: &mut Vec<String>, event: TillEvent, at: &At<'_>) -> Result<(), Halt> {
        state.push(format!("event {} at {} ms", at.revision, at.recorded_ms));
        match event {
            TillEvent::Closed => {
                state.clear();
                Err(Halt::new("no closing"))
            }
            _ => Ok(()),
        }
    }
}

#[test]
fn a_typed_fold_that_errs_half_way_shows_the_state_before() {
    let logs = Logs::new(TOPIC, 1);
    let (table, ids) = table();
    let paid = Till::Paid {
        cents: 1,
        payer: 1,
        note: None,
    };
    let events = [
        (opened(), 1),
        (Till::Counted, 2),
        (paid.clone(), 3),
        (Till::Closed, 4),
        (paid, 5),
    ];
    let writes: Vec<Write> = events
        .iter()
        .map(|(event, ms)| event.write(&ids, "k", *ms))
        .collect();
    logs.append(0, &writes);
    let store = EventStore::new(Arc::new(table));
    store
        .add_aggregate(Box::new(typed::<Hasty>(TOPIC)), logs.source())
        .unwrap();
    let before = serde_json::json!(["begun at 0", "event 2 at 3 ms"]);
    let answer = store.reconstruct("hasty", "k", &AsOf::Head).unwrap();
    assert_eq!(answer.state, before);
    assert_eq!(
        (
            answer.halted.unwrap().offset,
            answer.revision,
            answer.offsets_applied
        ),
        (3, Some(2), vec![0, 2])
    );
    let listed = store.list("hasty", &AsOf::Head, 1, None).unwrap();
    assert_eq!(listed.items[0].state, before);
    let diff = store
        .diff("hasty", "k", &AsOf::Revision(2), &AsOf::Head, Page::default())
        .unwrap();
    assert!(diff.changes.is_empty(), "{:?}", diff.changes);
    assert_eq!(diff.halted.unwrap().reason, "no closing");
}

#[test]
fn events_the_fold_refuses() {
    let (_, ids) = table();
    check(Some(opened().value(&ids)), "");
}

#[test]
fn events_nobody_knows() {
    let logs = Logs::new(TOPIC, 1);
    let (table, ids) = table();
    let events = [opened(), Till::Counted, Till::Closed];
    logs.append(0, &events.map(|event| event.write(&ids, "k", 1)));
    let store = EventStore::new(Arc::new(table));
    store
        .add_aggregate(Box::new(typed::<TillFold>(TOPIC)), logs.source())
        .unwrap();
    let answer = store.reconstruct("till", "k", &AsOf::Head).unwrap();
    assert_eq!(
        (answer.state["status"].as_str(), answer.revision),
        (Some("closed"), Some(2))
    );
    assert_eq!(answer.offsets_applied, [0, 2]);
    assert_eq!(
        (
            answer.unknown.len(),
            answer.unknown[0].offset,
            answer.unknown[0].event.as_str()
        ),
        (1, 1, "t.Counted")
    );
    assert_eq!(
        store.list("till", &AsOf::Head, 1, None).unwrap().items[0].unknown_events,
        1
    );
}

fn crc32c(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            if crc & 1 == 1 {
                crc >> 1 ^ 0x82F6_3B78
            } else {
                crc >> 1
            }
        })
    })
}

#[test]
fn batches_nobody_can_read() {
    let logs = Logs::new(TOPIC, 1);
    let (table, ids) = table();
    logs.append(0, &[opened().write(&ids, "k", 1)]);
    // A header that claims gzip over records that are none.
    let mut builder = BatchBuilder::new();
    builder.push(1, Some(b"k"), Some(b"v"), &[]);
    let mut bytes = BytesMut::from(&builder.build()[..]);
    bytes[22] |= 1;
    let crc = crc32c(&bytes[21..]);
    bytes[17..21].copy_from_slice(&crc.to_be_bytes());
    let (batch, _) = Batch::parse(&bytes.freeze(), 0).unwrap();
    logs.partitions[0].append(&batch, 0).unwrap();
    logs.append(0, &[Till::Closed.write(&ids, "k", 1)]);
    let store = EventStore::new(Arc::new(table));
    store
        .add_aggregate(Box::new(typed::<TillFold>(TOPIC)), logs.source())
        .unwrap();
    let answer = store.reconstruct("till", "k", &AsOf::Head).unwrap();
    assert_eq!(answer.offsets_applied, [0, 2]);
    assert_eq!((answer.unreadable[0].first, answer.unreadable[0].last), (1, 1));
    assert!(
        store
            .reconstruct("till", "k", &AsOf::Offset(0))
            .unwrap()
            .unreadable
            .is_empty()
    );
    assert_eq!(store.aggregates().unwrap()[0].unreadable_batches, 1);
}

#[test]
fn a_key_in_two_partitions() {
    let logs = Logs::new(TOPIC, 3);
    let (table, ids) = table();
    logs.append(1, &[opened().write(&ids, "k", 1)]);
    logs.append(2, &[opened().write(&ids, "k", 1)]);
    let store = EventStore::new(Arc::new(table));
    store
        .add_aggregate(Box::new(typed::<TillFold>(TOPIC)), logs.source())
        .unwrap();
    let answer = store.reconstruct("till", "k", &AsOf::Head).unwrap();
    assert_eq!(
        (answer.partition, answer.also_in_partitions.as_slice()),
        (1, &[2][..])
    );
    assert_eq!(answer.cut.to_string(), "0=-1,1=0,2=0");
    let first = store.list("till", &AsOf::Head, 1, None).unwrap();
    let second = store
        .list("till", &AsOf::Head, 1, first.next_cursor.as_deref())
        .unwrap();
    assert_eq!(
        (
            first.items[0].partition,
            second.items[0].partition,
            second.next_cursor
        ),
        (1, 2, None)
    );
}

#[test]
fn the_cut_alone_says_which_partition_is_meant() {
    let logs = Logs::new(TOPIC, 3);
    let (table, ids) = table();
    logs.append(
        1,
        &[opened().write(&ids, "k", 1), Till::Closed.write(&ids, "k", 2)],
    );
    logs.append(2, &[opened().write(&ids, "k", 1)]);
    let store = EventStore::new(Arc::new(table));
    store
        .add_aggregate(Box::new(typed::<TillFold>(TOPIC)), logs.source())
        .unwrap();
    let (birth, page) = (AsOf::Cut(Cut::default()), Page::default());
    let ask = |at: &AsOf| {
        (
            store.reconstruct("till", "k", at).unwrap(),
            store.history("till", "k", at, page).unwrap(),
            store.diff("till", "k", &birth, at, page).unwrap(),
        )
    };
    let head = store.reconstruct("till", "k", &AsOf::Head).unwrap();
    let cuts = [
        head.cut.to_string(),
        "1=0".into(),
        "2=0".into(),
        "0=-1,1=-1,2=0".into(),
    ];
    let points = cuts
        .iter()
        .map(|cut| AsOf::Cut(cut.parse().unwrap()))
        .chain([AsOf::Time(1), AsOf::Time(2)]);
    let before: Vec<_> = points.map(|at| (ask(&at), at)).collect();
    let partitions: Vec<u32> = before.iter().map(|(answers, _)| answers.0.partition).collect();
    assert_eq!(partitions, [1, 1, 2, 2, 1, 1]);
    let also: Vec<&[u32]> = before
        .iter()
        .map(|(answers, _)| answers.0.also_in_partitions.as_slice())
        .collect();
    assert_eq!(also, [&[2][..], &[], &[], &[], &[2], &[2]]);

    // The key turns up in a lower partition, and goes on in the others.
    logs.append(0, &[opened().write(&ids, "k", 3)]);
    logs.append(1, &[opened().write(&ids, "k", 3)]);
    logs.append(2, &[Till::Closed.write(&ids, "k", 3)]);
    for (answers, at) in &before {
        assert_eq!(&ask(at), answers, "{at}");
        // Asked for by its cut, it is the same but for what was asked.
        let mut by_cut = ask(&AsOf::Cut(answers.0.cut.clone())).0;
        by_cut.at.clone_from(&answers.0.at);
        assert_eq!(&by_cut, &answers.0, "{at}");
    }
    assert_eq!(store.reconstruct("till", "k", &AsOf::Head).unwrap().partition, 0);
    // Within its own cuts a diff stays in one partition, too.
    let cut = |text: &str| AsOf::Cut(text.parse().unwrap());
    let diff = store
        .diff("till", "k", &cut("2=0"), &cut("1=1,2=0"), page)
        .unwrap();
    assert_eq!(
        (diff.partition, diff.from.revision, diff.to.revision),
        (1, None, Some(1))
    );
    assert!(matches!(
        store.reconstruct("till", "k", &cut("0=-1")),
        Err(StoreError::NotYet { .. })
    ));
}
