//! Is the server alive, is it ready, and how is its log? Asked in our own words, and in those of registries that people
//! come from.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use annals_broker::LogState;
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

/// Asks how the log is.
type AskLog = Arc<dyn Fn() -> LogState + Send + Sync>;

/// Whether the server is ready: whoever starts it says so, and the log must take records. Clones share the answer.
#[derive(Clone, Default)]
pub struct Ready {
    started: Arc<AtomicBool>,
    log: Option<AskLog>,
}

impl Ready {
    /// Of a server with a log.
    pub fn with_log(log: impl Fn() -> LogState + Send + Sync + 'static) -> Ready {
        Ready {
            started: Arc::default(),
            log: Some(Arc::new(log)),
        }
    }

    /// Says that the server is ready, or no longer is.
    pub fn set(&self, ready: bool) {
        self.started.store(ready, Ordering::Release);
    }

    /// Whether it is.
    #[must_use]
    pub fn is_set(&self) -> bool {
        self.started.load(Ordering::Acquire)
    }

    /// How the log is; of a server without one, as if it were well.
    pub(super) fn log(&self) -> LogState {
        self.log.as_ref().map(|ask| ask()).unwrap_or_default()
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
#[derive(Debug, Default, Serialize, ToSchema)]
struct Health {
    /// `ok`, `starting`, `full` (records are refused until there is room) or `stopped` (no record is taken until a
    /// restart).
    #[schema(example = "ok")]
    status: &'static str,
    /// Why it is not `ok`.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// Partitions of which something cannot be read, such as `orders/0`; all others are served.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    damaged: Vec<String>,
}

/// The process is alive and answers.
#[utoipa::path(get, path = "/healthz", tag = "server",
    responses((status = 200, description = "It is", body = Health)))]
async fn healthz() -> Json<Health> {
    Json(Health {
        status: "ok",
        ..Health::default()
    })
}

/// Everything is recovered, the listeners are bound, and the log takes records.
#[utoipa::path(get, path = "/readyz", tag = "server", responses(
    (status = 200, description = "The server is ready", body = Health),
    (status = 503, description = "It is not ready yet, or its log takes no records", body = Health)))]
async fn readyz(State(state): State<Shared>) -> Response {
    let log = state.ready.log();
    let health = Health {
        status: match &log {
            _ if !state.ready.is_set() => "starting",
            LogState { stopped: Some(_), .. } => "stopped",
            LogState {
                refusing: Some(_), ..
            } => "full",
            _ => "ok",
        },
        reason: log.trouble().map(str::to_owned),
        damaged: log
            .damaged
            .iter()
            .map(|damaged| format!("{}/{}", damaged.topic, damaged.partition))
            .collect(),
    };
    if health.status == "ok" {
        Json(health).into_response()
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, Json(health)).into_response()
    }
}

/// The same as `/readyz`, at the path where Karapace answers.
#[utoipa::path(get, path = "/_health", tag = "server", responses(
    (status = 200, description = "The server is ready", body = Health),
    (status = 503, description = "It is not ready yet, or its log takes no records", body = Health)))]
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
