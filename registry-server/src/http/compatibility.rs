//! `/compatibility`: may this schema follow?

use axum::extract::State;
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    Shared,
    error::{HttpError, Refusals},
    extract::{JsonBody, QueryOf, SubjectInPath, VersionInPath, flag},
    shapes::{Answer, CompatibilityAnswer, SchemaRequest},
};
use crate::registry::{Qualified, RegistryError, VersionSpec};

pub(super) fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::default()
        .routes(routes!(with_version))
        .routes(routes!(with_subject))
}

/// How to judge.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
struct JudgeParams {
    /// Say why a schema is not compatible.
    #[serde(deserialize_with = "flag")]
    verbose: bool,
    /// Bring the schema into its normal form first.
    #[serde(deserialize_with = "flag")]
    normalize: bool,
}

/// Checks a schema against one version of a subject, at the level in force there.
#[utoipa::path(post, path = "/compatibility/subjects/{subject}/versions/{version}", tag = "compatibility",
    request_body = SchemaRequest, params(JudgeParams,
        ("subject" = String, Path, description = "The subject"),
        ("version" = String, Path, description = "A number from 1, or `latest`")),
    responses((status = 200, description = "The verdict", body = CompatibilityAnswer), Refusals))]
async fn with_version(
    State(state): State<Shared>,
    path: VersionInPath,
    QueryOf(params): QueryOf<JudgeParams>,
    JsonBody(body): JsonBody<SchemaRequest>,
) -> Result<Answer<CompatibilityAnswer>, HttpError> {
    judge(&state, &path.subject, Some(path.version), &params, body).await
}

/// Checks a schema as registering it would: against as many versions as the level in force asks for.
#[utoipa::path(post, path = "/compatibility/subjects/{subject}/versions", tag = "compatibility",
    request_body = SchemaRequest,
    params(("subject" = String, Path, description = "The subject"), JudgeParams),
    responses((status = 200, description = "The verdict", body = CompatibilityAnswer), Refusals))]
async fn with_subject(
    State(state): State<Shared>,
    SubjectInPath(subject): SubjectInPath,
    QueryOf(params): QueryOf<JudgeParams>,
    JsonBody(body): JsonBody<SchemaRequest>,
) -> Result<Answer<CompatibilityAnswer>, HttpError> {
    judge(&state, &subject, None, &params, body).await
}

async fn judge(
    state: &Shared,
    subject: &Qualified,
    against: Option<VersionSpec>,
    params: &JudgeParams,
    body: SchemaRequest,
) -> Result<Answer<CompatibilityAnswer>, HttpError> {
    let answer = |messages: Vec<String>| {
        let is_compatible = messages.is_empty();
        Answer(CompatibilityAnswer {
            is_compatible,
            messages: params.verbose.then_some(messages),
        })
    };
    match state
        .registry
        .judge(subject, against, body.into_request(params.normalize))
        .await
    {
        Ok(verdict) => Ok(answer(verdict.messages)),
        Err(error @ RegistryError::InvalidSchema(_)) if params.verbose => Ok(answer(vec![error.to_string()])),
        Err(error) => Err(error.into()),
    }
}
