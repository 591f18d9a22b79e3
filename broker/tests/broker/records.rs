//! What is inside a batch: opened before it is acknowledged, whatever the guard and the codec, and its times its records'.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use annals_broker::{BrokerConfig, Caller, CannotJudge, Guard, OpenGate, Refusal, Topic};
use annals_kafka_client::Client;
use annals_kafka_wire::batch::{
    Batch, BatchBuilder, Compression, DECOMPRESSED_BYTES_MAX, HEADER_BYTES, Record, TimestampType,
};
use annals_kafka_wire::error::ErrorCode;
use bytes::Bytes;

use crate::harness::*;

fn settings(all: &[(&str, &str)]) -> BTreeMap<String, String> {
    all.iter()
        .map(|(name, value)| (name.to_string(), value.to_string()))
        .collect()
}

/// A batch of two records in this codec.
fn two(codec: Compression) -> Bytes {
    let mut builder = BatchBuilder::new().compression(codec);
    builder.push(NOW_MS - 5, Some(b"k"), Some(b"v"), &[("h", b"x")]);
    builder.push(NOW_MS, None, Some(b"w"), &[]);
    builder.build()
}

/// What a batch becomes when bytes are written over it and its length and checksum made right again.
pub(crate) fn forged(bytes: &Bytes, patches: &[(usize, &[u8])], tail: &[u8]) -> Bytes {
    let mut bytes = [bytes, tail].concat();
    for (at, patch) in patches {
        bytes[*at..at + patch.len()].copy_from_slice(patch);
    }
    let length = u32::try_from(bytes.len() - 12).unwrap();
    bytes[8..12].copy_from_slice(&length.to_be_bytes());
    let (batch, _) = Batch::parse(&bytes.into(), 0).unwrap();
    let max_timestamp = batch.max_timestamp();
    let checksummed = batch
        .with_max_timestamp(max_timestamp ^ 1)
        .with_max_timestamp(max_timestamp);
    checksummed.bytes().clone()
}

/// The first stored batch of partition 0.
fn stored(broker: &Running) -> Batch {
    let topic = broker.broker.topic("events").unwrap();
    let (batch, _) = Batch::parse(&topic.partitions[0].read(0, 0).unwrap(), 0).unwrap();
    batch.verify_crc().unwrap();
    batch
}

#[tokio::test]
async fn what_nobody_could_read_is_refused_whatever_the_guard() {
    let plain = two(Compression::None);
    let in_gzip = two(Compression::Gzip);
    let count = |n: u8| [0, 0, 0, n];
    // Records begin at 61: length 12, attributes, time, offset delta 0, 1, 'k', 1, 'v', one header, 1, 'h', …
    let cases: Vec<(&str, Bytes)> = vec![
        ("garbage under a codec's flag", forged(&plain, &[(22, &[1])], b"")),
        ("no snappy", forged(&plain, &[(22, &[2])], b"")),
        ("no lz4", forged(&plain, &[(22, &[3])], b"")),
        ("no zstd", forged(&plain, &[(22, &[4])], b"")),
        (
            "fewer records than counted",
            forged(&plain, &[(23, &count(2)), (57, &count(3))], b""),
        ),
        (
            "more records than counted",
            forged(&plain, &[(23, &count(0)), (57, &count(1))], b""),
        ),
        (
            "fewer in gzip",
            forged(&in_gzip, &[(23, &count(2)), (57, &count(3))], b""),
        ),
        (
            "more in gzip",
            forged(&in_gzip, &[(23, &count(0)), (57, &count(1))], b""),
        ),
        ("a gap", forged(&plain, &[(64, &[2])], b"")),
        (
            "a count at odds with the offsets",
            forged(&plain, &[(23, &count(5))], b""),
        ),
        ("bytes behind the records", forged(&plain, &[], b"zzz")),
        ("bytes behind the codec's", forged(&in_gzip, &[], b"zzz")),
        ("a header without a key", forged(&plain, &[(70, &[1])], b"")),
        ("offsets of the producer's own", forged(&plain, &[(7, &[5])], b"")),
    ];
    for guard in ["off", "on"] {
        let broker = start_with(test_config(), Arc::new(NoBadValues)).await;
        let mut client = broker.client().await;
        let config = settings(&[("test.guard", guard)]);
        client.create_topic("events", 1, &config).await.unwrap();
        for (name, records) in &cases {
            let answer = produce(&mut client, "events", records.clone()).await;
            let code = ErrorCode::from(answer.error_code);
            assert_eq!(code, ErrorCode::InvalidRecord, "{name}, guard {guard}");
            assert!(
                answer.error_message.is_some_and(|sentence| !sentence.is_empty()),
                "{name}"
            );
        }
        for codec in Compression::ALL {
            assert_eq!(
                produce(&mut client, "events", two(codec)).await.error_code,
                0,
                "{codec}"
            );
        }
        assert_eq!(values(&mut client, "events", 10).await.len(), 10);
        broker.stop().await;
    }
}

#[tokio::test]
async fn times_are_those_of_the_records_whatever_the_header_says() {
    for codec in Compression::ALL {
        for (header_says, rewritten) in [(NOW_MS, false), (-1, true), (NOW_MS - 5, true), (i64::MAX, true)] {
            let broker = start().await;
            let mut client = broker.client().await;
            client.create_topic("events", 1, &BTreeMap::new()).await.unwrap();
            let (sent, _) = Batch::parse(&two(codec), 0).unwrap();
            let sent = sent.with_max_timestamp(header_says);
            let answer = produce(&mut client, "events", sent.bytes().clone()).await;
            assert_eq!(answer.error_code, 0, "{codec}, {header_says}");
            let kept = stored(&broker);
            assert_eq!(kept.max_timestamp(), NOW_MS);
            assert_eq!(
                kept.bytes()[16..] != sent.bytes()[16..],
                rewritten,
                "{codec}, {header_says}"
            );
            assert_eq!(kept.bytes()[HEADER_BYTES..], sent.bytes()[HEADER_BYTES..]);
            for (asked, found) in [
                (NOW_MS - 9, Some(0)),
                (NOW_MS - 4, Some(1)),
                (-3, Some(1)),
                (NOW_MS + 1, None),
            ] {
                let at = client.offset_for_time("events", 0, asked).await.unwrap();
                assert_eq!(at, found, "{codec}, {header_says}: {asked}");
            }
            broker.stop().await;
        }
    }
}

#[tokio::test]
async fn the_far_future_is_refused_in_every_codec() {
    let broker = start().await;
    let mut client = broker.client().await;
    client.create_topic("events", 1, &BTreeMap::new()).await.unwrap();
    for codec in Compression::ALL {
        let mut builder = BatchBuilder::new().compression(codec);
        builder.push(NOW_MS, None, Some(b"a"), &[]);
        builder.push(253_370_764_800_000, None, Some(b"in the year 9999"), &[]);
        let (batch, _) = Batch::parse(&builder.build(), 0).unwrap();
        // As hidden as it can be.
        let answer = produce(
            &mut client,
            "events",
            batch.with_max_timestamp(NOW_MS).bytes().clone(),
        )
        .await;
        assert_eq!(
            ErrorCode::from(answer.error_code),
            ErrorCode::InvalidTimestamp,
            "{codec}"
        );
        let at_fault: Vec<i32> = answer
            .record_errors
            .iter()
            .map(|error| error.batch_index)
            .collect();
        assert_eq!(at_fault, [1], "{codec}");
    }
    broker.stop().await;
}

/// The clock of a broker whose time is the log's.
static CLOCK_MS: AtomicI64 = AtomicI64::new(NOW_MS);

#[tokio::test]
async fn the_logs_own_time_is_given_kept_and_found() {
    let config = BrokerConfig {
        clock: || CLOCK_MS.load(Ordering::Relaxed),
        ..test_config()
    };
    let dir = tempfile::tempdir().unwrap();
    let broker = start_in(dir.path(), config.clone(), Arc::new(OpenGate)).await;
    let mut client = broker.client().await;
    let own_time = settings(&[("message.timestamp.type", "LogAppendTime")]);
    client.create_topic("events", 1, &own_time).await.unwrap();
    let send = async |client: &mut Client, sequence, record_ms| {
        let mut builder = BatchBuilder::new()
            .producer(7, 0, sequence)
            .compression(Compression::Lz4);
        builder.push(record_ms, None, Some(b"a"), &[]);
        let answer = produce(client, "events", builder.build()).await;
        (answer.error_code, answer.base_offset, answer.log_append_time_ms)
    };
    // Whatever the producer says, even of the year 9999; and a retry has the time of the first copy.
    assert_eq!(send(&mut client, 0, 253_370_764_800_000).await, (0, 0, NOW_MS));
    CLOCK_MS.store(NOW_MS + 60_000, Ordering::Relaxed);
    assert_eq!(send(&mut client, 0, 253_370_764_800_000).await, (0, 0, NOW_MS));
    assert_eq!(send(&mut client, 1, -1).await, (0, 1, NOW_MS + 60_000));
    broker.stop().await;

    CLOCK_MS.store(NOW_MS + 90_000, Ordering::Relaxed);
    let broker = start_in(dir.path(), config, Arc::new(OpenGate)).await;
    let mut client = broker.client().await;
    assert_eq!(send(&mut client, 1, -1).await, (0, 1, NOW_MS + 60_000));
    assert_eq!(stored(&broker).timestamp_type(), TimestampType::LogAppendTime);
    let wait = std::time::Duration::from_secs(30);
    let fetched = client.fetch("events", 0, 0, wait).await.unwrap();
    let times: Vec<i64> = fetched.records.iter().map(|record| record.timestamp_ms).collect();
    assert_eq!(times, [NOW_MS, NOW_MS + 60_000]);
    for (asked, found) in [
        (0, Some(0)),
        (NOW_MS + 1, Some(1)),
        (-3, Some(1)),
        (NOW_MS + 60_001, None),
    ] {
        assert_eq!(
            client.offset_for_time("events", 0, asked).await.unwrap(),
            found,
            "{asked}"
        );
    }
    broker.stop().await;
}

#[tokio::test]
async fn one_bound_is_the_topics_for_writing_and_for_reading() {
    let broker = start().await;
    let mut client = broker.client().await;
    client.create_topic("events", 1, &BTreeMap::new()).await.unwrap();
    let wide = settings(&[("max.message.bytes", "33554432")]);
    client.create_topic("wide", 1, &wide).await.unwrap();
    let mut builder = BatchBuilder::new().compression(Compression::Zstd);
    builder.push(NOW_MS - 5, None, Some(&vec![0; DECOMPRESSED_BYTES_MAX]), &[]);
    builder.push(NOW_MS, None, Some(b"last"), &[]);
    let large = builder.build();
    assert!(large.len() < 1 << 20);
    let answer = produce(&mut client, "events", large.clone()).await;
    assert_eq!(ErrorCode::from(answer.error_code), ErrorCode::MessageTooLarge);
    assert_eq!(produce(&mut client, "wide", large).await.error_code, 0);
    assert_eq!(client.offset_for_time("wide", 0, NOW_MS).await.unwrap(), Some(1));
    let wait = std::time::Duration::from_secs(30);
    assert_eq!(client.fetch("wide", 0, 1, wait).await.unwrap().records.len(), 1);
    broker.stop().await;
}

#[tokio::test]
async fn a_batch_holds_only_so_many_headers() {
    let config = BrokerConfig {
        batch_headers_max: 1_000,
        ..test_config()
    };
    let broker = start_with(config, Arc::new(OpenGate)).await;
    let mut client = broker.client().await;
    client.create_topic("events", 1, &BTreeMap::new()).await.unwrap();
    for (records, code) in [(10, ErrorCode::None), (11, ErrorCode::MessageTooLarge)] {
        let mut builder = BatchBuilder::new().compression(Compression::Gzip);
        for _ in 0..records {
            builder.push(NOW_MS, None, None, &[("", &[][..]); 100]);
        }
        let answer = produce(&mut client, "events", builder.build()).await;
        assert_eq!(ErrorCode::from(answer.error_code), code, "{records}");
    }
    broker.stop().await;
}

/// A guard that sees how many batches it is asked about at once.
struct Crowd {
    /// Inside now, and the most there were.
    inside: Mutex<(usize, usize)>,
    changed: Condvar,
    /// What they wait for, a while.
    awaited: usize,
}

impl Guard for Crowd {
    fn admits(&self, _: &Topic) -> bool {
        true
    }

    fn judge(
        &self,
        _: &Topic,
        _: &Caller,
        _: &mut dyn Iterator<Item = Record>,
    ) -> Result<Vec<Refusal>, CannotJudge> {
        let mut inside = self.inside.lock().unwrap();
        inside.0 += 1;
        inside.1 = inside.1.max(inside.0);
        self.changed.notify_all();
        let waited = self
            .changed
            .wait_timeout_while(inside, Duration::from_millis(300), |inside| {
                inside.1 < self.awaited
            });
        waited.unwrap().0.0 -= 1;
        Ok(Vec::new())
    }
}

/// What is unpacked for a guard is counted in no budget.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn heavy_batches_are_opened_a_few_at_a_time() {
    let cores = std::thread::available_parallelism().unwrap().get();
    let crowd = Arc::new(Crowd {
        inside: Mutex::default(),
        changed: Condvar::new(),
        awaited: cores + 1,
    });
    let broker = start_with(test_config(), Arc::clone(&crowd) as _).await;
    let mut client = broker.client().await;
    client.create_topic("events", 1, &BTreeMap::new()).await.unwrap();
    let mut producing = Vec::new();
    for _ in 0..cores + 2 {
        let mut client = broker.client().await;
        producing.push(tokio::spawn(async move {
            let records = batch(None, &[&"x".repeat(100_000)]);
            produce(&mut client, "events", records).await.error_code
        }));
    }
    for produced in producing {
        assert_eq!(produced.await.unwrap(), 0);
    }
    let most = crowd.inside.lock().unwrap().1;
    assert!(most <= cores, "{most} at once, with {cores} cores");
    broker.stop().await;
}
