//! The bytes of a simulated file: as processes see them, as the disk has them, and which of them are to be written.
//!
//! Invariant: where nothing is to be written the system takes both for equal. After a failed sync they need not be:
//! as on Linux, what could not be written counts as written, so that the next sync says yes while the disk stays old.

use std::collections::BTreeSet;

/// What a disk writes whole or not at all.
pub(super) const SECTOR: usize = 512;

#[derive(Debug, Clone, Default)]
pub(super) struct FileBytes {
    pub(super) live: Vec<u8>,
    pub(super) durable: Vec<u8>,
    /// Sectors that differ from the disk as far as the system knows.
    dirty: BTreeSet<usize>,
    /// The least length since the last sync.
    shrunk: Option<usize>,
}

impl FileBytes {
    /// Bytes that are on the disk.
    pub(super) fn settled(bytes: Vec<u8>) -> FileBytes {
        FileBytes {
            live: bytes.clone(),
            durable: bytes,
            ..FileBytes::default()
        }
    }

    pub(super) fn write(&mut self, position: usize, bytes: &[u8]) {
        let end = position + bytes.len();
        self.live.resize(self.live.len().max(end), 0);
        self.live[position..end].copy_from_slice(bytes);
        self.dirty.extend(position / SECTOR..end.div_ceil(SECTOR));
    }

    pub(super) fn set_len(&mut self, len: usize) {
        if len < self.live.len() {
            self.shrunk = Some(self.shrunk.unwrap_or(len).min(len));
        }
        self.live.resize(len, 0);
    }

    /// What the disk has once everything is written that is known to be due.
    pub(super) fn written_back(&self) -> Vec<u8> {
        let mut disk = self.durable.clone();
        disk.truncate(self.shrunk.unwrap_or(usize::MAX));
        disk.resize(self.live.len(), 0);
        for sector in &self.dirty {
            let start = (sector * SECTOR).min(disk.len());
            let end = (start + SECTOR).min(disk.len());
            disk[start..end].copy_from_slice(&self.live[start..end]);
        }
        disk
    }

    pub(super) fn sync(&mut self) {
        self.durable = self.written_back();
        self.dirty.clear();
        self.shrunk = None;
    }

    pub(super) fn fail_sync(&mut self) {
        self.dirty.clear();
    }
}
