//! Transactions: begun, added to, committed and aborted, with the offsets of a group; and who must not go on.

use annals_kafka_wire::api_key::ApiKey;
use annals_kafka_wire::batch::BatchBuilder;
use annals_kafka_wire::message::add_offsets_to_txn::AddOffsetsToTxnRequest;
use annals_kafka_wire::message::add_partitions_to_txn::{AddPartitionsToTxnRequest, AddPartitionsToTxnTopic};
use annals_kafka_wire::message::describe_producers::{self, DescribeProducersRequest};
use annals_kafka_wire::message::describe_transactions::DescribeTransactionsRequest;
use annals_kafka_wire::message::end_txn::EndTxnRequest;
use annals_kafka_wire::message::fetch::FetchRequest;
use annals_kafka_wire::message::init_producer_id::InitProducerIdRequest;
use annals_kafka_wire::message::list_offsets::{ListOffsetsPartition, ListOffsetsRequest, ListOffsetsTopic};
use annals_kafka_wire::message::list_transactions::ListTransactionsRequest;
use annals_kafka_wire::message::offset_fetch::OffsetFetchRequest;
use annals_kafka_wire::message::produce::ProduceRequest;
use annals_kafka_wire::message::txn_offset_commit::{
    TxnOffsetCommitRequest, TxnOffsetCommitRequestPartition, TxnOffsetCommitRequestTopic,
};

use super::both::Both;
use super::offsets::committed;
use super::records::{batch, fetch, produce};
use super::side::Names;
use super::topics::{make, rest};

pub(crate) fn script(both: &mut Both) {
    let (topic, id) = (both.name("t"), both.name("x"));
    make(both, &topic, 2, &[("retention.ms", "-1")]);
    beginning(both, &id);
    committing(both, &topic, &id);
    offsets(both, &topic, &id);
    aborting(both, &topic, &id);
    refused(both, &topic, &id);
    listing(both, &id);
    fencing(both, &topic, &id);
}

fn init(id: Option<&str>, transaction_timeout_ms: i32) -> InitProducerIdRequest {
    InitProducerIdRequest {
        transactional_id: id.map(str::to_owned),
        transaction_timeout_ms,
        ..rest()
    }
}

/// Begins anew with an id: the producer's id and epoch are called `p` and `epoch`.
fn begin(both: &mut Both, what: &str, id: &str) {
    let made = both.ask(what, |_| init(Some(id), 60_000));
    learn(
        both,
        &made.map(|answer| answer.map(|answer| (answer.producer_id, answer.producer_epoch))),
    );
}

fn learn(both: &mut Both, made: &super::both::Answers<(i64, i16)>) {
    both.name_numbers("p", made, |(id, _)| *id);
    both.count("epoch", made, |(_, epoch)| (*epoch).into());
}

fn epoch(names: &Names) -> i16 {
    i16::try_from(names.number("epoch")).unwrap()
}

fn beginning(both: &mut Both, id: &str) {
    begin(both, "begin", id);
    begin(both, "begin again", id);
    both.ask("begin without a name", |_| init(Some(""), 60_000));
    for timeout in [0, -1, 900_001, i32::MAX] {
        both.ask(&format!("begin with {timeout} ms"), |_| {
            init(Some("timeouts"), timeout)
        });
    }
    if both.version_of(ApiKey::InitProducerId) >= 3 {
        let again = both.ask("begin as who it is", |names| InitProducerIdRequest {
            producer_id: names.number("p"),
            producer_epoch: epoch(names),
            ..init(Some(id), 60_000)
        });
        learn(
            both,
            &again.map(|answer| answer.map(|answer| (answer.producer_id, answer.producer_epoch))),
        );
        for (what, other, by) in [("another", 987_654, 0), ("its future", 0, 5)] {
            both.ask(&format!("begin as {what}"), |names| InitProducerIdRequest {
                producer_id: if other == 0 { names.number("p") } else { other },
                producer_epoch: epoch(names) + by,
                ..init(Some(id), 60_000)
            });
        }
        both.ask("begin as half of one", |names| InitProducerIdRequest {
            producer_id: names.number("p"),
            ..init(Some(id), 60_000)
        });
    }
}

fn add(names: &Names, id: &str, topic: &str, partitions: &[i32]) -> AddPartitionsToTxnRequest {
    AddPartitionsToTxnRequest {
        v3_and_below_transactional_id: id.to_owned(),
        v3_and_below_producer_id: names.number("p"),
        v3_and_below_producer_epoch: epoch(names),
        v3_and_below_topics: vec![AddPartitionsToTxnTopic {
            name: topic.to_owned(),
            partitions: partitions.to_vec(),
        }],
        ..rest()
    }
}

fn write(names: &Names, id: &str, topic: &str, partition: i32, sequence: i32, count: i64) -> ProduceRequest {
    let builder = BatchBuilder::new()
        .producer(names.number("p"), epoch(names), sequence)
        .transactional();
    ProduceRequest {
        transactional_id: Some(id.to_owned()),
        ..produce(names, topic, -1, &[(partition, Some(batch(builder, 0, count)))])
    }
}

fn end(names: &Names, id: &str, committed: bool) -> EndTxnRequest {
    EndTxnRequest {
        transactional_id: id.to_owned(),
        producer_id: names.number("p"),
        producer_epoch: epoch(names),
        committed,
    }
}

/// Ends a transaction; from version 5 on the answer has the epoch of the next.
fn ended(both: &mut Both, what: &str, id: &str, committed: bool) {
    let answers = both.ask(what, |names| end(names, id, committed));
    if both.version_of(ApiKey::EndTxn) >= 5 {
        learn(
            both,
            &answers.map(|answer| answer.map(|answer| (answer.producer_id, answer.producer_epoch))),
        );
    }
}

/// The end of what is stable, asked until the markers are there.
fn until_stable(both: &mut Both, topic: &str, offset: i64) {
    both.set_up(|both| {
        both.ask_until(
            "until it is decided",
            |_| ListOffsetsRequest {
                replica_id: -1,
                isolation_level: 1,
                topics: vec![ListOffsetsTopic {
                    name: topic.to_owned(),
                    partitions: vec![ListOffsetsPartition {
                        timestamp: -1,
                        ..rest()
                    }],
                }],
                ..rest()
            },
            |answer| answer.topics[0].partitions[0].offset >= offset,
        );
    });
}

/// The batches at these offsets, one by one: how many come at once is each broker's own.
fn batches(both: &mut Both, what: &str, topic: &str, offsets: &[i64]) {
    for offset in offsets {
        for (level, isolation_level) in [("uncommitted", 0), ("committed", 1)] {
            both.ask(&format!("what was {what}, {offset}, reading {level}"), |names| {
                FetchRequest {
                    isolation_level,
                    max_bytes: 1,
                    ..fetch(names, topic, &[(0, *offset)])
                }
            });
        }
    }
}

fn committing(both: &mut Both, topic: &str, id: &str) {
    both.ask("end what has not begun", |names| end(names, id, true));
    both.ask("add a partition", |names| add(names, id, topic, &[0]));
    both.ask("add it again", |names| add(names, id, topic, &[0]));
    both.ask("write", |names| write(names, id, topic, 0, 0, 2));
    both.ask("write again", |names| write(names, id, topic, 0, 0, 2));
    both.ask("write where it was not added", |names| {
        write(names, id, topic, 1, 0, 1)
    });
    both.ask("write without its transaction's mark", |names| {
        let builder = BatchBuilder::new().producer(names.number("p"), epoch(names), 2);
        produce(names, topic, -1, &[(0, Some(batch(builder, 0, 1)))])
    });
    both.ask("what is open, uncommitted", |names| {
        fetch(names, topic, &[(0, 0)])
    });
    both.ask("what is open, committed", |names| FetchRequest {
        isolation_level: 1,
        ..fetch(names, topic, &[(0, 0)])
    });
    both.ask("who writes", |_| DescribeProducersRequest {
        topics: vec![describe_producers::TopicRequest {
            name: topic.to_owned(),
            partition_indexes: vec![0],
        }],
    });
    both.ask("how it stands", |_| described(&[id]));
    ended(both, "commit", id, true);
    until_stable(both, topic, 3);
    batches(both, "committed", topic, &[0, 2]);
    both.ask("who wrote", |_| DescribeProducersRequest {
        topics: vec![describe_producers::TopicRequest {
            name: topic.to_owned(),
            partition_indexes: vec![0],
        }],
    });
}

fn described(ids: &[&str]) -> DescribeTransactionsRequest {
    DescribeTransactionsRequest {
        transactional_ids: ids.iter().map(|id| (*id).to_owned()).collect(),
    }
}

fn txn_commit(
    names: &Names,
    id: &str,
    group: &str,
    topic: &str,
    offsets: &[(i32, i64)],
) -> TxnOffsetCommitRequest {
    TxnOffsetCommitRequest {
        transactional_id: id.to_owned(),
        group_id: group.to_owned(),
        producer_id: names.number("p"),
        producer_epoch: epoch(names),
        topics: vec![TxnOffsetCommitRequestTopic {
            name: topic.to_owned(),
            partitions: offsets
                .iter()
                .map(
                    |(partition_index, committed_offset)| TxnOffsetCommitRequestPartition {
                        partition_index: *partition_index,
                        committed_offset: *committed_offset,
                        committed_metadata: Some("n".to_owned()),
                        ..rest()
                    },
                )
                .collect(),
        }],
        ..rest()
    }
}

fn offsets(both: &mut Both, topic: &str, id: &str) {
    let group = both.name("g");
    let add_offsets = |names: &Names, group: &str| AddOffsetsToTxnRequest {
        transactional_id: id.to_owned(),
        producer_id: names.number("p"),
        producer_epoch: epoch(names),
        group_id: group.to_owned(),
    };
    both.ask("add offsets", |names| add_offsets(names, &group));
    both.ask("add offsets of no group", |names| add_offsets(names, ""));
    both.ask("commit offsets", |names| {
        txn_commit(names, id, &group, topic, &[(0, 2), (1, 0)])
    });
    both.ask("commit offsets of unknown ones", |names| {
        txn_commit(names, id, &group, topic, &[(9, 2), (-1, 1)])
    });
    both.ask("commit offsets of an unknown topic", |names| {
        txn_commit(names, id, &group, "none", &[(0, 2)])
    });
    if both.version_of(ApiKey::TxnOffsetCommit) >= 3 {
        for (member, generation) in [("ghost", 1), ("", 4), ("ghost", -1)] {
            both.ask(&format!("commit offsets of {member} in {generation}"), |names| {
                TxnOffsetCommitRequest {
                    member_id: member.to_owned(),
                    generation_id: generation,
                    ..txn_commit(names, id, &group, topic, &[(0, 2)])
                }
            });
        }
    }
    both.ask("commit offsets of no group", |names| {
        txn_commit(names, id, "", topic, &[(0, 2)])
    });
    both.ask("offsets that are open", |names| {
        committed(names, &group, topic, Some(&[0, 1]))
    });
    both.set_up(|both| {
        both.ask("offsets that are not stable", |names| OffsetFetchRequest {
            require_stable: true,
            ..committed(names, &group, topic, Some(&[0, 1]))
        });
    });
    ended(both, "commit with offsets", id, true);
    both.set_up(|both| {
        both.ask_until(
            "until offsets are stable",
            |names| OffsetFetchRequest {
                require_stable: true,
                ..committed(names, &group, topic, Some(&[0, 1]))
            },
            |answer| {
                answer.groups[0].topics[0]
                    .partitions
                    .iter()
                    .all(|one| one.error_code == 0 && one.committed_offset >= 0)
            },
        );
    });
}

fn aborting(both: &mut Both, topic: &str, id: &str) {
    // A new epoch begins from sequence 0; with an old EndTxn the epoch is as it was.
    begin(both, "begin for an abort", id);
    both.ask("add partitions", |names| add(names, id, topic, &[0, 1]));
    both.ask("write what is aborted", |names| write(names, id, topic, 0, 0, 1));
    both.ask("write what is aborted beside it", |names| {
        write(names, id, topic, 1, 0, 1)
    });
    ended(both, "abort", id, false);
    until_stable(both, topic, 5);
    batches(both, "aborted", topic, &[0, 3, 4]);
    both.ask("abort again", |names| end(names, id, false));
    both.ask("commit what was aborted", |names| end(names, id, true));
}

fn refused(both: &mut Both, topic: &str, id: &str) {
    begin(both, "begin for refusals", id);
    both.ask("add unknown ones", |names| add(names, id, topic, &[0, 9, -1]));
    both.ask("add an unknown topic", |names| add(names, id, "none", &[0]));
    both.ask("add nothing", |names| AddPartitionsToTxnRequest {
        v3_and_below_topics: vec![],
        ..add(names, id, topic, &[])
    });
    both.ask("add of nobody", |names| add(names, "nobody", topic, &[0]));
    both.ask("add without a name", |names| add(names, "", topic, &[0]));
    for by in [-1, 1] {
        both.ask(&format!("add in another epoch, {by}"), |names| {
            AddPartitionsToTxnRequest {
                v3_and_below_producer_epoch: epoch(names) + by,
                ..add(names, id, topic, &[0])
            }
        });
        both.ask(&format!("end in another epoch, {by}"), |names| EndTxnRequest {
            producer_epoch: epoch(names) + by,
            ..end(names, id, true)
        });
        both.ask(&format!("add offsets in another epoch, {by}"), |names| {
            AddOffsetsToTxnRequest {
                transactional_id: id.to_owned(),
                producer_id: names.number("p"),
                producer_epoch: epoch(names) + by,
                group_id: "g".to_owned(),
            }
        });
    }
    both.ask("add of another producer", |names| AddPartitionsToTxnRequest {
        v3_and_below_producer_id: 987_654,
        ..add(names, id, topic, &[0])
    });
    both.ask("end of another producer", |names| EndTxnRequest {
        producer_id: 987_654,
        ..end(names, id, true)
    });
    both.ask("end of nobody", |names| end(names, "nobody", true));
    both.ask("end without a name", |names| end(names, "", true));
    both.ask("commit offsets of nobody", |names| {
        txn_commit(names, "nobody", "g", topic, &[(0, 1)])
    });
    both.ask("add offsets of nobody", |names| AddOffsetsToTxnRequest {
        transactional_id: "nobody".to_owned(),
        producer_id: names.number("p"),
        producer_epoch: epoch(names),
        group_id: "g".to_owned(),
    });
    both.ask("describe unknown ones", |_| described(&["nobody", "", id, id]));
    both.ask("describe none", |_| described(&[]));
}

fn listing(both: &mut Both, id: &str) {
    let list = |states: &[&str], pattern: Option<&str>| ListTransactionsRequest {
        state_filters: states.iter().map(|state| (*state).to_owned()).collect(),
        transactional_id_pattern: pattern.map(str::to_owned),
        ..rest()
    };
    both.ask("list", |_| list(&[], None));
    both.ask("list those that are open", |_| list(&["Ongoing"], None));
    both.ask("list by states that are none", |_| {
        list(&["Nonsense", "ongoing", "Empty"], None)
    });
    both.ask("list by producers", |names| ListTransactionsRequest {
        producer_id_filters: vec![names.number("p"), 987_654],
        ..list(&[], None)
    });
    both.ask("list those that are old", |_| ListTransactionsRequest {
        duration_filter: 3_600_000,
        ..list(&[], None)
    });
    both.ask("list by a pattern", |_| list(&[], Some(id)));
    both.ask("list by an expression", |_| list(&[], Some("tr.*-x")));
    both.ask("list by an expression that is none", |_| list(&[], Some("[")));
    both.ask("list by no pattern", |_| list(&[], Some("")));
}

/// A second producer with the same id fences the first.
fn fencing(both: &mut Both, topic: &str, id: &str) {
    begin(both, "begin before a fence", id);
    both.ask("add before a fence", |names| add(names, id, topic, &[0]));
    both.ask("write before a fence", |names| write(names, id, topic, 0, 0, 1));
    let made = both.ask("another begins", |_| init(Some(id), 60_000));
    both.ask("the first adds", |names| add(names, id, topic, &[1]));
    both.ask("the first writes", |names| write(names, id, topic, 0, 1, 1));
    both.ask("the first ends", |names| end(names, id, true));
    learn(
        both,
        &made.map(|answer| answer.map(|answer| (answer.producer_id, answer.producer_epoch))),
    );
    both.ask("the other adds", |names| add(names, id, topic, &[0]));
    both.ask("the other writes", |names| write(names, id, topic, 0, 0, 1));
    ended(both, "the other aborts", id, false);
}
