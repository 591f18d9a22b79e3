//! The broker as clients meet it: over real TCP, on a port of the system's choice, in a directory of its own.
//!
//! One binary. [`harness`] starts and stops brokers; a module an area. Nothing here sleeps: what takes time is awaited.

// Outside tests nothing may panic; here a helper that cannot go on should.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod admin;
mod alterations;
mod api_versions;
mod compaction;
mod consumer_groups;
mod damage;
mod expected;
mod feed;
mod fetch;
mod fetch_sessions;
mod groups;
mod guarding;
mod harness;
mod hostile;
mod lifecycle;
mod limits;
mod order;
mod pace;
mod produce;
mod producer;
mod quirks;
mod records;
mod repository;
mod requests;
mod retention;
mod rolling;
mod settings;
mod states;
mod topic_ids;
mod topics;
mod transactions;
