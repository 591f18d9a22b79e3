//! Everything that is registered, as one immutable value.
//!
//! Every read, every compatibility check and every guard works on a [`View`] it holds; a write makes a changed copy and
//! swaps it in, so no reader ever waits and none sees half a change. Copies share their parts ([`SortedMap`]).
//!
//! Invariant: a view is what applying the store's changes up to [`View::commit`] makes, in whatever order and however
//! often they are applied.

use std::sync::Arc;

use annals_schema_model::{ParseError, Schema, SchemaId};
use uuid::Uuid;

use super::{
    change::Commit,
    config::Config,
    content::{Content, Identity},
    context::{ContextView, Deleted, SubjectView, Use, VersionView},
    mode::Mode,
    name::{ANY_CONTEXT, DEFAULT_CONTEXT, Qualified},
    references,
    sorted::SortedMap,
    stored::{Spelling, Stored},
    verdict::Verdicts,
};

/// A schema that refers to a version: its context and its id there.
pub(super) type Referrer = (Arc<str>, SchemaId);

/// The number under which references to "the newest version" are kept; imported ones are not pinned.
pub(super) const NEWEST: u32 = 0;

/// Everything that is registered.
#[derive(Clone, Debug, Default)]
pub struct View {
    /// The last commit this view knows of.
    pub commit: Commit,
    pub(super) default: Arc<ContextView>,
    pub(super) others: SortedMap<Arc<str>, Arc<ContextView>>,
    /// One handle a content by its exact hash, so that contexts share their texts.
    pub(super) contents: SortedMap<Identity, Arc<Content>>,
    pub(super) referrers: SortedMap<(Qualified, u32), Arc<Vec<Referrer>>>,
    /// What was found compatible, as long as ids mean what they mean in this view.
    pub(super) verdicts: Arc<Verdicts>,
}

impl View {
    /// The judge of this view, who remembers.
    #[must_use]
    pub fn verdicts(&self) -> &Verdicts {
        &self.verdicts
    }

    /// A context by its name. The default one is always there.
    #[must_use]
    pub fn context(&self, name: &str) -> Option<&Arc<ContextView>> {
        if name == DEFAULT_CONTEXT {
            return Some(&self.default);
        }
        self.others.get(name)
    }

    /// The names of the contexts that ever held a schema and were not removed; the default one is first.
    pub fn contexts(&self) -> impl Iterator<Item = &str> {
        self.all_contexts()
            .filter(|(name, context)| *name == DEFAULT_CONTEXT || context.last_id > 0 && !context.removed)
            .map(|(name, _)| name)
    }

    pub(super) fn all_contexts(&self) -> impl Iterator<Item = (&str, &Arc<ContextView>)> {
        let others = self.others.iter().map(|(name, context)| (name.as_ref(), context));
        std::iter::once((DEFAULT_CONTEXT, &self.default)).chain(others)
    }

    /// The context of topics and of names without one.
    #[must_use]
    pub fn default_context(&self) -> &Arc<ContextView> {
        &self.default
    }

    /// A schema of the default context by its id.
    #[must_use]
    pub fn schema(&self, id: SchemaId) -> Option<&Arc<Stored>> {
        self.default.schema(id)
    }

    /// A schema of a context by its id.
    #[must_use]
    pub fn schema_in(&self, context: &str, id: SchemaId) -> Option<&Arc<Stored>> {
        self.context(context)?.schema(id)
    }

    /// A schema by its id, for somebody who may name a subject to say which context is meant: the context of that
    /// subject, or without one the first context that knows the id.
    #[must_use]
    pub fn schema_for(&self, id: SchemaId, subject: &Qualified) -> Option<&Arc<Stored>> {
        if &*subject.context != DEFAULT_CONTEXT {
            return self.schema_in(&subject.context, id);
        }
        let known = |(_, context): &(&str, &Arc<ContextView>)| {
            subject.is_context() || context.version_of(&subject.subject, id).is_some()
        };
        let holding = self.all_contexts().filter(known);
        holding
            .filter_map(|(_, context)| context.schema(id))
            .next()
            .or_else(|| self.schema(id))
    }

    /// A schema by its content's hash, in whichever context.
    #[must_use]
    pub fn schema_by_guid(&self, guid: Uuid) -> Option<&Arc<Stored>> {
        self.with_guid(guid).next().map(|(_, stored)| stored)
    }

    /// The contexts that hold a content.
    pub fn with_guid(&self, guid: Uuid) -> impl Iterator<Item = (&str, &Arc<Stored>)> {
        self.all_contexts()
            .filter_map(move |(name, context)| Some((name, context.schema_by_guid(guid)?)))
    }

    /// How many schema ids are served in all contexts.
    #[must_use]
    pub fn schemas_len(&self) -> usize {
        self.all_contexts()
            .map(|(_, context)| context.schemas_len())
            .sum()
    }

    /// A subject by its qualified name.
    #[must_use]
    pub fn subject(&self, name: &Qualified) -> Option<&Arc<SubjectView>> {
        self.context(&name.context)?.subject(&name.subject)
    }

    /// A subject by the name somebody gave: an unqualified name that the default context does not know is looked for in
    /// the others.
    #[must_use]
    pub fn find_subject(&self, name: &Qualified) -> Qualified {
        if &*name.context != DEFAULT_CONTEXT || self.subject(name).is_some() {
            return name.clone();
        }
        let elsewhere = self
            .others
            .iter()
            .find(|(_, context)| context.subject(&name.subject).is_some());
        elsewhere.map_or_else(
            || name.clone(),
            |(context, _)| Qualified::new(Arc::clone(context), Arc::clone(&name.subject)),
        )
    }

    /// How many subjects have a live version, in all contexts.
    #[must_use]
    pub fn live_subjects_len(&self) -> usize {
        self.all_contexts()
            .map(|(_, context)| context.live_subjects_len())
            .sum()
    }

    /// The subjects of all contexts from a name on, by context and name.
    pub fn subjects_from<'a>(
        &'a self,
        from: &Qualified,
    ) -> impl Iterator<Item = (Qualified, &'a Arc<SubjectView>)> + use<'a> {
        let from = from.clone();
        let first = Arc::clone(&from.context);
        self.all_contexts()
            .filter(move |(name, _)| **name >= *first)
            .flat_map(move |(name, context)| {
                let from = if *name == *from.context {
                    &*from.subject
                } else {
                    ""
                };
                let name: Arc<str> = Arc::from(name);
                context.subjects_from(from).map(move |(subject, versions)| {
                    (Qualified::new(Arc::clone(&name), Arc::clone(subject)), versions)
                })
            })
    }

    /// The subjects whose qualified names begin so, by context and name. `:*:` is every context.
    pub fn subjects_with<'a>(
        &'a self,
        prefix: &Qualified,
    ) -> impl Iterator<Item = (Qualified, &'a Arc<SubjectView>)> + use<'a> {
        let any = &*prefix.context == ANY_CONTEXT;
        let prefix = prefix.clone();
        let wanted = prefix.context.to_string();
        self.all_contexts()
            .filter(move |(name, _)| any || *name == wanted)
            .flat_map(move |(name, context)| {
                let name: Arc<str> = Arc::from(name);
                let prefix = Arc::clone(&prefix.subject);
                context
                    .subjects_from(&prefix)
                    .take_while(move |(subject, _)| subject.starts_with(&*prefix))
                    .map(move |(subject, versions)| {
                        (Qualified::new(Arc::clone(&name), Arc::clone(subject)), versions)
                    })
            })
    }

    /// Where an id of a context is used.
    #[must_use]
    pub fn uses(&self, context: &str, id: SchemaId) -> &[Use] {
        self.context(context).map_or(&[], |context| context.uses(id))
    }

    /// The version an id has in a subject, live or soft-deleted.
    #[must_use]
    pub fn version_of(&self, subject: &Qualified, id: SchemaId) -> Option<VersionView> {
        self.context(&subject.context)?.version_of(&subject.subject, id)
    }

    /// The schemas that refer to a version and are served.
    pub fn referrers(&self, subject: &Qualified, version: u32) -> impl Iterator<Item = &Referrer> {
        let newest = self.subject(subject).and_then(|versions| versions.latest());
        let is_newest = newest.is_some_and(|newest| newest.version == version);
        let keys = [Some(version), is_newest.then_some(NEWEST)];
        let known = keys.map(|key| self.referrers.get(&(subject.clone(), key?)));
        known
            .into_iter()
            .flatten()
            .flat_map(|list| list.iter())
            .filter(|(context, id)| self.schema_in(context, *id).is_some())
    }

    /// The versions whose schemas refer to a version, live and soft-deleted ones.
    pub fn users_of(
        &self,
        subject: &Qualified,
        version: u32,
    ) -> impl Iterator<Item = (Qualified, VersionView)> {
        self.referrers(subject, version).flat_map(move |(context, id)| {
            self.uses(context, *id).iter().filter_map(move |used| {
                let user = Qualified::new(Arc::clone(context), Arc::clone(&used.subject));
                let version = self.subject(&user)?.version(used.version)?;
                Some((user, version))
            })
        })
    }

    /// Whether a version of the kind asked for refers to a version.
    #[must_use]
    pub fn is_referred_to(&self, subject: &Qualified, version: u32, by: Deleted) -> bool {
        self.users_of(subject, version)
            .any(|(_, user)| by.includes(&user))
    }

    /// The settings of a subject, a context or all contexts, as far as set.
    #[must_use]
    pub fn config(&self, of: &Qualified) -> Option<&Arc<Config>> {
        self.context(&of.context)?.configs.get(of.subject.as_ref())
    }

    /// The mode of a subject, a context or all contexts, as far as set.
    #[must_use]
    pub fn mode(&self, of: &Qualified) -> Option<Mode> {
        self.context(&of.context)?.modes.get(of.subject.as_ref()).copied()
    }

    /// The subjects of a context that have a mode of their own.
    pub fn subjects_with_mode(&self, context: &str) -> impl Iterator<Item = Qualified> {
        let known = self.context(context).into_iter();
        let name: Arc<str> = Arc::from(context);
        known
            .flat_map(|context| context.modes.iter())
            .map(move |(subject, _)| Qualified::new(Arc::clone(&name), Arc::clone(subject)))
    }

    /// The settings of subjects whose names begin so.
    pub(super) fn configs_with(&self, prefix: &Qualified) -> impl Iterator<Item = (Qualified, &Config)> {
        let any = &*prefix.context == ANY_CONTEXT;
        let prefix = prefix.clone();
        let wanted = prefix.context.to_string();
        self.all_contexts()
            .filter(move |(name, _)| any || *name == wanted)
            .flat_map(move |(name, context)| {
                let prefix = Arc::clone(&prefix.subject);
                let from = context.configs.from(&*prefix);
                from.take_while(move |(subject, _)| subject.starts_with(&*prefix))
                    .map(move |(subject, config)| {
                        (Qualified::new(name, Arc::clone(subject)), config.as_ref())
                    })
            })
    }

    /// The parsed schema of an id. The first call for a schema loaded from the store parses it in the caller's thread.
    ///
    /// # Errors
    /// Why a stored text cannot be read any more: a parser became stricter, or a reference is gone.
    pub fn parsed(&self, stored: &Stored) -> Result<Arc<Schema>, ParseError> {
        if let Some(known) = stored.known() {
            return known;
        }
        // References that lead nowhere yet may do so later: only what was parsed with all of them is kept.
        let parsed = references::parse(self, &stored.context, &stored.content)?;
        stored.parsed(|| parsed.map(Arc::new))
    }

    /// The hash of another text of a stored schema, `None` of one that cannot be read.
    pub(super) fn hash_as(&self, stored: &Stored, spelling: Spelling) -> Option<Uuid> {
        self.parsed(stored).ok()?;
        stored.hash_as(spelling)
    }
}
