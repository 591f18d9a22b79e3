//! `/compatibility`: may this schema follow?

use std::collections::BTreeMap;

use annals_schema_model::{Finding, Policy, Version};
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    Shared,
    error::{HttpError, Refusals},
    extract::{JsonBody, QueryOf, SubjectInPath, VersionInPath, flag},
    request::SchemaRequest,
    shapes::Answer,
};
use crate::{
    registry::{Qualified, RegistryError, Verdict, VersionSpec},
    service::ServiceError,
};

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
    /// Answer `findings` and `policies` as well: an addition of this server's own.
    #[serde(deserialize_with = "flag")]
    explain: bool,
}

/// The outcome of a compatibility check.
#[derive(Debug, Serialize, ToSchema)]
struct CompatibilityAnswer {
    /// Whether the schema may follow.
    is_compatible: bool,
    /// Why not; only when `verbose` was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    messages: Option<Vec<String>>,
    /// Every incompatibility with the first version that has any; only when `explain` was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    findings: Option<Vec<FindingBody>>,
    /// Whether the schema may follow by each policy, all else being equal; only when `explain` was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    policies: Option<BTreeMap<&'static str, bool>>,
}

/// One incompatibility.
#[derive(Debug, Serialize, ToSchema)]
struct FindingBody {
    /// The code of the rule that is broken.
    #[schema(example = "READER_FIELD_MISSING_DEFAULT_VALUE")]
    rule: &'static str,
    /// Where: a JSON pointer in Avro and JSON Schema, `#/Message/3` in Protobuf.
    path: String,
    /// The line in the schema that was sent, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<u32>,
    /// The column there, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    column: Option<u32>,
    /// Who cannot read whom: `BACKWARD` when the new schema cannot read old data, `FORWARD` the other way round.
    #[schema(example = "BACKWARD")]
    direction: &'static str,
    /// What is wrong.
    description: String,
    /// The old side.
    old: String,
    /// The new side.
    new: String,
    /// The version the schema was compared with.
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<u32>,
    /// What to do about it here.
    hint: String,
    /// What the rule asks for.
    help: &'static str,
}

impl From<Finding> for FindingBody {
    fn from(finding: Finding) -> FindingBody {
        FindingBody {
            rule: finding.rule.code(),
            path: finding.path,
            line: finding.line,
            column: finding.column,
            direction: finding.direction.name(),
            description: finding.description,
            old: finding.old,
            new: finding.new,
            version: finding.version.map(Version::get),
            hint: finding.hint,
            help: finding.rule.sentence(),
        }
    }
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
    let request = body.into_request(params.normalize, false)?;
    let judged = state.registry.judge(subject, against, request, params.explain);
    let (verdict, policies) = match judged.await {
        Ok(judged) => judged,
        Err(ServiceError::Refused(error @ RegistryError::InvalidSchema(_))) if params.verbose => {
            let messages = vec![error.to_string()];
            let verdict = Verdict {
                messages,
                ..Verdict::default()
            };
            (verdict, Vec::new())
        }
        Err(error) => return Err(error.into()),
    };
    let named = |(policy, passes): (Policy, bool)| (policy.name(), passes);
    Ok(Answer(CompatibilityAnswer {
        is_compatible: verdict.is_compatible(),
        findings: params
            .explain
            .then(|| verdict.findings.into_iter().map(FindingBody::from).collect()),
        policies: params.explain.then(|| policies.into_iter().map(named).collect()),
        messages: params.verbose.then(|| state.shape.messages(verdict.messages)),
    }))
}
