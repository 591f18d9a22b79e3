//! `/contexts`: the registries within the registry.

use axum::{
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    Shared,
    error::{HttpError, Refusals},
    extract::{ContextInPath, QueryOf},
    page::Page,
    shapes::Answer,
};

pub(super) fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::default()
        .routes(routes!(list))
        .routes(routes!(delete))
}

/// Which contexts to list.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", default)]
#[into_params(parameter_in = Query)]
struct ListParams {
    /// Only contexts that begin so.
    context_prefix: String,
}

/// Lists the contexts; the default one, `.`, is always there.
#[utoipa::path(get, path = "/contexts", tag = "contexts", params(ListParams,
        ("offset" = Option<i64>, Query, description = "How many to skip"),
        ("limit" = Option<i64>, Query, description = "How many to answer")),
    responses((status = 200, description = "The contexts' names", body = Vec<String>), Refusals))]
async fn list(
    State(state): State<Shared>,
    QueryOf(params): QueryOf<ListParams>,
    QueryOf(page): QueryOf<Page>,
) -> Answer<Vec<String>> {
    state.registry.read(|view| {
        let prefix = params.context_prefix.trim_matches(':');
        let named = view.contexts().filter(|name| name.starts_with(prefix));
        Answer(page.of(named.map(str::to_owned), usize::MAX))
    })
}

/// Removes a context that has no subjects left, soft-deleted ones included.
#[utoipa::path(delete, path = "/contexts/{context}", tag = "contexts",
    params(("context" = String, Path, description = "The context, such as `.eu`")),
    responses((status = 204, description = "It is gone"), Refusals))]
async fn delete(
    State(state): State<Shared>,
    ContextInPath(context): ContextInPath,
) -> Result<Response, HttpError> {
    state.registry.delete_context(&context).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
