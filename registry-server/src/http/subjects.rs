//! `/subjects`: the names, looking up a schema, finding a version by its metadata, and deleting.

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
    extract::{Format, JsonBody, Pairs, QueryOf, SubjectInPath, WithDeleted, flag},
    list::list,
    page::Page,
    request::SchemaRequest,
    shapes::{Answer, VersionAnswer},
};
use crate::registry::{Deleted, Qualified, SubjectView, lookup};

pub(super) fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::default()
        .routes(routes!(all))
        .routes(routes!(look_up, delete))
        .routes(routes!(by_metadata))
}

/// Which subjects to list.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", default)]
#[into_params(parameter_in = Query)]
struct ListParams {
    /// Only subjects that begin so; `:.eu:` stands for a context, `:*:` for every one, which is what is meant without
    /// a prefix.
    subject_prefix: String,
    /// Soft-deleted ones as well.
    #[serde(deserialize_with = "flag")]
    deleted: bool,
    /// Soft-deleted ones alone.
    #[serde(deserialize_with = "flag")]
    deleted_only: bool,
}

impl ListParams {
    fn wants(&self, subject: &SubjectView) -> bool {
        let is_live = subject.latest().is_some();
        match Deleted::from_flags(self.deleted, self.deleted_only) {
            Deleted::With => true,
            Deleted::Without => is_live,
            Deleted::Only => !is_live,
        }
    }
}

/// Lists the subjects, by context and name.
#[utoipa::path(get, path = "/subjects", tag = "subjects", params(ListParams,
        ("offset" = Option<i64>, Query, description = "How many to skip"),
        ("limit" = Option<i64>, Query, description = "How many to answer")),
    responses((status = 200, description = "The names", body = Vec<String>), Refusals))]
async fn all(
    State(state): State<Shared>,
    QueryOf(params): QueryOf<ListParams>,
    QueryOf(page): QueryOf<Page>,
) -> Response {
    let names = state.registry.read(|view| {
        let prefix = match params.subject_prefix.as_str() {
            "" => ":*:",
            given => given,
        };
        let named = view.subjects_with(&Qualified::parse(prefix));
        let wanted = named.filter(|(_, subject)| params.wants(subject));
        page.of(wanted.map(|(name, _)| name), usize::MAX)
    });
    list(names.into_iter().map(|name| name.to_string())).await
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

/// Finds the version of a subject that holds a schema. A subject without a context is looked for in every context, the
/// default one first.
#[utoipa::path(post, path = "/subjects/{subject}", tag = "subjects", request_body = SchemaRequest,
    params(("subject" = String, Path, description = "The subject"), Reading, Format, WithDeleted),
    responses((status = 200, description = "The version", body = VersionAnswer<'_>), Refusals))]
async fn look_up(
    State(state): State<Shared>,
    SubjectInPath(subject): SubjectInPath,
    QueryOf(reading): QueryOf<Reading>,
    QueryOf(Format { format }): QueryOf<Format>,
    QueryOf(deleted): QueryOf<WithDeleted>,
    JsonBody(body): JsonBody<SchemaRequest>,
) -> Result<Response, HttpError> {
    let subject = state.registry.read(|view| view.find_subject(&subject));
    let request = body.into_request(reading.normalize, false)?;
    let found = state
        .registry
        .look_up(&subject, request, deleted.wanted())
        .await?;
    let text = state.registry.text(&found.stored, &format).await?;
    Ok(Answer(VersionAnswer::of(state.shape, &found, &text)).into_response())
}

/// How to delete.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub(super) struct Deletion {
    /// For good. What is deleted so must be soft-deleted already.
    #[serde(deserialize_with = "flag")]
    pub(super) permanent: bool,
}

/// Deletes a subject: it is hidden, or gone for good when it is hidden already.
#[utoipa::path(delete, path = "/subjects/{subject}", tag = "subjects",
    params(("subject" = String, Path, description = "The subject"), Deletion),
    responses((status = 200, description = "The versions that were deleted", body = Vec<u32>), Refusals))]
async fn delete(
    State(state): State<Shared>,
    SubjectInPath(subject): SubjectInPath,
    QueryOf(deletion): QueryOf<Deletion>,
) -> Result<Answer<Vec<u32>>, HttpError> {
    let versions = state
        .registry
        .delete_subject(&subject, deletion.permanent)
        .await?;
    Ok(Answer(versions))
}

/// The newest version of a subject whose metadata has all the properties asked for.
#[utoipa::path(get, path = "/subjects/{subject}/metadata", tag = "subjects",
    params(("subject" = String, Path, description = "The subject"),
        ("key" = Vec<String>, Query, description = "Names of properties"),
        ("value" = Vec<String>, Query, description = "Their values, in the same order"), Format, WithDeleted),
    responses((status = 200, description = "The version", body = VersionAnswer<'_>), Refusals))]
async fn by_metadata(
    State(state): State<Shared>,
    SubjectInPath(subject): SubjectInPath,
    pairs: Pairs,
    QueryOf(Format { format }): QueryOf<Format>,
    QueryOf(deleted): QueryOf<WithDeleted>,
) -> Result<Response, HttpError> {
    let (keys, values) = (pairs.all("key"), pairs.all("value"));
    if keys.len() != values.len() {
        let why = format!(
            "{} keys and {} values: every key needs its value",
            keys.len(),
            values.len()
        );
        return Err(HttpError::BadRequest(why));
    }
    let properties: Vec<(String, String)> = keys.into_iter().zip(values).collect();
    let found = state
        .registry
        .read(|view| lookup::by_metadata(view, &subject, &properties, deleted.wanted()))?;
    let text = state.registry.text(&found.stored, &format).await?;
    Ok(Answer(VersionAnswer::of(state.shape, &found, &text)).into_response())
}
