//! Requests that wait for room: never for each other, and never in others' way.

use std::sync::atomic::{AtomicUsize, Ordering};

use annals_kafka_wire::batch::BatchBuilder;
use annals_kafka_wire::frame::encode_request;
use annals_kafka_wire::message;
use annals_kafka_wire::message::api_versions::ApiVersionsRequest;
use annals_kafka_wire::message::create_topics::{CreatableTopic, CreateTopicsRequest};
use annals_kafka_wire::message::list_offsets::{ListOffsetsPartition, ListOffsetsRequest, ListOffsetsTopic};
use annals_kafka_wire::message::metadata::MetadataRequest;
use annals_kafka_wire::message::produce::{PartitionProduceData, ProduceRequest, TopicProduceData};
use bytes::Buf;
use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;
use tokio::sync::watch;

use super::*;
use crate::net::Advertised;
use crate::table::Caller;
use crate::topics::NewTopic;
use crate::{Broker, BrokerConfig, OpenGate};

const MIB: usize = 1024 * 1024;
/// What nothing here takes, unless it never comes.
const NEVER: Duration = Duration::from_secs(60);

/// A broker with room for a MiB of requests, and a topic "events"; it serves until what stops it is dropped.
async fn open(dir: &std::path::Path, config: BrokerConfig) -> (Context, watch::Sender<bool>) {
    let config = BrokerConfig {
        requests_in_flight_bytes_max: MIB,
        ..config
    };
    let broker = Broker::open(dir, config, Arc::new(OpenGate)).unwrap();
    let shared = Arc::clone(&broker.shared);
    let created = tokio::task::spawn_blocking(move || {
        let new = NewTopic {
            name: "events".to_owned(),
            partitions: 64,
            config: std::collections::BTreeMap::new(),
        };
        broker.shared.create_topic(&new).unwrap();
    });
    created.await.unwrap();
    let (stop, stopping) = watch::channel(false);
    let context = Context {
        shared,
        advertised: Arc::new(Advertised::default()),
        appended: Arc::default(),
        held: Arc::default(),
        stop: stopping,
        caller: Caller {
            client_id: None,
            peer: ([127, 0, 0, 1], 0).into(),
        },
    };
    (context, stop)
}

/// A request that has been read, with its room.
async fn frame_of<R: message::Request>(context: &Context, request: &R, version: i16) -> Frame {
    let mut bytes = encode_request(request, version, 1, None).unwrap();
    bytes.advance(4);
    let room = context.shared.request_bytes.take(bytes.len()).await;
    let at = Instant::now();
    Frame { bytes, room, at }
}

/// One good batch, and so many partitions without any that their answers weigh more than there is room for.
fn produce_of_many() -> ProduceRequest {
    let mut batch = BatchBuilder::new();
    assert!(batch.push(1, None, Some(&vec![7; MIB / 4]), &[]));
    let empty = (1..10_000).map(|index| PartitionProduceData { index, records: None });
    let good = PartitionProduceData {
        index: 0,
        records: Some(batch.build()),
    };
    ProduceRequest {
        acks: -1,
        timeout_ms: 30_000,
        topic_data: vec![TopicProduceData {
            name: "events".to_owned(),
            partition_data: std::iter::once(good).chain(empty).collect(),
            ..TopicProduceData::default()
        }],
        ..ProduceRequest::default()
    }
}

#[tokio::test]
async fn appends_whose_answers_need_more_room_than_there_is_do_not_wait_for_each_other() {
    let dir = tempfile::tempdir().unwrap();
    let (context, _stop) = open(dir.path(), BrokerConfig::default()).await;
    // Both have been read, and hold their frames' room.
    let first = frame_of(&context, &produce_of_many(), 3).await;
    let second = frame_of(&context, &produce_of_many(), 3).await;
    let answered = AtomicUsize::new(0);
    let appended = async |frame| {
        let Handled { answer, held, .. } = append(&context, frame, None).await.unwrap().unwrap();
        if let Answering::Later(frame) = answer {
            frame.await.unwrap();
            answered.fetch_add(1, Ordering::Relaxed);
        }
        drop(held);
    };
    let both = async { tokio::join!(appended(first), appended(second)) };
    tokio::time::timeout(NEVER, both).await.unwrap();
    assert_eq!(answered.into_inner(), 2);
    for budget in [&context.shared.request_bytes, &context.shared.surplus_bytes] {
        assert_eq!(budget.free_bytes(), MIB);
    }
}

/// A connection to a broker that serves it.
async fn connect(context: &Context) -> TcpStream {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (client, accepted) = tokio::join!(TcpStream::connect(address), listener.accept());
    let (served, context) = (accepted.unwrap().0, context.clone());
    tokio::spawn(async move {
        let context = Context {
            appended: Arc::default(),
            ..context
        };
        let _ = serve(served, context).await;
    });
    client.unwrap()
}

async fn send<R: message::Request>(client: &mut TcpStream, request: &R, version: i16) {
    let frame = encode_request(request, version, 1, None).unwrap();
    client.write_all(&frame).await.unwrap();
}

/// Reads an answer; its bytes without the length.
async fn receive(client: &mut TcpStream) -> Vec<u8> {
    let receiving = async {
        let mut frame = vec![0; client.read_u32().await.unwrap() as usize];
        client.read_exact(&mut frame).await.unwrap();
        frame
    };
    tokio::time::timeout(NEVER, receiving).await.unwrap()
}

async fn until(is_so: impl Fn() -> bool) {
    let waiting = async {
        while !is_so() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(NEVER, waiting).await.unwrap();
}

/// Asks for the metadata of all topics, whose answer takes room.
async fn ask_for_all(context: &Context) -> TcpStream {
    let mut client = connect(context).await;
    let all = MetadataRequest {
        topics: None,
        ..MetadataRequest::default()
    };
    send(&mut client, &all, 9).await;
    client
}

#[tokio::test]
async fn who_waits_for_room_for_an_answer_keeps_nobody_from_being_answered() {
    const WAITING: usize = 40;
    let dir = tempfile::tempdir().unwrap();
    let (context, _stop) = open(dir.path(), BrokerConfig::default()).await;
    // As if all of it were being written to clients that do not read.
    let all = context.shared.answer_bytes.take(usize::MAX).await;
    let mut waiting = Vec::new();
    for _ in 0..WAITING {
        waiting.push(ask_for_all(&context).await);
    }
    until(|| context.shared.answer_bytes.waiting() >= WAITING.min(16)).await;
    let mut client = connect(&context).await;
    send(&mut client, &ApiVersionsRequest::default(), 0).await;
    receive(&mut client).await;
    drop(all);
    for client in &mut waiting {
        assert!(receive(client).await.len() > 1024);
    }
}

#[tokio::test]
async fn questions_that_need_more_room_than_their_frames_are_answered_in_the_end() {
    let dir = tempfile::tempdir().unwrap();
    let (context, _stop) = open(dir.path(), BrokerConfig::default()).await;
    let asked = |partition_index| ListOffsetsPartition {
        partition_index,
        timestamp: -1,
        ..ListOffsetsPartition::default()
    };
    let latest = ListOffsetsRequest {
        topics: vec![ListOffsetsTopic {
            name: "events".to_owned(),
            partitions: (0..10_000).map(asked).collect(),
        }],
        ..ListOffsetsRequest::default()
    };
    // Somebody's request takes what there is beside the frames.
    let surplus = context.shared.surplus_bytes.take(usize::MAX).await;
    let mut asking = Vec::new();
    for _ in 0..3 {
        let mut client = connect(&context).await;
        send(&mut client, &latest, 1).await;
        asking.push(client);
    }
    until(|| context.shared.surplus_bytes.waiting() == asking.len()).await;
    // Who needs none of it is answered beside them.
    let mut client = connect(&context).await;
    send(&mut client, &ApiVersionsRequest::default(), 0).await;
    receive(&mut client).await;
    drop(surplus);
    for client in &mut asking {
        assert!(receive(client).await.len() > 10_000);
    }
}

#[tokio::test]
async fn a_change_holds_its_requests_room_until_it_is_made() {
    let dir = tempfile::tempdir().unwrap();
    let impatient = BrokerConfig {
        change_wait_max: Duration::ZERO,
        ..BrokerConfig::default()
    };
    let (context, _stop) = open(dir.path(), impatient).await;
    let budget = &context.shared.request_bytes;
    let turns = &context.shared.topic_turns;
    let busy = turns
        .acquire_many(u32::try_from(turns.available_permits()).unwrap())
        .await
        .unwrap();
    let create = CreateTopicsRequest {
        topics: vec![CreatableTopic {
            name: "late".to_owned(),
            num_partitions: 1,
            replication_factor: 1,
            ..CreatableTopic::default()
        }],
        ..CreateTopicsRequest::default()
    };
    let mut client = connect(&context).await;
    for _ in 0..3 {
        // Told that it may still come.
        send(&mut client, &create, 5).await;
        receive(&mut client).await;
    }
    drop(client);
    // All three, though nobody waits for them.
    until(|| budget.free_bytes() == MIB - 3 * 1024).await;
    drop(busy);
    until(|| budget.free_bytes() == MIB).await;
}
