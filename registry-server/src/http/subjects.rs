//! `/subjects`: the names, looking up a schema, registering one, and reading versions.

use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    Shared,
    error::{HttpError, Refusals},
    extract::{Format, JsonBody, QueryOf, SubjectInPath, VersionInPath, flag},
    page::Page,
    shapes::{Answer, RegisterAnswer, SchemaRequest, Serialized, VersionAnswer},
};
use crate::registry::{Deleted, Qualified, lookup};

pub(super) fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::default()
        .routes(routes!(list))
        .routes(routes!(look_up))
        .routes(routes!(versions, register))
        .routes(routes!(version))
        .routes(routes!(text))
        .routes(routes!(referenced_by))
}

/// Which subjects to list.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", default)]
#[into_params(parameter_in = Query)]
struct ListParams {
    /// Only subjects that begin so; `:*:` stands for every context.
    subject_prefix: String,
}

/// Lists the subjects, by name.
#[utoipa::path(get, path = "/subjects", tag = "subjects", params(ListParams,
        ("offset" = Option<i64>, Query, description = "How many to skip"),
        ("limit" = Option<i64>, Query, description = "How many to answer")),
    responses((status = 200, description = "The names", body = Vec<String>), Refusals))]
async fn list(
    State(state): State<Shared>,
    QueryOf(params): QueryOf<ListParams>,
    QueryOf(page): QueryOf<Page>,
) -> Response {
    state.registry.read(|view| {
        let prefix = if params.subject_prefix.is_empty() {
            ":*:"
        } else {
            &params.subject_prefix
        };
        let named = view.subjects_with(&Qualified::parse(prefix));
        let live = named.filter(|(_, subject)| subject.latest().is_some());
        Answer(page.of(live.map(|(name, _)| name.to_string()), usize::MAX)).into_response()
    })
}

/// How a schema is read.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub(super) struct Reading {
    /// Bring the schema into its normal form first.
    #[serde(deserialize_with = "flag")]
    pub(super) normalize: bool,
}

/// Finds the version of a subject that holds a schema.
#[utoipa::path(post, path = "/subjects/{subject}", tag = "subjects", request_body = SchemaRequest,
    params(("subject" = String, Path, description = "The subject"), Reading, Format),
    responses((status = 200, description = "The version", body = VersionAnswer<'_>), Refusals))]
async fn look_up(
    State(state): State<Shared>,
    SubjectInPath(subject): SubjectInPath,
    QueryOf(reading): QueryOf<Reading>,
    QueryOf(Format { format }): QueryOf<Format>,
    JsonBody(body): JsonBody<SchemaRequest>,
) -> Result<Response, HttpError> {
    let found = state
        .registry
        .look_up(&subject, body.into_request(reading.normalize), Deleted::Without)
        .await?;
    let text = state.registry.text(&found.stored, &format).await?;
    Ok(Answer(VersionAnswer::of(&found, &text)).into_response())
}

/// Lists the versions of a subject.
#[utoipa::path(get, path = "/subjects/{subject}/versions", tag = "subjects", params(
        ("subject" = String, Path, description = "The subject"),
        ("offset" = Option<i64>, Query, description = "How many to skip"),
        ("limit" = Option<i64>, Query, description = "How many to answer")),
    responses((status = 200, description = "The versions' numbers", body = Vec<u32>), Refusals))]
async fn versions(
    State(state): State<Shared>,
    SubjectInPath(subject): SubjectInPath,
    QueryOf(page): QueryOf<Page>,
) -> Result<Answer<Vec<u32>>, HttpError> {
    state.registry.read(|view| {
        let versions = lookup::subject(view, &subject, Deleted::Without)?;
        Ok(Answer(
            page.of(versions.live().map(|version| version.version), usize::MAX),
        ))
    })
}

/// Registers a schema as the next version of a subject, or finds it there.
#[utoipa::path(post, path = "/subjects/{subject}/versions", tag = "subjects", request_body = SchemaRequest,
    params(("subject" = String, Path, description = "The subject"), Reading, Format),
    responses((status = 200, description = "The schema's id and version", body = RegisterAnswer<'_>), Refusals))]
async fn register(
    State(state): State<Shared>,
    SubjectInPath(subject): SubjectInPath,
    QueryOf(reading): QueryOf<Reading>,
    QueryOf(Format { format }): QueryOf<Format>,
    JsonBody(body): JsonBody<SchemaRequest>,
) -> Result<Response, HttpError> {
    let found = state
        .registry
        .register(&subject, body.into_request(reading.normalize))
        .await?
        .found;
    let text = state.registry.text(&found.stored, &format).await?;
    Ok(Answer(RegisterAnswer::of(&found, &text)).into_response())
}

/// A version of a subject.
#[utoipa::path(get, path = "/subjects/{subject}/versions/{version}", tag = "subjects",
    params(("subject" = String, Path, description = "The subject"),
        ("version" = String, Path, description = "A number from 1, or `latest`"), Format),
    responses((status = 200, description = "The version", body = VersionAnswer<'_>), Refusals))]
async fn version(
    State(state): State<Shared>,
    path: VersionInPath,
    QueryOf(Format { format }): QueryOf<Format>,
) -> Result<Response, HttpError> {
    let found = state
        .registry
        .read(|view| lookup::version(view, &path.subject, path.version, Deleted::Without))?;
    let text = state.registry.text(&found.stored, &format).await?;
    Ok(Answer(VersionAnswer::of(&found, &text)).into_response())
}

/// The text of a version.
#[utoipa::path(get, path = "/subjects/{subject}/versions/{version}/schema", tag = "subjects",
    params(("subject" = String, Path, description = "The subject"),
        ("version" = String, Path, description = "A number from 1, or `latest`"), Format),
    responses((status = 200, description = "The schema's text", body = String), Refusals))]
async fn text(
    State(state): State<Shared>,
    path: VersionInPath,
    QueryOf(Format { format }): QueryOf<Format>,
) -> Result<Serialized, HttpError> {
    let found = state
        .registry
        .read(|view| lookup::version(view, &path.subject, path.version, Deleted::Without))?;
    let text = state.registry.text(&found.stored, &format).await?;
    Ok(Serialized(text.to_string().into()))
}

/// Lists the ids of the schemas that refer to a version.
#[utoipa::path(get, path = "/subjects/{subject}/versions/{version}/referencedby", tag = "subjects", params(
        ("subject" = String, Path, description = "The subject"),
        ("version" = String, Path, description = "A number from 1, or `latest`"),
        ("offset" = Option<i64>, Query, description = "How many to skip"),
        ("limit" = Option<i64>, Query, description = "How many to answer")),
    responses((status = 200, description = "The schemas' ids", body = Vec<u32>), Refusals))]
async fn referenced_by(
    State(state): State<Shared>,
    path: VersionInPath,
    QueryOf(page): QueryOf<Page>,
) -> Result<Answer<Vec<u32>>, HttpError> {
    state.registry.read(|view| {
        let found = lookup::version(view, &path.subject, path.version, Deleted::Without)?;
        let ids = view
            .referrers(&path.subject, found.version.version)
            .map(|(_, id)| id.get());
        Ok(Answer(page.of(ids, usize::MAX)))
    })
}
