//! The files of a partition, and what their sidecars say.
//!
//! Invariant: an index file is written after its log file was synced, so the end it names was durable, whatever has
//! become of the log file since.

use std::io;
use std::ops::Range;

use super::Recover;
use crate::checkpoint::Mark;
use crate::clustered;
use crate::damage::Damage;
use crate::derived::{Derived, snapshot};
use crate::disk::{Open, load, remove_if_there};
use crate::error::LogError;
use crate::index::{self, Index};
use crate::segment::{file_name, parse_log_name, parse_name};
use crate::walk::{Bad, BadKind};

/// What was found before any log file is read.
pub(crate) struct Found {
    /// First offsets of the segments, rising.
    pub(crate) bases: Vec<i64>,
    /// Indexes that may be trusted, by segment.
    pub(crate) indexes: Vec<Option<Index>>,
    /// Derived state before the segment with this number.
    pub(crate) derived: (usize, Derived),
    /// One behind the last record known to have been synced.
    pub(crate) durable_end: i64,
    /// Where the log starts; segments that end before it are not among these any more.
    pub(crate) log_start: i64,
    /// Segments that should stand before the first.
    pub(crate) missing: Option<Damage>,
}

impl Recover<'_> {
    /// Lists the segments and reads their sidecars.
    pub(crate) fn look(&self) -> Result<Found, LogError> {
        let entries = match self.disk.list(self.dir) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(source) => {
                return Err(LogError::Io {
                    what: format!("listing {}", self.dir),
                    source,
                });
            }
        };
        let mut bases: Vec<i64> = entries
            .iter()
            .filter_map(|entry| parse_log_name(&entry.name))
            .collect();
        bases.sort_unstable();
        let log_start = self.mark.unwrap_or_default().log_start;
        let before = bases.iter().skip(1).take_while(|next| **next <= log_start);
        let before = before.count();
        bases.drain(..before);
        let missing = self.missing(bases.first().copied());
        let mut indexes = Vec::new();
        let mut durable_end = self.mark.unwrap_or_default().durable_end;
        for (at, base) in bases.iter().enumerate() {
            let index = self.load_index(*base);
            durable_end = index
                .as_ref()
                .map_or(durable_end, |index| durable_end.max(index.end));
            let trusted = match (&index, bases.get(at + 1)) {
                // Without a checkpoint nothing is trusted unseen.
                (Some(index), Some(next)) if self.epoch_max.is_some() => {
                    index.end == *next && index.size == self.len(*base)?
                }
                // The last segment is always read.
                _ => false,
            };
            indexes.push(index.filter(|_| trusted));
        }
        let derived = self.load_derived(&bases);
        Ok(Found {
            bases,
            indexes,
            derived,
            durable_end,
            log_start,
            missing,
        })
    }

    /// Removes what is left of segments before the log start, and of copies that were being written.
    pub(super) fn sweep(&self, found: &Found) -> Result<(), LogError> {
        let Some(first) = found.bases.first() else {
            return Ok(());
        };
        let error = || LogError::io(format!("removing what is before the log start of {}", self.dir));
        let entries = self.disk.list(self.dir).map_err(error())?;
        let is_before = |name: &str| {
            let mut endings = [".log", ".idx", ".snap", ".keys", clustered::ENDING].iter();
            endings.any(|ending| parse_name(name, ending).is_some_and(|base| base < *first))
                || name.ends_with(clustered::UNDECIDED)
        };
        for entry in entries.iter().filter(|entry| is_before(&entry.name)) {
            let name = format!("{}/{}", self.dir, entry.name);
            remove_if_there(self.disk, &name).map_err(error())?;
        }
        Ok(())
    }

    /// What is missing when the segments before `first` are gone.
    fn missing(&self, first: Option<i64>) -> Option<Damage> {
        let Mark {
            log_start,
            durable_end,
            ..
        } = self.mark?;
        let end_offset = first.unwrap_or(durable_end);
        (end_offset > log_start).then(|| Damage {
            file: file_name(self.dir, log_start, "log"),
            position: 0,
            bytes: 0,
            offset: log_start,
            end_offset,
            reason: "the file is gone".to_owned(),
        })
    }

    fn load_index(&self, base: i64) -> Option<Index> {
        let file = load(
            self.disk,
            &file_name(self.dir, base, "idx"),
            index::FILE_BYTES_MAX,
        );
        Index::decode(&file.ok()??).filter(|index| index.base == base)
    }

    fn len(&self, base: i64) -> Result<u64, LogError> {
        let name = file_name(self.dir, base, "log");
        let len = self.disk.open(&name, Open::Existing).and_then(|file| file.len());
        len.map_err(LogError::io(format!("opening {name}")))
    }

    /// The newest good snapshot, and the segment it stands before; the first segment needs none.
    fn load_derived(&self, bases: &[i64]) -> (usize, Derived) {
        let newest = bases.iter().enumerate().rev().find_map(|(at, base)| {
            let file = load(
                self.disk,
                &file_name(self.dir, *base, "snap"),
                snapshot::FILE_BYTES_MAX,
            );
            let derived = snapshot::decode(&file.ok()??, *base, self.producers_max)?;
            Some((at, derived))
        });
        newest.unwrap_or_else(|| (0, Derived::new(self.producers_max)))
    }
}

impl Found {
    /// Where the segment ends: where the next begins, or where what was acknowledged ends.
    pub(crate) fn end_of(&self, at: usize) -> i64 {
        self.bases.get(at + 1).copied().unwrap_or(self.durable_end)
    }

    /// The offsets that a segment's batches may have.
    pub(crate) fn offsets_of(&self, at: usize) -> Range<i64> {
        let base = self.bases.get(at).copied().unwrap_or(self.durable_end);
        base..self.bases.get(at + 1).copied().unwrap_or(i64::MAX)
    }

    /// The bad place behind a segment's last batch, when it ends before the next begins, or before the durable mark.
    pub(crate) fn end_is_early(&self, at: usize, index: &Index) -> Option<Bad> {
        let reason = match self.bases.get(at + 1) {
            Some(next) if *next != index.end => {
                format!("the file ends, and the next begins at offset {next}")
            }
            None if index.end < self.durable_end => {
                format!(
                    "the file ends, and records up to offset {} were acknowledged",
                    self.durable_end - 1
                )
            }
            _ => return None,
        };
        Some(Bad {
            position: index.size,
            offset: index.end,
            reason,
            kind: BadKind::CutShort,
        })
    }
}
