//! The power is cut at every step of a busy life, and of the recoveries after it.
//!
//! Checked each time: every acknowledged record is there, byte for byte; what was served is still served; what is
//! found was sent, in order, nothing twice; a producer that repeats its last batch is told the original offset; a
//! removed partition stays removed; and the log goes on. Where the power left a hole in what was never acknowledged,
//! somebody has to repair the partition first: until then everything acknowledged can be read.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use annals_kafka_wire::batch::Batch;

use super::support::{batch, batches, body, commit, config, open};
use crate::disk::sim::{SimDisk, Survives};
use crate::{LogDir, LogError, OfflineLog, Partition};

const SEGMENT_BYTES_MAX: u64 = 1_500;

/// What clients of one partition know.
#[derive(Debug, Clone, Default)]
struct Seen {
    /// Bodies of all batches sent, in order; a refused one is not resent.
    sent: Vec<Batch>,
    /// The highest high watermark anybody saw.
    served: i64,
    /// Offsets whose batch was lost before anybody saw it.
    emptied: BTreeSet<i64>,
    /// A removal was begun.
    removing: bool,
    /// A removal was answered.
    removed: bool,
}

type Witness = BTreeMap<&'static str, Seen>;

/// Stops at the first error.
type Step = Result<(), ()>;

struct Life<'a> {
    log: LogDir,
    open: BTreeMap<&'static str, Arc<Partition>>,
    witness: &'a mut Witness,
}

impl Life<'_> {
    fn open(&mut self, path: &'static str) -> Step {
        self.witness.entry(path).or_default();
        let partition = self
            .log
            .partition(path, config(SEGMENT_BYTES_MAX))
            .map_err(drop)?;
        self.open.insert(path, partition);
        Ok(())
    }

    /// One batch of three records by an idempotent producer.
    fn append(&mut self, path: &'static str, value_bytes: usize) -> Step {
        let seen = self.witness.get_mut(path).unwrap();
        let sequence = seen.sent.len() as i32 * 3;
        let sent = batch(Some((7, 0, sequence)), &[1, 2, i64::from(sequence)], value_bytes);
        seen.sent.push(sent.clone());
        let appended = self.open[path].append(&sent, 0).map_err(drop)?;
        assert_eq!(appended.base_offset, i64::from(sequence));
        Ok(())
    }

    fn commit(&mut self) -> Step {
        commit(&self.log);
        self.look();
        if self.log.failed().is_some() {
            Err(())
        } else {
            Ok(())
        }
    }

    /// Readers come by.
    fn look(&mut self) {
        for (path, partition) in &self.open {
            let seen = self.witness.get_mut(path).unwrap();
            seen.served = seen.served.max(partition.high_watermark());
        }
    }

    fn remove(&mut self, path: &'static str) -> Step {
        self.open.remove(path);
        self.witness.get_mut(path).unwrap().removing = true;
        self.log.remove(path).map_err(drop)?;
        self.witness.get_mut(path).unwrap().removed = true;
        Ok(())
    }
}

/// The script: two partitions that roll, groups of several batches, a checkpoint, a removal, a close, a second run.
fn live(disk: &SimDisk, witness: &mut Witness) -> Step {
    let mut life = Life {
        log: open(disk).map_err(drop)?,
        open: BTreeMap::new(),
        witness,
    };
    life.open("t/a/0")?;
    life.append("t/a/0", 100)?;
    life.commit()?;
    life.open("t/b/0")?;
    life.append("t/a/0", 300)?;
    life.append("t/b/0", 20)?;
    life.append("t/a/0", 100)?;
    life.append("t/a/0", 10)?;
    life.commit()?;
    life.append("t/b/0", 20)?;
    life.append("t/a/0", 400)?;
    life.append("t/a/0", 400)?;
    life.append("t/a/0", 50)?;
    life.commit()?;
    life.log.shared().save(false).map_err(drop)?;
    life.append("t/a/0", 5)?;
    life.append("t/b/0", 200)?;
    life.commit()?;
    life.remove("t/b/0")?;
    life.append("t/a/0", 20)?;
    life.log.clone().close().map_err(drop)?;
    life.look();
    let mut life = Life {
        log: open(disk).map_err(drop)?,
        open: BTreeMap::new(),
        witness,
    };
    life.open("t/a/0")?;
    life.append("t/a/0", 300)?;
    life.commit()?;
    life.append("t/a/0", 300)?;
    life.commit()
}

/// Opens every partition, repaired where need be.
fn open_all(disk: &SimDisk, witness: &Witness) -> Result<(LogDir, Vec<Arc<Partition>>), LogError> {
    let log = open(disk)?;
    let partition = |path: &&str| log.partition(path, config(SEGMENT_BYTES_MAX));
    let partitions = witness.keys().map(partition).collect::<Result<Vec<_>, _>>()?;
    if partitions.iter().all(|partition| partition.takes_records()) {
        return Ok((log, partitions));
    }
    for (partition, seen) in partitions.iter().zip(witness.values()) {
        for offset in 0..if seen.removing { 0 } else { seen.served } {
            partition
                .read(offset, 1)
                .expect("acknowledged, so it can be read");
        }
    }
    drop((log, partitions));
    let mut offline = OfflineLog::on(Arc::new(disk.clone()), None)?;
    for path in witness.keys() {
        offline.repair(path)?;
    }
    drop(offline);
    let log = open(disk)?;
    let partition = |path: &&str| log.partition(path, config(SEGMENT_BYTES_MAX));
    let partitions = witness.keys().map(partition).collect::<Result<Vec<_>, _>>()?;
    assert!(partitions.iter().all(|partition| partition.takes_records()));
    Ok((log, partitions))
}

/// Opens every partition, as the next run does. An error is only the power's.
fn recover(disk: &SimDisk, witness: &mut Witness) -> Option<(LogDir, Vec<Arc<Partition>>)> {
    let (log, partitions) = match open_all(disk, witness) {
        Ok(opened) => opened,
        Err(_) if disk.is_cut() => return None,
        Err(error) => panic!("{error}"),
    };
    for (partition, seen) in partitions.iter().zip(witness.values_mut()) {
        check(partition, seen);
        seen.served = seen.served.max(partition.high_watermark());
    }
    Some((log, partitions))
}

fn check(partition: &Partition, seen: &mut Seen) {
    let found = batches(partition);
    if seen.removed {
        assert!(found.is_empty(), "{} came back", partition.path());
        return;
    }
    if !seen.removing {
        assert!(
            partition.high_watermark() >= seen.served,
            "lost: {partition:?}, {} was served",
            seen.served
        );
    }
    assert!(found.len() <= seen.sent.len());
    for (stored, sent) in found.iter().zip(&seen.sent) {
        let offset = stored.base_offset();
        if stored.count() == 0 && !seen.emptied.contains(&offset) {
            // The place of a batch that nobody was told of may be empty, when one behind it survived.
            assert!(offset >= seen.served, "{}: {offset} was served", partition.path());
            seen.emptied.insert(offset);
        }
        let empty = seen.emptied.contains(&offset);
        assert!(empty || body(stored) == body(sent), "{}", partition.path());
    }
    if let Some((last, stored)) = seen.sent[..found.len()].last().zip(found.last()) {
        let again = partition.append(last, 0).unwrap();
        assert!(again.duplicate && again.base_offset == stored.base_offset());
    }
}

/// The log takes and keeps more.
fn go_on(disk: &SimDisk, log: LogDir, partitions: Vec<Arc<Partition>>) {
    for partition in &partitions {
        let sequence = partition.log_end_offset() as i32;
        partition
            .append(&batch(Some((7, 0, sequence)), &[1], 100), 0)
            .unwrap();
    }
    commit(&log);
    let ends: Vec<i64> = partitions
        .iter()
        .map(|partition| partition.high_watermark())
        .collect();
    let epochs: Vec<i32> = partitions
        .iter()
        .map(|partition| partition.leader_epoch())
        .collect();
    let log = open(&disk.reboot(Survives::Nothing)).unwrap();
    for ((partition, end), epoch) in partitions.iter().zip(ends).zip(epochs) {
        let again = log
            .partition(partition.path(), config(SEGMENT_BYTES_MAX))
            .unwrap();
        assert_eq!(again.high_watermark(), end);
        assert_eq!(
            batches(&again).last().map(|last| last.last_offset()),
            Some(end - 1)
        );
        assert!(again.leader_epoch() > epoch);
    }
}

const OUTCOMES: [Survives; 8] = [
    Survives::Nothing,
    Survives::Everything,
    Survives::Half,
    Survives::Sectors(1),
    Survives::Sectors(2),
    Survives::Sectors(3),
    Survives::Sectors(4),
    Survives::Sectors(5),
];

/// Cuts the power at the `step`th step; the disk and what clients know, or `None` when life ended before.
fn cut(step: u64) -> Option<(SimDisk, Witness)> {
    let disk = SimDisk::new();
    let mut witness = Witness::new();
    disk.cut_at(step);
    match live(&disk, &mut witness) {
        Ok(()) if !disk.is_cut() => None,
        _ => {
            assert!(disk.is_cut(), "step {step}: an error without a power cut");
            Some((disk, witness))
        }
    }
}

#[test]
fn power_cut_at_every_step() {
    let mut step = 1;
    while let Some((dark, witness)) = cut(step) {
        for survives in OUTCOMES {
            let disk = dark.reboot(survives);
            let mut witness = witness.clone();
            let (log, partitions) = recover(&disk, &mut witness).unwrap();
            go_on(&disk, log, partitions);
        }
        step += 1;
    }
    assert!(step > 100, "only {step} steps: the script does too little");
}

#[test]
fn power_cut_again_at_every_step_of_the_recovery() {
    let mut step = 1;
    while let Some((dark, witness)) = cut(step) {
        // Another outcome each time, so that all come up at all kinds of steps.
        let first = OUTCOMES[step as usize % OUTCOMES.len()];
        for again in 1.. {
            let disk = dark.reboot(first);
            disk.cut_at(again);
            let mut witness = witness.clone();
            let recovered = recover(&disk, &mut witness);
            let finished = recovered.is_some() && !disk.is_cut();
            let second = OUTCOMES[(step + again) as usize % OUTCOMES.len()];
            let disk = disk.reboot(second);
            let (log, partitions) = recover(&disk, &mut witness).unwrap();
            if finished {
                go_on(&disk, log, partitions);
                break;
            }
        }
        step += 1;
    }
}

/// A killed process leaves the page cache behind: unsynced, and what the next run builds upon.
#[test]
fn killed_at_every_step_and_power_cut_later() {
    let mut step = 1;
    while let Some((dark, mut witness)) = cut(step) {
        let disk = dark.revive();
        let (log, partitions) = recover(&disk, &mut witness).unwrap();
        go_on(&disk, log, partitions);
        step += 1;
    }
}
