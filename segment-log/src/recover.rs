//! Opening a partition: what is on disk becomes segments, producers and an end, or a refusal.
//!
//! Sealed segments with a good index are trusted, since an index is written only after its log file was synced. The
//! last segment, and every one without a good index, is read from end to end, checksums included. Producers
//! are rebuilt from the newest snapshot and the segments behind it.
//!
//! | bad bytes | verdict |
//! |---|---|
//! | before the durable mark | refuse: they were acknowledged |
//! | behind it, nothing intact follows | a torn tail: cut, and say how much |
//! | behind it, intact batches follow, with a sector of zeros or a short file | lost writes of one sync: cut |
//! | behind it, intact batches follow, or all is intact but the head | refuse: the mark lags, so it may have been acknowledged |
//!
//! The durable mark is the checkpoint's, or the end an index file gives its segment if that is later.
//!
//! Invariant: a refusal changes nothing on disk. Whatever is found is synced before anyone may read it, or a second
//! power cut could take back what was served. Left out: serving around damage, and quarantine.

use std::io;

use crate::checkpoint::Mark;
use crate::disk::{Disk, DiskFile, Open, create_dirs, replace};
use crate::error::LogError;
use crate::index::Index;
use crate::producer::{Claim, Producers, snapshot};
use crate::segment::{Opened, Sealed, Segments, file_name};
use crate::tail::Tail;
use crate::walk::{Bad, BadKind, Walk};

mod found;
mod tear;

use found::Found;

/// What opening a partition had to repair, for the start-up log.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Recovery {
    /// Bytes of a torn tail that were cut away. They were never acknowledged as durable.
    pub truncated_bytes: u64,
    /// The offset the log was cut at; it is given to the next record.
    pub truncated_at: Option<i64>,
    /// Sealed segments whose index was missing or bad.
    pub rebuilt_indexes: u32,
    /// Bytes of log that were read.
    pub scanned_bytes: u64,
}

/// A partition as found.
pub(crate) struct Recovered {
    pub(crate) segments: Segments,
    pub(crate) producers: Producers,
    /// Epoch of the last batch.
    pub(crate) last_epoch: Option<i32>,
    pub(crate) recovery: Recovery,
}

/// What is known before looking.
pub(crate) struct Recover<'a> {
    pub(crate) disk: &'a dyn Disk,
    pub(crate) dir: &'a str,
    pub(crate) mark: Option<Mark>,
    /// No batch was stamped with a later epoch; `None` when that is not known.
    pub(crate) epoch_max: Option<i32>,
    pub(crate) producers_max: usize,
    pub(crate) tail_bytes_max: usize,
}

/// One look at all segments.
struct Pass {
    sealed: Vec<Sealed>,
    scanned: Vec<Opened>,
    producers: Producers,
    /// The producers before the last segment, when their snapshot has to be written.
    snapshot: Option<Vec<u8>>,
    last_epoch: Option<i32>,
    scanned_bytes: u64,
    /// The number of the segment with bad bytes.
    bad: Option<(usize, Bad)>,
}

impl Recover<'_> {
    /// Opens the partition, or creates it.
    pub(crate) fn run(&self) -> Result<Recovered, LogError> {
        let mut recovery = Recovery::default();
        loop {
            let found = self.look()?;
            if found.bases.is_empty() {
                return self.create();
            }
            let mut pass = self.pass(&found)?;
            recovery.scanned_bytes += pass.scanned_bytes;
            match pass.bad.take() {
                None => return self.settle(found, pass, recovery),
                Some((at, bad)) => self.cut(&found, at, bad, &mut recovery)?,
            }
        }
    }

    fn create(&self) -> Result<Recovered, LogError> {
        let error = || LogError::io(format!("creating {}", self.dir));
        create_dirs(self.disk, self.dir).map_err(error())?;
        let name = file_name(self.dir, 0, "log");
        let file = self.disk.open(&name, Open::Create).map_err(error())?;
        self.disk.sync_dir(self.dir).map_err(error())?;
        Ok(Recovered {
            segments: Segments {
                sealed: Vec::new(),
                active: Opened {
                    name,
                    file,
                    index: Index::new(0),
                },
                tail: Tail::new(self.tail_bytes_max),
            },
            producers: Producers::new(self.producers_max),
            last_epoch: None,
            recovery: Recovery::default(),
        })
    }

    fn pass(&self, found: &Found) -> Result<Pass, LogError> {
        let (producers_from, producers) = found.producers.clone();
        let mut pass = Pass {
            sealed: Vec::new(),
            scanned: Vec::new(),
            producers,
            snapshot: None,
            last_epoch: None,
            scanned_bytes: 0,
            bad: None,
        };
        let last = found.bases.len() - 1;
        for (at, (base, index)) in found.bases.iter().zip(&found.indexes).enumerate() {
            if at == last && producers_from < last {
                pass.snapshot = Some(snapshot::encode(&pass.producers, *base));
            }
            if let Some(index) = index.as_ref().filter(|_| at < producers_from) {
                pass.sealed.push(Sealed::of(index));
                continue;
            }
            let opened = self.scan(*base, at, at >= producers_from, &mut pass)?;
            if pass.bad.is_none() {
                pass.bad = found.end_is_early(at, &opened.index).map(|bad| (at, bad));
            }
            if pass.bad.is_some() {
                break;
            }
            if at < last {
                pass.sealed.push(Sealed::of(&opened.index));
            }
            pass.scanned.push(opened);
        }
        Ok(pass)
    }

    /// Reads a segment from end to end.
    fn scan(&self, base: i64, at: usize, with_producers: bool, pass: &mut Pass) -> Result<Opened, LogError> {
        let name = file_name(self.dir, base, "log");
        let read_error = || LogError::io(format!("reading {name}"));
        let file = self.disk.open(&name, Open::Existing).map_err(read_error())?;
        let len = file.len().map_err(read_error())?;
        pass.scanned_bytes += len;
        let mut index = Index::new(base);
        let mut walk = Walk::new(&*file, 0, len, base);
        while let Some(step) = walk.next().map_err(read_error())? {
            let placed = match step {
                Ok(placed) => placed,
                Err(bad) => {
                    pass.bad = Some((at, bad));
                    break;
                }
            };
            let batch = &placed.batch;
            let epoch = batch.partition_leader_epoch();
            if epoch < pass.last_epoch.unwrap_or(0) || self.epoch_max.is_some_and(|max| epoch > max) {
                let reason = format!("leader epoch {epoch} does not fit");
                let (position, offset) = (placed.position, batch.base_offset());
                pass.bad = Some((
                    at,
                    Bad {
                        position,
                        offset,
                        reason,
                        kind: BadKind::WrongHead,
                    },
                ));
                break;
            }
            pass.last_epoch = Some(epoch);
            if with_producers && let Some(claim) = Claim::of(batch) {
                let (first, last) = (batch.base_offset(), batch.last_offset());
                pass.producers.apply(&claim, first, last, batch.max_timestamp());
            }
            index.take(batch);
        }
        Ok(Opened { name, file, index })
    }

    /// Syncs what was found, writes the sidecars that were missing.
    fn settle(&self, found: Found, pass: Pass, mut recovery: Recovery) -> Result<Recovered, LogError> {
        let error = || LogError::io(format!("syncing {}", self.dir));
        let Pass {
            sealed,
            mut scanned,
            producers,
            snapshot,
            last_epoch,
            ..
        } = pass;
        for opened in &scanned {
            opened.file.sync().map_err(error())?;
        }
        self.disk.sync_dir(self.dir).map_err(error())?;
        let Some(active) = scanned.pop() else {
            return Err(LogError::Failed(format!("{} has no last segment", self.dir)));
        };
        for opened in &scanned {
            let at = found.bases.binary_search(&opened.index.base).ok();
            if at
                .and_then(|at| found.indexes.get(at))
                .is_some_and(Option::is_some)
            {
                continue;
            }
            let name = file_name(self.dir, opened.index.base, "idx");
            replace(self.disk, &name, &opened.index.encode()).map_err(error())?;
            recovery.rebuilt_indexes += 1;
        }
        if let Some(snapshot) = snapshot {
            let name = file_name(self.dir, active.index.base, "snap");
            replace(self.disk, &name, &snapshot).map_err(error())?;
        }
        let segments = Segments {
            sealed,
            active,
            tail: Tail::new(self.tail_bytes_max),
        };
        Ok(Recovered {
            segments,
            producers,
            last_epoch,
            recovery,
        })
    }

    /// Cuts a torn tail, or refuses.
    fn cut(&self, found: &Found, at: usize, bad: Bad, recovery: &mut Recovery) -> Result<(), LogError> {
        let base = found.bases[at];
        let name = file_name(self.dir, base, "log");
        let error = || LogError::io(format!("cutting {name}"));
        let file = self.disk.open(&name, Open::Existing).map_err(error())?;
        let later = found.bases.get(at + 1..).unwrap_or_default();
        let torn = bad.offset >= found.durable_end && self.is_torn(&*file, &bad, later).map_err(error())?;
        if !torn {
            let (position, offset) = (bad.position, bad.offset);
            return Err(LogError::Damaged {
                file: name,
                position,
                offset,
                reason: bad.reason,
            });
        }
        let mut lost = file.len().map_err(error())?.saturating_sub(bad.position);
        // The newest first: cut short by another power cut, this starts again with the same verdict. Sidecars go for
        // good before the log does, or a later segment of the same name would find them.
        for base in later.iter().rev() {
            lost += self.remove_segment(*base).map_err(error())?;
        }
        self.remove_if_there(&file_name(self.dir, base, "idx"))
            .map_err(error())?;
        self.disk.sync_dir(self.dir).map_err(error())?;
        file.set_len(bad.position).map_err(error())?;
        file.sync().map_err(error())?;
        recovery.truncated_bytes += lost;
        recovery.truncated_at = Some(bad.offset);
        Ok(())
    }

    /// Whether the bad bytes are writes that a power cut lost, so that nothing behind them was acknowledged.
    fn is_torn(&self, file: &dyn DiskFile, bad: &Bad, later: &[i64]) -> io::Result<bool> {
        let mut intact_later = false;
        for base in later {
            let file = self
                .disk
                .open(&file_name(self.dir, *base, "log"), Open::Existing)?;
            intact_later |= tear::find_intact(&*file, 0, file.len()?, bad.offset)?.is_some();
        }
        tear::is_torn(file, bad, intact_later)
    }

    fn remove_segment(&self, base: i64) -> io::Result<u64> {
        self.remove_if_there(&file_name(self.dir, base, "snap"))?;
        self.remove_if_there(&file_name(self.dir, base, "idx"))?;
        self.disk.sync_dir(self.dir)?;
        let name = file_name(self.dir, base, "log");
        let len = self.disk.open(&name, Open::Existing)?.len()?;
        self.disk.remove(&name)?;
        Ok(len)
    }

    fn remove_if_there(&self, name: &str) -> io::Result<()> {
        match self.disk.remove(name) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}
