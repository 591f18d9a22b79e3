//! Checking without keeping: what must be refused, in every codec, and that nothing passes which nobody could read.

use std::ops::ControlFlow;

use bytes::Bytes;
use proptest::prelude::*;

use crate::batch::{
    Batch, BatchBuilder, BatchError, CRC_AT, CRC_FROM, Compression, DECOMPRESSED_BYTES_MAX, HEADER_BYTES,
    Record, Seen, codec, crc,
};
use crate::error::ErrorCode;

/// Two records as they stand in a batch.
fn two() -> Vec<u8> {
    let mut builder = BatchBuilder::new();
    builder.push(1_000, Some(b"k"), Some(b"v"), &[("h", b"x")]);
    builder.push(2_000, None, Some(&[7; 50_000]), &[]);
    builder.build()[HEADER_BYTES..].to_vec()
}

/// A batch whose header counts `count` records and whose checksum is right, around any packed bytes.
fn around(codec: Compression, count: i32, packed: &[u8]) -> Batch {
    let mut builder = BatchBuilder::new();
    builder.push(1_000, None, None, &[]);
    let mut bytes = builder.build()[..HEADER_BYTES].to_vec();
    bytes.extend_from_slice(packed);
    let length = (bytes.len() - 12) as i32;
    bytes[8..12].copy_from_slice(&length.to_be_bytes());
    bytes[21..23].copy_from_slice(&codec.bits().to_be_bytes());
    bytes[23..27].copy_from_slice(&(count - 1).to_be_bytes());
    bytes[57..61].copy_from_slice(&count.to_be_bytes());
    let checksum = crc(&bytes[CRC_FROM..]);
    bytes[CRC_AT..CRC_FROM].copy_from_slice(&checksum.to_be_bytes());
    Batch::parse(&bytes.into(), 0).unwrap().0
}

fn packed(codec: Compression, count: i32, records: &[u8]) -> Batch {
    let mut out = Vec::new();
    codec::compress(codec, records, &mut out).unwrap();
    around(codec, count, &out)
}

/// What the check says and sees of a batch.
fn checked(batch: &Batch, limit: usize) -> Result<Vec<Seen>, BatchError> {
    let mut seen = Vec::new();
    batch.check_records(limit, "sought", &mut |one| {
        seen.push(one);
        ControlFlow::Continue(())
    })?;
    Ok(seen)
}

/// Records that a header of `count` does not fit, or that are malformed; refused in every codec.
#[track_caller]
fn check(count: i32, records: &[u8], reason: &str) {
    for codec in Compression::ALL {
        let batch = packed(codec, count, records);
        let error = checked(&batch, DECOMPRESSED_BYTES_MAX).unwrap_err();
        assert!(error.to_string().contains(reason), "{codec}: {error}");
        assert_eq!(error.code(), ErrorCode::InvalidRecord, "{codec}");
        let unpacked = batch.records(DECOMPRESSED_BYTES_MAX).unwrap();
        assert_eq!(
            unpacked.check("sought", &mut |_| ControlFlow::Continue(())),
            Err(error),
            "{codec}"
        );
    }
}

/// The two records with some bytes written over.
fn with(at: usize, patch: &[u8]) -> Vec<u8> {
    let mut records = two();
    records[at..at + patch.len()].copy_from_slice(patch);
    records
}

#[test]
fn whole_records_pass_in_every_codec() {
    let expected = [(0, 1_000, 1, true), (1, 2_000, 0, false)];
    let expected = expected.map(|(index, timestamp_ms, headers, has_key)| Seen {
        index,
        timestamp_ms,
        headers,
        has_sought: false,
        has_key,
    });
    for codec in Compression::ALL {
        let batch = packed(codec, 2, &two());
        assert_eq!(
            checked(&batch, DECOMPRESSED_BYTES_MAX).unwrap(),
            expected,
            "{codec}"
        );
    }
}

#[test]
fn a_header_that_is_sought_is_found_in_every_codec() {
    for codec in Compression::ALL {
        let mut builder = BatchBuilder::new().compression(codec);
        builder.push(0, None, Some(b"sought"), &[]);
        builder.push(
            0,
            None,
            None,
            &[("soughs", b"sought"), ("sought", b""), ("soughtt", b"")],
        );
        builder.push(0, Some(b"sought"), None, &[("sough", b"t")]);
        let (batch, _) = Batch::parse(&builder.build(), 0).unwrap();
        let found = checked(&batch, DECOMPRESSED_BYTES_MAX).unwrap();
        let found: Vec<bool> = found.iter().map(|seen| seen.has_sought).collect();
        assert_eq!(found, [false, true, false], "{codec}");
        // Who has found it need not look at what is behind.
        let mut looked = 0;
        let mut until_found = |one: Seen| {
            looked += 1;
            match one.has_sought {
                true => ControlFlow::Break(()),
                false => ControlFlow::Continue(()),
            }
        };
        batch
            .check_records(DECOMPRESSED_BYTES_MAX, "sought", &mut until_found)
            .unwrap();
        assert_eq!(looked, 2, "{codec}");
    }
}

#[test]
fn records_that_lie_are_refused_in_every_codec() {
    // The first: length 12, attributes, timestamp delta 0, offset delta 0, key length 1, 'k', value length 1, 'v', …
    check(3, &two(), "record 2 of the batch: the batch ends in its middle");
    check(1, &two(), "bytes follow the last record");
    check(2, &[&two()[..], b"zzz"].concat(), "bytes follow the last record");
    check(2, &two()[..50_000], "the batch ends in its middle");
    check(2, &[], "the batch ends in its middle");
    check(2, &with(0, &[1]), "its length is negative");
    check(2, &with(0, &[22]), "shorter than what it holds");
    check(2, &with(0, &[26]), "longer than what it holds");
    check(2, &with(0, &[0xff; 5]), "longer than it may be");
    check(2, &with(3, &[2]), "its offset delta is 1; without gaps it is 0");
    check(2, &with(4, &[3]), "negative length");
    check(2, &with(8, &[1]), "header count is negative");
    check(2, &with(8, &[4]), "shorter than what it holds");
    check(2, &with(8, &[0xd2, 0x0f]), "more headers than the 1000");
    check(2, &with(9, &[1]), "a header has no key");
    check(2, &with(10, &[0xff]), "not UTF-8");
}

#[test]
fn bytes_that_no_codec_reads_are_refused() {
    let whole = |codec| {
        let mut out = Vec::new();
        codec::compress(codec, &two(), &mut out).unwrap();
        out
    };
    for codec in Compression::ALL.into_iter().skip(1) {
        let good = whole(codec);
        let cut = good[..good.len() - 5].to_vec();
        let followed = [&good[..], b"and more"].concat();
        for (name, bytes) in [
            ("garbage", b"garbage under a codec's flag".to_vec()),
            ("nothing", Vec::new()),
            ("a cut", cut),
            ("bytes that follow", followed),
        ] {
            let error = checked(&around(codec, 2, &bytes), DECOMPRESSED_BYTES_MAX);
            let error = error.expect_err(&format!("{codec}: {name}"));
            assert_eq!(error.code(), ErrorCode::InvalidRecord, "{codec}: {name}");
        }
    }
}

#[test]
fn the_limit_holds_to_the_byte() {
    let full = two().len();
    for codec in Compression::ALL.into_iter().skip(1) {
        let batch = packed(codec, 2, &two());
        assert_eq!(checked(&batch, full).unwrap().len(), 2, "{codec}");
        for limit in [0, 1, full - 1] {
            let error = checked(&batch, limit).unwrap_err();
            assert_eq!(error, BatchError::TooLarge { codec, limit });
        }
    }
}

#[test]
fn only_a_wrong_greatest_timestamp_is_written_over() {
    let right = packed(Compression::Gzip, 2, &two()).with_max_timestamp(2_000);
    assert_eq!(
        right.clone().with_max_timestamp(2_000).bytes().as_ptr(),
        right.bytes().as_ptr()
    );
    let wrong = right.clone().with_max_timestamp(-1);
    assert_eq!((wrong.max_timestamp(), wrong.verify_crc()), (-1, Ok(())));
    let mended = wrong.with_max_timestamp(2_000);
    assert_eq!(mended, right);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(ProptestConfig::default().cases * 3 / 2) })]

    /// Whatever is written over records, and in whichever codec they come: what passes is read to its end, with the
    /// very times that were seen, and what a reader of dense offsets can read passes.
    #[test]
    fn what_passes_is_what_can_be_read(
        changes in proptest::collection::vec((0usize..64, any::<u8>()), 0..4),
        tail in proptest::collection::vec(any::<u8>(), 0..3),
        count in 1i32..4,
        codec in proptest::sample::select(&Compression::ALL[..]),
    ) {
        let mut builder = BatchBuilder::new();
        builder.push(1_000, Some(b"key"), Some(b"value"), &[("h", b"x"), ("i", b"")]);
        builder.push(2_000, None, Some(b"v"), &[]);
        let mut records = builder.build()[HEADER_BYTES..].to_vec();
        for (place, byte) in changes {
            let place = place % records.len();
            records[place] = byte;
        }
        records.extend(tail);
        let batch = packed(codec, count, &records);
        let read: Result<Vec<Record>, _> = batch.records(1 << 20).unwrap().collect();
        let dense = |records: &[Record]| records.iter().zip(0..).all(|(record, offset)| record.offset == offset);
        let read = read.ok().filter(|records| dense(records));
        let seen = checked(&batch, 1 << 20).ok();
        prop_assert_eq!(seen.is_some(), read.is_some(), "{:02x?}", Bytes::from(records));
        for (seen, record) in seen.iter().flatten().zip(read.iter().flatten()) {
            prop_assert_eq!((seen.index, seen.timestamp_ms, seen.headers),
                (record.index, record.timestamp_ms, record.headers.len()));
        }
    }
}
