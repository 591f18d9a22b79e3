//! What coordinators keep, in Kafka's own record formats, so that its tools read our topics and we read its.
//!
//! * [`offsets`] holds the keys and values of `__consumer_offsets`: committed offsets and groups, with those of the new
//!   protocol in [`consumer_groups`];
//! * [`transactions`] holds those of `__transaction_state`;
//! * [`consumer_protocol`] is what the members of a consumer group tell each other through their coordinator.
//!
//! Invariant: each of them is [`Versioned`](crate::message::Versioned), and one of a version that is not declared is an error: what a newer program
//! wrote is never half understood.
//!
//! Left out on purpose: which record means what to a coordinator, and tombstones (a key whose record has no value).

pub mod consumer_groups;
pub mod consumer_protocol;
pub mod offsets;
pub mod transactions;

#[cfg(test)]
mod tests;
