//! The aggregate types, and the aggregates of one type at a point.

use std::collections::BTreeMap;
use std::sync::Arc;

use annals_event_store::key::path_id;
use annals_event_store::{
    AggregateInfo, EventStore, Member, NotLoaded, StoreError, TimeSource, canonical, parse_at,
};
use askama::Template;
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::Value;

use super::Console;
use super::event::Time;
use super::page::{Clear, Missing, Page, aggregates, answered, sentence, shortened};

/// Rows of one page.
const ROWS_MAX: usize = 100;
/// State fields shown beside an id: as many as a wide screen has room for.
const COLUMNS_MAX: usize = 11;
/// Characters of a field that are shown in a row.
const CELL_CHARS_MAX: usize = 80;

pub(super) struct AggregateRow {
    pub(super) name: String,
    pub(super) topics: Vec<String>,
    pub(super) count: u64,
    pub(super) rev: u32,
    pub(super) digest: String,
    /// Whose clock recorded times are by.
    pub(super) time: &'static str,
}

impl From<AggregateInfo> for AggregateRow {
    fn from(info: AggregateInfo) -> AggregateRow {
        AggregateRow {
            name: info.name,
            topics: match info.topics.is_empty() {
                true => vec![info.topic],
                false => info.topics,
            },
            count: info.aggregates,
            time: info.time.map_or("-", TimeSource::words),
            rev: info.fold.rev,
            digest: info.fold.digest.chars().take(12).collect(),
        }
    }
}

#[derive(Template)]
#[template(path = "console/aggregates.html")]
struct AggregatesPage {
    aggregates: Vec<AggregateRow>,
    not_loaded: Vec<NotLoaded>,
}

pub(super) async fn list(State(console): State<Arc<Console>>) -> Result<Response, Missing> {
    let aggregates = aggregates(&console.events).await?;
    let page = AggregatesPage {
        not_loaded: console.events.not_loaded(),
        aggregates: aggregates.into_iter().map(AggregateRow::from).collect(),
    };
    Ok(Page(page).into_response())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Ask {
    #[serde(default)]
    at: String,
    cursor: Option<String>,
}

struct Row {
    id: String,
    /// The id as a step of a path.
    step: String,
    events: u64,
    recorded: Option<Time>,
    /// Where and why its fold stopped.
    halted: Option<String>,
    cells: Vec<String>,
}

#[derive(Template)]
#[template(path = "console/population.html")]
struct PopulationPage {
    name: String,
    at: String,
    /// What `at` was taken for.
    taken: String,
    cut: String,
    /// Whose clock recorded times are by.
    time: Option<&'static str>,
    total: u64,
    /// Not the first page.
    further: bool,
    columns: Vec<String>,
    rows: Vec<Row>,
    next: Option<String>,
}

pub(super) async fn show(
    State(console): State<Arc<Console>>,
    Clear(Path(name)): Clear<Path<String>>,
    Clear(Query(ask)): Clear<Query<Ask>>,
) -> Result<Response, Missing> {
    let now_ms = (console.now_ms)();
    let answers = console.answers.clone();
    answered(&answers, &console.events, move |events| {
        page(events, name, ask, now_ms)
    })
    .await
}

fn page(events: &EventStore, name: String, ask: Ask, now_ms: i64) -> Result<PopulationPage, Missing> {
    let Ask { at, cursor } = ask;
    let point = parse_at(&at, now_ms).map_err(StoreError::from)?;
    let population = events.list(&name, &point, ROWS_MAX, cursor.as_deref())?;
    let columns = columns(&population.items);
    Ok(PopulationPage {
        taken: population.at,
        cut: population.cut.to_string(),
        time: population.time.map(TimeSource::words),
        total: population.total,
        further: cursor.is_some(),
        rows: population
            .items
            .into_iter()
            .map(|member| Row::of(member, &columns))
            .collect(),
        next: population.next_cursor,
        name,
        at,
        columns,
    })
}

impl Row {
    fn of(member: Member, columns: &[String]) -> Row {
        let cells = columns
            .iter()
            .map(|column| shortened(text(&member.state[column.as_str()]), CELL_CHARS_MAX))
            .collect();
        Row {
            step: path_id(&member.id).into_owned(),
            id: member.id,
            events: member.events,
            recorded: member.recorded.as_deref().map(Time::from),
            halted: member.halted.map(|halted| sentence(&halted.to_string())),
            cells,
        }
    }
}

/// The simple fields that most members have, by name, `status` first; the id and times have columns of their own.
fn columns(members: &[Member]) -> Vec<String> {
    let mut counts = BTreeMap::<&str, usize>::new();
    for member in members {
        for (name, value) in member.state.as_object().into_iter().flatten() {
            if is_simple(value) && value.as_str() != Some(&member.id) {
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

fn is_simple(value: &Value) -> bool {
    match value {
        Value::String(text) => text.parse::<jiff::Timestamp>().is_err(),
        Value::Bool(_) | Value::Number(_) => true,
        Value::Null | Value::Array(_) | Value::Object(_) => false,
    }
}

fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => canonical::to_text(other),
    }
}
