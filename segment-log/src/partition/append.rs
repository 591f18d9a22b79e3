//! Appending a batch.
//!
//! Invariant: under the writer's lock the order is check, roll, write, take in; conditions are checked with the rest. A batch that is refused, or whose
//! write fails, leaves derived state, index and end as they were; bytes of a failed write are behind the end, are never
//! read, and are taken back before anything else is written.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use annals_kafka_wire::batch::{Batch, BatchError, TimestampType, stamp, stamp_append_time};
use bytes::BytesMut;

use super::commit::Rolled;
use super::{Conditions, Durability, Partition, Writer};
use crate::derived::producer::Sequence;
use crate::derived::{Claim, Stored, snapshot};
use crate::disk::Open;
use crate::error::AppendError;
use crate::index::{Index, indexed};
use crate::mutex::{lock, read, write};
use crate::segment::{Opened, file_name};

/// Largest segment: positions in the index have 32 bits.
const SEGMENT_BYTES_MAX: u64 = 2 * 1024 * 1024 * 1024;

/// Offsets in one segment: the index keeps them in 32 bits.
pub(super) const SEGMENT_OFFSETS_MAX: i64 = u32::MAX as i64;

/// Where a batch was put.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Appended {
    /// Offset of its first record.
    pub base_offset: i64,
    /// Offset of its last record.
    pub last_offset: i64,
    /// It was stored before; nothing was written, and the offsets are the original ones.
    pub duplicate: bool,
    /// The partition's first offset.
    pub log_start_offset: i64,
}

/// The active segment as an append needs it.
struct Place {
    file: Arc<dyn crate::disk::DiskFile>,
    position: u64,
    base: i64,
    offset: i64,
    heads: u32,
}

impl Partition {
    /// Appends a batch as it came but for its base offset and leader epoch, and for its time where that is the log's
    /// ([`PartitionConfig::timestamp_type`](super::PartitionConfig::timestamp_type)). It is readable when
    /// [`Partition::wait_durable`] says so. `now_ms` is that time, and dates the producer, whose state is dropped when
    /// it is silent for [`LogConfig::producer_expiry_ms`](crate::LogConfig::producer_expiry_ms).
    pub fn append(&self, batch: &Batch, now_ms: i64) -> Result<Appended, AppendError> {
        self.append_under(batch, now_ms, None)
    }

    /// Appends a batch if its conditions hold.
    pub(super) fn append_under(
        &self,
        batch: &Batch,
        now_ms: i64,
        conditions: Option<&Conditions>,
    ) -> Result<Appended, AppendError> {
        self.shared.ready()?;
        if let Some(damage) = self.damage.first() {
            return Err(AppendError::Damaged(damage.clone()));
        }
        self.admit(batch)?;
        let claim = Claim::of(batch);
        let mut bytes = BytesMut::from(&batch.bytes()[..]);
        let mut max_timestamp = batch.max_timestamp();
        if self.timestamp_type() == TimestampType::LogAppendTime {
            max_timestamp = now_ms;
            stamp_append_time(&mut bytes, now_ms);
        }
        let (_files, mut writer, conditions) = match conditions.map(|asked| self.lock_counted(asked)) {
            Some((files, writer, counted)) => (Some(files), writer, Some(counted)),
            None => (None, lock(&self.writer), None),
        };
        self.shared.ready()?;
        if writer.removed {
            return Err(AppendError::Removed);
        }
        if let Some(claim) = &claim
            && let Sequence::Duplicate {
                base_offset,
                last_offset,
            } = read(&self.derived).check(claim)?
        {
            return Ok(self.appended(base_offset, last_offset, true));
        }
        let hold = |(conditions, counted)| self.check_conditions(conditions, counted, batch);
        let conditions = conditions.map(hold).transpose()?;
        let written = self.write(&mut bytes, batch.last_offset_delta(), now_ms, &mut writer);
        let place = written.map_err(|source| {
            let what = format!("writing {}", self.path);
            self.shared.refused(&what, &source, bytes.len() as u64, None);
            AppendError::Io { what, source }
        })?;
        let last_offset = place.offset + i64::from(batch.last_offset_delta());
        let bytes = bytes.freeze();
        let entry = indexed(&bytes, place.offset, last_offset + 1, max_timestamp, place.heads);
        write(&self.segments).push(entry, bytes);
        if let Some(claim) = &claim {
            let stored = Stored {
                base_offset: place.offset,
                last_offset,
                ms: now_ms,
            };
            write(&self.derived).apply(claim, stored, self.high_watermark());
        }
        self.log_end.store(last_offset + 1, Ordering::Release);
        if let Some(conditions) = conditions {
            self.note_keys(conditions, batch, place.offset);
        }
        if self.config().durability == Durability::Os {
            self.high_watermark.store(last_offset + 1, Ordering::Release);
        }
        drop(writer);
        self.wake_committer();
        Ok(self.appended(place.offset, last_offset, false))
    }

    /// What does not depend on what the log holds.
    fn admit(&self, batch: &Batch) -> Result<(), AppendError> {
        let bytes = batch.bytes().len() as u64;
        let bytes_max = self.segment_bytes_max();
        if bytes > bytes_max {
            return Err(AppendError::TooLarge { bytes, bytes_max });
        }
        let (count, last_offset_delta) = (batch.count(), batch.last_offset_delta());
        if i64::from(count) != i64::from(last_offset_delta) + 1 {
            return Err(BatchError::Gaps {
                count,
                last_offset_delta,
            }
            .into());
        }
        Ok(batch.verify_crc()?)
    }

    fn segment_bytes_max(&self) -> u64 {
        self.config().segment_bytes_max.min(SEGMENT_BYTES_MAX)
    }

    /// Writes the batch at the end, stamped. When that fails, as on a full disk, the next one is tried afresh.
    fn write(&self, bytes: &mut BytesMut, delta: i32, now_ms: i64, writer: &mut Writer) -> io::Result<Place> {
        if writer.overhang {
            let place = self.active();
            place.file.set_len(place.position)?;
            writer.overhang = false;
        }
        let place = self.place(bytes.len() as u64, delta, now_ms, writer)?;
        if place.position == 0 {
            writer.begun_ms = now_ms;
        }
        stamp(bytes, place.offset, self.leader_epoch);
        place.file.write_at(place.position, bytes).inspect_err(|_| {
            // Taken back at once where that works: the rest of a full disk is not ours to keep.
            writer.overhang = place.file.set_len(place.position).is_err();
        })?;
        Ok(place)
    }

    /// Where the next batch goes; begins a new segment when it does not fit.
    fn place(&self, bytes: u64, delta: i32, now_ms: i64, writer: &mut Writer) -> io::Result<Place> {
        let place = self.active();
        let full = place.position + bytes > self.segment_bytes_max();
        let wide = place.offset - place.base + i64::from(delta) > SEGMENT_OFFSETS_MAX;
        if place.position == 0 || !(full || wide) {
            return Ok(place);
        }
        self.roll(place.offset, now_ms, writer)?;
        Ok(self.active())
    }

    fn active(&self) -> Place {
        let segments = read(&self.segments);
        let Opened { file, index, .. } = &segments.active;
        Place {
            file: file.clone(),
            position: index.size,
            base: index.base,
            offset: index.end,
            heads: index.heads,
        }
    }

    /// Goes on in a new segment, if anything was written to this one.
    pub(super) fn seal_active(&self, now_ms: i64, writer: &mut Writer) -> io::Result<()> {
        let place = self.active();
        match place.position {
            0 => Ok(()),
            _ => self.roll(place.offset, now_ms, writer),
        }
    }

    /// Begins the segment of offset `base`. The committer syncs both, and settles the old one.
    fn roll(&self, base: i64, now_ms: i64, writer: &mut Writer) -> io::Result<()> {
        let name = file_name(&self.path, base, "log");
        let file = self.shared.disk.open(&name, Open::Create)?;
        write(&self.derived).expire(now_ms, self.shared.config.producer_expiry_ms);
        let snapshot = snapshot::encode(&read(&self.derived), base);
        let sealed = write(&self.segments).roll(Opened {
            name,
            file,
            index: Index::new(base),
        });
        writer.rolled.push(Rolled {
            sealed,
            next: base,
            snapshot,
            synced: false,
        });
        Ok(())
    }

    pub(super) fn wake_committer(&self) {
        if !self.queued.swap(true, Ordering::AcqRel)
            && let Some(me) = self.me.upgrade()
        {
            self.shared.enqueue(me);
        }
    }

    fn appended(&self, base_offset: i64, last_offset: i64, duplicate: bool) -> Appended {
        let log_start_offset = self.log_start_offset();
        Appended {
            base_offset,
            last_offset,
            duplicate,
            log_start_offset,
        }
    }
}
