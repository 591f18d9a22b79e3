//! A place where stored bytes are not those that were written.
//!
//! Invariant: what is damaged is named and never served; what stands before and behind it is.

use std::fmt;

/// Damaged places kept in mind per partition; what follows the last of them counts as damaged to the end of its file.
pub(crate) const DAMAGE_MAX: usize = 1_000;

/// One damaged place of a partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damage {
    /// The file, relative to the log directory.
    pub file: String,
    /// Where in the file the damaged batch begins.
    pub position: u64,
    /// How many bytes cannot be used; 0 when they are missing.
    pub bytes: u64,
    /// The first offset that cannot be read.
    pub offset: i64,
    /// One behind the last of them. Equal to `offset` when it is not known whether there were any.
    pub end_offset: i64,
    /// What is wrong.
    pub reason: String,
}

impl Damage {
    /// Whether the record at `offset` is lost.
    pub(crate) fn holds(&self, offset: i64) -> bool {
        (self.offset..self.end_offset).contains(&offset)
    }
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Damage {
            file,
            position,
            offset,
            reason,
            ..
        } = self;
        write!(f, "{file} is damaged at position {position}, ")?;
        match self.end_offset.saturating_sub(1) {
            last if last > *offset => write!(f, "offsets {offset} to {last}")?,
            _ => write!(f, "offset {offset}")?,
        }
        write!(f, ": {reason}")
    }
}
