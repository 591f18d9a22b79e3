//! A log directory looked at while nobody serves it: is every byte there what was written, and what can be done?
//!
//! Invariant: a check writes nothing; it only finishes what compaction had decided when its process ended. A repair changes a file only after a copy of it stands beside it, keeps every
//! record that can be read at its offset, and is either done or not done when the power goes.
//!
//! Left out: records whose bytes are gone, and that no copy in the order of keys has. Only a backup brings those back.

use std::io;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use annals_kafka_wire::batch::Batch;

use crate::checkpoint::{Checkpoint, Loaded};
use crate::damage::{DAMAGE_MAX, Damage};
use crate::derived::snapshot;
use crate::disk::{DirLock, Disk, DiskFile, Open, RealDisk, load};
use crate::error::LogError;
use crate::index::{self, Index};
use crate::recover::{Found, Recover, Scan, readable};
use crate::segment::{file_name, parse_log_name};
use crate::swap::finish_all;
use crate::walk::{Bad, Placed};
use crate::{beside, clustered, format, keys};

mod mend;

pub use mend::{Mended, Remedy};

/// A log directory that is held, and not served.
pub struct OfflineLog {
    disk: Arc<dyn Disk>,
    checkpoint: Checkpoint,
    /// Why nothing is known of what was acknowledged.
    checkpoint_fault: Option<String>,
    _held: Option<DirLock>,
}

/// What was found in one partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartitionCheck {
    /// Where it lives below the log directory.
    pub path: String,
    /// How many log files it has.
    pub segments: usize,
    /// How many intact batches,
    pub batches: u64,
    /// and how many records in them.
    pub records: u64,
    /// Bytes of all log files.
    pub bytes: u64,
    /// The first offset there should be.
    pub log_start: i64,
    /// One behind the last offset there should be.
    pub log_end: i64,
    /// What cannot be read.
    pub damage: Vec<Damage>,
    /// A write that was never finished; the next start cuts it away.
    pub torn: Option<Damage>,
    /// Index files that are missing or do not fit their log; the next start writes them anew.
    pub stale: Vec<String>,
    /// Key indexes, copies in the order of keys, snapshots and what else is derived from the log that are not as they were
    /// written. No record is lost with them: what is found damaged by who reads it is made anew from the log, and
    /// [`OfflineLog::discard`] removes it before.
    pub damaged_sidecars: Vec<String>,
}

/// One damaged place, with what its repair needs to know.
struct Hole {
    bad: Bad,
    bytes: u64,
    /// The offset behind it; `None` when nothing says that records were lost.
    end_offset: Option<i64>,
    epoch: i32,
}

impl Hole {
    /// The offsets that are lost with it; `None` where nothing says that there were any.
    fn offsets(&self) -> Option<Range<i64>> {
        let end = self.end_offset.filter(|end| *end > self.bad.offset)?;
        Some(self.bad.offset..end)
    }
}

/// A segment that was read from end to end.
struct Segment {
    base: i64,
    len: u64,
    holes: Vec<Hole>,
}

/// A partition that was read from end to end.
struct Look {
    check: PartitionCheck,
    found: Found,
    segments: Vec<Segment>,
}

impl OfflineLog {
    /// Takes hold of a directory that no server has open.
    ///
    /// # Errors
    /// [`LogError::Locked`] when one has, [`LogError::NotALog`] when there is none, [`LogError::Format`] when a newer
    /// version wrote it.
    pub fn open(path: &Path) -> Result<OfflineLog, LogError> {
        if !path.join(format::FILE).exists() {
            return Err(LogError::NotALog {
                path: path.display().to_string(),
            });
        }
        let (disk, held) = RealDisk::open(path)?;
        OfflineLog::on(Arc::new(disk), Some(held))
    }

    pub(crate) fn on(disk: Arc<dyn Disk>, held: Option<DirLock>) -> Result<OfflineLog, LogError> {
        format::claim(&*disk)?;
        let (checkpoint, checkpoint_fault) = match Checkpoint::load(&*disk)? {
            Loaded::Whole(checkpoint) => (checkpoint, None),
            Loaded::Missing => (Checkpoint::default(), Some("CHECKPOINT is missing".to_owned())),
            Loaded::Damaged { reason, .. } => (
                Checkpoint::default(),
                Some(format!("CHECKPOINT is damaged: {reason}")),
            ),
        };
        Ok(OfflineLog {
            disk,
            checkpoint,
            checkpoint_fault,
            _held: held,
        })
    }

    /// Why it is not known up to where records were acknowledged: then a torn tail cannot be told from damage to the
    /// last records.
    pub fn checkpoint_fault(&self) -> Option<&str> {
        self.checkpoint_fault.as_deref()
    }

    /// Every partition there is or should be, by path.
    ///
    /// # Errors
    /// [`LogError::Io`] when a directory cannot be listed.
    pub fn partitions(&self) -> Result<Vec<String>, LogError> {
        let mut paths: Vec<String> = self.checkpoint.marks.keys().cloned().collect();
        let mut due = vec![String::new()];
        while let Some(dir) = due.pop() {
            let entries = self
                .disk
                .list(&dir)
                .map_err(LogError::io(format!("listing {dir}")))?;
            if entries.iter().any(|entry| parse_log_name(&entry.name).is_some()) {
                paths.push(dir.clone());
            }
            for entry in entries.into_iter().filter(|entry| entry.is_dir) {
                let below = format!("{dir}/{}", entry.name);
                due.push(below.trim_start_matches('/').to_owned());
            }
        }
        paths.retain(|path| !path.ends_with(crate::dir::REMOVED));
        paths.sort_unstable();
        paths.dedup();
        Ok(paths)
    }

    /// Reads a partition from end to end, checksums included.
    ///
    /// # Errors
    /// [`LogError::Io`] when a file cannot be opened or read.
    pub fn check(&self, path: &str) -> Result<PartitionCheck, LogError> {
        let mut check = self.look(path, &mut |_| {})?.check;
        check.damaged_sidecars = self.damaged_sidecars(path)?;
        Ok(check)
    }

    /// Calls `each` with every intact batch of a partition, in order.
    ///
    /// # Errors
    /// [`LogError::Io`] when a file cannot be opened or read.
    pub fn batches(&self, path: &str, mut each: impl FnMut(&Batch)) -> Result<(), LogError> {
        self.look(path, &mut each)?;
        Ok(())
    }

    /// Those of the files that are derived from the log, and larger than an index, that are not as they were written.
    fn damaged_sidecars(&self, path: &str) -> Result<Vec<String>, LogError> {
        let error = |what: &str| LogError::io(format!("reading {what}"));
        let mut damaged = Vec::new();
        let entries = match self.disk.list(path) {
            // The whole folder is lost, of which the checkpoint tells.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(damaged),
            entries => entries.map_err(error(path))?,
        };
        for entry in entries {
            let is_whole: fn(&dyn DiskFile) -> io::Result<bool> = match &entry.name {
                name if name.ends_with(".keys") => keys::is_whole,
                name if name.ends_with(clustered::ENDING) => clustered::is_whole,
                name if name.ends_with(beside::ENDING) => beside::is_whole,
                name if name.ends_with(".snap") => snapshot::is_whole,
                _ => continue,
            };
            let name = format!("{path}/{}", entry.name);
            let file = self.disk.open(&name, Open::Existing).map_err(error(&name))?;
            // Bytes that the disk does not give are not as they were written.
            let whole = readable(is_whole(&*file)).map_err(error(&name))?;
            if whole != Some(true) {
                damaged.push(name);
            }
        }
        damaged.sort_unstable();
        Ok(damaged)
    }

    fn recover<'a>(&'a self, path: &'a str) -> Recover<'a> {
        Recover {
            disk: &*self.disk,
            dir: path,
            mark: self.checkpoint.marks.get(path).copied(),
            epoch_max: self.checkpoint_fault.is_none().then_some(self.checkpoint.epoch),
            producers_max: 1,
            tail_bytes_max: 0,
            now_ms: 0,
        }
    }

    fn look(&self, path: &str, each: &mut dyn FnMut(&Batch)) -> Result<Look, LogError> {
        let swapped = finish_all(&*self.disk, path);
        swapped.map_err(LogError::io(format!(
            "putting compacted segments of {path} in place"
        )))?;
        let recover = self.recover(path);
        let found = recover.look()?;
        let missing = found.missing.clone();
        let first = found.bases.first().copied().unwrap_or(found.durable_end);
        let mut look = Look {
            check: PartitionCheck {
                path: path.to_owned(),
                segments: found.bases.len(),
                batches: 0,
                records: 0,
                bytes: 0,
                log_start: missing
                    .as_ref()
                    .map_or(first, |missing| missing.offset)
                    .max(found.log_start),
                log_end: found.durable_end,
                damage: missing.into_iter().collect(),
                torn: None,
                stale: Vec::new(),
                damaged_sidecars: Vec::new(),
            },
            found,
            segments: Vec::new(),
        };
        let mut epoch = 0;
        for at in 0..look.found.bases.len() {
            self.read_segment(&recover, at, &mut epoch, &mut look, each)?;
        }
        Ok(look)
    }

    fn read_segment(
        &self,
        recover: &Recover<'_>,
        at: usize,
        epoch: &mut i32,
        look: &mut Look,
        each: &mut dyn FnMut(&Batch),
    ) -> Result<(), LogError> {
        let base = look.found.bases[at];
        let name = file_name(&look.check.path, base, "log");
        let error = || LogError::io(format!("reading {name}"));
        let file = self.disk.open(&name, Open::Existing).map_err(error())?;
        let epoch_max = recover.epoch_max.unwrap_or(i32::MAX);
        let mut scan = Scan::new(&*file, look.found.offsets_of(at), (*epoch, epoch_max)).map_err(error())?;
        let mut segment = Segment {
            base,
            len: scan.len(),
            holes: Vec::new(),
        };
        let mut index = Index::new(base);
        let mut rest = None;
        while let Some(step) = scan.next().map_err(error())? {
            let bad = match step {
                Ok(Placed { batch, .. }) => {
                    look.check.batches += 1;
                    look.check.records += u64::from(batch.count().unsigned_abs());
                    *epoch = batch.partition_leader_epoch();
                    index.take(&batch);
                    each(&batch);
                    continue;
                }
                Err(bad) => bad,
            };
            let behind = match segment.holes.len() < DAMAGE_MAX {
                true => scan.skip(&bad).map_err(error())?,
                false => None,
            };
            let Some((bytes, offset)) = behind else {
                rest = Some(bad);
                break;
            };
            index.skip_to(bad.position + bytes, offset);
            segment.holes.push(Hole {
                bad,
                bytes,
                end_offset: Some(offset),
                epoch: *epoch,
            });
        }
        drop(scan);
        if let Some(bad) = rest.or_else(|| look.found.end_is_early(at, &index)) {
            Self::note_end(recover, at, (bad, *epoch), &mut segment, look)?;
        }
        self.note_index(look, at, &index, segment.holes.is_empty());
        look.check.bytes += segment.len;
        look.check.log_end = look.check.log_end.max(index.end);
        let damage = segment.holes.iter().map(|hole| {
            let end = hole.end_offset.unwrap_or(hole.bad.offset);
            hole.bad.clone().damage(&name, hole.bytes, end)
        });
        look.check.damage.extend(damage);
        look.segments.push(segment);
        Ok(())
    }

    /// The segment ends with bad bytes, or before it should: a torn tail, or damage.
    fn note_end(
        recover: &Recover<'_>,
        at: usize,
        (bad, epoch): (Bad, i32),
        segment: &mut Segment,
        look: &mut Look,
    ) -> Result<(), LogError> {
        let bytes = segment.len.saturating_sub(bad.position);
        if look.check.torn.is_some() {
            return Ok(()); // it goes with the tail
        }
        let untouched = look.check.damage.is_empty() && segment.holes.is_empty();
        if untouched && recover.is_tear(&look.found, at, &bad)? {
            let name = file_name(&look.check.path, segment.base, "log");
            let end_offset = bad.offset;
            look.check.torn = Some(bad.damage(&name, bytes, end_offset));
            return Ok(());
        }
        let end_offset = Some(look.found.end_of(at)).filter(|end| *end > bad.offset);
        segment.holes.push(Hole {
            bad,
            bytes,
            end_offset,
            epoch,
        });
        Ok(())
    }

    /// Compares the index file of a sealed segment with what the log says.
    fn note_index(&self, look: &mut Look, at: usize, index: &Index, whole: bool) {
        if at + 1 == look.found.bases.len() || !whole {
            return;
        }
        let name = file_name(&look.check.path, index.base, "idx");
        let file = load(&*self.disk, &name, index::FILE_BYTES_MAX).ok().flatten();
        if file.and_then(|file| Index::decode(&file)).as_ref() != Some(index) {
            look.check.stale.push(name);
        }
    }
}
