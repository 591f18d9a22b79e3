//! The history of a company that sells electronics: 2,000 orders and about 22,700 events, January to October 2026.
//!
//! Invariant: a seed is a history, byte for byte, on every machine: integer arithmetic, no clock, no hash maps. Records
//! come in the order in which a log would have taken them. Most orders have about ten events, a few more than a hundred.
//!
//! Half-way, at [`CHANNELS_SINCE_MS`], the company learns to say where an order came from: until then `OrderPlaced` is
//! written in version 1, from then on in version 2.
//!
//! One order went wrong, and an auditor should find out how: see [`MISTAKE_ORDER`].

mod catalogue;
mod group;
mod mistake;
mod record;
mod rng;
mod story;

pub use mistake::{MISTAKE_ACTOR, MISTAKE_ORDER, MISTAKE_PAID, MISTAKE_REFUNDED, MISTAKE_WINDOW_MS};
pub use record::DemoRecord;

pub use crate::events::SCHEMAS;

use rng::Rng;

/// Orders in a history.
pub const ORDERS: u32 = 2_000;
/// The id of the first order; ids count up from here.
pub const FIRST_ORDER: u32 = 990_001;
/// When the history begins: 2026-01-05T08:00:00Z.
pub const BEGIN_MS: i64 = 1_767_600_000_000;
/// When the history ends: 2026-10-31T20:00:00Z. Orders still open then stay open.
pub const END_MS: i64 = 1_793_476_800_000;
/// Since when orders say their channel, in version 2 of `OrderPlaced`: 2026-06-01T00:00:00Z.
pub const CHANNELS_SINCE_MS: i64 = 1_780_272_000_000;

/// The company's whole history, oldest record first.
///
/// ```
/// let first = annals_examples::company::history(1).next().ok_or("no history")?;
/// assert_eq!((first.topic, first.partition_key.as_str()), ("orders", "990001"));
/// assert_eq!((first.record_name, first.schema_version), ("shop.orders.OrderPlaced", 1));
/// # Ok::<(), &'static str>(())
/// ```
pub fn history(seed: u64) -> impl Iterator<Item = DemoRecord> {
    let mut records = Vec::new();
    let mut packages = 0;
    let mut index = 0;
    while index < ORDERS {
        // Every group draws from a generator of its own, so a change to one story leaves the others as they were.
        let mut rng = Rng::new(seed, u64::from(index));
        index += group::write(&mut rng, index, &mut packages, &mut records);
    }
    records.retain(|record| record.timestamp_ms < END_MS);
    // Stable: what happens to one order in one millisecond stays in its order.
    records.sort_by_key(|record| record.timestamp_ms);
    records.into_iter()
}

#[cfg(test)]
mod tests;
