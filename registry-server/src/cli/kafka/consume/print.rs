//! How records are printed: in columns, as JSON, or as they are.

use annals_kafka_client::Record;
use annals_schema_model::{Timestamp, envelope};
use serde_json::{Value, json};

use super::super::super::Global;
use super::super::super::exit::Failure;
use super::super::super::output::{self, Format, Table};
use super::super::container::Export;
use super::super::payload::{self, Reader, Shown};

/// Prints the records of a topic.
pub(super) struct Printer {
    topic: String,
    reader: Reader,
    form: Form,
    /// Payloads that name a schema and could not be read with it, and why the first could not.
    unread: (u64, Option<String>),
}

enum Form {
    Container(Box<Export>),
    Columns(Table),
    Json,
    Raw,
}

impl Printer {
    /// `export`: a container file that takes the place of output.
    pub(super) fn new(global: &Global, topic: &str, is_raw: bool, export: Option<Export>) -> Printer {
        let form = match (export, global.output) {
            (Some(export), _) => Form::Container(Box::new(export)),
            _ if is_raw => Form::Raw,
            (None, Format::Json) => Form::Json,
            (None, Format::Table) => Form::Columns(Table::new(&[
                "PARTITION",
                "OFFSET",
                "TIME (UTC)",
                "KEY",
                "SCHEMA",
                "VALUE",
            ])),
        };
        Printer {
            topic: topic.to_owned(),
            reader: Reader::new(&global.server),
            form,
            unread: (0, None),
        }
    }

    /// Prints records of a partition, and says whether anybody still reads them.
    pub(super) fn print(&mut self, partition: i32, records: &[&Record]) -> Result<bool, Failure> {
        if records.is_empty() {
            return Ok(true);
        }
        if let Form::Container(export) = &mut self.form {
            return export.write(partition, records);
        }
        if let Form::Raw = self.form {
            let mut out = Vec::new();
            for record in records {
                out.extend_from_slice(record.value.as_deref().unwrap_or_default());
                out.push(b'\n');
            }
            return output::bytes(&out);
        }
        let shown: Vec<(Shown, Shown)> = records.iter().map(|record| self.shown(record)).collect();
        let both = records.iter().zip(&shown);
        match &mut self.form {
            Form::Columns(table) => table.rows(both.map(|(record, (key, value))| {
                vec![
                    partition.to_string(),
                    record.offset.to_string(),
                    time(record),
                    one_line(&output::cell(&key.value)),
                    value.schema.as_ref().map_or_else(|| "-".to_owned(), schema_name),
                    one_line(&output::cell(&value.value)),
                ]
            })),
            Form::Json | Form::Raw | Form::Container(_) => {
                let mut out = String::new();
                for (record, (key, value)) in both {
                    out.push_str(&json_of(&self.topic, partition, record, key, value).to_string());
                    out.push('\n');
                }
                output::bytes(out.as_bytes())
            }
        }
    }

    fn shown(&mut self, record: &Record) -> (Shown, Shown) {
        let header = |name: &str| payload::header(record, name);
        let key = self
            .reader
            .read(header(envelope::KEY_HEADER), record.key.as_deref());
        let value = self
            .reader
            .read(header(envelope::VALUE_HEADER), record.value.as_deref());
        for problem in [&key, &value]
            .into_iter()
            .filter_map(|shown| shown.problem.as_ref())
        {
            self.unread.0 += 1;
            self.unread.1.get_or_insert_with(|| problem.clone());
        }
        (key, value)
    }

    /// Says what there is to say besides the records.
    pub(super) fn end(self) -> Result<(), Failure> {
        if let Form::Container(export) = self.form {
            export.end()?;
        }
        if let (count, Some(first)) = self.unread {
            output::remark(&format!(
                "{count} key(s) or value(s) are shown as they are; of the first: {first} (--server names the registry)"
            ));
        }
        Ok(())
    }
}

fn time(record: &Record) -> String {
    match record.timestamp_ms {
        ..0 => "-".to_owned(),
        ms => Timestamp::from_millis(ms).to_string(),
    }
}

/// `shop.orders.OrderPlaced (id 12)`
fn schema_name(schema: &Value) -> String {
    let name = schema["name"]
        .as_str()
        .or(schema["type"].as_str())
        .unwrap_or_default();
    match schema["id"].as_u64() {
        Some(id) => format!("{name} (id {id})"),
        None => name.to_owned(),
    }
}

/// Control characters would break the columns, and may do worse to a terminal.
fn one_line(text: &str) -> String {
    match text.contains(char::is_control) {
        true => text.escape_debug().to_string(),
        false => text.to_owned(),
    }
}

fn json_of(topic: &str, partition: i32, record: &Record, key: &Shown, value: &Shown) -> Value {
    let headers = record
        .headers
        .iter()
        .map(|(name, value)| json!({"name": name, "value": value.map(payload::text)}));
    let mut whole = json!({
        "topic": topic, "partition": partition, "offset": record.offset,
        "time": Some(time(record)).filter(|time| time != "-"),
        "key": key.value, "value": value.value,
        "key_schema": key.schema, "schema": value.schema,
        "headers": headers.collect::<Vec<_>>(),
    });
    if let Some(problem) = value.problem.as_ref().or(key.problem.as_ref()) {
        whole["problem"] = Value::from(problem.as_str());
    }
    whole
}
