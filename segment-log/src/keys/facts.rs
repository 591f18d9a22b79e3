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
