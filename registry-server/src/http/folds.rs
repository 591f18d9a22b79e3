//! What can be done with the folds: telling one to read with the newest schema versions, asking what a changed one would
//! make of the history there is, and taking one in.
//!
//! Which folds there are, and which do not run, is part of `GET /v1/aggregates`. A fold is sent as its YAML text; a request
//! that calls it something else is refused.

use std::sync::Arc;

use annals_event_store::declarative::{LoadError, TEXT_BYTES_MAX};
use annals_event_store::http::{Answers, Clock, Mistake, NoQuery, Problem, point};
use annals_event_store::{LIST_LIMIT_DEFAULT, WhatIf, canonical};
use axum::{
    Extension, Json,
    extract::{
        FromRequest, Path, Query, Request, State,
        rejection::{PathRejection, QueryRejection},
    },
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::extract::body_bytes;
use crate::folds::{Folds, LoadedFold, SentError, UpdateError, Updated};

/// The routes under `/v1/folds`.
pub fn routes(clock: Clock, answers: Answers) -> OpenApiRouter<Arc<Folds>> {
    OpenApiRouter::new()
        .routes(routes!(load_fold))
        .routes(routes!(what_if))
        .routes(routes!(update_fold))
        .layer(Extension(clock))
        .layer(Extension(answers))
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct WhatIfQuery {
    /// As of when: absent for the head, `now`, an RFC 3339 time (UTC when it names no zone), a date (its end, in UTC),
    /// `-2h`, a full cut `0=12,1=40`, or `offset:N` where there is one partition.
    at: Option<String>,
    /// The most aggregates that differ on the page, 1 to 1000; 100 when absent. Much to compare makes a page shorter.
    limit: Option<usize>,
    /// The `next_cursor` of the page before, which was of the same fold. It carries that page's cut: leave `at` out, or as it
    /// was.
    cursor: Option<String>,
}

/// Have a fold read its events with the newest schema versions from now on.
///
/// Its id changes with its readers. A fold that does not load with them runs on as it did.
#[utoipa::path(post, path = "/v1/folds/{name}/update", tag = "audit",
    params(("name" = String, Path, description = "The aggregate type, such as `order`; `order@1` by revision 1 of its fold.")),
    responses((status = 200, body = Updated),
        (status = 400, body = Problem, content_type = "application/problem+json"),
        (status = 403, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 409, body = Problem, content_type = "application/problem+json"),
        (status = 500, body = Problem, content_type = "application/problem+json")))]
async fn update_fold(
    State(folds): State<Arc<Folds>>,
    name: Result<Path<String>, PathRejection>,
    query: Result<Query<NoQuery>, QueryRejection>,
) -> Result<Json<Updated>, Problem> {
    let (Path(name), Query(NoQuery {})) = (name?, query?);
    match tokio::task::spawn_blocking(move || folds.update(&name)).await {
        Ok(updated) => Ok(Json(updated.map_err(not_updated)?)),
        Err(_) => Err(interrupted()),
    }
}

/// Take a fold in: its text is checked, kept in the server's folder, and runs at once, beside its other revisions.
///
/// What was answered by a revision stays what it was: another text of the same `rev` is refused, and the same one changes
/// nothing. A fold that is wrong in itself is told place by place, in `mistakes`.
#[utoipa::path(post, path = "/v1/folds", tag = "audit",
    request_body(content = String, content_type = "application/yaml", description = "The fold."),
    responses((status = 200, body = LoadedFold),
        (status = 400, body = Problem, content_type = "application/problem+json"),
        (status = 403, body = Problem, content_type = "application/problem+json"),
        (status = 408, body = Problem, content_type = "application/problem+json"),
        (status = 409, body = Problem, content_type = "application/problem+json"),
        (status = 413, body = Problem, content_type = "application/problem+json"),
        (status = 415, body = Problem, content_type = "application/problem+json"),
        (status = 422, body = Problem, content_type = "application/problem+json"),
        (status = 500, body = Problem, content_type = "application/problem+json")))]
async fn load_fold(
    State(folds): State<Arc<Folds>>,
    query: Result<Query<NoQuery>, QueryRejection>,
    FoldText(text): FoldText,
) -> Result<Json<LoadedFold>, Problem> {
    let Query(NoQuery {}) = query?;
    match tokio::task::spawn_blocking(move || folds.load(&text)).await {
        Ok(loaded) => Ok(Json(loaded.map_err(no_use)?)),
        Err(_) => Err(interrupted()),
    }
}

/// What a changed fold would make of the history there is, beside the newest revision that runs: which aggregates differ,
/// how, and from which event on, page by page.
///
/// Nothing is changed by it. The fold is checked, and reads its events, as if it were taken in.
#[utoipa::path(post, path = "/v1/folds/diff", tag = "audit", params(WhatIfQuery),
    request_body(content = String, content_type = "application/yaml", description = "The changed fold."),
    responses((status = 200, body = WhatIf),
        (status = 400, body = Problem, content_type = "application/problem+json"),
        (status = 403, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 408, body = Problem, content_type = "application/problem+json"),
        (status = 409, body = Problem, content_type = "application/problem+json"),
        (status = 413, body = Problem, content_type = "application/problem+json"),
        (status = 415, body = Problem, content_type = "application/problem+json"),
        (status = 422, body = Problem, content_type = "application/problem+json"),
        (status = 503, body = Problem, content_type = "application/problem+json")))]
async fn what_if(
    State(folds): State<Arc<Folds>>,
    Extension(clock): Extension<Clock>,
    Extension(answers): Extension<Answers>,
    query: Result<Query<WhatIfQuery>, QueryRejection>,
    FoldText(text): FoldText,
) -> Result<Response, Problem> {
    let Query(query) = query?;
    let at = point("at", query.at.as_deref(), &clock)?;
    let limit = query.limit.unwrap_or(LIST_LIMIT_DEFAULT);
    let body = answers.give(move |out, work| {
        let cursor = query.cursor.as_deref();
        let what_if = folds.what_if(&text, &at, limit, cursor, work).map_err(no_use)?;
        canonical::write_answer(out, &what_if)
            .map_err(|error| Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "unwritable", error))
    });
    let json = HeaderValue::from_static("application/json");
    Ok(([(header::CONTENT_TYPE, json)], body.await?).into_response())
}

/// The text of a fold, as the body of a request.
struct FoldText(String);

impl<S: Send + Sync> FromRequest<S> for FoldText {
    type Rejection = Response;

    async fn from_request(request: Request, state: &S) -> Result<FoldText, Response> {
        if let Some(kind) = request.headers().get(header::CONTENT_TYPE)
            && !is_yaml(kind)
        {
            let text = format!(
                "a fold is YAML, and the request calls it {kind:?}; send it with content-type: application/yaml"
            );
            let problem = Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "not-yaml", text);
            return Err(problem.into_response());
        }
        let bytes = body_bytes(request, state, TEXT_BYTES_MAX).await;
        let bytes = bytes.map_err(|error| error.at("/v1/folds"))?;
        let text = String::from_utf8(bytes.into());
        text.map(FoldText).map_err(|error| {
            let text = format!("a fold is text in UTF-8: {error}");
            Problem::new(StatusCode::BAD_REQUEST, "bad-body", text).into_response()
        })
    }
}

/// Whether a media type may be that of YAML.
fn is_yaml(kind: &HeaderValue) -> bool {
    let kind = kind.to_str().unwrap_or_default();
    let essence = kind
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase();
    matches!(
        essence.as_str(),
        "application/yaml" | "application/x-yaml" | "text/yaml" | "text/x-yaml" | "text/plain"
    )
}

fn interrupted() -> Problem {
    Problem::new(
        StatusCode::INTERNAL_SERVER_ERROR,
        "interrupted",
        "the work was interrupted",
    )
}

fn not_updated(error: UpdateError) -> Problem {
    let (status, code) = match &error {
        UpdateError::Unknown { .. } => (StatusCode::NOT_FOUND, "unknown-fold"),
        UpdateError::Folder(_) => (StatusCode::INTERNAL_SERVER_ERROR, "folder-unreadable"),
        UpdateError::Refused(_) | UpdateError::NotRunning(_) => (StatusCode::CONFLICT, "fold-not-loaded"),
    };
    Problem::new(status, code, error)
}

fn no_use(error: SentError) -> Problem {
    let (status, code) = match &error {
        SentError::Wrong(wrong) => {
            let mut problem = Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "bad-fold", &error);
            problem.mistakes = wrong.iter().map(mistake).collect();
            return problem;
        }
        SentError::Store(error) => return error.clone().into(),
        SentError::Other { .. } => (StatusCode::CONFLICT, "other-content"),
        SentError::Elsewhere { .. } => (StatusCode::CONFLICT, "other-topics"),
        SentError::InTheWay(_) => (StatusCode::CONFLICT, "in-the-way"),
        SentError::TooMany(_) => (StatusCode::CONFLICT, "too-many-folds"),
        SentError::Refused(_) | SentError::NotRunning(_) => (StatusCode::CONFLICT, "fold-not-loaded"),
        SentError::Folder(_) => (StatusCode::INTERNAL_SERVER_ERROR, "folder-unreadable"),
    };
    Problem::new(status, code, error)
}

fn mistake(wrong: &LoadError) -> Mistake {
    Mistake {
        line: wrong.line,
        column: wrong.column,
        bytes: wrong.span.map(|span| [span.start, span.end]),
        message: wrong.message.clone(),
    }
}
