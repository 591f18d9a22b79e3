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
    http::{HeaderMap, StatusCode, header, request::Parts},
};
use serde::{Deserialize, Deserializer, de::DeserializeOwned};
use utoipa::IntoParams;

use super::{Shared, error::HttpError, timed_body::BodyStalled};
use crate::registry::{DEFAULT_CONTEXT, Deleted, Qualified, VersionSpec, View};

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

/// A subject in a path: the one it is an alias of, if it is one.
pub(super) struct SubjectInPath(pub(super) Qualified);

/// A subject and one of its versions in a path.
pub(super) struct VersionInPath {
    pub(super) subject: Qualified,
    pub(super) version: VersionSpec,
}

/// A subject, a context or all contexts in a path, taken by its own name: what has settings and a mode.
pub(super) struct ScopeInPath(pub(super) Qualified);

/// A context in a path: `.eu`, `eu` and `:.eu:` are one.
pub(super) struct ContextInPath(pub(super) String);

impl FromRequestParts<Shared> for SubjectInPath {
    type Rejection = HttpError;

    async fn from_request_parts(parts: &mut Parts, state: &Shared) -> Result<Self, HttpError> {
        let PathOf(subject) = PathOf::<String>::from_request_parts(parts, state).await?;
        let subject = Qualified::parse(&subject);
        Ok(SubjectInPath(
            state.registry.read(|view| view.without_alias(subject)),
        ))
    }
}

impl FromRequestParts<Shared> for VersionInPath {
    type Rejection = HttpError;

    async fn from_request_parts(parts: &mut Parts, state: &Shared) -> Result<Self, HttpError> {
        let PathOf((subject, version)) = PathOf::<(String, String)>::from_request_parts(parts, state).await?;
        let subject = Qualified::parse(&subject);
        Ok(VersionInPath {
            version: VersionSpec::parse(&version)?,
            subject: state.registry.read(|view| view.without_alias(subject)),
        })
    }
}

impl<S: Send + Sync> FromRequestParts<S> for ScopeInPath {
    type Rejection = HttpError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, HttpError> {
        let PathOf(name) = PathOf::<String>::from_request_parts(parts, state).await?;
        Ok(ScopeInPath(Qualified::parse(&name)))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for ContextInPath {
    type Rejection = HttpError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, HttpError> {
        let PathOf(name) = PathOf::<String>::from_request_parts(parts, state).await?;
        let name = name.trim_matches(':');
        let dot = if name.starts_with('.') {
            ""
        } else {
            DEFAULT_CONTEXT
        };
        Ok(ContextInPath(format!("{dot}{name}")))
    }
}

/// The subject that a query's `subject` means; empty, it names nothing.
pub(super) fn subject_in_query(view: &View, subject: &str) -> Qualified {
    view.without_alias(Qualified::parse(subject))
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
    /// Avro: `resolved` writes references out. Protobuf: `serialized` is a file descriptor in base64,
    /// `ignore_extensions` leaves extensions out. Anything else: the stored text.
    pub(super) format: String,
}

/// How references are written.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", default)]
#[into_params(parameter_in = Query)]
pub(super) struct ReferenceFormat {
    /// `qualified` writes the subjects of references with their contexts.
    reference_format: String,
}

impl ReferenceFormat {
    pub(super) fn is_qualified(&self) -> bool {
        is_qualified(&self.reference_format)
    }
}

/// Whether a format of references asks for their contexts.
pub(super) fn is_qualified(reference_format: &str) -> bool {
    reference_format.eq_ignore_ascii_case("qualified")
}

/// Whether deleted ones count.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub(super) struct WithDeleted {
    /// Soft-deleted ones as well.
    #[serde(deserialize_with = "flag")]
    deleted: bool,
}

impl WithDeleted {
    pub(super) fn wanted(&self) -> Deleted {
        Deleted::from_flags(self.deleted, false)
    }
}

/// The parameters of a query in their order, for those that may be repeated.
#[derive(Debug, Default)]
pub(super) struct Pairs(Vec<(String, String)>);

impl<S: Send + Sync> FromRequestParts<S> for Pairs {
    type Rejection = HttpError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, HttpError> {
        let QueryOf(pairs) = QueryOf::from_request_parts(parts, state).await?;
        Ok(Pairs(pairs))
    }
}

impl Pairs {
    /// Every value of a parameter.
    pub(super) fn all(&self, name: &str) -> Vec<String> {
        let named = self.0.iter().filter(|(key, _)| key == name);
        named.map(|(_, value)| value.clone()).collect()
    }
}

/// A JSON body.
pub(super) struct JsonBody<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for JsonBody<T> {
    type Rejection = HttpError;

    async fn from_request(request: Request, state: &S) -> Result<Self, HttpError> {
        let bytes = body_bytes(request, state, BODY_BYTES_MAX).await?;
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

/// A body of so many bytes at most.
pub(super) async fn body_bytes<S: Send + Sync>(
    mut request: Request,
    state: &S,
    bytes_max: usize,
) -> Result<Bytes, HttpError> {
    // Said before anything is read: a client that waits for "100 Continue" need not send it at all.
    if announced_bytes(request.headers()).is_some_and(|bytes| bytes > bytes_max as u64) {
        return Err(HttpError::BodyTooLarge(bytes_max));
    }
    DefaultBodyLimit::max(bytes_max).apply(&mut request);
    let read = Bytes::from_request(request, state).await;
    read.map_err(|rejection| unread(&rejection, bytes_max))
}

fn announced_bytes(headers: &HeaderMap) -> Option<u64> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

fn unread(rejection: &BytesRejection, bytes_max: usize) -> HttpError {
    if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
        return HttpError::BodyTooLarge(bytes_max);
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
