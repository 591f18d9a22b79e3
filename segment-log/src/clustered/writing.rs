//! Writing the file of a chunk.

use std::io;

use annals_kafka_wire::batch::pack;
use bytes::BufMut;
use crc_fast::{CrcAlgorithm, Digest};

use super::gathered::Gathered;
use super::layout::{Filling, Footer, Identity};
use crate::disk::DiskFile;
use crate::format::crc;

/// Bytes written at once.
const WRITE_BYTES: usize = 512 * 1024;

/// Bytes that go to a file one after the other.
struct Out<'a> {
    file: &'a dyn DiskFile,
    waiting: Vec<u8>,
    written: u64,
    digest: Digest,
}

impl Out<'_> {
    fn position(&self) -> u64 {
        self.written + self.waiting.len() as u64
    }

    fn flush(&mut self) -> io::Result<()> {
        self.digest.update(&self.waiting);
        self.file.write_at(self.written, &self.waiting)?;
        self.written += self.waiting.len() as u64;
        self.waiting.clear();
        Ok(())
    }

    /// Adds a block; answers how many bytes it takes.
    fn block(&mut self, block: &[u8]) -> io::Result<u64> {
        let length = u32::try_from(block.len()).map_err(io::Error::other)?;
        let packed = pack(block);
        let from = self.waiting.len();
        self.waiting.put_u32(length);
        // What is as long as it was is taken for what was not packed.
        match packed.len() < block.len() {
            true => self.waiting.put_slice(&packed),
            false => self.waiting.put_slice(block),
        }
        let sum = crc(self.waiting.get(from..).unwrap_or_default());
        self.waiting.put_u32(sum);
        let bytes = (self.waiting.len() - from) as u64;
        if self.waiting.len() >= WRITE_BYTES {
            self.flush()?;
        }
        Ok(bytes)
    }
}

/// Writes what was gathered and sorted, in blocks of about `block_bytes`, and syncs it.
pub(crate) fn write(
    file: &dyn DiskFile,
    gathered: &Gathered,
    of: Identity,
    block_bytes: usize,
) -> io::Result<()> {
    let mut out = Out {
        file,
        waiting: Vec::with_capacity(WRITE_BYTES + 2 * block_bytes),
        written: 0,
        digest: Digest::new(CrcAlgorithm::Crc64Nvme),
    };
    let base_ms = gathered.earliest_ms();
    let mut filling = Filling::new(of.first, base_ms);
    for found in gathered.all() {
        let payload = found.payload();
        let is_full = filling.block.len() + payload.len() > block_bytes;
        if is_full && !filling.block.is_empty() {
            let bytes = out.block(&filling.block)?;
            filling.close(bytes);
        }
        filling.push(found.key(), found.offset, found.ms, payload);
    }
    if !filling.block.is_empty() {
        let bytes = out.block(&filling.block)?;
        filling.close(bytes);
    }
    let directory = out.position();
    out.waiting.put_slice(&filling.directory());
    out.flush()?;
    let footer = Footer {
        of,
        records: gathered.records(),
        base_ms,
        directory,
        digest: out.digest.finalize(),
    };
    file.write_at(out.written, &footer.encode())?;
    file.sync()
}
