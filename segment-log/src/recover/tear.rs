//! Telling writes that a power cut lost from bytes that went bad later.
//!
//! A log file only grows. Between two syncs the disk may write its sectors in any order, so a power cut can lose one
//! that later ones survived; what is lost below the end of the file reads as zeros. A batch followed by intact ones
//! and containing a lost sector was never synced, and neither was anything behind it. A batch followed by intact ones
//! without a lost sector was once whole: it rotted. (etcd draws the same line, by sectors of its write-ahead log.)
//!
//! Invariant: in doubt it is damage, which is refused, never a tear, which is cut.
//! Known doubt: a lost sector of which less than [`ZEROS_MIN`] bytes belong to the batch.

use std::io;

use annals_kafka_wire::batch::{Batch, HEADER_BYTES};
use bytes::{Buf, BytesMut};

use crate::disk::DiskFile;
use crate::walk::{Bad, BadKind, SCAN_BYTES};

/// What a disk writes whole or not at all.
const SECTOR_BYTES: u64 = 512;

/// Zeros that prove something: a batch begins with an offset, which may be zeros, but the length behind it is not.
const ZEROS_MIN: u64 = 16;

/// Bytes of a batch up to its magic.
const MAGIC_AT: usize = 16;

/// Bytes of a batch before its length starts to count.
const BEFORE_LENGTH: u64 = 12;

/// Candidates are verified up to this many times the bytes searched; a file made to cost more is held intact, which
/// refuses it.
const VERIFY_FACTOR: u64 = 16;

/// Whether the bad bytes of `file` are a tear. `intact_later`: intact batches follow in a later segment.
pub(super) fn is_torn(file: &dyn DiskFile, bad: &Bad, intact_later: bool) -> io::Result<bool> {
    if bad.kind == BadKind::WrongHead {
        return Ok(false);
    }
    let len = file.len()?;
    let intact = find_intact(file, bad.position + 1, len, bad.offset + 1)?;
    match intact {
        None if !intact_later || bad.kind == BadKind::CutShort => Ok(true),
        None => has_lost_sector(file, bad.position, len, true),
        Some(position) => has_lost_sector(file, bad.position, position, false),
    }
}

/// The first position from `from` on with an intact batch of at least the given offset.
pub(super) fn find_intact(file: &dyn DiskFile, from: u64, len: u64, offset: i64) -> io::Result<Option<u64>> {
    let mut budget = len.saturating_sub(from).saturating_mul(VERIFY_FACTOR);
    let mut position = from;
    while position + HEADER_BYTES as u64 <= len {
        let chunk = read(file, position, SCAN_BYTES.min(len - position))?;
        for at in 0..chunk.len().saturating_sub(MAGIC_AT) {
            let place = position + at as u64;
            let Some(bytes) = candidate(&chunk[at..], len - place, offset) else {
                continue;
            };
            if bytes > budget || is_intact(file, place, bytes)? {
                return Ok(Some(place));
            }
            budget -= bytes;
        }
        // The last few were not looked at: their magic was not in the chunk.
        position += (chunk.len().saturating_sub(MAGIC_AT)).max(1) as u64;
    }
    Ok(None)
}

/// The size of the batch that may begin here.
fn candidate(mut bytes: &[u8], left: u64, offset: i64) -> Option<u64> {
    if bytes.get(MAGIC_AT) != Some(&2) {
        return None;
    }
    let base = bytes.get_i64();
    let size = u64::try_from(bytes.get_i32()).ok()? + BEFORE_LENGTH;
    let fits = size >= HEADER_BYTES as u64 && size <= left;
    let near = base >= offset && base - offset <= i64::from(i32::MAX);
    (fits && near).then_some(size)
}

fn is_intact(file: &dyn DiskFile, position: u64, size: u64) -> io::Result<bool> {
    let bytes = read(file, position, size)?.freeze();
    Ok(Batch::parse(&bytes, 0).is_ok_and(|(batch, _)| batch.verify_crc().is_ok()))
}

/// Whether one of the sectors in `start..end` is all zeros. A sector only partly in the range counts at its start, and
/// at its end only if the file ends there: otherwise it also holds intact bytes, so it was written.
fn has_lost_sector(file: &dyn DiskFile, start: u64, end: u64, at_file_end: bool) -> io::Result<bool> {
    let mut position = start;
    while position < end {
        let chunk_end = (position / SECTOR_BYTES * SECTOR_BYTES + SCAN_BYTES).min(end);
        let chunk = read(file, position, chunk_end - position)?;
        let mut at = position;
        while at < chunk_end {
            let sector_end = (at / SECTOR_BYTES + 1) * SECTOR_BYTES;
            let to = sector_end.min(chunk_end);
            let piece = &chunk[(at - position) as usize..(to - position) as usize];
            let counts = (to == sector_end || at_file_end) && to - at >= ZEROS_MIN;
            if counts && piece.iter().all(|byte| *byte == 0) {
                return Ok(true);
            }
            at = to;
        }
        position = chunk_end;
    }
    Ok(false)
}

fn read(file: &dyn DiskFile, position: u64, bytes: u64) -> io::Result<BytesMut> {
    let mut chunk = BytesMut::zeroed(bytes as usize);
    file.read_at(position, &mut chunk)?;
    Ok(chunk)
}
