//! When the records of a segment were recorded: where the time moves on.
//!
//! A record's recorded time is the greatest timestamp of the records up to it: it never runs backwards. What is kept is
//! each place where it rises, in blocks that are found by offset and by time:
//!
//! ```text
//! block, of 256 bytes or a little more; what it begins with stands in the directory (layout.rs):
//!     varint  offset, less the one before
//!     varint  milliseconds, less those before
//!     …
//!  4  CRC-32C of them
//! ```
//!
//! Invariant: offsets and times strictly rise from each entry to the next.

use std::io;

use bytes::BufMut;

use crate::format::{CRC_BYTES, crc};
use crate::varint::{self, Damaged};

/// Bytes after which a block is closed: about a hundred places, gone through in a fraction of a microsecond.
const BLOCK_BYTES: usize = 256;

/// What a block begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Head {
    /// Offset, less the base offset.
    pub(super) first: u32,
    pub(super) ms: i64,
    /// Where its bytes begin.
    pub(super) at: u64,
}

/// Times in memory.
#[derive(Debug, Clone, Default)]
pub(super) struct Times {
    heads: Vec<Head>,
    bytes: Vec<u8>,
    /// Bytes before them that were taken out.
    drained: u64,
    last: Option<(u32, i64)>,
}

impl Times {
    /// The latest time.
    pub(super) fn last_ms(&self) -> Option<i64> {
        self.last.map(|(_, ms)| ms)
    }

    /// Takes in the next record.
    pub(super) fn push(&mut self, offset: u32, ms: i64) {
        let step = match self.last {
            Some((_, before)) if ms <= before => return,
            Some((at, before)) => Some((offset - at, ms.wrapping_sub(before).cast_unsigned())),
            None => None,
        };
        self.last = Some((offset, ms));
        let begun = self.open();
        match step {
            Some((offsets, millis)) if self.bytes.len() - begun < BLOCK_BYTES && millis <= varint::MAX => {
                varint::put(&mut self.bytes, u64::from(offsets));
                varint::put(&mut self.bytes, millis);
            }
            _ => {
                self.close();
                let at = self.drained + self.bytes.len() as u64;
                self.heads.push(Head {
                    first: offset,
                    ms,
                    at,
                });
            }
        }
    }

    /// Where the block begins to which the next one is added.
    fn open(&self) -> usize {
        self.heads
            .last()
            .map_or(0, |head| (head.at - self.drained) as usize)
    }

    fn close(&mut self) {
        if !self.heads.is_empty() {
            let sum = crc(&self.bytes[self.open()..]);
            self.bytes.put_u32(sum);
        }
    }

    /// Moves the blocks to which nothing is added any more behind `out`.
    pub(super) fn drain_to(&mut self, out: &mut Vec<u8>) {
        let closed = self.open();
        out.extend(self.bytes.drain(..closed));
        self.drained += closed as u64;
    }

    /// Their blocks as they are written, but for those that were taken out, and what each of all begins with.
    pub(super) fn closed(&self) -> (Vec<u8>, Vec<Head>) {
        let mut all = self.clone();
        all.close();
        (all.bytes, all.heads)
    }

    /// About what it takes in memory.
    pub(super) fn bytes(&self) -> usize {
        self.bytes.len() + self.heads.len() * size_of::<Head>()
    }

    /// The greatest time up to an offset; nothing before the first.
    pub(super) fn at(&self, offset: u32) -> Option<i64> {
        // What stands in memory is what was written there.
        at(&self.heads, offset, |block| Ok(self.steps(block))).unwrap_or_default()
    }

    /// The first offset with a later time.
    pub(super) fn later(&self, ms: i64) -> Option<u32> {
        later(&self.heads, ms, |block| Ok(self.steps(block))).unwrap_or_default()
    }

    fn steps(&self, block: usize) -> &[u8] {
        let from = self.heads.get(block).map_or(0, |head| head.at as usize);
        let end = self.heads.get(block + 1).map(|next| next.at as usize - CRC_BYTES);
        self.bytes
            .get(from..end.unwrap_or(self.bytes.len()))
            .unwrap_or_default()
    }
}

/// How far an offset is behind the base; nothing where it is before.
pub(super) fn delta(base: i64, offset: i64) -> Option<u32> {
    let delta = offset.checked_sub(base).filter(|delta| *delta >= 0)?;
    Some(u32::try_from(delta).unwrap_or(u32::MAX))
}

/// The greatest time up to an offset, by what blocks begin with and their steps; nothing before the first.
pub(super) fn at<B: AsRef<[u8]>>(
    heads: &[Head],
    offset: u32,
    steps: impl FnOnce(usize) -> io::Result<B>,
) -> io::Result<Option<i64>> {
    let behind = heads.partition_point(|head| head.first <= offset);
    let Some((block, head)) = behind.checked_sub(1).and_then(|at| Some((at, heads.get(at)?))) else {
        return Ok(None);
    };
    let steps = steps(block)?;
    let mut walk = Walk::new(*head, steps.as_ref());
    let mut latest = head.ms;
    while let Some((_, ms)) = walk.next().map_err(damaged)?.filter(|(at, _)| *at <= offset) {
        latest = ms;
    }
    Ok(Some(latest))
}

/// The first offset with a later time.
pub(super) fn later<B: AsRef<[u8]>>(
    heads: &[Head],
    ms: i64,
    steps: impl FnOnce(usize) -> io::Result<B>,
) -> io::Result<Option<u32>> {
    let behind = heads.partition_point(|head| head.ms <= ms);
    if let Some(block) = behind.checked_sub(1) {
        let steps = steps(block)?;
        let mut walk = Walk::new(heads[block], steps.as_ref());
        while let Some((offset, found)) = walk.next().map_err(damaged)? {
            if found > ms {
                return Ok(Some(offset));
            }
        }
    }
    Ok(heads.get(behind).map(|head| head.first))
}

/// Tells each entry of a block.
pub(super) fn each(head: &Head, steps: &[u8], tell: &mut impl FnMut(u32, i64)) -> io::Result<()> {
    tell(head.first, head.ms);
    let mut walk = Walk::new(*head, steps);
    while let Some((offset, ms)) = walk.next().map_err(damaged)? {
        tell(offset, ms);
    }
    Ok(())
}

fn damaged(Damaged: Damaged) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "the times of a key index are damaged")
}

struct Walk<'a> {
    last: (u32, i64),
    steps: &'a [u8],
}

impl<'a> Walk<'a> {
    fn new(head: Head, steps: &'a [u8]) -> Walk<'a> {
        Walk {
            last: (head.first, head.ms),
            steps,
        }
    }

    fn next(&mut self) -> Result<Option<(u32, i64)>, Damaged> {
        if self.steps.is_empty() {
            return Ok(None);
        }
        let offsets = u32::try_from(varint::take(&mut self.steps)?).map_err(|_| Damaged)?;
        let millis = varint::take(&mut self.steps)?.cast_signed();
        let offset = self.last.0.checked_add(offsets).ok_or(Damaged)?;
        self.last = (offset, self.last.1.wrapping_add(millis));
        Ok(Some(self.last))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What is told of offsets and times is what a look at all records tells.
    fn check(timestamps: &[i64]) {
        let mut times = Times::default();
        for (offset, ms) in (0..).zip(timestamps) {
            times.push(offset, *ms);
        }
        let mut clamped = i64::MIN;
        let recorded: Vec<i64> = timestamps
            .iter()
            .map(|ms| {
                clamped = clamped.max(*ms);
                clamped
            })
            .collect();
        for (offset, ms) in (0..).zip(&recorded) {
            assert_eq!(times.at(offset), Some(*ms), "{offset}");
        }
        for ms in timestamps
            .iter()
            .flat_map(|ms| [ms.saturating_sub(1), *ms])
            .chain([i64::MAX])
        {
            let first = recorded.iter().position(|recorded| *recorded > ms);
            assert_eq!(times.later(ms).map(|offset| offset as usize), first, "{ms}");
        }
        assert_eq!(times.last_ms(), recorded.last().copied());
    }

    #[test]
    fn they_never_run_backwards() {
        check(&[]);
        check(&[100, 90, 200, 150, 150, 300]);
        check(&[i64::MIN, 0, i64::MAX]);
        check(&[i64::MIN, i64::MAX]);
        let many: Vec<i64> = (0..3_000).map(|n| n * 1_000 - (n % 7) * 900).collect();
        check(&many);
    }

    proptest! {
        #[test]
        fn whatever_the_timestamps(timestamps in proptest::collection::vec(prop_oneof![-20i64..20, any::<i64>()], 0..40)) {
            check(&timestamps);
        }
    }
}
