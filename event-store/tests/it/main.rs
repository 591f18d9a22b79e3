//! The event store over real logs: answers against a naive model, folds against each other, and the routes.

// Tests say what went wrong by panicking.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod asked;
mod by_field;
mod copies;
mod damage;
mod declarative;
mod documented;
#[cfg(feature = "http")]
mod doubles;
mod enums;
mod evidence;
mod explain;
mod expressions;
mod folds;
mod gone;
mod halts;
#[cfg(feature = "http")]
mod http;
mod ids;
mod json;
mod json_migrations;
mod merged;
mod migrated;
mod migration_refusals;
mod migration_values;
mod migrations;
mod mixed;
mod model;
mod nearest;
mod pages;
mod partitions;
mod points;
mod population;
mod protobuf;
mod revisions;
mod several;
mod snapshots;
mod support;
mod targets;
mod till;
mod trail;
mod transactions;
mod unions;
mod what_if;
#[cfg(feature = "http")]
mod work;
