//! Copies of ranges of the log in the order of (key, offset), so that what belongs to one key is read together, and all keys
//! one after the other.
//!
//! ```text
//!  the log     | segment                                         | segment, being written          |
//!  its copies  [ chunk        ][ chunk        ]  gap  [ chunk   ]|[ chunk        ]  not yet         |
//! ```
//!
//! * A *chunk* is a file beside the log (layout.rs draws it) of a range of offsets within one segment, whose records are
//!   decided and durable: about [`CHUNK_BYTES`] of them, so that it is made in so much memory. What is left at the end of
//!   a sealed segment is a shorter one; of the segment that is written only whole ones are made.
//! * It has the committed records with a key. Those of aborted transactions, control records and those without a key are left
//!   out, as in the key index.
//! * Batches that are damaged, or whose records cannot be read, are in no chunk: the log is what tells of them.
//!
//! Copies are made by the upkeep of a partition where somebody has asked for them, and cost nothing elsewhere. They are
//! derived: a file that is missing or damaged is made anew, with the same bytes. In memory is what their blocks begin with, within
//! half of what the key indexes of the log directory may take; copies beyond that are not used. What nobody asks for in ten
//! minutes is given back.
//!
//! Invariant: a chunk is believed for the very bytes it was made of. It names the heads of the first and of the last batch of its
//! range, with their checksums, and their places; both are compared with the log when it is opened, and again whenever records
//! went, unless the log is damaged there. Compaction takes the chunks of what it replaces away. A chunk in which the log starts is
//! not used.
//!
//! Where the log is damaged later, a chunk has what stood there: whoever reads records of one key finds them in it
//! ([`Partition::recovered`](crate::Partition::recovered)), and so does the repair of a log. So a chunk that is damaged itself stays
//! where the log is, and what can be read of it is.
//!
//! The recorded time of a record is that of the key index: a chunk keeps the greatest timestamp up to each record within its
//! range, and what was before it is asked of the index.
//!
//! Left out: keys' filters; whoever asks for one key knows from the index in which ranges it is.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

mod copies;
mod file;
mod gathered;
mod layout;
mod recovered;
mod scan;
mod writing;

#[cfg(test)]
pub(crate) use copies::Sizes;
pub(crate) use copies::{Copies, Stamp};
pub(crate) use file::Copy;
pub(crate) use gathered::Gathered;
pub(crate) use layout::{Edge, Identity, is_whole};
pub(crate) use recovered::Unreadable;
pub use scan::Scan;
pub(crate) use writing::write;

/// Bytes of records in a chunk, with what memory takes for each while it is made: 32 MiB, so that making one, or putting a
/// range in order for one question, takes a fraction of what the process may.
pub(crate) const CHUNK_BYTES: usize = 32 * 1024 * 1024;

/// Bytes of a block before it is packed: a record and its neighbours in one read, for about what the read costs by itself.
pub(crate) const BLOCK_BYTES: usize = 16 * 1024;

/// The most memory that copies take of a log directory, counted with that of its key indexes: half of what these may, so that
/// no copy, which nobody needs, keeps an index from being read.
pub(crate) const COPIES_BYTES_MAX: usize = 256 * 1024 * 1024;

/// The ending of a chunk's name, behind the first offset of its range.
pub(crate) const ENDING: &str = ".clustered";

/// The ending of what is being written.
pub(crate) const UNDECIDED: &str = ".clustered.tmp";

/// A range of a partition's log in the order of (key, offset): a file beside the log, or made in memory.
///
/// See [`Partition::clustered`](crate::Partition::clustered) for an example.
pub struct Chunk {
    content: Content,
    /// Where the partition's log starts.
    log_start: Arc<AtomicI64>,
}

enum Content {
    File(Arc<Copy>),
    Memory(Gathered),
}

impl std::fmt::Debug for Chunk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Chunk")
            .field("first", &self.first())
            .field("end", &self.end())
            .field("records", &self.records())
            .finish_non_exhaustive()
    }
}

impl Chunk {
    /// Of a file.
    pub(crate) fn of_file(copy: Arc<Copy>, log_start: Arc<AtomicI64>) -> Chunk {
        Chunk {
            content: Content::File(copy),
            log_start,
        }
    }

    /// Of what was put in order in memory.
    pub(crate) fn of_memory(gathered: Gathered, log_start: Arc<AtomicI64>) -> Chunk {
        Chunk {
            content: Content::Memory(gathered),
            log_start,
        }
    }

    /// The first offset of its range.
    pub fn first(&self) -> i64 {
        match &self.content {
            Content::File(copy) => copy.first(),
            Content::Memory(gathered) => gathered.first(),
        }
    }

    /// One behind the last offset of its range.
    pub fn end(&self) -> i64 {
        match &self.content {
            Content::File(copy) => copy.end(),
            Content::Memory(gathered) => gathered.end(),
        }
    }

    /// How many records it was made of: committed ones with a key. Those that were deleted since are among them.
    pub fn records(&self) -> u64 {
        match &self.content {
            Content::File(copy) => copy.records(),
            Content::Memory(gathered) => gathered.records(),
        }
    }

    /// About what it takes in memory.
    pub fn bytes(&self) -> usize {
        match &self.content {
            Content::File(copy) => copy.bytes(),
            Content::Memory(gathered) => gathered.bytes(),
        }
    }

    /// Reads on from the first record at or behind (`key`, `offset`) in the order of a chunk. `ahead` is how many bytes of the
    /// file are read at once, after less at first, where one block is the least: 0 for a few records, some hundred KiB for all.
    ///
    /// # Errors
    /// The disk's. When the file is gone or damaged ([`io::ErrorKind::NotFound`], [`io::ErrorKind::InvalidData`]) the log tells
    /// what it told; the upkeep makes it anew.
    pub fn scan(self: &Arc<Self>, key: &[u8], offset: i64, ahead: usize) -> io::Result<Scan> {
        let mut scan = Scan::new(Arc::clone(self), ahead)?;
        scan.seek(key, offset)?;
        Ok(scan)
    }

    /// Whether the record at an offset is still there.
    fn holds(&self, offset: i64) -> bool {
        offset >= self.log_start.load(Ordering::Relaxed)
    }
}
