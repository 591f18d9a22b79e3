//! The auditor's page: one aggregate, its events, and the state before and after the chosen one.

use std::collections::BTreeMap;
use std::sync::Arc;

use annals_event_store::{AsOf, EventStore, HistoryEntry, Reconstruction, SchemaUsed, StoreError, parse_at};
use askama::Template;
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::Value;

use super::Console;
use super::page::{Missing, Page, blocking};

#[derive(Deserialize)]
pub(super) struct Ask {
    /// The slider's stop: an event of the aggregate, from 0.
    revision: Option<u64>,
    /// Any other point, in the grammar of the API.
    at: Option<String>,
}

#[derive(Clone)]
struct EventRow {
    revision: u64,
    offset: i64,
    time: String,
    actor: Option<String>,
    event: String,
    subject: String,
    version: u32,
}

impl From<HistoryEntry> for EventRow {
    fn from(entry: HistoryEntry) -> EventRow {
        let (subject, version) = entry
            .schema
            .map_or_else(Default::default, |s| (s.subject, s.version));
        EventRow {
            revision: entry.revision,
            offset: entry.offset,
            time: entry.recorded,
            actor: entry.actor,
            event: entry.event.unwrap_or_else(|| "unreadable".to_owned()),
            subject,
            version,
        }
    }
}

/// One leaf of the state on both sides of the chosen event.
struct Field {
    path: String,
    kind: &'static str,
    before: String,
    after: String,
}

impl Field {
    /// A change must be seen without colour too.
    fn mark(&self) -> &'static str {
        match self.kind {
            "added" => "+",
            "removed" => "-",
            "changed" => "~",
            _ => "",
        }
    }
}

#[derive(Template)]
#[template(path = "console/aggregate.html")]
struct AggregatePage {
    name: String,
    id: String,
    selected: u64,
    /// How many events there are.
    count: u64,
    current: EventRow,
    events: Vec<EventRow>,
    fields: Vec<Field>,
    halted: Option<String>,
    cut: String,
    offsets: String,
    fold: String,
    schemas: Vec<SchemaUsed>,
}

pub(super) async fn show(
    State(console): State<Arc<Console>>,
    Path((name, id)): Path<(String, String)>,
    Query(ask): Query<Ask>,
) -> Result<Response, Missing> {
    let now_ms = (console.now_ms)();
    let page = blocking(move || page(&console.events, name, id, &ask, now_ms)).await?;
    Ok(Page(page.ok_or_else(|| Missing::not_found("this aggregate has no events"))?).into_response())
}

fn page(
    events: &EventStore,
    name: String,
    id: String,
    ask: &Ask,
    now_ms: i64,
) -> Result<Option<AggregatePage>, StoreError> {
    let at = match (ask.revision, ask.at.as_deref()) {
        (Some(revision), _) => AsOf::Revision(revision),
        (None, at) => parse_at(at.unwrap_or_default(), now_ms)?,
    };
    let after = events.reconstruct(&name, &id, &at)?;
    let Some(selected) = after.events.checked_sub(1) else {
        return Ok(None);
    };
    let before = match selected.checked_sub(1) {
        Some(previous) => events.reconstruct(&name, &id, &AsOf::Revision(previous))?.state,
        None => Value::Null,
    };
    let rows = rows(events, &name, &id)?;
    let Some(current) = rows.iter().find(|row| row.revision == selected).cloned() else {
        return Ok(None);
    };
    Ok(Some(AggregatePage {
        selected,
        count: rows.len() as u64,
        current,
        events: rows,
        fields: fields(&before, &after.state),
        halted: after
            .halted
            .as_ref()
            .map(|h| format!("{} (offset {})", h.reason, h.offset)),
        cut: after.cut.to_string(),
        offsets: offsets(&after),
        fold: format!(
            "{} rev {}, SHA-256 {}",
            after.fold.name, after.fold.rev, after.fold.digest
        ),
        schemas: after.schemas,
        name,
        id,
    }))
}

fn rows(events: &EventStore, name: &str, id: &str) -> Result<Vec<EventRow>, StoreError> {
    let history = events.history(name, id, &AsOf::Head)?;
    Ok(history.entries.into_iter().map(EventRow::from).collect())
}

fn offsets(answer: &Reconstruction) -> String {
    let list: Vec<String> = answer.offsets_applied.iter().map(ToString::to_string).collect();
    format!("{} of partition {}", list.join(", "), answer.partition)
}

/// Changed leaves first, the rest after them, each part by path.
fn fields(before: &Value, after: &Value) -> Vec<Field> {
    let mut sides = BTreeMap::<String, (Option<String>, Option<String>)>::new();
    flatten("", before, &mut |path, text| {
        sides.entry(path).or_default().0 = Some(text)
    });
    flatten("", after, &mut |path, text| {
        sides.entry(path).or_default().1 = Some(text)
    });
    let mut fields: Vec<Field> = sides
        .into_iter()
        .map(|(path, (before, after))| {
            let kind = match (&before, &after) {
                (None, _) => "added",
                (_, None) => "removed",
                (Some(b), Some(a)) if a != b => "changed",
                _ => "same",
            };
            Field {
                path,
                kind,
                before: before.unwrap_or_default(),
                after: after.unwrap_or_default(),
            }
        })
        .collect();
    fields.sort_by_key(|field| field.kind == "same");
    fields
}

fn flatten(path: &str, value: &Value, leaf: &mut impl FnMut(String, String)) {
    match value {
        Value::Null => {}
        Value::Object(fields) => {
            for (name, field) in fields {
                let path = if path.is_empty() {
                    name.clone()
                } else {
                    format!("{path}.{name}")
                };
                flatten(&path, field, leaf);
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                // Two digits, so that item 10 stands behind item 9.
                flatten(&format!("{path}[{index:02}]"), item, leaf);
            }
        }
        Value::String(text) => leaf(path.to_owned(), text.clone()),
        other => leaf(path.to_owned(), other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn changed_fields_come_first() {
        let before = json!({"a": 1, "b": {"c": "x"}, "gone": true});
        let after = json!({"a": 1, "b": {"c": "y"}, "new": ["n"]});
        let shown: Vec<String> = fields(&before, &after)
            .iter()
            .map(|f| format!("{}{} {}>{}", f.mark(), f.path, f.before, f.after))
            .collect();
        assert_eq!(shown, ["~b.c x>y", "-gone true>", "+new[00] >n", "a 1>1"]);
    }
}
