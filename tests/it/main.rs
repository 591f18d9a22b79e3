//! One integration binary: the house rules, and the running server seen from outside.
//!
//! Tests that need the server start the real `annals` binary on free ports (see `server`). What a test needs
//! beyond the Rust toolchain (Python, a JDK, the data sets) is handed over in the environment by `test.sh`;
//! where that is missing the test prints a line that begins with `skipped:` and says why.

// A test stops at the first surprise, and a table of cases is as long as there are cases.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::too_many_lines)]

mod audit;
mod beside_kafka;
mod cli;
mod clients;
mod container;
mod crowd;
mod damage;
mod faults;
mod features;
mod formats;
mod generated;
mod groups;
mod guard;
mod json_folds;
mod limits;
mod locked;
mod metrics;
mod migrations;
mod mixed_topics;
mod nodes;
mod openapi;
mod postgres;
mod programs;
mod readme;
mod real_logs;
mod recreated;
mod registry;
mod revisions;
mod server;
mod several_topics;
mod tidy;
mod transfer;
mod walk;
mod words;
