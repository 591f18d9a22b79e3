//! Brokers to test against, and requests to test them with.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::sync::Arc;

use annals_broker::{
    Advertised, Broker, BrokerConfig, Caller, CannotJudge, Guard, GuardSetting, OpenGate, Refusal, Standing,
    Topic,
};
use annals_kafka_client::{Client, NewRecord};
use annals_kafka_wire::batch::{BatchBuilder, Record};
use annals_kafka_wire::frame::{decode_response, encode_request};
use annals_kafka_wire::message::Request;
use annals_kafka_wire::message::produce::{
    PartitionProduceData, PartitionProduceResponse, ProduceRequest, TopicProduceData,
};
use bytes::{Bytes, BytesMut};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// The time of the brokers' clock: tests have no business with the real one.
pub(crate) const NOW_MS: i64 = 1_800_000_000_000;

/// A broker that is being served.
pub(crate) struct Running {
    pub(crate) broker: Broker,
    pub(crate) addr: String,
    stop: oneshot::Sender<()>,
    serving: JoinHandle<()>,
    dir: Option<TempDir>,
}

pub(crate) fn test_config() -> BrokerConfig {
    BrokerConfig {
        clock: || NOW_MS,
        ..BrokerConfig::default()
    }
}

/// A broker in a fresh directory, letting everything in.
pub(crate) async fn start() -> Running {
    start_with(test_config(), Arc::new(OpenGate)).await
}

pub(crate) async fn start_with(config: BrokerConfig, guard: Arc<dyn Guard>) -> Running {
    let dir = tempfile::tempdir().unwrap();
    let mut running = start_in(dir.path(), config, guard).await;
    running.dir = Some(dir);
    running
}

pub(crate) async fn start_in(dir: &Path, config: BrokerConfig, guard: Arc<dyn Guard>) -> Running {
    let broker = Broker::open(dir, config, guard).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap().to_string();
    let (stop, stopped) = oneshot::channel::<()>();
    let served = broker.clone();
    let serving = tokio::spawn(async move {
        let shutdown = async { stopped.await.unwrap_or(()) };
        served
            .serve(listener, Advertised::default(), shutdown)
            .await
            .unwrap();
    });
    Running {
        broker,
        addr,
        stop,
        serving,
        dir: None,
    }
}

impl Running {
    pub(crate) async fn client(&self) -> Client {
        Client::connect(&self.addr).await.unwrap()
    }

    /// Stops serving and closes the data directory, which is kept if the caller owns it.
    pub(crate) async fn stop(self) {
        self.stop.send(()).unwrap();
        self.serving.await.unwrap();
        self.broker.close().unwrap();
    }

    /// A connection for bytes that no honest client sends. Blocking: use it within [`blocking`].
    pub(crate) fn raw(&self) -> TcpStream {
        TcpStream::connect(&self.addr).unwrap()
    }
}

/// Runs code that blocks on sockets, beside the broker.
pub(crate) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(work).await.unwrap()
}

/// Writes `bytes` and reads until the broker closes the connection.
pub(crate) fn answer_until_close(mut stream: TcpStream, bytes: &[u8]) -> Vec<u8> {
    let mut answer = Vec::new();
    // The broker may close before it has read everything; what it sent before that is what counts.
    let _ = stream.write_all(bytes);
    let _ = stream.read_to_end(&mut answer);
    answer
}

/// The next frame of a stream, without its length.
pub(crate) fn read_frame(stream: &mut TcpStream) -> Bytes {
    let mut size = [0; 4];
    stream.read_exact(&mut size).unwrap();
    let mut frame = BytesMut::zeroed(u32::from_be_bytes(size) as usize);
    stream.read_exact(&mut frame).unwrap();
    frame.freeze()
}

/// Sends one request in a version of the test's choice, and waits for its answer.
pub(crate) async fn ask<R: Request>(broker: &Running, version: i16, request: &R) -> R::Response {
    let frame = encode_request(request, version, 1, None).unwrap();
    let mut stream = broker.raw();
    let answer = blocking(move || {
        stream.write_all(&frame).unwrap();
        read_frame(&mut stream)
    })
    .await;
    decode_response::<R>(answer, version).unwrap().1
}

/// A guard that refuses values beginning with "bad", in topics that set `test.guard=on`, and cannot judge a batch that
/// begins with "later".
pub(crate) struct NoBadValues;

impl Guard for NoBadValues {
    fn admits(&self, topic: &Topic) -> bool {
        topic.config.get("test.guard").is_some_and(|mode| mode == "on")
    }

    fn judge(
        &self,
        _: &Topic,
        _: &Caller,
        records: &mut dyn Iterator<Item = Record>,
    ) -> Result<Vec<Refusal>, CannotJudge> {
        let bad = |record: &Record| {
            record
                .value
                .as_ref()
                .is_some_and(|value| value.starts_with(b"bad"))
        };
        let refusal = |record: Record| Refusal {
            index: record.index,
            code: "BAD_VALUE",
            sentence: format!("record {} is bad", record.index),
            schema_id: None,
            is_warning: record
                .value
                .as_ref()
                .is_some_and(|value| value.starts_with(b"bad but")),
        };
        let mut records = records.peekable();
        let first = records.peek().and_then(|first| first.value.as_ref());
        if first.is_some_and(|value| value.starts_with(b"later")) {
            return Err(CannotJudge("not now".to_owned()));
        }
        Ok(records.filter(bad).map(refusal).collect())
    }

    fn settings(&self) -> &'static [GuardSetting] {
        const ON_OR_OFF: fn(&str) -> Option<&'static str> =
            |value| ["on", "off"].into_iter().find(|word| *word == value.trim());
        const YES_OR_NO: fn(&str) -> Option<&'static str> = |value| match value {
            "yes" => Some("on"),
            "no" => Some("off"),
            _ => None,
        };
        const WORDS: fn(&str) -> Option<&'static str> = |value| {
            let lists = ["", "a", "b", "a,b", "b,a"];
            lists.into_iter().find(|list| *list == value)
        };
        const fn row(
            name: &'static str,
            standing: Standing,
            means: fn(&str) -> Option<&'static str>,
            wants: &'static str,
        ) -> GuardSetting {
            let meaning = "What the test's guard does.";
            GuardSetting {
                name,
                standing,
                means,
                wants,
                meaning,
            }
        }
        const fn own(default: &'static str, is_list: bool) -> Standing {
            Standing::Own { default, is_list }
        }
        const ROWS: &[GuardSetting] = &[
            row(
                "other.guard.on",
                Standing::NameOf("test.guard"),
                YES_OR_NO,
                "yes or no",
            ),
            row("test.guard", own("off", false), ON_OR_OFF, "on or off"),
            row("test.words", own("a", true), WORDS, "words of a and b"),
        ];
        ROWS
    }
}

/// One batch of these values, with the idempotent producer and sequence given.
pub(crate) fn batch(producer: Option<(i64, i16, i32)>, values: &[&str]) -> Bytes {
    let mut builder = BatchBuilder::new();
    if let Some((id, epoch, sequence)) = producer {
        builder = builder.producer(id, epoch, sequence);
    }
    for value in values {
        assert!(builder.push(NOW_MS, None, Some(value.as_bytes()), &[]));
    }
    builder.build()
}

/// A Produce of one batch to partition 0.
pub(crate) fn produce_request(topic: &str, acks: i16, records: Bytes) -> ProduceRequest {
    let data = PartitionProduceData {
        index: 0,
        records: Some(records),
    };
    ProduceRequest {
        acks,
        timeout_ms: 30_000,
        topic_data: vec![TopicProduceData {
            name: topic.to_owned(),
            partition_data: vec![data],
            ..TopicProduceData::default()
        }],
        ..ProduceRequest::default()
    }
}

/// Produces one batch to partition 0 with acks=all, and returns that partition's answer.
pub(crate) async fn produce(client: &mut Client, topic: &str, records: Bytes) -> PartitionProduceResponse {
    let response = client.call(&produce_request(topic, -1, records)).await.unwrap();
    response
        .responses
        .into_iter()
        .next()
        .unwrap()
        .partition_responses
        .remove(0)
}

/// The first `count` values of partition 0, waiting until there are as many.
pub(crate) async fn values(client: &mut Client, topic: &str, count: usize) -> Vec<String> {
    let mut values = Vec::new();
    while values.len() < count {
        let offset = i64::try_from(values.len()).unwrap();
        let fetched = client
            .fetch(topic, 0, offset, std::time::Duration::from_secs(30))
            .await
            .unwrap();
        let text = |record: Record| String::from_utf8(record.value.unwrap().to_vec()).unwrap();
        values.extend(fetched.records.into_iter().map(text));
    }
    values
}

pub(crate) fn record(value: &str) -> NewRecord {
    NewRecord {
        value: Some(Bytes::copy_from_slice(value.as_bytes())),
        timestamp_ms: NOW_MS,
        ..NewRecord::default()
    }
}
