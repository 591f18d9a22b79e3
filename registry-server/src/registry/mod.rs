//! What is registered, and what may be registered next.
//!
//! Everything here is a pure decision: a [`View`] and a request in, an answer, [`Change`]s or a [`RegistryError`] out. It
//! knows no clock, no database, no runtime and no HTTP. `service/` puts the decisions to work: it holds the current view,
//! has writes decided one after the other and committed together, and swaps the view when they are durable.

mod alias;
mod apply;
mod candidate;
mod change;
pub mod config;
mod content;
mod context;
mod contract;
pub mod delete;
mod error;
pub mod format;
pub mod forms;
mod import;
pub mod lookup;
pub mod mode;
mod name;
mod new_version;
mod references;
pub mod register;
mod reserved;
mod scope;
mod sorted;
mod stored;
pub mod tags;
pub mod verdict;
mod version;
mod view;

#[cfg(test)]
mod tests;

pub use candidate::{Candidate, RegisterRequest};
pub use change::{Change, Commit};
pub use config::Config;
pub use content::{Content, hash_of};
pub use context::{ContextView, Deleted, SubjectView, Use, VersionState, VersionView};
pub use contract::{Metadata, Rule, RuleKind, RuleMode, RuleSet};
pub use error::RegistryError;
pub use lookup::Found;
pub use mode::Mode;
pub use name::{ANY_CONTEXT, DEFAULT_CONTEXT, GLOBAL_CONTEXT, Qualified};
pub use new_version::NewVersion;
pub use references::{ReferenceError, resolve};
pub use sorted::SortedMap;
pub use stored::Stored;
pub use verdict::Verdict;
pub use version::VersionSpec;
pub use view::View;
