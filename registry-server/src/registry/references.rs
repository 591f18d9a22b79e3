//! Following references to the texts they stand for.
//!
//! Invariant: the answer lists dependencies before what depends on them and every name once. Imported references may run
//! in a circle: a name is followed once, and depth and number are bounded.

use std::{collections::BTreeSet, sync::Arc};

use annals_schema_model::{ParseError, Reference, Resolved, Schema};
use thiserror::Error;

use super::{content::Content, context::Deleted, name::Qualified, stored::Stored, view::View};

/// How deep references may be nested.
const REFERENCE_DEPTH_MAX: usize = 64;
/// How many schemas one schema may be built from.
const REFERENCES_MAX: usize = 1_000;

/// Why references cannot be followed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ReferenceError {
    /// The subject or the version is not there.
    #[error(
        "the reference \"{name}\" points to version {version} of subject \"{subject}\", which is not registered; register it first"
    )]
    Missing {
        /// The name the schema uses.
        name: String,
        /// The subject it points to.
        subject: String,
        /// The version it points to.
        version: i32,
    },
    /// The version is soft-deleted, and something new cannot rest on it.
    #[error(
        "the reference \"{name}\" cannot be used: version {version} of {subject} is deleted; refer to a version that is not, or register it again"
    )]
    Deleted {
        /// The name the schema uses.
        name: String,
        /// The subject it points to.
        subject: String,
        /// The version it points to.
        version: i32,
    },
    /// Something is left empty.
    #[error("a reference needs a name and a subject; got name \"{name}\" and subject \"{subject}\"")]
    Unnamed {
        /// The name given.
        name: String,
        /// The subject given.
        subject: String,
    },
    /// Too deep or too many.
    #[error(
        "the references reach more than {REFERENCE_DEPTH_MAX} levels down or name more than {REFERENCES_MAX} schemas"
    )]
    TooMany,
}

/// Puts numbers in place of "latest" and checks that every version is there: what is new may rest on live versions
/// alone, what is looked for on soft-deleted ones too.
///
/// # Errors
/// [`ReferenceError`] names the reference.
pub(super) fn pin(
    view: &View,
    context: &str,
    references: &[Reference],
    referred: Deleted,
) -> Result<Vec<Reference>, ReferenceError> {
    references
        .iter()
        .map(|reference| pin_one(view, context, reference, referred).map(|(pinned, _)| pinned))
        .collect()
}

/// A reference with its number, and where it leads. A subject without a context is one of the referrer's.
fn pin_one<'a>(
    view: &'a View,
    context: &str,
    reference: &Reference,
    deleted: Deleted,
) -> Result<(Reference, &'a Arc<Stored>), ReferenceError> {
    let Reference {
        name,
        subject,
        version,
    } = reference.clone();
    if name.is_empty() || subject.is_empty() {
        return Err(ReferenceError::Unnamed { name, subject });
    }
    let target = Qualified::parse_within(context, &subject);
    let versions = view.subject(&target);
    let found = match u32::try_from(version) {
        Ok(number) => versions.and_then(|subject| subject.version(number)),
        Err(_) if version == -1 => {
            versions.and_then(|subject| subject.latest().or(subject.all().last().copied()))
        }
        Err(_) => None,
    };
    let stored = found.and_then(|found| view.schema_in(&target.context, found.id));
    let number = found.and_then(|found| i32::try_from(found.version).ok());
    match (found, stored, number) {
        (Some(found), _, Some(version)) if !deleted.includes(&found) => Err(ReferenceError::Deleted {
            name,
            subject,
            version,
        }),
        (_, Some(stored), Some(version)) => Ok((
            Reference {
                name,
                subject,
                version,
            },
            stored,
        )),
        _ => Err(ReferenceError::Missing {
            name,
            subject,
            version,
        }),
    }
}

/// A content parsed with everything it refers to. The outer error is a reference that leads nowhere, and may lead
/// somewhere one day.
///
/// # Errors
/// [`ReferenceError`] names the reference.
pub(super) fn parse(
    view: &View,
    context: &str,
    content: &Content,
) -> Result<Result<Schema, ParseError>, ReferenceError> {
    let resolved = resolve(view, context, &content.references)?;
    Ok(Schema::parse(content.schema_type, &content.text, &resolved))
}

impl From<ReferenceError> for ParseError {
    /// The error of a schema that cannot be read for its references.
    fn from(error: ReferenceError) -> ParseError {
        ParseError {
            message: error.to_string(),
            line: 1,
            column: 1,
        }
    }
}

/// The texts that references stand for, dependencies first.
///
/// # Errors
/// [`ReferenceError`] names the reference that leads nowhere.
pub fn resolve(
    view: &View,
    context: &str,
    references: &[Reference],
) -> Result<Vec<Resolved>, ReferenceError> {
    let followed = follow(view, context, references)?;
    let texts = followed.into_iter().map(|(name, stored)| Resolved {
        name,
        text: stored.text().to_string(),
    });
    Ok(texts.collect())
}

/// What references stand for and what that refers to, each with the name it is called by, dependencies first.
///
/// # Errors
/// [`ReferenceError`] names the reference that leads nowhere.
pub(super) fn follow<'a>(
    view: &'a View,
    context: &str,
    references: &[Reference],
) -> Result<Vec<(String, &'a Arc<Stored>)>, ReferenceError> {
    let mut found = Vec::new();
    follow_into(view, context, references, 0, &mut BTreeSet::new(), &mut found)?;
    Ok(found)
}

fn follow_into<'a>(
    view: &'a View,
    context: &str,
    references: &[Reference],
    depth: usize,
    seen: &mut BTreeSet<String>,
    found: &mut Vec<(String, &'a Arc<Stored>)>,
) -> Result<(), ReferenceError> {
    if depth > REFERENCE_DEPTH_MAX {
        return Err(ReferenceError::TooMany);
    }
    for reference in references {
        if !seen.insert(reference.name.clone()) {
            continue;
        }
        if seen.len() > REFERENCES_MAX {
            return Err(ReferenceError::TooMany);
        }
        let (pinned, stored) = pin_one(view, context, reference, Deleted::With)?;
        follow_into(view, &stored.context, stored.references(), depth + 1, seen, found)?;
        found.push((pinned.name, stored));
    }
    Ok(())
}
