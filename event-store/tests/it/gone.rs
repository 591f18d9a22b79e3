//! Events that were deleted: nothing is answered as if they had never been.

use std::sync::Arc;

use annals_event_store::{
    AsOf, Cut, EventStore, OffsetRange, Page, Sought, Source, StoreError, TimeSource, parse_at, typed,
};
use annals_kafka_wire::batch::{Batch, BatchBuilder, TimestampType};
use annals_segment_log::{Compaction, LogConfig, LogDir, PartitionConfig};

use crate::support::Logs;
use crate::till::{TOPIC, Till, TillFold, table};

fn store(logs: &Logs) -> EventStore {
    let store = EventStore::new(Arc::new(table().0));
    store
        .add_aggregate(Box::new(typed::<TillFold>(TOPIC)), logs.source())
        .unwrap();
    store
}

/// Where no record can be read, nobody knows whose clock their times were by.
#[test]
fn the_clock_of_records_that_are_gone_is_not_known() {
    let logs = Logs::timed(TOPIC, &[TimestampType::LogAppendTime]);
    let ids = table().1;
    for _ in 0..2 {
        logs.append(0, &[Till::Closed.write(&ids, "a", 1)]);
    }
    let store = store(&logs);
    let time = |at: &AsOf| {
        let trail = store.trail("till", &Sought::default(), at, &AsOf::Head, 1, None);
        let list = store.list("till", at, 1, None);
        (list.ok().map(|list| list.time), trail.unwrap().time)
    };
    let append = Some(TimeSource::Append);
    assert_eq!(time(&AsOf::Head), (Some(append), append));
    logs.partitions[0].delete_before(1).unwrap();
    assert_eq!(time(&AsOf::Head), (Some(append), append));
    logs.partitions[0].delete_before(2).unwrap();
    assert_eq!(time(&AsOf::Head), (Some(None), None));
    assert_eq!(store.aggregates()[0].time, None);
}

/// Of a point before what is left it is not answered that nobody was there then, or that somebody came since.
fn is_no_absence(asked: &EventStore) {
    for at in ["0=0", "1970-01-01T00:00:00.001Z"].map(|at| parse_at(at, 0).unwrap()) {
        let errors = [
            asked.list("till", &at, 10, None).err(),
            asked.differences("till", &at, &AsOf::Head, 10, None).err(),
            asked.diff("till", "b", &at, &AsOf::Head, Page::default()).err(),
        ];
        for error in errors {
            assert!(matches!(error, Some(StoreError::Deleted { .. })), "{error:?}");
        }
    }
    let nothing = AsOf::Cut(Cut::default());
    assert_eq!(asked.list("till", &nothing, 10, None).unwrap().total, 0);
    let since = asked
        .diff("till", "b", &nothing, &AsOf::Head, Page::default())
        .unwrap();
    assert_eq!(since.from.revision, None);
}

#[test]
fn deleted_events_are_missed_by_who_knew_them_and_by_who_did_not() {
    let logs = Logs::new(TOPIC, 1);
    let ids = table().1;
    let opened = |key: &str| {
        let event = Till::Opened {
            owner: "ada".into(),
            opened_at: 0,
        };
        event.write(&ids, key, 1)
    };
    logs.append(0, &[opened("a")]);
    logs.append(0, &[opened("b")]);
    logs.append(0, &[Till::Closed.write(&ids, "b", 2)]);
    let before = store(&logs);
    let whole = before.reconstruct("till", "b", &AsOf::Head).unwrap();
    assert_eq!(
        (whole.events, whole.halted.is_none(), whole.unreadable),
        (2, true, vec![])
    );

    logs.partitions[0].delete_before(2).unwrap();
    let gone = vec![OffsetRange { first: 0, last: 1 }];
    // Who had indexed them and who comes later say the same: something is missing.
    let after = store(&logs);
    for asked in [&before, &after] {
        let answer = asked.reconstruct("till", "b", &AsOf::Head).unwrap();
        assert_eq!(
            (answer.events, answer.log_start_offset, answer.unreadable),
            (1, 2, gone.clone())
        );
        let history = asked.history("till", "b", &AsOf::Head, Page::default()).unwrap();
        assert_eq!((history.entries.len(), &history.unreadable), (1, &gone));
    }
    let unknown = after.reconstruct("till", "a", &AsOf::Head).unwrap_err();
    assert!(
        matches!(unknown, StoreError::UnknownId { unreadable: 1, .. }),
        "{unknown}"
    );
    for asked in [&before, &after] {
        let check = |at: &str, says: &[&str]| {
            let at = parse_at(at, 0).unwrap();
            let error = asked.reconstruct("till", "b", &at).unwrap_err().to_string();
            assert!(says.iter().all(|says| error.contains(says)), "{error}");
        };
        let deleted = [
            "what till `b` was at",
            "of topic tills before offset 2 were deleted",
        ];
        check("offset:1", &deleted);
        check("0=0", &deleted);
        check("1970-01-01T00:00:00.001Z", &deleted);
        is_no_absence(asked);
    }
    logs.append(0, &[opened("c")]);
    let later = after
        .reconstruct("till", "c", &AsOf::Offset(2))
        .unwrap_err()
        .to_string();
    assert!(
        later.contains("not exist yet") && later.contains("may have been among the records before offset 2"),
        "{later}"
    );
    assert_eq!(
        after
            .list("till", &AsOf::Head, 10, None)
            .unwrap()
            .unreadable_batches,
        1
    );
}

#[test]
fn events_that_compaction_took_are_named() {
    let place = tempfile::tempdir().unwrap();
    let log = LogDir::open(place.path(), LogConfig::default(), 0).unwrap();
    let config = PartitionConfig {
        segment_ms_max: Some(1),
        compaction: Some(Compaction {
            min_dirty_ratio: 0.0,
            ..Compaction::default()
        }),
        ..PartitionConfig::default()
    };
    let partition = log.partition("t/0", config).unwrap();
    let ids = table().1;
    let opened = Till::Opened {
        owner: "ada".into(),
        opened_at: 0,
    };
    for event in [opened, Till::Closed] {
        let write = event.write(&ids, "a", 1);
        let mut builder = BatchBuilder::new();
        builder.push(write.ms, write.key.as_deref(), write.value.as_deref(), &[]);
        let (batch, _) = Batch::parse(&builder.build(), 0).unwrap();
        partition.append(&batch, 0).unwrap();
    }
    log.maintain(1_000);
    let store = EventStore::new(Arc::new(table().0));
    let source = Source {
        topic: TOPIC.to_owned(),
        topic_id: None,
        partitions: vec![partition],
    };
    store
        .add_aggregate(Box::new(typed::<TillFold>(TOPIC)), source.clone())
        .unwrap();
    let answer = store.reconstruct("till", "a", &AsOf::Head).unwrap();
    let gone = vec![OffsetRange { first: 0, last: 0 }];
    assert_eq!((answer.events, answer.unreadable), (1, gone));
    let error = store
        .reconstruct("till", "a", &AsOf::Offset(0))
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("may have been among offsets 0 to 0 of partition 0"),
        "{error}"
    );

    // Of several topics it is said of the log.
    let others = Source {
        topic: "others".to_owned(),
        topic_id: None,
        partitions: vec![log.partition("t/1", PartitionConfig::default()).unwrap()],
    };
    let both = EventStore::new(Arc::new(table().0));
    let fold = typed::<TillFold>(TOPIC).and_topic("others");
    both.add_merged(Box::new(fold), vec![source, others]).unwrap();
    let at = AsOf::Cut("tills/0=0,others/0=-1".parse::<Cut>().unwrap());
    for error in [
        both.reconstruct("till", "a", &at).unwrap_err(),
        both.history("till", "a", &at, Page::default()).unwrap_err(),
    ] {
        let error = error.to_string();
        assert!(
            error.contains("may have been among offsets 0 to 0 of tills/0"),
            "{error}"
        );
    }
}
