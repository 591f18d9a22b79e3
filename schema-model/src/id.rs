//! The two numbers a registered schema carries: its id and its version.
//!
//! Invariant: a [`SchemaId`] fits the four signed bytes that clients keep it in, and is never zero. A [`Version`]
//! counts from 1 within one subject. Allocation of both belongs to the registry's store.

use std::fmt;

/// The id of a schema text, as it travels in front of every payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SchemaId(u32);

impl SchemaId {
    /// An id, or `None` for zero and for what does not fit a signed 32-bit integer.
    ///
    /// ```
    /// use annals_schema_model::SchemaId;
    /// assert_eq!(SchemaId::new(7).map(SchemaId::get), Some(7));
    /// assert_eq!(SchemaId::new(0), None);
    /// ```
    #[must_use]
    pub const fn new(id: u32) -> Option<SchemaId> {
        if id == 0 || id > i32::MAX as u32 {
            None
        } else {
            Some(SchemaId(id))
        }
    }

    /// The number itself.
    #[must_use]
    pub const fn get(self) -> u32 {
        self.0
    }
}

impl fmt::Display for SchemaId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The version of a schema within its subject, counted from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Version(pub u32);

impl Version {
    /// The number itself.
    #[must_use]
    pub const fn get(self) -> u32 {
        self.0
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
