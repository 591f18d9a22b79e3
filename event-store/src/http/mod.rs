//! The audit routes, the same in the bundled server and in a user's own binary.
//!
//! A handler reads the question, has it answered within the budget of [`Answers`], and gives the answer as JSON; what
//! cannot be answered is a [`Problem`], and so is a query parameter that the route does not know. The present, which
//! relative times count from, is a [`Clock`] the caller brings.
//! Left out: who may ask.

mod about;
mod accept;
mod answers;
mod population;
mod problem;
mod streamed;
mod trail;

use std::sync::Arc;

use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Extension, Path, Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub use accept::Accept;
pub use answers::{Answers, NoAnswer, Pieces, UNSENT_BYTES_MAX, WORKED_ON_MAX};
pub use problem::{Mistake, Problem};
pub use streamed::{STREAMED_MAX, STREAMED_PIECES_MAX, Stream};

use crate::at::{AsOf, parse_at};
use crate::canonical;
use crate::diff::Diff;
use crate::error::StoreError;
use crate::format::Format;
use crate::history::History;
use crate::info::AggregateInfo;
use crate::page::{PAGE_ENTRIES_MAX, Page};
use crate::reconstruct::Reconstruction;
use crate::store::{EventStore, NotLoaded};

/// The present, in milliseconds since the epoch.
pub type Clock = Arc<dyn Fn() -> i64 + Send + Sync>;

/// The routes under `/v1/aggregates`, `/v1/changes` and `/v1/diff`.
///
/// ```
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/deciding/example.in"));
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Shown { let bank = two_accounts(); let store = bank.store;
/// use std::sync::Arc;
/// use annals_event_store::http;
/// use axum::{Router, body::{Body, to_bytes}, http::Request};
/// use tower::ServiceExt;
///
/// let routes = http::routes(Arc::new(|| 1_767_620_000_000), http::Answers::default());
/// let (router, openapi) = routes.split_for_parts();
/// assert!(openapi.paths.paths.contains_key("/v1/aggregates/{name}/{id}"));
///
/// let router: Router = router.with_state(Arc::new(store));
/// let request = Request::get("/v1/aggregates/account/a-1?at=revision:1").body(Body::empty())?;
/// let response = router.oneshot(request).await?;
/// let answer: serde_json::Value = serde_json::from_slice(&to_bytes(response.into_body(), 65_536).await?)?;
/// assert_eq!(answer["state"]["balance"], 500);
/// # Ok(()) }
/// ```
pub fn routes(clock: Clock, answers: Answers) -> OpenApiRouter<Arc<EventStore>> {
    OpenApiRouter::new()
        .routes(routes!(list_aggregates))
        .routes(routes!(population::list_states))
        .routes(routes!(get_state))
        .routes(routes!(get_history))
        .routes(routes!(get_diff))
        .routes(routes!(trail::list_changes))
        .routes(routes!(trail::list_differences))
        .layer(Extension(clock))
        .layer(Extension(answers))
}

/// The aggregates a store answers for.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct Aggregates {
    /// By name.
    pub aggregates: Vec<AggregateInfo>,
    /// The folds that do not run, and why.
    pub not_loaded: Vec<NotLoaded>,
}

/// The query of a route that has no parameters.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NoQuery {}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct StateQuery {
    /// As of when: absent for the head, `now`, `offset:N`, `revision:N`, an RFC 3339 time (UTC when it names no zone), a
    /// date (its end, in UTC), `-2h`, or a full cut `0=12,1=40` (of several topics `orders/0=12,packages/1=5`).
    at: Option<String>,
    /// Whether the answer says of each value of the state which event made it so, and how; false when absent.
    #[serde(default)]
    explain: bool,
    /// `off`: fold from the first event on, whatever snapshots there are. The answer is the same.
    #[serde(default)]
    #[param(inline)]
    snapshots: Snapshots,
}

/// Whether an answer may begin with a snapshot.
#[derive(Clone, Copy, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum Snapshots {
    #[default]
    On,
    Off,
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct HistoryQuery {
    /// As of when: absent for the head, `now`, `offset:N`, `revision:N`, an RFC 3339 time (UTC when it names no zone), a
    /// date (its end, in UTC), `-2h`, or a full cut `0=12,1=40` (of several topics `orders/0=12,packages/1=5`).
    at: Option<String>,
    /// The most events on the page, 1 to 1000; 1000 when absent. Large events make a page shorter.
    limit: Option<usize>,
    /// The `next_cursor` of the page before. It carries that page's cut; leave `at` out, or as it was.
    cursor: Option<String>,
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct DiffQuery {
    /// The earlier point, in the same forms as `at`. Absent: before the first event.
    from: Option<String>,
    /// The later point; absent for the head.
    to: Option<String>,
    /// The most changes on the page, 1 to 1000; 1000 when absent. Large values make a page shorter.
    limit: Option<usize>,
    /// The `next_cursor` of the page before. It carries that page's cuts; leave `from` and `to` out, or as they were.
    cursor: Option<String>,
}

/// All aggregate types with their folds.
#[utoipa::path(get, path = "/v1/aggregates", tag = "audit",
    responses((status = 200, body = Aggregates),
        (status = 400, body = Problem, content_type = "application/problem+json"),
        (status = 500, body = Problem, content_type = "application/problem+json"),
        (status = 503, body = Problem, content_type = "application/problem+json")))]
async fn list_aggregates(
    State(store): State<Arc<EventStore>>,
    Extension(answers): Extension<Answers>,
    query: Result<Query<NoQuery>, QueryRejection>,
) -> Result<Response, Problem> {
    let Query(NoQuery {}) = query?;
    answer(&answers, store, |store| {
        Ok(Aggregates {
            aggregates: store.aggregates(),
            not_loaded: store.not_loaded(),
        })
    })
    .await
}

/// The state of one aggregate at a point, and everything the answer rests on.
#[utoipa::path(get, path = "/v1/aggregates/{name}/{id}", tag = "audit",
    params(("name" = String, Path, description = "The aggregate type, such as `order`; `order@1` by revision 1 of its fold."), ("id" = String, Path, description = "The record key; `hex:` and its digits where it is no UTF-8, and for `.` (`hex:2e`), `..` (`hex:2e2e`) and the empty one (`hex:`), which no URL keeps."), StateQuery),
    responses((status = 200, body = Reconstruction),
        (status = 400, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 410, body = Problem, content_type = "application/problem+json"),
        (status = 503, body = Problem, content_type = "application/problem+json")))]
async fn get_state(
    State(store): State<Arc<EventStore>>,
    Extension(clock): Extension<Clock>,
    Extension(answers): Extension<Answers>,
    path: Result<Path<(String, String)>, PathRejection>,
    query: Result<Query<StateQuery>, QueryRejection>,
) -> Result<Response, Problem> {
    let (Path((name, id)), Query(query)) = (path?, query?);
    let at = point("at", query.at.as_deref(), &clock)?;
    answer(&answers, store, move |store| {
        match (query.explain, query.snapshots) {
            (true, _) => store.explain(&name, &id, &at),
            (false, Snapshots::On) => store.reconstruct(&name, &id, &at),
            (false, Snapshots::Off) => store.without_snapshots().reconstruct(&name, &id, &at),
        }
    })
    .await
}

/// The events of one aggregate up to a point, page by page.
#[utoipa::path(get, path = "/v1/aggregates/{name}/{id}/history", tag = "audit",
    params(("name" = String, Path, description = "The aggregate type, such as `order`; `order@1` by revision 1 of its fold."), ("id" = String, Path, description = "The record key; `hex:` and its digits where it is no UTF-8, and for `.` (`hex:2e`), `..` (`hex:2e2e`) and the empty one (`hex:`), which no URL keeps."), HistoryQuery),
    responses((status = 200, body = History),
        (status = 400, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 410, body = Problem, content_type = "application/problem+json"),
        (status = 503, body = Problem, content_type = "application/problem+json")))]
async fn get_history(
    State(store): State<Arc<EventStore>>,
    Extension(clock): Extension<Clock>,
    Extension(answers): Extension<Answers>,
    path: Result<Path<(String, String)>, PathRejection>,
    query: Result<Query<HistoryQuery>, QueryRejection>,
) -> Result<Response, Problem> {
    let (Path((name, id)), Query(query)) = (path?, query?);
    let at = point("at", query.at.as_deref(), &clock)?;
    answer(&answers, store, move |store| {
        store.history(&name, &id, &at, page(query.cursor.as_deref(), query.limit))
    })
    .await
}

/// What differs between two points of one aggregate, and which event made it so, page by page.
#[utoipa::path(get, path = "/v1/aggregates/{name}/{id}/diff", tag = "audit",
    params(("name" = String, Path, description = "The aggregate type, such as `order`; `order@1` by revision 1 of its fold."), ("id" = String, Path, description = "The record key; `hex:` and its digits where it is no UTF-8, and for `.` (`hex:2e`), `..` (`hex:2e2e`) and the empty one (`hex:`), which no URL keeps."), DiffQuery),
    responses((status = 200, body = Diff),
        (status = 400, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 410, body = Problem, content_type = "application/problem+json"),
        (status = 503, body = Problem, content_type = "application/problem+json")))]
async fn get_diff(
    State(store): State<Arc<EventStore>>,
    Extension(clock): Extension<Clock>,
    Extension(answers): Extension<Answers>,
    path: Result<Path<(String, String)>, PathRejection>,
    query: Result<Query<DiffQuery>, QueryRejection>,
) -> Result<Response, Problem> {
    let (Path((name, id)), Query(query)) = (path?, query?);
    let (from, to) = trail::points(query.from.as_deref(), query.to.as_deref(), &clock)?;
    answer(&answers, store, move |store| {
        let page = page(query.cursor.as_deref(), query.limit);
        store.diff(&name, &id, &from, &to, page)
    })
    .await
}

/// A point that a query parameter names; the head where it is absent. An empty one is refused: what was to stand there is
/// missing, and the head would be an answer to another question.
///
/// ```
/// use std::sync::Arc;
/// use annals_event_store::{AsOf, http};
///
/// let clock: http::Clock = Arc::new(|| 7_200_500);
/// assert_eq!(http::point("at", Some("-2h"), &clock)?, AsOf::Time(500));
/// assert_eq!(http::point("at", None, &clock)?, AsOf::Head);
/// assert_eq!(http::point("at", Some(""), &clock).map_err(|problem| problem.status), Err(400));
/// # Ok::<(), http::Problem>(())
/// ```
pub fn point(parameter: &str, text: Option<&str>, clock: &Clock) -> Result<AsOf, Problem> {
    let Some(text) = text else {
        return Ok(AsOf::Head);
    };
    if text.trim().is_empty() {
        let problem = format!("`{parameter}` is empty; give a point in the log, or leave it out");
        return Err(Problem::new(StatusCode::BAD_REQUEST, "bad-point", problem));
    }
    parse_at(text, clock()).map_err(|error| StoreError::At(error).into())
}

fn page(cursor: Option<&str>, limit: Option<usize>) -> Page<'_> {
    Page {
        cursor,
        limit: limit.unwrap_or(PAGE_ENTRIES_MAX),
        ..Page::default()
    }
}

/// Answers a question in JSON, within the budget of all answers under way.
async fn answer<T: Serialize + 'static>(
    answers: &Answers,
    store: Arc<EventStore>,
    question: impl FnOnce(&EventStore) -> Result<T, StoreError> + Send + 'static,
) -> Result<Response, Problem> {
    let body = answers.give(move |out, work| {
        canonical::write_answer(out, &question(&store.at_work(work))?)
            .map_err(|error| Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "unwritable", error))
    });
    let json = HeaderValue::from_static("application/json");
    Ok(([(header::CONTENT_TYPE, json)], body.await?).into_response())
}

/// Writes an answer of rows while it is sent, within the budget of such answers.
async fn stream(
    answers: &Answers,
    store: Arc<EventStore>,
    format: Format,
    write: impl FnOnce(&EventStore, &mut Stream) -> Result<(), StoreError> + Send + 'static,
) -> Result<Response, Problem> {
    let body = answers.stream(move |out, work| write(&store.at_work(work), out));
    let (mut headers, body) = body.await.map_err(|none| match none {
        NoAnswer::Refused(error) => Problem::from(error),
        NoAnswer::Busy => NoAnswer::Busy.into(),
        NoAnswer::Interrupted => NoAnswer::Interrupted.into(),
    })?;
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static(format.media_type()),
    );
    Ok((headers, body).into_response())
}

/// A form of rows, with what it is called.
type Form = (&'static str, FormatAsked);

/// The forms that have no columns.
const FORMS_OF_CHANGES: &[Form] = &[
    ("application/json", FormatAsked::Json),
    ("application/x-ndjson", FormatAsked::Ndjson),
];
/// All forms.
const FORMS: &[Form] = &[
    ("application/json", FormatAsked::Json),
    ("application/x-ndjson", FormatAsked::Ndjson),
    ("text/csv", FormatAsked::Csv),
    #[cfg(feature = "avro-files")]
    ("application/vnd.apache.avro", FormatAsked::Avro),
];

/// The form of rows a client wants: by `format`, or else by which of those that are offered it accepts; pages of JSON where
/// neither says.
fn wanted(format: Option<FormatAsked>, headers: &HeaderMap, offered: &[Form]) -> Option<Format> {
    let accepted = || Accept::of(headers).best(offered);
    match format.or_else(accepted).unwrap_or(FormatAsked::Json) {
        FormatAsked::Json => None,
        FormatAsked::Ndjson => Some(Format::NdJson),
        FormatAsked::Csv => Some(Format::Csv),
        #[cfg(feature = "avro-files")]
        FormatAsked::Avro => Some(Format::Avro),
    }
}

/// Pages of JSON, or rows in one answer that is sent while it is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum FormatAsked {
    Json,
    Ndjson,
    Csv,
    #[cfg(feature = "avro-files")]
    Avro,
}
