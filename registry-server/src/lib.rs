//! The annals server as a library.
//!
//! `registry/` decides (pure), `store/` holds all SQL, `http/` all HTTP of the registry.

pub mod http;
pub mod registry;
pub mod store;
