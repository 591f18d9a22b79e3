//! What happens to a schema that somebody wants to register: a decision over a view, nothing written.
//!
//! In this order: the subject's name; the very same content in the subject already; the mode; metadata and rules taken
//! over from the newest version, with the settings' defaults under and overrides over them; the same meaning again; the
//! version asked for; compatibility; and then the next version. In IMPORT mode the schema comes with its id and is taken
//! as it is.
//!
//! Invariant: a [`NewVersion`] is right for the view it was decided on. [`NewVersion::changes`] works on any view that
//! shows the same to the decision, and says so when one does not.

use std::sync::Arc;

use annals_schema_model::SchemaId;

use super::{
    Deleted, RegistryError,
    candidate::{Candidate, RegisterRequest},
    change::Change,
    config::Config,
    content::Content,
    context::{Identity, SubjectView, VersionState, VersionView},
    contract::{Metadata, RuleSet},
    import, lookup,
    mode::Mode,
    name::{GLOBAL_CONTEXT, Qualified},
    view::View,
};

/// What is to be done.
#[derive(Debug)]
pub enum Decision {
    /// The subject holds it already.
    Existing(VersionView),
    /// It becomes a new version.
    Write(Box<NewVersion>),
}

/// A version that is to be written.
#[derive(Debug)]
pub struct NewVersion {
    subject: Qualified,
    version: u32,
    candidate: Candidate,
    content: Identity,
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
}

impl Basis {
    fn of(view: &View, subject: &Qualified) -> Basis {
        let context = Qualified::context_itself(&subject.context);
        let global = Qualified::context_itself(GLOBAL_CONTEXT);
        Basis {
            versions: view.subject(subject).cloned(),
            configs: [subject, &context, &global].map(|scope| view.config(scope).cloned()),
            mode: view.mode_in_scope(subject),
        }
    }

    fn holds(&self, view: &View, subject: &Qualified) -> bool {
        let now = Basis::of(view, subject);
        let configs = self.configs.iter().zip(&now.configs);
        same(self.versions.as_ref(), now.versions.as_ref())
            && configs
                .into_iter()
                .all(|(then, now)| same(then.as_ref(), now.as_ref()))
            && self.mode == now.mode
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
    /// The decision that a candidate becomes a version; `id` is the one an importer brings.
    pub(super) fn decided(
        view: &View,
        subject: &Qualified,
        version: u32,
        candidate: Candidate,
        id: Option<SchemaId>,
    ) -> Decision {
        Decision::Write(Box::new(NewVersion {
            content: candidate.content.identity(),
            subject: subject.clone(),
            version,
            candidate,
            id,
            basis: Basis::of(view, subject),
        }))
    }

    /// The changes that write this version, and the version they make; `None` when the view shows something else than
    /// the one it was decided on.
    #[must_use]
    pub fn changes(&self, view: &View, now_ms: i64) -> Option<(Vec<Change>, VersionView)> {
        let name = &self.subject;
        let context = view.context(&name.context);
        let references = &self.candidate.content.references;
        let leads_somewhere = || super::references::pin(view, &name.context, references).is_ok();
        if !self.basis.holds(view, name) || self.id.is_none() && !leads_somewhere() {
            return None;
        }
        let taken = |id| is_taken(view, &name.context, id, self.content);
        if check_type(view, &name.context, self.content).is_err() || self.id.is_some_and(taken) {
            return None;
        }
        let served = context.and_then(|context| context.served(self.content));
        let retired = context.and_then(|context| context.retired(self.content));
        let known = served.or(retired.filter(|retired| self.id.is_none_or(|id| id == retired.id)));
        let last_id = context.map_or(0, |context| context.last_id);
        let id = match (known, self.id) {
            (Some(known), _) => known.id,
            (None, Some(id)) => id,
            (None, None) => SchemaId::new(last_id + 1)?,
        };
        let mut changes = Vec::with_capacity(3);
        if served.is_none() {
            changes.push(Change::Context {
                name: Arc::clone(&name.context),
                last_id: last_id.max(id.get()),
                removed: false,
            });
            changes.push(Change::Schema {
                context: Arc::clone(&name.context),
                id,
                guid: self.content.0,
                content: Arc::new(self.candidate.content.clone()),
                text_sent: self.candidate.text_sent.clone(),
                registered_ms: known.map_or(now_ms, |known| known.registered_ms),
                retired: false,
            });
        }
        if self.id.is_none() {
            changes.extend(self.replaced(view, id));
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

    /// The schema that was parsed on the way, if any.
    #[must_use]
    pub fn parsed(&self) -> Option<&Arc<annals_schema_model::Schema>> {
        self.candidate.parsed.as_ref()
    }
}

/// Decides a registration.
///
/// # Errors
/// Any refusal of [`RegistryError`] that is not about the store.
pub fn decide(
    view: &View,
    subject: &Qualified,
    request: &RegisterRequest,
) -> Result<Decision, RegistryError> {
    subject.check()?;
    let existing = lookup::as_sent(view, subject, request).filter(VersionView::is_live);
    if let Some(version) = existing.filter(|version| is_asked_for(request, *version)) {
        return Ok(Decision::Existing(version));
    }
    if let Err(refused) = check_mode(view, subject, request) {
        // What is there already is answered in any mode.
        return match lookup::by_content(view, subject, request, Deleted::Without) {
            Ok(found) if is_asked_for(request, found.version) => Ok(Decision::Existing(found.version)),
            _ => Err(refused),
        };
    }
    if view.mode_in_scope(subject).is_import() {
        return import::decide(view, subject, request);
    }
    let versions = view.subject(subject);
    let next = versions.map_or(1, |versions| versions.next_version());
    check_number(next)?;
    let scope = view.config_in_scope(subject);
    let candidate = filled(view, subject, &scope, next, request)?;
    let normalize = request.normalizes(view, subject);
    let same = lookup::same_content(view, subject, &candidate.content).filter(VersionView::is_live);
    let same = same.or_else(|| {
        let mut newest_first = versions.into_iter().flat_map(|versions| versions.live().rev());
        newest_first
            .find(|version| lookup::means(view, subject, **version, &candidate, normalize))
            .copied()
    });
    if let Some(version) = same {
        return Ok(Decision::Existing(version));
    }
    if let Some(asked) = request.asked_version().filter(|asked| *asked != i64::from(next)) {
        return Err(RegistryError::InvalidSchema(format!(
            "version {asked} of subject {subject} was asked for, but the next version is {next}: leave \"version\" out"
        )));
    }
    check_type(view, &subject.context, candidate.content.identity())?;
    if !request.force {
        check_compatible(view, subject, &scope, &candidate)?;
    }
    Ok(NewVersion::decided(view, subject, next, candidate, None))
}

/// What is to be registered: the request's schema with everything it leaves to the newest version and to the settings.
fn filled(
    view: &View,
    subject: &Qualified,
    scope: &Config,
    next: u32,
    request: &RegisterRequest,
) -> Result<Candidate, RegistryError> {
    let latest = view
        .subject(subject)
        .and_then(|versions| versions.latest())
        .and_then(|latest| view.schema_in(&subject.context, latest.id));
    let copied = latest.filter(|_| request.lacks_schema()).map(|latest| {
        let mut copied = request.clone();
        copied.take_schema_of(latest);
        copied
    });
    let request = copied.as_ref().unwrap_or(request);
    let mut candidate = Candidate::read(view, &subject.context, request, request.normalizes(view, subject))?;
    let Content {
        metadata, rule_set, ..
    } = &mut candidate.content;
    let own = |given: Option<Metadata>| given.or_else(|| latest?.metadata().cloned());
    *metadata = scope.with_metadata(own(metadata.take()));
    let own = |given: Option<RuleSet>| given.or_else(|| latest?.rule_set().cloned());
    *rule_set = scope.with_rule_set(own(rule_set.take()));
    if request.version == Some(-1) {
        metadata.get_or_insert_default().set_version(next);
    }
    Ok(candidate)
}

fn check_compatible(
    view: &View,
    subject: &Qualified,
    scope: &Config,
    candidate: &Candidate,
) -> Result<(), RegistryError> {
    let olds: Vec<VersionView> = view
        .subject(subject)
        .map_or_else(Vec::new, |versions| versions.live().copied().collect());
    let verdict = view.verdicts().judge(view, subject, scope, candidate, &olds);
    if verdict.is_compatible() {
        return Ok(());
    }
    Err(RegistryError::Incompatible {
        subject: subject.to_string(),
        details: verdict.messages,
    })
}

/// Whether an existing version satisfies the id and version a request names.
fn is_asked_for(request: &RegisterRequest, version: VersionView) -> bool {
    request
        .asked_id()
        .is_none_or(|id| id == i64::from(version.id.get()))
        && request
            .asked_version()
            .is_none_or(|asked| asked == i64::from(version.version))
}

fn check_mode(view: &View, subject: &Qualified, request: &RegisterRequest) -> Result<(), RegistryError> {
    let mode = view.mode_in_scope(subject);
    check_writable(view, subject)?;
    let refused = match (request.asked_id(), mode.is_import()) {
        (Some(_), true) | (None, false) => return Ok(()),
        (Some(id), false) => format!(
            "Subject {subject} is not in import mode, so id {id} cannot be asked for: leave \"id\" out, or PUT /mode/{subject} IMPORT"
        ),
        (None, true) => format!(
            "Subject {subject} is in {mode} mode, where every schema comes with its \"id\": send it, or PUT /mode/{subject} READWRITE"
        ),
    };
    Err(RegistryError::NotPermitted(refused))
}

/// Whether the mode in force lets anything be written.
///
/// # Errors
/// [`RegistryError::NotPermitted`].
pub(super) fn check_writable(view: &View, of: &Qualified) -> Result<(), RegistryError> {
    if view.mode_in_scope(of).is_read_only() {
        let shown = if of.is_context() {
            format!("Context {}", of.context)
        } else {
            format!("Subject {of}")
        };
        return Err(RegistryError::NotPermitted(format!(
            "{shown} is in read-only mode"
        )));
    }
    Ok(())
}

/// Whether an importer's id stands for something else by now, or its content has another id.
fn is_taken(view: &View, context: &str, id: SchemaId, content: Identity) -> bool {
    let known = view.context(context).and_then(|context| context.served(content));
    view.schema_in(context, id)
        .is_some_and(|taken| taken.identity() != content)
        || known.is_some_and(|known| known.id != id)
}

/// Versions are signed 32-bit numbers to clients.
pub(super) fn check_number(version: u32) -> Result<(), RegistryError> {
    i32::try_from(version)
        .map(drop)
        .map_err(|_| RegistryError::InvalidVersion(version.to_string()))
}

/// A content's hash does not say its type, so one text cannot stand for two types in a context.
pub(super) fn check_type(view: &View, context: &str, content: Identity) -> Result<(), RegistryError> {
    let (guid, schema_type) = content;
    let served = view
        .context(context)
        .and_then(|context| context.schema_by_guid(guid));
    let Some(other) = served.filter(|served| served.schema_type() != schema_type) else {
        return Ok(());
    };
    Err(RegistryError::InvalidSchema(format!(
        "this text is registered as {} under id {}, so it cannot be registered as {schema_type}; give it metadata of its own, or delete the other permanently",
        other.schema_type(),
        other.id,
    )))
}
