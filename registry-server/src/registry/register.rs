//! What happens to a schema that somebody wants to register: a decision over a view, nothing written.
//!
//! In this order: the subject's name; the very same content in the subject already; the mode; metadata and rules taken
//! over from the newest version, with the settings' defaults under and overrides over them; the same meaning again; the
//! version asked for; compatibility; and then the next version. In IMPORT mode the schema comes with its id and is taken
//! as it is.

use annals_schema_model::Policy;

use super::{
    Deleted, RegistryError,
    candidate::{Candidate, RegisterRequest},
    config::Config,
    content::Content,
    context::VersionView,
    contract::{Metadata, RuleSet},
    import, lookup,
    name::Qualified,
    new_version::{Hashes, NewVersion, free_guid},
    references,
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
    let as_sent = || lookup::as_sent(view, subject, request).filter(VersionView::is_live);
    let existing = (!request.normalizes(view, subject)).then(as_sent).flatten();
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
    if let Some(version) = held(view, subject, &candidate, normalize) {
        return Ok(Decision::Existing(version));
    }
    if let Some(asked) = request.asked_version().filter(|asked| *asked != i64::from(next)) {
        return Err(RegistryError::InvalidSchema(format!(
            "version {asked} of subject {subject} was asked for, but the next version is {next}: leave \"version\" out"
        )));
    }
    check_new(view, subject, &candidate, scope.standard().policy)?;
    free_guid(view, &subject.context, Hashes::of(&candidate).form)?;
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
    let normalize = request.normalizes(view, subject);
    let mut candidate = Candidate::read(view, &subject.context, request, normalize, Deleted::With)?;
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

/// The live version of a subject that is what a candidate says.
pub(super) fn held(
    view: &View,
    subject: &Qualified,
    candidate: &Candidate,
    normalize: bool,
) -> Option<VersionView> {
    let same = lookup::same_content(view, subject, candidate).filter(VersionView::is_live);
    same.or_else(|| {
        let mut newest_first = view.subject(subject)?.live().rev();
        newest_first
            .find(|version| lookup::means(view, subject, **version, candidate, normalize))
            .copied()
    })
}

/// What a subject that does not hold a candidate asks of it, before it is compared with anything: more than being found
/// does. What is new rests on live versions alone.
///
/// # Errors
/// [`RegistryError::InvalidSchema`].
pub(super) fn check_new(
    view: &View,
    subject: &Qualified,
    candidate: &Candidate,
    policy: Policy,
) -> Result<(), RegistryError> {
    let references = &candidate.content.references;
    references::pin(view, &subject.context, references, Deleted::Without)
        .map_err(|error| RegistryError::InvalidSchema(error.to_string()))?;
    candidate.check_new(policy)
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

/// Versions are signed 32-bit numbers to clients.
pub(super) fn check_number(version: u32) -> Result<(), RegistryError> {
    i32::try_from(version)
        .map(drop)
        .map_err(|_| RegistryError::InvalidVersion(version.to_string()))
}
