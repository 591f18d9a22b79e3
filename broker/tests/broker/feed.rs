//! A topic followed over the protocol: what is committed, each record once, in portions of any size; gaps are errors.

use std::time::Duration;

use annals_event_store::remote::Remote;
use annals_event_store::{Cut, Feed, FeedError};
use annals_kafka_wire::error::ErrorCode;

use crate::harness::{Running, batch, blocking, produce, start};
use crate::retention::delete;
use crate::transactions::{add, create, end, producer, write};

/// What is read of partition 0 behind an offset, portion by portion, up to the head; and the last offset that is done with.
fn read(feed: &Remote, mut behind: i64, records_max: usize) -> Result<(Vec<String>, i64), FeedError> {
    let (head, mut values) = (feed.head()?, Vec::new());
    while behind < head.last(0) {
        let portion = feed.read_on(0, behind, records_max)?;
        assert!(portion.records.len() <= records_max);
        assert!(
            portion.last > behind,
            "{portion:?} does not go on behind {behind}"
        );
        behind = portion.last;
        let text = |value: Option<bytes::Bytes>| String::from_utf8(value.unwrap().to_vec()).unwrap();
        values.extend(portion.records.into_iter().map(|record| text(record.value)));
    }
    let more = feed.read_on(0, behind, records_max)?;
    assert!(more.records.is_empty(), "behind the head there is {more:?}");
    Ok((values, behind))
}

async fn check(running: &Running, values: &[&str], last: i64) {
    let (addr, values) = (
        running.addr.clone(),
        values.iter().map(|value| (*value).to_owned()),
    );
    let values: Vec<String> = values.collect();
    blocking(move || {
        let feed = Remote::connect(&addr, "a").unwrap();
        for records_max in [1, 2, 3, 100] {
            assert_eq!(read(&feed, -1, records_max).unwrap(), (values.clone(), last));
        }
    })
    .await;
}

async fn transaction(running: &Running, value: &str, committed: bool) {
    let who = producer(running).await;
    assert_eq!(add(running, &who, "a").await, ErrorCode::None);
    assert_eq!(write(running, &who, 0, "a", value).await, ErrorCode::None);
    assert_eq!(end(running, &who, committed).await, ErrorCode::None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_committed_is_given_once_and_what_is_gone_is_said() {
    let running = start().await;
    create(&running, "a").await;
    check(&running, &[], -1).await;
    let mut client = running.client().await;
    assert_eq!(
        produce(&mut client, "a", batch(None, &["one", "two", "three"]))
            .await
            .error_code,
        0
    );
    check(&running, &["one", "two", "three"], 2).await;
    // A record and its marker each.
    transaction(&running, "aborted", false).await;
    transaction(&running, "committed", true).await;
    assert_eq!(
        produce(&mut client, "a", batch(None, &["four"])).await.error_code,
        0
    );
    let addr = running.addr.clone();
    blocking(move || {
        // Markers are written after a transaction's end was promised.
        let (feed, until) = (Remote::connect(&addr, "a").unwrap(), Duration::from_secs(30));
        let mut head = feed.head().unwrap();
        while head.last(0) < 7 {
            head = feed.wait(&head, until).unwrap();
        }
    })
    .await;
    check(&running, &["one", "two", "three", "committed", "four"], 7).await;

    let who = producer(&running).await;
    assert_eq!(add(&running, &who, "a").await, ErrorCode::None);
    assert_eq!(write(&running, &who, 0, "a", "open").await, ErrorCode::None);
    assert_eq!(
        produce(&mut client, "a", batch(None, &["behind"]))
            .await
            .error_code,
        0
    );
    check(&running, &["one", "two", "three", "committed", "four"], 7).await;

    assert_eq!(delete(&running, "a", 0, 2).await, (2, ErrorCode::None));
    let addr = running.addr.clone();
    blocking(move || {
        let feed = Remote::connect(&addr, "a").unwrap();
        let gone = read(&feed, -1, 10).unwrap_err();
        assert!(
            matches!(
                gone,
                FeedError::Gone {
                    from: 0,
                    start: 2,
                    ..
                }
            ),
            "{gone}"
        );
        let (values, last) = read(&feed, 1, 10).unwrap();
        assert_eq!(
            (values, last),
            (vec!["three".into(), "committed".into(), "four".into()], 7)
        );
    })
    .await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_waits_is_woken_by_what_comes() {
    let running = start().await;
    create(&running, "a").await;
    let addr = running.addr.clone();
    let (feed, nothing) = blocking(move || {
        let feed = Remote::connect(&addr, "a").unwrap();
        let nothing = feed.head().unwrap();
        (feed, nothing)
    })
    .await;
    assert_eq!(nothing, Cut::from_iter([(0, -1)]));
    let waiting = tokio::spawn(blocking(move || {
        let mut head = nothing.clone();
        // It may come back early.
        while head == nothing {
            head = feed.wait(&nothing, Duration::from_secs(600)).unwrap();
        }
        head
    }));
    let mut client = running.client().await;
    assert_eq!(
        produce(&mut client, "a", batch(None, &["one"])).await.error_code,
        0
    );
    assert_eq!(waiting.await.unwrap().last(0), 0);
    running.stop().await;
}
