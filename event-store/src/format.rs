//! Rows about aggregates as a file has them: a JSON object a line, or columns with commas between.
//!
//! | form | a row | behind the rows |
//! |---|---|---|
//! | NDJSON | a [`Member`] in JSON | the [`Summary`], where something was counted or summed up |
//! | CSV (RFC 4180) | id, partition, events, revision, offset, recorded, halted, then the columns | nothing: a count and sums are refused |
//! | Avro container file | as in CSV, with types (`format/avro.rs`) | the same |
//!
//! In CSV a text stands as it is, what is null or not there is empty, and lists and objects are JSON.
//! Left out: Parquet, whose crates are many times as large as this one; container files are read wherever Parquet is.

use std::collections::BTreeSet;
use std::io::{self, Write};

use serde::Serialize;
use serde_json::Value;

use crate::canonical;
use crate::error::StoreError;
use crate::list::Member;
use crate::population::{Row, Rows, Summary};

#[cfg(feature = "avro-files")]
mod avro;

/// A form of rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// A JSON object a line.
    NdJson,
    /// Columns with commas between, and their names first.
    Csv,
    /// An Avro object container file, compressed.
    #[cfg(feature = "avro-files")]
    Avro,
}

/// The column behind the fixed ones that tells the log of the offset, where the fold is of several topics.
const LOG: &str = "log";
/// The columns before those that are chosen.
const FIXED: [&str; 7] = [
    "id",
    "partition",
    "events",
    "revision",
    "offset",
    "recorded",
    "halted",
];

impl Format {
    /// The media type.
    ///
    /// ```
    /// use annals_event_store::Format;
    /// assert_eq!(Format::NdJson.media_type(), "application/x-ndjson");
    /// ```
    #[must_use]
    pub fn media_type(self) -> &'static str {
        match self {
            Format::NdJson => "application/x-ndjson",
            Format::Csv => "text/csv; charset=utf-8",
            #[cfg(feature = "avro-files")]
            Format::Avro => "application/vnd.apache.avro",
        }
    }

    /// Writes the rows of a question, at most so many.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/deciding/example.in"));
    /// # fn main() -> Shown { let bank = two_accounts(); let store = &bank.store;
    /// use annals_event_store::{AsOf, Format, Question};
    ///
    /// let question = Question { select: Some("owner,balance".to_owned()), ..Question::default() };
    /// let rows = store.rows("account", &AsOf::Head, &question)?;
    /// let mut file = Vec::new();
    /// Format::Csv.write(rows, None, &mut file)?;
    /// let file = String::from_utf8(file)?;
    /// let lines: Vec<_> = file.lines().collect();
    /// assert_eq!(lines[0], "id,partition,events,revision,offset,recorded,halted,owner,balance");
    /// assert_eq!(lines[1], "a-1,0,3,2,3,2026-01-05T11:00:00.000Z,,Ada,530");
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// What the rows cannot be had for. Whoever reads no more has stopped the question.
    pub fn write(
        self,
        rows: Rows,
        limit: Option<usize>,
        out: &mut impl Write,
    ) -> Result<Summary, StoreError> {
        if self != Format::NdJson && rows.is_summed() {
            return Err(StoreError::Question {
                part: "format",
                text: self.media_type().to_owned(),
                problem: "it has no place for a count or sums; ask for ndjson, or leave them out".to_owned(),
            });
        }
        match self {
            Format::NdJson => {
                let rows = rows.in_text();
                let mut text = Vec::new();
                let summary = rows.each_row(limit, &mut |row| {
                    text.clear();
                    put(&row, &mut text).map_err(|_| StoreError::Stopped)?;
                    taken(out.write_all(&text))
                })?;
                if rows.is_summed() {
                    line(out, &summary)?;
                }
                Ok(summary)
            }
            Format::Csv => {
                let rows = rows.in_columns();
                let columns = rows.columns().unwrap_or_default();
                let is_merged = rows.is_merged();
                let mut taken = BTreeSet::new();
                let fixed = FIXED.into_iter().chain(is_merged.then_some(LOG));
                let names = fixed.chain(columns.iter().map(String::as_str));
                let names = names.map(|name| Value::from(apart(&mut taken, name)));
                record(out, names)?;
                rows.each(limit, &mut |member| {
                    record(out, cells(member, is_merged, &columns))
                })
            }
            #[cfg(feature = "avro-files")]
            Format::Avro => avro::write(&rows.in_columns().with_types(), limit, out),
        }
    }
}

/// A row as a line of JSON: its member, in which the text of the state stands as it is.
fn put(row: &Row, out: &mut Vec<u8>) -> serde_json::Result<()> {
    let Some(text) = &row.text else {
        canonical::write_answer(&mut *out, &row.member)?;
        out.push(b'\n');
        return Ok(());
    };
    let Member {
        id,
        partition,
        events,
        revision,
        offset,
        log,
        recorded,
        state: _,
        halted,
        unknown_events,
    } = &row.member;
    tell(out, "{\"id\":", id)?;
    tell(out, ",\"partition\":", partition)?;
    tell(out, ",\"events\":", events)?;
    tell(out, ",\"revision\":", revision)?;
    tell(out, ",\"offset\":", offset)?;
    if log.is_some() {
        tell(out, ",\"log\":", log)?;
    }
    tell(out, ",\"recorded\":", recorded)?;
    out.extend_from_slice(b",\"state\":");
    out.extend_from_slice(text);
    tell(out, ",\"halted\":", halted)?;
    tell(out, ",\"unknown_events\":", unknown_events)?;
    out.extend_from_slice(b"}\n");
    Ok(())
}

/// Adds what stands before a value, and the value in JSON.
fn tell(out: &mut Vec<u8>, before: &str, value: &impl Serialize) -> serde_json::Result<()> {
    out.extend_from_slice(before.as_bytes());
    serde_json::to_writer(out, value)
}

/// Writes a value as a line of JSON.
pub(crate) fn line(out: &mut impl Write, value: &impl Serialize) -> Result<(), StoreError> {
    let written = canonical::write_answer(&mut *out, value).map_err(io::Error::from);
    taken(written.and_then(|()| out.write_all(b"\n")))
}

/// Nobody reads any more where writing fails.
fn taken<T>(written: io::Result<T>) -> Result<T, StoreError> {
    written.map_err(|_| StoreError::Stopped)
}

/// A name that is not taken yet: no two columns are called the same.
fn apart(taken: &mut BTreeSet<String>, name: &str) -> String {
    let mut names = std::iter::once(name.to_owned()).chain((2..).map(|number| format!("{name}_{number}")));
    let free = names.find(|name| !taken.contains(name)).unwrap_or_default();
    taken.insert(free.clone());
    free
}

fn cells(member: Member, is_merged: bool, columns: &[String]) -> impl Iterator<Item = Value> {
    let Member {
        id,
        partition,
        events,
        revision,
        offset,
        log,
        recorded,
        halted,
        state,
        ..
    } = member;
    let halted = halted.map(|halted| halted.to_string());
    let fixed: [Value; FIXED.len()] = [
        id.into(),
        partition.into(),
        events.into(),
        revision.into(),
        offset.into(),
        recorded.into(),
        halted.into(),
    ];
    let chosen: Vec<Value> = columns
        .iter()
        .map(|column| state.get(column).cloned().unwrap_or_default())
        .collect();
    let log = is_merged.then(|| log.map(|log| log.to_string()).into());
    fixed.into_iter().chain(log).chain(chosen)
}

/// Writes a record of CSV.
fn record(out: &mut impl Write, cells: impl Iterator<Item = Value>) -> Result<(), StoreError> {
    let mut text = String::new();
    for (place, cell) in cells.enumerate() {
        text.push_str(if place == 0 { "" } else { "," });
        match cell {
            Value::Null => {}
            Value::String(cell) => quoted(&cell, &mut text),
            cell => quoted(&canonical::to_text(&cell), &mut text),
        }
    }
    text.push_str("\r\n");
    taken(out.write_all(text.as_bytes()))
}

/// A cell, in quotation marks where it has what parts cells.
fn quoted(cell: &str, text: &mut String) {
    let is_plain = !cell.is_empty() && !cell.contains([',', '"', '\r', '\n']) && cell.trim() == cell;
    if is_plain {
        text.push_str(cell);
    } else {
        text.push('"');
        text.push_str(&cell.replace('"', "\"\""));
        text.push('"');
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_row_with_a_text_is_the_line_of_its_member() {
        let state = json!({"a": [1, "\"", 1e-7], "b": null, "\u{e000}": 2.0, "\u{10000}": 1e16});
        let member = Member {
            id: "a\"b".to_owned(),
            partition: 3,
            events: 7,
            revision: Some(6),
            offset: None,
            log: None,
            recorded: Some("1970-01-01T00:00:00.000Z".to_owned()),
            state: Value::Null,
            halted: None,
            unknown_events: 2,
        };
        let whole = Member {
            state: state.clone(),
            ..member.clone()
        };
        let row = Row {
            member,
            taken: Default::default(),
            cells: Vec::new(),
            text: Some(canonical::to_text(&state).into_bytes()),
            #[cfg(feature = "avro-files")]
            recorded_ms: None,
        };
        let mut out = Vec::new();
        put(&row, &mut out).unwrap();
        let mut wanted = Vec::new();
        line(&mut wanted, &whole).unwrap();
        assert_eq!(String::from_utf8(out), String::from_utf8(wanted));
    }

    #[test]
    fn cells_are_told_apart() {
        let mut out = Vec::new();
        let cells = [
            json!("a"),
            json!(null),
            json!(""),
            json!("x,\"y\"\n"),
            json!([1, "b"]),
            json!(1.5),
            json!(" "),
        ];
        record(&mut out, cells.into_iter()).unwrap();
        let wanted = "a,,\"\",\"x,\"\"y\"\"\n\",\"[1,\"\"b\"\"]\",1.5,\" \"\r\n";
        assert_eq!(String::from_utf8(out).unwrap(), wanted);
    }
}
