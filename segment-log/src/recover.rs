//! Opening a partition: what is on disk becomes segments, derived state and an end, or a refusal.
//!
//! Sealed segments with a good index are trusted, since an index is written only after its log file was synced. The
//! last segment, and every one without a good index, is read from end to end, checksums included. Derived
//! state is rebuilt from the newest snapshot and the segments behind it.
//!
//! | bad bytes | verdict |
//! |---|---|
//! | before the durable mark | damage: they were acknowledged |
//! | behind it, nothing intact follows | a torn tail: cut, and said |
//! | behind it, a later segment follows a file that ends early | lost writes of one sync: cut, and said |
//! | behind it, otherwise | damage: the mark lags, so what follows may have been acknowledged (tear.rs) |
//!
//! The durable mark is the checkpoint's, or the end an index file gives its segment if that is later.
//!
//! A damaged partition is opened to be read: what stands before and behind each damaged place is served, what is
//! damaged is named, nothing is written.
//!
//! Invariant: damage changes nothing on disk. Behind the mark the page cache is not believed, since after a failed
//! sync it says that bytes are on the disk which are not: what is found there is written again from what was read, and
//! synced, before anyone may read it or is told that it is a duplicate.

use std::io;
use std::ops::Range;
use std::sync::Arc;

use crate::checkpoint::Mark;
use crate::damage::{DAMAGE_MAX, Damage};
use crate::derived::{Claim, Derived, Stored, snapshot};
use crate::disk::{Disk, DiskFile, Open, create_dirs, remove_if_there, replace};
use crate::error::LogError;
use crate::index::Index;
use crate::segment::{Opened, Sealed, Segments, file_name};
use crate::swap::finish_all;
use crate::tail::Tail;
use crate::walk::{Bad, Placed};

mod found;
mod scan;
mod tear;
mod unreadable;

pub(crate) use found::Found;
pub(crate) use scan::{Scan, next_intact};
use unreadable::NoFile;
pub(crate) use unreadable::readable;

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
    pub(crate) derived: Derived,
    /// Epoch of the last batch.
    pub(crate) last_epoch: Option<i32>,
    pub(crate) log_start: i64,
    pub(crate) compacted_end: i64,
    /// When the active segment was begun, as far as that is known.
    pub(crate) begun_ms: i64,
    pub(crate) recovery: Recovery,
    /// What cannot be read; when there is any, nothing may be written either.
    pub(crate) damage: Vec<Damage>,
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
    /// Dates the producers of the batches that are read: their stamps may be years old.
    pub(crate) now_ms: i64,
}

/// One look at all segments.
#[derive(Default)]
struct Pass {
    sealed: Vec<Sealed>,
    scanned: Vec<Opened>,
    /// The derived state before the last segment, when their snapshot has to be written.
    snapshot: Option<Vec<u8>>,
    last_epoch: Option<i32>,
    /// The time of the first batch of the segment that was read last.
    first_ms: Option<i64>,
    scanned_bytes: u64,
    /// The number of the segment with bad bytes, which end the pass;
    bad: Option<(usize, Bad)>,
    /// unless it goes on behind them, and gathers them here.
    damage: Option<Vec<Damage>>,
}

impl Recover<'_> {
    /// Opens the partition, or creates it.
    pub(crate) fn run(&self) -> Result<Recovered, LogError> {
        let swapped = finish_all(self.disk, self.dir);
        swapped.map_err(LogError::io(format!(
            "putting compacted segments of {} in place",
            self.dir
        )))?;
        let mut recovery = Recovery::default();
        let mut damaged = false;
        loop {
            let found = self.look()?;
            self.sweep(&found)?;
            let damage = found.missing.clone();
            if found.bases.is_empty() {
                return match damage {
                    Some(damage) => Ok(self.nothing_left(damage)),
                    None => self.create(),
                };
            }
            let mut pass = Pass {
                damage: (damaged || damage.is_some()).then(|| damage.into_iter().collect()),
                ..Pass::default()
            };
            let derived = self.pass(&found, &mut pass)?;
            recovery.scanned_bytes += pass.scanned_bytes;
            match pass.bad.take() {
                None => return self.settle(found, pass, derived, recovery),
                Some((at, bad)) => damaged = !self.cut(&found, at, bad, &mut recovery)?,
            }
        }
    }

    fn create(&self) -> Result<Recovered, LogError> {
        let error = || LogError::io(format!("creating {}", self.dir));
        // What is new must not take the descriptors that what is there will need.
        self.disk.reserve().map_err(error())?;
        create_dirs(self.disk, self.dir).map_err(error())?;
        // Offsets that were given and deleted are not given again.
        let base = self.mark.unwrap_or_default().durable_end;
        let name = file_name(self.dir, base, "log");
        let file = self.disk.open(&name, Open::Create).map_err(error())?;
        self.disk.sync_dir(self.dir).map_err(error())?;
        Ok(self.empty(name, file, base))
    }

    /// A partition of which no file is left.
    fn nothing_left(&self, damage: Damage) -> Recovered {
        let name = damage.file.clone();
        let mut recovered = self.empty(name, Arc::new(NoFile), damage.end_offset);
        recovered.damage.push(damage);
        recovered
    }

    fn empty(&self, name: String, file: Arc<dyn DiskFile>, base: i64) -> Recovered {
        Recovered {
            segments: Segments {
                sealed: Vec::new(),
                active: Opened {
                    name,
                    file,
                    index: Index::new(base),
                },
                tail: Tail::new(self.tail_bytes_max),
            },
            derived: Derived::new(self.producers_max),
            last_epoch: None,
            log_start: 0,
            compacted_end: 0,
            begun_ms: self.now_ms,
            recovery: Recovery::default(),
            damage: Vec::new(),
        }
    }

    fn pass(&self, found: &Found, pass: &mut Pass) -> Result<Derived, LogError> {
        let (derived_from, mut derived) = found.derived.clone();
        let last = found.bases.len() - 1;
        for (at, (base, index)) in found.bases.iter().zip(&found.indexes).enumerate() {
            if at == last && derived_from < last {
                pass.snapshot = Some(snapshot::encode(&derived, *base));
            }
            if let Some(index) = index.as_ref().filter(|_| at < derived_from) {
                pass.sealed.push(Sealed::of(index));
                continue;
            }
            let known = (at >= derived_from).then_some(&mut derived);
            let (opened, rest) = self.scan(found.offsets_of(at), found.durable_end, known, pass)?;
            let bad = rest.or_else(|| found.end_is_early(at, &opened.index));
            match (bad, &mut pass.damage) {
                (Some(bad), None) => {
                    pass.bad = Some((at, bad));
                    break;
                }
                (Some(bad), Some(damage)) => {
                    let bytes = opened.file.len().unwrap_or(0).saturating_sub(bad.position);
                    let end_offset = found.end_of(at).max(bad.offset);
                    damage.push(bad.damage(&opened.name, bytes, end_offset));
                }
                (None, _) => {}
            }
            pass.scanned.push(opened);
        }
        Ok(derived)
    }

    /// Reads a segment from end to end. What the disk may not have is written to it again.
    fn scan(
        &self,
        offsets: Range<i64>,
        durable_end: i64,
        mut derived: Option<&mut Derived>,
        pass: &mut Pass,
    ) -> Result<(Opened, Option<Bad>), LogError> {
        let base = offsets.start;
        let name = file_name(self.dir, base, "log");
        let error = |what: &str| LogError::io(format!("{what} {name}"));
        let file = self.disk.open(&name, Open::Existing).map_err(error("reading"))?;
        let epochs = (pass.last_epoch.unwrap_or(0), self.epoch_max.unwrap_or(i32::MAX));
        let mut scan = Scan::new(&*file, offsets, epochs).map_err(error("reading"))?;
        pass.scanned_bytes += scan.len();
        let mut index = Index::new(base);
        let mut rest = None;
        pass.first_ms = None;
        while let Some(step) = scan.next().map_err(error("reading"))? {
            let bad = match step {
                Ok(Placed { position, batch }) => {
                    pass.first_ms.get_or_insert(batch.max_timestamp());
                    if batch.last_offset() >= durable_end {
                        let written = file.write_at(position, batch.bytes());
                        written.map_err(error("writing"))?;
                    }
                    pass.last_epoch = Some(batch.partition_leader_epoch());
                    if let Some(derived) = &mut derived
                        && let Some(claim) = Claim::of(&batch)
                    {
                        let stored = Stored {
                            base_offset: batch.base_offset(),
                            last_offset: batch.last_offset(),
                            ms: self.now_ms,
                        };
                        // What is found is synced before anybody reads it.
                        derived.apply(&claim, stored, i64::MAX);
                    }
                    index.take(&batch);
                    continue;
                }
                Err(bad) => bad,
            };
            let damage = pass.damage.as_mut().filter(|known| known.len() < DAMAGE_MAX);
            let behind = match damage {
                Some(_) => scan.skip(&bad).map_err(error("reading"))?,
                None => None,
            };
            if let (Some(damage), Some((bytes, offset))) = (&mut pass.damage, behind) {
                index.skip_to(bad.position + bytes, offset);
                damage.push(bad.damage(&name, bytes, offset));
            } else {
                rest = Some(bad);
                break;
            }
        }
        drop(scan);
        Ok((Opened { name, file, index }, rest))
    }

    /// Syncs what was found, writes the sidecars that were missing.
    fn settle(
        &self,
        found: Found,
        pass: Pass,
        derived: Derived,
        mut recovery: Recovery,
    ) -> Result<Recovered, LogError> {
        let error = || LogError::io(format!("syncing {}", self.dir));
        let Pass {
            mut sealed,
            mut scanned,
            snapshot,
            last_epoch,
            first_ms,
            damage,
            ..
        } = pass;
        for opened in &scanned {
            opened.file.sync().map_err(error())?;
        }
        self.disk.sync_dir(self.dir).map_err(error())?;
        let Some(active) = scanned.pop() else {
            return Err(LogError::Failed(format!("{} has no last segment", self.dir)));
        };
        for opened in scanned {
            let of_index = Sealed::of(&opened.index);
            if damage.is_some() {
                // Its index knows the way past what is damaged, which no file tells.
                let pending = Some(Arc::new(opened));
                sealed.push(Sealed { pending, ..of_index });
                continue;
            }
            sealed.push(of_index);
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
        sealed.sort_unstable_by_key(|sealed| sealed.base);
        if let Some(snapshot) = snapshot.filter(|_| damage.is_none()) {
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
            derived,
            last_epoch,
            log_start: found.log_start,
            compacted_end: self.mark.unwrap_or_default().compacted_end,
            begun_ms: first_ms
                .filter(|ms| (0..self.now_ms).contains(ms))
                .unwrap_or(self.now_ms),
            recovery,
            damage: damage.unwrap_or_default(),
        })
    }

    /// Cuts a torn tail; answers false when it is damage.
    fn cut(&self, found: &Found, at: usize, bad: Bad, recovery: &mut Recovery) -> Result<bool, LogError> {
        let base = found.bases[at];
        let name = file_name(self.dir, base, "log");
        let error = || LogError::io(format!("cutting {name}"));
        let file = self.disk.open(&name, Open::Existing).map_err(error())?;
        let later = found.bases.get(at + 1..).unwrap_or_default();
        if !self.is_tear(found, at, &bad)? {
            return Ok(false);
        }
        let mut lost = file.len().map_err(error())?.saturating_sub(bad.position);
        // The newest first: cut short by another power cut, this starts again with the same verdict. Sidecars go for
        // good before the log does, or a later segment of the same name would find them.
        for base in later.iter().rev() {
            lost += self.remove_segment(*base).map_err(error())?;
        }
        remove_if_there(self.disk, &file_name(self.dir, base, "idx")).map_err(error())?;
        self.disk.sync_dir(self.dir).map_err(error())?;
        file.set_len(bad.position).map_err(error())?;
        file.sync().map_err(error())?;
        tracing::warn!(
            file = %name, position = bad.position, bytes = lost, from_offset = bad.offset, reason = %bad.reason,
            "a torn tail was cut: a write that was not finished, and nothing that was acknowledged as durable"
        );
        recovery.truncated_bytes += lost;
        recovery.truncated_at = Some(bad.offset);
        Ok(true)
    }

    /// Whether the bad bytes are writes that a power cut lost, so that nothing behind them was acknowledged.
    pub(crate) fn is_tear(&self, found: &Found, at: usize, bad: &Bad) -> Result<bool, LogError> {
        let torn = || {
            let open = |base: &i64| self.disk.open(&file_name(self.dir, *base, "log"), Open::Existing);
            let mut intact_later = false;
            for base in found.bases.get(at + 1..).unwrap_or_default() {
                intact_later |= tear::has_intact(&*open(base)?, bad.offset)?;
            }
            tear::is_torn(&*open(&found.bases[at])?, bad, intact_later)
        };
        let torn = readable(if bad.offset < found.durable_end {
            Ok(false)
        } else {
            torn()
        });
        Ok(torn.map_err(LogError::io(format!("reading {}", self.dir)))? == Some(true))
    }

    fn remove_segment(&self, base: i64) -> io::Result<u64> {
        remove_if_there(self.disk, &file_name(self.dir, base, "snap"))?;
        remove_if_there(self.disk, &file_name(self.dir, base, "idx"))?;
        self.disk.sync_dir(self.dir)?;
        let name = file_name(self.dir, base, "log");
        let len = self.disk.open(&name, Open::Existing)?.len()?;
        self.disk.remove(&name)?;
        Ok(len)
    }
}
