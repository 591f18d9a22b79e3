//! From a template or an error to a response.

use std::fmt::Display;
use std::sync::Arc;

use annals_event_store::http::{Answers, NoAnswer};
use annals_event_store::{AggregateInfo, EventStore, StoreError, WaitedFor};
use askama::Template;
use axum::body::Body;
use axum::extract::FromRequestParts;
use axum::http::header::{CONTENT_SECURITY_POLICY, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS};
use axum::http::request::Parts;
use axum::http::{StatusCode, Uri};
use axum::response::{Html, IntoResponse, Response};

/// Nothing but our own files, and no inline code: a value from the log can never become one.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; form-action 'self'; \
                      base-uri 'none'; frame-ancestors 'none'";

/// A filled template, ready to be sent.
pub(super) struct Page<T>(pub(super) T);

impl<T: Template> IntoResponse for Page<T> {
    fn into_response(self) -> Response {
        match self.0.render() {
            Ok(html) => sent(html),
            Err(error) => {
                tracing::error!(%error, "a console page could not be rendered");
                StatusCode::INTERNAL_SERVER_ERROR.into_response()
            }
        }
    }
}

fn sent(html: impl Into<Body>) -> Response {
    let headers = [
        (CONTENT_SECURITY_POLICY, POLICY),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        // A page's address holds ids, which are nobody else's business.
        (REFERRER_POLICY, "same-origin"),
    ];
    (headers, Html(html.into())).into_response()
}

/// A page that is made from the log: asked for and filled within the budget of all answers under way.
pub(super) async fn answered<T: Template>(
    answers: &Answers,
    events: &Arc<EventStore>,
    make: impl FnOnce(&EventStore) -> Result<T, Missing> + Send + 'static,
) -> Result<Response, Missing> {
    let events = Arc::clone(events);
    let body = answers.give(move |out, work| {
        let page = make(&events.at_work(work))?;
        Template::write_into(&page, out).map_err(|error| Missing::failed(error.to_string()))
    });
    match body.await {
        Ok(body) => Ok(sent(body)),
        Err(NoAnswer::Refused(missing)) => Err(missing),
        Err(NoAnswer::Busy) => Err(Missing {
            status: StatusCode::SERVICE_UNAVAILABLE,
            title: "Busy",
            message: "too many answers are under way; ask again in a moment".to_owned(),
        }),
        Err(NoAnswer::Interrupted) => Err(Missing::failed("the answer was interrupted")),
    }
}

/// A text that is not too long for its place; what is left out is told.
pub(super) fn shortened(text: String, chars_max: usize) -> String {
    match text.char_indices().nth(chars_max) {
        None => text,
        Some((end, _)) => {
            let more = text[end..].chars().count();
            format!("{}… ({more} more characters)", &text[..end])
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

    pub(super) fn not_understood(message: impl Into<String>) -> Missing {
        Missing {
            status: StatusCode::BAD_REQUEST,
            title: "Not understood",
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
            | StoreError::Deleted { .. }
            | StoreError::NoSuchRevision { .. } => Missing::not_found(message),
            StoreError::WrongTopic { .. }
            | StoreError::TooManyTopics { .. }
            | StoreError::Index(_)
            | StoreError::IndexFull { .. }
            | StoreError::Shortened { .. }
            | StoreError::Stopped => Missing::failed(message),
            StoreError::At(_)
            | StoreError::Backwards { .. }
            | StoreError::Cursor(_)
            | StoreError::Question { .. }
            | StoreError::Undecided { .. }
            | StoreError::Ordered { .. }
            | StoreError::OrderedBytes { .. }
            | StoreError::Limit { .. }
            | StoreError::OtherFolds
            | StoreError::OtherQuestion
            | StoreError::PlaceGone
            | StoreError::OtherPoint
            | StoreError::SeveralTopics { .. }
            | StoreError::TooMuchWork { .. } => Missing::not_understood(message),
        }
    }
}

impl IntoResponse for Missing {
    fn into_response(self) -> Response {
        let page = MissingPage {
            title: self.title,
            message: sentence(&self.message),
        };
        (self.status, Page(page)).into_response()
    }
}

/// Errors begin small and without a full stop, to stand inside others; on a page they stand alone.
pub(super) fn sentence(message: &str) -> String {
    let mut letters = message.chars();
    let first = letters.next().map(char::to_uppercase);
    let stop = if message.ends_with(['.', '?', '!']) {
        ""
    } else {
        "."
    };
    format!(
        "{}{}{stop}",
        first.into_iter().flatten().collect::<String>(),
        letters.as_str()
    )
}

/// An extractor whose refusal is a page too.
pub(super) struct Clear<E>(pub(super) E);

impl<S, E> FromRequestParts<S> for Clear<E>
where
    S: Send + Sync,
    E: FromRequestParts<S>,
    E::Rejection: Display,
{
    type Rejection = Missing;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Clear<E>, Missing> {
        match E::from_request_parts(parts, state).await {
            Ok(extracted) => Ok(Clear(extracted)),
            Err(rejection) => {
                let text = rejection.to_string();
                let why = text
                    .strip_prefix("Failed to deserialize query string: ")
                    .unwrap_or(&text);
                Err(Missing::not_understood(format!(
                    "this address cannot be read: {why}"
                )))
            }
        }
    }
}

/// The answer to an address of the console that is none of its pages.
pub(super) async fn nowhere(uri: Uri) -> Missing {
    Missing::not_found(format!("the console has no page {}", uri.path()))
}

/// The aggregates there are, looked up off the connection's thread for as long as somebody waits for them.
pub(super) async fn aggregates(events: &EventStore) -> Result<Vec<AggregateInfo>, Missing> {
    let waited_for = WaitedFor::default();
    let events = events.at_work(waited_for.work());
    let looked_up = tokio::task::spawn_blocking(move || events.aggregates()).await;
    looked_up.map_err(|error| Missing::failed(error.to_string()))
}
