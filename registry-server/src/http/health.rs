//! Is the server alive, and is it ready? Asked in our own words, and in those of registries that people come from.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use axum::{
    Json,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::Shared;

/// Whether the server is ready; set once by whoever starts it. Clones share the flag.
#[derive(Clone, Debug, Default)]
pub struct Ready(Arc<AtomicBool>);

impl Ready {
    /// Says that the server is ready, or no longer is.
    pub fn set(&self, ready: bool) {
        self.0.store(ready, Ordering::Release);
    }

    /// Whether it is.
    #[must_use]
    pub fn is_set(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

pub(super) fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::default()
        .routes(routes!(healthz))
        .routes(routes!(readyz))
        .routes(routes!(health))
        .routes(routes!(master_available))
}

/// How the server is.
#[derive(Debug, Serialize, ToSchema)]
struct Health {
    /// `ok`, or `starting`.
    #[schema(example = "ok")]
    status: &'static str,
}

/// The process is alive and answers.
#[utoipa::path(get, path = "/healthz", tag = "server",
    responses((status = 200, description = "It is", body = Health)))]
async fn healthz() -> Json<Health> {
    Json(Health { status: "ok" })
}

/// Everything is recovered and the listeners are bound.
#[utoipa::path(get, path = "/readyz", tag = "server", responses(
    (status = 200, description = "The server is ready", body = Health),
    (status = 503, description = "It is not ready yet", body = Health)))]
async fn readyz(State(state): State<Shared>) -> Response {
    if state.ready.is_set() {
        Json(Health { status: "ok" }).into_response()
    } else {
        (
            StatusCode::SERVICE_UNAVAILABLE,
            Json(Health { status: "starting" }),
        )
            .into_response()
    }
}

/// The same as `/readyz`, at the path where Karapace answers.
#[utoipa::path(get, path = "/_health", tag = "server", responses(
    (status = 200, description = "The server is ready", body = Health),
    (status = 503, description = "It is not ready yet", body = Health)))]
async fn health(state: State<Shared>) -> Response {
    readyz(state).await
}

/// Whether writes can be sent.
#[derive(Debug, Serialize, ToSchema)]
struct Master {
    /// Every server takes writes once it is ready.
    master_available: bool,
}

/// Whether this registry takes writes, as Karapace says it.
#[utoipa::path(get, path = "/master_available", tag = "server",
    responses((status = 200, description = "Whether it does", body = Master)))]
async fn master_available(State(state): State<Shared>) -> Json<Master> {
    Json(Master {
        master_available: state.ready.is_set(),
    })
}
