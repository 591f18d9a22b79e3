//! Payloads by their registered schemas: JSON into the registry's envelope, and back.
//!
//! Schemas are fetched from the registry over HTTP when they are first met, and kept. Where there is no registry, or no
//! subject, a payload is text.

use std::collections::HashMap;
use std::rc::Rc;

use annals_kafka_client::Record;
use annals_schema_model::avro::Plan;
use annals_schema_model::envelope::{self, SchemaKey};
use annals_schema_model::{Reading, Schema, SchemaId, Writing};
use serde_json::Value;

use super::super::api::{Api, Method};
use super::super::check;
use super::super::exit::{Exit, Failure};

/// Reads payloads with the schemas they name.
pub(super) struct Reader {
    api: Api,
    known: HashMap<SchemaKey, Rc<Result<Known, String>>>,
}

/// A schema that was met.
pub(super) struct Known {
    reading: Reading,
    /// As output shows it: its id or guid, type and name.
    pub(super) shown: Value,
}

/// A payload as it is shown.
pub(super) struct Shown {
    pub(super) value: Value,
    /// What it was read with.
    pub(super) schema: Option<Value>,
    /// Why it could not be read, although it names a schema.
    pub(super) problem: Option<String>,
}

impl Reader {
    pub(super) fn new(server: &str) -> Reader {
        Reader {
            api: Api::new(server),
            known: HashMap::new(),
        }
    }

    /// Reads a key or value; `header` is the one that may name its schema.
    pub(super) fn read(&mut self, header: Option<&[u8]>, payload: Option<&[u8]>) -> Shown {
        let Some(payload) = payload else {
            return plain(Value::Null);
        };
        let Ok(framed) = envelope::read_framed(header, payload) else {
            return plain(text(payload));
        };
        let unread = |problem: String| Shown {
            problem: Some(problem),
            ..plain(text(payload))
        };
        match &*self.schema(framed.schema) {
            Err(problem) => unread(problem.clone()),
            Ok(known) => match known.reading.read(framed.body) {
                Ok(value) => Shown {
                    value: value.to_json(),
                    schema: Some(known.shown.clone()),
                    problem: None,
                },
                Err(error) => unread(format!("it does not read with {}: {error}", framed.schema)),
            },
        }
    }

    fn schema(&mut self, key: SchemaKey) -> Rc<Result<Known, String>> {
        let Reader { api, known } = self;
        Rc::clone(known.entry(key).or_insert_with(|| Rc::new(fetch(api, key))))
    }
}

/// The value of the last header of a name.
pub(super) fn header<'a>(record: &'a Record, name: &str) -> Option<&'a [u8]> {
    record.headers.last(name).flatten()
}

/// The schema that a payload names.
pub(super) fn fetch_schema(api: &Api, key: SchemaKey) -> Result<Schema, String> {
    fetch_parsed(api, key).map(|(schema, _)| schema)
}

fn fetch(api: &Api, key: SchemaKey) -> Result<Known, String> {
    let (schema, shown) = fetch_parsed(api, key)?;
    Ok(Known {
        reading: Reading::of(&schema),
        shown,
    })
}

/// A schema, and how output shows it.
fn fetch_parsed(api: &Api, key: SchemaKey) -> Result<(Schema, Value), String> {
    let told = |failure: Failure| match failure.exit {
        Exit::NotFound => format!("{key} is not in the registry"),
        _ => format!("{key} cannot be fetched: {}", failure.message),
    };
    let (found, named) = match key {
        SchemaKey::Id(id) => {
            let id = id.to_string();
            (
                api.get(&["schemas", "ids", &id], &[]),
                ("id", Value::from(id.parse::<u32>().ok())),
            )
        }
        SchemaKey::Guid(guid) => {
            let guid = uuid::Uuid::from_bytes(guid).to_string();
            (
                api.get(&["schemas", "guids", &guid], &[]),
                ("guid", Value::from(guid)),
            )
        }
    };
    let found = found.map_err(told)?;
    let schema = check::parse(api, &found).map_err(told)?;
    let mut shown = serde_json::Map::new();
    shown.insert(named.0.to_owned(), named.1);
    shown.insert(
        "type".to_owned(),
        found["schemaType"].as_str().unwrap_or("AVRO").into(),
    );
    if let Some(name) = schema.record_name() {
        shown.insert("name".to_owned(), name.into());
    }
    Ok((schema, Value::Object(shown)))
}

fn plain(value: Value) -> Shown {
    Shown {
        value,
        schema: None,
        problem: None,
    }
}

/// Bytes as text; what is no text, as base64 that says so.
pub(super) fn text(bytes: &[u8]) -> Value {
    use base64::Engine as _;
    match std::str::from_utf8(bytes) {
        Ok(text) => Value::from(text),
        Err(_) => serde_json::json!({"base64": base64::engine::general_purpose::STANDARD.encode(bytes)}),
    }
}

/// Which schema payloads are written with.
#[derive(Debug, Clone)]
pub(super) enum Chosen {
    /// A version of a subject, or `latest`.
    Version { subject: String, version: String },
    /// The schema of an id.
    Id(u32),
}

/// A chosen schema as the registry has it.
pub(super) struct Found {
    pub(super) schema: Schema,
    id: SchemaId,
    /// As remarks name it: `orders-value v3 (id 7)`.
    pub(super) name: String,
}

/// A chosen schema; `None` when the registry has no such subject.
pub(super) fn chosen(api: &Api, chosen: &Chosen) -> Result<Option<Found>, Failure> {
    let id_text;
    let path: Vec<&str> = match chosen {
        Chosen::Version { subject, version } => vec!["subjects", subject, "versions", version],
        Chosen::Id(id) => {
            id_text = id.to_string();
            vec!["schemas", "ids", &id_text]
        }
    };
    let answer = api.ask(Method::Get, &path, &[]).map_err(|failure| {
        failure.help("--raw writes text without a registry; --server names another one")
    })?;
    let found = match (answer, chosen) {
        (Ok(found), _) => found,
        (Err(refusal), Chosen::Version { version, .. }) if refusal.is_not_found() && version == "latest" => {
            return Ok(None);
        }
        (Err(refusal), _) => return Err(refusal.into()),
    };
    let id = match chosen {
        Chosen::Id(id) => u64::from(*id),
        Chosen::Version { .. } => found["id"].as_u64().unwrap_or_default(),
    };
    let id = u32::try_from(id).ok().and_then(SchemaId::new);
    let id = id.ok_or_else(|| Failure::new(Exit::Failed, "the registry's answer names no schema id"))?;
    let name = match chosen {
        Chosen::Id(_) => format!("the schema of id {id}"),
        Chosen::Version { subject, .. } => format!("{subject} v{} (id {id})", found["version"]),
    };
    Ok(Some(Found {
        schema: check::parse(api, &found)?,
        id,
        name,
    }))
}

/// Writes payloads with one schema.
pub(super) struct Writer {
    pub(super) found: Found,
    writing: Writing,
}

impl Writer {
    /// The writer of a chosen schema; `None` when the registry has no such subject.
    pub(super) fn new(api: &Api, of: &Chosen) -> Result<Option<Writer>, Failure> {
        let found = chosen(api, of)?;
        Ok(found.map(|found| Writer {
            writing: Writing::of(&found.schema),
            found,
        }))
    }

    /// A payload in its envelope.
    pub(super) fn write(&self, text: &str) -> Result<Vec<u8>, String> {
        let body = self.writing.write(text);
        let body = body.map_err(|error| format!("does not fit {}: {error}", self.found.name))?;
        let mut payload = Vec::with_capacity(5 + body.len());
        envelope::write(self.found.id, &mut payload);
        payload.extend(body);
        Ok(payload)
    }

    /// A datum of another schema as a payload.
    pub(super) fn translate(&self, plan: &Plan, datum: &[u8]) -> Result<Vec<u8>, String> {
        let mut payload = Vec::with_capacity(5 + datum.len());
        envelope::write(self.found.id, &mut payload);
        let translated = plan.translate(datum, &mut payload);
        translated.map_err(|error| format!("does not fit {}: {error}", self.found.name))?;
        Ok(payload)
    }

    /// The same of a key: one that is no JSON is taken for the text it is.
    pub(super) fn write_key(&self, text: &str) -> Result<Vec<u8>, String> {
        self.write(text)
            .or_else(|problem| self.write(&Value::from(text).to_string()).map_err(|_| problem))
    }
}
