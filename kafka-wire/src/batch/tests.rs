//! Batches that lie about themselves, and what holds of those that do not.

mod check;
mod compact;
mod marker;
mod oracle;
mod passing;
mod skim;

use bytes::{Bytes, BytesMut};

use super::{
    Batch, BatchBuilder, BatchError, CRC_AT, CRC_FROM, Compression, DECOMPRESSED_BYTES_MAX, HEADER_BYTES,
    TimestampType, codec, crc, stamp,
};
use crate::error::ErrorCode;

/// A small batch with `patch` written over it at `at`, its checksum made right again.
fn patched(at: usize, patch: &[u8]) -> Bytes {
    let mut builder = BatchBuilder::new();
    builder.push(1_000, Some(b"k"), Some(b"v"), &[("h", b"x")]);
    builder.push(2_000, None, None, &[]);
    let mut bytes = builder.build().to_vec();
    bytes[at..at + patch.len()].copy_from_slice(patch);
    let checksum = crc(&bytes[CRC_FROM..]);
    bytes[CRC_AT..CRC_FROM].copy_from_slice(&checksum.to_be_bytes());
    bytes.into()
}

#[test]
fn every_cut_and_every_flip_is_found() {
    let bytes = patched(0, &[]);
    for len in 0..bytes.len() {
        let cut = bytes.slice(..len);
        assert!(
            matches!(
                Batch::parse(&cut, 0),
                Err(BatchError::Truncated { position: 0, .. })
            ),
            "{len}"
        );
    }
    assert!(matches!(
        Batch::parse(&bytes, usize::MAX),
        Err(BatchError::Truncated { have: 0, .. })
    ));
    for bit in CRC_AT * 8..bytes.len() * 8 {
        let mut flipped = bytes.to_vec();
        flipped[bit / 8] ^= 1 << (bit % 8);
        let found = Batch::parse(&flipped.into(), 0).and_then(|(batch, _)| batch.verify_crc());
        assert!(found.is_err(), "bit {bit}");
    }
}

#[test]
fn headers_that_lie_are_refused() {
    let refused = |at, patch: &[u8]| Batch::parse(&patched(at, patch), 0).unwrap_err();
    assert_eq!(
        refused(8, &[0, 0, 0, 48]),
        BatchError::Length {
            position: 0,
            length: 48
        }
    );
    assert_eq!(
        refused(8, &[0xff; 4]),
        BatchError::Length {
            position: 0,
            length: -1
        }
    );
    assert!(matches!(
        refused(8, &[0x7f, 0xff, 0xff, 0xff]),
        BatchError::Truncated { .. }
    ));
    assert_eq!(refused(16, &[1]).code(), ErrorCode::UnsupportedForMessageFormat);
    assert_eq!(refused(21, &[0, 5]), BatchError::Codec(5));
    assert!(matches!(refused(0, &[0xff]), BatchError::Contradiction { .. }));
    assert!(matches!(
        refused(0, &[0x7f, 255, 255, 255, 255, 255, 255, 255]),
        BatchError::Contradiction { .. }
    ));
    assert!(matches!(
        refused(23, &[0xff; 4]),
        BatchError::Contradiction {
            last_offset_delta: -1,
            ..
        }
    ));
    assert!(matches!(
        refused(57, &[0xff; 4]),
        BatchError::Contradiction { count: -1, .. }
    ));
    assert!(matches!(
        refused(57, &[0, 0, 0, 3]),
        BatchError::Contradiction { count: 3, .. }
    ));
}

#[test]
fn records_that_lie_are_refused_once() {
    // At 61: length 12, attributes, timestamp delta 0, offset delta 0, key length 1, 'k', value length 1, 'v', …
    #[track_caller]
    fn check(at: usize, patch: &[u8], reason: &str) {
        let (batch, _) = Batch::parse(&patched(at, patch), 0).unwrap();
        let mut records = batch
            .records(DECOMPRESSED_BYTES_MAX)
            .unwrap()
            .skip_while(Result::is_ok);
        let error = records.next().unwrap().unwrap_err();
        assert!(error.to_string().contains(reason), "{error}");
        assert_eq!(error.code(), ErrorCode::InvalidRecord);
        assert!(records.next().is_none());
    }
    check(61, &[1], "its length is negative");
    check(61, &[126], "shorter than what it holds");
    check(61, &[26], "longer than what it holds");
    check(64, &[1], "out of order");
    check(64, &[4], "out of order or beyond");
    check(65, &[3], "negative length");
    check(65, &[126], "shorter than what it holds");
    check(69, &[1], "header count is negative");
    check(69, &[126], "more headers");
    check(69, &[4], "shorter than what it holds");
    check(69, &[6], "more headers");
    check(70, &[3], "header key has a negative length");
    check(71, &[0xff], "not UTF-8");
    check(57, &[0, 0, 0, 1], "bytes follow the last record");
}

#[test]
fn nonsense_under_a_wrong_checksum_is_damage() {
    for (at, patch) in [(21, vec![0, 5]), (57, vec![0, 0, 0, 3]), (23, vec![0xff; 4])] {
        let mut bytes = patched(at, &patch).to_vec();
        let meant = Batch::parse(&bytes.clone().into(), 0).unwrap_err();
        assert!(meant.code() != ErrorCode::CorruptMessage, "{meant}");
        bytes[70] ^= 1;
        let damaged = Batch::parse(&bytes.into(), 0).unwrap_err();
        assert_eq!(damaged.code(), ErrorCode::CorruptMessage, "{damaged}");
    }
}

#[test]
fn produced_batches_have_no_gaps_and_no_markers() {
    let check = |at, patch: &[u8]| Batch::parse(&patched(at, patch), 0).unwrap().0.check_produced();
    assert_eq!(check(0, &[]), Ok(()));
    assert_eq!(check(7, &[5]), Err(BatchError::BaseOffset(5)));
    assert!(matches!(
        check(57, &[0, 0, 0, 1]),
        Err(BatchError::Gaps {
            count: 1,
            last_offset_delta: 1
        })
    ));
    assert!(matches!(
        check(57, &[0; 4]),
        Err(BatchError::Gaps { count: 0, .. })
    ));
    assert_eq!(check(22, &[1 << 5]), Err(BatchError::Control));
    assert_eq!(check(22, &[1 << 6]), Err(BatchError::DeleteHorizon));
}

#[test]
fn stamping_leaves_the_checksum_right() {
    let bytes = patched(0, &[]);
    let mut stamped = BytesMut::from(&bytes[..]);
    stamp(&mut stamped, 990_001, 7);
    assert_eq!(bytes[8..12], stamped[8..12]);
    assert_eq!(bytes[16..], stamped[16..]);

    let (batch, _) = Batch::parse(&stamped.freeze(), 0).unwrap();
    batch.verify_crc().unwrap();
    assert_eq!(
        (
            batch.base_offset(),
            batch.last_offset(),
            batch.partition_leader_epoch()
        ),
        (990_001, 990_002, 7)
    );
    let offsets: Vec<_> = batch
        .records(0)
        .unwrap()
        .map(|record| record.unwrap().offset)
        .collect();
    assert_eq!(offsets, [990_001, 990_002]);
}

#[test]
fn attributes_are_read_bit_by_bit() {
    let parse = |bits: u8| Batch::parse(&patched(22, &[bits]), 0).unwrap().0;
    assert_eq!(parse(0).timestamp_type(), TimestampType::CreateTime);
    let appended = parse(1 << 3);
    assert_eq!(appended.timestamp_type(), TimestampType::LogAppendTime);
    assert!(
        appended
            .records(0)
            .unwrap()
            .all(|record| record.unwrap().timestamp_ms == 2_000)
    );
    let all = parse(0b111_0000);
    assert!(all.is_transactional() && all.is_control() && all.has_delete_horizon());
    assert!(!parse(0).is_transactional() && !parse(0).is_control() && !parse(0).has_delete_horizon());
    let built = BatchBuilder::new().transactional().control().build();
    let (built, _) = Batch::parse(&built, 0).unwrap();
    assert!(built.is_transactional() && built.is_control() && built.count() == 0);
    assert_eq!(built.last_sequence(), -1);
}

#[test]
fn sequences_go_on_at_zero() {
    let mut builder = BatchBuilder::new().producer(1, 0, i32::MAX);
    builder.push(0, None, None, &[]);
    builder.push(0, None, None, &[]);
    assert_eq!(Batch::parse(&builder.build(), 0).unwrap().0.last_sequence(), 0);
}

#[test]
fn batches_stand_one_after_the_other_and_share_the_bytes() {
    let one = patched(0, &[]);
    let two = Bytes::from([&one[..], &one[..]].concat());
    let (first, next) = Batch::parse(&two, 0).unwrap();
    let (second, end) = Batch::parse(&two, next).unwrap();
    assert_eq!((first.bytes(), second.bytes(), end), (&one, &one, two.len()));
    let value = second.records(0).unwrap().next().unwrap().unwrap().value.unwrap();
    assert!(two.as_ptr_range().contains(&value.as_ptr()));
}

#[test]
fn bombs_stop_at_the_limit() {
    for codec in Compression::ALL.into_iter().skip(1) {
        let mut builder = BatchBuilder::new().compression(codec);
        builder.push(0, None, Some(&vec![0; 8 << 20]), &[]);
        let full = builder.bytes_len() - HEADER_BYTES;
        let bytes = builder.build();
        assert!(bytes.len() < 1 << 20, "{codec}: {}", bytes.len());
        let (batch, _) = Batch::parse(&bytes, 0).unwrap();
        for limit in [0, 1, 1 << 20, full - 1] {
            let error = batch.records(limit).unwrap_err();
            assert_eq!(error, BatchError::TooLarge { codec, limit });
            assert_eq!(error.code(), ErrorCode::MessageTooLarge);
        }
        assert_eq!(batch.records(full).unwrap().count(), 1, "{codec}");
    }
}

#[test]
fn snappy_is_read_in_every_shape() {
    let text = b"record record record record";
    let raw = snap::raw::Encoder::new().compress_vec(text).unwrap();
    let read = |bytes: Vec<u8>| codec::decompress(Compression::Snappy, bytes.into(), 1 << 10);
    assert_eq!(&read(raw.clone()).unwrap()[..], text);

    let mut framed = Vec::new();
    codec::compress(Compression::Snappy, text, &mut framed).unwrap();
    assert_eq!(&read(framed.clone()).unwrap()[..], text);
    assert_eq!(
        &read([&framed[..], &framed[..]].concat()).unwrap()[..],
        [text, &text[..]].concat()
    );
    for len in (0..framed.len()).filter(|len| *len != 16) {
        assert!(read(framed[..len].to_vec()).is_err(), "{len}");
    }
    // Three bytes that claim four gigabytes.
    assert!(
        read(vec![0xff, 0xff, 0xff, 0xff, 0x0f, 0, 0])
            .unwrap_err()
            .to_string()
            .contains("more than it can hold")
    );
}

#[test]
fn a_placeholder_takes_offsets_and_has_no_records() {
    for delta in [0, 1, i32::MAX] {
        let (batch, _) = Batch::parse(&Batch::placeholder(700, delta, 3), 0).unwrap();
        batch.verify_crc().unwrap();
        assert_eq!(
            (batch.base_offset(), batch.last_offset()),
            (700, 700 + i64::from(delta))
        );
        assert_eq!(
            (batch.count(), batch.partition_leader_epoch(), batch.producer_id()),
            (0, 3, -1)
        );
        assert_eq!(batch.records(DECOMPRESSED_BYTES_MAX).unwrap().count(), 0);
        assert!(batch.check_produced().is_err());
    }
}

#[test]
fn a_head_that_went_bad_is_known_from_where_it_stands_and_nothing_else_is() {
    let mut good = BytesMut::from(&patched(0, &[])[..]);
    stamp(&mut good, 42, 7);
    for byte in 0..good.len() {
        let mut bad = good.clone();
        bad[byte] ^= 0x11;
        let mended = Batch::with_head(&bad, 42, 7);
        assert_eq!(mended.is_some(), byte < CRC_AT, "byte {byte}");
        assert!(
            mended.is_none_or(|batch| batch.bytes()[..] == good[..]),
            "byte {byte}"
        );
    }
    assert!(Batch::with_head(&good[..good.len() - 1], 42, 7).is_none());
    assert!(Batch::with_head(&[], 42, 7).is_none());
}
