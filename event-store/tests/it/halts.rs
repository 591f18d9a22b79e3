//! What cannot be folded is reported where it stands, and never skipped in silence.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use annals_event_store::{AsOf, At, EventStore, Fold, Halt, Halted, Page, Question, declarative, typed};
use annals_kafka_wire::batch::{Batch, BatchBuilder};
use annals_schema_model::SchemaId;
use annals_schema_model::cel::VALUE_DEPTH_MAX;
use bytes::BytesMut;

use crate::support::{Logs, Write, enveloped, offsets};
use crate::till::{FILE, TOPIC, Till, TillEvent, TillFold, table};

fn opened() -> Till {
    Till::Opened {
        owner: "ada".into(),
        opened_at: 0,
    }
}

/// Who counts is told how many are not whole, whether their values are looked at or not.
fn check_counts(store: &EventStore) {
    for condition in [None, Some("state.status == 'open'".to_owned())] {
        let question = Question {
            condition,
            count: true,
            ..Question::default()
        };
        for (at, halted) in [(AsOf::Head, 1), (AsOf::Offset(0), 0)] {
            let page = store.ask("till", &at, &question, 1, None).unwrap();
            assert_eq!((page.matched, page.halted), (Some(1), Some(halted)));
            let rows = store.rows("till", &at, &question).unwrap();
            assert_eq!(rows.each(Some(0), &mut |_| Ok(())).unwrap().halted, halted);
        }
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
        assert_eq!(offsets(&answer.offsets_applied), [0]);
        let Halted {
            offset,
            reason: given,
            ..
        } = answer.halted.unwrap();
        assert_eq!(offset, 1);
        told.push(given);
        assert!(
            store.list("till", &AsOf::Head, 1, None).unwrap().items[0]
                .halted
                .is_some()
        );
        check_counts(&store);
        // Whether the points lie about the event it stopped at or both behind it.
        for from in [0, 2] {
            let diff = store
                .diff("till", "k", &AsOf::Revision(from), &AsOf::Head, Page::default())
                .unwrap();
            assert_eq!(diff.halted.unwrap().offset, 1);
            assert_eq!((diff.from.revision, diff.to.revision), (Some(0), Some(0)));
            assert!(diff.changes.is_empty());
        }
        // A history has all events and says where the fold stops, on whatever page that event stands.
        for from in [0, 2] {
            let page = Page {
                from,
                limit: 2,
                cursor: None,
            };
            let history = store.history("till", "k", &AsOf::Head, page).unwrap();
            assert_eq!(history.entries.len() as u64, 2 - from / 2);
            assert_eq!(history.halted.unwrap().offset, 1);
            let before = store.history("till", "k", &AsOf::Offset(0), page).unwrap();
            assert_eq!(before.halted, None);
        }
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
            offsets(&answer.offsets_applied)
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

static PAYMENTS: AtomicUsize = AtomicUsize::new(0);

/// Refuses a till's closing, and then the payment it took before.
struct Fickle;

impl Fold for Fickle {
    const NAME: &'static str = "fickle";
    const REV: u32 = 1;
    type State = Vec<u64>;
    type Event = TillEvent;

    fn begin(_: TillEvent, at: &At<'_>) -> Result<Vec<u64>, Halt> {
        Ok(vec![at.revision])
    }

    fn evolve(state: &mut Vec<u64>, event: TillEvent, at: &At<'_>) -> Result<(), Halt> {
        state.push(at.revision);
        match event {
            TillEvent::Paid { .. } if PAYMENTS.fetch_add(1, Ordering::SeqCst) == 0 => Ok(()),
            TillEvent::Renamed { .. } => Ok(()),
            _ => Err(Halt::new(format!("not at {}", at.revision))),
        }
    }
}

/// A state that is made again, and is not what it was: what is shown is of the events before the one in the way.
#[test]
fn a_state_that_cannot_be_made_again_is_shown_as_far_as_it_was() {
    let logs = Logs::new(TOPIC, 1);
    let (table, ids) = table();
    let renamed = Till::Renamed { owner: "bo".into() };
    let paid = Till::Paid {
        cents: 1,
        payer: 1,
        note: None,
    };
    let events = [opened(), renamed, paid, Till::Counted, Till::Closed];
    logs.append(0, &events.map(|event| event.write(&ids, "k", 1)));
    let store = EventStore::new(Arc::new(table));
    store
        .add_aggregate(Box::new(typed::<Fickle>(TOPIC)), logs.source())
        .unwrap();
    let answer = store.reconstruct("fickle", "k", &AsOf::Head).unwrap();
    assert_eq!(answer.state, serde_json::json!([0, 1]));
    assert_eq!(offsets(&answer.offsets_applied), [0, 1]);
    let halted = answer.halted.unwrap();
    assert_eq!((halted.offset, halted.reason.as_str()), (2, "not at 2"));
    assert_eq!((answer.revision, answer.unknown_events), (Some(1), 0));
    assert_eq!(answer.schemas.len(), 2);
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
    assert_eq!(offsets(&answer.offsets_applied), [0, 2]);
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
    assert_eq!(offsets(&answer.offsets_applied), [0, 2]);
    assert_eq!((answer.unreadable[0].first, answer.unreadable[0].last), (1, 1));
    assert!(
        store
            .reconstruct("till", "k", &AsOf::Offset(0))
            .unwrap()
            .unreadable
            .is_empty()
    );
    assert_eq!(store.aggregates()[0].unreadable_batches, 1);
}

/// A state that is put into itself with each event halts before it is too deep for whoever goes through it.
#[test]
fn a_state_nests_only_so_deep() {
    let renamed = "      - append: { names: event.owner }\n";
    let check = |operation: &str, begun: &str| {
        let (table, ids) = table();
        let logs = Logs::new(TOPIC, 1);
        let owner = "x".to_owned();
        let mut writes = vec![opened().write(&ids, "k", 1)];
        writes.resize(400, Till::Renamed { owner }.write(&ids, "k", 1));
        logs.append(0, &writes);
        let text = FILE.replace(renamed, &format!("{renamed}      - {operation}\n"));
        let text = text.replacen("    begin:\n", &format!("    begin:\n      - {begun}\n"), 1);
        let fold = declarative::load(&text, &table).unwrap();
        let store = EventStore::new(Arc::new(table));
        store.add_aggregate(Box::new(fold), logs.source()).unwrap();
        let answer = store.reconstruct("till", "k", &AsOf::Head).unwrap();
        let halted = answer.halted.clone().unwrap();
        let says = format!("more than {VALUE_DEPTH_MAX} lists, maps and records inside each other");
        assert!(halted.reason.contains(&says), "{}", halted.reason);
        // Whoever reads JSON with the usual bound of 128 can read it.
        let text = serde_json::to_string(&[[[answer]]]).unwrap();
        serde_json::from_str::<serde_json::Value>(&text).unwrap();
    };
    let at = |steps: usize| format!("nest{}", ".a".repeat(steps));
    check(
        "set: { nest: { a: 1, before: state.nest } }",
        "set: { nest: null }",
    );
    check("set: { nest: [state.nest] }", "set: { nest: null }");
    let deep = format!("set: {{ nest: {}null{} }}", "{ a: ".repeat(19), " }".repeat(19));
    check(&format!("set: {{ {}: state.nest }}", at(19)), &deep);
    let (table, _) = table();
    let further = FILE.replace(renamed, &format!("      - set: {{ {}: 1 }}\n", at(21)));
    let error = declarative::load(&further, &table).err().unwrap().to_string();
    assert!(error.contains("leads more than 20 steps into a field"), "{error}");
}

#[test]
fn an_event_costs_only_so_much() {
    let renamed = "      - append: { names: event.owner }\n";
    let never = "state.names.exists(a, state.names.exists(b, state.names.exists(c, a + b == c)))";
    // What the fold does at each renaming, and at about which of them it stops.
    let check = |operation: &str, renamings: usize, stops: std::ops::Range<i64>| {
        let (table, ids) = table();
        let logs = Logs::new(TOPIC, 1);
        let mut writes = vec![opened().write(&ids, "k", 1)];
        let owner = "x".repeat(1_000);
        writes.resize(renamings + 1, Till::Renamed { owner }.write(&ids, "k", 1));
        logs.append(0, &writes);
        assert!(FILE.contains(renamed));
        let text = FILE.replace(renamed, &format!("{renamed}      - {operation}\n"));
        let fold = declarative::load(&text, &table).unwrap();
        let store = EventStore::new(Arc::new(table));
        store.add_aggregate(Box::new(fold), logs.source()).unwrap();
        let answer = store.reconstruct("till", "k", &AsOf::Head).unwrap();
        let halted = answer.halted.unwrap();
        assert!(halted.reason.contains("takes too much work"), "{}", halted.reason);
        assert!(stops.contains(&halted.offset), "{}", halted.offset);
        assert_eq!(answer.revision, Some(halted.offset as u64 - 1));
    };
    // A list doubles with each event, and what is read to make it counts with what is made.
    check(
        "set: { notes: \"state.notes + state.notes + ['x']\" }",
        30,
        10..30,
    );
    check(&format!("status: odd\n        if: {never}"), 300, 10..300);
}
