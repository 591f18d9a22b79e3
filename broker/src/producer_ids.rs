//! Producer ids: each handed out once, ever.
//!
//! Ids are taken from blocks. A block is written to the metadata log before its first id leaves, so after a crash
//! the rest of a block is lost but no id is given twice.

use crate::meta::{MetaError, MetaLog, MetaRecord};

/// Ids reserved by one metadata record: one sync a thousand producers.
const BLOCK_IDS: i64 = 1_000;

/// The ids that may be handed out next.
#[derive(Debug, Default)]
pub(crate) struct ProducerIds {
    next: i64,
    end: i64,
}

impl ProducerIds {
    /// Nothing reserved yet; ids below `next` were reserved before.
    pub(crate) fn after(next: i64) -> ProducerIds {
        ProducerIds { next, end: next }
    }

    /// The next id. Blocks for a sync when a new block is due.
    pub(crate) fn take(&mut self, meta: &MetaLog, now_ms: i64) -> Result<i64, MetaError> {
        if self.next == self.end {
            let end = self.end.saturating_add(BLOCK_IDS);
            meta.append(&MetaRecord::ProducerIds { next: end }, now_ms)?;
            self.end = end;
        }
        let id = self.next;
        self.next += 1;
        Ok(id)
    }
}
