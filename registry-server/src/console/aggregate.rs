//! The auditor's page: one aggregate, its events, and the state before and after the chosen one.

use std::sync::Arc;

use annals_event_store::{AsOf, EventStore, StoreError, parse_at};
use askama::Template;
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::Value;

use super::Console;
use super::event::{Event, EventRow};
use super::evidence::Evidence;
use super::fields::{Field, Kind, compare};
use super::page::{Clear, Missing, Page, blocking};

#[derive(Deserialize)]
pub(super) struct Ask {
    /// The slider's stop: an event of the aggregate, from 0.
    revision: Option<u64>,
    /// Any other point, in the grammar of the API.
    at: Option<String>,
    /// `changed` leaves out the fields that stay as they are.
    fields: Option<String>,
}

#[derive(Template)]
#[template(path = "console/aggregate.html")]
struct AggregatePage {
    name: String,
    id: String,
    topic: String,
    selected: u64,
    last: u64,
    /// What every link of the page carries on.
    keep: &'static str,
    changed_only: bool,
    at: String,
    event: Event,
    events: Vec<EventRow>,
    fields: Vec<Field>,
    fields_changed: usize,
    fields_all: usize,
    evidence: Evidence,
}

pub(super) async fn show(
    State(console): State<Arc<Console>>,
    Clear(Path((name, id))): Clear<Path<(String, String)>>,
    Clear(Query(ask)): Clear<Query<Ask>>,
) -> Result<Response, Missing> {
    let now_ms = (console.now_ms)();
    let page = blocking(move || page(&console.events, &name, &id, &ask, now_ms)).await?;
    Ok(Page(page.ok_or_else(|| Missing::not_found("this aggregate has no events"))?).into_response())
}

fn page(
    events: &EventStore,
    name: &str,
    id: &str,
    ask: &Ask,
    now_ms: i64,
) -> Result<Option<AggregatePage>, StoreError> {
    let at = match (ask.revision, ask.at.as_deref()) {
        (Some(revision), _) => AsOf::Revision(revision),
        (None, at) => parse_at(at.unwrap_or_default(), now_ms)?,
    };
    let after = events.reconstruct(name, id, &at)?;
    let Some(selected) = after.events.checked_sub(1) else {
        return Ok(None);
    };
    let before = match selected.checked_sub(1) {
        Some(previous) => events.reconstruct(name, id, &AsOf::Revision(previous))?.state,
        None => Value::Null,
    };
    let history = events.history(name, id, &AsOf::Head)?.entries;
    let Some(chosen) = history.iter().find(|entry| entry.revision == selected) else {
        return Ok(None);
    };
    let mut fields = compare(&before, &after.state);
    let fields_all = fields.len();
    let fields_changed = fields.iter().filter(|field| field.kind != Kind::Same).count();
    let changed_only = ask.fields.as_deref() == Some("changed");
    if changed_only {
        fields.truncate(fields_changed);
    }
    Ok(Some(AggregatePage {
        selected,
        last: history.len().saturating_sub(1) as u64,
        keep: if changed_only { "&fields=changed" } else { "" },
        changed_only,
        at: ask.at.clone().unwrap_or_default(),
        event: Event::from(chosen),
        events: history.iter().map(EventRow::from).collect(),
        fields,
        fields_changed,
        fields_all,
        topic: topic(events, name)?,
        evidence: Evidence::from(after),
        name: name.to_owned(),
        id: id.to_owned(),
    }))
}

fn topic(events: &EventStore, name: &str) -> Result<String, StoreError> {
    let known = events.aggregates()?;
    let found = known.into_iter().find(|aggregate| aggregate.name == name);
    Ok(found.map(|aggregate| aggregate.topic).unwrap_or_default())
}
