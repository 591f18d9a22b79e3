//! The aggregate types, and the aggregates of one type at a point.

use std::collections::BTreeMap;
use std::sync::Arc;

use annals_event_store::{AggregateInfo, Member, parse_at};
use askama::Template;
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::Value;

use super::Console;
use super::page::{Missing, Page, blocking};

/// Rows of one page.
const ROWS_MAX: usize = 100;
/// State fields shown beside an id: as many as a screen has room for.
const COLUMNS_MAX: usize = 5;

pub(super) struct AggregateRow {
    pub(super) name: String,
    pub(super) topic: String,
    pub(super) count: u64,
    pub(super) rev: u32,
    pub(super) digest: String,
}

impl From<AggregateInfo> for AggregateRow {
    fn from(info: AggregateInfo) -> AggregateRow {
        AggregateRow {
            name: info.name,
            topic: info.topic,
            count: info.aggregates,
            rev: info.fold.rev,
            digest: info.fold.digest.chars().take(12).collect(),
        }
    }
}

#[derive(Template)]
#[template(path = "console/aggregates.html")]
struct AggregatesPage {
    aggregates: Vec<AggregateRow>,
}

pub(super) async fn list(State(console): State<Arc<Console>>) -> Result<Response, Missing> {
    let events = Arc::clone(&console.events);
    let aggregates = blocking(move || events.aggregates()).await?;
    let page = AggregatesPage {
        aggregates: aggregates.into_iter().map(AggregateRow::from).collect(),
    };
    Ok(Page(page).into_response())
}

#[derive(Deserialize)]
pub(super) struct Ask {
    #[serde(default)]
    at: String,
    cursor: Option<String>,
}

struct Row {
    id: String,
    revision: String,
    cells: Vec<String>,
}

#[derive(Template)]
#[template(path = "console/population.html")]
struct PopulationPage {
    name: String,
    at: String,
    cut: String,
    columns: Vec<String>,
    rows: Vec<Row>,
    next: Option<String>,
}

pub(super) async fn show(
    State(console): State<Arc<Console>>,
    Path(name): Path<String>,
    Query(ask): Query<Ask>,
) -> Result<Response, Missing> {
    let now_ms = (console.now_ms)();
    let Ask { at, cursor } = ask;
    let (aggregate, text) = (name.clone(), at.clone());
    let population = blocking(move || {
        console
            .events
            .list(&aggregate, &parse_at(&text, now_ms)?, ROWS_MAX, cursor.as_deref())
    })
    .await?;
    let columns = columns(&population.items);
    let page = PopulationPage {
        cut: population.cut.to_string(),
        rows: population
            .items
            .into_iter()
            .map(|member| Row::of(member, &columns))
            .collect(),
        next: population.next_cursor,
        name,
        at,
        columns,
    };
    Ok(Page(page).into_response())
}

impl Row {
    fn of(member: Member, columns: &[String]) -> Row {
        let cells = columns
            .iter()
            .map(|column| text(&member.state[column.as_str()]))
            .collect();
        let revision = member
            .revision
            .map_or_else(|| "-".to_owned(), |revision| revision.to_string());
        Row {
            id: member.id,
            revision,
            cells,
        }
    }
}

/// The simple fields that most members have, in the fold's order of names.
fn columns(members: &[Member]) -> Vec<String> {
    let mut counts = BTreeMap::<&str, usize>::new();
    for member in members {
        for (name, value) in member.state.as_object().into_iter().flatten() {
            if !value.is_object() && !value.is_array() && !value.is_null() {
                *counts.entry(name).or_default() += 1;
            }
        }
    }
    let mut named: Vec<(&str, usize)> = counts.into_iter().collect();
    named.sort_by_key(|(name, count)| (*name != "status", std::cmp::Reverse(*count)));
    named
        .into_iter()
        .take(COLUMNS_MAX)
        .map(|(name, _)| name.to_owned())
        .collect()
}

fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
