//! `/config`: settings for everything, for contexts and for single subjects.
//!
//! The level is called `compatibility` when it is written and in the answer to that, `compatibilityLevel` when it is
//! read: every client depends on it.

use axum::extract::State;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    Shared,
    error::{HttpError, Refusals},
    extract::{JsonBody, QueryOf, ScopeInPath, flag},
    shapes::Answer,
};
use crate::registry::{
    Config, Qualified, RegistryError,
    config::{LEVEL_READ, LEVEL_WRITTEN},
};

pub(super) fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::default()
        .routes(routes!(global, update_global, clear_global))
        .routes(routes!(subject, update_subject, clear_subject))
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

/// Settings as they are written: what is absent stays, what is `null` is cleared. Of the two names of the level this is
/// the one that clients write.
#[derive(Serialize, ToSchema)]
#[allow(dead_code, reason = "it describes what is read as a map")]
struct ConfigUpdate {
    /// How far new versions must be compatible.
    #[schema(example = "FULL")]
    compatibility: Option<String>,
    #[serde(flatten)]
    others: Config,
}

type JsonObject = Map<String, Value>;
type Answered = Result<Answer<JsonObject>, HttpError>;

/// The global settings.
#[utoipa::path(get, path = "/config", tag = "config", params(Scope),
    responses((status = 200, description = "The settings", body = Config), Refusals))]
async fn global(State(state): State<Shared>) -> Answer<JsonObject> {
    let whole = Qualified::parse("");
    let config = state.registry.read(|view| view.config_in_scope(&whole));
    Answer(in_force(&config).to_json(LEVEL_READ))
}

/// Changes the global settings.
#[utoipa::path(put, path = "/config", tag = "config", request_body = ConfigUpdate,
    responses((status = 200, description = "The settings now", body = ConfigUpdate), Refusals))]
async fn update_global(State(state): State<Shared>, JsonBody(update): JsonBody<JsonObject>) -> Answered {
    let config = state
        .registry
        .update_config(&Qualified::parse(""), update)
        .await?;
    Ok(Answer(config.to_json(LEVEL_WRITTEN)))
}

/// Clears the global settings; the server's own hold again.
#[utoipa::path(delete, path = "/config", tag = "config",
    responses((status = 200, description = "The settings as they were", body = Config), Refusals))]
async fn clear_global(State(state): State<Shared>) -> Answered {
    let old = state.registry.clear_config(&Qualified::parse("")).await?;
    Ok(Answer(in_force(&old).to_json(LEVEL_READ)))
}

/// The settings of a subject or a context.
#[utoipa::path(get, path = "/config/{subject}", tag = "config",
    params(("subject" = String, Path, description = "The subject, or a context such as `:.eu:`"), Scope),
    responses((status = 200, description = "The settings", body = Config), Refusals))]
async fn subject(
    State(state): State<Shared>,
    ScopeInPath(of): ScopeInPath,
    QueryOf(scope): QueryOf<Scope>,
) -> Answered {
    state.registry.read(|view| {
        let config = match scope.default_to_global {
            true => in_force(&view.config_in_scope(&of)),
            false => {
                let own = view.config(&of);
                Config::clone(own.ok_or_else(|| RegistryError::NoSubjectLevel(of.to_string()))?)
            }
        };
        Ok(Answer(config.to_json(LEVEL_READ)))
    })
}

/// Changes the settings of a subject, which need not exist yet, or of a context.
#[utoipa::path(put, path = "/config/{subject}", tag = "config", request_body = ConfigUpdate,
    params(("subject" = String, Path, description = "The subject, or a context such as `:.eu:`")),
    responses((status = 200, description = "The settings now", body = ConfigUpdate), Refusals))]
async fn update_subject(
    State(state): State<Shared>,
    ScopeInPath(of): ScopeInPath,
    JsonBody(update): JsonBody<JsonObject>,
) -> Answered {
    let config = state.registry.update_config(&of, update).await?;
    Ok(Answer(config.to_json(LEVEL_WRITTEN)))
}

/// Clears the settings of a subject or a context.
#[utoipa::path(delete, path = "/config/{subject}", tag = "config",
    params(("subject" = String, Path, description = "The subject, or a context such as `:.eu:`")),
    responses((status = 200, description = "The settings as they were", body = Config), Refusals))]
async fn clear_subject(State(state): State<Shared>, ScopeInPath(of): ScopeInPath) -> Answered {
    Ok(Answer(
        state.registry.clear_config(&of).await?.to_json(LEVEL_READ),
    ))
}

/// Settings over the server's own.
fn in_force(config: &Config) -> Config {
    Config {
        level: Some(config.standard().level),
        ..config.clone()
    }
}
