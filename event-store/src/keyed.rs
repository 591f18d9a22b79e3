//! One key's records, read from the copies of a log in which the records of a key stand together.
//!
//! Invariant: what is read is the record that the log has at that offset, or nothing; a copy that is damaged or gone gives
//! nothing, and whoever wants the record reads the log.

use std::io;
use std::sync::Arc;

use annals_kafka_wire::batch::Record;
use annals_segment_log::{Chunk, Partition, Scan};

use crate::error::StoreError;
use crate::index::PartitionIndex;
use crate::source::SCAN_BYTES;
use crate::store::EventStore;
use crate::work::Work;

/// About what a record takes in a copy, in bytes: by it is known how much of one to read at once.
const RECORD_BYTES: usize = 128;

/// Reads records of one key at rising offsets.
pub(crate) struct Keyed {
    key: Vec<u8>,
    /// The offsets that will be asked for.
    wanted: Vec<i64>,
    chunks: Arc<[Arc<Chunk>]>,
    /// Where the reading stands, in which chunk.
    scan: Option<(usize, Scan)>,
    /// The record read last.
    copied: Option<Record>,
}

impl EventStore {
    /// The copies of a partition's log to read a key's records from, if questions may rest on such.
    pub(crate) fn copies_of(&self, partition: &PartitionIndex, key: &[u8], wanted: &[i64]) -> Option<Keyed> {
        // They are in the order of records' own keys.
        (!self.from_the_log && partition.field().is_none()).then(|| Keyed::of(&partition.log, key, wanted))?
    }
}

impl Keyed {
    /// A reading of a log's copies; nothing where there are none.
    pub(crate) fn of(log: &Partition, key: &[u8], wanted: &[i64]) -> Option<Keyed> {
        // Whoever cannot have the copies reads the log.
        let chunks = log.clustered().ok().filter(|chunks| !chunks.is_empty())?;
        Some(Keyed {
            key: key.to_vec(),
            wanted: wanted.to_vec(),
            chunks,
            scan: None,
            copied: None,
        })
    }

    /// Goes on to the record at an offset; says whether a copy has it.
    pub(crate) fn pass_to(&mut self, offset: i64, work: &Work) -> Result<bool, StoreError> {
        let is_here = |copied: &Record| copied.offset == offset;
        if self.copied.as_ref().is_some_and(is_here) {
            return Ok(true);
        }
        self.copied = None;
        let Some(at) = chunk_of(&self.chunks, offset) else {
            return Ok(false);
        };
        let Ok(copied) = self.read(at, offset) else {
            // It is damaged, or gone.
            self.chunks = Arc::new([]);
            return Ok(false);
        };
        if let Some(record) = &copied {
            let bytes = record.value.as_ref().map_or(0, bytes::Bytes::len);
            work.batch(bytes)?;
            work.record(record.headers.len())?;
        }
        self.copied = copied;
        Ok(self.copied.is_some())
    }

    /// The record it stands at.
    pub(crate) fn record(&self) -> Option<&Record> {
        self.copied.as_ref()
    }

    fn read(&mut self, at: usize, offset: i64) -> io::Result<Option<Record>> {
        if self.scan.as_ref().is_none_or(|(chunk, _)| *chunk != at) {
            let Some(chunk) = self.chunks.get(at) else {
                return Ok(None);
            };
            let wanted = self
                .wanted
                .iter()
                .filter(|wanted| (offset..chunk.end()).contains(wanted));
            let ahead = (wanted.count() * RECORD_BYTES).min(SCAN_BYTES);
            self.scan = Some((at, chunk.scan(&self.key, offset, ahead)?));
        }
        let Some((_, scan)) = &mut self.scan else {
            return Ok(None);
        };
        // Most often it is the next.
        let mut copied = scan.next()?;
        if copied.as_ref().is_some_and(|copied| copied.offset < offset) {
            scan.seek(&self.key, offset)?;
            copied = scan.next()?;
        }
        let is_wanted =
            |record: &Record| record.offset == offset && record.key.as_deref() == Some(&*self.key);
        Ok(copied.filter(is_wanted))
    }
}

/// The chunk that an offset is in.
fn chunk_of(chunks: &[Arc<Chunk>], offset: i64) -> Option<usize> {
    let at = chunks.partition_point(|chunk| chunk.end() <= offset);
    chunks.get(at).filter(|chunk| chunk.first() <= offset).map(|_| at)
}
