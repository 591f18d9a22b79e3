//! What compaction leaves of a batch is the batch, less some records.

use proptest::prelude::*;

use super::*;
use crate::batch::{HEADERS_MAX, Marker, Record, stamp_append_time};

const BASE: i64 = 1_000;

/// A batch at offset 1000 of the records with these times, values and numbers of headers.
fn batch(codec: Compression, append_time: Option<i64>, records: &[(i64, Option<&[u8]>, usize)]) -> Batch {
    let mut builder = BatchBuilder::new()
        .compression(codec)
        .producer(9, 3, i32::MAX - 1)
        .transactional();
    for (number, (ms, value, headers)) in records.iter().enumerate() {
        let key = format!("key {number}");
        let headers = vec![("h", &b"x"[..]); *headers];
        builder.push(*ms, Some(key.as_bytes()), *value, &headers);
    }
    let mut bytes = BytesMut::from(&builder.build()[..]);
    stamp(&mut bytes, BASE, 7);
    if let Some(ms) = append_time {
        stamp_append_time(&mut bytes, ms);
    }
    Batch::parse(&bytes.freeze(), 0).unwrap().0
}

fn parsed(bytes: Bytes) -> Batch {
    let (batch, end) = Batch::parse(&bytes, 0).unwrap();
    assert_eq!(end, bytes.len());
    batch.verify_crc().unwrap();
    batch
}

fn records(batch: &Batch) -> Vec<Record> {
    let records = batch.records(1 << 20).unwrap();
    records.map(Result::unwrap).collect()
}

/// What must be the same before and after.
fn identity(batch: &Batch) -> impl PartialEq + std::fmt::Debug {
    (
        (
            batch.base_offset(),
            batch.last_offset(),
            batch.partition_leader_epoch(),
        ),
        (batch.producer_id(), batch.producer_epoch()),
        (batch.base_sequence(), batch.last_sequence(), batch.is_control()),
    )
}

proptest! {
    #[test]
    fn records_that_stay_are_the_same_and_so_is_what_the_batch_was(
        all in prop::collection::vec((-1i64..5_000, any::<bool>(), 0usize..3, any::<bool>()), 1..20),
        codec in prop::sample::select(Compression::ALL.to_vec()),
        append_time in prop::option::of(0i64..9_000),
        horizon in prop::option::of(0i64..9_000_000),
        again in prop::option::of(0i64..9_000_000),
    ) {
        let of: Vec<_> = all.iter().map(|(ms, some, headers, _)| (*ms, some.then_some(&b"value"[..]), *headers)).collect();
        let before = batch(codec, append_time, &of);
        let mut place = 0;
        let after = parsed(before.with_records(1 << 20, horizon, &mut |_| { place += 1; all[place - 1].3 }).unwrap());
        let expected: Vec<Record> = records(&before).into_iter().zip(&all).filter(|(_, (.., stays))| *stays)
            .map(|(record, _)| record).collect();
        let numbered = |all: Vec<Record>| all.into_iter().map(|record| Record { index: 0, ..record }).collect::<Vec<_>>();
        prop_assert_eq!(numbered(records(&after)), numbered(expected.clone()));
        prop_assert_eq!(identity(&after), identity(&before));
        prop_assert_eq!((after.delete_horizon(), after.is_transactional(), after.timestamp_type()), (horizon, true, before.timestamp_type()));
        let newest = expected.iter().map(|record| record.timestamp_ms).max().unwrap_or(-1);
        prop_assert_eq!(after.max_timestamp(), append_time.unwrap_or(newest));
        // What stays can be looked at again, and a horizon moves without moving times.
        let later = parsed(after.with_records(1 << 20, again, &mut |_| true).unwrap());
        prop_assert_eq!(numbered(records(&later)), numbered(expected));
        prop_assert_eq!(later.delete_horizon(), again.or(horizon));
    }
}

#[test]
fn without_its_records_a_batch_tells_whose_it_was() {
    for codec in Compression::ALL {
        let before = batch(codec, Some(5), &[(1, Some(b"a"), HEADERS_MAX), (2, None, 0)]);
        let after = parsed(before.emptied());
        assert_eq!(after.bytes().len(), HEADER_BYTES);
        assert_eq!(identity(&after), identity(&before));
        assert_eq!(
            (after.count(), after.is_transactional(), after.max_timestamp()),
            (0, false, -1)
        );
        assert_eq!(records(&after), []);
    }
    let marker = Marker {
        committed: false,
        coordinator_epoch: 2,
    };
    let marker = Batch::parse(&marker.build(10, 9, 3), 0).unwrap().0;
    let dated = parsed(marker.with_records(1 << 20, Some(77), &mut |_| true).unwrap());
    assert_eq!(
        (dated.marker(), dated.delete_horizon()),
        (marker.marker(), Some(77))
    );
    let emptied = parsed(marker.emptied());
    assert_eq!(
        (emptied.marker().unwrap(), identity(&emptied)),
        (None, identity(&marker))
    );
}

#[test]
fn empty_batches_take_any_range_of_offsets() {
    for (base, end) in [(0, 0), (5, 6), (0, 1 << 31), (7, (1 << 31) + 8), (3, 1 << 33)] {
        let mut next = base;
        for placeholder in Batch::placeholders(base, end, 4) {
            let placeholder = parsed(placeholder);
            assert_eq!((placeholder.base_offset(), placeholder.count()), (next, 0));
            assert_eq!(placeholder.partition_leader_epoch(), 4);
            next = placeholder.last_offset() + 1;
        }
        assert_eq!(next, end);
    }
}

/// Far from the horizon, each record's time takes more bytes than it did.
#[test]
fn what_would_be_too_much_for_who_reads_it_is_not_written() {
    let batch = batch(Compression::Zstd, None, &[(5, None, 0); 50]);
    let with = |limit| batch.with_records(limit, Some(1 << 40), &mut |_| true);
    let dated = parsed(with(1 << 20).unwrap());
    let fits = |batch: &Batch, limit: usize| batch.records(limit).is_ok();
    let least = |batch: &Batch| (0..1 << 16).find(|limit| fits(batch, *limit)).unwrap();
    let (before, after) = (least(&batch), least(&dated));
    assert!(before < after, "{before}, {after}");
    assert!(matches!(with(after - 1), Err(BatchError::TooLarge { .. })));
    assert_eq!(with(after).unwrap(), *dated.bytes());
}
