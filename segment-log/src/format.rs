//! The version of the layout on disk, and the framing every sidecar file shares.
//!
//! ```text
//! <dir>/LOCK                       held while a process has the directory open
//!       FORMAT                     "annals-log 1\n": how everything below is laid out
//!       CHECKPOINT                 up to where records were acknowledged        (checkpoint.rs)
//!       <partition path>/
//!           00000000000000000000.log    record batches v2, back to back, as they were sent;
//!                                       only base offset and leader epoch are stamped
//!           00000000000000000000.idx    index of a sealed segment               (index.rs)
//!           00000000000000000000.keys   key index of sealed segments, if asked for (keys/layout.rs)
//!           00000000000000000000.<name>.keys  the same by other keys than the records' own (keys/other.rs)
//!           00000000000000000000.clustered  records from this offset on by key, if asked for (clustered/layout.rs)
//!           00000000000000000000.snap   derived state as of its first offset (derived/snapshot.rs)
//!           <name>.beside               what others computed from the records (beside.rs)
//!           <base>-<end>.swap           compacted, in the place of these  (swap.rs)
//!           <base>.merged.tmp           a merged key index before its rename (partition/keys/merging.rs)
//!       <partition path>.deleted/       being removed, swept at the next start
//! ```
//!
//! A binary sidecar is framed alike, all integers big-endian:
//!
//! ```text
//!  0  8  magic, one per kind of file
//!  8  4  version of the kind
//! 12  n  body
//!  …  4  CRC-32C of everything before
//! ```
//!
//! One that is larger is read a piece at a time: what is framed is a footer at its end, and the last of the body is a
//! CRC-64/NVME of everything before the footer.
//!
//! Invariant: a sidecar is derived from the log; one that does not unframe is rebuilt, never trusted.
//! A directory of a newer format is refused before anything in it is changed.

use std::io;

use bytes::{Buf, BufMut};
use crc_fast::{CrcAlgorithm, Digest, checksum};

use crate::checkpoint::{Checkpoint, Loaded};
use crate::clustered;
use crate::disk::{Disk, DiskFile, load, replace};
use crate::error::LogError;

pub(crate) const FILE: &str = "FORMAT";
const FAMILY: &str = "annals-log ";
const CURRENT: &str = "annals-log 1";
const FILE_BYTES_MAX: u64 = 4096;

/// How a partition's files end.
pub(crate) const ENDINGS: [&str; 8] = [
    ".log",
    ".idx",
    ".snap",
    ".keys",
    ".beside",
    clustered::ENDING,
    ".swap",
    ".tmp",
];

const MAGIC_BYTES: usize = 8;
pub(crate) const HEAD_BYTES: usize = MAGIC_BYTES + 4;
pub(crate) const CRC_BYTES: usize = 4;

/// Bytes of a sidecar read at once when all of it is.
const PIECE_BYTES: u64 = 1 << 20;

/// Refuses a directory of another format; marks a new directory. Answers whether the directory is new.
pub(crate) fn claim(disk: &dyn Disk) -> Result<bool, LogError> {
    let found = load(disk, FILE, FILE_BYTES_MAX).map_err(LogError::io("reading FORMAT"))?;
    let Some(bytes) = found else {
        replace(disk, FILE, format!("{CURRENT}\n").as_bytes()).map_err(LogError::io("writing FORMAT"))?;
        return Ok(true);
    };
    let text = String::from_utf8_lossy(&bytes);
    let line = text.lines().next().unwrap_or_default();
    if line == CURRENT {
        return Ok(false);
    }
    // A line that names no format at all went bad; what this program wrote beside it tells the format as well.
    let names_one = line
        .strip_prefix(FAMILY)
        .is_some_and(|version| version.parse::<u32>().is_ok());
    if !names_one && matches!(Checkpoint::load(disk)?, Loaded::Whole(_)) {
        tracing::warn!(found = %line.escape_debug(), "FORMAT was damaged, and is written again from what CHECKPOINT says");
        replace(disk, FILE, format!("{CURRENT}\n").as_bytes()).map_err(LogError::io("writing FORMAT"))?;
        return Ok(false);
    }
    Err(LogError::Format {
        found: line.to_owned(),
        supported: CURRENT.to_owned(),
    })
}

/// CRC-32C.
pub(crate) fn crc(bytes: &[u8]) -> u32 {
    checksum(CrcAlgorithm::Crc32Iscsi, bytes) as u32
}

/// CRC-32C of what `before` stands for, followed by `bytes`. The CRC of nothing is 0.
pub(crate) fn crc_more(before: u32, bytes: &[u8]) -> u32 {
    let mut digest = Digest::new_with_init_state(CrcAlgorithm::Crc32Iscsi, u64::from(!before));
    digest.update(bytes);
    digest.finalize() as u32
}

/// Puts magic and version before a body and a checksum behind it.
pub(crate) fn frame(magic: &[u8; MAGIC_BYTES], version: u32, body: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(HEAD_BYTES + body.len() + CRC_BYTES);
    out.put_slice(magic);
    out.put_u32(version);
    out.put_slice(body);
    out.put_u32(crc(&out));
    out
}

/// The body of a framed file, or `None` when it is not one of this kind and version, whole and undamaged.
pub(crate) fn unframe<'a>(magic: &[u8; MAGIC_BYTES], version: u32, file: &'a [u8]) -> Option<&'a [u8]> {
    let end = file
        .len()
        .checked_sub(CRC_BYTES)
        .filter(|end| *end >= HEAD_BYTES)?;
    let (framed, mut sum) = file.split_at(end);
    let head_is_ours = framed.starts_with(magic) && (&framed[MAGIC_BYTES..]).get_u32() == version;
    (head_is_ours && sum.get_u32() == crc(framed)).then(|| &framed[HEAD_BYTES..])
}

/// Whether a file is, to the last byte, what was written with a footer of this kind, whose body has so many bytes.
pub(crate) fn is_whole(
    file: &dyn DiskFile,
    (magic, version): (&[u8; MAGIC_BYTES], u32),
    body_bytes: usize,
) -> io::Result<bool> {
    let footer_bytes = HEAD_BYTES + body_bytes + CRC_BYTES;
    let Some(footer_at) = file.len()?.checked_sub(footer_bytes as u64) else {
        return Ok(false);
    };
    let footer = file.read(footer_at, footer_bytes)?;
    let body = unframe(magic, version, &footer).unwrap_or_default();
    let Some((_, sum)) = body.split_last_chunk() else {
        return Ok(false);
    };
    let mut digest = Digest::new(CrcAlgorithm::Crc64Nvme);
    let mut position = 0;
    while position < footer_at {
        let piece = PIECE_BYTES.min(footer_at - position);
        digest.update(&file.read(position, piece as usize)?);
        position += piece;
    }
    Ok(digest.finalize().to_be_bytes() == *sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_running_crc_is_the_crc_of_the_whole() {
        let whole = b"the quick brown fox jumps over the lazy dog";
        for cut in 0..whole.len() {
            assert_eq!(
                crc_more(crc_more(0, &whole[..cut]), &whole[cut..]),
                crc(whole),
                "cut at {cut}"
            );
        }
        assert_eq!(crc(b"123456789"), 0xe306_9283);
    }

    #[test]
    fn any_flipped_bit_or_missing_byte_unframes_to_nothing() {
        let good = frame(b"ANNALSxx", 1, b"body");
        assert_eq!(unframe(b"ANNALSxx", 1, &good), Some(&b"body"[..]));
        assert_eq!(unframe(b"ANNALSxy", 1, &good), None);
        assert_eq!(unframe(b"ANNALSxx", 2, &good), None);
        for bit in 0..good.len() * 8 {
            let mut bad = good.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(unframe(b"ANNALSxx", 1, &bad), None, "bit {bit}");
        }
        for len in 0..good.len() {
            assert_eq!(unframe(b"ANNALSxx", 1, &good[..len]), None, "length {len}");
        }
    }
}
