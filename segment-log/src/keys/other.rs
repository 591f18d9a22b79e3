//! Keys that records are indexed by in the place of their own.
//!
//! Invariant: what is kept in files rests on the record and on the name alone; what rests on anything else is `Unsure`, and
//! is asked again after a restart.

use annals_kafka_wire::batch::Record;

/// Longest name, in bytes: it is part of file names.
pub(crate) const NAME_BYTES_MAX: usize = 64;

/// What a record is indexed by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OtherKey {
    /// This.
    Is(Vec<u8>),
    /// Nothing: it counts as a record without a key.
    None,
    /// Nobody can say: it is told of as a place that cannot be read.
    Unreadable,
    /// The same, but somebody may later: what the segment's records are indexed by is found out again after a restart.
    Unsure,
}

/// Says which key a record is indexed by, where that is not its own.
pub trait KeyOf: Send + Sync {
    /// What the keys are, in other words than any other's: letters, digits and `-`, 64 at most. Files of the index have it in
    /// their names, and are believed for it.
    fn name(&self) -> &str;

    /// The key of a record.
    ///
    /// # Errors
    /// Why that cannot be found out now. It is asked again, and nothing behind the record is known until then.
    fn key(&self, record: &Record) -> Result<OtherKey, String>;
}
