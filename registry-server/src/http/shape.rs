//! Which generation of the registry API answers are shaped for: the one place that knows the difference.
//!
//! Through 7.x an Avro schema has no `schemaType`, nothing has a `guid`, a `ts` or a `deleted`, a registration answers
//! the id alone, an incompatible schema has the error code 409, and messages about JSON Schema know fewer codes. From 8.0
//! on all of them are there, and from 8.2 on the code is 40901. Strict old clients break on properties they do not know; new ones want the guid.

use std::{fmt, str::FromStr};

use annals_schema_model::{
    SchemaType,
    json::rules::{self, Row},
};
use thiserror::Error;

use super::error::HttpError;
use crate::{registry::RegistryError, service::ServiceError};

/// The rows that say of a property that was added to an open JSON Schema whether it is required.
static ADDED_TO_OPEN_MODEL: [&Row; 3] = [
    &rules::OPTIONAL_PROPERTY_ADDED_TO_OPEN_CONTENT_MODEL,
    &rules::REQUIRED_PROPERTY_ADDED_TO_OPEN_CONTENT_MODEL,
    &rules::REQUIRED_PROPERTY_WITH_DEFAULT_ADDED_TO_OPEN_CONTENT_MODEL,
];

/// A generation of the registry API.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ApiShape {
    /// As servers of the 7.x line answer.
    Seven,
    /// As servers of the 8.x line answer.
    #[default]
    Eight,
}

/// A word that names no generation.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("\"{0}\" is no shape of the registry API; use 7 or 8")]
pub struct ApiShapeError(String);

impl FromStr for ApiShape {
    type Err = ApiShapeError;

    fn from_str(text: &str) -> Result<ApiShape, ApiShapeError> {
        match text.trim() {
            "7" => Ok(ApiShape::Seven),
            "8" => Ok(ApiShape::Eight),
            _ => Err(ApiShapeError(text.to_owned())),
        }
    }
}

impl fmt::Display for ApiShape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            ApiShape::Seven => "7",
            ApiShape::Eight => "8",
        })
    }
}

impl ApiShape {
    /// The version of the API that is spoken: clients look at it to learn what they may ask for.
    pub(super) const fn api_version(self) -> &'static str {
        match self {
            ApiShape::Seven => "7.9.0",
            ApiShape::Eight => "8.2.0",
        }
    }

    /// A property that came with 8.0.
    pub(super) fn since_eight<T>(self, value: T) -> Option<T> {
        (self == ApiShape::Eight).then_some(value)
    }

    /// The name of a schema's type, where it is said.
    pub(super) fn schema_type(self, schema_type: SchemaType) -> Option<&'static str> {
        let unsaid = self == ApiShape::Seven && schema_type == SchemaType::Avro;
        (!unsaid).then(|| schema_type.name())
    }

    /// Messages about what breaks: until 8.0 one code stood for every property that is added to an open JSON Schema.
    pub(super) fn messages(self, mut messages: Vec<String>) -> Vec<String> {
        if self == ApiShape::Seven {
            for message in &mut messages {
                for row in ADDED_TO_OPEN_MODEL {
                    *message = message.replace(
                        &format!("errorType:\"{}\"", row.rule.code()),
                        "errorType:\"PROPERTY_ADDED_TO_OPEN_CONTENT_MODEL\"",
                    );
                }
            }
        }
        messages
    }

    /// A refused registration.
    pub(super) fn refusal(self, error: ServiceError) -> HttpError {
        match (self, error) {
            (ApiShape::Seven, ServiceError::Refused(RegistryError::Incompatible { subject, details })) => {
                let details = self.messages(details);
                HttpError::ByStatus(RegistryError::Incompatible { subject, details })
            }
            (_, error) => error.into(),
        }
    }
}
