//! What can be wrong with bytes ([`WireError`]), and what a broker says about it ([`ErrorCode`]).
//!
//! Invariant: a `WireError` names the field it arose in; every code of Kafka's table has its number, its name and
//! whether a client may retry, and a number outside the table is kept as it came.

mod code;

use std::fmt;

pub use code::ErrorCode;

/// A message that cannot be read or written, and the field where that showed.
///
/// ```
/// use annals_kafka_wire::{message::metadata::MetadataRequest, message::Message, primitives::Reader};
///
/// let forged = bytes::Bytes::from_static(&[0x7f, 0xff, 0xff, 0xff]);
/// let error = MetadataRequest::decode(&mut Reader::new(forged), 0).unwrap_err();
/// assert_eq!(error.to_string(), "2147483647 elements cannot fit in the 0 bytes left (in MetadataRequest v0: topics)");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WireError {
    fault: Fault,
    path: String,
}

/// What is wrong, apart from where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// A value needs more bytes than there are.
    #[error("the bytes end early: {needed} needed, {left} left")]
    Truncated {
        /// Bytes the value takes.
        needed: usize,
        /// Bytes there are.
        left: usize,
    },
    /// Bytes follow the end of the message.
    #[error("{left} bytes are left over at the end")]
    Trailing {
        /// How many.
        left: usize,
    },
    /// An array or tag section promises more elements than its bytes can hold.
    #[error("{count} elements cannot fit in the {left} bytes left")]
    Count {
        /// Elements promised.
        count: usize,
        /// Bytes there are.
        left: usize,
    },
    /// An array promises more elements than any honest message has.
    #[error("{count} elements are more than the {most} there may be")]
    TooMany {
        /// Elements promised.
        count: usize,
        /// The most there may be.
        most: usize,
    },
    /// A message that would take more memory than its reader may give it.
    #[error("the message takes more memory than it may: {needed} bytes needed, {left} left")]
    Allowance {
        /// Bytes the value takes in memory.
        needed: usize,
        /// Bytes that may still be taken.
        left: usize,
    },
    /// A length below -1.
    #[error("{len} is not a length")]
    NegativeLength {
        /// The length as it came.
        len: i64,
    },
    /// A string or array longer than the protocol can express.
    #[error("a length of {len} is over the protocol's limit of {max}")]
    TooLong {
        /// The length asked for.
        len: usize,
        /// The most there may be.
        max: usize,
    },
    /// A variable-length integer with too many bytes.
    #[error("a variable-length integer is too long for its type")]
    Varint,
    /// A string that is not UTF-8.
    #[error("a string is not valid UTF-8")]
    Utf8,
    /// Null where this version has no null.
    #[error("null is not allowed in this version")]
    Null,
    /// A version of a message that this crate does not know.
    #[error("version {version} is not supported: use {min} to {max}")]
    Version {
        /// The version asked for.
        version: i16,
        /// The lowest known.
        min: i16,
        /// The highest known.
        max: i16,
    },
    /// A record of a kind that this crate does not know.
    #[error("there is no record of kind {kind}")]
    Kind {
        /// The kind as it came.
        kind: i16,
    },
    /// A frame over the limit, or with a negative size.
    #[error("a frame of {bytes} bytes is outside the limit of {max}")]
    Frame {
        /// The size the frame announces.
        bytes: i64,
        /// The most that is accepted.
        max: usize,
    },
}

impl WireError {
    /// What is wrong.
    pub fn fault(&self) -> &Fault {
        &self.fault
    }

    /// Where: the message, its version and the fields down to the value; empty when no message was being read.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The same error, seen from the field around it.
    pub(crate) fn within(mut self, field: &str) -> Self {
        if self.path.is_empty() {
            self.path = field.to_owned();
        } else {
            self.path = format!("{field}.{}", self.path);
        }
        self
    }

    /// The same error, seen from the message around it.
    pub(crate) fn of(mut self, message: &str, version: i16) -> Self {
        let colon = if self.path.is_empty() { "" } else { ": " };
        self.path = format!("{message} v{version}{colon}{}", self.path);
        self
    }
}

impl From<Fault> for WireError {
    fn from(fault: Fault) -> Self {
        Self {
            fault,
            path: String::new(),
        }
    }
}

impl fmt::Display for WireError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.fault)?;
        if !self.path.is_empty() {
            write!(f, " (in {})", self.path)?;
        }
        Ok(())
    }
}

impl std::error::Error for WireError {}
