//! What is printed for sound schemas, and what is said about unsound ones.

#![allow(clippy::unwrap_used)]

mod diagnostics;
mod golden;
