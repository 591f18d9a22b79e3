//! Batches in every codec against the `kafka-protocol` crate: it reads ours, we read both, and noise is survived.

use std::ops::ControlFlow;

use bytes::{Bytes, BytesMut};
use kafka_protocol::{
    protocol::StrBytes,
    records::{self as oracle, RecordBatchDecoder, RecordBatchEncoder, RecordEncodeOptions},
};
use proptest::prelude::*;

use crate::batch::{Batch, BatchBuilder, Compression, DECOMPRESSED_BYTES_MAX, Record, codec};

/// A record as a test states it.
#[derive(Debug, Clone)]
struct Plain {
    timestamp: i64,
    key: Option<Vec<u8>>,
    value: Option<Vec<u8>>,
    headers: Vec<(String, Vec<u8>)>,
}

fn plain() -> impl Strategy<Value = Plain> {
    let headers = proptest::collection::btree_map("[a-z]{0,3}", any::<Vec<u8>>(), 0..3);
    let value = prop_oneof![
        Just(None),
        any::<Vec<u8>>().prop_map(Some),
        Just(Some(vec![7; 40_000]))
    ];
    (0..=i64::MAX / 2, any::<Option<Vec<u8>>>(), value, headers).prop_map(
        |(timestamp, key, value, headers)| Plain {
            timestamp,
            key,
            value,
            headers: headers.into_iter().collect(),
        },
    )
}

fn codec() -> impl Strategy<Value = Compression> {
    proptest::sample::select(&Compression::ALL[..])
}

fn push(builder: &mut BatchBuilder, record: &Plain) {
    let headers: Vec<_> = record
        .headers
        .iter()
        .map(|(key, value)| (key.as_str(), value.as_slice()))
        .collect();
    assert!(builder.push(
        record.timestamp,
        record.key.as_deref(),
        record.value.as_deref(),
        &headers
    ));
}

fn ours(records: &[Plain], codec: Compression) -> Bytes {
    let mut builder = BatchBuilder::new().compression(codec).producer(9, 3, 100);
    records.iter().for_each(|record| push(&mut builder, record));
    assert_eq!(builder.len(), records.len());
    builder.build()
}

fn theirs(records: &[Plain], codec: Compression) -> Bytes {
    let records = (0i32..).zip(records).map(|(index, record)| oracle::Record {
        transactional: false,
        control: false,
        delete_horizon: false,
        partition_leader_epoch: -1,
        producer_id: 9,
        producer_epoch: 3,
        timestamp_type: oracle::TimestampType::Creation,
        offset: index.into(),
        sequence: 100 + index,
        timestamp: record.timestamp,
        key: record.key.clone().map(Bytes::from),
        value: record.value.clone().map(Bytes::from),
        headers: record
            .headers
            .iter()
            .map(|(key, value)| (StrBytes::from_string(key.clone()), Some(value.clone().into())))
            .collect(),
    });
    let records: Vec<_> = records.collect();
    let compression = match codec {
        Compression::None => oracle::Compression::None,
        Compression::Gzip => oracle::Compression::Gzip,
        Compression::Snappy => oracle::Compression::Snappy,
        Compression::Lz4 => oracle::Compression::Lz4,
        Compression::Zstd => oracle::Compression::Zstd,
    };
    let mut bytes = BytesMut::new();
    RecordBatchEncoder::encode(
        &mut bytes,
        &records,
        &RecordEncodeOptions {
            version: 2,
            compression,
        },
    )
    .unwrap();
    bytes.freeze()
}

fn read(bytes: &Bytes) -> (Batch, Vec<Record>) {
    let (batch, next) = Batch::parse(bytes, 0).unwrap();
    assert_eq!(next, bytes.len());
    batch.verify_crc().unwrap();
    batch.check_produced().unwrap();
    let records = batch
        .records(DECOMPRESSED_BYTES_MAX)
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap();
    (batch, records)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(ProptestConfig::default().cases * 3 / 8))]

    #[test]
    fn the_oracle_reads_ours(records in proptest::collection::vec(plain(), 1..8), codec in codec()) {
        let bytes = ours(&records, codec);
        let read = RecordBatchDecoder::decode_all(&mut bytes.clone()).unwrap();
        prop_assert_eq!(read.len(), 1);
        prop_assert_eq!(read[0].compression as i16, codec.bits());
        prop_assert_eq!(read[0].records.len(), records.len());
        for ((index, read), record) in (0i32..).zip(&read[0].records).zip(&records) {
            prop_assert_eq!(read.offset, i64::from(index));
            prop_assert_eq!(read.sequence, 100 + index);
            prop_assert_eq!((read.producer_id, read.producer_epoch), (9, 3));
            prop_assert_eq!(read.timestamp, record.timestamp);
            prop_assert_eq!(read.key.as_deref(), record.key.as_deref());
            prop_assert_eq!(read.value.as_deref(), record.value.as_deref());
            let headers: Vec<_> =
                read.headers.iter().map(|(k, v)| (k.to_string(), v.clone().unwrap().to_vec())).collect();
            prop_assert_eq!(&headers, &record.headers);
        }
    }

    #[test]
    fn we_read_both(records in proptest::collection::vec(plain(), 1..8), codec in codec(), from_us: bool) {
        let bytes = if from_us { ours(&records, codec) } else { theirs(&records, codec) };
        let (batch, read) = read(&bytes);
        prop_assert_eq!(batch.compression(), codec);
        prop_assert_eq!((batch.producer_id(), batch.producer_epoch(), batch.base_sequence()), (9, 3, 100));
        prop_assert_eq!(batch.last_sequence(), 99 + records.len() as i32);
        prop_assert_eq!(batch.max_timestamp(), records.iter().map(|record| record.timestamp).max().unwrap());
        prop_assert_eq!(read.len(), records.len());
        for ((index, read), record) in (0i32..).zip(&read).zip(&records) {
            prop_assert_eq!((read.offset, read.index), (i64::from(index), index));
            prop_assert_eq!(read.timestamp_ms, record.timestamp);
            prop_assert_eq!(read.key.as_deref(), record.key.as_deref());
            prop_assert_eq!(read.value.as_deref(), record.value.as_deref());
            let headers: Vec<_> =
                read.headers.iter().map(|(k, v)| (k.to_owned(), v.unwrap().to_vec())).collect();
            prop_assert_eq!(&headers, &record.headers);
        }
    }

    #[test]
    fn noise_never_panics(
        records in proptest::collection::vec(plain(), 1..3),
        codec in codec(),
        noise in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        anything: Vec<u8>,
    ) {
        let mut bytes = ours(&records, codec).to_vec();
        for (place, noise) in noise {
            let place = place.index(bytes.len());
            bytes[place] ^= noise;
        }
        if let Ok((batch, _)) = Batch::parse(&bytes.into(), 0) {
            let _ = (batch.verify_crc(), batch.check_produced(), batch.last_offset(), batch.last_sequence());
            if let Ok(records) = batch.records(1 << 20) {
                prop_assert!(records.count() <= batch.count() as usize + 1);
            }
            if batch.check_records(1 << 20, "", &mut |_| ControlFlow::Continue(())).is_ok() {
                prop_assert!(batch.records(1 << 20).unwrap().all(|record| record.is_ok()));
            }
        }
        let anything = Bytes::from(anything);
        let _ = Batch::parse(&anything, 0);
        let _ = codec::decompress(codec, anything, 1 << 20);
    }
}
