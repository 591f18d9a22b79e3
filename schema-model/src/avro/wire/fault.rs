//! Why bytes do not read, and at which of them.

use std::fmt;

use crate::{ReadError, avro::NodeId};

/// Why bytes do not read: a sentence, and where. The size of a pointer, so that reading passes it on for nothing.
#[derive(Clone, PartialEq, Eq)]
pub struct Fault(Box<Inner>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Inner {
    position: usize,
    message: String,
    of: Of,
}

/// The value that does not read: what its path is found by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Of {
    /// The innermost one that has the byte.
    Byte,
    /// The one of this type that begins there. It may have no byte, or be around others that begin there too.
    Type(NodeId),
    /// None that was written.
    Nothing,
}

impl Fault {
    /// A fault of the value that has the byte at a position.
    #[cold]
    #[must_use]
    pub fn new(position: usize, message: impl Into<String>) -> Fault {
        Fault(Box::new(Inner {
            position,
            message: message.into(),
            of: Of::Byte,
        }))
    }

    /// The same of another value.
    pub(crate) fn of(mut self, of: Of) -> Fault {
        self.0.of = of;
        self
    }

    /// What value does not read.
    pub(crate) fn is_of(&self) -> Of {
        self.0.of
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
