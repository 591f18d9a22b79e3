//! The root, and what the server says about itself: to clients of this API and, in their words, to those of others.

use axum::extract::State;
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{Shared, error::Refusals, shapes::Answer};

pub(super) fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::default()
        .routes(routes!(root))
        .routes(routes!(metadata_id))
        .routes(routes!(metadata_version))
        .routes(routes!(metadata_deployment))
}

/// Answers an empty object: the registry is there.
#[utoipa::path(method(get, post), path = "/", tag = "server",
    responses((status = 200, description = "An empty object", body = Value), Refusals))]
async fn root() -> Answer<Value> {
    Answer(json!({}))
}

/// Names the clusters this registry belongs to.
#[utoipa::path(get, path = "/v1/metadata/id", tag = "server",
    responses((status = 200, description = "The clusters' ids", body = Value), Refusals))]
async fn metadata_id(State(state): State<Shared>) -> Answer<Value> {
    let clusters = json!({
        "kafka-cluster": state.cluster_id.as_ref(),
        "schema-registry-cluster": "annals",
    });
    Answer(json!({ "scope": { "path": [], "clusters": clusters }, "id": "" }))
}

/// The version of the API and of the server.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ServerVersion {
    /// The version of the registry API that is spoken.
    #[schema(example = "8.2.0")]
    version: &'static str,
    /// The server that speaks it.
    #[schema(example = "annals-0.1.0")]
    commit_id: &'static str,
}

/// Names the version of the API that is spoken.
#[utoipa::path(get, path = "/v1/metadata/version", tag = "server",
    responses((status = 200, description = "The version", body = ServerVersion), Refusals))]
async fn metadata_version(State(state): State<Shared>) -> Answer<ServerVersion> {
    Answer(ServerVersion {
        version: state.shape.api_version(),
        commit_id: concat!("annals-", env!("CARGO_PKG_VERSION")),
    })
}

/// What is known about the place the server runs in: nothing.
#[derive(Debug, Serialize, ToSchema)]
struct Deployment {
    /// Names for the kind of deployment.
    attributes: Vec<String>,
}

/// Names the kind of deployment.
#[utoipa::path(get, path = "/v1/metadata/deployment", tag = "server",
    responses((status = 200, description = "Its attributes", body = Deployment), Refusals))]
async fn metadata_deployment() -> Answer<Deployment> {
    Answer(Deployment {
        attributes: Vec::new(),
    })
}
