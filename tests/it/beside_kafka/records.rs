//! Records: produced, fetched with and without sessions, found by time and by epoch, and deleted.

use annals_kafka_wire::api_key::ApiKey;
use annals_kafka_wire::batch::{BatchBuilder, Compression};
use annals_kafka_wire::message::delete_records::{
    DeleteRecordsPartition, DeleteRecordsRequest, DeleteRecordsTopic,
};
use annals_kafka_wire::message::describe_producers::{self, DescribeProducersRequest};
use annals_kafka_wire::message::fetch::{FetchPartition, FetchRequest, FetchTopic, ForgottenTopic};
use annals_kafka_wire::message::init_producer_id::InitProducerIdRequest;
use annals_kafka_wire::message::list_offsets::{ListOffsetsPartition, ListOffsetsRequest, ListOffsetsTopic};
use annals_kafka_wire::message::offset_for_leader_epoch::{
    OffsetForLeaderEpochRequest, OffsetForLeaderPartition, OffsetForLeaderTopic,
};
use annals_kafka_wire::message::produce::{PartitionProduceData, ProduceRequest, TopicProduceData};
use bytes::Bytes;

use super::both::Both;
use super::side::Names;
use super::topics::{make, rest};

/// When the first record was made: not long ago, as a broker takes no time that lies ahead, and the same in both.
pub(crate) const MADE_MS: i64 = 1_700_000_000_000;

pub(crate) fn script(both: &mut Both) {
    let (topic, none) = (both.name("t"), both.name("none"));
    // The records are old, and must not go while they are asked for.
    make(both, &topic, 2, &[("retention.ms", "-1")]);
    producing(both, &topic, &none);
    fetching(both, &topic, &none);
    sessions(both, &topic, &none);
    finding(both, &topic, &none);
    epochs(both, &topic, &none);
    deleting(both, &topic, &none);
}

/// A batch of as many records, a second apart from `MADE_MS` on.
pub(crate) fn batch(builder: BatchBuilder, from: i64, count: i64) -> Bytes {
    let mut builder = builder;
    for number in from..from + count {
        let (key, value) = (format!("k{number}"), format!("v{number}"));
        builder.push(
            MADE_MS + number * 1000,
            Some(key.as_bytes()),
            Some(value.as_bytes()),
            &[("h", b"x")],
        );
    }
    builder.build()
}

/// Batches for partitions of a topic.
pub(crate) fn produce(
    names: &Names,
    topic: &str,
    acks: i16,
    batches: &[(i32, Option<Bytes>)],
) -> ProduceRequest {
    let partition = |(index, records): &(i32, Option<Bytes>)| PartitionProduceData {
        index: *index,
        records: records.clone(),
    };
    ProduceRequest {
        acks,
        timeout_ms: 30_000,
        topic_data: vec![TopicProduceData {
            name: topic.to_owned(),
            topic_id: names.topic(topic),
            partition_data: batches.iter().map(partition).collect(),
        }],
        ..rest()
    }
}

/// A batch whose bytes from a place on are others, under a checksum that is not made anew.
fn bent(batch: &Bytes, at: usize, bytes: &[u8]) -> Bytes {
    let mut bent = batch.to_vec();
    bent[at..at + bytes.len()].copy_from_slice(bytes);
    bent.into()
}

fn producing(both: &mut Both, topic: &str, none: &str) {
    let plain = |from, count| batch(BatchBuilder::new(), from, count);
    let one = |names: &Names, records| produce(names, topic, -1, &[(0, Some(records))]);
    both.ask("produce", |names| one(names, plain(0, 3)));
    both.ask("produce to two partitions", |names| {
        produce(names, topic, 1, &[(0, Some(plain(3, 2))), (1, Some(plain(0, 1)))])
    });
    for codec in [
        Compression::Gzip,
        Compression::Snappy,
        Compression::Lz4,
        Compression::Zstd,
    ] {
        both.ask(&format!("produce {codec:?}"), |names| {
            one(names, batch(BatchBuilder::new().compression(codec), 5, 2))
        });
    }
    both.ask("produce to an unknown partition", |names| {
        produce(
            names,
            topic,
            -1,
            &[(9, Some(plain(0, 1))), (-1, Some(plain(0, 1)))],
        )
    });
    both.ask("produce to an unknown topic", |names| {
        produce(names, none, -1, &[(0, Some(plain(0, 1)))])
    });
    for bad in ["", "a/b", "__consumer_offsets", "__cluster_metadata"] {
        both.ask(&format!("produce to {bad}"), |names| {
            produce(names, bad, -1, &[(0, Some(plain(0, 1)))])
        });
    }
    for acks in [2, -2] {
        both.ask(&format!("produce with acks={acks}"), |names| {
            produce(names, topic, acks, &[(0, Some(plain(0, 1)))])
        });
    }
    both.ask("produce nothing", |_| ProduceRequest { acks: -1, ..rest() });
    both.ask("produce to no partition", |names| produce(names, topic, -1, &[]));
    both.ask("produce no bytes", |names| one(names, Bytes::new()));
    both.ask("produce no record", |names| {
        one(names, batch(BatchBuilder::new(), 0, 0))
    });
    both.ask("produce two batches", |names| {
        one(names, [plain(0, 1), plain(1, 1)].concat().into())
    });
    both.ask("produce a batch that ends early", |names| {
        one(names, plain(0, 1).slice(..50))
    });
    both.ask("produce a wrong checksum", |names| {
        one(names, bent(&plain(0, 1), 17, &[1, 2, 3, 4]))
    });
    both.ask("produce an unknown magic", |names| {
        one(names, bent(&plain(0, 1), 16, &[3]))
    });
    both.ask("produce magic 1", |names| {
        one(names, bent(&plain(0, 1), 16, &[1]))
    });
    both.ask("produce a wrong length", |names| {
        one(names, bent(&plain(0, 1), 8, &[0, 0, 0, 1]))
    });
    both.ask("produce another offset", |names| {
        one(names, bent(&plain(0, 1), 0, &[0, 0, 0, 0, 0, 0, 0, 9]))
    });
    both.ask("produce a control batch", |names| {
        one(names, batch(BatchBuilder::new().control(), 0, 1))
    });
    both.ask("produce a transactional batch of nobody", |names| {
        one(names, batch(BatchBuilder::new().transactional(), 0, 1))
    });
    both.ask("produce what is too large", |names| {
        let mut builder = BatchBuilder::new();
        builder.push(MADE_MS, None, Some(&vec![b'x'; 1_100_000]), &[]);
        one(names, builder.build())
    });
    both.ask("produce what is still to come", |names| {
        let mut builder = BatchBuilder::new();
        builder.push(MADE_MS * 3, None, Some(b"v"), &[]);
        one(names, builder.build())
    });
    both.ask("produce without a time", |names| {
        let mut builder = BatchBuilder::new();
        builder.push(-1, None, Some(b"v"), &[]);
        one(names, builder.build())
    });
    idempotent(both, topic);
    compacted(both);
}

fn idempotent(both: &mut Both, topic: &str) {
    let init = |id: Option<&str>, timeout| InitProducerIdRequest {
        transactional_id: id.map(str::to_owned),
        transaction_timeout_ms: timeout,
        ..rest()
    };
    let made = both.ask("an idempotent producer", |_| init(None, 60_000));
    both.name_numbers("p", &made, |answer| answer.producer_id);
    for timeout in [0, -1, i32::MAX] {
        both.ask(&format!("a producer with {timeout} ms"), |_| init(None, timeout));
    }
    both.ask("a producer that says who it was", |names| InitProducerIdRequest {
        producer_id: names.number("p"),
        producer_epoch: 0,
        ..init(None, 60_000)
    });
    let steps: &[(&str, i16, i32, i64)] = &[
        ("first", 0, 0, 2),
        ("second", 0, 2, 1),
        ("second again", 0, 2, 1),
        ("first again", 0, 0, 2),
        ("behind a gap", 0, 9, 1),
        ("of an older epoch", -1, 0, 1),
        ("of a later epoch, not from 0", 1, 5, 1),
        ("of a later epoch", 1, 0, 1),
        ("of the epoch before", 0, 3, 1),
        ("below 0", 1, -1, 1),
    ];
    for (what, epoch, sequence, count) in steps {
        both.ask(&format!("produce idempotently, {what}"), |names| {
            let builder = BatchBuilder::new().producer(names.number("p"), *epoch, *sequence);
            produce(names, topic, -1, &[(1, Some(batch(builder, 10, *count)))])
        });
    }
    both.ask("produce idempotently, of nobody, not from 0", |names| {
        let builder = BatchBuilder::new().producer(987_654, 0, 5);
        produce(names, topic, -1, &[(1, Some(batch(builder, 20, 1)))])
    });
    let producers = |topic: &str, partitions: &[i32]| DescribeProducersRequest {
        topics: vec![describe_producers::TopicRequest {
            name: topic.to_owned(),
            partition_indexes: partitions.to_vec(),
        }],
    };
    both.ask("producers", |_| producers(topic, &[0, 1]));
    both.ask("producers of an unknown partition", |_| {
        producers(topic, &[9, -1])
    });
    both.ask("producers of an unknown topic", |_| producers("none", &[0]));
    both.ask("producers of nothing", |_| DescribeProducersRequest::default());
}

fn compacted(both: &mut Both) {
    let topic = both.name("compacted");
    make(
        both,
        &topic,
        1,
        &[
            ("cleanup.policy", "compact"),
            ("message.timestamp.type", "LogAppendTime"),
        ],
    );
    let send = |both: &mut Both, what: &str, records: &[Option<&[u8]>]| {
        both.ask(what, |names| {
            let mut builder = BatchBuilder::new();
            for key in records {
                builder.push(MADE_MS, *key, Some(b"v"), &[]);
            }
            produce(names, &topic, -1, &[(0, Some(builder.build()))])
        });
    };
    send(both, "produce keys", &[Some(b"a"), Some(b"b")]);
    send(
        both,
        "produce without a key to a compacted topic",
        &[Some(b"a"), None, None],
    );
}

/// A fetch of partitions, each from an offset, that waits for nothing.
pub(crate) fn fetch(names: &Names, topic: &str, from: &[(i32, i64)]) -> FetchRequest {
    let partition = |(partition, fetch_offset): &(i32, i64)| FetchPartition {
        partition: *partition,
        fetch_offset: *fetch_offset,
        partition_max_bytes: 1 << 20,
        ..rest()
    };
    FetchRequest {
        max_bytes: 50 << 20,
        topics: vec![FetchTopic {
            topic: topic.to_owned(),
            topic_id: names.topic(topic),
            partitions: from.iter().map(partition).collect(),
        }],
        ..rest()
    }
}

fn fetching(both: &mut Both, topic: &str, none: &str) {
    both.ask("fetch", |names| fetch(names, topic, &[(0, 0), (1, 0)]));
    for offset in [1, 3, 4, 100, -1, i64::MAX] {
        both.ask(&format!("fetch from {offset}"), |names| {
            fetch(names, topic, &[(0, offset)])
        });
    }
    both.ask("fetch what is committed", |names| FetchRequest {
        isolation_level: 1,
        ..fetch(names, topic, &[(0, 0), (1, 0)])
    });
    both.ask("fetch at a level that is none", |names| FetchRequest {
        isolation_level: 7,
        ..fetch(names, topic, &[(0, 0)])
    });
    both.ask("fetch an unknown partition", |names| {
        fetch(names, topic, &[(9, 0), (-1, 0), (0, 0)])
    });
    both.ask("fetch an unknown topic", |names| fetch(names, none, &[(0, 0)]));
    for bad in ["", "a/b"] {
        both.ask(&format!("fetch of {bad}"), |names| fetch(names, bad, &[(0, 0)]));
    }
    both.ask("fetch one partition twice", |names| {
        fetch(names, topic, &[(0, 0), (0, 3)])
    });
    both.ask("fetch nothing", |_| FetchRequest {
        max_bytes: 1 << 20,
        ..rest()
    });
    both.ask("fetch no partition", |names| fetch(names, topic, &[]));
    for bytes in [0, 1, 150, -1] {
        both.ask(&format!("fetch {bytes} bytes"), |names| FetchRequest {
            max_bytes: bytes,
            ..fetch(names, topic, &[(0, 0), (1, 0)])
        });
        both.ask(&format!("fetch {bytes} bytes a partition"), |names| {
            let mut request = fetch(names, topic, &[(0, 0), (1, 0)]);
            for partition in &mut request.topics[0].partitions {
                partition.partition_max_bytes = bytes;
            }
            request
        });
    }
    for (what, current, last) in [
        ("its epoch", 0, -1),
        ("a later epoch", 5, -1),
        ("an epoch below none", -2, -1),
        ("records of its epoch", 0, 0),
        ("records of a later epoch", -1, 3),
    ] {
        both.ask(&format!("fetch with {what}"), |names| {
            let mut request = fetch(names, topic, &[(0, 2)]);
            request.topics[0].partitions[0].current_leader_epoch = current;
            request.topics[0].partitions[0].last_fetched_epoch = last;
            request
        });
    }
    both.ask("fetch behind the end with records of its epoch", |names| {
        let mut request = fetch(names, topic, &[(0, 1000)]);
        request.topics[0].partitions[0].last_fetched_epoch = 0;
        request
    });
    both.ask("fetch more than there is, for a moment", |names| FetchRequest {
        max_wait_ms: 20,
        min_bytes: 1 << 30,
        ..fetch(names, topic, &[(0, 0)])
    });
    both.ask("fetch from the end, for a moment", |names| FetchRequest {
        max_wait_ms: 20,
        min_bytes: 1,
        ..fetch(names, topic, &[(1, 1)])
    });
}

fn sessions(both: &mut Both, topic: &str, none: &str) {
    let session = |names: &Names, id: &str, epoch, from: &[(i32, i64)]| FetchRequest {
        session_id: if id.is_empty() {
            0
        } else {
            i32::try_from(names.number(id)).unwrap()
        },
        session_epoch: epoch,
        topics: if from.is_empty() {
            Vec::new()
        } else {
            fetch(names, topic, from).topics
        },
        ..fetch(names, topic, &[])
    };
    if both.version_of(ApiKey::Fetch) < 7 {
        return;
    }
    let begun = both.ask("a session", |names| session(names, "", 0, &[(0, 0), (1, 0)]));
    both.name_numbers("s", &begun, |answer| answer.session_id.into());
    both.ask("a session, what is new", |names| session(names, "s", 1, &[]));
    both.ask("a session, of another offset", |names| {
        session(names, "s", 2, &[(0, 13)])
    });
    both.ask("a session, an epoch again", |names| session(names, "s", 2, &[]));
    both.ask("a session, an epoch ahead", |names| session(names, "s", 9, &[]));
    both.ask("a session, with a partition that is not there", |names| {
        session(names, "s", 3, &[(9, 0)])
    });
    both.ask("a session, of a partition that is not there", |names| {
        session(names, "s", 4, &[])
    });
    both.ask("a session, one forgotten", |names| FetchRequest {
        forgotten_topics_data: vec![ForgottenTopic {
            topic: topic.to_owned(),
            topic_id: names.topic(topic),
            partitions: vec![9, 0],
        }],
        ..session(names, "s", 5, &[])
    });
    both.ask("a session, an unknown topic", |names| FetchRequest {
        topics: fetch(names, none, &[(0, 0)]).topics,
        ..session(names, "s", 6, &[])
    });
    both.ask("a session closed", |names| session(names, "s", -1, &[(1, 0)]));
    both.ask("a session that is closed", |names| session(names, "s", 7, &[]));
    both.ask("a session of nothing", |names| session(names, "", 0, &[]));
    both.ask("no session, a later epoch", |names| {
        session(names, "", 4, &[(0, 0)])
    });
    both.ask("an unknown session", |_| FetchRequest {
        session_id: 77,
        session_epoch: 1,
        max_bytes: 1000,
        ..rest()
    });
}

/// What is asked of partitions: each with a time and an epoch.
fn list(topic: &str, partitions: &[(i32, i64, i32)]) -> ListOffsetsRequest {
    let partition =
        |(partition_index, timestamp, current_leader_epoch): &(i32, i64, i32)| ListOffsetsPartition {
            partition_index: *partition_index,
            timestamp: *timestamp,
            current_leader_epoch: *current_leader_epoch,
        };
    ListOffsetsRequest {
        replica_id: -1,
        topics: vec![ListOffsetsTopic {
            name: topic.to_owned(),
            partitions: partitions.iter().map(partition).collect(),
        }],
        ..rest()
    }
}

fn finding(both: &mut Both, topic: &str, none: &str) {
    for time in [
        -1,
        -2,
        -3,
        -4,
        -5,
        -6,
        -7,
        0,
        1,
        MADE_MS,
        MADE_MS + 1,
        MADE_MS + 4000,
        MADE_MS + 1_000_000,
        i64::MAX,
    ] {
        let what = if time < MADE_MS {
            time.to_string()
        } else {
            format!("the first and {}", time - MADE_MS)
        };
        both.ask(&format!("offset at {what}"), |_| {
            list(topic, &[(0, time, -1), (1, time, -1)])
        });
        both.ask(&format!("committed offset at {what}"), |_| ListOffsetsRequest {
            isolation_level: 1,
            ..list(topic, &[(0, time, -1)])
        });
    }
    for epoch in [0, 5, -2] {
        both.ask(&format!("offset in epoch {epoch}"), |_| {
            list(topic, &[(0, -1, epoch)])
        });
    }
    both.ask("offsets of unknown partitions", |_| {
        list(topic, &[(9, -1, -1), (-1, -1, -1), (0, -1, -1)])
    });
    both.ask("offsets of an unknown topic", |_| list(none, &[(0, -1, -1)]));
    both.ask("offsets of a topic that cannot be", |_| {
        list("a/b", &[(0, -1, -1)])
    });
    both.ask("offsets of one partition twice", |_| {
        list(topic, &[(0, -1, -1), (0, -2, -1)])
    });
    both.ask("offsets at a level that is none", |_| ListOffsetsRequest {
        isolation_level: 7,
        ..list(topic, &[(0, -1, -1)])
    });
    for replica_id in [-2, 0, 7] {
        both.ask(&format!("offsets for replica {replica_id}"), |_| {
            ListOffsetsRequest {
                replica_id,
                ..list(topic, &[(0, -1, -1)])
            }
        });
    }
    both.ask("offsets of nothing", |_| ListOffsetsRequest {
        replica_id: -1,
        ..rest()
    });
}

fn epochs(both: &mut Both, topic: &str, none: &str) {
    let of = |topic: &str, partitions: &[(i32, i32, i32)]| OffsetForLeaderEpochRequest {
        replica_id: -1,
        topics: vec![OffsetForLeaderTopic {
            topic: topic.to_owned(),
            partitions: partitions
                .iter()
                .map(
                    |(partition, current_leader_epoch, leader_epoch)| OffsetForLeaderPartition {
                        partition: *partition,
                        current_leader_epoch: *current_leader_epoch,
                        leader_epoch: *leader_epoch,
                    },
                )
                .collect(),
        }],
    };
    for (current, epoch) in [(-1, 0), (0, 0), (-1, 5), (5, 0), (-1, -1), (-2, 0), (-1, -2)] {
        both.ask(&format!("end of epoch {epoch}, in {current}"), |_| {
            of(topic, &[(0, current, epoch)])
        });
    }
    both.ask("ends of unknown partitions", |_| {
        of(topic, &[(9, -1, 0), (-1, -1, 0)])
    });
    both.ask("ends of an unknown topic", |_| of(none, &[(0, -1, 0)]));
    both.ask("ends of nothing", |_| OffsetForLeaderEpochRequest::default());
}

fn deleting(both: &mut Both, topic: &str, none: &str) {
    let before = |topic: &str, partitions: &[(i32, i64)]| DeleteRecordsRequest {
        topics: vec![DeleteRecordsTopic {
            name: topic.to_owned(),
            partitions: partitions
                .iter()
                .map(|(partition_index, offset)| DeleteRecordsPartition {
                    partition_index: *partition_index,
                    offset: *offset,
                })
                .collect(),
        }],
        timeout_ms: 30_000,
    };
    for offset in [2, 1, 0, 4, 1000, -2, -1] {
        both.ask(&format!("delete before {offset}"), |_| {
            before(topic, &[(0, offset)])
        });
        both.ask(&format!("fetch deleted before {offset}"), |names| {
            fetch(names, topic, &[(0, 0)])
        });
        both.ask(&format!("first offset, deleted before {offset}"), |_| {
            list(topic, &[(0, -2, -1)])
        });
    }
    both.ask("produce behind what was deleted", |names| {
        produce(names, topic, -1, &[(0, Some(batch(BatchBuilder::new(), 30, 1)))])
    });
    both.ask("delete in unknown partitions", |_| {
        before(topic, &[(9, 0), (-1, 0)])
    });
    both.ask("delete in an unknown topic", |_| before(none, &[(0, 0)]));
    both.ask("delete in the broker's own topic", |_| {
        before("__cluster_metadata", &[(0, 0)])
    });
    both.ask("delete nothing", |_| DeleteRecordsRequest::default());
    let compacted = both.name("compacted");
    both.ask("delete in a compacted topic", |_| before(&compacted, &[(0, 1)]));
}
