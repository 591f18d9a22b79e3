//! `/schemas`: by id and by guid.
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
    extract::{Format, IdInPath, Pairs, PathOf, QueryOf, flag, is_qualified, subject_in_query},
    media::Accepted,
    shape::ApiShape,
    shapes::{Answer, ContextId, SchemaAnswer, Serialized},
    tagging,
};
use crate::registry::{DEFAULT_CONTEXT, Qualified, RegistryError, Stored, View};

pub(super) fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::default()
        .routes(routes!(types))
        .routes(routes!(text_by_id))
        .routes(routes!(by_guid))
        .routes(routes!(ids_by_guid))
}

/// The route every deserialiser asks: it names the answer's media type itself, which is cheaper than a layer.
pub(super) fn hot_routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::default().routes(routes!(by_id))
}

/// Lists the schema types.
#[utoipa::path(get, path = "/schemas/types", tag = "schemas",
    responses((status = 200, description = "The types' names", body = Vec<String>), Refusals))]
async fn types() -> Answer<[&'static str; 3]> {
    Answer(["JSON", "PROTOBUF", "AVRO"])
}

/// Whose schema is meant.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub(super) struct ForSubject {
    /// A subject that uses the schema: its context is where the id counts. `:.eu:` names the context alone.
    pub(super) subject: String,
}

/// Whose schema is meant, in which form, and what else to say about it.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", default)]
#[into_params(parameter_in = Query)]
struct ByIdParams {
    /// A subject that uses the schema: its context is where the id counts. `:.eu:` names the context alone.
    subject: String,
    /// As for a version: `resolved`, `serialized`, `ignore_extensions`.
    format: String,
    /// `qualified` writes the subjects of references with their contexts.
    reference_format: String,
    /// Say which id is the greatest of the context.
    #[serde(deserialize_with = "flag")]
    fetch_max_id: bool,
}

/// A schema by its id.
#[utoipa::path(get, path = "/schemas/ids/{id}", tag = "schemas",
    params(("id" = u32, Path, description = "The schema's id"), ByIdParams,
        ("findTags" = Vec<String>, Query, description = "Tags to look for in the text; `*` is any")),
    responses((status = 200, description = "The schema", body = SchemaAnswer<'_>), Refusals))]
async fn by_id(
    accepted: Accepted,
    State(state): State<Shared>,
    IdInPath(id): IdInPath,
    RawQuery(query): RawQuery,
    QueryOf(params): QueryOf<ByIdParams>,
    pairs: Pairs,
) -> Response {
    if query.is_some() {
        let answer = with_more(&state, id, &params, &pairs).await;
        return accepted.named(answer.map_err(HttpError::into_response));
    }
    let none = Qualified::parse("");
    let answer = |view: &View| {
        let stored = stored(view, id, &none)?;
        Ok(Serialized(stored.answer(|stored| render(state.shape, stored))))
    };
    accepted.named(state.registry.read(answer).map_err(HttpError::into_response))
}

async fn with_more(
    state: &Shared,
    id: i64,
    params: &ByIdParams,
    pairs: &Pairs,
) -> Result<Response, HttpError> {
    let view = state.registry.view();
    let subject = subject_in_query(&view, &params.subject);
    let stored = stored(&view, id, &subject)?;
    let text = state.registry.text(stored, &params.format).await?;
    let mut answer = SchemaAnswer::of(state.shape, stored, &text);
    if is_qualified(&params.reference_format) {
        answer = answer.qualified(&stored.context);
    }
    (answer.subject, answer.version) = place(&view, stored, &subject).unzip();
    let last_id = view.context(&stored.context).map(|context| context.last_id);
    answer.max_id = last_id.filter(|_| params.fetch_max_id);
    answer.schema_tags = tagging::asked_for(stored, pairs);
    Ok(Answer(answer).into_response())
}

/// The subject and version a schema has under a subject's name, in the context that it was found in.
fn place(view: &View, stored: &Stored, subject: &Qualified) -> Option<(String, u32)> {
    let name = Qualified::new(Arc::clone(&stored.context), Arc::clone(&subject.subject));
    let version = view.version_of(&name, stored.id)?;
    Some((name.to_string(), version.version))
}

fn render(shape: ApiShape, stored: &Stored) -> Bytes {
    serde_json::to_vec(&SchemaAnswer::of(shape, stored, stored.text()))
        .unwrap_or_default()
        .into()
}

/// The text of a schema by its id.
#[utoipa::path(get, path = "/schemas/ids/{id}/schema", tag = "schemas",
    params(("id" = u32, Path, description = "The schema's id"), ForSubject, Format),
    responses((status = 200, description = "The schema's text, which is JSON but for Protobuf", body = Value), Refusals))]
async fn text_by_id(
    State(state): State<Shared>,
    IdInPath(id): IdInPath,
    QueryOf(wanted): QueryOf<ForSubject>,
    QueryOf(Format { format }): QueryOf<Format>,
) -> Result<Serialized, HttpError> {
    let view = state.registry.view();
    let stored = stored(&view, id, &subject_in_query(&view, &wanted.subject))?;
    let text = state.registry.text(stored, &format).await?;
    Ok(Serialized(text.to_string().into()))
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
    Ok(Answer(SchemaAnswer::of(state.shape, stored, &text)).into_response())
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

/// A schema by its id: in the context of a subject, or in the default one when there is no subject.
pub(super) fn stored<'a>(view: &'a View, id: i64, subject: &Qualified) -> Result<&'a Arc<Stored>, HttpError> {
    let asked = u32::try_from(id).ok().and_then(SchemaId::new);
    let found = asked.and_then(
        |id| match subject.is_context() && &*subject.context == DEFAULT_CONTEXT {
            true => view.schema(id),
            false => view.schema_for(id, subject),
        },
    );
    Ok(found.ok_or_else(|| RegistryError::SchemaUnknown(id.to_string()))?)
}

fn stored_by_guid<'a>(view: &'a View, guid: &str) -> Result<&'a Arc<Stored>, HttpError> {
    let found = Uuid::parse_str(guid)
        .ok()
        .and_then(|guid| view.schema_by_guid(guid));
    Ok(found.ok_or_else(|| RegistryError::SchemaUnknown(guid.to_owned()))?)
}
