//! The key index against the log itself: whatever was written, aborted, restarted, damaged or removed.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use annals_kafka_wire::batch::{Batch, BatchBuilder, Compression, Marker};
use bytes::Bytes;
use proptest::prelude::*;

use super::repair::offline;
use super::support::{commit, config, open};
use crate::disk::sim::{SimDisk, Survives};
use crate::keys::BYTES_MAX;
use crate::{
    AppendError, ConditionError, Conditions, Durability, KeyError, KeyedBy, LogDir, Partition,
    PartitionConfig,
};

mod deleted;
pub(super) mod other;
mod restart;

fn name(key: u8) -> Vec<u8> {
    // Of many lengths, the lowest of them the prefix of others, one of them empty.
    vec![b'k'; usize::from(key)]
}

/// A batch of records with these keys; 9 stands for none.
fn keyed(producer: Option<(i64, i32)>, keys: &[u8], codec: Compression) -> Batch {
    let mut builder = BatchBuilder::new().compression(codec);
    if let Some((id, sequence)) = producer {
        builder = builder.producer(id, 0, sequence).transactional();
    }
    for key in keys {
        let name = name(*key);
        // Times that run back and forth.
        let ms = i64::from(*key) * 100 + i64::from(keys[0]);
        builder.push(ms, (*key < 9).then_some(&*name), Some(&[1; 30]), &[]);
    }
    Batch::parse(&builder.build(), 0).expect("a built batch").0
}

fn plain(keys: &[u8]) -> Batch {
    keyed(None, keys, Compression::None)
}

fn marker(producer_id: i64, committed: bool) -> Batch {
    let marker = Marker {
        committed,
        coordinator_epoch: 0,
    };
    let built = marker.build(0, producer_id, 0);
    Batch::parse(&built, 0).expect("a built batch").0
}

fn conditions(keys: &[u8], expected: &[(usize, i64)]) -> Conditions {
    let keys = keys.iter().map(|key| (*key < 9).then(|| Bytes::from(name(*key))));
    let mut conditions = Conditions::new(keys.collect());
    expected
        .iter()
        .for_each(|(index, revision)| conditions.expect(*index, *revision));
    conditions
}

/// The offsets of every key among the committed records before `end`, as a reader finds them.
fn read_all(partition: &Partition, end: i64) -> BTreeMap<Vec<u8>, Vec<i64>> {
    let mut found: BTreeMap<Vec<u8>, Vec<i64>> = BTreeMap::new();
    for (offset, _, key) in records(partition).into_iter().filter(|one| one.0 < end) {
        if let Some(key) = key {
            found.entry(key).or_default().push(offset);
        }
    }
    found
}

/// Offset, timestamp and key of all committed records, as a reader finds them.
fn records(partition: &Partition) -> Vec<(i64, i64, Option<Vec<u8>>)> {
    let mut found = Vec::new();
    let start = partition.log_start_offset();
    let mut next = start;
    loop {
        let read = partition.read_committed(next, 500).expect("a readable log");
        if read.bytes.is_empty() {
            return found;
        }
        for batch in annals_kafka_wire::batch::batches(&read.bytes) {
            let batch = batch.expect("whole batches");
            next = batch.last_offset() + 1;
            if batch.is_control() || read.aborted.iter().any(|aborted| aborted.holds(&batch)) {
                continue;
            }
            for record in batch.records(1 << 20).expect("records") {
                let record = record.expect("a record");
                if record.offset >= start {
                    let key = record.key.map(|key| key.to_vec());
                    found.push((record.offset, record.timestamp_ms, key));
                }
            }
        }
    }
}

/// Asks everything there is to ask, a little at a time.
fn asked(partition: &Partition, end: i64) -> BTreeMap<Vec<u8>, Vec<i64>> {
    let (mut found, mut after) = (BTreeMap::new(), None);
    loop {
        let page = partition
            .keys()
            .keys_after(after.as_deref(), 0..end, 2)
            .expect("keys");
        let Some(last) = page.last() else { return found };
        after = Some(last.key.clone());
        for entry in page {
            let mut offsets = Vec::new();
            loop {
                let skip = offsets.len() as u64;
                let some = partition
                    .keys()
                    .key_offsets(&entry.key, end, skip, 3)
                    .expect("offsets");
                if some.is_empty() {
                    break;
                }
                offsets.extend(some);
            }
            assert_eq!(offsets.first(), Some(&entry.first_offset));
            let count = partition.keys().key_count(&entry.key, end).expect("a count");
            assert_eq!(count, offsets.len() as u64);
            found.insert(entry.key.to_vec(), offsets);
        }
    }
}

/// Holds what the index says of times and numbers to what a reader finds.
fn check_times(partition: &Partition, ends: &[i64]) {
    let all = records(partition);
    let mut latest = i64::MIN;
    let recorded: BTreeMap<i64, i64> = all
        .iter()
        .map(|(offset, ms, _)| {
            latest = latest.max(*ms);
            (*offset, latest)
        })
        .collect();
    for (offset, recorded_ms) in &recorded {
        assert_eq!(
            partition.keys().recorded_by(*offset).expect("a time"),
            *recorded_ms,
            "{offset}"
        );
    }
    for end in ends {
        let keys = read_all(partition, *end);
        assert_eq!(
            partition.keys().keys_begun(*end).expect("keys"),
            keys.len() as u64,
            "before {end}"
        );
        assert_eq!(
            partition.keys().has_producer_time(*end).expect("a source"),
            all.iter().any(|(offset, ..)| offset < end)
        );
        assert_eq!(
            partition.keys().has_records(*end).expect("records"),
            all.iter().any(|(offset, ..)| offset < end)
        );
        for ms in (-1..1_000).step_by(90) {
            let within: Vec<i64> = all
                .iter()
                .map(|one| one.0)
                .filter(|offset| recorded[offset] <= ms && offset < end)
                .collect();
            let last = partition.keys().offset_recorded_at(ms, *end).expect("an offset");
            let told: Vec<i64> = all
                .iter()
                .map(|one| one.0)
                .filter(|offset| *offset <= last)
                .collect();
            assert_eq!(told, within, "by {ms} before {end}");
        }
    }
    let facts = partition.keys().key_facts();
    assert_eq!(facts.end, partition.last_stable_offset());
    if partition.log_start_offset() == 0 {
        let keyless = all.iter().filter(|(.., key)| key.is_none()).count();
        assert_eq!((facts.records, facts.keyless), (all.len() as u64, keyless as u64));
        assert_eq!(facts.keys, read_all(partition, i64::MAX).len() as u64);
    }
}

/// Holds the index to what a reader finds, at some places.
pub(super) fn check(partition: &Partition) {
    let stable = partition.last_stable_offset();
    check_times(partition, &[0, 1, stable / 2, stable]);
    for end in [0, 1, stable / 2, stable - 1, stable, stable + 5] {
        let all = read_all(partition, end);
        assert_eq!(asked(partition, end), all, "before {end}");
        for from in [0, end / 2, end - 1, end] {
            let is_within =
                |(_, offsets): &(&Vec<u8>, &Vec<i64>)| offsets.iter().any(|offset| *offset >= from);
            let within: BTreeSet<&[u8]> = all.iter().filter(is_within).map(|(key, _)| &**key).collect();
            let found = partition.keys().keys_after(None, from..end, 10_000);
            let found = found.expect("keys");
            let found: BTreeSet<&[u8]> = found.iter().map(|entry| &*entry.key).collect();
            assert!(found.is_superset(&within), "from {from} to {end}");
            let known = |key: &&[u8]| all.contains_key(*key);
            assert!(found.iter().all(known), "from {from} to {end}");
        }
    }
    assert_eq!(
        partition.keys().key_count(b"never", i64::MAX).expect("a count"),
        0
    );
}

fn runs(disk: &SimDisk) -> Vec<(String, Vec<u8>)> {
    let names = disk
        .names("a/0")
        .into_iter()
        .filter(|name| name.ends_with(".keys"));
    names
        .map(|name| format!("a/0/{name}"))
        .map(|name| (name.clone(), disk.bytes(&name)))
        .collect()
}

#[derive(Debug, Clone)]
enum Op {
    Plain(Vec<u8>, bool),
    Write(i64, Vec<u8>),
    End(i64, bool),
    Commit,
    Ask,
    /// The log's upkeep, which merges runs.
    Maintain,
    /// Append on condition: the keys, for each whether a revision is expected, and which is wrong by how much.
    Expect(Option<i64>, Vec<(u8, bool)>, i64),
    Restart {
        clean: bool,
    },
    /// Damages a byte of a run, or takes the run away.
    Spoil {
        run: usize,
        at: Option<usize>,
    },
}

fn op() -> impl Strategy<Value = Op> {
    let keys = || prop::collection::vec(0..10u8, 1..5);
    let asked = prop::collection::vec((0..9u8, any::<bool>()), 1..4);
    prop_oneof![
        4 => (keys(), any::<bool>()).prop_map(|(keys, packed)| Op::Plain(keys, packed)),
        3 => (1..4i64, keys()).prop_map(|(id, keys)| Op::Write(id, keys)),
        2 => (1..4i64, any::<bool>()).prop_map(|(id, committed)| Op::End(id, committed)),
        3 => Just(Op::Commit),
        2 => Just(Op::Ask),
        1 => Just(Op::Maintain),
        4 => (prop::option::of(1..4i64), asked, prop_oneof![3 => Just(0), 1 => -1..2i64])
            .prop_map(|(own, asked, wrong)| Op::Expect(own, asked, wrong)),
        1 => any::<bool>().prop_map(|clean| Op::Restart { clean }),
        1 => (0..9usize, prop::option::of(0..400usize)).prop_map(|(run, at)| Op::Spoil { run, at }),
    ]
}

/// The log, and what is known about it from outside.
struct World {
    disk: SimDisk,
    log: LogDir,
    partition: std::sync::Arc<Partition>,
    config: PartitionConfig,
    sequences: BTreeMap<i64, i32>,
    open: BTreeMap<i64, ()>,
    other: Option<KeyedBy>,
    /// Key, and the transaction's producer until it is decided; by offset.
    records: BTreeMap<i64, (u8, Option<i64>)>,
}

impl World {
    fn new(durability: Durability) -> World {
        let disk = SimDisk::new();
        let log = open(&disk).expect("a log");
        let config = PartitionConfig {
            durability,
            ..config(700)
        };
        let partition = log.partition("a/0", config.clone()).expect("a partition");
        World {
            disk,
            log,
            partition,
            config,
            sequences: BTreeMap::new(),
            open: BTreeMap::new(),
            other: None,
            records: BTreeMap::new(),
        }
    }

    fn stored(&mut self, base: i64, keys: &[u8], producer: Option<i64>) {
        for (offset, key) in (base..).zip(keys) {
            self.records.insert(offset, (*key, producer));
        }
    }

    fn sequenced(&mut self, id: i64, keys: &[u8]) -> Batch {
        let sequence = self.sequences.get(&id).copied().unwrap_or(0);
        keyed(Some((id, sequence)), keys, Compression::None)
    }

    fn wrote(&mut self, id: i64, base: i64, keys: &[u8]) {
        *self.sequences.entry(id).or_default() += keys.len() as i32;
        self.open.insert(id, ());
        self.stored(base, keys, Some(id));
    }

    fn run(&mut self, op: Op) {
        match op {
            Op::Plain(keys, packed) => {
                let codec = if packed {
                    Compression::Lz4
                } else {
                    Compression::None
                };
                let appended = self
                    .partition
                    .append(&keyed(None, &keys, codec), 0)
                    .expect("room");
                self.stored(appended.base_offset, &keys, None);
            }
            Op::Write(id, keys) => {
                let batch = self.sequenced(id, &keys);
                let appended = self.partition.append(&batch, 0).expect("room");
                self.wrote(id, appended.base_offset, &keys);
            }
            Op::End(id, committed) => {
                self.partition.append(&marker(id, committed), 0).expect("room");
                self.open.remove(&id);
                match committed {
                    true => self
                        .records
                        .values_mut()
                        .filter(|one| one.1 == Some(id))
                        .for_each(|one| one.1 = None),
                    false => self.records.retain(|_, one| one.1 != Some(id)),
                }
            }
            Op::Commit => commit(&self.log),
            Op::Ask => {
                check(&self.partition);
                // One that is kept, and one that begins with what is on disk.
                let kept = self
                    .other
                    .get_or_insert_with(|| other::by(&self.partition, "time-2"));
                other::check_index(&self.partition, kept.index());
                other::check(&self.partition);
            }
            Op::Maintain => self.log.maintain(0),
            Op::Expect(own, asked, wrong) => self.expect(own, &asked, wrong),
            Op::Restart { clean } => self.restart(clean),
            Op::Spoil { run, at } => {
                let runs = runs(&self.disk);
                let Some((name, bytes)) = runs.get(run % runs.len().max(1)) else {
                    return;
                };
                let mut bytes = bytes.clone();
                match at {
                    Some(at) if !bytes.is_empty() => {
                        let at = at % bytes.len();
                        bytes[at] ^= 1;
                    }
                    _ => bytes.clear(),
                }
                self.disk.put(name, &bytes);
            }
        }
    }

    fn expect(&mut self, own: Option<i64>, asked: &[(u8, bool)], wrong: i64) {
        let keys: Vec<u8> = asked.iter().map(|(key, _)| *key).collect();
        let count = |key: u8| self.records.values().filter(|one| one.0 == key).count() as i64;
        let (mut expected, mut undecided) = (Vec::new(), false);
        for (index, (key, is_asked)) in asked.iter().enumerate() {
            if !is_asked {
                continue;
            }
            let before = keys[..index].iter().filter(|other| *other == key).count() as i64;
            expected.push((index, count(*key) + before - 1));
            undecided |= self
                .records
                .values()
                .any(|one| one.0 == *key && one.1.is_some() && one.1 != own);
        }
        let right = expected.clone();
        if let Some(last) = expected.last_mut() {
            last.1 += wrong;
        }
        let batch = match own {
            Some(id) => self.sequenced(id, &keys),
            None => plain(&keys),
        };
        match self.partition.append_if(&batch, 0, &conditions(&keys, &expected)) {
            Ok(appended) => {
                assert!(
                    !undecided && (wrong == 0 || expected.is_empty()),
                    "{asked:?} by {own:?}"
                );
                match own {
                    Some(id) => self.wrote(id, appended.base_offset, &keys),
                    None => self.stored(appended.base_offset, &keys, None),
                }
            }
            Err(AppendError::Condition(ConditionError::Undecided { .. })) => assert!(undecided),
            Err(AppendError::Condition(ConditionError::Revision(unexpected))) => {
                assert!(!undecided && wrong != 0);
                let last = right.last().expect("one that is wrong");
                let found: Vec<_> = unexpected.iter().map(|one| (one.index, one.found)).collect();
                assert_eq!(found, [*last]);
            }
            Err(error) => panic!("{error}"),
        }
    }

    fn restart(&mut self, clean: bool) {
        commit(&self.log);
        let end = self.partition.log_end_offset();
        if clean {
            self.log.clone().close().expect("a clean end");
        } else {
            self.partition.sync_to(end - 1).expect("a sync");
        }
        self.other = None;
        self.disk = self.disk.reboot(Survives::Nothing);
        self.log = open(&self.disk).expect("a log");
        self.partition = self
            .log
            .partition("a/0", self.config.clone())
            .expect("a partition");
        assert_eq!(self.partition.log_end_offset(), end);
    }
}

fn world(durability: Durability, ops: Vec<Op>) {
    let mut world = World::new(durability);
    for op in ops {
        world.run(op);
    }
    for id in 1..4 {
        world.run(Op::End(id, id % 2 == 0));
    }
    world.run(Op::Ask);
    // Damage where nobody asked is found by a check. Thrown away, the runs come back with the same bytes.
    offline(&world.disk).discard("a/0").expect("a check");
    world.restart(true);
    world.run(Op::Ask);
    world.run(Op::Maintain);
    world.run(Op::Ask);
    let written = runs(&world.disk);
    for (name, _) in &written {
        world.disk.put(name, b"");
    }
    world.restart(true);
    world.run(Op::Ask);
    world.run(Op::Maintain);
    assert_eq!(runs(&world.disk), written);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases / 8, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn it_tells_what_a_reader_finds(ops in prop::collection::vec(op(), 1..60)) {
        world(Durability::Fsync, ops);
    }

    #[test]
    fn it_does_where_the_operating_system_writes(ops in prop::collection::vec(op(), 1..60)) {
        world(Durability::Os, ops);
    }
}

#[test]
fn an_index_that_nobody_asks_is_given_back() {
    let mut world = World::new(Durability::Fsync);
    for _ in 0..20 {
        world.run(Op::Plain(vec![1, 2, 3], false));
    }
    commit(&world.log);
    check(&world.partition);
    let taken = || world.log.shared().keys.taken();
    let before = taken();
    world.disk.pass(Duration::from_secs(599));
    world.log.maintain(0);
    assert!(before > 0 && taken() == before);
    world.disk.pass(Duration::from_secs(1));
    world.log.maintain(0);
    assert_eq!(taken(), 0);
    check(&world.partition);
    assert!(taken() > 0);
}

#[test]
fn all_key_indexes_together_take_only_so_much() {
    let mut world = World::new(Durability::Fsync);
    for _ in 0..20 {
        world.run(Op::Plain(vec![1, 2, 3], false));
    }
    commit(&world.log);
    check(&world.partition);
    let keys = world.log.shared().keys.clone();
    let own = keys.taken();
    let forget = |world: &World| {
        world.disk.pass(Duration::from_secs(600));
        world.log.maintain(0);
    };
    forget(&world);
    keys.take(BYTES_MAX - own);
    check(&world.partition);
    assert_eq!(keys.taken(), BYTES_MAX, "as much as there may be");
    forget(&world);
    keys.take(1);
    let refused = world.partition.keys().keys_begun(i64::MAX);
    assert!(matches!(refused, Err(KeyError::NoRoom { .. })), "{refused:?}");
    assert_eq!(
        keys.taken(),
        BYTES_MAX - own + 1,
        "nothing is kept of what is too much"
    );
}

#[test]
fn a_key_that_occurs_often_is_found_at_any_place() {
    let disk = SimDisk::new();
    let log = open(&disk).unwrap();
    let partition = log.partition("a/0", config(60_000)).unwrap();
    for _ in 0..40 {
        partition.append(&plain(&[3, 5, 3].repeat(50)), 0).unwrap();
        commit(&log);
    }
    let all = read_all(&partition, i64::MAX).remove(&name(3)).unwrap();
    assert_eq!(all.len(), 4_000);
    for skip in [0, 1, 127, 128, 129, 1_000, 3_999, 4_000, 9_000] {
        for max in [0, 1, 130, 5_000] {
            let found = partition
                .keys()
                .key_offsets(&name(3), i64::MAX, skip as u64, max)
                .unwrap();
            let rest = all.get(skip..).unwrap_or_default();
            assert_eq!(found, &rest[..max.min(rest.len())], "{max} from the {skip}th on");
        }
    }
    for (count, offset) in all.iter().enumerate() {
        assert_eq!(
            partition.keys().key_count(&name(3), *offset).unwrap(),
            count as u64
        );
    }
    assert!(runs(&disk).len() > 2);
}

#[test]
fn a_run_with_any_bit_flipped_or_torn_anywhere_is_noticed_or_means_nothing() {
    let mut world = World::new(Durability::Fsync);
    for _ in 0..12 {
        world.run(Op::Plain(vec![1, 2, 8, 9], false));
        world.run(Op::Commit);
    }
    check(&world.partition);
    let (path, good) = runs(&world.disk).swap_remove(0);
    for byte in 0..good.len() {
        let (mut flipped, mut zeros) = (good.clone(), good.clone());
        flipped[byte] ^= 1 << (byte % 8);
        zeros[byte..].fill(0);
        // Opened before, its blocks are read again; afterwards, all of it.
        world.disk.put(&path, &flipped);
        check(&world.partition);
        for bad in [&flipped[..], &good[..byte], &zeros] {
            let disk = world.disk.reboot(Survives::Nothing);
            disk.put(&path, bad);
            let log = open(&disk).unwrap();
            let partition = log.partition("a/0", world.config.clone()).unwrap();
            check(&partition);
            assert_eq!(disk.bytes(&path), good, "byte {byte}: it was made anew");
        }
    }
}

#[test]
fn a_retry_is_answered_before_its_condition_is_judged() {
    let mut world = World::new(Durability::Fsync);
    let batch = world.sequenced(1, &[4]);
    let first = world
        .partition
        .append_if(&batch, 0, &conditions(&[4], &[(0, -1)]))
        .unwrap();
    let again = world
        .partition
        .append_if(&batch, 0, &conditions(&[4], &[(0, -1)]))
        .unwrap();
    assert!(again.duplicate && again.base_offset == first.base_offset);
}
