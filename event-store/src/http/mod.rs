//! The audit routes, the same in the bundled server and in a user's own binary.
//!
//! A handler reads the question, has it answered off the async threads, and gives the answer as JSON; what cannot be
//! answered is a [`Problem`]. The present, which relative times count from, is a [`Clock`] the caller brings.
//! Left out: who may ask.

mod problem;

use std::sync::Arc;

use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Extension, Path, Query, State};
use axum::{Json, http};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub use problem::Problem;

use crate::at::{AsOf, parse_at};
use crate::diff::Diff;
use crate::error::StoreError;
use crate::history::History;
use crate::list::{LIST_LIMIT_DEFAULT, Population};
use crate::reconstruct::Reconstruction;
use crate::store::{AggregateInfo, EventStore, NotLoaded};

/// The present, in milliseconds since the epoch.
pub type Clock = Arc<dyn Fn() -> i64 + Send + Sync>;

/// The routes under `/v1/aggregates`.
///
/// ```
/// use std::sync::Arc;
/// use annals_event_store::http;
///
/// let (router, api) = http::routes(Arc::new(|| 1_700_000_000_000)).split_for_parts();
/// assert!(api.paths.paths.contains_key("/v1/aggregates/{name}/{id}"));
/// # let _: axum::Router<Arc<annals_event_store::EventStore>> = router;
/// ```
pub fn routes(clock: Clock) -> OpenApiRouter<Arc<EventStore>> {
    OpenApiRouter::new()
        .routes(routes!(list_aggregates))
        .routes(routes!(list_states))
        .routes(routes!(get_state))
        .routes(routes!(get_history))
        .routes(routes!(get_diff))
        .layer(Extension(clock))
}

/// The aggregates a store answers for.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct Aggregates {
    /// By name.
    pub aggregates: Vec<AggregateInfo>,
    /// The folds that do not run, and why.
    pub not_loaded: Vec<NotLoaded>,
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct AtQuery {
    /// As of when: absent for the head, `offset:N`, `revision:N`, an RFC 3339 time, `-2h`, or a full cut `0=12,1=40`.
    at: Option<String>,
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct ListQuery {
    /// As of when: absent for the head, an RFC 3339 time, `-2h`, a full cut `0=12,1=40`, or `offset:N` where there is one partition.
    at: Option<String>,
    /// How many, 1 to 1000; 100 when absent.
    limit: Option<usize>,
    /// The `next_cursor` of the page before. It carries that page's cut.
    cursor: Option<String>,
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct DiffQuery {
    /// The earlier point, in the same forms as `at`. Absent: before the first event.
    from: Option<String>,
    /// The later point; absent for the head.
    to: Option<String>,
}

/// All aggregate types with their folds.
#[utoipa::path(get, path = "/v1/aggregates", tag = "audit",
    responses((status = 200, body = Aggregates), (status = 500, body = Problem, content_type = "application/problem+json")))]
async fn list_aggregates(State(store): State<Arc<EventStore>>) -> Result<Json<Aggregates>, Problem> {
    answer(move || {
        Ok(Aggregates {
            aggregates: store.aggregates()?,
            not_loaded: store.not_loaded(),
        })
    })
    .await
}

/// The states of all aggregates of a type, at a point.
#[utoipa::path(get, path = "/v1/aggregates/{name}", tag = "audit",
    params(("name" = String, Path, description = "The aggregate type, such as `order`."), ListQuery),
    responses((status = 200, body = Population),
        (status = 400, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json")))]
async fn list_states(
    State(store): State<Arc<EventStore>>,
    Extension(clock): Extension<Clock>,
    path: Result<Path<String>, PathRejection>,
    query: Result<Query<ListQuery>, QueryRejection>,
) -> Result<Json<Population>, Problem> {
    let (Path(name), Query(query)) = (path?, query?);
    let at = point(query.at.as_deref(), &clock)?;
    let limit = query.limit.unwrap_or(LIST_LIMIT_DEFAULT);
    answer(move || store.list(&name, &at, limit, query.cursor.as_deref())).await
}

/// The state of one aggregate at a point, and everything the answer rests on.
#[utoipa::path(get, path = "/v1/aggregates/{name}/{id}", tag = "audit",
    params(("name" = String, Path, description = "The aggregate type."), ("id" = String, Path, description = "The record key."), AtQuery),
    responses((status = 200, body = Reconstruction),
        (status = 400, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json")))]
async fn get_state(
    State(store): State<Arc<EventStore>>,
    Extension(clock): Extension<Clock>,
    path: Result<Path<(String, String)>, PathRejection>,
    query: Result<Query<AtQuery>, QueryRejection>,
) -> Result<Json<Reconstruction>, Problem> {
    let (Path((name, id)), Query(query)) = (path?, query?);
    let at = point(query.at.as_deref(), &clock)?;
    answer(move || store.reconstruct(&name, &id, &at)).await
}

/// The events of one aggregate up to a point.
#[utoipa::path(get, path = "/v1/aggregates/{name}/{id}/history", tag = "audit",
    params(("name" = String, Path, description = "The aggregate type."), ("id" = String, Path, description = "The record key."), AtQuery),
    responses((status = 200, body = History),
        (status = 400, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json")))]
async fn get_history(
    State(store): State<Arc<EventStore>>,
    Extension(clock): Extension<Clock>,
    path: Result<Path<(String, String)>, PathRejection>,
    query: Result<Query<AtQuery>, QueryRejection>,
) -> Result<Json<History>, Problem> {
    let (Path((name, id)), Query(query)) = (path?, query?);
    let at = point(query.at.as_deref(), &clock)?;
    answer(move || store.history(&name, &id, &at)).await
}

/// What differs between two points of one aggregate, and which event made it so.
#[utoipa::path(get, path = "/v1/aggregates/{name}/{id}/diff", tag = "audit",
    params(("name" = String, Path, description = "The aggregate type."), ("id" = String, Path, description = "The record key."), DiffQuery),
    responses((status = 200, body = Diff),
        (status = 400, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json")))]
async fn get_diff(
    State(store): State<Arc<EventStore>>,
    Extension(clock): Extension<Clock>,
    path: Result<Path<(String, String)>, PathRejection>,
    query: Result<Query<DiffQuery>, QueryRejection>,
) -> Result<Json<Diff>, Problem> {
    let (Path((name, id)), Query(query)) = (path?, query?);
    // Nothing is before everything: a cut that names no partition.
    let from = match query.from.as_deref() {
        None => AsOf::Cut(crate::cut::Cut::default()),
        from => point(from, &clock)?,
    };
    let to = point(query.to.as_deref(), &clock)?;
    answer(move || store.diff(&name, &id, &from, &to)).await
}

fn point(text: Option<&str>, clock: &Clock) -> Result<AsOf, Problem> {
    parse_at(text.unwrap_or_default(), clock()).map_err(|error| StoreError::At(error).into())
}

/// Answers a question on a thread that may block.
async fn answer<T: Send + 'static>(
    question: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<Json<T>, Problem> {
    match tokio::task::spawn_blocking(question).await {
        Ok(answer) => Ok(Json(answer?)),
        Err(_) => Err(Problem::new(
            http::StatusCode::INTERNAL_SERVER_ERROR,
            "interrupted",
            "the answer was interrupted",
        )),
    }
}
