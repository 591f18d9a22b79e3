//! The five codecs of a batch: none, gzip, snappy, lz4 (frame) and zstd.
//!
//! Invariant: what is unpacked never gives more than its limit, whatever the compressed bytes claim; memory grows with
//! what has really come out. [`stream`] holds one buffer of it, [`decompress`] all, and never more than one and a half
//! times the limit (while its buffer moves; a raw Snappy block, which comes in one piece, stands beside it).
//! Uncompressed records are handed through without a copy.
//!
//! Snappy comes in two shapes: raw, and in xerial's blocks as Java clients write it; both are read, the second is
//! written. Left out on purpose: compression levels.

use std::{
    error::Error,
    fmt,
    io::{self, BufRead, BufReader, Read, Write},
};

use bytes::{Bytes, BytesMut};

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

/// How much is unpacked at a time, in bytes: large enough to spare calls and to hold most records whole.
const CHUNK_BYTES: usize = 32 << 10;

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

/// The error of a stream that reached its limit.
#[derive(Debug)]
struct PastLimit;

impl fmt::Display for PastLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the limit is reached")
    }
}

impl Error for PastLimit {}

/// What an error of a [`stream`] means.
pub(super) fn broken(codec: Compression, limit: usize) -> impl Fn(io::Error) -> BatchError {
    move |error| match error.get_ref() {
        Some(cause) if cause.is::<PastLimit>() => BatchError::TooLarge { codec, limit },
        _ => BatchError::Decompress {
            codec,
            reason: error.to_string(),
        },
    }
}

/// The records as they come out of the codec, at most `limit` bytes of them when there is one; then an error.
pub(super) fn stream(codec: Compression, packed: &[u8], limit: usize) -> io::Result<Box<dyn BufRead + '_>> {
    Ok(match codec {
        Compression::None => Box::new(packed),
        Compression::Gzip => limited(flate2::bufread::MultiGzDecoder::new(packed), limit),
        Compression::Snappy => Box::new(Unsnap::new(packed, limit)),
        Compression::Lz4 => limited(Frame(lz4_flex::frame::FrameDecoder::new(packed)), limit),
        Compression::Zstd => {
            let mut decoder = zstd::stream::read::Decoder::with_buffer(packed)?;
            decoder.window_log_max(ZSTD_WINDOW_LOG_MAX)?;
            limited(decoder, limit)
        }
    })
}

/// All of the records, at most `limit` bytes of them when there is a codec.
pub(super) fn decompress(codec: Compression, packed: Bytes, limit: usize) -> Result<Bytes, BatchError> {
    if codec == Compression::None {
        return Ok(packed);
    }
    let broken = broken(codec, limit);
    let mut from = stream(codec, &packed, limit).map_err(&broken)?;
    let mut out = Vec::with_capacity(packed.len().saturating_mul(RATIO_GUESS).min(limit));
    loop {
        let piece = from.fill_buf().map_err(&broken)?;
        if piece.is_empty() {
            return Ok(out.into());
        }
        let taken = piece.len();
        grow(&mut out, taken, limit);
        out.extend_from_slice(piece);
        from.consume(taken);
    }
}

/// Makes room for `more` bytes: doubling, and from half the limit straight to it, so that old and new buffer together
/// stay within one and a half times the limit.
fn grow(out: &mut Vec<u8>, more: usize, limit: usize) {
    let needed = out.len().saturating_add(more);
    if needed > out.capacity() {
        let doubled = out.capacity().saturating_mul(2).max(needed);
        let wanted = if doubled > limit / 2 {
            limit.max(needed)
        } else {
            doubled
        };
        out.reserve_exact(wanted - out.len());
    }
}

/// A decoder that gives an error instead of a byte more than it may.
struct Limited<R> {
    from: R,
    left: usize,
}

fn limited<'a>(from: impl Read + 'a, limit: usize) -> Box<dyn BufRead + 'a> {
    Box::new(BufReader::with_capacity(
        CHUNK_BYTES,
        Limited { from, left: limit },
    ))
}

impl<R: Read> Read for Limited<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.left == 0 {
            // Whether this is the end is seen by asking for a byte more.
            return match self.from.read(&mut [0])? {
                0 => Ok(0),
                _ => Err(io::Error::other(PastLimit)),
            };
        }
        let most = out.len().min(self.left);
        let read = self.from.read(&mut out[..most])?;
        self.left -= read;
        Ok(read)
    }
}

/// An LZ4 frame that ends where its bytes do.
struct Frame<'a>(lz4_flex::frame::FrameDecoder<&'a [u8]>);

impl Read for Frame<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        match self.0.read(out)? {
            0 if !out.is_empty() && !self.0.get_ref().is_empty() => Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "bytes follow the frame",
            )),
            read => Ok(read),
        }
    }
}

/// Snappy's blocks, one at a time.
struct Unsnap<'a> {
    rest: &'a [u8],
    /// Whether blocks stand in xerial's stream; a raw one stands alone.
    framed: bool,
    /// The block under way, and what of it was read.
    block: Vec<u8>,
    at: usize,
    /// Bytes that may still come out.
    left: usize,
}

impl<'a> Unsnap<'a> {
    fn new(packed: &'a [u8], limit: usize) -> Self {
        Self {
            rest: packed,
            framed: packed.starts_with(XERIAL_MAGIC),
            block: Vec::new(),
            at: 0,
            left: limit,
        }
    }

    /// The next compressed block; `None` at the end.
    fn next_block(&mut self) -> io::Result<Option<&'a [u8]>> {
        if !self.framed {
            let all = std::mem::take(&mut self.rest);
            self.framed = true; // and nothing is left
            return Ok(Some(all));
        }
        // Streams may be written one after the other, so a header may come back.
        while self.rest.starts_with(XERIAL_MAGIC) {
            let after = self.rest.get(XERIAL_HEADER.len()..);
            self.rest = after.ok_or_else(|| snappy("a header is cut short"))?;
        }
        if self.rest.is_empty() {
            return Ok(None);
        }
        let cut = || snappy("a block is cut short");
        let (length, after) = self.rest.split_first_chunk().ok_or_else(cut)?;
        let length = u32::from_be_bytes(*length) as usize;
        let (block, after) = after.split_at_checked(length).ok_or_else(cut)?;
        self.rest = after;
        Ok(Some(block))
    }

    fn unpack(&mut self, packed: &[u8]) -> io::Result<()> {
        let claimed = snap::raw::decompress_len(packed).map_err(snappy)?;
        if claimed > packed.len().saturating_mul(SNAPPY_RATIO_MAX) {
            return Err(snappy("a block claims more than it can hold"));
        }
        self.left = self
            .left
            .checked_sub(claimed)
            .ok_or_else(|| io::Error::other(PastLimit))?;
        self.at = 0;
        self.block.resize(claimed, 0);
        let written = snap::raw::Decoder::new()
            .decompress(packed, &mut self.block)
            .map_err(snappy)?;
        self.block.truncate(written);
        Ok(())
    }
}

impl Read for Unsnap<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let read = self.fill_buf()?.read(out)?;
        self.consume(read);
        Ok(read)
    }
}

impl BufRead for Unsnap<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        while self.at >= self.block.len()
            && let Some(packed) = self.next_block()?
        {
            self.unpack(packed)?;
        }
        Ok(self.block.get(self.at..).unwrap_or_default())
    }

    fn consume(&mut self, taken: usize) {
        self.at += taken;
    }
}

fn snappy(reason: impl fmt::Display) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, reason.to_string())
}

/// Packs bytes as one LZ4 block, which says nothing about itself: for files that are written and read by the same program.
///
/// ```
/// use annals_kafka_wire::batch::{pack, unpack};
/// use bytes::BytesMut;
///
/// let packed = pack(&[7; 1_000]);
/// assert!(packed.len() < 50);
/// let other = BytesMut::from(&[1; 2_000][..]);
/// assert_eq!(unpack(&packed, 1_000, other).as_deref(), Some(&[7; 1_000][..]));
/// assert_eq!(unpack(&packed, 999, BytesMut::new()), None);
/// ```
pub fn pack(bytes: &[u8]) -> Vec<u8> {
    lz4_flex::block::compress(bytes)
}

/// The bytes that were packed, if there are exactly so many of them, in the memory of what is not needed any more.
pub fn unpack(packed: &[u8], bytes: usize, mut out: BytesMut) -> Option<Bytes> {
    out.resize(bytes, 0);
    let written = lz4_flex::block::decompress_into(packed, &mut out).ok()?;
    (written == bytes).then(|| out.freeze())
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
