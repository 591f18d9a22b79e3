//! Dumps: JSON lines, one record of a `_schemas` topic a line. Three forms are read:
//!
//! ```text
//!   {"key":{"keytype":"SCHEMA",…},"value":{…}}               what `annals registry export` writes
//!   {"keytype":"SCHEMA",…}<tab>{…}                           kafka-console-consumer --property print.key=true
//!   {"topic":"_schemas",…,"key":"{…}","payload":"{…}"}       kcat -J
//! ```
//!
//! An export begins with a line that says what it is and how many records follow, so that one that was cut short is
//! noticed. Empty lines are skipped. A line that cannot be read is named by its number.

use std::io::{BufRead, Read as _, Write};

use serde_json::{Value, json};

use super::snapshot::Snapshot;
use super::topic::{self, Effect};
use crate::cli::exit::{Exit, Failure};

/// The longest line: a record of a Kafka-backed registry is at most one mebibyte, and escaping may double it twice.
const LINE_BYTES_MAX: u64 = 16 * 1024 * 1024;
/// The most lines of a dump: about a hundred times what the largest known registries hold.
const LINES_MAX: u64 = 10_000_000;
/// What the first line of an export calls it.
const FORMAT: &str = "registry export";
const FORMAT_VERSION: u64 = 1;

enum Line {
    Empty,
    /// The first line of an export: how many records follow.
    Header(u64),
    Record(Value, Value),
}

/// Reads a dump. `name` is what errors call it.
///
/// # Errors
/// The first line that cannot be read.
pub(super) fn read(mut input: impl BufRead, name: &str) -> Result<Snapshot, Failure> {
    let mut snapshot = Snapshot::default();
    let (mut announced, mut records) = (None, 0_u64);
    let mut line = Vec::new();
    for number in 1.. {
        let bad = |why: String| Failure::new(Exit::Failed, format!("{name}, line {number}: {why}"));
        if number > LINES_MAX {
            return Err(bad(format!("a dump has at most {LINES_MAX} lines")));
        }
        line.clear();
        let read = input
            .by_ref()
            .take(LINE_BYTES_MAX + 1)
            .read_until(b'\n', &mut line);
        if read.map_err(|error| bad(error.to_string()))? == 0 {
            break;
        }
        if line.len() as u64 > LINE_BYTES_MAX {
            return Err(bad(format!("it is longer than {LINE_BYTES_MAX} bytes")));
        }
        match parse(&line).map_err(bad)? {
            Line::Empty => {}
            Line::Header(_) if records > 0 => {
                return Err(bad("an export begins here, within a dump".to_owned()));
            }
            Line::Header(count) => announced = Some(count),
            Line::Record(key, value) => {
                records += 1;
                let _: Effect = topic::apply(&mut snapshot, key, value).map_err(bad)?;
            }
        }
    }
    match announced {
        Some(count) if count != records => Err(Failure::new(
            Exit::Failed,
            format!("{name} begins by saying that it has {count} records, but it has {records}"),
        )
        .help("it was cut short or changed: export again, or take the first line out to use it as it is")),
        None if records == 0 => Err(Failure::new(Exit::Failed, format!("{name} has no records"))),
        _ => Ok(snapshot),
    }
}

fn parse(line: &[u8]) -> Result<Line, String> {
    let line = std::str::from_utf8(line).map_err(|error| format!("it is not UTF-8: {error}"))?;
    let line = line.trim();
    if line.is_empty() {
        return Ok(Line::Empty);
    }
    if let Some((key, value)) = tab_separated(line) {
        return Ok(Line::Record(
            read_json("its key", key)?,
            read_json("its value", value)?,
        ));
    }
    let mut json = read_json("it", line)?;
    if let Some(format) = json.get("annals") {
        return header(format, &json);
    }
    let Some(record) = json.as_object_mut().filter(|record| record.contains_key("key")) else {
        return Err(
            "it is no record: expected {\"key\":…,\"value\":…}, or a key and a value with a tab between them"
                .to_owned(),
        );
    };
    let mut part = |names: &[&str]| names.iter().find_map(|name| record.remove(*name));
    let (key, value) = (part(&["key"]), part(&["value", "payload"]));
    let value = value.ok_or("it has a key but no value; one that is deleted has the value null")?;
    Ok(Line::Record(
        unquoted("its key", key.unwrap_or_default())?,
        unquoted("its value", value)?,
    ))
}

/// Key and value of a line of kafka-console-consumer, which may print time stamp, partition and offset before them.
fn tab_separated(line: &str) -> Option<(&str, &str)> {
    let key = line.split('\t').find(|field| field.starts_with('{'))?;
    let start = key.as_ptr() as usize - line.as_ptr() as usize;
    line.get(start..)?.split_once('\t')
}

fn header(format: &Value, json: &Value) -> Result<Line, String> {
    match (
        format.as_str(),
        json["version"].as_u64(),
        json["records"].as_u64(),
    ) {
        (Some(FORMAT), Some(FORMAT_VERSION), Some(records)) => Ok(Line::Header(records)),
        (Some(FORMAT), Some(version), _) => Err(format!(
            "this export is of version {version}; this program reads version {FORMAT_VERSION}: take a newer one"
        )),
        _ => Err("it is the first line of something else than a registry export".to_owned()),
    }
}

/// A key or value that is JSON within JSON, as kcat writes it.
fn unquoted(what: &str, json: Value) -> Result<Value, String> {
    match json {
        Value::String(text) => read_json(what, &text),
        other => Ok(other),
    }
}

fn read_json(what: &str, text: &str) -> Result<Value, String> {
    serde_json::from_str(text).map_err(|error| format!("{what} is not JSON: {error}"))
}

/// Writes a dump; answers how many records it has.
///
/// # Errors
/// The output cannot be written to.
pub(super) fn write(mut out: impl Write, snapshot: &Snapshot, from: &str) -> Result<usize, Failure> {
    let count = snapshot.versions().count() + snapshot.configs.len() + snapshot.modes.len();
    let header = json!({"annals": FORMAT, "version": FORMAT_VERSION, "from": from, "records": count});
    writeln!(out, "{header}")?;
    for record in topic::records(snapshot) {
        let (key, value) = record.map_err(|error| Failure::new(Exit::Failed, error.to_string()))?;
        writeln!(out, "{{\"key\":{key},\"value\":{value}}}")?;
    }
    out.flush()?;
    Ok(count)
}
