//! Read models on real databases over real logs: against a fold from scratch, cut off anywhere, and made anew.
//!
//! Every test runs on a SQLite file, and on PostgreSQL where `ANNALS_TEST_POSTGRES` is the URL of a server on which tests
//! may make databases.

// Tests say what went wrong by panicking.
#![allow(clippy::unwrap_used, clippy::expect_used)]

/// What the examples of the documentation are about, too.
#[allow(dead_code)]
mod account {
    include!("../deciding/account.in");
}
mod crashes;
mod model;
mod rebuilds;
mod refusals;
mod standings;
mod support;
