//! The file of a chunk: what it was made of, and where its blocks are.
//!
//! Invariant: its bytes are checked before they are believed. Bad ones are an error, and are remembered, so that the file is made
//! anew.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use annals_kafka_wire::batch::unpack;
use bytes::{Buf, Bytes, BytesMut};

use super::layout::{Directory, FOOTER_BYTES, Footer, Identity, LENGTH_BYTES};
use crate::disk::{Disk, DiskFile, Open};
use crate::format::{CRC_BYTES, crc};

/// How many bytes one packed byte can become at most.
const PACKED_RATIO_MAX: usize = 255;

/// A chunk's file; its blocks are read when they are asked for.
pub(crate) struct Copy {
    disk: Arc<dyn Disk>,
    name: String,
    footer: Footer,
    footer_at: u64,
    directory: Directory,
    /// Somebody came upon bytes that are not those that were written, or found no file.
    damaged: AtomicBool,
}

impl Copy {
    /// Opens the file of this name, whose range begins at `first`; `None` when it is damaged or none.
    pub(crate) fn open(disk: &Arc<dyn Disk>, name: &str, first: i64) -> io::Result<Option<Copy>> {
        let file = disk.open(name, Open::Existing)?;
        let Some(footer_at) = file.len()?.checked_sub(FOOTER_BYTES as u64) else {
            return Ok(None);
        };
        let bytes = file.read(footer_at, FOOTER_BYTES)?;
        let footer = Footer::decode(&bytes, footer_at).filter(|footer| footer.of.first == first);
        let Some(footer) = footer else {
            return Ok(None);
        };
        let length = usize::try_from(footer_at - footer.directory).map_err(io::Error::other)?;
        let bytes = file.read(footer.directory, length)?;
        let directory = Directory::decode(&bytes, first, footer.directory);
        Ok(directory.map(|directory| Copy {
            disk: Arc::clone(disk),
            name: name.to_owned(),
            footer,
            footer_at,
            directory,
            damaged: AtomicBool::new(false),
        }))
    }

    /// The same file, which has another name by now.
    pub(crate) fn named(self, name: String) -> Copy {
        Copy { name, ..self }
    }

    pub(crate) fn of(&self) -> &Identity {
        &self.footer.of
    }

    pub(crate) fn first(&self) -> i64 {
        self.footer.of.first
    }

    pub(crate) fn end(&self) -> i64 {
        self.footer.of.end
    }

    pub(crate) fn records(&self) -> u64 {
        self.footer.records
    }

    /// About what it takes in memory.
    pub(crate) fn bytes(&self) -> usize {
        size_of::<Copy>() + self.name.len() + self.directory.bytes()
    }

    /// Whether it is to be made anew, as far as anybody has noticed.
    pub(crate) fn is_damaged(&self) -> bool {
        self.damaged.load(Relaxed)
    }

    pub(super) fn base_ms(&self) -> i64 {
        self.footer.base_ms
    }

    pub(super) fn directory(&self) -> &Directory {
        &self.directory
    }

    /// The file, if it is still the one that was opened first.
    pub(super) fn reopen(&self) -> io::Result<Arc<dyn DiskFile>> {
        let file = match self.disk.open(&self.name, Open::Existing) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                self.damaged.store(true, Relaxed);
                return Err(error);
            }
            file => file?,
        };
        // Another of the same name may have taken its place.
        let bytes = self.noting(file.read(self.footer_at, FOOTER_BYTES))?;
        match Footer::decode(&bytes, self.footer_at) {
            Some(footer) if footer == self.footer => Ok(file),
            _ => Err(self.damaged()),
        }
    }

    /// Bytes of the file from a block on.
    pub(super) fn read(&self, file: &dyn DiskFile, position: u64, bytes: u64) -> io::Result<Bytes> {
        let bytes = usize::try_from(bytes).map_err(io::Error::other)?;
        self.noting(file.read(position, bytes))
    }

    /// A block as it was before it was packed, in the memory of another that is not needed any more.
    pub(super) fn unpacked(&self, block: &Bytes, other: BytesMut) -> io::Result<Bytes> {
        let parts = block
            .len()
            .checked_sub(CRC_BYTES)
            .filter(|end| *end >= LENGTH_BYTES);
        let Some(end) = parts else {
            return Err(self.damaged());
        };
        let (summed, sum) = block.split_at(end);
        if sum != crc(summed).to_be_bytes() {
            return Err(self.damaged());
        }
        let (mut length, packed) = summed.split_at(LENGTH_BYTES);
        let length = length.get_u32() as usize;
        if length == packed.len() {
            return Ok(block.slice(LENGTH_BYTES..end));
        }
        let unpacked = match length <= packed.len().saturating_mul(PACKED_RATIO_MAX) {
            true => unpack(packed, length, other),
            false => None,
        };
        unpacked.ok_or_else(|| self.damaged())
    }

    fn noting<T>(&self, read: io::Result<T>) -> io::Result<T> {
        if read.is_err() {
            self.damaged.store(true, Relaxed);
        }
        read
    }

    /// Says so once, and remembers it.
    pub(super) fn damaged(&self) -> io::Error {
        if !self.damaged.swap(true, Relaxed) {
            tracing::warn!(name = %self.name, "a copy in the order of keys is damaged, and is made anew");
        }
        io::Error::new(io::ErrorKind::InvalidData, format!("{} is damaged", self.name))
    }
}
