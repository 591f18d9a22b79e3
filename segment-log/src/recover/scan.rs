//! Reading a whole segment file, past what is damaged if asked to.

use std::io;
use std::ops::Range;

use super::tear;
use super::unreadable::{is_unreadable, readable};
use crate::disk::DiskFile;
use crate::walk::{Bad, BadKind, Placed, Walk};

/// A walk through a segment file from its first batch on.
pub(crate) struct Scan<'a> {
    file: &'a dyn DiskFile,
    len: u64,
    epoch_max: i32,
    /// One behind the last offset it can have.
    end: i64,
    walk: Walk<'a>,
}

impl<'a> Scan<'a> {
    /// Of the segment of these offsets, whose epochs are from `epochs.0` to `epochs.1`.
    pub(crate) fn new(
        file: &'a dyn DiskFile,
        offsets: Range<i64>,
        epochs: (i32, i32),
    ) -> io::Result<Scan<'a>> {
        let len = file.len()?;
        Ok(Scan {
            file,
            len,
            epoch_max: epochs.1,
            end: offsets.end,
            walk: Walk::new(file, 0, len, offsets.start).epochs(epochs.0..=epochs.1),
        })
    }

    pub(crate) fn len(&self) -> u64 {
        self.len
    }

    /// The next batch, `None` at the end. Bytes that the disk does not give are bad.
    pub(crate) fn next(&mut self) -> io::Result<Option<Result<Placed, Bad>>> {
        match self.walk.next() {
            Err(error) if is_unreadable(&error) => {
                Ok(Some(Err(self.walk.bad(error.to_string(), BadKind::WrongHead))))
            }
            step => step,
        }
    }

    /// Goes on behind bad bytes: how many they are, and the offset of the batch behind them. `None` when there is none.
    pub(crate) fn skip(&mut self, bad: &Bad) -> io::Result<Option<(u64, i64)>> {
        let next = next_intact(self.file, bad, self.end)?;
        Ok(next.map(|(position, offset)| {
            self.walk = Walk::new(self.file, position, self.len, offset).epochs(0..=self.epoch_max);
            (position - bad.position, offset)
        }))
    }
}

/// Where to go on reading behind bad bytes: the position and offset of the next intact batch before offset `end`, if the disk
/// gives one.
pub(crate) fn next_intact(file: &dyn DiskFile, bad: &Bad, end: i64) -> io::Result<Option<(u64, i64)>> {
    Ok(readable(tear::next_intact(file, bad, end))?.flatten())
}
