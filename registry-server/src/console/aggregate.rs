//! The auditor's page: one aggregate, its events, and the state before and after the chosen one.

use std::sync::Arc;

use annals_event_store::key::path_id;
use annals_event_store::{AsOf, EventStore, FoldUsed, Page, StoreError, parse_at, revision_name};
use askama::Template;
use axum::extract::{Path, Query, State};
use axum::response::Response;
use serde::Deserialize;
use serde_json::Value;

use super::Console;
use super::event::{Event, EventRow};
use super::evidence::Evidence;
use super::fields::{Field, Kind, compare};
use super::page::{Clear, Missing, answered, sentence};
use super::pager::Pager;

/// Events in the list at once.
const EVENT_ROWS: u64 = 100;
/// Fields of the state at once.
const FIELD_ROWS: u64 = 200;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Ask {
    /// The slider's stop: an event of the aggregate, from 0.
    revision: Option<u64>,
    /// Any other point, in the grammar of the API.
    at: Option<String>,
    /// `changed` leaves out the fields that stay as they are.
    fields: Option<String>,
    /// The first event of the list; the part with the chosen one when absent.
    events: Option<u64>,
    /// The first field shown.
    #[serde(default)]
    field: u64,
}

#[derive(Template)]
#[template(path = "console/aggregate.html")]
struct AggregatePage {
    name: String,
    id: String,
    topic: String,
    /// Of the chosen event.
    partition: u32,
    selected: u64,
    last: u64,
    /// What every link of the page carries on.
    keep: &'static str,
    changed_only: bool,
    at: String,
    event: Event,
    /// The chosen event alone, in the API.
    event_cursor: String,
    /// The id as a step of a path.
    step: String,
    events: Vec<EventRow>,
    events_part: Pager,
    /// Where and why the fold stops among all events.
    events_halted: Option<String>,
    fields: Vec<Field>,
    fields_part: Pager,
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
    let answers = console.answers.clone();
    answered(&answers, &console.events, move |events| {
        let page = page(events, &name, &id, &ask, now_ms)?;
        page.ok_or_else(|| Missing::not_found("this aggregate has no events"))
    })
    .await
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
    let listed_from = ask.events.unwrap_or_else(|| Pager::begin(selected, EVENT_ROWS));
    let (listed, events_part, events_halted) = listed(events, name, id, listed_from)?;
    let only = Page {
        from: selected,
        limit: 1,
        cursor: None,
    };
    let Some(chosen) = events.history(name, id, &at, only)?.entries.pop() else {
        return Ok(None);
    };
    let before = match (selected.checked_sub(1), &chosen.log) {
        (None, _) => None,
        (Some(previous), None) => Some(AsOf::Revision(previous)),
        // A revision is one of the head's, and this one is of the cut.
        (Some(_), Some(log)) => Some(AsOf::Cut(after.cut.ended(log, chosen.offset - 1))),
    };
    let before = before.map(|before| events.reconstruct(name, id, &before));
    let before = before.transpose()?.map_or(Value::Null, |before| before.state);
    let mut fields = compare(&before, &after.state);
    let fields_all = fields.len();
    let fields_changed = fields.iter().filter(|field| field.kind != Kind::Same).count();
    let changed_only = ask.fields.as_deref() == Some("changed");
    if changed_only {
        fields.truncate(fields_changed);
    }
    let fields_part = Pager::new(ask.field, FIELD_ROWS, fields.len() as u64);
    let before_part = usize::try_from(fields_part.from).unwrap_or(usize::MAX);
    let shown = fields.into_iter().skip(before_part).take(FIELD_ROWS as usize);
    Ok(Some(AggregatePage {
        selected,
        last: events_part.total.saturating_sub(1),
        keep: if changed_only { "&fields=changed" } else { "" },
        changed_only,
        at: ask.at.clone().unwrap_or_default(),
        event: Event::from(&chosen),
        event_cursor: events.history_cursor(name, id, &after.cut, selected)?,
        events: listed,
        events_part,
        events_halted,
        fields: shown.collect(),
        fields_part,
        fields_changed,
        fields_all,
        partition: chosen.log.as_ref().map_or(after.partition, |log| log.partition),
        topic: match &chosen.log {
            Some(log) => log.topic.clone(),
            None => topic(events, name),
        },
        evidence: Evidence::from(after),
        step: path_id(id).into_owned(),
        name: name.to_owned(),
        id: id.to_owned(),
    }))
}

/// A part of the list of all events there are, and where the fold stops among them. Large events come page by page, and their data, which a row does not
/// show, is dropped on the way.
fn listed(
    events: &EventStore,
    name: &str,
    id: &str,
    from: u64,
) -> Result<(Vec<EventRow>, Pager, Option<String>), StoreError> {
    let first = Page {
        limit: 1,
        ..Page::default()
    };
    let all = events.history(name, id, &AsOf::Head, first)?;
    let (cut, halted) = (AsOf::Cut(all.cut), all.halted);
    let part = Pager::new(from, EVENT_ROWS, all.events);
    let mut rows = Vec::new();
    while let Some(left) = part
        .to()
        .checked_sub(part.from + rows.len() as u64)
        .filter(|left| *left > 0)
    {
        let next = Page {
            from: part.to() - left,
            limit: left as usize,
            cursor: None,
        };
        let entries = events.history(name, id, &cut, next)?.entries;
        if entries.is_empty() {
            break;
        }
        rows.extend(entries.iter().map(EventRow::from));
    }
    Ok((rows, part, halted.map(|halted| sentence(&halted.to_string()))))
}

fn topic(events: &EventStore, name: &str) -> String {
    let known = events.aggregates();
    // The newest revision goes by its number as well.
    let is_named = |fold: &FoldUsed| revision_name(&fold.name, fold.rev) == name;
    let mut known = known.into_iter();
    let found = known.find(|aggregate| aggregate.name == name || is_named(&aggregate.fold));
    found.map(|aggregate| aggregate.topic).unwrap_or_default()
}
