//! Points in the log, histories and diffs of one small till.

use std::sync::Arc;

use annals_event_store::{
    AsOf, ChangeKind, EventStore, Page, StoreError, TimeSource, declarative, parse_at, typed,
};
use annals_kafka_wire::batch::TimestampType;
use serde_json::json;

use crate::support::{Logs, offsets};
use crate::till::{FILE, TOPIC, Till, TillFold, table};

/// Offsets 0 to 5; till `a` has 0, 1, 3 and 5.
fn store() -> (Logs, EventStore) {
    let (table, ids) = table();
    let logs = Logs::new(TOPIC, 1);
    let opened = |owner: &str| Till::Opened {
        owner: owner.into(),
        opened_at: 0,
    };
    let paid = |cents| Till::Paid {
        cents,
        payer: 1,
        note: None,
    };
    logs.append(
        0,
        &[
            opened("ada").write(&ids, "a", 1_000),
            paid(150).write(&ids, "a", 3_000),
        ],
    );
    logs.append(
        0,
        &[
            opened("bob").write(&ids, "b", 2_000),
            paid(-50).write(&ids, "a", 4_000),
        ],
    );
    logs.append(0, &[Till::Closed.write(&ids, "b", 5_000)]);
    logs.append(
        0,
        &[Till::Renamed { owner: "eve".into() }.write(&ids, "a", 6_000)],
    );
    let store = EventStore::new(Arc::new(table));
    store
        .add_aggregate(Box::new(typed::<TillFold>(TOPIC)), logs.source())
        .unwrap();
    (logs, store)
}

#[test]
fn every_form_of_a_point() {
    let (_logs, store) = store();
    let check = |at: &str, revision: u64, cut: &str| {
        let answer = store
            .reconstruct("till", "a", &parse_at(at, 10_000).unwrap())
            .unwrap();
        assert_eq!(
            (answer.revision, answer.cut.to_string().as_str()),
            (Some(revision), cut),
            "{at}"
        );
    };
    check("", 3, "0=5");
    check("offset:4", 2, "0=4");
    check("offset:99", 3, "0=5");
    check("revision:0", 0, "0=0");
    check("revision:2", 2, "0=3");
    check("0=3", 2, "0=3");
    check("1970-01-01T00:00:03Z", 1, "0=2");
    check("1970-01-01T00:00:02.999Z", 0, "0=0");
    check("-6s", 2, "0=3");
    check("-1s", 3, "0=5");
}

#[test]
fn points_that_are_not_there() {
    let (_logs, store) = store();
    let error = |id: &str, at: &str| {
        let at = parse_at(at, 0).unwrap();
        store.reconstruct("till", id, &at).unwrap_err()
    };
    assert!(matches!(error("c", ""), StoreError::UnknownId { .. }));
    assert!(matches!(error("b", "offset:1"), StoreError::NotYet { .. }));
    assert!(matches!(error("a", "-1s"), StoreError::NotYet { .. }));
    assert!(matches!(
        error("a", "revision:4"),
        StoreError::NoSuchRevision { last: 3, .. }
    ));
    assert!(error("a", "1=3").to_string().contains("has 1 partitions"));
    assert!(
        store
            .reconstruct("box", "a", &AsOf::Head)
            .unwrap_err()
            .to_string()
            .contains("there are: till")
    );
    assert!(
        error("b", "offset:1")
            .to_string()
            .contains("its first event is offset 2")
    );
}

#[test]
fn an_answer_says_what_it_rests_on() {
    let (_logs, store) = store();
    let answer = store.reconstruct("till", "a", &AsOf::Offset(4)).unwrap();
    assert_eq!(offsets(&answer.offsets_applied), [0, 1, 3]);
    assert_eq!((answer.events, answer.partition), (3, 0));
    assert_eq!(answer.recorded.as_deref(), Some("1970-01-01T00:00:04.000Z"));
    let schemas: Vec<_> = answer.schemas.iter().map(ToString::to_string).collect();
    assert_eq!(
        schemas,
        ["schema id 1", "schema id 3"],
        "a typed fold has no names"
    );
    assert_eq!(answer.state["balance"], "1.00");
    assert!(answer.snapshot.is_none() && answer.halted.is_none() && answer.unreadable.is_empty());
    let text = serde_json::to_string(&answer).unwrap();
    assert_eq!(
        serde_json::from_str::<annals_event_store::Reconstruction>(&text).unwrap(),
        answer
    );
}

#[test]
fn a_history_is_the_events_as_written() {
    let (_logs, store) = store();
    let history = store
        .history("till", "a", &AsOf::Revision(2), Page::default())
        .unwrap();
    assert_eq!((history.events, history.entries.len()), (3, 3));
    assert_eq!((history.at.as_str(), history.next_cursor), ("revision:2", None));
    let paid = &history.entries[1];
    assert_eq!(
        (paid.revision, paid.offset, paid.event.as_deref()),
        (1, 1, Some("t.Paid"))
    );
    assert_eq!(
        (paid.actor.as_deref(), paid.business_time.as_deref()),
        (Some("ada"), Some("1970-01-01T00:00:03.000Z"))
    );
    assert_eq!(paid.recorded, "1970-01-01T00:00:03.000Z");
    assert_eq!(paid.data, json!({"amount": "1.50", "note": null, "payer": 1}));
    // Its own time: offset 2 said 2 s, after offset 1 had said 3 s.
    let other = store.history("till", "b", &AsOf::Head, Page::default()).unwrap();
    assert_eq!(other.entries[0].recorded, "1970-01-01T00:00:02.000Z");
}

#[test]
fn a_diff_names_fields_and_events() {
    let (_logs, store) = store();
    let between = |id: &str, from, to| store.diff("till", id, &from, &to, Page::default());
    let diff = between("a", AsOf::Revision(1), AsOf::Head).unwrap();
    let told: Vec<String> = diff
        .changes
        .iter()
        .map(|change| {
            let by = change.by.as_ref().unwrap();
            format!(
                "{:?} {} by {} {}",
                change.kind,
                change.path,
                by.offset,
                by.event.as_deref().unwrap()
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            "Changed /balance by 3 t.Paid",
            "Changed /last_paid by 3 t.Paid",
            "Added /names/1 by 5 t.Renamed",
            "Changed /owner by 5 t.Renamed",
            "Changed /payers/0/amount by 3 t.Paid",
            "Changed /payments by 3 t.Paid",
        ]
    );
    assert_eq!((diff.from.revision, diff.to.revision), (Some(1), Some(3)));
    let balance = &diff.changes[0];
    assert_eq!(
        (&balance.before, &balance.after),
        (&Some(json!("1.50")), &Some(json!("1.00")))
    );
    assert_eq!(balance.by.as_ref().unwrap().actor.as_deref(), Some("ada"));

    let birth = between("a", AsOf::Offset(-1), AsOf::Revision(0)).unwrap();
    assert!(
        birth.from.revision.is_none()
            && birth
                .changes
                .iter()
                .all(|change| change.kind == ChangeKind::Added)
    );
    let backwards = between("a", AsOf::Head, AsOf::Revision(1)).unwrap();
    assert_eq!(backwards.changes.len(), diff.changes.len());
    assert!(backwards.changes.iter().all(|change| change.by.is_none()));
    assert!(matches!(
        between("b", AsOf::Offset(0), AsOf::Offset(1)),
        Err(StoreError::NotYet { .. })
    ));
}

#[test]
fn pages_keep_their_cut() {
    let (logs, store) = store();
    let first = store.list("till", &AsOf::Head, 1, None).unwrap();
    assert_eq!((first.total, first.items[0].id.as_str()), (2, "a"));
    let (_, ids) = table();
    logs.append(
        0,
        &[Till::Renamed { owner: "new".into() }.write(&ids, "b", 9_000)],
    );
    let second = store
        .list("till", &AsOf::Head, 1, first.next_cursor.as_deref())
        .unwrap();
    assert_eq!(
        (second.items[0].state["owner"].as_str(), &second.cut),
        (Some("bob"), &first.cut)
    );
    assert!(second.next_cursor.is_none());
    // Whoever asks anew sees what was acknowledged.
    let fresh = store.list("till", &AsOf::Head, 2, None).unwrap();
    assert_eq!(fresh.items[1].state["owner"], "new");
    assert_eq!(store.list("till", &AsOf::Offset(1), 10, None).unwrap().total, 1);
    for wrong in ["x", "0=1", "0=1;x;a", "0=1;9"] {
        assert!(
            matches!(
                store.list("till", &AsOf::Head, 1, Some(wrong)),
                Err(StoreError::Cursor(_))
            ),
            "{wrong}"
        );
    }
    assert!(matches!(
        store.list("till", &AsOf::Head, 1_001, None),
        Err(StoreError::Limit { .. })
    ));
    assert!(matches!(
        store.list("till", &AsOf::Revision(1), 1, None),
        Err(StoreError::At(_))
    ));
}

#[test]
fn aggregates_are_counted_and_can_be_taken_out() {
    let (logs, store) = store();
    logs.append(
        0,
        &[crate::support::Write {
            ms: 0,
            key: None,
            value: None,
            headers: vec![],
        }],
    );
    let [info] = store.aggregates().try_into().unwrap();
    assert_eq!(
        (info.name.as_str(), info.topic.as_str(), info.partitions),
        ("till", TOPIC, 1)
    );
    assert_eq!((info.aggregates, info.records, info.keyless_records), (2, 7, 1));
    assert_eq!(info.head.to_string(), "0=6");
    let elsewhere = annals_event_store::Source {
        topic: "other".into(),
        topic_id: None,
        partitions: vec![],
    };
    let wrong = store.add_aggregate(Box::new(typed::<TillFold>(TOPIC)), elsewhere);
    assert!(matches!(wrong, Err(StoreError::WrongTopic { .. })));
    assert!(store.remove_aggregate("till") && !store.remove_aggregate("till"));
    assert!(store.aggregates().is_empty());
}

#[test]
fn an_answer_says_whose_clock_its_times_are_by() {
    let (table, ids) = table();
    let logs = Logs::timed(TOPIC, &[TimestampType::LogAppendTime, TimestampType::CreateTime]);
    let opened = Till::Opened {
        owner: "ada".into(),
        opened_at: 0,
    };
    logs.append(
        0,
        &[
            opened.write(&ids, "a", 5_000),
            Till::Closed.write(&ids, "a", 9_000),
        ],
    );
    let store = EventStore::new(Arc::new(table));
    store
        .add_aggregate(Box::new(typed::<TillFold>(TOPIC)), logs.source())
        .unwrap();
    assert_eq!(store.aggregates()[0].time, Some(TimeSource::Append));
    let before = store.list("till", &AsOf::Head, 9, None).unwrap();
    logs.append(1, &[opened.write(&ids, "b", 5_000)]);

    let check = |id: &str, expected: TimeSource, recorded: &str| {
        let state = store.reconstruct("till", id, &AsOf::Head).unwrap();
        let history = store.history("till", id, &AsOf::Head, Page::default()).unwrap();
        let diff = store
            .diff("till", id, &AsOf::Offset(-1), &AsOf::Head, Page::default())
            .unwrap();
        assert_eq!([state.time, history.time, diff.time], [expected; 3], "{id}");
        assert_eq!(state.recorded.as_deref(), Some(recorded));
    };
    // The log took the records when its clock said so, whatever their producer's did.
    check("a", TimeSource::Append, "1970-01-01T00:00:00.000Z");
    check("b", TimeSource::Producer, "1970-01-01T00:00:05.000Z");
    // Of all partitions together, any producer's clock makes it the producers'; a cut before that stays what it was.
    assert_eq!(store.aggregates()[0].time, Some(TimeSource::Producer));
    let list = |at: &AsOf| store.list("till", at, 9, None).unwrap();
    assert_eq!(list(&AsOf::Head).time, Some(TimeSource::Producer));
    let again = list(&AsOf::Cut(before.cut.clone()));
    assert_eq!((again.cut, again.items), (before.cut, before.items));
    assert_eq!([again.time, before.time], [Some(TimeSource::Append); 2]);
    assert_eq!(list(&AsOf::Time(-1)).time, None);
    assert_eq!(
        list(&AsOf::Cut([(0, 9)].into_iter().collect())).time,
        Some(TimeSource::Append)
    );
    let text = serde_json::to_string(&[TimeSource::Append, TimeSource::Producer]).unwrap();
    assert_eq!(text, r#"["append","producer"]"#);
}

#[test]
fn a_time_is_the_same_in_folds_histories_differences_and_lists() {
    let (table, ids) = table();
    let file = FILE.replace(
        "          opened_at: event.opened_at\n",
        "          opened_at: event.opened_at\n          happened: at.business_time\n          recorded: at.recorded\n",
    );
    let table = Arc::new(table);
    let check = |sent: &str, ms: i64, shown: &str| {
        let logs = Logs::new(TOPIC, 1);
        let opened = Till::Opened {
            owner: "ada".into(),
            opened_at: ms,
        };
        let mut write = opened.write(&ids, "k", ms);
        write.headers = vec![("business-time", sent.to_owned())];
        logs.append(0, &[write]);
        let folds: [Box<dyn annals_event_store::AnyFold>; 2] = [
            Box::new(declarative::load(&file, &*table).unwrap()),
            Box::new(typed::<TillFold>(TOPIC)),
        ];
        for (place, fold) in folds.into_iter().enumerate() {
            let store = EventStore::new(Arc::clone(&table) as Arc<_>);
            store.add_aggregate(fold, logs.source()).unwrap();
            let answer = store.reconstruct("till", "k", &AsOf::Head).unwrap();
            assert_eq!(
                (&answer.state["opened_at"], answer.recorded.as_deref()),
                (&json!(shown), Some(shown))
            );
            if place == 0 {
                assert_eq!([&answer.state["happened"], &answer.state["recorded"]], [shown; 2]);
            }
            let history = store.history("till", "k", &AsOf::Head, Page::default()).unwrap();
            let entry = &history.entries[0];
            assert_eq!(
                (entry.business_time.as_deref(), entry.recorded.as_str()),
                (Some(shown), shown)
            );
            assert_eq!(entry.data["opened_at"], shown);
            let diff = store
                .diff("till", "k", &AsOf::Offset(-1), &AsOf::Head, Page::default())
                .unwrap();
            let by = diff.changes[0].by.as_ref().unwrap();
            assert_eq!(
                (by.business_time.as_deref(), by.recorded.as_str()),
                (Some(shown), shown)
            );
            let list = store.list("till", &AsOf::Head, 1, None).unwrap();
            let item = &list.items[0];
            assert_eq!(
                (item.recorded.as_deref(), &item.state["opened_at"]),
                (Some(shown), &json!(shown))
            );
        }
    };
    check("1969-12-31T23:59:59.500Z", -500, "1969-12-31T23:59:59.500Z");
    check("1969-12-31T23:59:59.9999Z", -1, "1969-12-31T23:59:59.999Z");
    check(
        "9999-12-31T23:59:59.999Z",
        253_402_300_799_999,
        "9999-12-31T23:59:59.999Z",
    );
    check(
        "2016-12-31T23:59:60Z",
        1_483_228_799_999,
        "2016-12-31T23:59:59.999Z",
    );
    check(
        "0001-01-01T01:00:00+01:00",
        -62_135_596_800_000,
        "0001-01-01T00:00:00.000Z",
    );
}
