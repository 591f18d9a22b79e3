//! Telling writes that a power cut lost from bytes that went bad later.
//!
//! A log file only grows, and what is lost of it below its end reads as zeros. A tear ends the log: nothing intact
//! follows it. Bad bytes with an intact batch behind them are damage, whatever they look like: a batch that rotted may
//! hold as many zeros as one that was never written, and what follows it may have been acknowledged since the mark.
//! So is a last batch that is whole but for its head, which no lost write leaves.
//!
//! Invariant: in doubt it is damage, which is never cut without a person, and never a tear, which is. The price: a
//! power cut that loses a sector of one unsynced batch and keeps the batch behind it leaves damage too.

use std::io;
use std::ops::Range;

use annals_kafka_wire::batch::{Batch, HEADER_BYTES};
use bytes::{Buf, BytesMut};

use crate::disk::DiskFile;
use crate::format::crc_more;
use crate::walk::{Bad, BadKind, SCAN_BYTES};

/// Bytes of a batch up to its magic.
const MAGIC_AT: usize = 16;

/// Bytes of a batch before its length starts to count.
const BEFORE_LENGTH: u64 = 12;

/// Where a batch keeps its checksum, and where the bytes begin that it covers.
const CRC_AT: usize = 17;
const CRC_FROM: u64 = 21;

/// Candidates are verified up to this many times the bytes searched.
const VERIFY_FACTOR: u64 = 16;

/// What a search for an intact batch came to.
#[derive(Debug, PartialEq, Eq)]
enum Search {
    /// One at this position, of this offset.
    Found(u64, i64),
    Nothing,
    /// The file was made to cost more than it is worth.
    TooCostly,
}

/// Whether the bad bytes of `file` are a tear. `intact_later`: intact batches follow in a later segment.
pub(super) fn is_torn(file: &dyn DiskFile, bad: &Bad, intact_later: bool) -> io::Result<bool> {
    let len = file.len()?;
    if bad.kind == BadKind::WrongHead
        || (intact_later && bad.kind != BadKind::CutShort)
        || search(file, bad.position + 1, len, bad.offset + 1..i64::MAX)? != Search::Nothing
    {
        return Ok(false);
    }
    Ok(!is_whole_but_for_its_head(file, bad.position, len)?)
}

/// Whether the file may hold intact batches of at least the given offset.
pub(super) fn has_intact(file: &dyn DiskFile, offset: i64) -> io::Result<bool> {
    Ok(search(file, 0, file.len()?, offset..i64::MAX)? != Search::Nothing)
}

/// Where to go on reading behind bad bytes: the position and offset of the next intact batch. Where the bad batch says
/// that it ends comes first, since its records may hold bytes that look like a batch; one of `end_offset` or behind is none.
pub(super) fn next_intact(file: &dyn DiskFile, bad: &Bad, end_offset: i64) -> io::Result<Option<(u64, i64)>> {
    let len = file.len()?;
    if let Some(end) = declared_end(file, bad.position, len)? {
        if end == len {
            return Ok(None);
        }
        let head = read(file, end, (len - end).min(HEADER_BYTES as u64))?;
        if let Some((offset, size)) = candidate(&head, len - end, bad.offset + 1..end_offset)
            && is_intact(file, end, size)?
        {
            return Ok(Some((end, offset)));
        }
    }
    match search(file, bad.position + 1, len, bad.offset + 1..end_offset)? {
        Search::Found(position, offset) => Ok(Some((position, offset))),
        Search::Nothing | Search::TooCostly => Ok(None),
    }
}

/// Where a batch ends by its own account, if the file goes on that far.
fn declared_end(file: &dyn DiskFile, position: u64, len: u64) -> io::Result<Option<u64>> {
    if len.saturating_sub(position) < HEADER_BYTES as u64 {
        return Ok(None);
    }
    let mut length = &read(file, position + 8, 4)?[..];
    let end = u64::try_from(length.get_i32()).map(|length| position + BEFORE_LENGTH + length);
    Ok(end
        .ok()
        .filter(|end| *end <= len && *end >= position + HEADER_BYTES as u64))
}

/// Whether the checksum of the file's last batch is right for the bytes up to the end of the file.
fn is_whole_but_for_its_head(file: &dyn DiskFile, position: u64, len: u64) -> io::Result<bool> {
    if len.saturating_sub(position) < HEADER_BYTES as u64 {
        return Ok(false);
    }
    let mut stored = &read(file, position + CRC_AT as u64, 4)?[..];
    let (mut at, mut sum) = (position + CRC_FROM, 0);
    while at < len {
        let chunk = read(file, at, SCAN_BYTES.min(len - at))?;
        sum = crc_more(sum, &chunk);
        at += chunk.len() as u64;
    }
    Ok(stored.get_u32() == sum)
}

/// The first position from `from` on with an intact batch of one of the offsets.
fn search(file: &dyn DiskFile, from: u64, len: u64, offsets: Range<i64>) -> io::Result<Search> {
    let mut budget = len.saturating_sub(from).saturating_mul(VERIFY_FACTOR);
    let mut position = from;
    while position + HEADER_BYTES as u64 <= len {
        let chunk = read(file, position, SCAN_BYTES.min(len - position))?;
        for at in 0..chunk.len().saturating_sub(MAGIC_AT) {
            let place = position + at as u64;
            let Some((offset, bytes)) = candidate(&chunk[at..], len - place, offsets.clone()) else {
                continue;
            };
            if bytes > budget {
                return Ok(Search::TooCostly);
            }
            if is_intact(file, place, bytes)? {
                return Ok(Search::Found(place, offset));
            }
            budget -= bytes;
        }
        // The last few were not looked at: their magic was not in the chunk.
        position += (chunk.len().saturating_sub(MAGIC_AT)).max(1) as u64;
    }
    Ok(Search::Nothing)
}

/// Offset and size of the batch that may begin here.
fn candidate(mut bytes: &[u8], left: u64, offsets: Range<i64>) -> Option<(i64, u64)> {
    if bytes.get(MAGIC_AT) != Some(&2) {
        return None;
    }
    let base = bytes.get_i64();
    let size = u64::try_from(bytes.get_i32()).ok()? + BEFORE_LENGTH;
    let fits = size >= HEADER_BYTES as u64 && size <= left;
    let near = offsets.contains(&base) && base - offsets.start <= i64::from(i32::MAX);
    (fits && near).then_some((base, size))
}

fn is_intact(file: &dyn DiskFile, position: u64, size: u64) -> io::Result<bool> {
    let bytes = read(file, position, size)?.freeze();
    Ok(Batch::parse(&bytes, 0).is_ok_and(|(batch, _)| batch.verify_crc().is_ok()))
}

fn read(file: &dyn DiskFile, position: u64, bytes: u64) -> io::Result<BytesMut> {
    let mut chunk = BytesMut::zeroed(bytes as usize);
    file.read_at(position, &mut chunk)?;
    Ok(chunk)
}
