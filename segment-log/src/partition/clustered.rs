//! Asking for what stands in the order of keys; see [`crate::clustered`].
//!
//! Invariant: a chunk that is given out is of the log as it was when it was asked for. What records go later, a scan that has
//! begun may still give, but for those before the log start.

use std::collections::BTreeMap;
use std::io;
use std::ops::Range;
use std::sync::Arc;

use annals_kafka_wire::batch::{Batch, batches};
use bytes::Bytes;

use super::Partition;
use super::fetch::Committed;
use crate::clustered::{Chunk, Copy, ENDING, Gathered, Identity, Stamp, Unreadable};
use crate::damage::Damage;
use crate::disk::Open;
use crate::error::{KeyError, ReadError};
use crate::mutex::{lock, read};
use crate::segment::{file_name, parse_name};

mod making;

/// Bytes of the log that are read at once.
const STEP_BYTES: usize = 512 * 1024;

/// Why no more was gathered.
enum Stop {
    /// It is as much as may be.
    Full,
    /// There is no more.
    End,
    /// What stands from here to there cannot be read: damage, or where it was asked for, a batch of which no record can be.
    Lost(i64, i64),
    /// It was given up.
    GivenUp,
}

impl Partition {
    /// The copies that there are in the order of (key, offset), oldest first: disjoint ranges of the log up to the last stable
    /// offset, with gaps where there is none. From now on the upkeep makes them, until nobody has asked for ten minutes.
    ///
    /// Who asks first waits for the key index to be read, and for what is on disk to be opened.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use annals_kafka_wire::batch::{Batch, BatchBuilder};
    /// # use annals_segment_log::{LogConfig, LogDir, PartitionConfig};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let place = tempfile::tempdir()?;
    /// # let log = LogDir::open(place.path(), LogConfig::default(), 1_700_000_000_000)?;
    /// # let orders = log.partition("t/orders/0", PartitionConfig::default())?;
    /// let mut builder = BatchBuilder::new();
    /// for (key, value) in [("b", "placed"), ("a", "placed"), ("b", "paid")] {
    ///     builder.push(1_700_000_000_000, Some(key.as_bytes()), Some(value.as_bytes()), &[]);
    /// }
    /// let (batch, _) = Batch::parse(&builder.build(), 0)?;
    /// let appended = orders.append(&batch, 1_700_000_000_000)?;
    /// orders.wait_durable(appended.last_offset, Duration::from_secs(10))?;
    ///
    /// // Too little for a file beside the log: so it is put in order in memory.
    /// assert!(orders.clustered()?.is_empty());
    /// let chunk = std::sync::Arc::new(orders.in_key_order(0, 3)?);
    /// let mut scan = chunk.scan(b"b", 0, 0)?;
    /// while let Some(copied) = scan.next()? {
    ///     println!("{:?} {:?}", copied.offset, copied.value);
    /// }
    /// # log.close()?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See [`KeyError`]. Copies for which there is no memory are left out, which is none.
    pub fn clustered(&self) -> Result<Arc<[Arc<Chunk>]>, KeyError> {
        self.copies.note_asked(self.shared.now());
        self.chunks()
    }

    /// The same, and no more are made for it.
    fn chunks(&self) -> Result<Arc<[Arc<Chunk>]>, KeyError> {
        self.look()?;
        let mut held = lock(&self.copies.held);
        if let Some(chunks) = &held.chunks {
            return Ok(Arc::clone(chunks));
        }
        let chunk =
            |copy: &Arc<Copy>| Arc::new(Chunk::of_file(Arc::clone(copy), Arc::clone(&self.log_start)));
        let chunks: Arc<[Arc<Chunk>]> = held.copies.iter().map(chunk).collect();
        held.chunks = Some(Arc::clone(&chunks));
        Ok(chunks)
    }

    /// The committed records with a key of the offsets from `first` on and before `end`, put in the order of (key, offset) in
    /// memory: as many batches as fit into about 32 MiB. Where it came to is its [`Chunk::end`], at most the last stable offset;
    /// equal to its first where there is nothing. Batches whose records cannot be read are passed over, as the key index does.
    ///
    /// # Errors
    /// See [`KeyError`]. Damage of the log at `first` is one; before other damage the range ends.
    pub fn in_key_order(&self, first: i64, end: i64) -> Result<Chunk, KeyError> {
        let first = first.max(self.log_start_offset());
        let end = end.min(self.last_stable_offset());
        let mut gathered = Gathered::new(first);
        if let Stop::Lost(from, _) = self.gather_keyed(&mut gathered, end, false, &mut |_| true)?
            && from == first
        {
            // Whoever reads there is told.
            self.read_committed(first, 0)?;
        }
        gathered.sort();
        Ok(Chunk::of_memory(gathered, Arc::clone(&self.log_start)))
    }

    /// What stood at a damaged place of the log from `offset` on, where a copy has the record with that offset: whole batches of
    /// committed records with a key alone. Empty ones stand where the copy has none, or cannot be read. `None` where there is no
    /// such record.
    pub fn recovered(&self, damage: &Damage, offset: i64) -> Option<Bytes> {
        let made = self.recover(damage, offset, Unreadable::Passed)?;
        let has_it = |bytes: &Bytes| {
            Batch::parse(bytes, 0).is_ok_and(|(batch, _)| {
                batch.count() > 0 && (batch.base_offset()..=batch.last_offset()).contains(&offset)
            })
        };
        made.iter().any(has_it).then(|| made.concat().into())
    }

    fn recover(&self, damage: &Damage, offset: i64, unreadable: Unreadable) -> Option<Vec<Bytes>> {
        let chunks = self.chunks().ok()?;
        let at = chunks.partition_point(|chunk| chunk.end() <= offset);
        let sound = chunks.get(at).filter(|chunk| chunk.first() <= offset).cloned();
        let worn = || {
            let held = lock(&self.copies.held);
            let mut worn = held.worn.iter();
            let copy = worn.find(|copy| (copy.first()..copy.end()).contains(&offset))?;
            Some(Arc::new(Chunk::of_file(
                Arc::clone(copy),
                Arc::clone(&self.log_start),
            )))
        };
        let chunk = match unreadable {
            Unreadable::Fails => sound,
            Unreadable::Passed => sound.or_else(worn),
        }?;
        let range = offset.max(damage.offset)..damage.end_offset.min(chunk.end());
        if range.is_empty() {
            return None;
        }
        let (batches, _) = chunk.batches(range, self.leader_epoch, unreadable).ok()?;
        Some(batches)
    }

    /// The same as [`Partition::read_committed`]; at a damaged place, what a copy has of it, if that is whole.
    pub(super) fn read_keyed(&self, from_offset: i64, bytes_max: usize) -> Result<Committed, ReadError> {
        match self.read_committed(from_offset, bytes_max) {
            Err(ReadError::Damaged(damage)) => match self.recover(&damage, from_offset, Unreadable::Fails) {
                Some(made) => Ok(Committed {
                    bytes: made.concat().into(),
                    last_stable_offset: self.last_stable_offset(),
                    aborted: Vec::new(),
                    is_recovered: true,
                }),
                None => Err(ReadError::Damaged(damage)),
            },
            committed => committed,
        }
    }

    /// What no copy has of a range, as first and last offsets.
    pub(super) fn not_copied(&self, range: Range<i64>) -> Vec<(i64, i64)> {
        let chunks = self.chunks().unwrap_or_default();
        let (mut left, mut from) = (Vec::new(), range.start);
        for chunk in chunks.iter().filter(|chunk| chunk.end() > range.start) {
            let to = chunk.first().min(range.end);
            if from < to {
                left.push((from, to - 1));
            }
            from = from.max(chunk.end());
        }
        if from < range.end {
            left.push((from, range.end - 1));
        }
        left
    }

    /// Gathers committed records on and before `end`, until they are as many as may be. What cannot be read of the batches ends
    /// it where that is `strict`. `spend` is told how many bytes were read, and says whether to go on.
    fn gather_keyed(
        &self,
        gathered: &mut Gathered,
        end: i64,
        strict: bool,
        spend: &mut dyn FnMut(u64) -> bool,
    ) -> Result<Stop, ReadError> {
        let limit = self.decompressed_bytes_max();
        let bytes_max = self.copies.sizes().chunk_bytes;
        while gathered.end() < end {
            let next = gathered.end();
            // No copy is made of a copy.
            let read = match strict {
                true => self.read_committed(next, STEP_BYTES),
                false => self.read_keyed(next, STEP_BYTES),
            };
            let committed = match read {
                Err(ReadError::Damaged(damage)) => return Ok(Stop::Lost(next, self.behind(&damage, next))),
                committed => committed?,
            };
            if committed.bytes.is_empty() {
                break;
            }
            if !spend(committed.bytes.len() as u64) {
                return Ok(Stop::GivenUp);
            }
            for batch in batches(&committed.bytes) {
                let batch = batch.map_err(io::Error::other)?;
                if batch.base_offset() >= end {
                    return Ok(Stop::End);
                }
                let is_aborted = committed.aborted.iter().any(|aborted| aborted.holds(&batch));
                if batch.is_control() || is_aborted {
                    gathered.pass(&batch, end);
                } else if !gathered.take(&batch, end, limit) {
                    if strict {
                        return Ok(Stop::Lost(batch.base_offset(), batch.last_offset() + 1));
                    }
                    gathered.pass(&batch, end);
                }
                if gathered.bytes() >= bytes_max {
                    return Ok(Stop::Full);
                }
            }
        }
        Ok(Stop::End)
    }

    fn stamp(&self) -> Stamp {
        Stamp {
            removals: self.removals(),
            forgotten: read(&self.keys.known).forgotten,
        }
    }

    /// Opens the files that are not known, and lets go of those that are not of the log (any more).
    fn look(&self) -> Result<(), KeyError> {
        let _files = read(&self.files);
        let stamp = self.stamp();
        let mut held = lock(&self.copies.held);
        if held.is_current(stamp) {
            return Ok(());
        }
        if held.stamp != Some(stamp) {
            (held.passed, held.short) = (Vec::new(), None);
        }
        let known = self.copies.release(&mut held).into_iter();
        let mut known: BTreeMap<i64, Arc<Copy>> = known.map(|copy| (copy.first(), copy)).collect();
        let entries = self.shared.disk.list(&self.path)?;
        let mut firsts: Vec<i64> = entries
            .iter()
            .filter_map(|entry| parse_name(&entry.name, ENDING))
            .collect();
        firsts.sort_unstable();
        held.unfit.clear();
        let mut end = self.log_start_offset();
        for first in firsts {
            let name = self.copy_name(first);
            let copy = match known.remove(&first) {
                Some(copy) if copy.is_damaged() => {
                    if !held.damaged.contains(&name) {
                        held.damaged.push(name.clone());
                    }
                    let range = copy.first()..copy.end();
                    if range.start >= end
                        && self.is_of_log(copy.of())?
                        && self.is_damaged_in(range.clone())?
                    {
                        end = range.end;
                        held.pass((range.start, range.end));
                        held.worn.push(copy);
                        continue;
                    }
                    None
                }
                Some(copy) => Some(copy),
                None if held.damaged.contains(&name) => None,
                None => open(&self.shared.disk, &name, first)?,
            };
            let copy = match copy {
                Some(copy) if copy.first() >= end && self.is_of_log(copy.of())? => copy,
                _ => {
                    held.unfit.push(name);
                    continue;
                }
            };
            end = copy.end();
            if self.copies.charge(&mut held, copy.bytes()) {
                held.copies.push(copy);
            } else {
                // It stands for its range, though nobody can use it.
                held.pass((first, end));
            }
        }
        held.stamp = Some(stamp);
        held.is_stale = false;
        Ok(())
    }

    fn copy_name(&self, first: i64) -> String {
        format!("{}/{first:020}{ENDING}", self.path)
    }

    /// Whether the log has the very batches that a chunk was made of. Whoever asks holds `files`.
    fn is_of_log(&self, of: &Identity) -> io::Result<bool> {
        if of.first < self.log_start_offset() || of.end > self.last_stable_offset() {
            return Ok(false);
        }
        // What took others' places may have left their chunks.
        let overlaps = |base: i64, end: i64| base < of.end && of.first < end;
        if lock(&self.swapped)
            .iter()
            .any(|one| overlaps(one.index.base, one.index.end))
        {
            return Ok(false);
        }
        let (base, sealed, active) = {
            let segments = read(&self.segments);
            let (base, sealed) = segments.around(of.first);
            (base, sealed, Arc::clone(&segments.active.file))
        };
        if of.first < base || sealed.is_some_and(|(end, _)| of.end > end) {
            return Ok(false);
        }
        let file = match sealed {
            Some(_) => self
                .shared
                .disk
                .open(&file_name(&self.path, base, "log"), Open::Existing)?,
            None => active,
        };
        of.is_in(&*file, &|offset| self.is_damaged_at(offset))
    }

    fn is_damaged_in(&self, range: Range<i64>) -> io::Result<bool> {
        let mut next = range.start;
        while next < range.end {
            let bytes = match self.read_below(next, self.high_watermark(), STEP_BYTES) {
                Err(ReadError::Damaged(_)) => return Ok(true),
                Err(ReadError::Io(error)) => return Err(error),
                bytes => bytes.map_err(io::Error::other)?,
            };
            match batches(&bytes).filter_map(Result::ok).last() {
                Some(last) => next = last.last_offset() + 1,
                None => break,
            }
        }
        Ok(false)
    }

    fn is_damaged_at(&self, offset: i64) -> io::Result<bool> {
        match self.placed(offset) {
            Ok(_) => Ok(false),
            Err(ReadError::Damaged(_)) => Ok(true),
            Err(ReadError::Io(error)) => Err(error),
            Err(error) => Err(io::Error::other(error)),
        }
    }
}

#[cfg(test)]
impl Partition {
    /// As if chunks and blocks were to have so many bytes.
    pub(crate) fn set_copy_sizes(&self, chunk_bytes: usize, block_bytes: usize) {
        *lock(&self.copies.sizes) = Some(crate::clustered::Sizes {
            chunk_bytes,
            block_bytes,
        });
    }
}

/// The file of a chunk; `None` when it is damaged or gone.
fn open(disk: &Arc<dyn crate::disk::Disk>, name: &str, first: i64) -> io::Result<Option<Arc<Copy>>> {
    match Copy::open(disk, name, first) {
        Ok(copy) => Ok(copy.map(Arc::new)),
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::NotFound | io::ErrorKind::UnexpectedEof
            ) =>
        {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}
