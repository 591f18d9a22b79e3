//! The newest offset of each key of a stretch of the log.
//!
//! Invariant: keys are kept whole, so none is ever taken for another; their bytes, and what a table adds to each, are
//! bounded, but for those of one batch.

use std::collections::HashMap;

use annals_kafka_wire::batch::{Batch, BatchError};

/// What one key costs besides its bytes: its place in the table, at the table's worst, and what the allocator adds.
const KEY_BYTES: usize = 96;

/// See the module.
pub(crate) struct Latest {
    offsets: HashMap<Box<[u8]>, i64>,
    bytes: usize,
    bytes_max: usize,
}

impl Latest {
    pub(crate) fn new(bytes_max: usize) -> Latest {
        Latest {
            offsets: HashMap::new(),
            bytes: 0,
            bytes_max,
        }
    }

    /// Whether another batch may be taken in.
    pub(crate) fn has_room(&self) -> bool {
        self.offsets.is_empty() || self.bytes < self.bytes_max
    }

    /// Takes in the records of a batch behind those before.
    pub(crate) fn take(&mut self, batch: &Batch, limit: usize) -> Result<(), BatchError> {
        for record in batch.records(limit)? {
            let record = record?;
            let Some(key) = record.key else { continue };
            match self.offsets.get_mut(&*key) {
                Some(offset) => *offset = record.offset,
                None => {
                    self.bytes += key.len() + KEY_BYTES;
                    self.offsets.insert(Box::from(&*key), record.offset);
                }
            }
        }
        Ok(())
    }

    /// Whether a later record has the key.
    pub(crate) fn is_newer(&self, key: &[u8], offset: i64) -> bool {
        self.offsets.get(key).is_some_and(|newest| *newest > offset)
    }
}
