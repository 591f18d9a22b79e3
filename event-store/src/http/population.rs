//! All aggregates of a type at a point: pages of JSON, or rows in one answer.

use std::sync::Arc;

use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Extension, Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde::Deserialize;
use utoipa::IntoParams;

use super::about::About as _;
use super::{Answers, Clock, FORMS, FormatAsked, Problem, answer, point, stream, wanted};
use crate::list::{LIST_LIMIT_DEFAULT, Population};
use crate::question::Question;
use crate::store::EventStore;

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct ListQuery {
    /// As of when: absent for the head, `now`, an RFC 3339 time (UTC when it names no zone), a date (its end, in UTC),
    /// `-2h`, a full cut `0=12,1=40`, or `offset:N` where there is one partition.
    at: Option<String>,
    /// The most aggregates on the page, 1 to 1000; 100 when absent. Large states make a page shorter.
    limit: Option<usize>,
    /// The `next_cursor` of the page before. It carries that page's cut: leave `at` out, or as it was, like the rest of the
    /// question.
    cursor: Option<String>,
    /// Which aggregates: a condition in CEL over `state`, such as `state.status == 'paid' && state.total > decimal('1000')`.
    /// All when absent.
    #[serde(rename = "where")]
    condition: Option<String>,
    /// The places of the state that are given in place of it, with commas between:
    /// `total,address.city,items[0].status,prices['EUR']`.
    select: Option<String>,
    /// What the aggregates are ordered by, instead of by their ids: places of the state with commas between, each with `-`
    /// in front for the greatest first. Only the first 10,000 can be had in an order; where there are more, rows in one answer
    /// are refused unless `limit` asks for no more.
    order: Option<String>,
    /// The places of the state that are summed up, exactly, over all aggregates that the condition holds for.
    sum: Option<String>,
    /// Whether those are counted; they are where something is summed up or ordered.
    #[serde(default)]
    count: bool,
    /// `json` for pages, which is meant when absent unless the `Accept` header names another; `ndjson` or `csv` for all rows
    /// in one answer that is sent while it is made, with `limit` for the most rows, and without a cursor. `csv` has no place
    /// for a count and sums.
    #[param(inline)]
    format: Option<FormatAsked>,
}

/// The states of all aggregates of a type, at a point: those a condition holds for, by chosen columns and in an order, with
/// counts and sums, page by page or row by row.
#[utoipa::path(get, path = "/v1/aggregates/{name}", tag = "audit",
    params(("name" = String, Path, description = "The aggregate type, such as `order`."), ListQuery),
    responses((status = 200, content((Population = "application/json"), (String = "application/x-ndjson"), (String = "text/csv")),
            headers(("annals-cut" = String, description = "Of rows: the cut they are of."),
                ("annals-fold" = String, description = "Of rows: the fold that was run, and its digest."),
                ("annals-unreadable" = u64, description = "Of rows: how many places within the cut cannot be read, or were removed."),
                ("annals-time" = String, description = "Of rows: whose clock recorded times are by, `append` or `producer`."))),
        (status = 400, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 410, body = Problem, content_type = "application/problem+json"),
        (status = 503, body = Problem, content_type = "application/problem+json")))]
pub(super) async fn list_states(
    State(store): State<Arc<EventStore>>,
    Extension(clock): Extension<Clock>,
    Extension(answers): Extension<Answers>,
    headers: HeaderMap,
    path: Result<Path<String>, PathRejection>,
    query: Result<Query<ListQuery>, QueryRejection>,
) -> Result<Response, Problem> {
    let (Path(name), Query(query)) = (path?, query?);
    let at = point("at", query.at.as_deref(), &clock)?;
    let (limit, cursor) = (query.limit, query.cursor);
    let question = Question {
        condition: query.condition,
        select: query.select,
        order: query.order,
        sum: query.sum,
        count: query.count,
    };
    let Some(format) = wanted(query.format, &headers, FORMS) else {
        let limit = limit.unwrap_or(LIST_LIMIT_DEFAULT);
        return answer(&answers, store, move |store| {
            store.ask(&name, &at, &question, limit, cursor.as_deref())
        })
        .await;
    };
    if cursor.is_some() {
        return Err(no_pages());
    }
    stream(&answers, store, format, move |store, out| {
        let rows = store.rows(&name, &at, &question)?;
        out.say(rows.around().about());
        format.write(rows, limit, out).map(drop)
    })
    .await
}

/// Why rows in one answer have no cursor.
pub(super) fn no_pages() -> Problem {
    Problem::new(
        StatusCode::BAD_REQUEST,
        "bad-cursor",
        "rows come in one answer and have no pages; leave the cursor out, or ask for format=json",
    )
}
