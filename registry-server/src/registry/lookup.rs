//! Finding what is registered: by version, and by content.

use std::sync::Arc;

use super::{
    RegistryError,
    candidate::{self, Candidate, RegisterRequest},
    content::{self, Content},
    version::VersionSpec,
    view::{Stored, SubjectView, VersionView, View},
};

/// A version of a subject and the schema it stands for.
#[derive(Clone, Debug)]
pub struct Found {
    /// The subject.
    pub subject: String,
    /// The version.
    pub version: VersionView,
    /// The schema.
    pub stored: Arc<Stored>,
}

/// A subject that must be there.
///
/// # Errors
/// [`RegistryError::SubjectNotFound`].
pub fn subject<'a>(view: &'a View, name: &str) -> Result<&'a Arc<SubjectView>, RegistryError> {
    view.subject(name)
        .ok_or_else(|| RegistryError::SubjectNotFound(name.to_owned()))
}

/// A version of a subject.
///
/// # Errors
/// [`RegistryError::SubjectNotFound`] or [`RegistryError::VersionNotFound`].
pub fn version(view: &View, name: &str, spec: VersionSpec) -> Result<Found, RegistryError> {
    let versions = subject(view, name)?;
    let version = match spec {
        VersionSpec::Latest => versions
            .latest()
            .ok_or_else(|| RegistryError::SubjectNotFound(name.to_owned()))?,
        VersionSpec::Number(number) => versions
            .version(number)
            .ok_or_else(|| RegistryError::VersionNotFound(number.to_string()))?,
    };
    found(view, name, version)
}

/// The version of a subject that holds a content.
///
/// A request without metadata and rules says nothing about them: when no version is exactly equal, the newest one with
/// the same text and references is meant. Versions that were registered as they came are found by their normal form,
/// when that is asked for.
///
/// # Errors
/// [`RegistryError::SubjectNotFound`], [`RegistryError::SchemaNotFound`], or the schema is invalid.
pub fn by_content(view: &View, name: &str, request: &RegisterRequest) -> Result<Found, RegistryError> {
    let versions = subject(view, name)?;
    if let Some(version) = as_sent(view, name, request) {
        return found(view, name, version);
    }
    let normalize = request.normalize || view.config_in_scope(name).normalize == Some(true);
    let candidate = Candidate::read(view, request, normalize)?;
    if let Some(version) = same_content(view, name, &candidate) {
        return found(view, name, version);
    }
    if request.metadata.is_none() && request.rule_set.is_none() {
        let newest_first = versions.versions.values().rev();
        let mut same_text = newest_first.filter(|version| means(view, **version, &candidate, normalize));
        if let Some(version) = same_text.next() {
            return found(view, name, *version);
        }
    }
    Err(RegistryError::SchemaNotFound)
}

/// Whether a version has a candidate's text and references; both in normal form, if that was asked for.
fn means(view: &View, version: VersionView, candidate: &Candidate, normalize: bool) -> bool {
    let Some(stored) = view.schema(version.id) else {
        return false;
    };
    let Content {
        schema_type,
        text,
        references,
        ..
    } = &candidate.content;
    if stored.schema_type() != *schema_type || stored.references().len() != references.len() {
        return false;
    }
    let same_references = stored
        .references()
        .iter()
        .all(|reference| references.contains(reference));
    let is_normal_form = || {
        view.parsed(version.id)
            .is_ok_and(|parsed| parsed.normalized() == **text)
    };
    same_references && (stored.text() == text || normalize && is_normal_form())
}

/// The version of a subject that equals a candidate in everything.
pub(super) fn same_content(view: &View, subject: &str, candidate: &Candidate) -> Option<VersionView> {
    let stored = view.schema_by_guid(candidate.content.guid())?;
    if stored.schema_type() != candidate.content.schema_type {
        return None;
    }
    view.version_of(subject, stored.id)
}

/// The version of a subject that equals a request to the byte: clients mostly ask for what is already there, in the
/// form they got it in, and then nothing needs parsing.
pub(super) fn as_sent(view: &View, subject: &str, request: &RegisterRequest) -> Option<VersionView> {
    if request.normalize || view.config_in_scope(subject).normalize == Some(true) {
        return None;
    }
    let references = candidate::pinned(view, request).ok()?;
    let guid = content::guid_of(
        &request.schema,
        &references,
        request.metadata.as_ref(),
        request.rule_set.as_ref(),
    );
    let stored = view.schema_by_guid(guid)?;
    if stored.schema_type() != candidate::schema_type_of(request).ok()? {
        return None;
    }
    view.version_of(subject, stored.id)
}

pub(super) fn found(view: &View, name: &str, version: VersionView) -> Result<Found, RegistryError> {
    let stored = view
        .schema(version.id)
        .ok_or_else(|| RegistryError::SchemaUnknown(version.id.to_string()))?;
    Ok(Found {
        subject: name.to_owned(),
        version,
        stored: Arc::clone(stored),
    })
}
