//! What could not be answered, as RFC 9457 problem details. The one table from errors to statuses of the audit routes.

use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::answers::NoAnswer;
use crate::error::StoreError;

/// A problem, as `application/problem+json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Problem {
    /// Which problem, as a stable URI.
    #[serde(rename = "type")]
    #[schema(example = "urn:annals:problem:unknown-aggregate")]
    pub kind: String,
    /// The HTTP status in words.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// What was wrong and what to do.
    pub detail: String,
    /// The places in a fold that was sent, where it is wrong in itself.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    pub mistakes: Vec<Mistake>,
}

/// What is wrong at a place of a fold that was sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Mistake {
    /// The line, from 1.
    pub line: u32,
    /// The character in the line, from 1.
    pub column: u32,
    /// The first byte it is about, and the one behind the last; null where only the line and the column are known.
    #[schema(example = json!([120, 135]))]
    pub bytes: Option<[usize; 2]>,
    /// What is wrong, and what to do.
    pub message: String,
}

impl Problem {
    /// A problem with its code, the last part of its URI, and a sentence: what was wrong and what to do.
    ///
    /// ```
    /// use annals_event_store::http::Problem;
    /// use axum::http::StatusCode;
    ///
    /// let problem = Problem::new(StatusCode::NOT_FOUND, "unknown-card", "there is no card `c-1`");
    /// assert_eq!((problem.status, &*problem.kind), (404, "urn:annals:problem:unknown-card"));
    /// ```
    #[must_use]
    pub fn new(status: StatusCode, code: &str, detail: impl ToString) -> Problem {
        Problem {
            kind: format!("urn:annals:problem:{code}"),
            title: status.canonical_reason().unwrap_or("Error").to_owned(),
            status: status.as_u16(),
            detail: detail.to_string(),
            mistakes: Vec::new(),
        }
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Problem {
        let (status, code) = match &error {
            StoreError::UnknownAggregate { .. } => (StatusCode::NOT_FOUND, "unknown-aggregate"),
            StoreError::UnknownId { .. } => (StatusCode::NOT_FOUND, "unknown-id"),
            StoreError::NotYet { .. } => (StatusCode::NOT_FOUND, "not-yet"),
            StoreError::Deleted { .. } => (StatusCode::GONE, "deleted"),
            StoreError::NoSuchRevision { .. } => (StatusCode::NOT_FOUND, "no-such-revision"),
            StoreError::At(_) | StoreError::Backwards { .. } => (StatusCode::BAD_REQUEST, "bad-point"),
            StoreError::Cursor(_) => (StatusCode::BAD_REQUEST, "bad-cursor"),
            StoreError::OtherQuestion => (StatusCode::BAD_REQUEST, "other-question"),
            StoreError::PlaceGone => (StatusCode::GONE, "place-gone"),
            StoreError::OtherPoint => (StatusCode::BAD_REQUEST, "other-point"),
            StoreError::OtherFolds => (StatusCode::BAD_REQUEST, "other-folds"),
            StoreError::SeveralTopics { .. } => (StatusCode::BAD_REQUEST, "several-topics"),
            StoreError::TooManyTopics { .. } => (StatusCode::BAD_REQUEST, "too-many-topics"),
            StoreError::WrongTopic { .. } => (StatusCode::BAD_REQUEST, "wrong-topic"),
            StoreError::Question { .. } => (StatusCode::BAD_REQUEST, "bad-question"),
            StoreError::Undecided { .. } => (StatusCode::BAD_REQUEST, "undecided"),
            StoreError::Ordered { .. } | StoreError::OrderedBytes { .. } | StoreError::Limit { .. } => {
                (StatusCode::BAD_REQUEST, "bad-limit")
            }
            StoreError::TooMuchWork { .. } => (StatusCode::BAD_REQUEST, "too-much-work"),
            StoreError::Stopped => (StatusCode::SERVICE_UNAVAILABLE, "stopped"),
            StoreError::Shortened { .. } => (StatusCode::SERVICE_UNAVAILABLE, "log-shortened"),
            StoreError::IndexFull { .. } => (StatusCode::SERVICE_UNAVAILABLE, "index-full"),
            StoreError::Index(_) => (StatusCode::INTERNAL_SERVER_ERROR, "log-unreadable"),
        };
        Problem::new(status, code, error)
    }
}

impl From<QueryRejection> for Problem {
    fn from(rejection: QueryRejection) -> Problem {
        let text = rejection.body_text();
        let detail = text
            .strip_prefix("Failed to deserialize query string: ")
            .unwrap_or(&text)
            .replace("unknown field", "unknown query parameter")
            .replace("there are no fields", "this route has none");
        Problem::new(StatusCode::BAD_REQUEST, "bad-query", detail)
    }
}

impl From<NoAnswer<Problem>> for Problem {
    fn from(none: NoAnswer<Problem>) -> Problem {
        match none {
            NoAnswer::Refused(problem) => problem,
            NoAnswer::Busy => Problem::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "busy",
                "too many answers are under way; ask again in a moment",
            ),
            NoAnswer::Interrupted => Problem::new(
                StatusCode::INTERNAL_SERVER_ERROR,
                "interrupted",
                "the answer was interrupted",
            ),
        }
    }
}

impl From<PathRejection> for Problem {
    fn from(rejection: PathRejection) -> Problem {
        Problem::new(StatusCode::BAD_REQUEST, "bad-path", rejection.body_text())
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, axum::Json(self)).into_response();
        let kind = HeaderValue::from_static("application/problem+json");
        response.headers_mut().insert(header::CONTENT_TYPE, kind);
        if status == StatusCode::SERVICE_UNAVAILABLE {
            let soon = HeaderValue::from_static("1");
            response.headers_mut().insert(header::RETRY_AFTER, soon);
        }
        response
    }
}
