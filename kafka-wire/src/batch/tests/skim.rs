//! Skimming against reading: what one makes of a batch's records the other does, whatever bytes they are.

use bytes::Bytes;
use proptest::prelude::*;

use super::*;
use crate::batch::{Payload, Record};

/// What both tell of a batch: its records up to the first that cannot be read, and whether there is one.
fn check(batch: &Batch) {
    let Ok(records) = batch.records(DECOMPRESSED_BYTES_MAX) else {
        return;
    };
    let mut skim = records.clone().skim();
    for record in records {
        let skimmed = skim.next().expect("as many");
        let (record, skimmed) = match (record, skimmed) {
            (Ok(record), Ok(skimmed)) => (record, skimmed),
            (record, skimmed) => {
                assert!(record.is_err() && skimmed.is_err(), "{record:?} {skimmed:?}");
                break;
            }
        };
        let bytes: &Bytes = skim.bytes();
        let payload = Payload::read(bytes, skimmed.payload).expect("a payload");
        let again = Record {
            offset: skimmed.offset,
            index: record.index,
            timestamp_ms: skimmed.timestamp_ms,
            key: skimmed.key.map(|key| bytes.slice(key)),
            value: payload.value,
            headers: payload.headers,
        };
        assert_eq!(again, record);
    }
    assert!(skim.next().is_none());
}

proptest! {
    #[test]
    fn what_is_read_is_skimmed(
        rows in prop::collection::vec((any::<i64>(), prop::option::of("[a-c]{0,3}"), prop::option::of("[a-c]{0,200}"), 0..4usize), 1..8),
        patches in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..3),
        codec in 0..5usize,
    ) {
        let mut builder = BatchBuilder::new().compression(Compression::ALL[codec]);
        for (ms, key, value, count) in &rows {
            let headers = [("one", &b"1"[..]), ("", b""), ("\u{e9}", b"x")];
            builder.push(*ms, key.as_ref().map(String::as_bytes), value.as_ref().map(String::as_bytes), &headers[..*count]);
        }
        let mut bytes = builder.build().to_vec();
        for (at, byte) in &patches {
            let at = HEADER_BYTES + at.index(bytes.len() - HEADER_BYTES);
            bytes[at] = *byte;
        }
        check(&Batch::parse(&bytes.into(), 0).unwrap().0);
    }
}

#[test]
fn a_payload_is_a_value_and_headers() {
    let mut builder = BatchBuilder::new();
    builder.push(1, Some(b"k"), Some(b"value"), &[("h", b"x")]);
    let (batch, _) = Batch::parse(&builder.build(), 0).unwrap();
    let mut skim = batch.records(DECOMPRESSED_BYTES_MAX).unwrap().skim();
    let payload = skim.next().unwrap().unwrap().payload;
    let bytes = skim.bytes().clone();
    assert!(Payload::read(&bytes, payload.clone()).is_some());
    for range in [
        payload.start..payload.start + 4,
        payload.start..payload.start + 6,
        payload.start..payload.end + 1,
        payload.end..payload.end,
    ] {
        assert_eq!(Payload::read(&bytes, range.clone()), None, "{range:?}");
    }
}
