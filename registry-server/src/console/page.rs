//! From a template or an error to a response.

use annals_event_store::StoreError;
use askama::Template;
use axum::http::StatusCode;
use axum::http::header::CONTENT_SECURITY_POLICY;
use axum::response::{Html, IntoResponse, Response};

/// Nothing but our own files, and no inline code: a value from the log can never become one.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; form-action 'self'; \
                      base-uri 'none'; frame-ancestors 'none'";

/// A filled template, ready to be sent.
pub(super) struct Page<T>(pub(super) T);

impl<T: Template> IntoResponse for Page<T> {
    fn into_response(self) -> Response {
        match self.0.render() {
            Ok(html) => ([(CONTENT_SECURITY_POLICY, POLICY)], Html(html)).into_response(),
            Err(error) => {
                tracing::error!(%error, "a console page could not be rendered");
                StatusCode::INTERNAL_SERVER_ERROR.into_response()
            }
        }
    }
}

#[derive(Template)]
#[template(path = "console/missing.html")]
struct MissingPage {
    title: &'static str,
    message: String,
}

/// A page that is not there, or not to be had; says why.
pub(super) struct Missing {
    status: StatusCode,
    title: &'static str,
    message: String,
}

impl Missing {
    pub(super) fn not_found(message: impl Into<String>) -> Missing {
        Missing {
            status: StatusCode::NOT_FOUND,
            title: "Not found",
            message: message.into(),
        }
    }

    pub(super) fn failed(message: impl Into<String>) -> Missing {
        Missing {
            status: StatusCode::INTERNAL_SERVER_ERROR,
            title: "This went wrong",
            message: message.into(),
        }
    }
}

impl From<StoreError> for Missing {
    fn from(error: StoreError) -> Missing {
        let message = error.to_string();
        match error {
            StoreError::UnknownAggregate { .. }
            | StoreError::UnknownId { .. }
            | StoreError::NotYet { .. }
            | StoreError::NoSuchRevision { .. } => Missing::not_found(message),
            StoreError::WrongTopic { .. } | StoreError::Index(_) => Missing::failed(message),
            StoreError::At(_) | StoreError::Cursor(_) | StoreError::Limit { .. } => Missing {
                status: StatusCode::BAD_REQUEST,
                title: "Not understood",
                message,
            },
        }
    }
}

impl IntoResponse for Missing {
    fn into_response(self) -> Response {
        let page = MissingPage {
            title: self.title,
            message: self.message,
        };
        (self.status, Page(page)).into_response()
    }
}

/// Run work that reads the log off the connection's thread.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, Missing> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => Ok(result?),
        Err(error) => Err(Missing::failed(error.to_string())),
    }
}
