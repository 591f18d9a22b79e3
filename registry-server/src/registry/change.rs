//! What a write does to the registry: a list of [`Change`]s, each the whole new state of one row.
//!
//! A decision answers changes, the store writes them in one transaction, and [`super::View::apply`] makes them visible.
//! Another node reads them back by their sequence number, and a start reads all of them from 0: there is one way for
//! anything to get into a view.
//!
//! Invariant: a change may be applied again without harm.

use std::sync::Arc;

use annals_schema_model::SchemaId;
use uuid::Uuid;

use super::{Config, Content, Mode, Qualified, VersionView};

/// A commit: its number, and a random token that tells it from any other with that number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Commit {
    /// The number, counted from 1; 0 is before the first.
    pub sequence: i64,
    /// The token; nil before the first, and from a time when commits had none.
    pub token: Uuid,
}

/// One row's new state.
#[derive(Clone, Debug)]
pub enum Change {
    /// A context came to be, gave out ids, or went.
    Context {
        /// Its name.
        name: Arc<str>,
        /// The greatest id it ever gave out.
        last_id: u32,
        /// Whether it was removed; its ids are remembered all the same.
        removed: bool,
    },
    /// What an id stands for.
    Schema {
        /// The context.
        context: Arc<str>,
        /// The id.
        id: SchemaId,
        /// The hash it was given out under.
        guid: Uuid,
        /// The hash of its printed form; `None` when that was never worked out.
        form: Option<Uuid>,
        /// The content, with the text that is served.
        content: Arc<Content>,
        /// The text that is kept under `guid`, where that is not the hash of the content's. Whoever makes an id known says
        /// it; a change to what is known already may leave it out.
        printed: Option<Arc<str>>,
        /// When it was first registered, in milliseconds since 1970.
        registered_ms: i64,
        /// Whether no version stands for it any more: it is not served, but the same content gets the same id again.
        retired: bool,
    },
    /// A version came to be or was deleted.
    Version {
        /// The subject.
        of: Qualified,
        /// The version with its state.
        version: VersionView,
    },
    /// Settings of a subject, of a context (empty subject) or of all contexts.
    Config {
        /// Whose.
        of: Qualified,
        /// `None` clears them.
        config: Option<Arc<Config>>,
    },
    /// The mode of a subject, of a context or of all contexts.
    Mode {
        /// Whose.
        of: Qualified,
        /// `None` clears it.
        mode: Option<Mode>,
    },
}
