//! The name a schema's versions are counted under.
//!
//! Invariant: a [`Subject`] is not empty, holds no control characters and is none of the two words the registry API
//! keeps for itself. Contexts (`:.ctx:subject`) are left to the registry: here they are part of the name.

use std::fmt;

use thiserror::Error;

/// The longest subject name that is accepted, in bytes.
const SUBJECT_BYTES_MAX: usize = 1024;

/// A subject's name.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Subject(String);

/// Why a name cannot be a subject.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SubjectError {
    /// The empty name.
    #[error("the subject is empty: name one, for example \"orders-value\"")]
    Empty,
    /// Longer than any registry client would send.
    #[error("the subject is longer than {SUBJECT_BYTES_MAX} bytes")]
    TooLong,
    /// A control character, at a byte position.
    #[error("the subject holds a control character at byte {0}")]
    Control(usize),
    /// A name the registry API keeps for itself.
    #[error("the subject \"{0}\" is reserved")]
    Reserved(String),
}

impl Subject {
    /// Checks a name.
    ///
    /// # Errors
    /// [`SubjectError`] says what is wrong with it.
    pub fn new(name: impl Into<String>) -> Result<Subject, SubjectError> {
        let name = name.into();
        if name.is_empty() {
            return Err(SubjectError::Empty);
        }
        if name.len() > SUBJECT_BYTES_MAX {
            return Err(SubjectError::TooLong);
        }
        if let Some((position, _)) = name.char_indices().find(|(_, character)| character.is_control()) {
            return Err(SubjectError::Control(position));
        }
        if name == "__GLOBAL" || name == "__EMPTY" {
            return Err(SubjectError::Reserved(name));
        }
        Ok(Subject(name))
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        let check = |name: &str, wanted: Result<(), SubjectError>| {
            assert_eq!(Subject::new(name).map(|_| ()), wanted, "{name:?}");
        };
        check("orders-value", Ok(()));
        check("a/b.proto", Ok(()));
        check(":.ctx:orders-value", Ok(()));
        check("größe", Ok(()));
        check("", Err(SubjectError::Empty));
        check("a\nb", Err(SubjectError::Control(1)));
        check("__GLOBAL", Err(SubjectError::Reserved("__GLOBAL".into())));
        check(&"x".repeat(1025), Err(SubjectError::TooLong));
    }
}
