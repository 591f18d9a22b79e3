//! What an answer was made with: the fold, and the schemas that events were written and read with.

use std::fmt;

use annals_schema_model::SchemaId;
use serde::{Deserialize, Serialize};

use crate::aggregates::revision_name;
use crate::fold::FoldId;

/// The fold an answer was made with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "http", derive(utoipa::ToSchema))]
pub struct FoldUsed {
    /// The aggregate's name.
    pub name: String,
    /// The fold's meaning version.
    pub rev: u32,
    /// SHA-256 over name, revision, reader schemas and reducer text, in hexadecimal.
    pub digest: String,
}

impl From<&FoldId> for FoldUsed {
    fn from(id: &FoldId) -> FoldUsed {
        FoldUsed {
            name: id.name.clone(),
            rev: id.rev,
            digest: id.digest_hex(),
        }
    }
}

/// A writer schema some event was read with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "http", derive(utoipa::ToSchema))]
pub struct SchemaUsed {
    /// The schema's id.
    pub id: u32,
    /// The subject the fold knows it by; null where it knows none. What is registered or deleted later changes nothing.
    pub subject: Option<String>,
    /// Its version there.
    pub version: Option<u32>,
}

impl SchemaUsed {
    /// A schema by its id alone.
    pub(crate) fn unnamed(id: SchemaId) -> SchemaUsed {
        SchemaUsed {
            id: id.get(),
            subject: None,
            version: None,
        }
    }

    /// A schema by its name in the registry.
    pub fn named(id: u32, subject: &str, version: u32) -> SchemaUsed {
        SchemaUsed {
            id,
            subject: Some(subject.to_owned()),
            version: Some(version),
        }
    }
}

impl fmt::Display for SchemaUsed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let (Some(subject), Some(version)) = (&self.subject, self.version) {
            write!(f, "{subject} v{version} (id {})", self.id)
        } else {
            write!(f, "schema id {}", self.id)
        }
    }
}

/// What a fold reads an event with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "http", derive(utoipa::ToSchema))]
pub struct ReaderUsed {
    /// The event; the message, where a message's members are the events.
    pub event: String,
    /// The version it is read with; null where the schema was compiled into the fold.
    pub schema: Option<SchemaUsed>,
}

impl fmt::Display for FoldUsed {
    /// As what has no place for more says which fold was run: `order@2`, and its digest.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", revision_name(&self.name, self.rev), self.digest)
    }
}
