//! The five codecs of a batch: none, gzip, snappy, lz4 (frame) and zstd.
//!
//! Invariant: decompression never gives more than its limit and never holds more than one and a half times that
//! (while its buffer moves), whatever the compressed bytes claim; memory grows with what has really come out.
//! Uncompressed records are handed through without a copy.
//!
//! Snappy comes in two shapes: raw, and in xerial's blocks as Java clients write it; both are read, the second is
//! written. Left out on purpose: compression levels.

use std::{
    fmt,
    io::{self, Read, Write},
};

use bytes::Bytes;

use super::BatchError;

/// How the records of a batch are compressed. `Display` gives Kafka's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Compression {
    /// Not at all.
    #[default]
    None,
    /// RFC 1952.
    Gzip,
    /// Snappy, raw or in xerial's blocks.
    Snappy,
    /// The LZ4 frame format.
    Lz4,
    /// RFC 8878.
    Zstd,
}

impl Compression {
    /// Every codec.
    pub const ALL: [Compression; 5] = [Self::None, Self::Gzip, Self::Snappy, Self::Lz4, Self::Zstd];

    pub(super) fn from_bits(bits: i16) -> Result<Self, BatchError> {
        match usize::try_from(bits).ok().and_then(|bits| Self::ALL.get(bits)) {
            Some(codec) => Ok(*codec),
            None => Err(BatchError::Codec(bits)),
        }
    }

    pub(super) const fn bits(self) -> i16 {
        self as i16
    }

    /// Kafka's name, as in `compression.type`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Gzip => "gzip",
            Self::Snappy => "snappy",
            Self::Lz4 => "lz4",
            Self::Zstd => "zstd",
        }
    }
}

impl fmt::Display for Compression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// How much is read at a time, in bytes: large enough to spare calls, small enough for the stack.
const CHUNK_BYTES: usize = 8 << 10;

/// The first guess at how much larger the records are than their compressed form.
const RATIO_GUESS: usize = 4;

/// The largest zstd window, as a power of two: the library's own default, so that every level a client may choose
/// can be read. The window is address space until bytes really come out, and those are limited.
const ZSTD_WINDOW_LOG_MAX: u32 = 27;

/// What begins a xerial stream; two version numbers of four bytes follow.
const XERIAL_MAGIC: &[u8; 8] = b"\x82SNAPPY\0";
const XERIAL_HEADER: &[u8; 16] = b"\x82SNAPPY\0\0\0\0\x01\0\0\0\x01";
/// The block size xerial writes, in bytes before compression.
const XERIAL_BLOCK_BYTES: usize = 32 << 10;
/// Snappy's best case: three bytes copy sixty-four.
const SNAPPY_RATIO_MAX: usize = 22;

pub(super) fn decompress(codec: Compression, packed: Bytes, limit: usize) -> Result<Bytes, BatchError> {
    let broken = |reason: io::Error| BatchError::Decompress {
        codec,
        reason: reason.to_string(),
    };
    let from = &packed[..];
    let unpacked = match codec {
        Compression::None => return Ok(packed),
        Compression::Gzip => drain(
            codec,
            flate2::bufread::MultiGzDecoder::new(from),
            from.len(),
            limit,
        )?,
        Compression::Snappy => unsnap(from, limit)?,
        Compression::Lz4 => drain(codec, lz4_flex::frame::FrameDecoder::new(from), from.len(), limit)?,
        Compression::Zstd => {
            let mut decoder = zstd::stream::read::Decoder::with_buffer(from).map_err(broken)?;
            decoder.window_log_max(ZSTD_WINDOW_LOG_MAX).map_err(broken)?;
            drain(codec, decoder, from.len(), limit)?
        }
    };
    Ok(unpacked.into())
}

/// Reads to the end, or to the limit.
fn drain(
    codec: Compression,
    mut from: impl Read,
    packed: usize,
    limit: usize,
) -> Result<Vec<u8>, BatchError> {
    let mut out = Vec::with_capacity(packed.saturating_mul(RATIO_GUESS).min(limit));
    let mut chunk = [0; CHUNK_BYTES];
    loop {
        let read = match from.read(&mut chunk) {
            Ok(0) => return Ok(out),
            Ok(read) => read,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
            Err(e) => {
                return Err(BatchError::Decompress {
                    codec,
                    reason: e.to_string(),
                });
            }
        };
        grow(codec, &mut out, read, limit)?;
        out.extend_from_slice(&chunk[..read]);
    }
}

/// Makes room for `more` bytes: doubling, and from half the limit straight to it, so that old and new buffer together
/// stay within one and a half times the limit.
fn grow(codec: Compression, out: &mut Vec<u8>, more: usize, limit: usize) -> Result<(), BatchError> {
    let needed = out.len().saturating_add(more);
    if needed > limit {
        return Err(BatchError::TooLarge { codec, limit });
    }
    if needed > out.capacity() {
        let doubled = out.capacity().saturating_mul(2).max(needed);
        let wanted = if doubled > limit / 2 { limit } else { doubled };
        out.reserve_exact(wanted - out.len());
    }
    Ok(())
}

fn unsnap(from: &[u8], limit: usize) -> Result<Vec<u8>, BatchError> {
    let mut out = Vec::new();
    if !from.starts_with(XERIAL_MAGIC) {
        unsnap_block(from, &mut out, limit)?;
        return Ok(out);
    }
    let mut rest = from;
    while !rest.is_empty() {
        // Streams may be written one after the other, so a header may come back.
        if rest.starts_with(XERIAL_MAGIC) {
            rest = rest
                .get(XERIAL_HEADER.len()..)
                .ok_or_else(|| snappy_broken("a header is cut short"))?;
            continue;
        }
        let (length, after) = rest
            .split_first_chunk()
            .ok_or_else(|| snappy_broken("a block length is cut short"))?;
        let length = u32::from_be_bytes(*length) as usize;
        let (block, after) = after
            .split_at_checked(length)
            .ok_or_else(|| snappy_broken("a block is cut short"))?;
        unsnap_block(block, &mut out, limit)?;
        rest = after;
    }
    Ok(out)
}

fn unsnap_block(block: &[u8], out: &mut Vec<u8>, limit: usize) -> Result<(), BatchError> {
    let claimed = snap::raw::decompress_len(block).map_err(snappy_broken)?;
    if claimed > block.len().saturating_mul(SNAPPY_RATIO_MAX) {
        return Err(snappy_broken("a block claims more than it can hold"));
    }
    grow(Compression::Snappy, out, claimed, limit)?;
    let start = out.len();
    out.resize(start + claimed, 0);
    let written = snap::raw::Decoder::new()
        .decompress(block, &mut out[start..])
        .map_err(snappy_broken)?;
    out.truncate(start + written);
    Ok(())
}

fn snappy_broken(reason: impl fmt::Display) -> BatchError {
    BatchError::Decompress {
        codec: Compression::Snappy,
        reason: reason.to_string(),
    }
}

/// Compresses `records`, adding to `out`.
pub(super) fn compress(codec: Compression, records: &[u8], out: &mut Vec<u8>) -> io::Result<()> {
    match codec {
        Compression::None => out.extend_from_slice(records),
        Compression::Gzip => {
            let mut encoder = flate2::write::GzEncoder::new(out, flate2::Compression::default());
            encoder.write_all(records)?;
            encoder.finish()?;
        }
        Compression::Snappy => snap_blocks(records, out)?,
        Compression::Lz4 => {
            let mut encoder = lz4_flex::frame::FrameEncoder::new(out);
            encoder.write_all(records)?;
            encoder.finish().map_err(io::Error::other)?;
        }
        Compression::Zstd => zstd::stream::copy_encode(records, out, zstd::DEFAULT_COMPRESSION_LEVEL)?,
    }
    Ok(())
}

fn snap_blocks(records: &[u8], out: &mut Vec<u8>) -> io::Result<()> {
    out.extend_from_slice(XERIAL_HEADER);
    let mut encoder = snap::raw::Encoder::new();
    for block in records.chunks(XERIAL_BLOCK_BYTES) {
        let block = encoder.compress_vec(block).map_err(io::Error::other)?;
        // A block of 32 KiB stays far below 4 GiB.
        out.extend_from_slice(&(block.len() as u32).to_be_bytes());
        out.extend_from_slice(&block);
    }
    Ok(())
}
