//! The example company: its events as generated types, its folds, and a seeded generator of its history.
//!
//! What a user's own crate looks like, in the same pieces: a `build.rs` of one line ([`events`] comes from it), a typed
//! fold per aggregate ([`order`], [`package`]), the same folds declaratively for a server that was not compiled with
//! them ([`ORDER_FOLD`], [`PACKAGE_FOLD`]), and a producer ([`company`]).
//!
//! Invariant: the typed and the declarative fold of an aggregate give the same canonical JSON for every history.

pub mod company;
pub mod order;
pub mod package;

/// Types generated from `schemas/`: modules after namespaces, and an event type per topic.
#[allow(missing_docs)]
pub mod events {
    include!(concat!(env!("OUT_DIR"), "/events.rs"));
}

/// The order fold in YAML and CEL.
pub const ORDER_FOLD: &str = include_str!("../folds/order.yaml");
/// The package fold in YAML and CEL.
pub const PACKAGE_FOLD: &str = include_str!("../folds/package.yaml");
