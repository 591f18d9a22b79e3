//! The segments of a partition: names, the sealed ones, the one being written.
//!
//! Invariant: segments stand back to back: each begins at the offset where the one before ended. Only the last, the
//! active one, grows. A sealed segment never changes again (another may take its place); once its index is on disk, memory
//! keeps four numbers of it.

use std::sync::Arc;

use bytes::Bytes;

use crate::disk::DiskFile;
use crate::index::{Index, Indexed, Spot};
use crate::tail::Tail;

/// The file of a segment, by extension: `log`, `idx`, `keys` or `snap`.
pub(crate) fn file_name(dir: &str, base: i64, extension: &str) -> String {
    format!("{dir}/{base:020}.{extension}")
}

/// The base offset in a log file's name.
pub(crate) fn parse_log_name(name: &str) -> Option<i64> {
    parse_name(name, ".log")
}

/// The base offset in the name of a segment's file that ends like this; of a key index whatever it is by.
pub(crate) fn parse_name(name: &str, ending: &str) -> Option<i64> {
    let mut digits = name.strip_suffix(ending)?;
    if ending == ".keys" {
        digits = digits.split_once('.').map_or(digits, |(digits, _)| digits);
    }
    let ours = digits.len() == 20 && digits.bytes().all(|byte| byte.is_ascii_digit());
    if ours { digits.parse().ok() } else { None }
}

/// A log file with its index.
pub(crate) struct Opened {
    pub(crate) name: String,
    pub(crate) file: Arc<dyn DiskFile>,
    pub(crate) index: Index,
}

/// What memory keeps of a sealed segment.
pub(crate) struct Sealed {
    pub(crate) base: i64,
    pub(crate) end: i64,
    pub(crate) size: u64,
    pub(crate) max_timestamp: i64,
    /// Until the index is on disk.
    pub(crate) pending: Option<Arc<Opened>>,
}

impl Sealed {
    pub(crate) fn of(index: &Index) -> Sealed {
        Sealed {
            base: index.base,
            end: index.end,
            size: index.size,
            max_timestamp: index.max_timestamp,
            pending: None,
        }
    }
}

/// All segments of a partition, oldest first, and the batches written last.
pub(crate) struct Segments {
    pub(crate) sealed: Vec<Sealed>,
    pub(crate) active: Opened,
    pub(crate) tail: Tail,
}

/// Where a segment's batches are to be found.
pub(crate) enum Found {
    /// In this open file.
    Open {
        name: String,
        file: Arc<dyn DiskFile>,
        size: u64,
        spot: Spot,
    },
    /// In the sealed segment with this base offset, which has to be opened.
    Sealed(i64),
}

impl Found {
    pub(crate) fn open(opened: &Opened, spot: impl Fn(&Index) -> Spot) -> Found {
        Found::Open {
            name: opened.name.clone(),
            file: opened.file.clone(),
            size: opened.index.size,
            spot: spot(&opened.index),
        }
    }
}

impl Segments {
    /// Where the first segment begins.
    pub(crate) fn first_base(&self) -> i64 {
        let first = self.sealed.first();
        first.map_or(self.active.index.base, |sealed| sealed.base)
    }

    /// Lets go of the sealed segments that end at or before `start` and whose indexes are on disk; answers where they
    /// begin.
    pub(crate) fn drop_before(&mut self, start: i64) -> Vec<i64> {
        let gone = |sealed: &Sealed| sealed.end <= start && sealed.pending.is_none();
        let count = self.sealed.iter().take_while(|sealed| gone(sealed)).count();
        self.tail.forget_before(start);
        self.sealed.drain(..count).map(|sealed| sealed.base).collect()
    }

    /// The segment that holds `offset`, and the `spot` in it.
    pub(crate) fn find(&self, offset: i64, spot: impl Fn(&Index) -> Spot) -> Found {
        if offset >= self.active.index.base {
            return Found::open(&self.active, spot);
        }
        let at = self.sealed.partition_point(|sealed| sealed.end <= offset);
        match self.sealed.get(at) {
            Some(Sealed {
                pending: Some(opened),
                ..
            }) => Found::open(opened, spot),
            Some(sealed) => Found::Sealed(sealed.base),
            None => Found::open(&self.active, spot),
        }
    }

    /// The sealed segment that begins at `base`, as long as memory holds it.
    pub(crate) fn pending(&self, base: i64) -> Option<Arc<Opened>> {
        let at = self
            .sealed
            .binary_search_by_key(&base, |sealed| sealed.base)
            .ok()?;
        self.sealed.get(at)?.pending.clone()
    }

    /// Whether there is a sealed segment like this.
    pub(crate) fn has_sealed(&self, base: i64, end: i64, size: u64) -> bool {
        let at = self.sealed.binary_search_by_key(&base, |sealed| sealed.base);
        let sealed = at.ok().and_then(|at| self.sealed.get(at));
        sealed.is_some_and(|sealed| (sealed.end, sealed.size) == (end, size))
    }

    /// The segment that holds `offset`: where it begins; and where it ends and its bytes, when it is sealed.
    pub(crate) fn around(&self, offset: i64) -> (i64, Option<(i64, u64)>) {
        let at = self.sealed.partition_point(|sealed| sealed.end <= offset);
        match self.sealed.get(at) {
            Some(sealed) => (sealed.base, Some((sealed.end, sealed.size))),
            None => (self.active.index.base, None),
        }
    }

    /// First offsets of the segments that may hold a record as new as `ms`.
    pub(crate) fn since(&self, ms: i64) -> Vec<i64> {
        let sealed = self
            .sealed
            .iter()
            .map(|sealed| (sealed.base, sealed.max_timestamp));
        let all = sealed.chain([(self.active.index.base, self.active.index.max_timestamp)]);
        all.filter(|(_, max_timestamp)| *max_timestamp >= ms)
            .map(|(base, _)| base)
            .collect()
    }

    pub(crate) fn max_timestamp(&self) -> i64 {
        let sealed = self.sealed.iter().map(|sealed| sealed.max_timestamp);
        sealed.fold(self.active.index.max_timestamp, i64::max)
    }

    pub(crate) fn size_bytes(&self) -> u64 {
        self.sealed.iter().map(|sealed| sealed.size).sum::<u64>() + self.active.index.size
    }

    /// Takes in a batch just written to the active segment.
    pub(crate) fn push(&mut self, batch: Indexed, bytes: Bytes) {
        self.tail.push(batch.base, batch.end, bytes);
        self.active.index.push(batch);
    }

    /// Seals the active segment and goes on in another; answers the sealed one.
    pub(crate) fn roll(&mut self, next: Opened) -> Arc<Opened> {
        let last = Arc::new(std::mem::replace(&mut self.active, next));
        self.sealed.push(Sealed {
            pending: Some(last.clone()),
            ..Sealed::of(&last.index)
        });
        last
    }

    /// Puts a segment in the place of the sealed ones that have offsets of its range.
    pub(crate) fn replace(&mut self, opened: &Arc<Opened>) {
        let range = opened.index.base..opened.index.end;
        let from = self.sealed.partition_point(|sealed| sealed.base < range.start);
        let to = self.sealed.partition_point(|sealed| sealed.base < range.end);
        let new = Sealed {
            pending: Some(opened.clone()),
            ..Sealed::of(&opened.index)
        };
        self.sealed.splice(from..to, [new]);
        self.tail.forget_before(range.end);
    }

    /// The index of a sealed segment is on disk.
    pub(crate) fn settle(&mut self, base: i64) {
        if let Ok(at) = self.sealed.binary_search_by_key(&base, |sealed| sealed.base)
            && let Some(sealed) = self.sealed.get_mut(at)
        {
            sealed.pending = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn log_names() {
        assert_eq!(file_name("t/0", 12, "log"), "t/0/00000000000000000012.log");
        assert_eq!(parse_log_name("00000000000000000012.log"), Some(12));
        assert_eq!(parse_log_name("09223372036854775807.log"), Some(i64::MAX));
        for name in [
            "12.log",
            "99999999999999999999.log",
            "+0000000000000000012.log",
            "x.idx",
            "LOCK",
        ] {
            assert_eq!(parse_log_name(name), None, "{name}");
        }
    }
}
