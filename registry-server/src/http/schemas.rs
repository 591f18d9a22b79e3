//! `/schemas`: by id, by guid, and all of them.
//!
//! `GET /schemas/ids/{id}` is what every deserialiser asks: its answer is rendered once and then only counted up.

use std::sync::Arc;

use annals_schema_model::SchemaId;
use axum::{
    body::Bytes,
    extract::{RawQuery, State},
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use super::{
    Shared,
    error::{HttpError, Refusals},
    extract::{Format, IdInPath, PathOf, QueryOf, flag},
    media::Accepted,
    page::{Page, SCHEMAS_MAX},
    shapes::{Answer, ContextId, SchemaAnswer, Serialized, SubjectVersion, VersionAnswer},
};
use crate::registry::{Found, Qualified, RegistryError, Stored, View};

pub(super) fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::default()
        .routes(routes!(list))
        .routes(routes!(types))
        .routes(routes!(text_by_id))
        .routes(routes!(subjects_by_id))
        .routes(routes!(versions_by_id))
        .routes(routes!(by_guid))
        .routes(routes!(ids_by_guid))
}

/// The route every deserialiser asks: it names the answer's media type itself, which is cheaper than a layer.
pub(super) fn hot_routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::default().routes(routes!(by_id))
}

/// Which schemas to list.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", default)]
#[into_params(parameter_in = Query)]
struct ListParams {
    /// Only subjects that begin so.
    subject_prefix: String,
    /// Only the newest version of each subject.
    #[serde(deserialize_with = "flag")]
    latest_only: bool,
}

/// Lists schemas, by subject and version.
#[utoipa::path(get, path = "/schemas", tag = "schemas", params(ListParams,
        ("offset" = Option<i64>, Query, description = "How many to skip"),
        ("limit" = Option<i64>, Query, description = "How many to answer: at most 1000")),
    responses((status = 200, description = "The schemas", body = Vec<VersionAnswer<'_>>), Refusals))]
async fn list(
    State(state): State<Shared>,
    QueryOf(params): QueryOf<ListParams>,
    QueryOf(page): QueryOf<Page>,
) -> Response {
    state.registry.read(|view| {
        let versions = view
            .subjects_with(&Qualified::parse(&params.subject_prefix))
            .flat_map(|(name, subject)| {
                let latest = subject.latest().map(|latest| latest.version);
                subject
                    .live()
                    .filter(move |version| !params.latest_only || Some(version.version) == latest)
                    .filter_map(move |version| {
                        let stored = view.schema_in(&name.context, version.id)?.clone();
                        Some(Found {
                            subject: name.clone(),
                            version: *version,
                            stored,
                        })
                    })
            });
        let found = page.of(versions, SCHEMAS_MAX);
        Answer(
            found
                .iter()
                .map(|found| VersionAnswer::of(found, found.stored.text()))
                .collect::<Vec<_>>(),
        )
        .into_response()
    })
}

/// Lists the schema types.
#[utoipa::path(get, path = "/schemas/types", tag = "schemas",
    responses((status = 200, description = "The types' names", body = Vec<String>), Refusals))]
async fn types() -> Answer<[&'static str; 3]> {
    Answer(["JSON", "PROTOBUF", "AVRO"])
}

/// What else to say about a schema.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", default)]
#[into_params(parameter_in = Query)]
struct ByIdParams {
    /// Name the version the schema has in this subject.
    subject: String,
    /// Say which id is the greatest.
    #[serde(deserialize_with = "flag")]
    fetch_max_id: bool,
}

/// A schema by its id.
#[utoipa::path(get, path = "/schemas/ids/{id}", tag = "schemas",
    params(("id" = u32, Path, description = "The schema's id"), ByIdParams, Format),
    responses((status = 200, description = "The schema", body = SchemaAnswer<'_>), Refusals))]
async fn by_id(
    accepted: Accepted,
    State(state): State<Shared>,
    IdInPath(id): IdInPath,
    RawQuery(query): RawQuery,
    QueryOf(params): QueryOf<ByIdParams>,
    QueryOf(Format { format }): QueryOf<Format>,
) -> Response {
    if query.is_none() {
        let answer = |view: &View| Ok(Serialized(stored(view, id)?.answer(render)));
        return accepted.named(state.registry.read(answer).map_err(HttpError::into_response));
    }
    accepted.named(
        with_more(&state, id, &params, &format)
            .await
            .map_err(HttpError::into_response),
    )
}

async fn with_more(
    state: &Shared,
    id: i64,
    params: &ByIdParams,
    format: &str,
) -> Result<Response, HttpError> {
    let view = state.registry.view();
    let stored = stored(&view, id)?;
    let text = state.registry.text(stored, format).await?;
    let mut answer = SchemaAnswer::of(stored, &text);
    if let Some(version) = view.version_of(&Qualified::parse(&params.subject), stored.id) {
        answer.subject = Some(&params.subject);
        answer.version = Some(version.version);
    }
    answer.max_id = Some(view.default_context().last_id).filter(|_| params.fetch_max_id);
    Ok(Answer(answer).into_response())
}

fn render(stored: &Stored) -> Bytes {
    serde_json::to_vec(&SchemaAnswer::of(stored, stored.text()))
        .unwrap_or_default()
        .into()
}

/// The text of a schema by its id.
#[utoipa::path(get, path = "/schemas/ids/{id}/schema", tag = "schemas",
    params(("id" = u32, Path, description = "The schema's id"), Format),
    responses((status = 200, description = "The schema's text", body = String), Refusals))]
async fn text_by_id(
    State(state): State<Shared>,
    IdInPath(id): IdInPath,
    QueryOf(Format { format }): QueryOf<Format>,
) -> Result<Serialized, HttpError> {
    let view = state.registry.view();
    let text = state.registry.text(stored(&view, id)?, &format).await?;
    Ok(Serialized(text.to_string().into()))
}

/// Which subject's use of a schema to list.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
struct UsesParams {
    /// Only this subject.
    subject: String,
}

/// The subjects that use a schema.
#[utoipa::path(get, path = "/schemas/ids/{id}/subjects", tag = "schemas", params(UsesParams,
        ("id" = u32, Path, description = "The schema's id"),
        ("offset" = Option<i64>, Query, description = "How many to skip"),
        ("limit" = Option<i64>, Query, description = "How many to answer")),
    responses((status = 200, description = "The subjects' names", body = Vec<String>), Refusals))]
async fn subjects_by_id(
    State(state): State<Shared>,
    IdInPath(id): IdInPath,
    QueryOf(params): QueryOf<UsesParams>,
    QueryOf(page): QueryOf<Page>,
) -> Result<Answer<Vec<String>>, HttpError> {
    let uses = uses(&state, id, &params)?;
    Ok(Answer(
        page.of(uses.into_iter().map(|used| used.subject), usize::MAX),
    ))
}

/// The subjects and versions that use a schema.
#[utoipa::path(get, path = "/schemas/ids/{id}/versions", tag = "schemas", params(UsesParams,
        ("id" = u32, Path, description = "The schema's id"),
        ("offset" = Option<i64>, Query, description = "How many to skip"),
        ("limit" = Option<i64>, Query, description = "How many to answer")),
    responses((status = 200, description = "The versions", body = Vec<SubjectVersion>), Refusals))]
async fn versions_by_id(
    State(state): State<Shared>,
    IdInPath(id): IdInPath,
    QueryOf(params): QueryOf<UsesParams>,
    QueryOf(page): QueryOf<Page>,
) -> Result<Answer<Vec<SubjectVersion>>, HttpError> {
    Ok(Answer(
        page.of(uses(&state, id, &params)?.into_iter(), usize::MAX),
    ))
}

fn uses(state: &Shared, id: i64, params: &UsesParams) -> Result<Vec<SubjectVersion>, HttpError> {
    state.registry.read(|view| {
        let uses = view.default_context().uses(stored(view, id)?.id).iter();
        let asked = uses.filter(|used| params.subject.is_empty() || used.subject.as_ref() == params.subject);
        Ok(asked
            .map(|used| SubjectVersion {
                subject: used.subject.to_string(),
                version: used.version,
            })
            .collect())
    })
}

/// A schema by the hash of its content.
#[utoipa::path(get, path = "/schemas/guids/{guid}", tag = "schemas",
    params(("guid" = String, Path, description = "The hash, as a UUID or as 32 hexadecimal digits"), Format),
    responses((status = 200, description = "The schema", body = SchemaAnswer<'_>), Refusals))]
async fn by_guid(
    State(state): State<Shared>,
    PathOf(guid): PathOf<String>,
    QueryOf(Format { format }): QueryOf<Format>,
) -> Result<Response, HttpError> {
    let view = state.registry.view();
    let stored = stored_by_guid(&view, &guid)?;
    let text = state.registry.text(stored, &format).await?;
    Ok(Answer(SchemaAnswer::of(stored, &text)).into_response())
}

/// The ids of a content.
#[utoipa::path(get, path = "/schemas/guids/{guid}/ids", tag = "schemas",
    params(("guid" = String, Path, description = "The hash, as a UUID or as 32 hexadecimal digits")),
    responses((status = 200, description = "The ids, by context", body = Vec<ContextId>), Refusals))]
async fn ids_by_guid(
    State(state): State<Shared>,
    PathOf(guid): PathOf<String>,
) -> Result<Answer<Vec<ContextId>>, HttpError> {
    state.registry.read(|view| {
        let guid = stored_by_guid(view, &guid)?.guid;
        let ids = view.with_guid(guid).map(|(context, stored)| ContextId {
            context: context.to_owned(),
            id: stored.id.get(),
        });
        Ok(Answer(ids.collect()))
    })
}

fn stored(view: &View, id: i64) -> Result<&Arc<Stored>, HttpError> {
    let found = u32::try_from(id)
        .ok()
        .and_then(SchemaId::new)
        .and_then(|id| view.schema(id));
    Ok(found.ok_or_else(|| RegistryError::SchemaUnknown(id.to_string()))?)
}

fn stored_by_guid<'a>(view: &'a View, guid: &str) -> Result<&'a Arc<Stored>, HttpError> {
    let found = Uuid::parse_str(guid)
        .ok()
        .and_then(|guid| view.schema_by_guid(guid));
    Ok(found.ok_or_else(|| RegistryError::SchemaUnknown(guid.to_owned()))?)
}
