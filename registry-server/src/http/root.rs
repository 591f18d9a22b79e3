//! The root, contexts, modes, and what the server says about itself.

use axum::extract::State;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    Shared,
    error::{HttpError, Refusals},
    extract::{PathOf, QueryOf, flag},
    page::Page,
    shapes::{Answer, ModeAnswer},
};
use crate::registry::RegistryError;

/// The version of the registry API that is spoken: clients look at it to learn what they may ask for.
const API_VERSION: &str = "8.0.0";

pub(super) fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::default()
        .routes(routes!(root))
        .routes(routes!(contexts))
        .routes(routes!(global_mode))
        .routes(routes!(subject_mode))
        .routes(routes!(metadata_id))
        .routes(routes!(metadata_version))
}

/// Answers an empty object: the registry is there.
#[utoipa::path(method(get, post), path = "/", tag = "server",
    responses((status = 200, description = "An empty object", body = Value), Refusals))]
async fn root() -> Answer<Value> {
    Answer(json!({}))
}

/// Lists the contexts.
#[utoipa::path(get, path = "/contexts", tag = "server", params(
        ("offset" = Option<i64>, Query, description = "How many to skip"),
        ("limit" = Option<i64>, Query, description = "How many to answer")),
    responses((status = 200, description = "The contexts' names", body = Vec<String>), Refusals))]
async fn contexts(QueryOf(page): QueryOf<Page>) -> Answer<Vec<&'static str>> {
    Answer(page.of(["."].into_iter(), usize::MAX))
}

/// Whether to fall back to what holds for all subjects.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", default)]
#[into_params(parameter_in = Query)]
pub(super) struct Scope {
    /// Answer what is in force, be it set for the subject or for all.
    #[serde(deserialize_with = "flag")]
    pub(super) default_to_global: bool,
}

/// The mode of the registry.
#[utoipa::path(get, path = "/mode", tag = "mode", params(Scope),
    responses((status = 200, description = "The mode", body = ModeAnswer), Refusals))]
async fn global_mode() -> Answer<ModeAnswer> {
    Answer(ModeAnswer { mode: "READWRITE" })
}

/// The mode of a subject.
#[utoipa::path(get, path = "/mode/{subject}", tag = "mode",
    params(("subject" = String, Path, description = "The subject"), Scope),
    responses((status = 200, description = "The mode", body = ModeAnswer), Refusals))]
async fn subject_mode(
    PathOf(subject): PathOf<String>,
    QueryOf(scope): QueryOf<Scope>,
) -> Result<Answer<ModeAnswer>, HttpError> {
    if scope.default_to_global {
        Ok(Answer(ModeAnswer { mode: "READWRITE" }))
    } else {
        Err(RegistryError::NoSubjectMode(subject).into())
    }
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
    #[schema(example = "8.0.0")]
    version: &'static str,
    /// The server that speaks it.
    #[schema(example = "annals-0.1.0")]
    commit_id: &'static str,
}

/// Names the version of the API that is spoken.
#[utoipa::path(get, path = "/v1/metadata/version", tag = "server",
    responses((status = 200, description = "The version", body = ServerVersion), Refusals))]
async fn metadata_version() -> Answer<ServerVersion> {
    Answer(ServerVersion {
        version: API_VERSION,
        commit_id: concat!("annals-", env!("CARGO_PKG_VERSION")),
    })
}
