//! Registering in IMPORT mode: a schema comes with its id, perhaps with its version, and is taken as it is.
//!
//! What another registry once took is taken, be it readable here or not. What an id stands for here stays what it is: the
//! very same text under another id, or another schema under the same id, is refused; another layout of a schema under an
//! id of its own is not (see `content.rs`). A version that is there with another id is replaced, and the schema it stood
//! for goes out of service when no other version stands for it.

use annals_schema_model::{SchemaId, SchemaType};

use super::{
    RegistryError,
    candidate::{Candidate, RegisterRequest},
    content::apart,
    name::Qualified,
    new_version::{Hashes, NewVersion, free_guid, is_anothers},
    register::{Decision, check_number},
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
    let context = &*subject.context;
    let candidate = Candidate::imported(view, context, request)?;
    let hashes = Hashes::of(&candidate);
    // Of what can be a schema's guid, what the other registry gave out: the hash of the text, unless it says otherwise.
    let possible = [hashes.form, apart(hashes.form), apart(hashes.exact)];
    let brought = possible.into_iter().find(|(guid, _)| request.guid == Some(*guid));
    let guid = brought.unwrap_or(hashes.exact);
    let asked = request.asked_id().unwrap_or_default();
    let id = u32::try_from(asked).ok().and_then(SchemaId::new).ok_or_else(|| {
        RegistryError::InvalidSchema(format!("{asked} is not a schema id: ids are 1 to 2^31-1"))
    })?;
    if hashes.is_other(view, context, id) {
        return Err(RegistryError::NotPermitted(format!(
            "Overwrite new schema with id {id} in context {context} is not permitted."
        )));
    }
    if let Some(known) = hashes.other_id(view, context, id) {
        return Err(RegistryError::IdDoesNotMatch { asked: id, known });
    }
    // One that stands for another id here is not given out twice, and Avro's is of the text that is served.
    let is_exact = candidate.content.schema_type == SchemaType::Avro && guid == hashes.form;
    let guid = match is_exact || is_anothers(view, context, guid, id) {
        true => hashes.exact,
        false => guid,
    };
    free_guid(view, context, guid)?;
    let versions = view.subject(subject);
    let version = match request.asked_version() {
        Some(asked) => u32::try_from(asked).map_err(|_| RegistryError::InvalidVersion(asked.to_string()))?,
        None => versions.map_or(1, |versions| versions.next_version()),
    };
    check_number(version)?;
    let there = versions.and_then(|versions| versions.version(version));
    if let Some(there) = there.filter(|there| there.id == id && there.is_live()) {
        return Ok(Decision::Existing(there));
    }
    Ok(NewVersion::decided(
        view,
        subject,
        version,
        candidate,
        Some((id, guid)),
    ))
}
