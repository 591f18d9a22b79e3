//! The file that compaction writes.
//!
//! Invariant: batches follow each other without gaps in their offsets: what goes is gathered until something stays, and
//! empty batches take its place.

use std::io;
use std::sync::Arc;

use annals_kafka_wire::batch::{Batch, batches};
use bytes::{Bytes, BytesMut};

use super::judge::Verdict;
use crate::disk::DiskFile;
use crate::index::Index;

/// Bytes gathered before they are written.
const WRITE_BYTES: usize = 1024 * 1024;

/// See the module.
pub(crate) struct Output {
    file: Arc<dyn DiskFile>,
    index: Index,
    buffer: BytesMut,
    written: u64,
    /// First offset, end and leader epoch of what has gone since the last batch that stayed.
    gone: Option<(i64, i64, i32)>,
}

impl Output {
    /// Into an empty file, from an offset on.
    pub(crate) fn new(file: Arc<dyn DiskFile>, base: i64) -> Output {
        Output {
            file,
            index: Index::new(base),
            buffer: BytesMut::new(),
            written: 0,
            gone: None,
        }
    }

    /// Takes what has become of the next batch.
    pub(crate) fn take(&mut self, batch: &Batch, verdict: Verdict) -> io::Result<()> {
        match verdict {
            Verdict::Stays => self.put(batch),
            Verdict::Becomes(bytes) => self.put(&parsed(&bytes)?),
            Verdict::Goes => {
                let (base, end) = (batch.base_offset(), batch.last_offset() + 1);
                let epoch = batch.partition_leader_epoch();
                match &mut self.gone {
                    Some((_, gone_end, of)) if *of == epoch => *gone_end = end,
                    _ => {
                        self.fill()?;
                        self.gone = Some((base, end, epoch));
                    }
                }
                Ok(())
            }
        }
    }

    /// Writes what is left and syncs it.
    pub(crate) fn finish(mut self) -> io::Result<(Arc<dyn DiskFile>, Index)> {
        self.fill()?;
        self.write()?;
        self.file.sync()?;
        Ok((self.file, self.index))
    }

    fn put(&mut self, batch: &Batch) -> io::Result<()> {
        self.fill()?;
        self.push(batch)
    }

    fn fill(&mut self) -> io::Result<()> {
        if let Some((base, end, epoch)) = self.gone.take() {
            for placeholder in Batch::placeholders(base, end, epoch) {
                self.push(&parsed(&placeholder)?)?;
            }
        }
        Ok(())
    }

    fn push(&mut self, batch: &Batch) -> io::Result<()> {
        self.index.take(batch);
        self.buffer.extend_from_slice(batch.bytes());
        if self.buffer.len() >= WRITE_BYTES {
            self.write()?;
        }
        Ok(())
    }

    fn write(&mut self) -> io::Result<()> {
        self.file.write_at(self.written, &self.buffer)?;
        self.written += self.buffer.len() as u64;
        self.buffer.clear();
        Ok(())
    }
}

fn parsed(bytes: &Bytes) -> io::Result<Batch> {
    let first = batches(bytes).next();
    first
        .and_then(Result::ok)
        .ok_or_else(|| io::Error::other("a batch that was just written cannot be read"))
}
