//! Compaction against a model: whatever is appended, deleted, compacted and crashed, the newest committed value of each
//! key is what it should be, nothing aborted is served, nothing undecided is lost, and no offset is without a batch.

use std::collections::BTreeMap;
use std::sync::Arc;

use annals_kafka_wire::batch::{Batch, BatchBuilder, Marker, batches as split};
use proptest::prelude::*;

use super::support::{commit, config, open};
use crate::compact::Compaction;
use crate::disk::Disk;
use crate::disk::sim::{SimDisk, Survives};
use crate::{AppendError, LogDir, Partition, PartitionConfig, Retention};

mod damage;
mod steps;

const SEGMENT_BYTES: u64 = 700;
const DELETE_RETENTION_MS: i64 = 50;

fn compacting(min_lag_ms: i64) -> PartitionConfig {
    PartitionConfig {
        compaction: Some(Compaction {
            min_dirty_ratio: 0.0,
            min_lag_ms,
            max_lag_ms: None,
            delete_retention_ms: DELETE_RETENTION_MS,
        }),
        segment_ms_max: Some(40),
        ..config(SEGMENT_BYTES)
    }
}

type Key = u8;
type Value = Option<u32>;

/// What was appended, in order.
#[derive(Debug, Clone)]
enum Wrote {
    Records {
        producer: Option<(i64, bool)>,
        sequence: i32,
        records: Vec<(Key, Value)>,
    },
    Marker {
        producer: i64,
        committed: bool,
    },
}

impl Wrote {
    fn offsets(&self) -> i64 {
        match self {
            Wrote::Records { records, .. } => records.len() as i64,
            Wrote::Marker { .. } => 1,
        }
    }

    fn batch(&self, ms: i64) -> Batch {
        let bytes = match self {
            Wrote::Records {
                producer,
                sequence,
                records,
            } => {
                let mut builder = BatchBuilder::new();
                if let Some((id, transactional)) = producer {
                    builder = builder.producer(*id, 0, *sequence);
                    if *transactional {
                        builder = builder.transactional();
                    }
                }
                for (key, value) in records {
                    let value = value.map(|value| value.to_be_bytes());
                    builder.push(ms, Some(&[*key; 9]), value.as_ref().map(|value| &value[..]), &[]);
                }
                builder.build()
            }
            Wrote::Marker { producer, committed } => Marker {
                committed: *committed,
                coordinator_epoch: 0,
            }
            .build(ms, *producer, 0),
        };
        Batch::parse(&bytes, 0).unwrap().0
    }
}

/// A record as the model knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Committed,
    Aborted,
    Open,
}

struct World {
    disk: SimDisk,
    log: Option<LogDir>,
    partition: Arc<Partition>,
    how: PartitionConfig,
    now_ms: i64,
    wrote: Vec<(i64, Wrote)>,
    /// How many of them are durable.
    durable: usize,
    sequences: BTreeMap<i64, i32>,
}

impl World {
    fn new(how: PartitionConfig) -> World {
        let disk = SimDisk::new();
        let log = open(&disk).unwrap();
        let partition = log.partition("a/0", how.clone()).unwrap();
        World {
            disk,
            log: Some(log),
            partition,
            how,
            now_ms: 1_000,
            wrote: Vec::new(),
            durable: 0,
            sequences: BTreeMap::new(),
        }
    }

    fn end(&self) -> i64 {
        self.wrote
            .last()
            .map_or(0, |(base, wrote)| base + wrote.offsets())
    }

    fn append(&mut self, wrote: Wrote) -> Result<(), AppendError> {
        let (base, batch) = (self.end(), wrote.batch(self.now_ms));
        // Sent, whatever comes of it.
        self.wrote.push((base, wrote));
        let appended = self.partition.append(&batch, self.now_ms)?;
        assert_eq!((appended.base_offset, appended.duplicate), (base, false));
        Ok(())
    }

    fn write(&mut self, producer: Option<(i64, bool)>, records: &[(Key, Value)]) -> Result<(), AppendError> {
        let sequence = producer.map_or(-1, |(id, _)| self.sequences.get(&id).copied().unwrap_or(0));
        let wrote = Wrote::Records {
            producer,
            sequence,
            records: records.to_vec(),
        };
        let start = self.partition.log_start_offset();
        let is_gone = |(id, _): (i64, bool)| self.last_of(id).is_some_and(|(base, _)| base < start);
        let may_be_forgotten = producer.is_some_and(is_gone);
        match self.append(wrote) {
            // All but a marker of it was deleted, and then the snapshot.
            Err(AppendError::OutOfOrderSequence { expected: 0, .. }) if may_be_forgotten => {
                self.wrote.pop();
                return Ok(());
            }
            appended => appended?,
        }
        if let Some((id, _)) = producer {
            self.sequences.insert(id, sequence + records.len() as i32);
        }
        Ok(())
    }

    fn end_transaction(&mut self, producer: i64, committed: bool) -> Result<(), AppendError> {
        self.append(Wrote::Marker { producer, committed })
    }

    fn commit(&mut self) {
        commit(self.log.as_ref().unwrap());
        self.durable = self.wrote.len();
    }

    fn maintain(&mut self, passed_ms: i64) {
        self.now_ms += passed_ms;
        self.commit();
        self.log.as_ref().unwrap().maintain(self.now_ms);
    }

    fn restart(&mut self, disk: SimDisk, kept: usize) {
        self.log = None;
        self.disk = disk;
        self.wrote.truncate(kept);
        self.durable = kept;
        self.sequences.clear();
        for (_, wrote) in &self.wrote {
            if let Wrote::Records {
                producer: Some((id, _)),
                sequence,
                records,
            } = wrote
            {
                self.sequences.insert(*id, sequence + records.len() as i32);
            }
        }
        let log = open(&self.disk).unwrap();
        self.partition = log.partition("a/0", self.how.clone()).unwrap();
        self.log = Some(log);
    }

    /// Without any file that could be made anew.
    fn drop_derived(&self) {
        for name in self.disk.names("a/0") {
            if name.ends_with(".snap") || name.ends_with(".idx") {
                self.disk.remove(&format!("a/0/{name}")).unwrap();
            }
        }
    }

    /// Every record with its offset, and what became of it; and where what is undecided begins.
    fn fates(&self) -> (Vec<(i64, Key, Value, Fate)>, i64) {
        let mut fates: Vec<(i64, Key, Value, Fate)> = Vec::new();
        let mut open: BTreeMap<i64, Vec<usize>> = BTreeMap::new();
        for (base, wrote) in &self.wrote[..self.durable] {
            match wrote {
                Wrote::Records {
                    producer, records, ..
                } => {
                    let transaction = producer.filter(|(_, transactional)| *transactional);
                    for (offset, (key, value)) in (*base..).zip(records) {
                        if let Some((id, _)) = transaction {
                            open.entry(id).or_default().push(fates.len());
                        }
                        let fate = transaction.map_or(Fate::Committed, |_| Fate::Open);
                        fates.push((offset, *key, *value, fate));
                    }
                }
                Wrote::Marker { producer, committed } => {
                    for at in open.remove(producer).unwrap_or_default() {
                        fates[at].3 = if *committed {
                            Fate::Committed
                        } else {
                            Fate::Aborted
                        };
                    }
                }
            }
        }
        let high_watermark = self.wrote[..self.durable]
            .last()
            .map_or(0, |(base, wrote)| base + wrote.offsets());
        let first = open.values().filter_map(|all| all.first()).map(|at| fates[*at].0);
        let stable = first.min().unwrap_or(high_watermark);
        (fates, stable)
    }

    /// Everything that may be read, checked against the model, from every offset. Answers how many bytes that took.
    fn check(&self) -> usize {
        let bytes = self.check_state();
        self.check_offsets();
        super::keys::check(&self.partition);
        super::keys::other::check(&self.partition);
        bytes
    }

    /// What readers of committed records come to.
    fn check_state(&self) -> usize {
        let partition = &self.partition;
        assert_eq!(partition.damage(), []);
        let start = partition.log_start_offset();
        let (fates, stable) = self.fates();
        // Of a transaction whose first records were deleted, those that are left may be all that is known.
        let left = fates
            .iter()
            .find(|(at, .., fate)| *at >= start && *fate == Fate::Open);
        let latest = left.map_or(partition.high_watermark(), |(at, ..)| *at);
        let known = partition.last_stable_offset();
        assert!(
            (stable.max(start)..=latest).contains(&known),
            "{known}: {stable}, {start}, {latest}"
        );
        let stable = known;
        let model: BTreeMap<i64, (Key, Value, Fate)> = fates
            .iter()
            .map(|(offset, key, value, fate)| (*offset, (*key, *value, *fate)))
            .collect();

        let (mut state, mut offset, mut bytes) = (BTreeMap::new(), start, 0);
        loop {
            let read = partition.read_committed(offset, 400).unwrap();
            if read.bytes.is_empty() {
                break;
            }
            bytes += read.bytes.len();
            for batch in split(&read.bytes) {
                let batch = batch.unwrap();
                batch.verify_crc().unwrap();
                assert!(
                    (batch.base_offset()..=batch.last_offset()).contains(&offset),
                    "{offset}: {batch:?}"
                );
                offset = batch.last_offset() + 1;
                if batch.is_control() || read.aborted.iter().any(|aborted| aborted.holds(&batch)) {
                    continue;
                }
                for record in batch.records(1 << 20).unwrap() {
                    let record = record.unwrap();
                    let key = record.key.unwrap()[0];
                    let value = record
                        .value
                        .map(|value| u32::from_be_bytes(value[..].try_into().unwrap()));
                    assert_eq!(
                        model.get(&record.offset),
                        Some(&(key, value, Fate::Committed)),
                        "{}",
                        record.offset
                    );
                    if record.offset >= start {
                        state.insert(key, value);
                    }
                }
            }
        }
        assert_eq!(offset, stable, "read to the last stable offset");
        state.retain(|_, value| value.is_some());
        let mut expected = BTreeMap::new();
        for (at, (key, value, fate)) in model.range(start..stable) {
            assert_ne!(*fate, Fate::Open, "{at}");
            if *fate == Fate::Committed {
                expected.insert(*key, *value);
            }
        }
        expected.retain(|_, value| value.is_some());
        assert_eq!(state, expected);

        bytes
    }

    /// What is undecided is all there, and from every offset something can be read.
    fn check_offsets(&self) {
        let partition = &self.partition;
        let (start, stable) = (partition.log_start_offset(), partition.last_stable_offset());
        let end = partition.high_watermark();
        let mut undecided = BTreeMap::new();
        for from in start..end {
            let read = partition.read(from, 0).unwrap();
            let (batch, length) = Batch::parse(&read, 0).unwrap();
            assert_eq!(
                (length, partition.batch_bytes(from).unwrap()),
                (read.len(), read.len())
            );
            assert!((batch.base_offset()..=batch.last_offset()).contains(&from));
            if from >= stable && !batch.is_control() {
                let records = batch.records(1 << 20).unwrap().map(Result::unwrap);
                undecided.extend(records.map(|record| (record.offset, record.key.unwrap()[0])));
            }
        }
        undecided.retain(|at, _| *at >= stable);
        let (fates, _) = self.fates();
        let all = fates.into_iter().filter(|(at, ..)| (stable..end).contains(at));
        assert_eq!(undecided, all.map(|(at, key, ..)| (at, key)).collect());
    }

    /// A producer's last records.
    fn last_of(&self, producer_id: i64) -> Option<(i64, &Wrote)> {
        let of = |wrote: &Wrote| matches!(wrote, Wrote::Records { producer: Some((id, _)), .. } if *id == producer_id);
        let last = self.wrote.iter().rfind(|(_, wrote)| of(wrote));
        last.map(|(base, wrote)| (*base, wrote))
    }

    /// The last batch of each producer is told from a new one.
    fn check_duplicates(&self) {
        let start = self.partition.log_start_offset();
        let last = (0..20).filter_map(|id| self.last_of(id));
        for (base, wrote) in last.filter(|(base, _)| *base >= start) {
            let again = self.partition.append(&wrote.batch(0), self.now_ms).unwrap();
            assert_eq!((again.base_offset, again.duplicate), (base, true), "{wrote:?}");
        }
    }
}

#[derive(Debug, Clone)]
enum Op {
    Write(Option<i64>, Vec<(Key, Value)>),
    Transact(i64, Vec<(Key, Value)>),
    End(i64, bool),
    Commit,
    Maintain(i64),
    Delete(f64),
    Close,
    Kill,
    PowerCut,
    DropDerived,
}

fn ops() -> impl Strategy<Value = Op> {
    let records = || prop::collection::vec((0..6u8, prop::option::weighted(0.8, any::<u32>())), 1..4);
    prop_oneof![
        8 => (prop::option::of(0..2i64), records()).prop_map(|(producer, records)| Op::Write(producer, records)),
        6 => (10..13i64, records()).prop_map(|(producer, records)| Op::Transact(producer, records)),
        5 => (10..13i64, any::<bool>()).prop_map(|(producer, committed)| Op::End(producer, committed)),
        3 => Just(Op::Commit),
        6 => (0..60i64).prop_map(Op::Maintain),
        1 => (0.0..1.0f64).prop_map(Op::Delete),
        1 => Just(Op::Close),
        1 => Just(Op::Kill),
        1 => Just(Op::PowerCut),
        1 => Just(Op::DropDerived),
    ]
}

fn apply(world: &mut World, op: &Op) {
    match op {
        Op::Write(producer, records) => world.write(producer.map(|id| (id, false)), records).unwrap(),
        Op::Transact(producer, records) => world.write(Some((*producer, true)), records).unwrap(),
        Op::End(producer, committed) => world.end_transaction(*producer, *committed).unwrap(),
        Op::Commit => world.commit(),
        Op::Maintain(passed) => world.maintain(*passed),
        Op::Delete(at) => {
            world.commit();
            let offset = (world.end() as f64 * at) as i64;
            world.partition.delete_before(offset).unwrap();
        }
        Op::Close => {
            world.log.take().unwrap().close().unwrap();
            world.restart(world.disk.reboot(Survives::Nothing), world.wrote.len());
        }
        Op::Kill => world.restart(world.disk.clone(), world.wrote.len()),
        Op::PowerCut => world.restart(world.disk.reboot(Survives::Nothing), world.durable),
        Op::DropDerived => {
            world.commit();
            world.drop_derived();
            world.restart(world.disk.clone(), world.wrote.len());
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases / 4, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_compacted_log_tells_what_the_whole_one_told(
        ops in prop::collection::vec(ops(), 1..90),
        min_lag_ms in prop::sample::select(vec![0i64, 0, 30]),
        retention in prop::option::weighted(0.2, 100..400i64),
    ) {
        let how = PartitionConfig {
            retention: Retention { ms: retention, bytes: None },
            ..compacting(min_lag_ms)
        };
        let mut world = World::new(how);
        for op in &ops {
            apply(&mut world, op);
            if matches!(op, Op::Maintain(_) | Op::Close | Op::Kill | Op::PowerCut | Op::DropDerived | Op::Delete(_)) {
                world.commit();
                world.check_state();
            }
        }
        world.check();
        // Everything that may go goes: all is decided, and time passes.
        for producer in 10..13 {
            world.end_transaction(producer, producer == 11).unwrap();
        }
        for _ in 0..4 {
            world.maintain(100);
            world.check_state();
        }
        world.check();
        world.check_duplicates();
        world.restart(world.disk.reboot(Survives::Nothing), world.wrote.len());
        world.check();
        if retention.is_none() {
            world.check_duplicates();
        }
    }
}
