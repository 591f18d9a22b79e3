//! What is printed for sound schemas, and what is said about unsound ones.

#![allow(clippy::unwrap_used)]

mod attributes;
mod diagnostics;
mod folders;
mod golden;
mod inputs;
mod languages;
mod locked;
mod proto;
mod random_proto;
mod tops;
