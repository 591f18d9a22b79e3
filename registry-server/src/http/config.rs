//! `/config`: settings for all subjects and for single ones.
//!
//! The level is called `compatibility` when it is written and in the answer to that, `compatibilityLevel` when it is
//! read: every client depends on it.

use axum::extract::State;
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    Shared,
    error::{HttpError, Refusals},
    extract::{JsonBody, QueryOf, SubjectInPath},
    root::Scope,
    shapes::Answer,
};
use crate::registry::{Config, Qualified, RegistryError};

const READ: &str = "compatibilityLevel";
const WRITTEN: &str = "compatibility";

pub(super) fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::default()
        .routes(routes!(global, update_global, clear_global))
        .routes(routes!(subject, update_subject, clear_subject))
}

/// Settings as they are read. Other settings that were written are given back too.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[allow(dead_code, reason = "it describes what is answered from a map")]
struct ConfigAnswer {
    /// How far new versions must be compatible.
    #[schema(example = "BACKWARD")]
    compatibility_level: Option<String>,
    /// Whether schemas are brought into their normal form.
    normalize: Option<bool>,
    /// The metadata property that splits versions into groups.
    compatibility_group: Option<String>,
}

/// Settings as they are written: what is absent stays, what is `null` is cleared.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[allow(dead_code, reason = "it describes what is read as a map")]
struct ConfigUpdate {
    /// How far new versions must be compatible.
    #[schema(example = "FULL")]
    compatibility: Option<String>,
    /// Whether schemas are brought into their normal form.
    normalize: Option<bool>,
    /// The metadata property that splits versions into groups.
    compatibility_group: Option<String>,
}

type JsonObject = Map<String, Value>;

/// The global settings.
#[utoipa::path(get, path = "/config", tag = "config", params(Scope),
    responses((status = 200, description = "The settings", body = ConfigAnswer), Refusals))]
async fn global(State(state): State<Shared>) -> Answer<JsonObject> {
    Answer(
        state
            .registry
            .read(|view| in_force(&view.config_in_scope(&Qualified::parse(""))).to_json(READ)),
    )
}

/// Changes the global settings.
#[utoipa::path(put, path = "/config", tag = "config", request_body = ConfigUpdate,
    responses((status = 200, description = "The settings now", body = ConfigUpdate), Refusals))]
async fn update_global(
    State(state): State<Shared>,
    JsonBody(update): JsonBody<JsonObject>,
) -> Result<Answer<JsonObject>, HttpError> {
    Ok(Answer(
        state
            .registry
            .update_config(&Qualified::parse(""), update)
            .await?
            .to_json(WRITTEN),
    ))
}

/// Takes the global settings back to the server's own.
#[utoipa::path(delete, path = "/config", tag = "config",
    responses((status = 200, description = "The settings as they were", body = ConfigAnswer), Refusals))]
async fn clear_global(State(state): State<Shared>) -> Result<Answer<JsonObject>, HttpError> {
    Ok(Answer(
        in_force(&state.registry.clear_config(&Qualified::parse("")).await?).to_json(READ),
    ))
}

/// The settings of a subject.
#[utoipa::path(get, path = "/config/{subject}", tag = "config",
    params(("subject" = String, Path, description = "The subject"), Scope),
    responses((status = 200, description = "The settings", body = ConfigAnswer), Refusals))]
async fn subject(
    State(state): State<Shared>,
    SubjectInPath(subject): SubjectInPath,
    QueryOf(scope): QueryOf<Scope>,
) -> Result<Answer<JsonObject>, HttpError> {
    state.registry.read(|view| {
        let config = if scope.default_to_global {
            in_force(&view.config_in_scope(&subject))
        } else {
            let own = view.config(&subject);
            Config::clone(own.ok_or_else(|| RegistryError::NoSubjectLevel(subject.to_string()))?)
        };
        Ok(Answer(config.to_json(READ)))
    })
}

/// Changes the settings of a subject, which need not exist yet.
#[utoipa::path(put, path = "/config/{subject}", tag = "config", request_body = ConfigUpdate,
    params(("subject" = String, Path, description = "The subject")),
    responses((status = 200, description = "The settings now", body = ConfigUpdate), Refusals))]
async fn update_subject(
    State(state): State<Shared>,
    SubjectInPath(subject): SubjectInPath,
    JsonBody(update): JsonBody<JsonObject>,
) -> Result<Answer<JsonObject>, HttpError> {
    Ok(Answer(
        state
            .registry
            .update_config(&subject, update)
            .await?
            .to_json(WRITTEN),
    ))
}

/// Clears the settings of a subject.
#[utoipa::path(delete, path = "/config/{subject}", tag = "config",
    params(("subject" = String, Path, description = "The subject")),
    responses((status = 200, description = "The settings as they were", body = ConfigAnswer), Refusals))]
async fn clear_subject(
    State(state): State<Shared>,
    SubjectInPath(subject): SubjectInPath,
) -> Result<Answer<JsonObject>, HttpError> {
    Ok(Answer(state.registry.clear_config(&subject).await?.to_json(READ)))
}

/// Settings over the server's own.
fn in_force(config: &Config) -> Config {
    Config {
        level: Some(config.standard().level),
        ..config.clone()
    }
}
