//! What coordinators keep, in Kafka's own record formats, so that its tools read our topics and we read its.
//!
//! * [`offsets`] holds the keys and values of `__consumer_offsets`: committed offsets and groups;
//! * [`transactions`] holds those of `__transaction_state`;
//! * [`consumer_protocol`] is what the members of a consumer group tell each other through their coordinator.
//!
//! Invariant: a [`Record`] begins with its version, and one of a version that is not declared is an error: what a
//! newer program wrote is never half understood. A declared version reads back what it was written from, with its
//! default in each field that the version does not have.
//!
//! Left out on purpose: which record means what to a coordinator, and tombstones (a key whose record has no value).

use std::ops::RangeInclusive;

use crate::{
    error::WireError,
    primitives::{Reader, Writer},
};

pub mod consumer_protocol;
pub mod offsets;
pub mod transactions;

#[cfg(test)]
mod tests;

/// A key or value that says its version in its first two bytes.
pub trait Record: Sized + Default {
    /// The versions this crate knows completely.
    const VERSIONS: RangeInclusive<i16>;
    /// The first version with compact lengths and tagged fields.
    const FLEXIBLE_FROM: i16;

    /// Reads a version and a record that is all of what is left in `r`.
    fn decode(r: &mut Reader) -> Result<Self, WireError>;

    /// Writes the version and the record; fields that `version` does not have are left out.
    fn encode(&self, w: &mut Writer, version: i16) -> Result<(), WireError>;
}
