//! What happens to a schema that somebody wants to register: a decision over a view, nothing written.
//!
//! In this order: the subject's name; a choice of id, which only importers may make; the very same content in the
//! subject already; metadata and rules taken over from the newest version; the same content again; the version asked
//! for; compatibility; and then the next version.
//!
//! Invariant: a [`NewVersion`] is right for the view it was decided on. [`NewVersion::still_holds`] says whether another
//! view would lead to the same decision, and the store's constraints have the last word.

use std::sync::Arc;

use annals_schema_model::Subject;
use uuid::Uuid;

use super::{
    RegistryError,
    candidate::{Candidate, RegisterRequest},
    config::Config,
    lookup, verdict,
    view::{SubjectView, VersionView, View},
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
    /// The subject.
    pub subject: String,
    /// The number it becomes.
    pub version: u32,
    /// The schema.
    pub candidate: Candidate,
    /// The content's hash, with metadata and rules taken over.
    pub guid: Uuid,
    basis: Basis,
}

/// The parts of a view that a decision rests on.
#[derive(Debug)]
struct Basis {
    versions: Option<Arc<SubjectView>>,
    own: Option<Arc<Config>>,
    global: Arc<Config>,
}

impl Basis {
    fn of(view: &View, subject: &str) -> Basis {
        Basis {
            versions: view.subject(subject).cloned(),
            own: view.subject_config(subject).cloned(),
            global: Arc::clone(view.global_config()),
        }
    }
}

impl NewVersion {
    /// Whether nothing this decision rests on is different in another view.
    #[must_use]
    pub fn still_holds(&self, view: &View) -> bool {
        let now = Basis::of(view, &self.subject);
        same(self.basis.versions.as_ref(), now.versions.as_ref())
            && same(self.basis.own.as_ref(), now.own.as_ref())
            && Arc::ptr_eq(&self.basis.global, &now.global)
    }
}

fn same<T>(left: Option<&Arc<T>>, right: Option<&Arc<T>>) -> bool {
    match (left, right) {
        (Some(left), Some(right)) => Arc::ptr_eq(left, right),
        (None, None) => true,
        _ => false,
    }
}

/// Decides a registration.
///
/// # Errors
/// Any refusal of [`RegistryError`] that is not about the store.
pub fn decide(view: &View, subject: &str, request: &RegisterRequest) -> Result<Decision, RegistryError> {
    check_subject(subject)?;
    if let Some(id) = request.id.filter(|id| *id >= 0) {
        return Err(RegistryError::NotPermitted(format!(
            "Subject {subject} is in READWRITE mode, so id {id} cannot be asked for: leave \"id\" out"
        )));
    }
    if let Some(version) = lookup::as_sent(view, subject, request) {
        return Ok(Decision::Existing(version));
    }
    let versions = view.subject(subject);
    let latest = versions
        .and_then(|versions| versions.latest())
        .and_then(|latest| view.schema(latest.id));
    let scope = view.config_in_scope(subject);
    let filled = match latest {
        Some(latest) if request.schema.trim().is_empty() => &RegisterRequest {
            schema: latest.text().to_string(),
            schema_type: Some(latest.schema_type().to_string()),
            references: latest.references().to_vec(),
            ..request.clone()
        },
        _ => request,
    };
    let mut candidate = Candidate::read(view, filled, request.normalize || scope.normalize == Some(true))?;
    if let Some(version) = lookup::same_content(view, subject, &candidate) {
        return Ok(Decision::Existing(version));
    }
    if let Some(latest) = latest {
        let content = &mut candidate.content;
        content.metadata = content.metadata.take().or_else(|| latest.metadata().cloned());
        content.rule_set = content.rule_set.take().or_else(|| latest.rule_set().cloned());
        if let Some(version) = lookup::same_content(view, subject, &candidate) {
            return Ok(Decision::Existing(version));
        }
    }
    next_version(view, subject, request, &scope, candidate)
}

fn next_version(
    view: &View,
    subject: &str,
    request: &RegisterRequest,
    scope: &Config,
    candidate: Candidate,
) -> Result<Decision, RegistryError> {
    let basis = Basis::of(view, subject);
    let version = basis
        .versions
        .as_ref()
        .and_then(|versions| versions.latest())
        .map_or(1, |v| v.version + 1);
    if let Some(asked) = request
        .version
        .filter(|asked| *asked > 0 && *asked != i64::from(version))
    {
        return Err(RegistryError::InvalidSchema(format!(
            "version {asked} of subject {subject} was asked for, but the next version is {version}: leave \"version\" out"
        )));
    }
    let olds: Vec<VersionView> = basis
        .versions
        .as_ref()
        .map_or_else(Vec::new, |versions| versions.versions.values().copied().collect());
    let verdict = verdict::judge(view, scope, &candidate, &olds);
    if !verdict.is_compatible() {
        return Err(RegistryError::Incompatible {
            subject: subject.to_owned(),
            details: verdict.messages,
        });
    }
    let guid = candidate.content.guid();
    Ok(Decision::Write(Box::new(NewVersion {
        subject: subject.to_owned(),
        version,
        candidate,
        guid,
        basis,
    })))
}

/// Checks the name of a subject that is to be written to.
///
/// # Errors
/// [`RegistryError::InvalidSubject`].
pub fn check_subject(subject: &str) -> Result<(), RegistryError> {
    let invalid = |reason: String| RegistryError::InvalidSubject {
        subject: subject.escape_debug().to_string(),
        reason,
    };
    Subject::new(subject).map_err(|error| invalid(error.to_string()))?;
    if subject.starts_with(":.") || subject.starts_with(":*:") {
        return Err(invalid(
            "contexts other than the default one are not supported yet".to_owned(),
        ));
    }
    Ok(())
}
