//! The one table of statuses and error codes of the registry API.
//!
//! What is decided elsewhere comes in as a [`RegistryError`] or a [`ServiceError`], which know nothing of HTTP; what goes
//! wrong between the socket and a handler is a variant here. Everything leaves as `{"error_code": …, "message": …}`: the
//! sentence is for the client, the cause goes to the log. The first three digits of a code are its status. Only what
//! concerns a path as such, below `/v1`, is told as problem details, as everything else is there.

use annals_event_store::http::Problem;
use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use utoipa::{IntoResponses, ToSchema};

use super::media;
use crate::{registry::RegistryError, service::ServiceError};

/// An error as clients see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct ErrorBody {
    /// A code of the registry API; its first three digits are the status.
    #[schema(example = 40401)]
    pub error_code: u32,
    /// What went wrong, and what to do.
    #[schema(example = "Subject 'orders-value' not found.")]
    pub message: String,
}

/// The error answers every route may give, for the OpenAPI document.
#[derive(IntoResponses)]
#[allow(dead_code, reason = "only its derived description is used")]
pub(super) enum Refusals {
    /// The request is refused; `error_code` says why.
    #[response(status = "4XX")]
    Refused(ErrorBody),
    /// The server failed; `error_code` says where.
    #[response(status = "5XX")]
    Failed(ErrorBody),
}

/// What a handler may answer instead of a result.
#[derive(Debug)]
pub enum HttpError {
    /// The registry said no.
    Registry(RegistryError),
    /// The registry said no to a client that wants the status for a code.
    ByStatus(RegistryError),
    /// The registry could not be asked, or what it decided could not be kept.
    Service(ServiceError),
    /// Nothing the client accepts can be sent.
    NotAcceptable,
    /// The body is of a kind that is not read here.
    UnsupportedMediaType(String),
    /// There is nothing at this path.
    NotFound(String),
    /// The path exists, but not for this method.
    MethodNotAllowed(String),
    /// A page of another site had a browser send a write.
    CrossSite,
    /// The server, which only this machine reaches, was called by a name that is not this machine's.
    ForeignHost(String),
    /// Path or query cannot be read.
    BadRequest(String),
    /// The body is no JSON, or not of the shape asked for.
    MalformedBody(String),
    /// There is no body.
    EmptyBody,
    /// The body is longer than the limit, given in bytes.
    BodyTooLarge(usize),
    /// The body did not arrive in time.
    BodyTimeout,
    /// An answer could not be written as JSON.
    Unserialisable(String),
}

impl From<RegistryError> for HttpError {
    fn from(error: RegistryError) -> HttpError {
        HttpError::Registry(error)
    }
}

impl From<ServiceError> for HttpError {
    fn from(error: ServiceError) -> HttpError {
        match error {
            ServiceError::Refused(refused) => HttpError::Registry(refused),
            other => HttpError::Service(other),
        }
    }
}

impl HttpError {
    /// The table: the code of every error.
    fn code(&self) -> u32 {
        match self {
            HttpError::Registry(error) => registry_code(error),
            HttpError::ByStatus(error) => u32::from(status(registry_code(error)).as_u16()),
            HttpError::Service(error) => service_code(error),
            HttpError::BadRequest(_) | HttpError::MalformedBody(_) => 400,
            HttpError::CrossSite | HttpError::ForeignHost(_) => 403,
            HttpError::NotFound(_) => 404,
            HttpError::MethodNotAllowed(_) => 405,
            HttpError::NotAcceptable => 406,
            HttpError::BodyTimeout => 408,
            HttpError::BodyTooLarge(_) => 413,
            HttpError::UnsupportedMediaType(_) => 415,
            HttpError::EmptyBody => 422,
            HttpError::Unserialisable(_) => 500,
        }
    }

    fn message(&self) -> String {
        match self {
            HttpError::Registry(error) | HttpError::ByStatus(error) => error.to_string(),
            HttpError::Service(error) => error.to_string(),
            HttpError::NotAcceptable => {
                format!("Not acceptable: answers here are {}", media::NAMES.join(", "))
            }
            HttpError::UnsupportedMediaType(given) => {
                format!(
                    "Unsupported media type '{given}': send {}",
                    media::NAMES.join(", ")
                )
            }
            HttpError::NotFound(path) => format!("There is nothing at {path}; the API is described at /docs"),
            HttpError::MethodNotAllowed(method) => {
                format!("{method} is not possible here; the API is described at /docs")
            }
            HttpError::CrossSite => {
                "A page of another site made this browser send it; only pages of this server may write"
                    .to_owned()
            }
            HttpError::ForeignHost(host) => format!(
                "This server is for this machine alone and does not answer as '{host}': ask for it as localhost, \
                 have the proxy in front of it send 'Host: localhost', or bind --http-listen to another address"
            ),
            HttpError::BadRequest(why) => why.clone(),
            HttpError::MalformedBody(why) => format!("The request body cannot be read: {why}"),
            HttpError::EmptyBody => "The request has no body; send a JSON object".to_owned(),
            HttpError::BodyTooLarge(limit) => {
                format!("The request body is larger than the limit of {limit} bytes")
            }
            HttpError::BodyTimeout => "The request body did not arrive in time".to_owned(),
            HttpError::Unserialisable(_) => {
                "The answer could not be written; the server's log has the cause".to_owned()
            }
        }
    }

    /// The answer at a path, where its handler has no say.
    pub(super) fn at(self, path: &str) -> Response {
        let code = match self {
            _ if path != "/v1" && !path.starts_with("/v1/") => return self.into_response(),
            HttpError::NotFound(_) => "not-found",
            HttpError::MethodNotAllowed(_) => "method-not-allowed",
            HttpError::CrossSite => "cross-site",
            HttpError::ForeignHost(_) => "foreign-host",
            HttpError::BodyTooLarge(_) => "body-too-large",
            HttpError::BodyTimeout => "body-timeout",
            HttpError::MalformedBody(_) => "bad-body",
            _ => return self.into_response(),
        };
        let problem = Problem::new(status(self.code()), code, self.message());
        self.closing(problem.into_response())
    }

    /// Where the rest of the body is not read, nothing can follow on this connection.
    fn closing(&self, mut response: Response) -> Response {
        if matches!(self, HttpError::BodyTooLarge(_) | HttpError::BodyTimeout) {
            let close = HeaderValue::from_static("close");
            response.headers_mut().insert(header::CONNECTION, close);
        }
        response
    }

    fn log(&self) {
        match self {
            HttpError::Service(ServiceError::Store(cause)) => {
                tracing::error!(
                    error = &**cause as &dyn std::error::Error,
                    "the schema store failed"
                );
            }
            HttpError::Service(ServiceError::TimedOut) => {
                tracing::error!("a write waited too long for the schema store")
            }
            HttpError::Service(ServiceError::Broken) => tracing::error!("a task of the registry broke off"),
            HttpError::Unserialisable(cause) => tracing::error!(cause, "an answer could not be serialised"),
            _ => {}
        }
    }
}

fn registry_code(error: &RegistryError) -> u32 {
    match error {
        RegistryError::SubjectNotFound(_) => 40401,
        RegistryError::VersionNotFound(_) => 40402,
        RegistryError::SchemaNotFound | RegistryError::SchemaUnknown(_) => 40403,
        RegistryError::SubjectSoftDeleted(_) => 40404,
        RegistryError::SubjectNotSoftDeleted(_) => 40405,
        RegistryError::VersionSoftDeleted { .. } => 40406,
        RegistryError::VersionNotSoftDeleted { .. } => 40407,
        RegistryError::NoSubjectLevel(_) => 40408,
        RegistryError::NoSubjectMode(_) => 40409,
        RegistryError::Incompatible { .. } => 40901,
        RegistryError::InvalidSchema(_) => 42201,
        RegistryError::InvalidVersion(_) => 42202,
        RegistryError::InvalidLevel(_) => 42203,
        RegistryError::InvalidMode(_) => 42204,
        RegistryError::NotPermitted(_) | RegistryError::IdsUsedUp => 42205,
        RegistryError::Referenced(_) => 42206,
        RegistryError::IdDoesNotMatch { .. } => 42207,
        RegistryError::InvalidSubject { .. } => 42208,
        RegistryError::InvalidRuleSet(_) => 42210,
        RegistryError::ContextNotEmpty(_) => 42211,
        RegistryError::InvalidConfig(_) => 422,
    }
}

fn service_code(error: &ServiceError) -> u32 {
    match error {
        ServiceError::Refused(error) => registry_code(error),
        ServiceError::Store(_) => 50001,
        ServiceError::TimedOut => 50002,
        ServiceError::Crowded => 50003,
        ServiceError::Broken => 500,
    }
}

/// The status of a code: the code itself, or its first three digits.
fn status(code: u32) -> StatusCode {
    let digits = if code > 999 { code / 100 } else { code };
    u16::try_from(digits)
        .ok()
        .and_then(|digits| StatusCode::from_u16(digits).ok())
        .unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

impl IntoResponse for HttpError {
    fn into_response(self) -> Response {
        self.log();
        let body = ErrorBody {
            error_code: self.code(),
            message: self.message(),
        };
        let json = serde_json::to_vec(&body).unwrap_or_default();
        let kind = (header::CONTENT_TYPE, HeaderValue::from_static(media::DEFAULT));
        let response = (status(body.error_code), [kind], json).into_response();
        self.closing(response)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::StoreError;

    #[test]
    fn a_store_that_cannot_be_asked_has_three_codes() {
        let check = |error: ServiceError, wanted: u32, words: &str| {
            let error = HttpError::from(error);
            assert_eq!(error.code(), wanted, "{error:?}");
            assert!(error.message().contains(words), "{error:?}");
        };
        check(StoreError::RolledBack.into(), 50001, "can be sent again");
        check(ServiceError::TimedOut, 50002, "may still be carried out");
        check(ServiceError::Crowded, 50003, "again later");
    }

    #[test]
    fn the_first_three_digits_are_the_status() {
        for (code, wanted) in [
            (40401, 404),
            (42201, 422),
            (40901, 409),
            (50001, 500),
            (406, 406),
            (7, 500),
        ] {
            assert_eq!(status(code).as_u16(), wanted, "{code}");
        }
    }
}
