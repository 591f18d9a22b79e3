//! Reading batches.
//!
//! Invariant: what is handed out are whole batches below the high watermark, as they stand on disk. Those read from
//! disk were verified; a damaged one is an error that names it, unless good ones come before it. Whoever needs the disk holds
//! `files` from before it looks for a segment to the end, so the files stay that were found; what memory has waits for
//! nobody.

use std::io;
use std::sync::Arc;

use annals_kafka_wire::batch::{Batch, BatchError, batches};
use bytes::Bytes;

use super::Partition;
use crate::damage::{DAMAGE_MAX, Damage};
use crate::derived::Derived;
use crate::derived::transaction::Aborted;
use crate::disk::{DiskFile, Open, load};
use crate::error::ReadError;
use crate::index::{self, Index, Spot};
use crate::mutex::{lock, read};
use crate::recover::next_intact;
use crate::segment::{Found, Opened, file_name};
use crate::walk::{Bad, BadKind, Placed, Walk};

/// The most one read gives beyond its first batch, whatever it asks for: 8 MiB.
const READ_BYTES_MAX: u64 = 8 * 1024 * 1024;

/// Read in front of the wanted batch, as the index is sparse, and for the head of the batch that does not fit.
const SLACK_BYTES: u64 = 20 * 1024;

/// Sealed segments kept open per partition: one for each of a few consumers far behind.
const OPENED_MAX: usize = 4;

/// What [`Partition::read_committed`] gives.
#[derive(Debug, Clone)]
pub struct Committed {
    /// Whole batches, those of aborted transactions and control batches among them.
    pub bytes: Bytes,
    /// Where reading stops until more is decided.
    pub last_stable_offset: i64,
    /// Transactions whose records are to be passed over, see [`Aborted::holds`].
    pub aborted: Vec<Aborted>,
    /// They are what copies have of a damaged place: what else stood between them is not known.
    pub(crate) is_recovered: bool,
}

/// Part of a segment file.
pub(super) struct Place {
    pub(super) name: String,
    pub(super) file: Arc<dyn DiskFile>,
    pub(super) size: u64,
    /// One behind the segment's last offset.
    pub(super) end: i64,
    pub(super) spot: Spot,
    pub(super) epoch_max: i32,
}

impl Place {
    /// From the batch that the index knows; what is not that batch is damaged.
    pub(super) fn walk(&self) -> Walk<'_> {
        self.walk_from(self.spot)
    }

    fn walk_from(&self, spot: Spot) -> Walk<'_> {
        let Spot { position, offset } = spot;
        Walk::new(&*self.file, position, self.size, offset).epochs(0..=self.epoch_max)
    }

    /// Bytes of the batch that holds `offset`, by its head; 0 when there is none that makes sense.
    fn bytes_of(&self, offset: i64) -> io::Result<usize> {
        let position = self.spot.position;
        let left = self.size.saturating_sub(position);
        // The index knows the way to less than this before the batch, and its head.
        let chunk = self.file.read(position, SLACK_BYTES.min(left) as usize)?;
        let mut at = 0;
        loop {
            match Batch::parse(&chunk, at) {
                Ok((batch, next)) if batch.last_offset() < offset => at = next,
                Ok((batch, _)) => return Ok(batch.bytes().len()),
                Err(BatchError::Truncated { needed, .. }) if (at + needed) as u64 <= left => {
                    return Ok(needed);
                }
                // Whoever reads it is told.
                Err(_) => return Ok(0),
            }
        }
    }
}

impl Partition {
    /// Whole batches from the one that holds `from_offset` (perhaps in its middle) up to the high watermark: always
    /// one, then as many as fit into `bytes_max`. Empty when nothing from there on is durable yet.
    pub fn read(&self, from_offset: i64, bytes_max: usize) -> Result<Bytes, ReadError> {
        let limit = self.high_watermark();
        if let Some(known) = self.recent(from_offset, limit, bytes_max) {
            return known;
        }
        let _files = read(&self.files);
        self.read_until(from_offset, limit, bytes_max)
    }

    /// The same up to the last stable offset, with the aborted transactions whose records are among them.
    pub fn read_committed(&self, from_offset: i64, bytes_max: usize) -> Result<Committed, ReadError> {
        // The order matters: what is before this offset is decided, so that what was aborted is known now,
        let last_stable_offset = self.last_stable_offset();
        let with_aborted = |bytes: Bytes, derived: &Derived| {
            let last = batches(&bytes).filter_map(Result::ok).last();
            let end = last.map_or(from_offset, |last| last.last_offset() + 1);
            Committed {
                bytes,
                last_stable_offset,
                aborted: derived.transactions.aborted_in(from_offset, end),
                is_recovered: false,
            }
        };
        let derived = read(&self.derived);
        // and is not forgotten before its records cannot be read any more.
        if let Some(known) = self.recent(from_offset, last_stable_offset, bytes_max) {
            return known.map(|bytes| with_aborted(bytes, &derived));
        }
        drop(derived);
        let _files = read(&self.files);
        let bytes = self.read_until(from_offset, last_stable_offset, bytes_max)?;
        Ok(with_aborted(bytes, &read(&self.derived)))
    }

    /// What can be said without a look at the disk.
    fn recent(&self, from_offset: i64, limit: i64, bytes_max: usize) -> Option<Result<Bytes, ReadError>> {
        let start = self.log_start_offset();
        if from_offset < start || from_offset > self.log_end_offset() {
            let end = self.high_watermark();
            return Some(Err(ReadError::OutOfRange { start, end }));
        }
        if from_offset >= limit {
            return Some(Ok(Bytes::new()));
        }
        let recent = read(&self.segments).tail.read(from_offset, limit, bytes_max);
        recent.map(Ok)
    }

    fn read_until(&self, from_offset: i64, limit: i64, bytes_max: usize) -> Result<Bytes, ReadError> {
        match self.recent(from_offset, limit, bytes_max) {
            Some(known) => known,
            None => self.read_below(from_offset, limit, bytes_max),
        }
    }

    /// Whole batches from the one that holds `from_offset` on, none at or behind `limit`.
    pub(super) fn read_below(
        &self,
        from_offset: i64,
        limit: i64,
        bytes_max: usize,
    ) -> Result<Bytes, ReadError> {
        if let Some(damage) = self.damage.iter().find(|damage| damage.holds(from_offset)) {
            return Err(ReadError::Damaged(damage.clone()));
        }
        let recent = read(&self.segments).tail.read(from_offset, limit, bytes_max);
        if let Some(bytes) = recent {
            return Ok(bytes);
        }
        let place = self.find(from_offset, |index| index.spot_of(from_offset))?;
        self.read_from(&place, from_offset, limit, bytes_max as u64)
    }

    /// Whether a read from here on needs nothing of the disk, as far as one can tell beforehand.
    pub fn is_in_memory(&self, offset: i64) -> bool {
        read(&self.segments).tail.holds(offset)
    }

    /// Bytes of the readable batch that holds `offset`, by its head: what [`Partition::read`] gives from there whatever
    /// it is asked for. 0 when it gives none.
    pub fn batch_bytes(&self, offset: i64) -> Result<usize, ReadError> {
        let limit = self.high_watermark();
        let readable = || (self.log_start_offset()..limit).contains(&offset);
        if !readable() || self.damage.iter().any(|damage| damage.holds(offset)) {
            return Ok(0);
        }
        let recent = read(&self.segments).tail.read(offset, limit, 0);
        if let Some(batch) = recent {
            return Ok(batch.len());
        }
        let _files = read(&self.files);
        if !readable() {
            return Ok(0);
        }
        let place = self.find(offset, |index| index.spot_of(offset))?;
        Ok(place.bytes_of(offset)?)
    }

    /// The stored batch that holds `offset`, durable or not: for what its header says. Consumers read what is durable.
    pub fn batch_at(&self, offset: i64) -> Result<Batch, ReadError> {
        let _files = read(&self.files);
        let (start, end) = (self.log_start_offset(), self.log_end_offset());
        if !(start..end).contains(&offset) {
            return Err(ReadError::OutOfRange { start, end });
        }
        let bytes = self.read_below(offset, end, 0)?;
        let (batch, _) = Batch::parse(&bytes, 0).map_err(io::Error::other)?;
        Ok(batch)
    }

    /// What bad bytes that a reader came upon are: up to the next intact batch they are lost, or to the end of their segment.
    /// It is remembered, so that it is looked for and said once.
    pub(super) fn lost(&self, place: &Place, bad: Bad) -> Result<Damage, ReadError> {
        let holds = |known: &&Damage| {
            known.file == place.name && (known.position == bad.position || known.holds(bad.offset))
        };
        let known = self.damage.iter().find(holds).cloned();
        if let Some(known) = known.or_else(|| lock(&self.found).iter().find(holds).cloned()) {
            return Ok(known);
        }
        let next = next_intact(&*place.file, &bad, place.end)?.filter(|(position, _)| *position < place.size);
        let (behind, end) = next.unwrap_or((place.size, place.end));
        let bytes = behind.saturating_sub(bad.position);
        let damage = bad.damage(&place.name, bytes, end);
        let mut found = lock(&self.found);
        if found.len() < DAMAGE_MAX && !found.contains(&damage) {
            tracing::error!(partition = %self.path, "{damage}");
            // Who went in behind its beginning saw the rest of it.
            found.retain(|part| part.file != damage.file || !damage.holds(part.offset));
            found.push(damage.clone());
        }
        Ok(damage)
    }

    /// Goes on behind a bad batch, when that stands in front of the wanted one: then it is somebody else's affair.
    fn walk_behind<'p>(&self, place: &'p Place, bad: Bad, wanted: i64) -> Result<Walk<'p>, ReadError> {
        let damage = self.lost(place, bad)?;
        if !(damage.offset + 1..=wanted).contains(&damage.end_offset) {
            return Err(ReadError::Damaged(damage));
        }
        Ok(place.walk_from(Spot {
            position: damage.position + damage.bytes,
            offset: damage.end_offset,
        }))
    }

    /// A walk came to the end of the segment without a batch that was written.
    fn missing(&self, place: &Place, walk: &Walk<'_>, offset: i64) -> ReadError {
        let reason = format!("no batch that holds offset {offset} where it should be");
        match self.lost(place, walk.bad(reason, BadKind::WrongHead)) {
            Ok(damage) => ReadError::Damaged(damage),
            Err(error) => error,
        }
    }

    /// The stored batch that holds `offset`, and where it stands. Whoever asks holds `files`.
    pub(super) fn placed(&self, offset: i64) -> Result<Placed, ReadError> {
        let place = self.find(offset, |index| index.spot_of(offset))?;
        let mut walk = place.walk().reading(SLACK_BYTES);
        while let Some(step) = walk.next()? {
            match step {
                Ok(placed) if placed.batch.last_offset() < offset => {}
                Ok(placed) => return Ok(placed),
                Err(bad) => walk = self.walk_behind(&place, bad, offset)?.reading(SLACK_BYTES),
            }
        }
        Err(self.missing(&place, &walk, offset))
    }

    /// The segment that holds `offset`, and a `spot` in it.
    pub(super) fn find(&self, offset: i64, spot: impl Fn(&Index) -> Spot) -> Result<Place, ReadError> {
        let (found, end) = {
            let segments = read(&self.segments);
            let (_, sealed) = segments.around(offset);
            let end = sealed.map_or(segments.active.index.end, |(end, _)| end);
            (segments.find(offset, &spot), end)
        };
        let found = match found {
            Found::Sealed(base) => Found::open(&*self.open_sealed(base)?, spot),
            open => open,
        };
        match found {
            Found::Open {
                name,
                file,
                size,
                spot,
            } => Ok(Place {
                name,
                file,
                size,
                end,
                spot,
                epoch_max: self.leader_epoch,
            }),
            Found::Sealed(_) => Err(ReadError::Io(io::Error::other("a segment could not be opened"))),
        }
    }

    fn open_sealed(&self, base: i64) -> Result<Arc<Opened>, ReadError> {
        let kept = {
            let mut opened = lock(&self.opened);
            let at = opened.iter().position(|opened| opened.index.base == base);
            let kept = at.and_then(|at| opened.remove(at));
            opened.extend(kept.clone());
            kept
        };
        if let Some(kept) = kept {
            return Ok(kept);
        }
        let fresh = Arc::new(self.load_sealed(base)?);
        let mut opened = lock(&self.opened);
        opened.push_back(fresh.clone());
        if opened.len() > OPENED_MAX {
            opened.pop_front();
        }
        Ok(fresh)
    }

    /// CRC-32C over the heads of a sealed segment's batches.
    pub(super) fn sealed_heads(&self, base: i64) -> Result<u32, ReadError> {
        let pending = read(&self.segments).pending(base);
        let opened = match pending {
            Some(opened) => opened,
            None => self.open_sealed(base)?,
        };
        Ok(opened.index.heads)
    }

    /// Opens a sealed segment. An index that went bad since the start is rebuilt in memory.
    fn load_sealed(&self, base: i64) -> Result<Opened, ReadError> {
        let disk = &*self.shared.disk;
        let name = file_name(&self.path, base, "log");
        let file = disk.open(&name, Open::Existing)?;
        let index = load(disk, &file_name(&self.path, base, "idx"), index::FILE_BYTES_MAX);
        let index = index.ok().flatten().and_then(|bytes| Index::decode(&bytes));
        if let Some(index) = index.filter(|index| index.base == base) {
            return Ok(Opened { name, file, index });
        }
        let mut index = Index::new(base);
        let size = file.len()?;
        let mut walk = Walk::new(&*file, 0, size, base);
        while let Some(Ok(placed)) = walk.next()? {
            index.take(&placed.batch);
        }
        // Damaged batches stay within the size: whoever reads there is told.
        index.size = size;
        Ok(Opened { name, file, index })
    }

    fn read_from(
        &self,
        place: &Place,
        from_offset: i64,
        limit: i64,
        bytes_max: u64,
    ) -> Result<Bytes, ReadError> {
        let bytes_max = bytes_max.min(READ_BYTES_MAX);
        let mut walk = place.walk().reading(bytes_max + SLACK_BYTES);
        let mut range: Option<(u64, u64)> = None;
        while let Some(step) = walk.next()? {
            let placed = match step {
                Ok(placed) => placed,
                Err(_) if range.is_some() => break,
                Err(bad) => {
                    walk = self
                        .walk_behind(place, bad, from_offset)?
                        .reading(bytes_max + SLACK_BYTES);
                    continue;
                }
            };
            let end = placed.position + placed.batch.bytes().len() as u64;
            if placed.batch.last_offset() < from_offset {
                continue;
            }
            let fits = range.is_none_or(|(start, _)| end - start <= bytes_max);
            if placed.batch.last_offset() >= limit || !fits {
                break;
            }
            range = Some((range.map_or(placed.position, |(start, _)| start), end));
            if end - range.map_or(0, |(start, _)| start) >= bytes_max {
                break;
            }
        }
        let Some((start, end)) = range else {
            return Err(self.missing(place, &walk, from_offset));
        };
        if let Some(bytes) = walk.seen(start, end) {
            return Ok(bytes);
        }
        Ok(place.file.read(start, (end - start) as usize)?)
    }
}
