//! Writing the file of a chunk.

use std::io;

use annals_kafka_wire::batch::pack;
use bytes::BufMut;

use super::gathered::Gathered;
use super::layout::{Filling, Footer, Identity};
use crate::digested::{Digested, WRITE_BYTES};
use crate::disk::DiskFile;
use crate::format::crc;

/// What goes to the file.
struct Out<'a> {
    file: &'a dyn DiskFile,
    bytes: Digested,
}

impl Out<'_> {
    /// Adds a block; answers how many bytes it takes.
    fn block(&mut self, block: &[u8]) -> io::Result<u64> {
        let length = u32::try_from(block.len()).map_err(io::Error::other)?;
        let packed = pack(block);
        let waiting = &mut self.bytes.waiting;
        let from = waiting.len();
        waiting.put_u32(length);
        // What is as long as it was is taken for what was not packed.
        match packed.len() < block.len() {
            true => waiting.put_slice(&packed),
            false => waiting.put_slice(block),
        }
        let sum = crc(waiting.get(from..).unwrap_or_default());
        waiting.put_u32(sum);
        let bytes = (waiting.len() - from) as u64;
        self.bytes.flush_some(self.file)?;
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
        bytes: Digested::default(),
    };
    out.bytes.waiting.reserve(WRITE_BYTES + 2 * block_bytes);
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
    let mut bytes = out.bytes;
    let directory = bytes.position();
    bytes.waiting.put_slice(&filling.directory());
    let (digest, at, mut rest) = bytes.finish();
    let footer = Footer {
        of,
        records: gathered.records(),
        base_ms,
        directory,
        digest,
    };
    rest.put_slice(&footer.encode());
    file.write_at(at, &rest)?;
    file.sync()
}
