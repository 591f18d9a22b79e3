//! `/subjects/{subject}/versions`: registering a schema, reading and deleting versions, and who refers to them.

use axum::{
    extract::State,
    http::{HeaderName, HeaderValue, header},
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    Shared,
    error::{HttpError, Refusals},
    extract::{
        Format, JsonBody, Pairs, QueryOf, ReferenceFormat, SubjectInPath, VersionInPath, WithDeleted, flag,
    },
    page::Page,
    request::SchemaRequest,
    shapes::{Answer, RegisterAnswer, Serialized, VersionAnswer},
    subjects::{Deletion, Reading},
    tagging,
};
use crate::{
    registry::{Deleted, Found, RegistryError, VersionView, View, lookup},
    service::Registered,
};

pub(super) fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::default()
        .routes(routes!(versions, register))
        .routes(routes!(version, delete))
        .routes(routes!(text))
        .routes(routes!(referenced_by))
}

/// Which versions to list.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", default)]
#[into_params(parameter_in = Query)]
struct ListParams {
    /// Soft-deleted ones as well.
    #[serde(deserialize_with = "flag")]
    deleted: bool,
    /// Soft-deleted ones alone.
    #[serde(deserialize_with = "flag")]
    deleted_only: bool,
    /// Soft-deleted ones as well, as negative numbers.
    #[serde(deserialize_with = "flag")]
    deleted_as_negative: bool,
}

impl ListParams {
    fn shown(&self, version: &VersionView) -> i64 {
        let number = i64::from(version.version);
        match self.deleted_as_negative && !version.is_live() {
            true => -number,
            false => number,
        }
    }
}

/// Lists the versions of a subject.
#[utoipa::path(get, path = "/subjects/{subject}/versions", tag = "subjects", params(
        ("subject" = String, Path, description = "The subject"), ListParams,
        ("offset" = Option<i64>, Query, description = "How many to skip"),
        ("limit" = Option<i64>, Query, description = "How many to answer")),
    responses((status = 200, description = "The versions' numbers", body = Vec<i64>), Refusals))]
async fn versions(
    State(state): State<Shared>,
    SubjectInPath(subject): SubjectInPath,
    QueryOf(params): QueryOf<ListParams>,
    QueryOf(page): QueryOf<Page>,
) -> Result<Answer<Vec<i64>>, HttpError> {
    let deleted = Deleted::from_flags(params.deleted || params.deleted_as_negative, params.deleted_only);
    state.registry.read(|view| {
        let versions = lookup::subject(view, &subject, deleted)?.listed(deleted);
        Ok(Answer(
            page.of(versions.map(|version| params.shown(version)), usize::MAX),
        ))
    })
}

/// Whether to check.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
struct Forcing {
    /// Register the schema even if it is not compatible.
    #[serde(deserialize_with = "flag")]
    force: bool,
}

/// Registers a schema as the next version of a subject, or finds it there.
#[utoipa::path(post, path = "/subjects/{subject}/versions", tag = "subjects", request_body = SchemaRequest,
    params(("subject" = String, Path, description = "The subject"), Reading, Forcing, Format),
    responses((status = 200, description = "The schema's id and version", body = RegisterAnswer<'_>), Refusals))]
async fn register(
    State(state): State<Shared>,
    SubjectInPath(subject): SubjectInPath,
    QueryOf(reading): QueryOf<Reading>,
    QueryOf(forcing): QueryOf<Forcing>,
    QueryOf(Format { format }): QueryOf<Format>,
    JsonBody(mut body): JsonBody<SchemaRequest>,
) -> Result<Response, HttpError> {
    let edit = tagging::Edit::taken_from(&mut body);
    let mut request = body.into_request(reading.normalize, forcing.force)?;
    if let Some(edit) = edit {
        state
            .registry
            .read(|view| edit.apply(view, &subject, &mut request))?;
    }
    let registered = state.registry.register(&subject, request).await;
    let Registered { found, unread, .. } = registered.map_err(|error| state.shape.refusal(error))?;
    let text = state.registry.text(&found.stored, &format).await?;
    let mut response = Answer(RegisterAnswer::of(state.shape, &found, &text)).into_response();
    if let Some(error) = unread {
        let (subject, id) = (&found.subject, found.stored.id);
        tracing::warn!(%subject, %id, %error, "an imported schema cannot be read by this server");
        response.headers_mut().extend(warning(&error.to_string()));
    }
    Ok(response)
}

/// The header that says why an imported schema, which is taken as it is, cannot be read here (RFC 9110, section 5.5).
fn warning(why: &str) -> Option<(HeaderName, HeaderValue)> {
    const CHARACTERS_MAX: usize = 500;
    let plain = |c: char| match c {
        '"' | '\\' => '\'',
        ' '..='~' => c,
        _ => '?',
    };
    let why: String = why.chars().take(CHARACTERS_MAX).map(plain).collect();
    let text = format!("299 annals \"taken as it is, but this server cannot read it: {why}\"");
    Some((header::WARNING, HeaderValue::from_str(&text).ok()?))
}

/// A version of a subject. A subject without a context is looked for in every context, the default one first.
#[utoipa::path(get, path = "/subjects/{subject}/versions/{version}", tag = "subjects",
    params(("subject" = String, Path, description = "The subject"),
        ("version" = String, Path, description = "A number from 1, or `latest`"),
        Format, ReferenceFormat, WithDeleted,
        ("findTags" = Vec<String>, Query, description = "Tags to look for in the text; `*` is any")),
    responses((status = 200, description = "The version", body = VersionAnswer<'_>), Refusals))]
async fn version(
    State(state): State<Shared>,
    path: VersionInPath,
    QueryOf(Format { format }): QueryOf<Format>,
    QueryOf(references): QueryOf<ReferenceFormat>,
    QueryOf(deleted): QueryOf<WithDeleted>,
    pairs: Pairs,
) -> Result<Response, HttpError> {
    let found = state.registry.read(|view| read(view, &path, &deleted))?;
    let text = state.registry.text(&found.stored, &format).await?;
    let mut answer = VersionAnswer::of(state.shape, &found, &text);
    if references.is_qualified() {
        answer = answer.qualified(&found.stored.context);
    }
    answer.schema_tags = tagging::asked_for(&found.stored, &pairs);
    Ok(Answer(answer).into_response())
}

/// The text of a version.
#[utoipa::path(get, path = "/subjects/{subject}/versions/{version}/schema", tag = "subjects",
    params(("subject" = String, Path, description = "The subject"),
        ("version" = String, Path, description = "A number from 1, or `latest`"), Format, WithDeleted),
    responses((status = 200, description = "The schema's text, which is JSON but for Protobuf", body = Value), Refusals))]
async fn text(
    State(state): State<Shared>,
    path: VersionInPath,
    QueryOf(Format { format }): QueryOf<Format>,
    QueryOf(deleted): QueryOf<WithDeleted>,
) -> Result<Serialized, HttpError> {
    let found = state.registry.read(|view| read(view, &path, &deleted))?;
    let text = state.registry.text(&found.stored, &format).await?;
    Ok(Serialized(text.to_string().into()))
}

fn read(view: &View, path: &VersionInPath, deleted: &WithDeleted) -> Result<Found, RegistryError> {
    let subject = view.find_subject(&path.subject);
    lookup::version(view, &subject, path.version, deleted.wanted())
}

/// Deletes a version: it is hidden, or gone for good when it is hidden already.
#[utoipa::path(delete, path = "/subjects/{subject}/versions/{version}", tag = "subjects",
    params(("subject" = String, Path, description = "The subject"),
        ("version" = String, Path, description = "A number from 1, or `latest`"), Deletion),
    responses((status = 200, description = "The version's number", body = u32), Refusals))]
async fn delete(
    State(state): State<Shared>,
    path: VersionInPath,
    QueryOf(deletion): QueryOf<Deletion>,
) -> Result<Answer<u32>, HttpError> {
    let registry = &state.registry;
    let deleted = registry.delete_version(&path.subject, path.version, deletion.permanent);
    Ok(Answer(deleted.await?))
}

/// Lists the ids of the schemas that refer to a version.
#[utoipa::path(get, path = "/subjects/{subject}/versions/{version}/referencedby", tag = "subjects", params(
        ("subject" = String, Path, description = "The subject"),
        ("version" = String, Path, description = "A number from 1, or `latest`"), WithDeleted,
        ("offset" = Option<i64>, Query, description = "How many to skip"),
        ("limit" = Option<i64>, Query, description = "How many to answer")),
    responses((status = 200, description = "The schemas' ids", body = Vec<u32>), Refusals))]
async fn referenced_by(
    State(state): State<Shared>,
    path: VersionInPath,
    QueryOf(deleted): QueryOf<WithDeleted>,
    QueryOf(page): QueryOf<Page>,
) -> Result<Answer<Vec<u32>>, HttpError> {
    state.registry.read(|view| {
        let found = read(view, &path, &deleted)?;
        let users = view.users_of(&found.subject, found.version.version);
        let counting = users.filter(|(_, version)| deleted.wanted().includes(version));
        let mut ids: Vec<u32> = counting.map(|(_, version)| version.id.get()).collect();
        ids.sort_unstable();
        ids.dedup();
        Ok(Answer(page.of(ids.into_iter(), usize::MAX)))
    })
}
