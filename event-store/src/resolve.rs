//! How the store asks for schemas, without knowing a registry.
//!
//! Invariant: what an id names never changes, so an answer may be kept for as long as the store lives.
//! What is not registered may be later, and is never kept.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use annals_schema_model::{Resolve, SchemaId, Unresolved, Writer};
use rustc_hash::FxHashMap;

/// Writers kept by [`Memo`]; a store that sees more ids asks its resolver again for the rest.
const WRITERS_MAX: usize = 65_536;

/// A version of a subject, at the time of asking: what [`Subjects::latest`] gives.
#[derive(Clone, Debug)]
pub struct Registered {
    /// The subject.
    pub subject: String,
    /// The version.
    pub version: u32,
    /// What it stands for.
    pub writer: Arc<Writer>,
    /// All versions of the subject that hold a record or message of the same name, soft-deleted or not, with their ids.
    pub versions: BTreeMap<u32, SchemaId>,
}

/// Where schemas of subjects come from, for folds that are checked against what is registered.
///
/// ```
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/deciding/example.in"));
/// use std::collections::BTreeMap;
/// use annals_event_store::{Registered, Subjects};
/// use annals_schema_model::{Identify, SchemaId, Unresolved, Writer};
///
#[doc = include_str!("../tests/deciding/registry.in")]
///
/// # fn main() {
/// // `SCHEMAS` is what generated code lists.
/// let registry = Registry { schemas: SCHEMAS, listed: Listed::new(SCHEMAS).expect("they read") };
/// let opened = registry.latest("accounts", "Opened").expect("it is listed");
/// assert_eq!((&*opened.subject, opened.version), ("accounts-Opened", 1));
/// assert!(registry.version("accounts-Opened", 2).is_none());
/// # }
/// ```
pub trait Subjects: Resolve {
    /// A version of a subject, soft-deleted or not.
    fn version(&self, subject: &str, version: u32) -> Option<Arc<Writer>>;

    /// The newest registered schema of a record (by full name), message or event under one of the topic's subjects; a
    /// soft-deleted one where no other is left.
    fn latest(&self, topic: &str, record_name: &str) -> Option<Registered>;

    /// The same of each of the topic's subjects that has one.
    fn latest_of_each(&self, topic: &str, record_name: &str) -> Vec<Registered> {
        self.latest(topic, record_name).into_iter().collect()
    }
}

/// A resolver that remembers every writer it was given.
pub(crate) struct Memo {
    inner: Arc<dyn Resolve>,
    writers: RwLock<FxHashMap<SchemaId, Arc<Writer>>>,
}

impl Memo {
    pub(crate) fn new(inner: Arc<dyn Resolve>) -> Memo {
        Memo {
            inner,
            writers: RwLock::default(),
        }
    }
}

impl Resolve for Memo {
    fn id_of(&self, guid: [u8; 16]) -> Result<SchemaId, Unresolved> {
        self.inner.id_of(guid)
    }

    fn versions(&self, subject: &str, event: &str) -> BTreeMap<u32, SchemaId> {
        self.inner.versions(subject, event)
    }

    fn writer(&self, id: SchemaId) -> Result<Arc<Writer>, Unresolved> {
        if let Some(writer) = self
            .writers
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&id)
        {
            return Ok(Arc::clone(writer));
        }
        let writer = self.inner.writer(id)?;
        let mut writers = self.writers.write().unwrap_or_else(PoisonError::into_inner);
        if writers.len() < WRITERS_MAX {
            writers.insert(id, Arc::clone(&writer));
        }
        Ok(writer)
    }
}
