//! The keys of records that are not stable yet: not durable, or behind a transaction that is open.
//!
//! Only a conditional append wants to know about them. Invariant: it tells of every record of the offsets from the
//! index's end to its own, whose transactional ones are kept with their producer: whether they count is asked of the
//! derived state. What has become stable is read again, with its times, and passed here.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use super::reading::Reading;

/// What a key takes besides its bytes, about: the table's slot and a queue; and a record.
const ENTRY_BYTES: usize = 120;
const RECORD_BYTES: usize = 40;

/// A record of a key: where it is, and whose where it is part of a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Unstable {
    pub(crate) offset: i64,
    pub(crate) transactional: Option<i64>,
}

#[derive(Debug)]
struct Waiting {
    end: i64,
    gapped: bool,
    keys: Vec<Arc<[u8]>>,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Ahead {
    /// The first offset it has not looked at.
    pub(crate) end: i64,
    batches: VecDeque<Waiting>,
    keys: HashMap<Arc<[u8]>, VecDeque<Unstable>>,
    bytes: usize,
}

impl Ahead {
    pub(crate) fn new(end: i64) -> Ahead {
        Ahead {
            end,
            batches: VecDeque::new(),
            keys: HashMap::new(),
            bytes: 0,
        }
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Takes in the batch at its end, of this producer where it is part of a transaction.
    pub(crate) fn add(&mut self, reading: &Reading, transactional: Option<i64>) {
        let mut keys = Vec::new();
        for (offset, key) in reading.keys() {
            let key = match self.keys.get_key_value(key) {
                Some((known, _)) => Arc::clone(known),
                None => {
                    self.bytes += ENTRY_BYTES + key.len();
                    Arc::from(key)
                }
            };
            self.bytes += RECORD_BYTES;
            let unstable = Unstable {
                offset,
                transactional,
            };
            self.keys.entry(Arc::clone(&key)).or_default().push_back(unstable);
            keys.push(key);
        }
        self.batches.push_back(Waiting {
            end: reading.end,
            gapped: reading.gapped,
            keys,
        });
        self.end = reading.end;
    }

    /// The index tells of what stands before `end`.
    pub(crate) fn pass(&mut self, end: i64) {
        while let Some(first) = self.batches.pop_front_if(|first| first.end <= end) {
            for key in &first.keys {
                self.bytes = self.bytes.saturating_sub(RECORD_BYTES);
                let Some(places) = self.keys.get_mut(key) else {
                    continue;
                };
                places.pop_front();
                if places.is_empty() {
                    self.keys.remove(key);
                    self.bytes = self.bytes.saturating_sub(ENTRY_BYTES + key.len());
                }
            }
        }
        if self.batches.is_empty() {
            self.end = self.end.max(end);
        }
    }

    /// The records of a key, by rising offset.
    pub(crate) fn of(&self, key: &[u8]) -> impl Iterator<Item = Unstable> {
        self.keys.get(key).into_iter().flatten().copied()
    }

    /// Whether records that were there once are gone.
    pub(super) fn is_gapped(&self) -> bool {
        self.batches.iter().any(|batch| batch.gapped)
    }
}
