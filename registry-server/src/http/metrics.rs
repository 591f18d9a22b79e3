//! `/metrics`: the figures of the server, for Prometheus. Whoever may read the registry may read them.

use axum::{
    extract::State,
    http::header::CONTENT_TYPE,
    response::{IntoResponse, Response},
};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::Shared;

/// Prometheus' text format.
const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";

pub(super) fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::default().routes(routes!(metrics))
}

/// The figures of the server, for Prometheus: log, topics, groups, requests, registry, folds, process.
#[utoipa::path(get, path = "/metrics", tag = "server", responses(
    (status = 200, description = "Metrics, a line each", body = String, content_type = "text/plain; version=0.0.4; charset=utf-8")))]
async fn metrics(State(state): State<Shared>) -> Response {
    let text = state.metrics.text(&state.registry, state.ready.log()).await;
    ([(CONTENT_TYPE, TEXT)], text).into_response()
}
