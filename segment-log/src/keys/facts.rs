//! What is known of a segment's events besides their keys and times.

/// See the module.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Facts {
    /// Records that were there once are gone.
    pub(crate) gapped: bool,
    /// Different keys.
    pub(super) keys: u64,
    /// Events.
    pub(super) records: u64,
    /// Events without a key.
    pub(super) keyless: u64,
    /// The offset of the first event whose time is its producer's.
    pub(super) producer_from: Option<i64>,
    /// The latest recorded time.
    pub(super) last_ms: Option<i64>,
    /// Batches whose records cannot be read, or of which records are gone.
    pub(super) unreadable: u64,
}

impl Facts {
    /// Takes in those of the segment behind. How many keys there are in both is not told by how many each has.
    pub(super) fn add(&mut self, next: &Facts) {
        self.gapped |= next.gapped;
        self.records += next.records;
        self.keyless += next.keyless;
        self.producer_from = self.producer_from.or(next.producer_from);
        self.last_ms = self.last_ms.max(next.last_ms);
        self.unreadable += next.unreadable;
    }
}
