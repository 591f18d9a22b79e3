//! Reading what a run has, block by block, in its order.
//!
//! Invariant: a block's bytes are those that were written, or an error.

use std::io;
use std::sync::Arc;

use super::Run;
use crate::disk::{Disk, DiskFile, Open};
use crate::keys::block::{Entry, Reading};
use crate::varint::Damaged;

/// The entries of a run, one after the other.
pub(in crate::keys) struct Entries<'a> {
    pub(super) blocks: Blocks<'a>,
    pub(super) block: Option<Reading>,
}

impl Entries<'_> {
    /// Goes on to the next entry; answers whether there is one.
    pub(in crate::keys) fn advance(&mut self) -> io::Result<bool> {
        loop {
            if let Some(block) = &mut self.block
                && block
                    .next()
                    .map_err(|Damaged| self.blocks.run.damaged())?
                    .is_some()
            {
                return Ok(true);
            }
            self.block = self.blocks.next()?;
            if self.block.is_none() {
                return Ok(false);
            }
        }
    }

    /// The entry it stands at; none at the end.
    pub(in crate::keys) fn entry(&self) -> Option<&Entry> {
        self.block.as_ref()?.last()
    }
}

/// The keys of a run, one after the other, each with its first offset.
pub(in crate::keys) struct RunFirsts<'a> {
    pub(super) blocks: Blocks<'a>,
    pub(super) block: Option<Reading>,
}

impl RunFirsts<'_> {
    /// Goes on to the next key; answers whether there is one.
    pub(in crate::keys) fn advance(&mut self) -> io::Result<bool> {
        loop {
            if let Some(block) = &mut self.block
                && let Some(entry) = block.next_first().map_err(|Damaged| self.blocks.run.damaged())?
            {
                // An entry that goes on with a key comes behind the one that named it.
                if entry.before == 0 {
                    return Ok(true);
                }
                continue;
            }
            self.block = self.blocks.next()?;
            if self.block.is_none() {
                return Ok(false);
            }
        }
    }

    /// The key it stands at; none at the end.
    pub(in crate::keys) fn first(&self) -> Option<(&[u8], i64)> {
        let entry = self.block.as_ref()?.last()?;
        let offset = entry.offsets.first().copied().map_or(0, i64::from);
        Some((&entry.key, self.blocks.run.base + offset))
    }
}

/// Reads blocks one after the other.
pub(super) struct Blocks<'a> {
    run: &'a Run,
    file: Arc<dyn DiskFile>,
    /// The block that is read next.
    pub(super) at: usize,
}

impl<'a> Blocks<'a> {
    pub(super) fn new(run: &'a Run, disk: &dyn Disk, at: usize) -> io::Result<Blocks<'a>> {
        let file = disk.open(&run.name, Open::Existing)?;
        Ok(Blocks { run, file, at })
    }

    pub(super) fn next(&mut self) -> io::Result<Option<Reading>> {
        let blocks = &self.run.blocks;
        let Some(head) = blocks.get(self.at) else {
            return Ok(None);
        };
        self.at += 1;
        let end = blocks
            .get(self.at)
            .map_or(self.run.ends.blocks, |next| next.position);
        // The file may have become shorter: no more is reserved than it has.
        if end < head.position || end > self.file.len()? {
            return Err(self.run.damaged());
        }
        let mut bytes = vec![0; (end - head.position) as usize];
        self.file.read_at(head.position, &mut bytes)?;
        let block = Reading::new(bytes).map_err(|Damaged| self.run.damaged())?;
        Ok(Some(block))
    }
}
