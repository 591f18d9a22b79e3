//! Making chunks: what has none yet is gathered, put in order and written beside the log.
//!
//! Invariant: a chunk is of records that are decided, and durable with what decided them; it gets its name once it is on disk,
//! while nobody takes files away, and only if what it is of is still there. A crash before leaves a file that the next one
//! sweeps, one after leaves a chunk.

use std::io;

use annals_kafka_wire::batch::HEADER_BYTES;

use super::super::Partition;
use super::Stop;
use crate::clustered::{Edge, Gathered, Identity, UNDECIDED, write};
use crate::disk::{Open, is_failed_sync, parent, remove_if_there};
use crate::error::{KeyError, ReadError};
use crate::keys::IDLE;
use crate::maintenance::Pace;
use crate::mutex::{lock, read};

/// Chunks that one round of the upkeep makes of one partition: about a minute's work, after which others have their turn.
pub(crate) const ROUND_CHUNKS_MAX: usize = 64;

/// A stretch of one segment that is in no chunk.
#[derive(Debug, Clone, Copy)]
struct Gap {
    first: i64,
    end: i64,
    /// More of it may come, so that only a whole chunk is made.
    is_open: bool,
    /// Bytes of the segment.
    segment_bytes: u64,
}

/// What came of trying.
enum Tried {
    Made,
    /// There is nothing to be made of it.
    Passed,
    GivenUp,
}

impl Partition {
    /// Makes the copies that can be made, see [`Partition::clustered`], and answers how many there are more. It is what the
    /// upkeep does where somebody has asked for copies, and counts as asking; it reads the log, and writes up to as much. Blocks.
    ///
    /// # Errors
    /// See [`KeyError`]. Where there is no room for copies, or the partition takes no records, none are made, which is no error.
    pub fn cluster(&self) -> Result<usize, KeyError> {
        // What is known of them is given back when nobody asks for a while.
        self.copies.note_asked(self.shared.now());
        let pace = Pace::unhurried(&self.shared);
        let mut made = 0;
        while self.cluster_next(&pace)? {
            made += 1;
        }
        Ok(made)
    }

    /// What the upkeep does of it: up to some chunks, each followed by `between`.
    pub(crate) fn cluster_some(&self, pace: &Pace<'_>, between: &dyn Fn()) -> io::Result<()> {
        for _ in 0..ROUND_CHUNKS_MAX {
            let made = self.copies.is_asked().then(|| self.cluster_next(pace));
            match made {
                None | Some(Ok(false)) => break,
                Some(Ok(true)) => between(),
                Some(Err(KeyError::Io(error) | KeyError::Log(ReadError::Io(error)))) => return Err(error),
                Some(Err(error)) => return Err(io::Error::other(error)),
            }
        }
        Ok(())
    }

    /// Makes one chunk; answers whether it did.
    fn cluster_next(&self, pace: &Pace<'_>) -> Result<bool, KeyError> {
        let _one_at_a_time = lock(&self.copies.making);
        let may_write = || self.shared.ready().is_ok() && self.shared.room.reason().is_none();
        if !self.takes_records() || !may_write() {
            return Ok(false);
        }
        self.look()?;
        let waits = lock(&self.copies.held).not_before;
        if waits.is_some_and(|until| self.shared.now() < until) {
            return Ok(false);
        }
        match self.try_next(pace) {
            Err(KeyError::Io(error)) => {
                if is_failed_sync(&error) {
                    let what = format!("writing a copy of {}", self.path);
                    self.shared.refused(&what, &error, 0, None);
                }
                // The log tells the same.
                tracing::warn!(partition = %self.path, %error, "a copy in the order of keys could not be written");
                lock(&self.copies.held).not_before = Some(self.shared.now() + IDLE);
                Ok(false)
            }
            tried => tried,
        }
    }

    fn try_next(&self, pace: &Pace<'_>) -> Result<bool, KeyError> {
        self.remove_unfit()?;
        loop {
            // The order matters: what is before the one is decided by what is before the other.
            let bound = self.last_stable_offset();
            let decided = self.high_watermark();
            let Some(gap) = self.gap(bound) else {
                return Ok(false);
            };
            match self.copy(gap, decided, pace)? {
                Tried::Made => return Ok(true),
                Tried::Passed => {}
                Tried::GivenUp => return Ok(false),
            }
        }
    }

    /// Removes the files that are of no use, and what a crash left.
    fn remove_unfit(&self) -> Result<(), KeyError> {
        let _files = read(&self.files);
        if lock(&self.writer).removed {
            return Ok(());
        }
        let disk = &*self.shared.disk;
        let unfit = {
            let mut held = lock(&self.copies.held);
            held.damaged.clear();
            std::mem::take(&mut held.unfit)
        };
        for name in unfit {
            remove_if_there(disk, &name)?;
        }
        Ok(())
    }

    /// The first stretch before `bound` of which a chunk may be made.
    fn gap(&self, bound: i64) -> Option<Gap> {
        let start = self.log_start_offset();
        let segments: Vec<(i64, i64, u64, bool)> = {
            let segments = read(&self.segments);
            let sealed = segments.sealed.iter();
            let sealed = sealed.map(|one| (one.base, one.end, one.size, false));
            let active = &segments.active.index;
            sealed
                .chain([(active.base, active.end, active.size, true)])
                .collect()
        };
        let held = lock(&self.copies.held);
        for (base, end, segment_bytes, is_active) in segments {
            let mut first = base.max(start);
            while first < end.min(bound) {
                if let Some(behind) = held.end_of(first) {
                    first = behind;
                    continue;
                }
                let next = held.next_behind(first).filter(|next| *next < end);
                let gap = Gap {
                    first,
                    end: next.unwrap_or(end).min(bound),
                    is_open: next.is_none() && (is_active || end > bound),
                    segment_bytes,
                };
                let is_short =
                    |(from, bytes): (i64, u64)| gap.is_open && from == first && segment_bytes < bytes;
                if !held.short.is_some_and(is_short) {
                    return Some(gap);
                }
                break;
            }
        }
        None
    }

    /// Makes the first chunk of a gap.
    fn copy(&self, gap: Gap, decided: i64, pace: &Pace<'_>) -> Result<Tried, KeyError> {
        let passed = |first: i64, end: i64| {
            lock(&self.copies.held).passed.push((first, end));
            Ok(Tried::Passed)
        };
        let compactions = self.removals().compactions;
        let (begins, first_batch) = match self.edge(gap.first) {
            Err(ReadError::Damaged(damage)) => return passed(gap.first, self.behind(&damage, gap.first)),
            edge => edge?,
        };
        if begins.0 < gap.first {
            // The log starts within a batch.
            return passed(gap.first, begins.1);
        }
        let mut gathered = Gathered::new(gap.first);
        let stop = match self.gather_keyed(&mut gathered, gap.end, true, &mut |bytes| pace.spend(bytes)) {
            // It begins later by now.
            Err(ReadError::OutOfRange { .. }) => Stop::GivenUp,
            stop => stop?,
        };
        let end = gathered.end();
        match stop {
            Stop::GivenUp => return Ok(Tried::GivenUp),
            Stop::Lost(from, behind) if from == gap.first => return passed(from, behind),
            Stop::End if gap.is_open || end == gap.first => {
                self.note_short(gap, gathered.bytes(), first_batch.position);
                return match gap.is_open {
                    true => Ok(Tried::Passed),
                    false => Ok(Tried::GivenUp),
                };
            }
            Stop::End | Stop::Full | Stop::Lost(..) => {}
        }
        gathered.sort();
        // Nobody is told of records that a power cut might still change.
        self.sync_to(decided - 1).map_err(io::Error::other)?;
        let (_, last_batch) = self.edge(end - 1)?;
        let of = Identity {
            first: gap.first,
            end,
            first_batch,
            last_batch,
        };
        self.write_copy(&gathered, of, compactions)
    }

    /// There was too little in the segment that is written: it is not tried again before there may be enough.
    fn note_short(&self, gap: Gap, bytes: usize, from: u64) {
        let stored = gap.segment_bytes.saturating_sub(from).max(1) as u128;
        let wanted = self.copies.sizes().chunk_bytes as u128;
        let due = stored * wanted / (bytes as u128).max(1);
        let due = u64::try_from(due.max(stored + 1)).unwrap_or(u64::MAX);
        lock(&self.copies.held).short = Some((gap.first, from.saturating_add(due)));
    }

    fn write_copy(&self, gathered: &Gathered, of: Identity, compactions: u64) -> Result<Tried, KeyError> {
        let disk = &*self.shared.disk;
        let name = self.copy_name(of.first);
        let fresh = format!("{}/{:020}{UNDECIDED}", self.path, of.first);
        let written = disk
            .open(&fresh, Open::Create)
            .and_then(|file| write(&*file, gathered, of, self.copies.sizes().block_bytes));
        if let Err(error) = written {
            // A sync that failed is told before all else.
            let removed = remove_if_there(disk, &fresh);
            return match is_failed_sync(&error) {
                true => Err(error.into()),
                false => removed.and(Err(error)).map_err(KeyError::Io),
            };
        }
        let _files = read(&self.files);
        let is_there = !lock(&self.writer).removed
            && self.removals().compactions == compactions
            && self.is_of_log(&of)?;
        if !is_there {
            remove_if_there(disk, &fresh)?;
            return Ok(Tried::GivenUp);
        }
        disk.rename(&fresh, &name)?;
        disk.sync_dir(parent(&name))?;
        self.copies.note_changed();
        Ok(Tried::Made)
    }

    /// The batch that holds an offset: its offsets, end exclusive, and where it is.
    fn edge(&self, offset: i64) -> Result<((i64, i64), Edge), ReadError> {
        let _files = read(&self.files);
        let placed = self.placed(offset)?;
        let bytes = placed.batch.bytes();
        let header = bytes.first_chunk::<HEADER_BYTES>().copied();
        let edge = Edge {
            position: placed.position,
            header: header.unwrap_or([0; HEADER_BYTES]),
        };
        Ok(((placed.batch.base_offset(), placed.batch.last_offset() + 1), edge))
    }
}
