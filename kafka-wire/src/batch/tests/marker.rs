//! Transaction markers against the `kafka-protocol` crate, and control batches that are none.

use bytes::Bytes;
use kafka_protocol::{messages::EndTxnMarker, protocol::Encodable, records::RecordBatchDecoder};
use proptest::prelude::*;

use crate::batch::{Batch, BatchBuilder, BatchError, Compression, Marker};

fn parsed(bytes: &Bytes) -> Batch {
    let (batch, next) = Batch::parse(bytes, 0).unwrap();
    assert_eq!(next, bytes.len());
    batch.verify_crc().unwrap();
    batch
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(ProptestConfig::default().cases / 4))]

    #[test]
    fn a_marker_stands_as_kafka_lays_it_out(
        committed: bool,
        coordinator_epoch: i32,
        timestamp in 0..i64::MAX / 2,
        producer in (any::<i64>(), any::<i16>()),
    ) {
        let marker = Marker { committed, coordinator_epoch };
        let bytes = marker.build(timestamp, producer.0, producer.1);
        let batch = parsed(&bytes);
        prop_assert_eq!(batch.marker().unwrap(), Some(marker));
        prop_assert!(batch.is_control() && batch.is_transactional());
        prop_assert_eq!(batch.compression(), Compression::None);
        prop_assert_eq!((batch.count(), batch.last_offset_delta(), batch.base_sequence()), (1, 0, -1));
        prop_assert_eq!(batch.max_timestamp(), timestamp);

        let sets = RecordBatchDecoder::decode_all(&mut bytes.clone()).unwrap();
        prop_assert_eq!((sets.len(), sets[0].records.len()), (1, 1));
        let record = &sets[0].records[0];
        prop_assert!(record.control && record.transactional);
        prop_assert_eq!((record.producer_id, record.producer_epoch, record.timestamp), (producer.0, producer.1, timestamp));
        prop_assert_eq!(record.key.as_deref(), Some(&[0, 0, 0, u8::from(committed)][..]));
        let mut value = vec![0, 0];
        EndTxnMarker::default().with_coordinator_epoch(coordinator_epoch).encode(&mut value, 0).unwrap();
        prop_assert_eq!(record.value.as_deref(), Some(&value[..]));
    }
}

#[test]
fn what_is_no_marker_is_not_taken_for_one() {
    let control = |records: &[(&[u8], Option<&[u8]>)]| {
        let mut builder = BatchBuilder::new().transactional().control();
        for (key, value) in records {
            builder.push(0, Some(key), *value, &[]);
        }
        let error = parsed(&builder.build()).marker().unwrap_err();
        assert!(matches!(error, BatchError::Record { index: 0, .. }));
        error.to_string()
    };
    let (key, value): (&[u8], &[u8]) = (&[0, 0, 0, 1], &[0, 0, 0, 0, 0, 7]);
    let whole = (key, Some(value));
    assert!(control(&[whole, whole]).contains("one record, not 2"));
    assert!(control(&[(key, None)]).contains("needs a key and a value"));
    assert!(control(&[(&key[..3], Some(value))]).contains("the bytes end early"));
    assert!(control(&[(key, Some(&value[..5]))]).contains("the bytes end early"));
    assert!(control(&[(key, Some(&[0; 7]))]).contains("1 bytes are left over"));
    assert!(control(&[(&[0, 0, 0, 2], Some(value))]).contains("of type 2"));
    assert!(control(&[(&[0, 1, 0, 1], Some(value))]).contains("key of version 1"));
    assert!(control(&[(key, Some(&[0, 1, 0, 0, 0, 7]))]).contains("value of version 1"));

    let emptied = BatchBuilder::new().transactional().control().build();
    assert_eq!(parsed(&emptied).marker(), Ok(None));
    let mut records = BatchBuilder::new().transactional();
    records.push(0, Some(key), Some(value), &[]);
    assert_eq!(parsed(&records.build()).marker(), Ok(None));
}
