//! What can be done with the fold files: telling one to read with the newest schema versions.
//!
//! Which folds there are, and which do not run, is part of `GET /v1/aggregates`.

use std::sync::Arc;

use annals_event_store::http::{NoQuery, Problem};
use axum::{
    Json,
    extract::{
        Path, Query, State,
        rejection::{PathRejection, QueryRejection},
    },
    http::StatusCode,
};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::folds::{Folds, UpdateError, Updated};

/// The routes under `/v1/folds`.
pub fn routes() -> OpenApiRouter<Arc<Folds>> {
    OpenApiRouter::new().routes(routes!(update_fold))
}

/// Have a fold read its events with the newest schema versions from now on.
///
/// Its id changes with its readers. A fold that does not load with them runs on as it did.
#[utoipa::path(post, path = "/v1/folds/{name}/update", tag = "audit",
    params(("name" = String, Path, description = "The aggregate type, such as `order`.")),
    responses((status = 200, body = Updated),
        (status = 400, body = Problem, content_type = "application/problem+json"),
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
        Ok(updated) => Ok(Json(updated.map_err(problem)?)),
        Err(_) => Err(Problem::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "interrupted",
            "the update was interrupted",
        )),
    }
}

fn problem(error: UpdateError) -> Problem {
    let (status, code) = match &error {
        UpdateError::Unknown { .. } => (StatusCode::NOT_FOUND, "unknown-fold"),
        UpdateError::Folder(_) => (StatusCode::INTERNAL_SERVER_ERROR, "folder-unreadable"),
        UpdateError::Refused(_) | UpdateError::NotRunning(_) => (StatusCode::CONFLICT, "fold-not-loaded"),
    };
    Problem::new(status, code, error)
}
