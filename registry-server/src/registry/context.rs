//! One context of a view: its ids, its subjects, and the settings and modes in it.
//!
//! Invariant: `schemas` and `guids` hold what some version stands for; a content that no version stands for any more is
//! in `retired` under its id, and comes back under it when it is registered again, unless that id was given to another.
//! Each hash of either (see `content.rs`) is in `others`, but not the guid of what is served.

use std::sync::Arc;

use annals_schema_model::{SchemaId, SchemaType};
use uuid::Uuid;

use super::{
    config::Config, content::Identity, mode::Mode, name::Qualified, sorted::SortedMap, stored::Stored,
};

/// What became of a version.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum VersionState {
    /// It is there.
    #[default]
    Live,
    /// It is hidden and can be brought to light by asking for deleted ones.
    SoftDeleted,
    /// It was deleted for good; only the store remembers.
    Gone,
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
    /// Live or deleted.
    pub state: VersionState,
}

impl VersionView {
    /// Whether the version is not deleted.
    #[must_use]
    pub fn is_live(&self) -> bool {
        self.state == VersionState::Live
    }
}

/// A subject and its versions.
#[derive(Clone, Debug, Default)]
pub struct SubjectView {
    /// Live and soft-deleted versions, ascending.
    versions: Vec<VersionView>,
}

impl SubjectView {
    /// Live and soft-deleted versions, ascending.
    #[must_use]
    pub fn all(&self) -> &[VersionView] {
        &self.versions
    }

    /// The live versions, ascending.
    pub fn live(&self) -> impl DoubleEndedIterator<Item = &VersionView> {
        self.versions.iter().filter(|version| version.is_live())
    }

    /// The versions a request is about.
    pub fn listed(&self, deleted: Deleted) -> impl DoubleEndedIterator<Item = &VersionView> {
        self.versions
            .iter()
            .filter(move |version| deleted.includes(version))
    }

    /// The newest live version.
    #[must_use]
    pub fn latest(&self) -> Option<VersionView> {
        self.live().next_back().copied()
    }

    /// The number after the greatest one there is, deleted ones included.
    #[must_use]
    pub fn next_version(&self) -> u32 {
        self.versions
            .last()
            .map_or(1, |version| version.version.saturating_add(1))
    }

    /// A version by number, live or soft-deleted.
    #[must_use]
    pub fn version(&self, number: u32) -> Option<VersionView> {
        let place = self.place(number).ok()?;
        self.versions.get(place).copied()
    }

    fn place(&self, number: u32) -> Result<usize, usize> {
        self.versions
            .binary_search_by_key(&number, |version| version.version)
    }

    fn set(&mut self, version: VersionView) {
        match (self.place(version.version), version.state) {
            (Ok(place), VersionState::Gone) => drop(self.versions.remove(place)),
            (Err(_), VersionState::Gone) => {}
            (Ok(place), _) => self.versions[place] = version,
            (Err(place), _) => {
                // Most subjects have one version or two; room for four would be most of what a subject costs.
                if self.versions.is_empty() {
                    self.versions.reserve_exact(1);
                }
                self.versions.insert(place, version);
            }
        }
    }
}

/// Whether a request is about deleted versions as well.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Deleted {
    /// Live versions alone.
    #[default]
    Without,
    /// Live and soft-deleted versions.
    With,
    /// Soft-deleted versions alone.
    Only,
}

impl Deleted {
    /// What the API's two flags ask for; `deletedOnly` wins.
    #[must_use]
    pub fn from_flags(deleted: bool, deleted_only: bool) -> Deleted {
        match (deleted, deleted_only) {
            (_, true) => Deleted::Only,
            (true, false) => Deleted::With,
            (false, false) => Deleted::Without,
        }
    }

    /// Whether a version is meant.
    #[must_use]
    pub fn includes(self, version: &VersionView) -> bool {
        match self {
            Deleted::Without => version.is_live(),
            Deleted::With => true,
            Deleted::Only => !version.is_live(),
        }
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

/// Everything of one context.
#[derive(Clone, Debug, Default)]
pub struct ContextView {
    /// The greatest id given out.
    pub last_id: u32,
    /// Whether it was removed and nothing was registered in it since.
    pub removed: bool,
    pub(super) schemas: SortedMap<SchemaId, Arc<Stored>>,
    pub(super) guids: SortedMap<Identity, SchemaId>,
    retired: SortedMap<SchemaId, Arc<Stored>>,
    /// The ids that are found by a hash which is not in `guids` for them.
    others: SortedMap<(Identity, u32), ()>,
    subjects: SortedMap<Arc<str>, Arc<SubjectView>>,
    /// How many of them have a live version.
    live_subjects: usize,
    uses: SortedMap<SchemaId, Arc<Vec<Use>>>,
    pub(super) configs: SortedMap<Arc<str>, Arc<Config>>,
    /// The names whose settings make them aliases of a subject, ascending.
    pub(super) aliases: SortedMap<Qualified, Arc<Vec<Arc<str>>>>,
    pub(super) modes: SortedMap<Arc<str>, Mode>,
}

impl ContextView {
    /// A schema by its id.
    #[must_use]
    pub fn schema(&self, id: SchemaId) -> Option<&Arc<Stored>> {
        self.schemas.get(&id)
    }

    /// How many ids are served.
    #[must_use]
    pub fn schemas_len(&self) -> usize {
        self.schemas.len()
    }

    /// A schema by its content's hash, of whichever type.
    #[must_use]
    pub fn schema_by_guid(&self, guid: Uuid) -> Option<&Arc<Stored>> {
        let (found, id) = self.guids.from(&(guid, SchemaType::Avro)).next()?;
        (found.0 == guid).then(|| self.schema(*id))?
    }

    /// The schema with a guid and a type.
    pub(super) fn with_guid(&self, content: Identity) -> Option<&Arc<Stored>> {
        self.schema(*self.guids.get(&content)?)
    }

    /// Whether a guid stands for another type here, or will when its content comes back into service.
    pub(super) fn is_another_types(&self, content: Identity) -> bool {
        let mut others = of_other_types(content);
        let is_guid = |other: Identity| self.retired(other).any(|retired| retired.identity() == other);
        self.serves_as_another_type(content) || others.any(is_guid)
    }

    /// Whether what is in service under a guid is of another type.
    pub(super) fn serves_as_another_type(&self, content: Identity) -> bool {
        of_other_types(content).any(|other| self.guids.get(&other).is_some())
    }

    /// The schemas found by a hash: the one whose guid it is, then by id those whose text or printed form it is of.
    pub(super) fn served(&self, content: Identity) -> impl Iterator<Item = &Arc<Stored>> {
        let others = self.others_of(content).filter_map(|id| self.schema(id));
        self.with_guid(content).into_iter().chain(others)
    }

    /// The contents found by a hash that no version stands for any more: by id those whose guid it is, then the others.
    pub(super) fn retired(&self, content: Identity) -> impl Iterator<Item = &Arc<Stored>> {
        let found = move || {
            let ids = self.others_of(content);
            ids.filter_map(|id| self.retired_as(id))
        };
        let is_guid = move |stored: &&Arc<Stored>| stored.identity() == content;
        found()
            .filter(is_guid)
            .chain(found().filter(move |stored| !is_guid(stored)))
    }

    fn others_of(&self, content: Identity) -> impl Iterator<Item = SchemaId> {
        self.others
            .from(&(content, 0))
            .take_while(move |((found, _), ())| *found == content)
            .filter_map(|((_, id), ())| SchemaId::new(*id))
    }

    /// What an id was given to, and whether it is retired.
    pub(super) fn content(&self, id: SchemaId) -> Option<(&Arc<Stored>, bool)> {
        let served = self.schema(id).map(|stored| (stored, false));
        served.or_else(|| self.retired_as(id).map(|stored| (stored, true)))
    }

    /// Everything an id was ever given to and not taken from, served or retired.
    pub(super) fn contents(&self) -> impl Iterator<Item = (&Arc<Stored>, bool)> {
        let served = self.schemas.iter().map(|(_, stored)| (stored, false));
        served.chain(self.retired.iter().map(|(_, stored)| (stored, true)))
    }

    /// A content that no version stands for any more, by the id it had.
    #[must_use]
    pub fn retired_as(&self, id: SchemaId) -> Option<&Arc<Stored>> {
        self.retired.get(&id)
    }

    /// A subject by its name in this context.
    #[must_use]
    pub fn subject(&self, name: &str) -> Option<&Arc<SubjectView>> {
        self.subjects.get(name)
    }

    /// The subjects from a name on, by name.
    pub fn subjects_from(
        &self,
        name: &str,
    ) -> impl Iterator<Item = (&Arc<str>, &Arc<SubjectView>)> + use<'_> {
        self.subjects.from(name)
    }

    /// Where an id is used: at most one version of a subject, the one registered last.
    #[must_use]
    pub fn uses(&self, id: SchemaId) -> &[Use] {
        self.uses.get(&id).map_or(&[], |uses| uses.as_slice())
    }

    /// The version an id has in a subject, live or soft-deleted.
    #[must_use]
    pub fn version_of(&self, subject: &str, id: SchemaId) -> Option<VersionView> {
        let uses = self.uses(id);
        let place = uses
            .binary_search_by(|used| used.subject.as_ref().cmp(subject))
            .ok()?;
        self.subject(subject)?.version(uses.get(place)?.version)
    }

    /// Whether there is anything that would be lost with the context.
    #[must_use]
    pub fn has_subjects(&self) -> bool {
        !self.subjects.is_empty()
    }

    /// Whether any subject has a live version.
    #[must_use]
    pub fn has_live_subjects(&self) -> bool {
        self.live_subjects > 0
    }

    /// How many subjects have a live version.
    pub(super) fn live_subjects_len(&self) -> usize {
        self.live_subjects
    }

    pub(super) fn set_schema(&mut self, stored: Arc<Stored>, retired: bool) {
        let (id, identity) = (stored.id, stored.identity());
        if let Some(before) = self.schemas.get(&id).cloned() {
            self.schemas.remove(&id);
            // Its guid may stand for another id by now.
            if self.guids.get(&before.identity()) == Some(&id) {
                self.guids.remove(&before.identity());
            }
            self.forget(&before);
        }
        if let Some(before) = self.retired.get(&id).cloned() {
            self.retired.remove(&id);
            self.others.remove(&(before.identity(), id.get()));
            self.forget(&before);
        }
        for hash in stored.other_hashes() {
            self.others.insert((hash, id.get()), ());
        }
        if retired {
            self.others.insert((identity, id.get()), ());
            self.retired.insert(id, stored);
        } else {
            self.guids.insert(identity, id);
            self.schemas.insert(id, stored);
        }
    }

    fn forget(&mut self, before: &Stored) {
        for hash in before.other_hashes() {
            self.others.remove(&(hash, before.id.get()));
        }
    }

    pub(super) fn set_version(&mut self, subject: &Arc<str>, version: VersionView) {
        if version.state == VersionState::Gone && self.subject(subject).is_none() {
            return;
        }
        let subject = match self.subjects.key_value(subject.as_ref()) {
            Some((known, _)) => Arc::clone(known),
            None => Arc::clone(subject),
        };
        let versions = Arc::make_mut(self.subjects.get_mut_or_default(&subject));
        let before = versions.version(version.version);
        let was_live = usize::from(versions.latest().is_some());
        versions.set(version);
        let is_live = usize::from(versions.latest().is_some());
        self.live_subjects = self.live_subjects + is_live - was_live;
        let versions = Arc::clone(self.subjects.get_mut_or_default(&subject));
        if versions.all().is_empty() {
            self.subjects.remove(&subject);
        }
        let replaced = before.map(|before| before.id).filter(|id| *id != version.id);
        for id in [Some(version.id), replaced].into_iter().flatten() {
            self.set_use(&subject, id, &versions);
        }
    }

    /// Brings an id's list of uses in line with a subject's versions: it names the newest one, a live one if there is.
    fn set_use(&mut self, subject: &Arc<str>, id: SchemaId, versions: &SubjectView) {
        let with_id = versions.all().iter().filter(|version| version.id == id);
        let newest = with_id.max_by_key(|version| (version.is_live(), version.version));
        let list = Arc::make_mut(self.uses.get_mut_or_default(&id));
        let place = list.binary_search_by(|used| used.subject.cmp(subject));
        match (place, newest) {
            (Ok(place), Some(version)) => list[place].version = version.version,
            (Ok(place), None) => drop(list.remove(place)),
            (Err(place), Some(version)) => {
                if list.is_empty() {
                    list.reserve_exact(1);
                }
                list.insert(
                    place,
                    Use {
                        subject: Arc::clone(subject),
                        version: version.version,
                    },
                );
            }
            (Err(_), None) => {}
        }
        if list.is_empty() {
            self.uses.remove(&id);
        }
    }
}

fn of_other_types((guid, schema_type): Identity) -> impl Iterator<Item = Identity> {
    let types = [SchemaType::Avro, SchemaType::Protobuf, SchemaType::Json].into_iter();
    let others = types.filter(move |other| *other != schema_type);
    others.map(move |other| (guid, other))
}
