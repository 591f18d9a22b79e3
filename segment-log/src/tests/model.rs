//! Random sequences of operations, compared with a plain vector.

use annals_kafka_wire::batch::Batch;
use bytes::Bytes;
use proptest::prelude::*;

use super::support::{batch, commit, config, open};
use crate::derived::producer::BATCHES_MAX;
use crate::disk::sim::{SimDisk, Survives};
use crate::{AppendError, LogDir, Partition, ReadError};

#[derive(Debug, Clone)]
enum Op {
    Append {
        producer: Option<i64>,
        kind: Kind,
        timestamps: Vec<i64>,
        value_bytes: usize,
    },
    Commit,
    Read {
        at: f64,
        bytes_max: usize,
    },
    Time {
        ms: i64,
    },
    Close,
    Kill,
    PowerCut,
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    Next,
    /// As the batch this many before.
    Again(usize),
    Skip,
    NewEpoch,
    NewEpochLate,
    OldEpoch,
}

fn kinds() -> impl Strategy<Value = Kind> {
    prop_oneof![
        6 => Just(Kind::Next),
        3 => (0..8usize).prop_map(Kind::Again),
        1 => Just(Kind::Skip),
        1 => Just(Kind::NewEpoch),
        1 => Just(Kind::NewEpochLate),
        1 => Just(Kind::OldEpoch),
    ]
}

fn ops() -> impl Strategy<Value = Op> {
    let producer = prop_oneof![Just(None), (0..3i64).prop_map(Some)];
    let timestamps = prop::collection::vec(0..50i64, 1..4);
    prop_oneof![
        12 => (producer, kinds(), timestamps, 0..120usize)
            .prop_map(|(producer, kind, timestamps, value_bytes)| Op::Append { producer, kind, timestamps, value_bytes }),
        6 => Just(Op::Commit),
        6 => (0.0..1.2f64, 0..900usize).prop_map(|(at, bytes_max)| Op::Read { at, bytes_max }),
        3 => (0..55i64).prop_map(|ms| Op::Time { ms }),
        1 => Just(Op::Close),
        1 => Just(Op::Kill),
        1 => Just(Op::PowerCut),
    ]
}

/// A stored batch: where it is, and its bytes behind the stamped fields.
#[derive(Debug, Clone)]
struct Stored {
    batch: Batch,
    base: i64,
    end: i64,
    epoch: i32,
}

struct Model {
    disk: SimDisk,
    log: Option<LogDir>,
    partition: std::sync::Arc<Partition>,
    stored: Vec<Stored>,
    /// How many of them are durable.
    durable: usize,
    epoch: i32,
}

const SEGMENT_BYTES_MAX: u64 = 1_200;

impl Model {
    fn new() -> Model {
        let disk = SimDisk::new();
        let log = open(&disk).unwrap();
        let partition = log.partition("a/0", config(SEGMENT_BYTES_MAX)).unwrap();
        Model {
            disk,
            log: Some(log),
            partition,
            stored: Vec::new(),
            durable: 0,
            epoch: 0,
        }
    }

    fn end(&self) -> i64 {
        self.stored.last().map_or(0, |last| last.end)
    }

    fn high_watermark(&self) -> i64 {
        self.durable
            .checked_sub(1)
            .map_or(0, |last| self.stored[last].end)
    }

    fn apply(&mut self, op: &Op) {
        match op {
            Op::Append {
                producer,
                kind,
                timestamps,
                value_bytes,
            } => {
                self.append(*producer, *kind, timestamps, *value_bytes);
            }
            Op::Commit => {
                commit(self.log.as_ref().unwrap());
                self.durable = self.stored.len();
            }
            Op::Read { at, bytes_max } => self.read((*at * self.end() as f64) as i64, *bytes_max),
            Op::Time { ms } => self.time(*ms),
            Op::Close => {
                self.log.take().unwrap().close().unwrap();
                self.reopen(self.disk.reboot(Survives::Nothing), self.stored.len(), 0);
            }
            Op::Kill => self.reopen(self.disk.clone(), self.stored.len(), 1),
            Op::PowerCut => self.reopen(self.disk.reboot(Survives::Nothing), self.durable, 1),
        }
        assert_eq!(self.partition.log_end_offset(), self.end());
        assert_eq!(self.partition.high_watermark(), self.high_watermark());
        assert_eq!(self.partition.leader_epoch(), self.epoch);
        let bytes: usize = self.stored.iter().map(|stored| stored.batch.bytes().len()).sum();
        assert_eq!(self.partition.size_bytes(), bytes as u64);
    }

    fn reopen(&mut self, disk: SimDisk, kept: usize, epochs: i32) {
        self.log = None;
        self.disk = disk;
        self.stored.truncate(kept);
        self.durable = kept;
        self.epoch += epochs;
        let log = open(&self.disk).unwrap();
        self.partition = log.partition("a/0", config(SEGMENT_BYTES_MAX)).unwrap();
        self.log = Some(log);
    }

    /// The producer's batches, oldest first.
    fn history(&self, id: i64) -> Vec<&Stored> {
        self.stored
            .iter()
            .filter(|stored| stored.batch.producer_id() == id)
            .collect()
    }

    fn append(&mut self, producer: Option<i64>, kind: Kind, timestamps: &[i64], value_bytes: usize) {
        let sent = match producer {
            None => batch(None, timestamps, value_bytes),
            Some(id) => {
                let history = self.history(id);
                let last = history.last().map(|last| &last.batch);
                let epoch = last.map_or(0, |last| last.producer_epoch());
                let next = last.map_or(0, |last| last.last_sequence().wrapping_add(1) & i32::MAX);
                let fresh = |epoch, sequence| batch(Some((id, epoch, sequence)), timestamps, value_bytes);
                match kind {
                    Kind::Next => fresh(epoch, next),
                    Kind::Again(back) => match history.iter().rev().nth(back) {
                        Some(stored) => stored.batch.clone(),
                        // Close to the wrap, so that it is crossed.
                        None => fresh(epoch, if history.is_empty() { i32::MAX - 2 } else { next }),
                    },
                    Kind::Skip => fresh(epoch, next.wrapping_add(2) & i32::MAX),
                    Kind::NewEpoch => fresh(epoch + 1, 0),
                    Kind::NewEpochLate => fresh(epoch + 1, 3),
                    Kind::OldEpoch => fresh(epoch - 1, next),
                }
            }
        };
        let expected = self.expected(&sent);
        let checked = self.partition.check(&sent).is_ok();
        let got = match self.partition.append(&sent, 0) {
            Ok(appended) if appended.duplicate => Ok(Some((appended.base_offset, appended.last_offset))),
            Ok(appended) => {
                let (base, end) = (self.end(), self.end() + i64::from(sent.count()));
                assert_eq!((appended.base_offset, appended.last_offset), (base, end - 1));
                self.stored.push(Stored {
                    batch: sent,
                    base,
                    end,
                    epoch: self.epoch,
                });
                Ok(None)
            }
            Err(AppendError::OutOfOrderSequence { .. }) => Err("order"),
            Err(AppendError::InvalidProducerEpoch { .. }) => Err("epoch"),
            Err(other) => panic!("{other}"),
        };
        assert_eq!(checked, got.is_ok());
        assert_eq!(got, expected);
    }

    /// Stored (`None`), a duplicate with its offsets, or refused, by the rules read off the plain vector.
    fn expected(&self, sent: &Batch) -> Result<Option<(i64, i64)>, &'static str> {
        let history = self.history(sent.producer_id());
        let Some(last) = history.last().filter(|_| sent.producer_id() >= 0) else {
            return Ok(None);
        };
        let known = last.batch.producer_epoch();
        if sent.producer_epoch() < known {
            return Err("epoch");
        }
        if sent.producer_epoch() > known {
            return if sent.base_sequence() == 0 {
                Ok(None)
            } else {
                Err("order")
            };
        }
        let same = |stored: &&&Stored| stored.batch.producer_epoch() == known;
        let window = history.iter().rev().take_while(same).take(BATCHES_MAX);
        let range = |batch: &Batch| (batch.base_sequence(), batch.last_sequence());
        let again = window
            .into_iter()
            .find(|stored| range(&stored.batch) == range(sent));
        if let Some(stored) = again {
            return Ok(Some((stored.base, stored.end - 1)));
        }
        let next = last.batch.last_sequence().wrapping_add(1) & i32::MAX;
        if sent.base_sequence() == next {
            Ok(None)
        } else {
            Err("order")
        }
    }

    fn read(&self, from: i64, bytes_max: usize) {
        let bytes = match self.partition.read(from, bytes_max) {
            Ok(bytes) => bytes,
            Err(ReadError::OutOfRange { start: 0, end }) => {
                assert!(from > self.end() && end == self.high_watermark());
                return;
            }
            Err(other) => panic!("{other}"),
        };
        assert_eq!(bytes.is_empty(), from >= self.high_watermark(), "from {from}");
        let first = Batch::parse(&bytes, 0).map_or(0, |(_, end)| end);
        assert_eq!(self.partition.batch_bytes(from).unwrap(), first, "from {from}");
        let mut wanted = self.stored[..self.durable]
            .iter()
            .skip_while(|stored| stored.end <= from);
        let (mut position, mut count) = (0, 0);
        while position < bytes.len() {
            let (read, next) = Batch::parse(&bytes, position).unwrap();
            let stored = wanted.next().expect("no more than there is");
            assert_eq!(
                (read.base_offset(), read.partition_leader_epoch()),
                (stored.base, stored.epoch)
            );
            assert_eq!(kept(&read), kept(&stored.batch));
            (position, count) = (next, count + 1);
        }
        assert!(
            bytes.len() <= bytes_max || count <= 1,
            "{count} batches of {} bytes",
            bytes.len()
        );
    }

    fn time(&self, ms: i64) {
        let records = self.stored[..self.durable].iter().flat_map(|stored| {
            let records = stored
                .batch
                .records(1 << 20)
                .unwrap()
                .map(|record| record.unwrap().timestamp_ms);
            (stored.base..).zip(records.collect::<Vec<_>>())
        });
        let expected = records.into_iter().find(|(_, timestamp)| *timestamp >= ms);
        let found = self.partition.offset_for_time(ms).unwrap();
        let found = found.map(|found| (found.offset, found.timestamp_ms));
        assert_eq!(found, expected, "{ms} ms");
    }
}

/// What the log must not change: the length, and everything from the magic on.
fn kept(batch: &Batch) -> (Bytes, Bytes) {
    (batch.bytes().slice(8..12), batch.bytes().slice(16..))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases * 3 / 4, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_log_is_a_vector(ops in prop::collection::vec(ops(), 1..80)) {
        let mut model = Model::new();
        for op in &ops {
            model.apply(op);
        }
        model.apply(&Op::Commit);
        for from in 0..=model.end() {
            model.read(from, 500);
        }
    }
}
