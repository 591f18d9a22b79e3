//! Bytes that go to a file one after the other, and the digest of all of them, which the file's footer has.
//!
//! Invariant: what is written depends on what is put, not on when some of it goes to the file.

use std::io;

use crc_fast::{CrcAlgorithm, Digest};

use crate::disk::DiskFile;

/// Bytes that wait before they are written: as much as a file takes at once without more calls being of use.
pub(crate) const WRITE_BYTES: usize = 512 * 1024;

/// See the module.
pub(crate) struct Digested {
    pub(crate) waiting: Vec<u8>,
    written: u64,
    digest: Digest,
}

impl Default for Digested {
    fn default() -> Digested {
        Digested {
            waiting: Vec::new(),
            written: 0,
            digest: Digest::new(CrcAlgorithm::Crc64Nvme),
        }
    }
}

impl Digested {
    /// Where the next byte goes.
    pub(crate) fn position(&self) -> u64 {
        self.written + self.waiting.len() as u64
    }

    /// Writes what waits, once it is enough.
    pub(crate) fn flush_some(&mut self, file: &dyn DiskFile) -> io::Result<()> {
        if self.waiting.len() < WRITE_BYTES {
            return Ok(());
        }
        self.digest.update(&self.waiting);
        file.write_at(self.written, &self.waiting)?;
        self.written += self.waiting.len() as u64;
        self.waiting.clear();
        Ok(())
    }

    /// The digest of all that was put; where what still waits is to be written, with what comes behind it, and that.
    pub(crate) fn finish(mut self) -> (u64, u64, Vec<u8>) {
        self.digest.update(&self.waiting);
        (self.digest.finalize(), self.written, self.waiting)
    }
}
