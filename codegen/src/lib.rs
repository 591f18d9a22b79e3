//! Schemas to Rust at build time.
