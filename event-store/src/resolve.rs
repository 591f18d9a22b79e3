//! How the store asks for schemas, without knowing a registry.
//!
//! Invariant: what an id names never changes, so an answer may be kept for as long as the store lives.
//! What is not registered may be later, and is never kept.

use std::collections::BTreeMap;
use std::sync::Arc;

use annals_schema_model::{Resolve, SchemaId, Unresolved, Writer};

use crate::kept::Kept;

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
    writers: Kept<Arc<Writer>>,
}

impl Memo {
    pub(crate) fn new(inner: Arc<dyn Resolve>) -> Memo {
        Memo {
            inner,
            writers: Kept::up_to(WRITERS_MAX),
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
        if let Some(writer) = self.writers.get(id) {
            return Ok(Arc::clone(writer));
        }
        let writer = self.inner.writer(id)?;
        self.writers.keep(id, Arc::clone(&writer));
        Ok(writer)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use annals_schema_model::{Schema, SchemaType};

    use super::*;

    /// Knows the even ids, and how often it was asked.
    struct Even(Mutex<Vec<u32>>);

    impl Resolve for Even {
        fn writer(&self, id: SchemaId) -> Result<Arc<Writer>, Unresolved> {
            self.0.lock().unwrap().push(id.get());
            if id.get() % 2 == 1 {
                return Err(Unresolved::Unregistered);
            }
            let schema = Schema::parse(SchemaType::Avro, "\"int\"", &[]).unwrap();
            Ok(Arc::new(Writer::new(id, schema)))
        }
    }

    #[test]
    fn a_writer_is_asked_for_once_and_what_is_none_again() {
        let even = Arc::new(Even(Mutex::default()));
        let memo = Memo::new(even.clone());
        for _ in 0..3 {
            for id in [2, 3, 4] {
                let found = memo.writer(SchemaId::new(id).unwrap());
                assert_eq!(found.ok().map(|writer| writer.id.get()), (id != 3).then_some(id));
            }
        }
        let mut asked = even.0.lock().unwrap().clone();
        asked.sort_unstable();
        assert_eq!(asked, [2, 3, 3, 3, 4]);
    }
}
