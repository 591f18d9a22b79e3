//! Copies in the order of keys against the log itself: whatever was written, aborted, compacted, deleted, restarted or damaged.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::Arc;

use annals_kafka_wire::batch::{Batch, BatchBuilder, Compression, Headers, Marker, Record};
use bytes::Bytes;
use proptest::prelude::*;

use super::support::{commit, config, open};
use crate::compact::Compaction;
use crate::disk::sim::{SimDisk, Survives};
use crate::format::crc;
use crate::{Chunk, Durability, KeyError, LogDir, Partition, PartitionConfig, ReadError};

mod files;
mod lost;

const PATH: &str = "a/0";

/// Key (9: none), length of the value (9: none), and how many headers.
type Row = (u8, u8, u8);

fn name(key: u8) -> Vec<u8> {
    // Some are the beginning of others; one is empty, and some are longer than what is compared first.
    match key {
        0..4 => vec![b'k'; usize::from(key)],
        _ => [&[b'k'; 11][..], &[key]].concat(),
    }
}

fn built(builder: BatchBuilder, rows: &[Row], salt: u8) -> Vec<u8> {
    let mut builder = builder;
    for (key, length, headers) in rows {
        let (name, value) = (name(*key), vec![salt; usize::from(*length) * 9]);
        let headers: Vec<(&str, &[u8])> = [("one", &b"1"[..]), ("", b""), ("three", &value)]
            .into_iter()
            .take(usize::from(*headers))
            .collect();
        // Times that run back and forth.
        let ms = i64::from(*key) * 100 + i64::from(salt);
        let (key, value) = ((*key < 9).then_some(&*name), (*length < 9).then_some(&*value));
        builder.push(ms, key, value, &headers);
    }
    builder.build().to_vec()
}

fn parsed(bytes: Vec<u8>) -> Batch {
    Batch::parse(&bytes.into(), 0).expect("a built batch").0
}

/// A batch whose checksum is right and whose last record nobody can read.
fn unreadable(rows: &[Row], salt: u8) -> Batch {
    let mut bytes = built(BatchBuilder::new(), rows, salt);
    if let Some(last) = bytes.last_mut() {
        *last = 0x7f;
    }
    let sum = crc(&bytes[21..]);
    bytes[17..21].copy_from_slice(&sum.to_be_bytes());
    parsed(bytes)
}

fn marker(producer_id: i64, committed: bool) -> Batch {
    let marker = Marker {
        committed,
        coordinator_epoch: 0,
    };
    parsed(marker.build(0, producer_id, 0).to_vec())
}

/// A record as it is compared.
type Told = (Vec<u8>, i64, i64, Option<Bytes>, Headers);

fn told(record: Record) -> Told {
    let key = record.key.expect("a key").to_vec();
    (
        key,
        record.offset,
        record.timestamp_ms,
        record.value,
        record.headers,
    )
}

/// Every record with a key, as a reader of the log and the index find it, in the order of (key, offset).
fn expected(partition: &Partition) -> Vec<Told> {
    let (mut found, mut indexed) = (Vec::new(), BTreeSet::new());
    for key in 0..9 {
        let offsets = partition.keys().key_offsets(&name(key), i64::MAX, 0, usize::MAX);
        indexed.extend(offsets.expect("offsets"));
    }
    let start = partition.log_start_offset();
    let mut next = start;
    loop {
        let (bytes, aborted) = match partition.read_committed(next, 500) {
            Err(ReadError::Damaged(damage)) => match partition.recovered(&damage, next) {
                Some(bytes) => (bytes, Vec::new()),
                None => {
                    next = damage.end_offset.max(next + 1);
                    continue;
                }
            },
            read => read
                .map(|read| (read.bytes, read.aborted))
                .expect("a readable log"),
        };
        if bytes.is_empty() {
            break;
        }
        for batch in annals_kafka_wire::batch::batches(&bytes) {
            let batch = batch
                .expect("whole batches")
                .verified()
                .expect("a right checksum");
            assert_eq!(batch.base_offset().max(next), next, "batches without gaps");
            next = batch.last_offset() + 1;
            if batch.is_control() || aborted.iter().any(|aborted| aborted.holds(&batch)) {
                continue;
            }
            let records: Result<Vec<_>, _> = batch.records(1 << 20).and_then(Iterator::collect);
            for record in records.unwrap_or_default() {
                if record.offset >= start && record.key.is_some() {
                    assert!(indexed.remove(&record.offset), "it is in the index");
                    found.push(told(record));
                }
            }
        }
    }
    assert!(indexed.is_empty(), "the index tells of more: {indexed:?}");
    found.sort_by(|one, other| (&one.0, one.1).cmp(&(&other.0, other.1)));
    found
}

/// All that a chunk has from a place on, read so many bytes at a time.
fn try_scanned(chunk: &Arc<Chunk>, key: &[u8], offset: i64, ahead: usize) -> io::Result<Vec<Told>> {
    let mut scan = chunk.scan(key, offset, ahead)?;
    let mut found = Vec::new();
    while let Some(copied) = scan.next()? {
        found.push(told(copied));
    }
    Ok(found)
}

fn scanned(chunk: &Arc<Chunk>, key: &[u8], offset: i64, ahead: usize) -> Vec<Told> {
    try_scanned(chunk, key, offset, ahead).expect("a chunk that is whole")
}

/// A stretch of the log, put in order in memory.
fn filled(partition: &Partition, from: i64, end: i64) -> Vec<Arc<Chunk>> {
    let (mut all, mut next) = (Vec::new(), from);
    while next < end {
        match partition.in_key_order(next, end) {
            Ok(chunk) => {
                assert_eq!(chunk.first(), next);
                assert!(chunk.end() > next && chunk.end() <= end, "it gets on");
                next = chunk.end();
                all.push(Arc::new(chunk));
            }
            Err(KeyError::Log(ReadError::Damaged(damage))) => next = damage.end_offset.max(next + 1),
            Err(error) => panic!("{error}"),
        }
    }
    all
}

/// The chunks there are, and what fills the gaps between them.
fn ranges(partition: &Partition) -> Vec<Arc<Chunk>> {
    let (mut all, mut next) = (Vec::new(), partition.log_start_offset());
    // Who reads a damaged one is told, and it is not given again; another that it overlapped may be.
    let is_damaged = |chunk: &Arc<Chunk>| try_scanned(chunk, b"", 0, 0).is_err();
    let is_whole = || !partition.clustered().expect("chunks").iter().any(is_damaged);
    assert!(
        (0..100).any(|_| is_whole()),
        "damaged chunks are given again and again"
    );
    for chunk in partition.clustered().expect("chunks").iter() {
        assert!(next <= chunk.first() && chunk.first() < chunk.end());
        all.extend(filled(partition, next, chunk.first()));
        next = chunk.end();
        all.push(Arc::clone(chunk));
    }
    all.extend(filled(partition, next, partition.last_stable_offset()));
    all
}

/// What some chunks tell together, in the order of (key, offset).
fn together(chunks: &[Arc<Chunk>]) -> Vec<Told> {
    let mut all: Vec<Told> = chunks
        .iter()
        .flat_map(|chunk| scanned(chunk, b"", 0, 0))
        .collect();
    all.sort_by(|one, other| (&one.0, one.1).cmp(&(&other.0, other.1)));
    all
}

/// Holds what chunks tell to what a reader of the log finds.
fn check(partition: &Partition) {
    let log = expected(partition);
    let chunks = ranges(partition);
    for chunk in &chunks {
        let whole = scanned(chunk, b"", 0, 0);
        assert!(
            whole
                .windows(2)
                .all(|pair| (&pair[0].0, pair[0].1) < (&pair[1].0, pair[1].1))
        );
        let within = |offset: i64| (chunk.first()..chunk.end()).contains(&offset);
        assert!(whole.iter().all(|one| within(one.1)));
        assert!(chunk.records() >= whole.len() as u64);
        check_places(chunk, &whole);
    }
    assert_eq!(together(&chunks), log);
    // From anywhere to anywhere, also within batches.
    let (start, end) = (partition.log_start_offset(), partition.last_stable_offset());
    let third = start + (end - start) / 3;
    for (from, to) in [(third, end - (end - start) / 3), (third + 1, third + 2)] {
        let mut within = log.clone();
        within.retain(|one| (from..to.min(end)).contains(&one.1));
        assert_eq!(
            together(&filled(partition, from, to.min(end))),
            within,
            "{from} to {to}"
        );
    }
}

/// From every place on a chunk gives what is behind it, however one comes there.
fn check_places(chunk: &Arc<Chunk>, whole: &[Told]) {
    let middle = (chunk.first() + chunk.end()) / 2;
    let places = (0..9).flat_map(|key| [(name(key), 0), (name(key), middle), (name(key), i64::MAX)]);
    let places: Vec<(Vec<u8>, i64)> = places.chain([(b"kk!".to_vec(), 0), (vec![0xff], 0)]).collect();
    let rest = |(key, offset): &(Vec<u8>, i64)| {
        let at = whole.partition_point(|one| (&one.0, one.1) < (key, *offset));
        whole[at..].to_vec()
    };
    let mut scan = chunk.scan(b"", 0, 100).expect("a scan");
    let mut sorted = places.clone();
    sorted.sort();
    let mut behind = 0;
    for place in &sorted {
        scan.seek(&place.0, place.1).expect("a place");
        let first = rest(place).len().min(whole.len() - behind);
        let next = scan.next().expect("a record").map(told);
        assert_eq!(next.as_ref(), whole.get(whole.len() - first), "{place:?}");
        behind = whole.len() - first + usize::from(next.is_some());
        // Nobody goes back.
        scan.seek(b"", 0).expect("a place");
    }
    for (at, place) in places.iter().enumerate() {
        assert_eq!(
            scanned(chunk, &place.0, place.1, at * 40),
            rest(place),
            "{place:?}"
        );
    }
}

#[derive(Debug, Clone)]
enum Op {
    Plain(Vec<Row>, usize),
    Unreadable(Vec<Row>),
    Write(i64, Vec<Row>),
    End(i64, bool),
    Commit,
    Cluster,
    Check,
    /// The log's upkeep, which compacts where that is wanted.
    Maintain,
    /// Deletes so much of what there is, in hundredths.
    Delete(i64),
    Restart {
        clean: bool,
    },
    /// Damages a byte of a chunk, or takes its bytes away.
    Spoil {
        chunk: usize,
        at: Option<usize>,
    },
}

fn op() -> impl Strategy<Value = Op> {
    let rows = || prop::collection::vec((0..10u8, 0..10u8, 0..4u8), 1..6);
    prop_oneof![
        8 => (rows(), 0..5usize).prop_map(|(rows, codec)| Op::Plain(rows, codec)),
        1 => rows().prop_map(Op::Unreadable),
        3 => (1..4i64, rows()).prop_map(|(id, rows)| Op::Write(id, rows)),
        2 => (1..4i64, any::<bool>()).prop_map(|(id, committed)| Op::End(id, committed)),
        3 => Just(Op::Commit),
        3 => Just(Op::Cluster),
        2 => Just(Op::Check),
        2 => Just(Op::Maintain),
        1 => (0..101i64).prop_map(Op::Delete),
        1 => any::<bool>().prop_map(|clean| Op::Restart { clean }),
        1 => (0..9usize, prop::option::of(0..900usize)).prop_map(|(chunk, at)| Op::Spoil { chunk, at }),
    ]
}

/// Chunk and block bytes: a few batches, and a few records.
const SIZES: (usize, usize) = (1_100, 150);

struct World {
    disk: SimDisk,
    log: LogDir,
    partition: Arc<Partition>,
    config: PartitionConfig,
    sequences: BTreeMap<i64, i32>,
    salt: u8,
    now_ms: i64,
}

impl World {
    fn new(config: PartitionConfig) -> World {
        let disk = SimDisk::new();
        let log = open(&disk).expect("a log");
        let partition = log.partition(PATH, config.clone()).expect("a partition");
        partition.set_copy_sizes(SIZES.0, SIZES.1);
        World {
            disk,
            log,
            partition,
            config,
            sequences: BTreeMap::new(),
            salt: 0,
            now_ms: 0,
        }
    }

    fn append(&mut self, batch: &Batch) {
        self.salt = self.salt.wrapping_add(1);
        // What is found damaged at a start takes no more.
        let appended = self.partition.append(batch, self.now_ms);
        assert!(
            appended.is_ok() || !self.partition.takes_records(),
            "{appended:?}"
        );
    }

    fn run(&mut self, op: Op) {
        match op {
            Op::Plain(rows, codec) => {
                let builder = BatchBuilder::new().compression(Compression::ALL[codec]);
                self.append(&parsed(built(builder, &rows, self.salt)));
            }
            Op::Unreadable(rows) => self.append(&unreadable(&rows, self.salt)),
            Op::Write(id, rows) => {
                let sequence = self.sequences.get(&id).copied().unwrap_or(0);
                let builder = BatchBuilder::new().producer(id, 0, sequence).transactional();
                self.append(&parsed(built(builder, &rows, self.salt)));
                if self.partition.takes_records() {
                    *self.sequences.entry(id).or_default() += rows.len() as i32;
                }
            }
            Op::End(id, committed) => self.append(&marker(id, committed)),
            Op::Commit => commit(&self.log),
            Op::Cluster => {
                self.partition.cluster().expect("chunks");
            }
            Op::Check => check(&self.partition),
            Op::Maintain => {
                self.now_ms += 60;
                self.log.maintain(self.now_ms);
            }
            Op::Delete(part) => {
                let (start, end) = (self.partition.log_start_offset(), self.partition.high_watermark());
                let deleted = self.partition.delete_before(start + (end - start) * part / 100);
                assert!(deleted.is_ok() || !self.partition.takes_records(), "{deleted:?}");
            }
            Op::Restart { clean } => self.restart(clean),
            Op::Spoil { chunk, at } => self.spoil(chunk, at),
        }
    }

    fn spoil(&self, chunk: usize, at: Option<usize>) {
        let files = chunk_files(&self.disk);
        let Some((name, bytes)) = files.get(chunk % files.len().max(1)) else {
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

    fn restart(&mut self, clean: bool) {
        commit(&self.log);
        let end = self.partition.log_end_offset();
        if clean {
            self.log.clone().close().expect("a clean end");
        } else {
            self.partition.sync_to(end - 1).expect("a sync");
        }
        self.disk = self.disk.reboot(Survives::Nothing);
        self.log = open(&self.disk).expect("a log");
        self.partition = self
            .log
            .partition(PATH, self.config.clone())
            .expect("a partition");
        self.partition.set_copy_sizes(SIZES.0, SIZES.1);
    }
}

fn chunk_files(disk: &SimDisk) -> Vec<(String, Vec<u8>)> {
    let mut names = disk.names(PATH);
    names.retain(|name| name.contains(".clustered"));
    names
        .into_iter()
        .map(|name| format!("{PATH}/{name}"))
        .map(|name| (name.clone(), disk.bytes(&name)))
        .collect()
}

fn world(config: PartitionConfig, ops: Vec<Op>) {
    let mut world = World::new(config);
    for op in ops {
        world.run(op);
    }
    for id in 1..4 {
        world.run(Op::End(id, id % 2 == 0));
    }
    world.run(Op::Commit);
    world.run(Op::Cluster);
    check(&world.partition);
    world.restart(true);
    world.run(Op::Cluster);
    check(&world.partition);
    // What was spoiled and nobody had read was read now.
    world.run(Op::Cluster);
    let written = chunk_files(&world.disk);
    for (name, _) in &written {
        world.disk.put(name, b"");
    }
    world.restart(true);
    world.run(Op::Cluster);
    check(&world.partition);
    // Thrown away, they come back with the same bytes; where the log starts within a chunk, that was made up to the next.
    let again = chunk_files(&world.disk);
    let names = |files: &[(String, Vec<u8>)]| files.iter().map(|file| file.0.clone()).collect::<Vec<_>>();
    if world.partition.log_start_offset() == 0 {
        assert_eq!(names(&again), names(&written));
        assert!(again == written, "the bytes are others");
    }
}

/// Segments of a few chunks.
fn plain(durability: Durability) -> PartitionConfig {
    PartitionConfig {
        durability,
        ..config(3_000)
    }
}

fn compacting() -> PartitionConfig {
    PartitionConfig {
        compaction: Some(Compaction {
            min_dirty_ratio: 0.0,
            min_lag_ms: 0,
            max_lag_ms: None,
            delete_retention_ms: 100,
        }),
        segment_ms_max: Some(50),
        ..config(3_000)
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases / 8, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn they_tell_what_a_reader_finds(ops in prop::collection::vec(op(), 1..80)) {
        world(plain(Durability::Fsync), ops);
    }

    #[test]
    fn they_do_where_the_operating_system_writes(ops in prop::collection::vec(op(), 1..80)) {
        world(plain(Durability::Os), ops);
    }

    #[test]
    fn they_do_where_the_log_is_compacted(ops in prop::collection::vec(op(), 1..80)) {
        world(compacting(), ops);
    }
}
