//! Finding what is registered: by version, and by content.

use std::sync::Arc;

use super::{
    RegistryError,
    candidate::{self, Candidate, RegisterRequest},
    content::{self, Content, Identity},
    context::{Deleted, SubjectView, VersionView},
    contract::Metadata,
    name::Qualified,
    stored::{Spelling, Stored},
    version::VersionSpec,
    view::View,
};

/// A version of a subject and the schema it stands for.
#[derive(Clone, Debug)]
pub struct Found {
    /// The subject.
    pub subject: Qualified,
    /// The version.
    pub version: VersionView,
    /// The schema.
    pub stored: Arc<Stored>,
}

/// A subject that must be there and have versions of the kind asked for.
///
/// # Errors
/// [`RegistryError::SubjectNotFound`].
pub fn subject<'a>(
    view: &'a View,
    name: &Qualified,
    deleted: Deleted,
) -> Result<&'a Arc<SubjectView>, RegistryError> {
    view.subject(name)
        .filter(|subject| subject.listed(deleted).next().is_some())
        .ok_or_else(|| RegistryError::SubjectNotFound(name.to_string()))
}

/// A version of a subject.
///
/// # Errors
/// [`RegistryError::SubjectNotFound`] or [`RegistryError::VersionNotFound`].
pub fn version(
    view: &View,
    name: &Qualified,
    spec: VersionSpec,
    deleted: Deleted,
) -> Result<Found, RegistryError> {
    let versions = subject(view, name, deleted)?;
    let version = match spec {
        VersionSpec::Latest => versions
            .listed(deleted)
            .next_back()
            .copied()
            .ok_or_else(|| RegistryError::SubjectNotFound(name.to_string()))?,
        VersionSpec::Number(number) => versions
            .version(number)
            .filter(|version| deleted.includes(version))
            .ok_or_else(|| RegistryError::VersionNotFound(number.to_string()))?,
    };
    found(view, name, version)
}

/// The newest version of a subject whose metadata has all of some properties.
///
/// # Errors
/// [`RegistryError::SubjectNotFound`] or [`RegistryError::SchemaNotFound`].
pub fn by_metadata(
    view: &View,
    name: &Qualified,
    properties: &[(String, String)],
    deleted: Deleted,
) -> Result<Found, RegistryError> {
    let has_all = |metadata: &Metadata| {
        properties
            .iter()
            .all(|(key, value)| metadata.properties.get(key) == Some(value))
    };
    let newest_first = subject(view, name, deleted)?.listed(deleted).rev();
    let mut matching = newest_first.filter(|version| {
        let stored = view.schema_in(&name.context, version.id);
        stored.is_some_and(|stored| properties.is_empty() || stored.metadata().is_some_and(has_all))
    });
    match matching.next() {
        Some(version) => found(view, name, *version),
        None => Err(RegistryError::SchemaNotFound),
    }
}

/// The version of a subject that holds a content.
///
/// A request without metadata and rules says nothing about them: when no version is exactly equal, the newest one that
/// means the same is found. Versions that were registered as they came are found by their normal form, when that is
/// asked for; an Avro text with its references written out is found under the text that refers.
///
/// # Errors
/// [`RegistryError::SubjectNotFound`], [`RegistryError::SchemaNotFound`], or the schema is invalid.
///
/// A look-up is no registration: what is looked for may rest on soft-deleted versions.
pub fn by_content(
    view: &View,
    name: &Qualified,
    request: &RegisterRequest,
    deleted: Deleted,
) -> Result<Found, RegistryError> {
    let versions = subject(view, name, deleted)?;
    if request.lacks_schema() {
        // A look-up takes nothing over from anywhere: nobody registered nothing.
        return Err(RegistryError::SchemaNotFound);
    }
    let normalize = request.normalizes(view, name);
    let as_sent = || as_sent(view, name, request).filter(|version| deleted.includes(version));
    if let Some(version) = as_sent().filter(|_| !normalize) {
        return found(view, name, version);
    }
    let candidate = match Candidate::read(view, &name.context, request, normalize, Deleted::With) {
        Ok(candidate) => candidate,
        // What has no normal form because it cannot be read is what was sent.
        Err(error) => return as_sent().map_or(Err(error), |version| found(view, name, version)),
    };
    let same = same_content(view, name, &candidate);
    if let Some(version) = same.filter(|version| deleted.includes(version)) {
        return found(view, name, version);
    }
    let mut newest_first = versions.listed(deleted).rev();
    match newest_first.find(|version| means(view, name, **version, &candidate, normalize)) {
        Some(version) => found(view, name, *version),
        None => Err(RegistryError::SchemaNotFound),
    }
}

/// Whether a version stands for what a candidate says.
pub(super) fn means(
    view: &View,
    name: &Qualified,
    version: VersionView,
    candidate: &Candidate,
    normalize: bool,
) -> bool {
    let Some(stored) = view.schema_in(&name.context, version.id) else {
        return false;
    };
    let Content {
        schema_type,
        references,
        metadata,
        rule_set,
        ..
    } = &candidate.content;
    let same_contract = |stored: &Stored| {
        metadata
            .as_ref()
            .is_none_or(|asked| stored.metadata().is_some_and(|has| asked.same_but_version(has)))
            && rule_set
                .as_ref()
                .is_none_or(|asked| stored.rule_set() == Some(asked))
    };
    if stored.schema_type() != *schema_type || !same_contract(stored) {
        return false;
    }
    let is_written_out = references.is_empty() && !stored.references().is_empty();
    let is_resolved = || {
        let asked = candidate.hash_written_out();
        asked.is_some() && view.hash_as(stored, Spelling::WrittenOut) == asked
    };
    let same_references = || {
        stored.references().len() == references.len()
            && stored
                .references()
                .iter()
                .all(|reference| references.contains(reference))
    };
    same_references() && same_text(view, stored, candidate, normalize) || is_written_out && is_resolved()
}

/// Whether two texts are layouts of one schema, or with `normalize` have one normal form.
fn same_text(view: &View, stored: &Stored, candidate: &Candidate, normalize: bool) -> bool {
    stored.text() == &candidate.content.text
        || stored.form() == candidate.form_within(&stored.content)
        || normalize && view.hash_as(stored, Spelling::Normal) == Some(candidate.text_hash())
}

/// The version of a subject that equals a candidate in everything but its layout.
pub(super) fn same_content(view: &View, subject: &Qualified, candidate: &Candidate) -> Option<VersionView> {
    let schema_type = candidate.content.schema_type;
    let exact = version_with(view, subject, (candidate.exact(), schema_type));
    exact.or_else(|| version_with(view, subject, (candidate.form(), schema_type)))
}

/// The version of a subject that is found by a hash.
fn version_with(view: &View, subject: &Qualified, hash: Identity) -> Option<VersionView> {
    let mut found = view.context(&subject.context)?.served(hash);
    found.find_map(|stored| view.version_of(subject, stored.id))
}

/// The version of a subject that equals a request to the byte: clients mostly ask for what is already there, in the
/// form they got it in, and then nothing needs parsing.
pub(super) fn as_sent(view: &View, subject: &Qualified, request: &RegisterRequest) -> Option<VersionView> {
    let references = candidate::pinned(view, &subject.context, request, Deleted::With).ok()?;
    let exact = content::hash_of(
        &request.schema,
        &references,
        request.metadata.as_ref(),
        request.rule_set.as_ref(),
    );
    version_with(view, subject, (exact, request.schema_type().ok()?))
}

/// A version with the schema it stands for.
///
/// # Errors
/// [`RegistryError::SchemaUnknown`].
pub fn found(view: &View, name: &Qualified, version: VersionView) -> Result<Found, RegistryError> {
    let stored = view
        .schema_in(&name.context, version.id)
        .ok_or_else(|| RegistryError::SchemaUnknown(version.id.to_string()))?;
    Ok(Found {
        subject: name.clone(),
        version,
        stored: Arc::clone(stored),
    })
}
