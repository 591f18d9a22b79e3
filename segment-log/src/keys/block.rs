//! One block of a run: sorted entries, each with what it does not share with the one before.
//!
//! ```text
//! entries, by rising key, then by rising offset:
//!     varint  bytes the key shares with the key before it in the block
//!     varint  bytes that follow, and they
//!     varint  twice the number of offsets in the entry; and 1 more when others of the key stand before it in the run:
//!     varint  how many, in that case
//!     varint  first offset, less the base offset
//!     varint… each next offset, less the one before
//! 4  CRC-32C of them
//! ```
//!
//! varint: as varint.rs has it.
//!
//! Invariant: what reads is what was written, or an error; no count in it reserves memory.

use bytes::BufMut;

use crate::format::{CRC_BYTES, crc};
use crate::order::common;
use crate::varint::{self, Damaged};

/// Some offsets of a key, by distance from the base offset of their segment.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) key: Vec<u8>,
    /// How many others of the key stand before these.
    pub(super) before: u64,
    pub(super) offsets: Vec<u32>,
}

/// A block that is being written.
#[derive(Default)]
pub(super) struct Writing {
    pub(super) bytes: Vec<u8>,
    last: Vec<u8>,
}

impl Writing {
    /// Adds an entry; `offsets` has one at least.
    pub(super) fn push(&mut self, key: &[u8], before: usize, offsets: &[u32]) {
        let shared = common(key, &self.last);
        self.put(shared as u64);
        self.put((key.len() - shared) as u64);
        self.bytes.put_slice(&key[shared..]);
        self.put((offsets.len() as u64) << 1 | u64::from(before > 0));
        if before > 0 {
            self.put(before as u64);
        }
        let mut previous = 0;
        for offset in offsets {
            self.put(u64::from(offset - previous));
            previous = *offset;
        }
        self.last.truncate(shared);
        self.last.extend_from_slice(&key[shared..]);
    }

    /// Moves the block to the end of `out`, its checksum behind it.
    pub(super) fn close(&mut self, out: &mut Vec<u8>) {
        out.put_slice(&self.bytes);
        out.put_u32(crc(&self.bytes));
        self.bytes.clear();
        self.last.clear();
    }

    fn put(&mut self, number: u64) {
        varint::put(&mut self.bytes, number);
    }
}

/// Reads the entries of a block.
pub(super) struct Reading {
    bytes: Vec<u8>,
    at: usize,
    entry: Entry,
    begun: bool,
}

impl Reading {
    /// Of a block with its checksum.
    pub(super) fn new(mut bytes: Vec<u8>) -> Result<Reading, Damaged> {
        let end = bytes.len().checked_sub(CRC_BYTES).ok_or(Damaged)?;
        if bytes[end..] != crc(&bytes[..end]).to_be_bytes() {
            return Err(Damaged);
        }
        bytes.truncate(end);
        Ok(Reading {
            bytes,
            at: 0,
            entry: Entry::default(),
            begun: false,
        })
    }

    /// The entry given last.
    pub(super) fn last(&self) -> Option<&Entry> {
        self.begun.then_some(&self.entry)
    }

    /// The next entry, `None` at the end.
    pub(super) fn next(&mut self) -> Result<Option<&Entry>, Damaged> {
        self.read(usize::MAX)
    }

    /// The next entry with no more than its first offset, `None` at the end.
    pub(super) fn next_first(&mut self) -> Result<Option<&Entry>, Damaged> {
        self.read(1)
    }

    fn read(&mut self, offsets_max: usize) -> Result<Option<&Entry>, Damaged> {
        if self.at == self.bytes.len() {
            return Ok(None);
        }
        let (shared, fresh) = (self.number()?, self.number()?);
        if shared > self.entry.key.len() {
            return Err(Damaged);
        }
        let end = self.at.checked_add(fresh).ok_or(Damaged)?;
        let fresh = self.bytes.get(self.at..end).ok_or(Damaged)?;
        self.entry.key.truncate(shared);
        self.entry.key.extend_from_slice(fresh);
        self.at = end;
        let count = self.number()?;
        self.entry.before = match count & 1 {
            0 => 0,
            _ => self.number()? as u64,
        };
        self.entry.offsets.clear();
        let mut offset = 0u32;
        let mut rest = self.bytes.get(self.at..).unwrap_or_default();
        let count = count >> 1;
        let read = count.min(offsets_max);
        for _ in 0..read {
            let step = u32::try_from(varint::take(&mut rest)?).map_err(|_| Damaged)?;
            offset = offset.checked_add(step).ok_or(Damaged)?;
            self.entry.offsets.push(offset);
        }
        varint::pass(&mut rest, (count - read) as u64)?;
        self.at = self.bytes.len() - rest.len();
        self.begun = true;
        Ok(Some(&self.entry))
    }

    fn number(&mut self) -> Result<usize, Damaged> {
        let mut rest = self.bytes.get(self.at..).unwrap_or_default();
        let number = varint::take(&mut rest)?;
        self.at = self.bytes.len() - rest.len();
        usize::try_from(number).map_err(|_| Damaged)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn written(entries: &[Entry]) -> Vec<u8> {
        let (mut writing, mut out) = (Writing::default(), Vec::new());
        for entry in entries {
            writing.push(&entry.key, entry.before as usize, &entry.offsets);
        }
        writing.close(&mut out);
        out
    }

    fn read(bytes: Vec<u8>) -> Result<Vec<Entry>, Damaged> {
        let (mut reading, mut firsts) = (Reading::new(bytes.clone())?, Reading::new(bytes)?);
        let mut all = Vec::new();
        while let Some(entry) = reading.next()? {
            let first = firsts.next_first()?.expect("as many");
            assert_eq!((&first.key, first.before), (&entry.key, entry.before));
            assert_eq!(first.offsets, entry.offsets.get(..1).unwrap_or_default());
            all.push(entry.clone());
        }
        Ok(all)
    }

    fn entry() -> impl Strategy<Value = Entry> {
        let key = proptest::collection::vec(0..3u8, 0..6);
        let before = prop_oneof![Just(0), 1..1_000_000u64];
        let offsets = proptest::collection::btree_set(any::<u32>(), 1..6);
        (key, before, offsets).prop_map(|(key, before, offsets)| Entry {
            key,
            before,
            offsets: offsets.into_iter().collect(),
        })
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(entries in proptest::collection::vec(entry(), 0..20)) {
            prop_assert_eq!(read(written(&entries)).unwrap(), entries);
        }

        #[test]
        fn no_bytes_under_a_right_checksum_panic(mut bytes in proptest::collection::vec(any::<u8>(), 0..60)) {
            let sum = crc(&bytes);
            bytes.extend(sum.to_be_bytes());
            let _ = read(bytes);
        }
    }

    #[test]
    fn a_flipped_bit_is_noticed() {
        let entry = Entry {
            key: b"order-1".to_vec(),
            before: 7,
            offsets: vec![3, 300],
        };
        let good = written(&[entry]);
        for bit in 0..good.len() * 8 {
            let mut bad = good.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            assert!(read(bad).is_err(), "bit {bit}");
        }
    }
}
