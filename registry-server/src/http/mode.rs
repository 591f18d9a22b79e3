//! `/mode`: what may be done with a subject, a context, or anything at all.

use axum::extract::State;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    Shared,
    config::Scope,
    error::{HttpError, Refusals},
    extract::{JsonBody, QueryOf, ScopeInPath, flag},
    shapes::Answer,
};
use crate::registry::{Mode, Qualified, RegistryError};

pub(super) fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::default()
        .routes(routes!(global, set_global, clear_global))
        .routes(routes!(subject, set_subject, clear_subject))
}

/// A mode; without one, it is cleared.
#[derive(Debug, Serialize, ToSchema)]
struct ModeBody {
    /// `READWRITE`, `READONLY`, `READONLY_OVERRIDE`, `IMPORT`, or `FORWARD` (for all contexts together alone).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "READWRITE")]
    mode: Option<&'static str>,
}

impl From<Option<Mode>> for Answer<ModeBody> {
    fn from(mode: Option<Mode>) -> Answer<ModeBody> {
        let mode = mode.map(Mode::name);
        Answer(ModeBody { mode })
    }
}

/// How to set a mode.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
struct SetParams {
    /// Go into IMPORT mode even if there are subjects.
    #[serde(deserialize_with = "flag")]
    force: bool,
}

/// How to clear a mode.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
struct ClearParams {
    /// Clear those of the subjects in the context as well.
    #[serde(deserialize_with = "flag")]
    recursive: bool,
}

type Answered = Result<Answer<ModeBody>, HttpError>;

/// The mode of the registry.
#[utoipa::path(get, path = "/mode", tag = "mode", params(Scope),
    responses((status = 200, description = "The mode", body = ModeBody), Refusals))]
async fn global(State(state): State<Shared>) -> Answer<ModeBody> {
    let whole = Qualified::parse("");
    state
        .registry
        .read(|view| Some(view.mode_in_scope(&whole)).into())
}

/// Sets the mode of the registry.
#[utoipa::path(put, path = "/mode", tag = "mode", params(SetParams), request_body = ModeBody,
    responses((status = 200, description = "The mode now", body = ModeBody), Refusals))]
async fn set_global(
    State(state): State<Shared>,
    QueryOf(params): QueryOf<SetParams>,
    JsonBody(body): JsonBody<Map<String, Value>>,
) -> Answered {
    set(&state, &Qualified::parse(""), &params, &body).await
}

/// Clears the mode of the registry.
#[utoipa::path(delete, path = "/mode", tag = "mode", params(ClearParams),
    responses((status = 200, description = "The mode as it was", body = ModeBody), Refusals))]
async fn clear_global(State(state): State<Shared>, QueryOf(params): QueryOf<ClearParams>) -> Answered {
    let old = state
        .registry
        .clear_mode(&Qualified::parse(""), params.recursive)
        .await?;
    Ok(Some(old.unwrap_or_default()).into())
}

/// The mode of a subject or a context.
#[utoipa::path(get, path = "/mode/{subject}", tag = "mode",
    params(("subject" = String, Path, description = "The subject, or a context such as `:.eu:`"), Scope),
    responses((status = 200, description = "The mode", body = ModeBody), Refusals))]
async fn subject(
    State(state): State<Shared>,
    ScopeInPath(of): ScopeInPath,
    QueryOf(scope): QueryOf<Scope>,
) -> Answered {
    state.registry.read(|view| {
        let mode = match scope.default_to_global {
            true => view.mode_in_scope(&of),
            false => view
                .mode(&of)
                .ok_or_else(|| RegistryError::NoSubjectMode(of.to_string()))?,
        };
        Ok(Some(mode).into())
    })
}

/// Sets the mode of a subject, which need not exist yet, or of a context.
#[utoipa::path(put, path = "/mode/{subject}", tag = "mode", request_body = ModeBody,
    params(("subject" = String, Path, description = "The subject, or a context such as `:.eu:`"), SetParams),
    responses((status = 200, description = "The mode now", body = ModeBody), Refusals))]
async fn set_subject(
    State(state): State<Shared>,
    ScopeInPath(of): ScopeInPath,
    QueryOf(params): QueryOf<SetParams>,
    JsonBody(body): JsonBody<Map<String, Value>>,
) -> Answered {
    set(&state, &of, &params, &body).await
}

/// Clears the mode of a subject or a context.
#[utoipa::path(delete, path = "/mode/{subject}", tag = "mode",
    params(("subject" = String, Path, description = "The subject, or a context such as `:.eu:`"), ClearParams),
    responses((status = 200, description = "The mode as it was", body = ModeBody), Refusals))]
async fn clear_subject(
    State(state): State<Shared>,
    ScopeInPath(of): ScopeInPath,
    QueryOf(params): QueryOf<ClearParams>,
) -> Answered {
    Ok(state.registry.clear_mode(&of, params.recursive).await?.into())
}

/// A mode that is `null` is cleared; one that is missing is a mistake.
async fn set(state: &Shared, of: &Qualified, params: &SetParams, body: &Map<String, Value>) -> Answered {
    let mode: Option<Mode> = match body.get("mode") {
        Some(Value::Null) => None,
        Some(Value::String(name)) => Some(name.parse()?),
        Some(other) => return Err(RegistryError::InvalidMode(other.to_string()).into()),
        None => return Err(RegistryError::InvalidMode(String::new()).into()),
    };
    state.registry.set_mode(of, mode, params.force).await?;
    Ok(mode.into())
}
