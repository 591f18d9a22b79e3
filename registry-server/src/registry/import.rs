//! Registering in IMPORT mode: a schema comes with its id, perhaps with its version, and is taken as it is.
//!
//! What an id stands for here stays what it is: the same content under another id, or another content under the same id,
//! is refused.

use annals_schema_model::SchemaId;

use super::{
    RegistryError,
    candidate::{Candidate, RegisterRequest},
    name::Qualified,
    register::{Decision, NewVersion, check_number, check_type},
    view::View,
};

/// Decides an import.
///
/// # Errors
/// Any refusal of [`RegistryError`] that is not about the store.
pub(super) fn decide(
    view: &View,
    subject: &Qualified,
    request: &RegisterRequest,
) -> Result<Decision, RegistryError> {
    let candidate = Candidate::imported(request)?;
    let content = candidate.content.identity();
    check_type(view, &subject.context, content)?;
    let asked = request.asked_id().unwrap_or_default();
    let id = u32::try_from(asked).ok().and_then(SchemaId::new).ok_or_else(|| {
        RegistryError::InvalidSchema(format!("{asked} is not a schema id: ids are 1 to 2^31-1"))
    })?;
    let taken = view.schema_in(&subject.context, id);
    if taken.is_some_and(|taken| taken.identity() != content) {
        return Err(RegistryError::NotPermitted(format!(
            "Overwrite new schema with id {id} in context {} is not permitted.",
            subject.context
        )));
    }
    let context = view.context(&subject.context);
    let known = context.and_then(|context| context.served(content));
    if let Some(known) = known.filter(|known| known.id != id) {
        return Err(RegistryError::IdDoesNotMatch {
            asked: id,
            known: known.id,
        });
    }
    let versions = view.subject(subject);
    let version = match request.asked_version() {
        Some(asked) => u32::try_from(asked).map_err(|_| RegistryError::InvalidVersion(asked.to_string()))?,
        None => versions.map_or(1, |versions| versions.next_version()),
    };
    check_number(version)?;
    let there = versions.and_then(|versions| versions.version(version));
    match there {
        Some(there) if there.id == id && there.is_live() => return Ok(Decision::Existing(there)),
        Some(there) if there.id != id => {
            return Err(RegistryError::NotPermitted(format!(
                "Version {version} of subject {subject} is schema id {} already; delete it before id {id} takes its place",
                there.id
            )));
        }
        _ => {}
    }
    Ok(NewVersion::decided(view, subject, version, candidate, Some(id)))
}
