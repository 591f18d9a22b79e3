//! Path, query and body of a request, each read with an error in the API's own shape.
//!
//! Every length is bounded: the body by [`BODY_BYTES_MAX`] and, in time, by the connection; path and headers by the
//! connection too.

use std::error::Error;

use axum::{
    body::Bytes,
    extract::{
        DefaultBodyLimit, FromRequest, FromRequestParts, Path, Query, Request, rejection::BytesRejection,
    },
    http::{StatusCode, request::Parts},
};
use serde::{Deserialize, Deserializer, de::DeserializeOwned};
use utoipa::IntoParams;

use super::{error::HttpError, timed_body::BodyStalled};
use crate::registry::{Qualified, VersionSpec};

/// The longest request body: the largest schemas in use are some hundred kilobytes, and Kafka-backed registries stop at
/// one mebibyte of stored text.
pub const BODY_BYTES_MAX: usize = 2 * 1024 * 1024;

/// The parameters of a path, percent-decoded: `%2F` is a slash within a name.
pub(super) struct PathOf<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for PathOf<T> {
    type Rejection = HttpError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, HttpError> {
        match Path::from_request_parts(parts, state).await {
            Ok(Path(value)) => Ok(PathOf(value)),
            Err(rejection) => Err(HttpError::BadRequest(rejection.body_text())),
        }
    }
}

/// A schema id in a path: a number, whether there is such a schema or not.
pub(super) struct IdInPath(pub(super) i64);

/// A subject and one of its versions in a path.
pub(super) struct VersionInPath {
    pub(super) subject: Qualified,
    pub(super) version: VersionSpec,
}

/// A subject in a path.
pub(super) struct SubjectInPath(pub(super) Qualified);

impl<S: Send + Sync> FromRequestParts<S> for SubjectInPath {
    type Rejection = HttpError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, HttpError> {
        let PathOf(subject) = PathOf::<String>::from_request_parts(parts, state).await?;
        Ok(SubjectInPath(Qualified::parse(&subject)))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for VersionInPath {
    type Rejection = HttpError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, HttpError> {
        let PathOf((subject, version)) = PathOf::<(String, String)>::from_request_parts(parts, state).await?;
        Ok(VersionInPath {
            version: VersionSpec::parse(&version)?,
            subject: Qualified::parse(&subject),
        })
    }
}

impl<S: Send + Sync> FromRequestParts<S> for IdInPath {
    type Rejection = HttpError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, HttpError> {
        if let Ok(Path(id)) = Path::from_request_parts(parts, state).await {
            return Ok(IdInPath(id));
        }
        let PathOf(text) = PathOf::<String>::from_request_parts(parts, state).await?;
        Err(HttpError::NotFound(format!(
            "/schemas/ids/{text}: an id is a number"
        )))
    }
}

/// The parameters of a query; unknown ones are ignored, and without a query nothing is read.
pub(super) struct QueryOf<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned + Default> FromRequestParts<S> for QueryOf<T> {
    type Rejection = HttpError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, HttpError> {
        if parts.uri.query().is_none() {
            return Ok(QueryOf(T::default()));
        }
        match Query::from_request_parts(parts, state).await {
            Ok(Query(value)) => Ok(QueryOf(value)),
            Err(rejection) => Err(HttpError::BadRequest(rejection.body_text())),
        }
    }
}

/// The form a schema's text is asked for in.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub(super) struct Format {
    /// `serialized`: a Protobuf schema as a file descriptor in base64. Anything else: the stored text.
    pub(super) format: String,
}

/// A JSON body.
pub(super) struct JsonBody<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for JsonBody<T> {
    type Rejection = HttpError;

    async fn from_request(mut request: Request, state: &S) -> Result<Self, HttpError> {
        DefaultBodyLimit::max(BODY_BYTES_MAX).apply(&mut request);
        let bytes = Bytes::from_request(request, state)
            .await
            .map_err(|rejection| unread(&rejection))?;
        if bytes.trim_ascii().is_empty() || bytes.trim_ascii() == b"null" {
            return Err(HttpError::EmptyBody);
        }
        // serde would take a list for a struct, field by field.
        if !bytes.trim_ascii_start().starts_with(b"{") {
            let why = "the body must be a JSON object".to_owned();
            return Err(HttpError::MalformedBody(why));
        }
        serde_json::from_slice(&bytes)
            .map(JsonBody)
            .map_err(|error| HttpError::MalformedBody(error.to_string()))
    }
}

fn unread(rejection: &BytesRejection) -> HttpError {
    if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
        return HttpError::BodyTooLarge(BODY_BYTES_MAX);
    }
    let mut cause = rejection.source();
    while let Some(error) = cause {
        if error.is::<BodyStalled>() {
            return HttpError::BodyTimeout;
        }
        cause = error.source();
    }
    HttpError::MalformedBody(rejection.body_text())
}

/// A flag as clients write it: `true`, `True`, `TRUE`; everything else is false.
pub(super) fn flag<'de, D: Deserializer<'de>>(from: D) -> Result<bool, D::Error> {
    Ok(String::deserialize(from)?.trim().eq_ignore_ascii_case("true"))
}

/// A number that counts only when it is one; clients send `limit=` and `limit=-1` when they mean no limit.
pub(super) fn lenient_number<'de, D: Deserializer<'de>>(from: D) -> Result<Option<i64>, D::Error> {
    let text = String::deserialize(from)?;
    if text.is_empty() {
        return Ok(None);
    }
    text.parse()
        .map(Some)
        .map_err(|_| serde::de::Error::custom(format!("\"{text}\" is not a number")))
}
