//! Why bytes do not read, and at which of them.

use std::fmt;

use crate::ReadError;

/// Why bytes do not read: a sentence, and where. The size of a pointer, so that reading passes it on for nothing.
#[derive(Clone, PartialEq, Eq)]
pub struct Fault(Box<Inner>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Inner {
    position: usize,
    message: String,
}

impl Fault {
    /// A fault of the value that begins at a position.
    #[cold]
    #[must_use]
    pub fn new(position: usize, message: impl Into<String>) -> Fault {
        Fault(Box::new(Inner {
            position,
            message: message.into(),
        }))
    }

    /// The position of the byte where the value begins that does not read.
    #[must_use]
    pub fn position(&self) -> usize {
        self.0.position
    }

    /// What is wrong.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// With the path of the field.
    pub(crate) fn within(self, path: String) -> ReadError {
        ReadError {
            path,
            position: Some(self.0.position),
            message: self.0.message,
        }
    }
}

impl fmt::Debug for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (byte {})", self.0.message, self.0.position)
    }
}

impl std::error::Error for Fault {}

impl From<Fault> for ReadError {
    fn from(fault: Fault) -> ReadError {
        fault.within(String::new())
    }
}
