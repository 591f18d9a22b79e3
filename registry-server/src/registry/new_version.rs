//! A version that is to be written: what a decision came to, and whether it still holds.
//!
//! Invariant: a [`NewVersion`] is right for the view it was decided on. [`NewVersion::changes`] works on any view that
//! shows the same to the decision, and says so when one does not.

use std::sync::Arc;

use annals_schema_model::{ParseError, Reference, Schema, SchemaId};
use uuid::Uuid;

use super::{
    Deleted, RegistryError,
    candidate::Candidate,
    change::Change,
    config::Config,
    content::{Identity, apart},
    context::{SubjectView, VersionState, VersionView},
    delete,
    mode::Mode,
    name::{GLOBAL_CONTEXT, Qualified},
    references::{self, ReferenceError},
    register::Decision,
    stored::Stored,
    view::View,
};

/// A version that is to be written.
#[derive(Debug)]
pub struct NewVersion {
    subject: Qualified,
    version: u32,
    candidate: Candidate,
    hashes: Hashes,
    /// What it is given out under where that is free: the form, or what an importer brings.
    guid: Identity,
    /// The id an importer brings.
    id: Option<SchemaId>,
    basis: Basis,
}

/// The parts of a view that a decision rests on.
#[derive(Debug)]
struct Basis {
    versions: Option<Arc<SubjectView>>,
    configs: [Option<Arc<Config>>; 3],
    mode: Mode,
    references: Standing,
}

/// What references stand for, all the way down; the error is that one leads nowhere.
type Standing = Result<Vec<Arc<Stored>>, ReferenceError>;

impl Basis {
    fn of(view: &View, subject: &Qualified, references: &[Reference]) -> Basis {
        let context = Qualified::context_itself(&subject.context);
        let global = Qualified::context_itself(GLOBAL_CONTEXT);
        Basis {
            versions: view.subject(subject).cloned(),
            configs: [subject, &context, &global].map(|scope| view.config(scope).cloned()),
            mode: view.mode_in_scope(subject),
            references: standing(view, subject, references),
        }
    }

    fn holds(&self, view: &View, subject: &Qualified, references: &[Reference]) -> bool {
        let now = Basis::of(view, subject, references);
        let configs = self.configs.iter().zip(&now.configs);
        same(self.versions.as_ref(), now.versions.as_ref())
            && configs
                .into_iter()
                .all(|(then, now)| same(then.as_ref(), now.as_ref()))
            && self.mode == now.mode
            && is_same_standing(&self.references, &now.references)
    }
}

fn standing(view: &View, subject: &Qualified, references: &[Reference]) -> Standing {
    let followed = references::follow(view, &subject.context, references)?;
    Ok(followed
        .into_iter()
        .map(|(_, stored)| Arc::clone(stored))
        .collect())
}

fn is_same_standing(then: &Standing, now: &Standing) -> bool {
    match (then, now) {
        (Ok(then), Ok(now)) => {
            let mut both = then.iter().zip(now);
            then.len() == now.len() && both.all(|(then, now)| Arc::ptr_eq(then, now))
        }
        (then, now) => then.as_ref().err() == now.as_ref().err(),
    }
}

fn same<T>(left: Option<&Arc<T>>, right: Option<&Arc<T>>) -> bool {
    match (left, right) {
        (Some(left), Some(right)) => Arc::ptr_eq(left, right),
        (None, None) => true,
        _ => false,
    }
}

impl NewVersion {
    /// The decision that a candidate becomes a version; `imported` is the id and the guid an importer brings.
    pub(super) fn decided(
        view: &View,
        subject: &Qualified,
        version: u32,
        candidate: Candidate,
        imported: Option<(SchemaId, Identity)>,
    ) -> Decision {
        let hashes = Hashes::of(&candidate);
        Decision::Write(Box::new(NewVersion {
            guid: imported.map_or(hashes.form, |(_, guid)| guid),
            hashes,
            subject: subject.clone(),
            version,
            id: imported.map(|(id, _)| id),
            basis: Basis::of(view, subject, &candidate.content.references),
            candidate,
        }))
    }

    /// The changes that write this version, and the version they make; `None` when the view shows something else than
    /// the one it was decided on.
    #[must_use]
    pub fn changes(&self, view: &View, now_ms: i64) -> Option<(Vec<Change>, VersionView)> {
        let name = &self.subject;
        let context = view.context(&name.context);
        let references = &self.candidate.content.references;
        let leads_somewhere = || references::pin(view, &name.context, references, Deleted::Without).is_ok();
        if !self.basis.holds(view, name, references) || self.id.is_none() && !leads_somewhere() {
            return None;
        }
        let taken = |id| self.hashes.is_taken(view, &name.context, id);
        if self.id.is_some_and(taken) {
            return None;
        }
        let guid = free_guid(view, &name.context, self.guid).ok()?;
        let served = context.and_then(|context| self.known(|hash| context.served(hash)));
        let retired = context.and_then(|context| self.known(|hash| context.retired(hash)));
        // What is registered again is served as it was first sent; what is imported, as the importer has it.
        let retired = retired.filter(|retired| self.id.is_none() || retired.exact == self.hashes.exact.0);
        // Its guid may have been given to another meanwhile, by an earlier version of this program to another type.
        let is_free = |retired: &&Arc<Stored>| {
            let identity = retired.identity();
            !is_anothers(view, &name.context, identity, retired.id)
                && context.is_none_or(|context| !context.serves_as_another_type(identity))
        };
        let known = served.or(retired.filter(is_free));
        let last_id = context.map_or(0, |context| context.last_id);
        let id = match (known, self.id) {
            (Some(known), _) => known.id,
            (None, Some(id)) => id,
            (None, None) => SchemaId::new(last_id + 1)?,
        };
        if known.is_none() && is_anothers(view, &name.context, guid, id) {
            return None;
        }
        let mut changes = Vec::with_capacity(3);
        if served.is_none() {
            changes.push(Change::Context {
                name: Arc::clone(&name.context),
                last_id: last_id.max(id.get()),
                removed: false,
            });
            changes.push(match known {
                Some(known) => known.to_change(false),
                None => self.schema(id, guid, now_ms),
            });
        }
        if let Some(served) = served.filter(|served| served.lacks_form()) {
            // A reference was missing when it came.
            let form = self.form();
            changes.extend(form.map(|form| served.with_form(form).to_change(false)));
        }
        if self.id.is_none() {
            changes.extend(self.replaced(view, id));
        } else {
            changes.extend(delete::retired_by(view, name, self.version, id));
        }
        let version = VersionView {
            version: self.version,
            id,
            registered_ms: now_ms,
            state: VersionState::Live,
        };
        changes.push(Change::Version {
            of: name.clone(),
            version,
        });
        Some((changes, version))
    }

    /// The first schema that is found by the exact hash, then by the form; an importer means the one with its id.
    fn known<'a, I: Iterator<Item = &'a Arc<Stored>>>(
        &self,
        mut find: impl FnMut(Identity) -> I,
    ) -> Option<&'a Arc<Stored>> {
        let Hashes { exact, form } = self.hashes;
        let mut found = find(exact).chain(find(form));
        found.find(|stored| self.id.is_none_or(|id| id == stored.id))
    }

    fn schema(&self, id: SchemaId, guid: Identity, now_ms: i64) -> Change {
        let Candidate { content, printed, .. } = &self.candidate;
        let printed = printed.as_ref().unwrap_or(&content.text);
        Change::Schema {
            context: Arc::clone(&self.subject.context),
            id,
            guid: guid.0,
            form: self.form(),
            content: Arc::new(content.clone()),
            printed: Some(printed).filter(|_| guid != self.hashes.exact).cloned(),
            registered_ms: now_ms,
            retired: false,
        }
    }

    /// The hash of the printed form; nobody knows it as long as a reference leads nowhere.
    fn form(&self) -> Option<Uuid> {
        self.basis.references.is_ok().then_some(self.hashes.form.0)
    }

    /// A soft-deleted version of the same schema gives way to the new one, unless somebody refers to it.
    fn replaced<'a>(&'a self, view: &'a View, id: SchemaId) -> impl Iterator<Item = Change> + 'a {
        let all = view
            .subject(&self.subject)
            .map_or(&[][..], |subject| subject.all());
        let same = all
            .iter()
            .filter(move |version| version.id == id && !version.is_live());
        same.filter(|version| !view.is_referred_to(&self.subject, version.version, Deleted::With))
            .map(|version| Change::Version {
                of: self.subject.clone(),
                version: VersionView {
                    state: VersionState::Gone,
                    ..*version
                },
            })
    }

    /// Whether a view still shows what the schema was parsed with.
    #[must_use]
    pub fn is_parsed_with(&self, view: &View) -> bool {
        let now = standing(view, &self.subject, &self.candidate.content.references);
        is_same_standing(&self.basis.references, &now)
    }

    /// The schema as it was parsed on the way; an imported one may be unreadable.
    pub fn parsed(&self) -> &Result<Arc<Schema>, ParseError> {
        &self.candidate.parsed
    }
}

/// The hashes a candidate is known by.
#[derive(Clone, Copy, Debug)]
pub(super) struct Hashes {
    pub(super) exact: Identity,
    pub(super) form: Identity,
}

impl Hashes {
    pub(super) fn of(candidate: &Candidate) -> Hashes {
        let schema_type = candidate.content.schema_type;
        Hashes {
            exact: (candidate.exact(), schema_type),
            form: (candidate.form(), schema_type),
        }
    }

    /// Whether an id stands for another schema: one that has neither the very text nor the form.
    pub(super) fn is_other(self, view: &View, context: &str, id: SchemaId) -> bool {
        view.schema_in(context, id).is_some_and(|taken| {
            let is = |hash| (hash, taken.schema_type());
            is(taken.exact) != self.exact && is(taken.form()) != self.form
        })
    }

    /// The id that stands for the very text, if it is not the one given.
    pub(super) fn other_id(self, view: &View, context: &str, id: SchemaId) -> Option<SchemaId> {
        let mut known = view.context(context)?.served(self.exact);
        known.find(|known| known.id != id).map(|known| known.id)
    }

    fn is_taken(self, view: &View, context: &str, id: SchemaId) -> bool {
        self.is_other(view, context, id) || self.other_id(view, context, id).is_some()
    }
}

/// Whether a guid stands for another id.
pub(super) fn is_anothers(view: &View, context: &str, guid: Identity, id: SchemaId) -> bool {
    let served = view.context(context).and_then(|context| context.with_guid(guid));
    served.is_some_and(|served| served.id != id)
}

/// A guid, or the one in its place where it stands for another type.
///
/// # Errors
/// [`RegistryError::InvalidSchema`] when that is taken as well, which no two texts come to that were not made for it.
pub(super) fn free_guid(view: &View, context: &str, guid: Identity) -> Result<Identity, RegistryError> {
    let is_free = |guid: &Identity| {
        let context = view.context(context);
        context.is_none_or(|context| !context.is_another_types(*guid))
    };
    let mut both = [guid, apart(guid)].into_iter();
    both.find(is_free).ok_or_else(|| {
        let taken =
            format!("both guids of this text stand for other types in context {context}; change its text");
        RegistryError::InvalidSchema(taken)
    })
}
