//! The annals server as a library.
//!
//! `registry/` decides (pure), `store/` holds all SQL, `service/` is the living registry with its one writer, `http/` all
//! HTTP of the registry.

pub mod cli;
pub mod console;
pub mod demo;
mod descriptors;
pub mod folds;
pub mod guard;
pub mod http;
pub mod listeners;
mod memory;
pub mod metrics;
pub mod registry;
pub mod resolve;
pub mod serve;
pub mod service;
pub mod store;
pub mod topic_subjects;
