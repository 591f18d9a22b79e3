//! The records of a `_schemas` topic, the form in which Kafka-backed registries keep everything: what one does to a
//! snapshot, and a snapshot written as such records.
//!
//! ```text
//!   {"keytype":"SCHEMA","subject":"s","version":1,"magic":1}  {"subject":"s","version":1,"id":7,"schema":"…","deleted":false,…}
//!   {"keytype":"CONFIG","subject":null,"magic":0}             {"compatibilityLevel":"FULL",…}
//!   {"keytype":"MODE","subject":":.eu:","magic":0}            {"mode":"READONLY"}
//!   {"keytype":"DELETE_SUBJECT","subject":"s","magic":0}      {"subject":"s","version":3}    versions to 3 are soft-deleted
//!   {"keytype":"CLEAR_SUBJECT","subject":"s"}                 {"subject":"s"}                what is soft-deleted is gone
//! ```
//!
//! A later record with the same key takes the place of an earlier one, and a value of `null` removes it.

use std::sync::Arc;

use annals_schema_model::Reference;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::snapshot::{Settings, Snapshot, Version, settings};
use crate::registry::{Content, Metadata, Mode, Qualified, RuleSet};

/// Record kinds that say nothing about what is registered.
const IGNORED: [&str; 3] = ["NOOP", "CONTEXT", "ASSOC"];
/// A dump of more versions than this is refused.
const VERSIONS_MAX: u32 = i32::MAX.unsigned_abs();

/// What a record did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Effect {
    Applied,
    Ignored,
}

#[derive(Serialize, Deserialize)]
struct Key {
    keytype: String,
    subject: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    version: Option<i64>,
    #[serde(default)]
    magic: i64,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct SchemaValue {
    #[serde(default)]
    subject: String,
    #[serde(default)]
    version: i64,
    id: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    guid: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    schema_type: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    references: Option<Vec<ReferenceValue>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    metadata: Option<Metadata>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    rule_set: Option<RuleSet>,
    schema: String,
    #[serde(default)]
    deleted: bool,
}

#[derive(Serialize, Deserialize)]
struct ReferenceValue {
    name: String,
    subject: String,
    version: i32,
}

/// A version as a server lists it or a record holds it; soft-deleted only where that is said.
pub(super) struct Listed {
    pub(super) subject: String,
    pub(super) number: u32,
    pub(super) version: Version,
}

/// Reads a version.
///
/// # Errors
/// What is wrong with it.
pub(super) fn listed(value: Value) -> Result<Listed, String> {
    let value: SchemaValue = serde_json::from_value(value).map_err(|error| error.to_string())?;
    let number = version_number(value.version)?;
    let id = u32::try_from(value.id).map_err(|_| format!("{} is not a schema id", value.id))?;
    let schema_type = value.schema_type.as_deref().unwrap_or("AVRO");
    let references = value.references.unwrap_or_default().into_iter();
    let references = references.map(|reference| Reference {
        name: reference.name,
        subject: reference.subject,
        version: reference.version,
    });
    let content = Content {
        schema_type: schema_type
            .parse()
            .map_err(|_| format!("the schema type {schema_type} is unknown"))?,
        text: value.schema.into(),
        references: references.collect(),
        metadata: value.metadata,
        rule_set: value.rule_set,
    };
    Ok(Listed {
        subject: value.subject,
        number,
        version: Version {
            id,
            guid: value.guid,
            content: Arc::new(content),
            deleted: value.deleted,
        },
    })
}

fn version_number(number: i64) -> Result<u32, String> {
    let number = u32::try_from(number).ok();
    number
        .filter(|number| (1..=VERSIONS_MAX).contains(number))
        .ok_or_else(|| "a version is a number from 1 to 2^31-1".to_owned())
}

/// Lets a record act on a snapshot.
///
/// # Errors
/// What is wrong with the record.
pub(super) fn apply(into: &mut Snapshot, key: Value, value: Value) -> Result<Effect, String> {
    let key: Key =
        serde_json::from_value(key).map_err(|error| format!("its key is no registry key: {error}"))?;
    if IGNORED.contains(&key.keytype.as_str()) {
        return Ok(Effect::Ignored);
    }
    let scope = Qualified::parse(key.subject.as_deref().unwrap_or_default());
    match key.keytype.as_str() {
        "SCHEMA" => apply_schema(into, &key, scope, value)?,
        "CONFIG" => match object(value)? {
            Some(json) => drop(into.configs.insert(scope, settings(json))),
            None => drop(into.configs.remove(&scope)),
        },
        "MODE" => match object(value)? {
            Some(json) => {
                let mode = json.get("mode").and_then(Value::as_str).unwrap_or_default();
                let mode: Mode = mode.parse().map_err(|_| format!("\"{mode}\" is not a mode"))?;
                into.modes.insert(scope, mode.to_string());
            }
            None => drop(into.modes.remove(&scope)),
        },
        "DELETE_SUBJECT" => delete_subject(into, &scope, value)?,
        "CLEAR_SUBJECT" => clear_subject(into, &scope, &value),
        other => return Err(format!("records of the kind \"{other}\" are not known")),
    }
    Ok(Effect::Applied)
}

fn object(value: Value) -> Result<Option<Map<String, Value>>, String> {
    match value {
        Value::Null => Ok(None),
        Value::Object(json) => Ok(Some(json)),
        other => Err(format!("its value should be an object or null, not {other}")),
    }
}

fn apply_schema(into: &mut Snapshot, key: &Key, subject: Qualified, value: Value) -> Result<(), String> {
    if subject.is_context() {
        return Err("its key names no subject".to_owned());
    }
    let number = version_number(key.version.ok_or("its key has no version")?)?;
    if value.is_null() {
        into.remove(&subject, number);
        return Ok(());
    }
    let mut object = object(value)?.unwrap_or_default();
    // The key decides; some tools leave these out of the value.
    object.insert("version".to_owned(), number.into());
    let listed = listed(Value::Object(object)).map_err(|error| format!("its value is no schema: {error}"))?;
    into.insert(subject, number, listed.version);
    Ok(())
}

fn delete_subject(into: &mut Snapshot, subject: &Qualified, value: Value) -> Result<(), String> {
    let Some(json) = object(value)? else {
        return Ok(());
    };
    let last = json.get("version").and_then(Value::as_i64);
    let last = version_number(last.ok_or("its value has no version")?)?;
    if let Some(versions) = into.subjects.get_mut(subject) {
        versions
            .range_mut(..=last)
            .for_each(|(_, version)| version.deleted = true);
    }
    Ok(())
}

fn clear_subject(into: &mut Snapshot, scope: &Qualified, value: &Value) {
    if value.is_null() {
        return;
    }
    let is_within = |subject: &Qualified| match scope.is_context() {
        true => subject.context == scope.context,
        false => subject == scope,
    };
    into.subjects.retain(|subject, versions| {
        if is_within(subject) {
            versions.retain(|_, version| !version.deleted);
        }
        !versions.is_empty()
    });
}

/// A snapshot as the key and value, both JSON, of each record.
pub(super) fn records(of: &Snapshot) -> impl Iterator<Item = serde_json::Result<(String, String)>> {
    let schemas = of.versions().map(|(subject, number, version)| {
        let name = subject.to_string();
        let key = key("SCHEMA", &name, Some(number), 1);
        Ok((key?, serde_json::to_string(&schema_value(name, number, version))?))
    });
    let configs = of.configs.iter().map(|(scope, json)| {
        let name = scope.to_string();
        let value: Settings = with_subject(&name).chain(json.clone()).collect();
        Ok((key("CONFIG", &name, None, 0)?, serde_json::to_string(&value)?))
    });
    let modes = of.modes.iter().map(|(scope, mode)| {
        let name = scope.to_string();
        let mode = ("mode".to_owned(), Value::from(mode.as_str()));
        let value: Settings = with_subject(&name).chain([mode]).collect();
        Ok((key("MODE", &name, None, 0)?, serde_json::to_string(&value)?))
    });
    schemas.chain(configs).chain(modes)
}

fn with_subject(name: &str) -> impl Iterator<Item = (String, Value)> {
    let subject = (!name.is_empty()).then(|| ("subject".to_owned(), Value::from(name)));
    subject.into_iter()
}

fn key(kind: &str, name: &str, version: Option<u32>, magic: i64) -> serde_json::Result<String> {
    serde_json::to_string(&Key {
        keytype: kind.to_owned(),
        subject: (!name.is_empty()).then(|| name.to_owned()),
        version: version.map(i64::from),
        magic,
    })
}

fn schema_value(subject: String, number: u32, version: &Version) -> SchemaValue {
    let content = &version.content;
    let references = content.references.iter().map(|reference| ReferenceValue {
        name: reference.name.clone(),
        subject: reference.subject.clone(),
        version: reference.version,
    });
    SchemaValue {
        subject,
        version: number.into(),
        id: version.id.into(),
        guid: version.guid.clone(),
        schema_type: Some(content.schema_type.name().to_owned()),
        references: (!content.references.is_empty()).then(|| references.collect()),
        metadata: content.metadata.clone(),
        rule_set: content.rule_set.clone(),
        schema: content.text.to_string(),
        deleted: version.deleted,
    }
}

/// The body that registers a version where it is imported: a record's value, but for what only a record says.
pub(super) fn import_body(number: u32, version: &Version) -> serde_json::Result<Value> {
    let mut body = serde_json::to_value(schema_value(String::new(), number, version))?;
    if let Some(body) = body.as_object_mut() {
        body.remove("subject");
        body.remove("deleted");
    }
    Ok(body)
}
