//! One event as the auditor's page shows it: as a row of the list, and in full when it is the chosen one.

use annals_event_store::{HistoryEntry, SchemaUsed, canonical};
use jiff::Timestamp;

use super::home::escaped;
use super::json_text::indented;
use super::page::shortened;

/// Two times nearer than this are not worth a remark.
const REMARKABLE_S: u64 = 300;
/// Characters of a line of data: it stands in a column.
const DATA_WIDTH: usize = 64;
/// Characters of data that are shown; the whole is one link away.
const DATA_CHARS_MAX: usize = 20_000;

pub(super) struct EventRow {
    pub(super) revision: u64,
    pub(super) offset: i64,
    pub(super) recorded: Time,
    pub(super) actor: Option<String>,
    /// The record's name without its namespace.
    pub(super) name: String,
    pub(super) schema: Option<SchemaLink>,
}

/// A schema that events were written with.
pub(super) struct SchemaLink {
    /// Subject, version and id, as far as the fold has names for it.
    pub(super) name: String,
    /// The version, or else the id.
    pub(super) short: String,
    /// Its page, as long as its subject is there.
    pub(super) page: Option<String>,
}

impl From<&SchemaUsed> for SchemaLink {
    fn from(schema: &SchemaUsed) -> SchemaLink {
        let named = schema.subject.as_ref().zip(schema.version);
        SchemaLink {
            name: schema.to_string(),
            short: named.map_or_else(
                || format!("id {}", schema.id),
                |(_, version)| format!("v{version}"),
            ),
            page: named
                .map(|(subject, version)| format!("/console/schemas/{}?version={version}", escaped(subject))),
        }
    }
}

/// The chosen event.
pub(super) struct Event {
    pub(super) row: EventRow,
    /// Name with namespace.
    pub(super) full_name: String,
    pub(super) happened: Option<Time>,
    /// How far the two times are apart, in words.
    pub(super) lag: Option<String>,
    pub(super) data: String,
    pub(super) problem: Option<String>,
}

/// A time for people, with the exact one beside it.
pub(super) struct Time {
    pub(super) exact: String,
    pub(super) shown: String,
}

impl From<&str> for Time {
    fn from(exact: &str) -> Time {
        Time {
            exact: exact.to_owned(),
            // RFC 3339 allows the space; it is read and broken more easily.
            shown: exact.replacen('T', " ", 1),
        }
    }
}

impl From<&HistoryEntry> for EventRow {
    fn from(entry: &HistoryEntry) -> EventRow {
        let name = entry.event.as_deref().unwrap_or("not readable");
        EventRow {
            revision: entry.revision,
            offset: entry.offset,
            recorded: Time::from(entry.recorded.as_str()),
            actor: entry.actor.clone(),
            name: name.rsplit('.').next().unwrap_or(name).to_owned(),
            schema: entry.schema.as_ref().map(SchemaLink::from),
        }
    }
}

impl From<&HistoryEntry> for Event {
    fn from(entry: &HistoryEntry) -> Event {
        Event {
            row: EventRow::from(entry),
            full_name: entry.event.clone().unwrap_or_default(),
            happened: entry.business_time.as_deref().map(Time::from),
            lag: entry
                .business_time
                .as_deref()
                .and_then(|happened| lag(happened, &entry.recorded)),
            data: shortened(
                indented(&canonical::to_text(&entry.data), DATA_WIDTH),
                DATA_CHARS_MAX,
            ),
            problem: entry.problem.clone(),
        }
    }
}

fn lag(happened: &str, recorded: &str) -> Option<String> {
    let second = |text: &str| text.parse().ok().map(Timestamp::as_second);
    let seconds = second(recorded)?.checked_sub(second(happened)?)?;
    let apart = seconds.unsigned_abs();
    if apart < REMARKABLE_S {
        return None;
    }
    let (days, hours, minutes) = (apart / 86_400, apart / 3_600 % 24, apart / 60 % 60);
    let parts: Vec<String> = [(days, "d"), (hours, "h"), (minutes, "min")]
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, unit)| format!("{count} {unit}"))
        .collect();
    let side = if seconds > 0 { "before" } else { "after" };
    Some(format!("{} {side} it was recorded", parts.join(" ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_late_record_is_remarked() {
        let check = |happened: &str, recorded: &str, wanted: Option<&str>| {
            let text = |time: &str| format!("2026-03-0{time}:00.000Z");
            assert_eq!(lag(&text(happened), &text(recorded)).as_deref(), wanted);
        };
        check("1T10:00", "1T10:04", None);
        check("1T10:00", "1T13:00", Some("3 h before it was recorded"));
        check("1T10:00", "3T10:05", Some("2 d 5 min before it was recorded"));
        check("1T10:14", "1T10:05", Some("9 min after it was recorded"));
        assert_eq!(lag("yesterday", "2026-03-01T10:00:00Z"), None);
    }
}
