//! Appending on condition with the header `annals-expected-revision`, as any client can.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use annals_broker::OpenGate;
use annals_kafka_wire::batch::{BatchBuilder, Compression, batches};
use annals_kafka_wire::error::ErrorCode;
use annals_kafka_wire::message::produce::PartitionProduceResponse;
use bytes::Bytes;

use crate::harness::*;
use crate::transactions::{add, committed, create, end, fetched, producer, write_records};

const HEADER: &str = "annals-expected-revision";

/// A record by its key and what it expects.
type Asked<'a> = (Option<&'a str>, Option<&'a str>);

fn pushed(mut builder: BatchBuilder, records: &[Asked<'_>]) -> Bytes {
    for (key, expected) in records {
        let headers = expected.map(|expected| (HEADER, expected.as_bytes()));
        let key = key.map(str::as_bytes);
        assert!(builder.push(NOW_MS, key, Some(b"secret"), headers.as_slice()));
    }
    builder.build()
}

/// The error and what is said of each record, first of the batch.
fn said(answer: &PartitionProduceResponse) -> (ErrorCode, String, Vec<(i32, String)>) {
    let errors = answer.record_errors.iter();
    let errors = errors.map(|one| {
        (
            one.batch_index,
            one.batch_index_error_message.clone().unwrap_or_default(),
        )
    });
    let sentence = answer.error_message.clone().unwrap_or_default();
    (answer.error_code.into(), sentence, errors.collect())
}

/// Records, and what is said of which; nothing when they enter.
type Step<'a> = (&'a [Asked<'a>], &'a [(i32, &'a str)]);

/// In turn.
const STEPS: &[Step<'_>] = &[
    (
        &[(Some("a"), Some("0"))],
        &[(
            0,
            "EXPECTED_REVISION: record 0 expects revision 0 of its key, and found none",
        )],
    ),
    (&[(Some("a"), Some("none"))], &[]),
    (
        &[(Some("a"), Some("none"))],
        &[(
            0,
            "EXPECTED_REVISION: record 0 expects revision none of its key, and found 0",
        )],
    ),
    // Records of the batch count; one without the header counts as well.
    (
        &[
            (Some("a"), Some("0")),
            (Some("a"), Some("1")),
            (Some("b"), Some("none")),
        ],
        &[],
    ),
    (
        &[
            (Some("b"), None),
            (Some("a"), Some("any")),
            (Some("b"), Some("1")),
        ],
        &[],
    ),
    // All or nothing: b would be right.
    (
        &[
            (Some("b"), Some("2")),
            (Some("a"), Some("7")),
            (Some("b"), Some("2")),
            (None, None),
        ],
        &[
            (
                1,
                "EXPECTED_REVISION: record 1 expects revision 7 of its key, and found 3",
            ),
            (
                2,
                "EXPECTED_REVISION: record 2 expects revision 2 of its key, and found 3",
            ),
        ],
    ),
    (
        &[(Some("b"), Some("2")), (Some("a"), Some("3")), (None, None)],
        &[],
    ),
    (&[(Some(""), Some("none")), (Some(""), Some("0"))], &[]),
    // What a header may say.
    (
        &[
            (Some("a"), Some("")),
            (Some("c"), Some("none")),
            (Some("a"), Some("-1")),
            (None, Some("any")),
        ],
        &[
            (
                0,
                "INVALID_EXPECTED_REVISION: record 0: annals-expected-revision must be any, none, or a revision in decimal digits",
            ),
            (
                2,
                "INVALID_EXPECTED_REVISION: record 2: annals-expected-revision must be any, none, or a revision in decimal digits",
            ),
            (
                3,
                "INVALID_EXPECTED_REVISION: record 3: it expects a revision and has no key whose revision that could be",
            ),
        ],
    ),
    (
        &[(Some("a"), Some("9223372036854775808"))],
        &[(
            0,
            "INVALID_EXPECTED_REVISION: record 0: annals-expected-revision is a greater number than revisions are",
        )],
    ),
    (&[(Some("c"), Some("none")), (Some("a"), Some("000004"))], &[]),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_enters_if_all_its_records_find_what_they_expect() {
    let broker = start().await;
    let mut client = broker.client().await;
    client.create_topic("t", 1, &BTreeMap::new()).await.unwrap();
    let mut end = 0;
    for codec in Compression::ALL {
        for (records, refusals) in STEPS {
            // Keys of its own for each codec.
            let named: Vec<(Option<String>, Option<&str>)> = records
                .iter()
                .map(|(key, expected)| (key.map(|key| format!("{key}{codec}")), *expected))
                .collect();
            let named: Vec<Asked<'_>> = named
                .iter()
                .map(|(key, expected)| (key.as_deref(), *expected))
                .collect();
            let answer = produce(
                &mut client,
                "t",
                pushed(BatchBuilder::new().compression(codec), &named),
            )
            .await;
            if refusals.is_empty() {
                assert_eq!(
                    (said(&answer).0, answer.base_offset),
                    (ErrorCode::None, end),
                    "{records:?}"
                );
                end += i64::try_from(records.len()).unwrap();
                continue;
            }
            let told: Vec<(i32, String)> = refusals
                .iter()
                .map(|(at, told)| (*at, (*told).to_owned()))
                .collect();
            assert_eq!(
                said(&answer),
                (ErrorCode::InvalidRecord, told[0].1.clone(), told),
                "{records:?}"
            );
        }
    }
    assert_eq!(
        values(&mut client, "t", usize::try_from(end).unwrap())
            .await
            .len() as i64,
        end
    );
    broker.stop().await;
}

#[tokio::test]
async fn a_header_that_is_there_twice_is_refused() {
    let broker = start().await;
    let mut client = broker.client().await;
    client.create_topic("t", 1, &BTreeMap::new()).await.unwrap();
    let mut builder = BatchBuilder::new();
    builder.push(
        NOW_MS,
        Some(b"a"),
        None,
        &[(HEADER, b"none"), ("x", b""), (HEADER, b"none")],
    );
    let answer = produce(&mut client, "t", builder.build()).await;
    assert!(
        said(&answer)
            .1
            .ends_with("it has the header annals-expected-revision twice"),
        "{answer:?}"
    );
    broker.stop().await;
}

#[tokio::test]
async fn a_retry_is_answered_with_its_first_offset_whatever_it_expected() {
    let place = tempfile::tempdir().unwrap();
    let sent = |sequence| {
        pushed(
            BatchBuilder::new().producer(7, 0, sequence),
            &[(Some("a"), Some("none"))],
        )
    };
    let broker = start_in(place.path(), test_config(), Arc::new(OpenGate)).await;
    let mut client = broker.client().await;
    client.create_topic("t", 1, &BTreeMap::new()).await.unwrap();
    for _ in 0..2 {
        let answer = produce(&mut client, "t", sent(0)).await;
        assert_eq!((answer.error_code, answer.base_offset), (0, 0));
    }
    broker.stop().await;
    // What was refused has not used its sequence, and a restart forgets none of it.
    let broker = start_in(place.path(), test_config(), Arc::new(OpenGate)).await;
    let mut client = broker.client().await;
    assert_eq!(produce(&mut client, "t", sent(0)).await.base_offset, 0);
    assert_eq!(
        said(&produce(&mut client, "t", sent(1)).await).0,
        ErrorCode::InvalidRecord
    );
    let next = pushed(BatchBuilder::new().producer(7, 0, 1), &[(Some("a"), Some("0"))]);
    assert_eq!(produce(&mut client, "t", next).await.base_offset, 1);
    broker.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_open_transaction_counts_for_its_producer_and_is_undecided_for_others() {
    let broker = start().await;
    create(&broker, "t").await;
    let mut client = broker.client().await;
    let plain = |expected| pushed(BatchBuilder::new(), &[(Some("a"), Some(expected))]);
    let who = producer(&broker).await;
    let mut sequence = 0;
    for (round, commits) in [true, false, true].into_iter().enumerate() {
        // The first and the third are committed, the second never was.
        let before = ["none", "1", "1"][round];
        let own = ["0", "2", "2"][round];
        assert_eq!(add(&broker, &who, "t").await, ErrorCode::None);
        for expected in [before, own] {
            let headers = [(HEADER, expected.as_bytes())];
            let written =
                write_records(&broker, 9, &who, sequence, "t", &[(Some(b"a"), b"v", &headers)]).await;
            assert_eq!(
                ErrorCode::from(written.error_code),
                ErrorCode::None,
                "{expected}: {written:?}"
            );
            sequence += 1;
        }
        for expected in [before, own, "none", "9"] {
            let (code, sentence, _) = said(&produce(&mut client, "t", plain(expected)).await);
            assert_eq!(code, ErrorCode::InvalidRecord, "{expected}");
            assert!(
                sentence.starts_with("UNDECIDED_REVISION: record 0 "),
                "{sentence}"
            );
        }
        // Another key is nobody's.
        let other = pushed(
            BatchBuilder::new(),
            &[(Some(&*format!("b{round}")), Some("none"))],
        );
        assert_eq!(produce(&mut client, "t", other).await.error_code, 0);
        assert_eq!(end(&broker, &who, commits).await, ErrorCode::None);
        // Waits for the end.
        committed(&broker, "t").await;
        let (code, sentence, _) = said(&produce(&mut client, "t", plain("77")).await);
        assert_eq!(code, ErrorCode::InvalidRecord);
        let found = ["1", "1", "3"][round];
        assert!(sentence.ends_with(&format!("and found {found}")), "{sentence}");
    }
    broker.stop().await;
}

/// What a producer tried, when it began and ended by a clock all share, and what came of it.
struct Attempt {
    key: usize,
    expected: i64,
    began: u64,
    ended: u64,
    /// The offset, or the revision found instead.
    outcome: Result<i64, i64>,
}

const RACERS: usize = 32;
const KEYS: usize = 3;
const APPENDS: usize = 12;

/// Appends on condition until `APPENDS` have entered, going on from what each refusal found.
async fn race(broker: Arc<Running>, racer: usize, clock: Arc<AtomicU64>) -> Vec<Attempt> {
    let mut client = broker.client().await;
    let mut known = [-1i64; KEYS];
    let (mut attempts, mut entered) = (Vec::new(), 0);
    while entered < APPENDS {
        let key = (racer + attempts.len()) % KEYS;
        let expected = known[key];
        let text = if expected < 0 {
            "none".to_owned()
        } else {
            expected.to_string()
        };
        let name = format!("k{key}");
        // Some bring two records at once, some are compressed, all say who they are in the log.
        let two = racer.is_multiple_of(4);
        let codec = if racer.is_multiple_of(3) {
            Compression::Lz4
        } else {
            Compression::None
        };
        let mut builder = BatchBuilder::new().compression(codec);
        for nth in 0..=i64::from(two) {
            let value = format!("{racer}:{}:{}", attempts.len(), expected + nth);
            let text = if nth == 0 {
                text.clone()
            } else {
                (expected + nth).to_string()
            };
            builder.push(
                NOW_MS,
                Some(name.as_bytes()),
                Some(value.as_bytes()),
                &[(HEADER, text.as_bytes())],
            );
        }
        let began = clock.fetch_add(1, Ordering::SeqCst);
        let answer = produce(&mut client, "t", builder.build()).await;
        let ended = clock.fetch_add(1, Ordering::SeqCst);
        let outcome = match ErrorCode::from(answer.error_code) {
            ErrorCode::None => {
                entered += 1;
                known[key] = expected + 1 + i64::from(two);
                Ok(answer.base_offset)
            }
            ErrorCode::InvalidRecord => {
                let sentence = answer.error_message.unwrap();
                let found = sentence.rsplit(' ').next().unwrap();
                known[key] = if found == "none" {
                    -1
                } else {
                    found.parse().unwrap()
                };
                Err(known[key])
            }
            other => panic!("{other}"),
        };
        attempts.push(Attempt {
            key,
            expected,
            began,
            ended,
            outcome,
        });
    }
    attempts
}

/// Holds a history and the log it left to what one appender at a time would have done.
fn check_history(attempts: &[Attempt], log: &[Vec<(i64, i64)>]) {
    for (key, records) in log.iter().enumerate() {
        // Every record stands where it expected to: revisions without a gap, none twice.
        let expected: Vec<i64> = records.iter().map(|(_, expected)| *expected).collect();
        let revisions: Vec<i64> = (-1..).take(records.len()).collect();
        assert_eq!(expected, revisions, "key {key}");
        let mine = || attempts.iter().filter(|one| one.key == key);
        let offsets: HashMap<i64, i64> = records.iter().copied().collect();
        for one in mine() {
            match one.outcome {
                Ok(offset) => assert_eq!(
                    offsets.get(&offset),
                    Some(&one.expected),
                    "it is where it was said to be"
                ),
                Err(found) => assert_ne!(found, one.expected, "refused although it was right"),
            }
            // What an attempt met is what was there at some time between its begin and its end.
            let met = one.outcome.err().unwrap_or(one.expected);
            for other in mine() {
                if let Ok(offset) = other.outcome {
                    let revision = offsets[&offset] + 1;
                    assert!(
                        other.ended > one.began || revision <= met,
                        "it overlooked what was there"
                    );
                    assert!(
                        other.began < one.ended || revision > met,
                        "it met what was not there yet"
                    );
                }
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_racing_producers_one_wins_each_revision() {
    let broker = Arc::new(start().await);
    let mut client = broker.client().await;
    client.create_topic("t", 1, &BTreeMap::new()).await.unwrap();
    let clock = Arc::new(AtomicU64::new(0));
    let racers = (0..RACERS).map(|racer| tokio::spawn(race(broker.clone(), racer, clock.clone())));
    let racers: Vec<_> = racers.collect();
    // Somebody else keeps the log's end moving.
    let others = AtomicI64::new(0);
    let mut attempts = Vec::new();
    for racer in racers {
        while !racer.is_finished() {
            assert_eq!(
                produce(&mut client, "t", batch(None, &["noise"]))
                    .await
                    .error_code,
                0
            );
            others.fetch_add(1, Ordering::Relaxed);
        }
        attempts.extend(racer.await.unwrap());
    }
    let mut log = vec![Vec::new(); KEYS];
    let records = fetched(&broker, "t", 0).await.records.unwrap();
    for batch in batches(&records).map(Result::unwrap) {
        for record in batch.records(1 << 20).unwrap().map(Result::unwrap) {
            let Some(key) = record.key else { continue };
            let key: usize = std::str::from_utf8(&key[1..]).unwrap().parse().unwrap();
            let value = String::from_utf8(record.value.unwrap().to_vec()).unwrap();
            let expected = value.rsplit(':').next().unwrap().parse().unwrap();
            log[key].push((record.offset, expected));
        }
    }
    check_history(&attempts, &log);
    let won = attempts.iter().filter(|one| one.outcome.is_ok()).count();
    assert_eq!(won, RACERS * APPENDS);
    assert!(attempts.len() > won, "nobody raced");
    drop(client);
    Arc::into_inner(broker).unwrap().stop().await;
}
