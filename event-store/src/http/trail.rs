//! What happened to all aggregates of a type between two points: who did what, and which differ.
//!
//! These routes stand beside `/v1/aggregates`, below which every name is an aggregate's id.

use std::sync::Arc;

use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Extension, Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde::Deserialize;
use utoipa::IntoParams;

use super::about::About as _;
use super::population::no_pages;
use super::{Answers, Clock, FORMS_OF_CHANGES, FormatAsked, Problem, Stream, answer, point, stream, wanted};
use crate::at::AsOf;
use crate::cut::Cut;
use crate::differences::Differences;
use crate::error::StoreError;
use crate::format::{Format, line};
use crate::list::LIST_LIMIT_DEFAULT;
use crate::page::PAGE_ENTRIES_MAX;
use crate::sought::Sought;
use crate::store::EventStore;
use crate::trail::Trail;

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct ChangesQuery {
    /// The point behind which events are looked at: an RFC 3339 time (UTC when it names no zone), a date (its end, in UTC),
    /// `-2h`, a full cut `0=12,1=40`, or `offset:N` where there is one partition. Absent: from the first event on.
    from: Option<String>,
    /// The last point that is looked at, in the same forms; absent for the head. One before `from` is refused.
    to: Option<String>,
    /// Who caused the events, as their `actor` header says.
    actor: Option<String>,
    /// Their kind: the full name of the event, or the last part of it.
    kind: Option<String>,
    /// What they changed in the state: this place, something in it or around it, such as `address.street` or
    /// `items[*].status`.
    field: Option<String>,
    /// The most events on the page, 1 to 1000; 100 when absent. Large changes make a page shorter.
    limit: Option<usize>,
    /// The `next_cursor` of the page before. It carries that page's cuts: leave `from` and `to` out, or as they were, like the
    /// rest of the question.
    cursor: Option<String>,
    /// `json` for pages, which is meant when absent unless the `Accept` header names another; `ndjson` for all events in one
    /// answer that is sent while it is made.
    #[param(inline)]
    format: Option<FormatAsked>,
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct DifferencesQuery {
    /// The earlier point: an RFC 3339 time (UTC when it names no zone), a date (its end, in UTC), `-2h`, a full cut
    /// `0=12,1=40`, or `offset:N` where there is one partition. Absent: before the first event.
    from: Option<String>,
    /// The later point, in the same forms; absent for the head.
    to: Option<String>,
    /// The most aggregates on the page, 1 to 1000; 100 when absent. Large changes make a page shorter.
    limit: Option<usize>,
    /// The `next_cursor` of the page before. It carries that page's cuts: leave `from` and `to` out, or as they were, like the
    /// rest of the question.
    cursor: Option<String>,
    /// `json` for pages, which is meant when absent unless the `Accept` header names another; `ndjson` for all aggregates in
    /// one answer that is sent while it is made.
    #[param(inline)]
    format: Option<FormatAsked>,
}

/// Who did what: the events of all aggregates of a type between two points, by who caused them, their kind and what they
/// changed.
#[utoipa::path(get, path = "/v1/changes/{name}", tag = "audit",
    params(("name" = String, Path, description = "The aggregate type, such as `order`."), ChangesQuery),
    responses((status = 200, content((Trail = "application/json"), (String = "application/x-ndjson")),
            headers(("annals-from-cut" = String, description = "Of rows: the cut behind which they are."),
                ("annals-to-cut" = String, description = "Of rows: the later cut."),
                ("annals-fold" = String, description = "Of rows: the fold that was run, and its digest."),
                ("annals-unreadable" = u64, description = "Of rows: how many places within the cuts cannot be read, or were removed."),
                ("annals-time" = String, description = "Of rows: whose clock recorded times are by, `append` or `producer`."))),
        (status = 400, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 503, body = Problem, content_type = "application/problem+json")))]
pub(super) async fn list_changes(
    State(store): State<Arc<EventStore>>,
    Extension(clock): Extension<Clock>,
    Extension(answers): Extension<Answers>,
    headers: HeaderMap,
    path: Result<Path<String>, PathRejection>,
    query: Result<Query<ChangesQuery>, QueryRejection>,
) -> Result<Response, Problem> {
    let (Path(name), Query(query)) = (path?, query?);
    let (from, to) = points(query.from.as_deref(), query.to.as_deref(), &clock)?;
    let (limit, cursor) = (query.limit, query.cursor);
    let field = query.field.map(|field| field.parse()).transpose();
    let sought = Sought {
        actor: query.actor,
        kind: query.kind,
        field: field
            .map_err(|problem: String| Problem::new(StatusCode::BAD_REQUEST, "bad-question", problem))?,
    };
    if !is_rows(query.format, &headers, cursor.as_deref())? {
        let limit = limit.unwrap_or(LIST_LIMIT_DEFAULT);
        return answer(&answers, store, move |store| {
            store.trail(&name, &sought, &from, &to, limit, cursor.as_deref())
        })
        .await;
    }
    let pages = move |store: &EventStore, cursor: Option<&str>| {
        let page = store.trail(&name, &sought, &from, &to, PAGE_ENTRIES_MAX, cursor)?;
        Ok((page.about(), page.entries, page.next_cursor))
    };
    stream(&answers, store, Format::NdJson, move |store, out| {
        lines(store, limit, out, pages)
    })
    .await
}

/// The aggregates of a type that differ between two points: which appeared, which changed, and how.
#[utoipa::path(get, path = "/v1/diff/{name}", tag = "audit",
    params(("name" = String, Path, description = "The aggregate type, such as `order`."), DifferencesQuery),
    responses((status = 200, content((Differences = "application/json"), (String = "application/x-ndjson")),
            headers(("annals-from-cut" = String, description = "Of rows: the cut behind which they are."),
                ("annals-to-cut" = String, description = "Of rows: the later cut."),
                ("annals-fold" = String, description = "Of rows: the fold that was run, and its digest."),
                ("annals-unreadable" = u64, description = "Of rows: how many places within the cuts cannot be read, or were removed."),
                ("annals-time" = String, description = "Of rows: whose clock recorded times are by, `append` or `producer`."))),
        (status = 400, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 410, body = Problem, content_type = "application/problem+json"),
        (status = 503, body = Problem, content_type = "application/problem+json")))]
pub(super) async fn list_differences(
    State(store): State<Arc<EventStore>>,
    Extension(clock): Extension<Clock>,
    Extension(answers): Extension<Answers>,
    headers: HeaderMap,
    path: Result<Path<String>, PathRejection>,
    query: Result<Query<DifferencesQuery>, QueryRejection>,
) -> Result<Response, Problem> {
    let (Path(name), Query(query)) = (path?, query?);
    let (from, to) = points(query.from.as_deref(), query.to.as_deref(), &clock)?;
    let (limit, cursor) = (query.limit, query.cursor);
    if !is_rows(query.format, &headers, cursor.as_deref())? {
        let limit = limit.unwrap_or(LIST_LIMIT_DEFAULT);
        return answer(&answers, store, move |store| {
            store.differences(&name, &from, &to, limit, cursor.as_deref())
        })
        .await;
    }
    let pages = move |store: &EventStore, cursor: Option<&str>| {
        let page = store.differences(&name, &from, &to, PAGE_ENTRIES_MAX, cursor)?;
        Ok((page.about(), page.items, page.next_cursor))
    };
    stream(&answers, store, Format::NdJson, move |store, out| {
        lines(store, limit, out, pages)
    })
    .await
}

/// The two points of a question: nothing is before everything, and what is durable now is the end.
pub(super) fn points(from: Option<&str>, to: Option<&str>, clock: &Clock) -> Result<(AsOf, AsOf), Problem> {
    let from = match from {
        None => AsOf::Cut(Cut::default()),
        from => point("from", from, clock)?,
    };
    Ok((from, point("to", to, clock)?))
}

/// Whether all rows are wanted in one answer.
fn is_rows(format: Option<FormatAsked>, headers: &HeaderMap, cursor: Option<&str>) -> Result<bool, Problem> {
    match (wanted(format, headers, FORMS_OF_CHANGES), cursor) {
        (None, _) => Ok(false),
        (Some(Format::NdJson), Some(_)) => Err(no_pages()),
        (Some(Format::NdJson), None) => Ok(true),
        (Some(_), _) => Err(Problem::new(
            StatusCode::BAD_REQUEST,
            "bad-query",
            "what changed has no columns; ask for format=ndjson or format=json",
        )),
    }
}

/// A page of rows behind what they rest on, and the cursor of the next.
type Given<T> = Result<(HeaderMap, Vec<T>, Option<String>), StoreError>;

/// Writes the rows of all pages, a line each, at most so many.
fn lines<T: serde::Serialize>(
    store: &EventStore,
    limit: Option<usize>,
    out: &mut Stream,
    page: impl Fn(&EventStore, Option<&str>) -> Given<T>,
) -> Result<(), StoreError> {
    let mut left = limit.unwrap_or(usize::MAX);
    let mut cursor = None;
    loop {
        let (about, rows, next) = page(store, cursor.as_deref())?;
        if cursor.is_none() {
            out.say(about);
        }
        for row in rows.iter().take(left) {
            line(out, row)?;
        }
        left = left.saturating_sub(rows.len());
        cursor = next.filter(|_| left > 0);
        if cursor.is_none() {
            return Ok(());
        }
    }
}
