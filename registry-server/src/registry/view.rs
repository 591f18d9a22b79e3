//! Everything that is registered, as one immutable value.
//!
//! Every read, every compatibility check and every guard works on a [`View`] it holds; a write makes a changed copy and
//! swaps it in, so no reader ever waits and none sees half a change. Copies share their parts ([`SortedMap`]).
//!
//! Left out: deleted versions and contexts other than the default one.

use std::{
    collections::BTreeMap,
    sync::{Arc, OnceLock},
};

use annals_schema_model::{ParseError, Reference, Schema, SchemaId, SchemaType};
use bytes::Bytes;
use uuid::Uuid;

use super::{
    config::Config,
    content::Content,
    contract::{Metadata, RuleSet},
    references,
    sorted::SortedMap,
};

/// A content under its id.
#[derive(Debug)]
pub struct Stored {
    /// The id that travels in front of payloads.
    pub id: SchemaId,
    /// The content's hash.
    pub guid: Uuid,
    /// Text, references, metadata, rules.
    pub content: Content,
    /// When it was first registered, in milliseconds since 1970.
    pub registered_ms: i64,
    parsed: OnceLock<Result<Arc<Schema>, ParseError>>,
    answer: OnceLock<Bytes>,
}

impl Stored {
    /// A content under its id; `parsed` spares parsing the stored text again.
    #[must_use]
    pub fn new(
        id: SchemaId,
        guid: Uuid,
        content: Content,
        registered_ms: i64,
        parsed: Option<Arc<Schema>>,
    ) -> Stored {
        let parsed = parsed.map_or_else(OnceLock::new, |schema| OnceLock::from(Ok(schema)));
        Stored {
            id,
            guid,
            content,
            registered_ms,
            parsed,
            answer: OnceLock::new(),
        }
    }

    /// Avro, Protobuf or JSON Schema.
    #[must_use]
    pub fn schema_type(&self) -> SchemaType {
        self.content.schema_type
    }

    /// The stored text.
    #[must_use]
    pub fn text(&self) -> &Arc<str> {
        &self.content.text
    }

    /// The references, in the order given.
    #[must_use]
    pub fn references(&self) -> &[Reference] {
        &self.content.references
    }

    /// Tags and properties.
    #[must_use]
    pub fn metadata(&self) -> Option<&Metadata> {
        self.content.metadata.as_ref()
    }

    /// Rules for clients.
    #[must_use]
    pub fn rule_set(&self) -> Option<&RuleSet> {
        self.content.rule_set.as_ref()
    }

    /// The serialised answer to a request for this id: rendered once, then only counted up.
    pub fn answer(&self, render: impl FnOnce(&Stored) -> Bytes) -> Bytes {
        self.answer.get_or_init(|| render(self)).clone()
    }
}

/// One version of a subject.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VersionView {
    /// The number, from 1.
    pub version: u32,
    /// What it stands for.
    pub id: SchemaId,
    /// When it was registered, in milliseconds since 1970.
    pub registered_ms: i64,
}

/// A subject and its versions.
#[derive(Clone, Debug, Default)]
pub struct SubjectView {
    /// The versions by number.
    pub versions: BTreeMap<u32, VersionView>,
}

impl SubjectView {
    /// The newest version.
    #[must_use]
    pub fn latest(&self) -> Option<VersionView> {
        self.versions.last_key_value().map(|(_, version)| *version)
    }

    /// A version by number.
    #[must_use]
    pub fn version(&self, number: u32) -> Option<VersionView> {
        self.versions.get(&number).copied()
    }
}

/// Where a schema id is used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Use {
    /// The subject.
    pub subject: Arc<str>,
    /// The version there.
    pub version: u32,
}

type VersionKey = (Arc<str>, u32);

/// Everything that is registered.
#[derive(Clone, Debug, Default)]
pub struct View {
    schemas: SortedMap<SchemaId, Arc<Stored>>,
    guids: SortedMap<Uuid, SchemaId>,
    subjects: SortedMap<Arc<str>, Arc<SubjectView>>,
    uses: SortedMap<SchemaId, Arc<Vec<Use>>>,
    referrers: SortedMap<VersionKey, Arc<Vec<SchemaId>>>,
    configs: SortedMap<Arc<str>, Arc<Config>>,
    global: Arc<Config>,
}

impl View {
    /// A schema by its id.
    #[must_use]
    pub fn schema(&self, id: SchemaId) -> Option<&Arc<Stored>> {
        self.schemas.get(&id)
    }

    /// A schema by its content's hash.
    #[must_use]
    pub fn schema_by_guid(&self, guid: Uuid) -> Option<&Arc<Stored>> {
        self.schema(*self.guids.get(&guid)?)
    }

    /// The greatest id given out so far.
    #[must_use]
    pub fn max_id(&self) -> Option<SchemaId> {
        self.schemas.last().map(|(id, _)| *id)
    }

    /// How many schema ids there are.
    #[must_use]
    pub fn schemas_len(&self) -> usize {
        self.schemas.len()
    }

    /// A subject by name.
    #[must_use]
    pub fn subject(&self, name: &str) -> Option<&Arc<SubjectView>> {
        self.subjects.get(name)
    }

    /// All subjects, by name.
    pub fn subjects(&self) -> impl DoubleEndedIterator<Item = (&Arc<str>, &Arc<SubjectView>)> {
        self.subjects.iter()
    }

    /// The subjects whose names begin so, by name.
    pub fn subjects_with<'a>(
        &'a self,
        prefix: &'a str,
    ) -> impl Iterator<Item = (&'a Arc<str>, &'a Arc<SubjectView>)> {
        self.subjects
            .from(prefix)
            .take_while(move |(name, _)| name.starts_with(prefix))
    }

    /// Where an id is used: at most one version of a subject, the one registered last.
    #[must_use]
    pub fn uses(&self, id: SchemaId) -> &[Use] {
        self.uses.get(&id).map_or(&[], |uses| uses.as_slice())
    }

    /// The version an id has in a subject.
    #[must_use]
    pub fn version_of(&self, subject: &str, id: SchemaId) -> Option<VersionView> {
        let found = self
            .uses(id)
            .iter()
            .find(|used| used.subject.as_ref() == subject)?;
        self.subject(subject)?.version(found.version)
    }

    /// The ids of the schemas that refer to a version.
    #[must_use]
    pub fn referrers(&self, subject: &str, version: u32) -> &[SchemaId] {
        let key: VersionKey = (Arc::from(subject), version);
        self.referrers.get(&key).map_or(&[], |ids| ids.as_slice())
    }

    /// The global settings, as far as set.
    #[must_use]
    pub fn global_config(&self) -> &Arc<Config> {
        &self.global
    }

    /// A subject's own settings.
    #[must_use]
    pub fn subject_config(&self, subject: &str) -> Option<&Arc<Config>> {
        self.configs.get(subject)
    }

    /// The settings in force for a subject.
    #[must_use]
    pub fn config_in_scope(&self, subject: &str) -> Config {
        self.subject_config(subject)
            .map_or_else(|| Config::clone(&self.global), |own| own.over(&self.global))
    }

    /// The parsed schema of an id. The first call for a schema loaded from the store parses it in the caller's thread.
    ///
    /// # Errors
    /// Why a stored text cannot be read any more: a parser became stricter, or a reference is gone.
    pub fn parsed(&self, id: SchemaId) -> Result<Arc<Schema>, ParseError> {
        let broken = |message: String| ParseError {
            message,
            line: 1,
            column: 1,
        };
        let Some(stored) = self.schema(id) else {
            return Err(broken(format!("there is no schema {id}")));
        };
        let parse = || {
            let resolved =
                references::resolve(self, stored.references()).map_err(|error| broken(error.to_string()))?;
            Schema::parse(stored.schema_type(), stored.text(), &resolved).map(Arc::new)
        };
        stored.parsed.get_or_init(parse).clone()
    }

    /// Adds a version, and its schema if the id is new.
    pub fn insert_version(&mut self, subject: &str, version: VersionView, stored: &Arc<Stored>) {
        if self.schemas.get(&stored.id).is_none() {
            self.insert_schema(Arc::clone(stored));
        }
        let (name, mut versions) = match self.subjects.from(subject).next() {
            Some((name, versions)) if name.as_ref() == subject => (Arc::clone(name), Arc::clone(versions)),
            _ => (Arc::from(subject), Arc::default()),
        };
        Arc::make_mut(&mut versions)
            .versions
            .insert(version.version, version);
        self.subjects.insert(Arc::clone(&name), versions);

        let mut uses = self.uses.get(&version.id).cloned().unwrap_or_default();
        let list = Arc::make_mut(&mut uses);
        list.retain(|used| used.subject != name);
        list.push(Use {
            subject: name,
            version: version.version,
        });
        list.sort_by(|left, right| left.subject.cmp(&right.subject));
        self.uses.insert(version.id, uses);
    }

    /// Adds a schema that no version stands for yet.
    pub fn insert_schema(&mut self, stored: Arc<Stored>) {
        for reference in stored.references() {
            let key: VersionKey = (
                Arc::from(reference.subject.as_str()),
                reference.version.unsigned_abs(),
            );
            let mut ids = self.referrers.get(&key).cloned().unwrap_or_default();
            if !ids.contains(&stored.id) {
                Arc::make_mut(&mut ids).push(stored.id);
                self.referrers.insert(key, ids);
            }
        }
        self.guids.insert(stored.guid, stored.id);
        self.schemas.insert(stored.id, stored);
    }

    /// Sets or clears a subject's settings, or the global ones.
    pub fn set_config(&mut self, subject: Option<&str>, config: Option<Config>) {
        match (subject, config) {
            (None, config) => self.global = Arc::new(config.unwrap_or_default()),
            (Some(subject), Some(config)) => drop(self.configs.insert(Arc::from(subject), Arc::new(config))),
            (Some(subject), None) => drop(self.configs.remove(subject)),
        }
    }
}
