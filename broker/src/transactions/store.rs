//! Transactional ids in `__transaction_state`: what is written, and what is read back at start.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

use annals_kafka_wire::batch::Record;
use annals_kafka_wire::coordinator::transactions::{
    PartitionsSchema, TransactionLogKey, TransactionLogValue,
};
use annals_kafka_wire::error::WireError;
use annals_kafka_wire::message::Versioned;
use annals_kafka_wire::primitives::{Reader, Writer};
use bytes::Bytes;

use super::lost::Open;
use super::{Entry, IDS_MAX, Transactions};
use crate::alarm::Stopwatch;
use crate::broker::Shared;
use crate::cells::Cells;
use crate::internal::{self, InternalTopicError, TRANSACTIONS, WriteError, Written};
use crate::topics::TopicMap;
use crate::transaction::{Outcome, Phase, Place, Producer, State, Transaction};

/// The versions written: what Kafka 4 writes.
const KEY_VERSION: i16 = 0;
const VALUE_VERSION: i16 = 1;

/// The `transaction.version` of a producer that goes on under another epoch with every end.
const GOES_ON: i16 = 2;

/// Kafka's numbers of phases.
const EMPTY: i8 = 0;
const ONGOING: i8 = 1;
const PREPARE_COMMIT: i8 = 2;
const PREPARE_ABORT: i8 = 3;
const COMPLETE_COMMIT: i8 = 4;
const COMPLETE_ABORT: i8 = 5;

/// Writes that a transactional id is not known any more.
pub(super) fn write_none(shared: &Shared, id: &str) -> Result<Written, WriteError> {
    internal::write(shared, TRANSACTIONS, None, [(key(id)?, None)])
}

fn key(id: &str) -> Result<Bytes, WireError> {
    let mut key = Writer::new();
    let transactional_id = id.to_owned();
    TransactionLogKey { transactional_id }.encode(&mut key, KEY_VERSION)?;
    Ok(key.into_bytes())
}

/// Writes where a transactional id stands.
pub(super) fn write(shared: &Shared, id: &str, state: &State) -> Result<Written, WriteError> {
    let mut value = Writer::new();
    let now = (shared.now_ms(), shared.transactions.stopwatch.now_ms());
    record(state, now).encode(&mut value, VALUE_VERSION)?;
    let record = (key(id)?, Some(value.into_bytes()));
    internal::write(shared, TRANSACTIONS, None, [record])
}

/// `now` by the wall clock, and since the start.
pub(super) fn record(state: &State, now: (i64, i64)) -> TransactionLogValue {
    let none = BTreeSet::new();
    let (status, places, start_ms) = match &state.phase {
        Phase::Empty => (EMPTY, &none, -1),
        Phase::Ongoing { places, since_ms } => (ONGOING, places, now.0 - (now.1 - since_ms)),
        Phase::Preparing { places, outcome } => match outcome {
            Outcome::Commit => (PREPARE_COMMIT, places, -1),
            Outcome::Abort => (PREPARE_ABORT, places, -1),
        },
        Phase::Completed(Outcome::Commit) => (COMPLETE_COMMIT, &none, -1),
        Phase::Completed(Outcome::Abort) => (COMPLETE_ABORT, &none, -1),
    };
    TransactionLogValue {
        producer_id: state.producer.id,
        producer_epoch: state.producer.epoch,
        transaction_timeout_ms: state.timeout_ms,
        transaction_status: status,
        transaction_partitions: (status != EMPTY).then(|| by_topic(places)),
        transaction_last_update_timestamp_ms: now.0,
        transaction_start_timestamp_ms: start_ms,
        previous_producer_id: state.last.map_or(-1, |last| last.id),
        next_producer_id: state.next_id.unwrap_or(-1),
        client_transaction_version: if state.has_gone_on() { GOES_ON } else { 0 },
        next_producer_epoch: if state.next_id.is_some() { 0 } else { -1 },
    }
}

fn by_topic(places: &BTreeSet<Place>) -> Vec<PartitionsSchema> {
    let mut topics: BTreeMap<&str, Vec<i32>> = BTreeMap::new();
    for (topic, partition) in places {
        topics.entry(topic).or_default().push(*partition);
    }
    let topic = |(topic, partition_ids): (&str, Vec<i32>)| PartitionsSchema {
        topic: topic.to_owned(),
        partition_ids,
    };
    topics.into_iter().map(topic).collect()
}

/// What was written; `None` for a phase nobody knows.
fn state(value: TransactionLogValue, now_ms: i64) -> Option<State> {
    let topics = value.transaction_partitions.unwrap_or_default();
    let places = topics.into_iter().flat_map(|topic| {
        let partitions = topic.partition_ids.into_iter();
        partitions.map(move |partition| (topic.topic.clone(), partition))
    });
    let places = places.collect();
    let phase = match value.transaction_status {
        EMPTY => Phase::Empty,
        ONGOING => Phase::Ongoing {
            places,
            // Since the start of this run, to which it may have been open for long.
            since_ms: value.transaction_start_timestamp_ms.saturating_sub(now_ms).min(0),
        },
        PREPARE_COMMIT => Phase::Preparing {
            places,
            outcome: Outcome::Commit,
        },
        PREPARE_ABORT => Phase::Preparing {
            places,
            outcome: Outcome::Abort,
        },
        COMPLETE_COMMIT => Phase::Completed(Outcome::Commit),
        COMPLETE_ABORT => Phase::Completed(Outcome::Abort),
        _ => return None,
    };
    let producer = Producer {
        id: value.producer_id,
        epoch: value.producer_epoch,
    };
    let has_gone_on = value.client_transaction_version >= GOES_ON;
    Some(State {
        producer,
        last: has_gone_on.then(|| producer.before(value.previous_producer_id)),
        next_id: Some(value.next_producer_id).filter(|id| *id >= 0),
        timeout_ms: value.transaction_timeout_ms,
        phase,
    })
}

impl Transactions {
    /// Reads all transactional ids; `now_ms` is the wall clock's time.
    pub(crate) fn open(topics: &TopicMap, now_ms: i64) -> Result<Transactions, InternalTopicError> {
        let (mut states, mut open) = (States::new(), Open::of(topics));
        // None before there was any.
        if let Some(topic) = topics.named(TRANSACTIONS) {
            internal::replay(topic, |batch| {
                internal::each_record(TRANSACTIONS, batch, |record| {
                    take(&mut states, &mut open, record, now_ms)
                });
            })?;
        }
        let lost = open.lost(states.values().map(|(state, _)| state));
        let cells = Cells::new(IDS_MAX);
        for (id, (state, stored_ms)) in states {
            cells.restore(id, |entry: &mut Entry| {
                entry.transaction = Transaction::restored(state, stored_ms);
            });
        }
        Ok(Transactions {
            cells,
            lost: Mutex::new(lost),
            stopwatch: Stopwatch::start(),
        })
    }
}

/// With each state goes when it was stored, since the start of this run.
type States = BTreeMap<String, (State, i64)>;

fn take(states: &mut States, open: &mut Open, record: &Record, now_ms: i64) -> Result<(), WireError> {
    let key: Bytes = record.key.clone().unwrap_or_default();
    let id = TransactionLogKey::decode(&mut Reader::new(key))?.transactional_id;
    let value = record.value.clone();
    let value = value.map(|value| TransactionLogValue::decode(&mut Reader::new(value)));
    let stated = value.transpose()?.and_then(|value| {
        let stored_ms = value.transaction_last_update_timestamp_ms;
        let stored_ms = stored_ms.saturating_sub(now_ms).min(0);
        Some((state(value, now_ms)?, stored_ms))
    });
    match stated {
        Some(stated) => {
            open.note(&stated.0);
            states.insert(id, stated)
        }
        None => states.remove(&id),
    };
    Ok(())
}
