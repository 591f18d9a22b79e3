//! What is registered, and what may be registered next.
//!
//! Everything here but [`live`] is a pure decision: a [`View`] and a request in, an answer or a [`RegistryError`] out.
//! [`Registry`] puts the decisions to work: it holds the current view, hands writes to the store one after the other
//! and swaps the view when a write is durable.
//!
//! Left out: deletes, modes other than READWRITE, contexts other than the default one, default and override rule sets.

mod candidate;
pub mod config;
mod content;
mod contract;
mod error;
mod format;
pub mod live;
pub mod lookup;
mod references;
pub mod register;
mod sorted;
pub mod verdict;
mod version;
mod view;

#[cfg(test)]
mod tests;

pub use candidate::{Candidate, RegisterRequest};
pub use config::Config;
pub use content::{Content, guid_of};
pub use contract::{Metadata, Rule, RuleKind, RuleMode, RuleSet};
pub use error::RegistryError;
pub use live::{Registered, Registry};
pub use lookup::Found;
pub use references::{ReferenceError, resolve};
pub use sorted::SortedMap;
pub use verdict::Verdict;
pub use version::VersionSpec;
pub use view::{Stored, SubjectView, Use, VersionView, View};
