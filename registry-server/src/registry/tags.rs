//! Tags that stand in a schema's own text: `"confluent:tags": ["PII"]` on a record or a field.
//!
//! Records and fields are named by paths. In Avro that is the full name: `shop.Order`, and `shop.Order.card` for its
//! field. In JSON Schema the root is the record `object` and its property the field `object.card`; when that is an object
//! itself, its properties are `object.card.object.number`. The items of a list are below `array`, the branches of a
//! combined schema below `allof.0`, a definition below `definitions.Name`.
//!
//! Invariant: nothing of the text changes but the tags. Left out is Protobuf: there a tag is an option in the syntax of
//! the language, to be written by whoever writes the schema.

use std::collections::{BTreeSet, HashMap, HashSet};

use annals_schema_model::{
    SchemaType, Span,
    avro::{Json, JsonKind},
};
use serde::{Deserialize, Serialize};

use super::RegistryError;

/// The property that holds the tags.
const PROPERTY: &str = "confluent:tags";

/// Whether a record or a field is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EntityType {
    /// A record, or an object.
    SrRecord,
    /// A field, or a property.
    SrField,
}

/// A record or a field of a schema.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SchemaEntity {
    /// Where it is: `shop.Order.card`.
    pub entity_path: String,
    /// What it is.
    pub entity_type: EntityType,
}

/// A record or a field with its tags.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EntityTags {
    /// What is tagged.
    pub schema_entity: SchemaEntity,
    /// The tags' names.
    pub tags: BTreeSet<String>,
}

/// A record or a field as it stands in a text.
struct Place {
    entity: SchemaEntity,
    /// The object it is written as.
    object: Span,
    is_empty: bool,
    tags: BTreeSet<String>,
    /// The value of its tags.
    value: Option<Span>,
}

/// The tags in a schema's text, in its order. None in Protobuf.
#[must_use]
pub fn found(schema_type: SchemaType, text: &str) -> Vec<EntityTags> {
    let tagged = places(schema_type, text).unwrap_or_default().into_iter();
    tagged
        .filter(|place| !place.tags.is_empty())
        .map(|place| EntityTags {
            schema_entity: place.entity,
            tags: place.tags,
        })
        .collect()
}

/// A schema's text with other tags.
///
/// # Errors
/// [`RegistryError::InvalidSchema`]: the text is unreadable, has nothing at a path, or is Protobuf.
pub fn edited(
    schema_type: SchemaType,
    text: &str,
    add: &[EntityTags],
    remove: &[EntityTags],
) -> Result<String, RegistryError> {
    if add.is_empty() && remove.is_empty() {
        return Ok(text.to_owned());
    }
    let places = places(schema_type, text)?;
    let known: HashSet<&SchemaEntity> = places.iter().map(|place| &place.entity).collect();
    if let Some(missing) = add.iter().find(|wanted| !known.contains(&wanted.schema_entity)) {
        let SchemaEntity {
            entity_path,
            entity_type,
        } = &missing.schema_entity;
        let kind = match entity_type {
            EntityType::SrRecord => "record",
            EntityType::SrField => "field",
        };
        return Err(RegistryError::InvalidSchema(format!(
            "there is no {kind} at \"{entity_path}\" that could be tagged"
        )));
    }
    Ok(written(text, places, add, remove))
}

/// A schema's text with the tags another one has on what both have.
///
/// # Errors
/// As [`edited`].
pub fn taken_over(
    schema_type: SchemaType,
    text: &str,
    known: &[EntityTags],
) -> Result<String, RegistryError> {
    if known.is_empty() {
        return Ok(text.to_owned());
    }
    Ok(written(text, places(schema_type, text)?, known, &[]))
}

/// The tags asked for, by what they are to stand on.
type ByEntity<'a> = HashMap<&'a SchemaEntity, BTreeSet<&'a String>>;

fn by_entity(list: &[EntityTags]) -> ByEntity<'_> {
    let mut tags = ByEntity::new();
    for entry in list {
        tags.entry(&entry.schema_entity).or_default().extend(&entry.tags);
    }
    tags
}

fn written(text: &str, places: Vec<Place>, add: &[EntityTags], remove: &[EntityTags]) -> String {
    let (add, remove) = (by_entity(add), by_entity(remove));
    let mut changes: Vec<(Span, String)> = places
        .into_iter()
        .filter_map(|place| place.change(text, &add, &remove))
        .collect();
    changes.sort_by_key(|(span, _)| span.start);
    let (mut out, mut copied) = (String::with_capacity(text.len()), 0);
    for (span, now) in changes {
        out.push_str(&text[copied..span.start]);
        out.push_str(&now);
        copied = span.end;
    }
    out.push_str(&text[copied..]);
    out
}

impl Place {
    /// What to write, and in which stead.
    fn change(&self, text: &str, add: &ByEntity<'_>, remove: &ByEntity<'_>) -> Option<(Span, String)> {
        let mut tags = self.tags.clone();
        if let Some(removed) = remove.get(&self.entity) {
            tags.retain(|tag| !removed.contains(tag));
        }
        tags.extend(
            add.get(&self.entity)
                .into_iter()
                .flatten()
                .map(|tag| (*tag).clone()),
        );
        if tags == self.tags {
            return None;
        }
        let list = serde_json::to_string(&tags).ok()?;
        match self.value {
            Some(value) if tags.is_empty() => {
                Some((entry_span(text, value).unwrap_or(value), "[]".to_owned()))
                    .map(|(span, rest)| (span, if span == value { rest } else { String::new() }))
            }
            Some(value) => Some((value, list)),
            None => {
                let inside = self.object.start + 1;
                let comma = if self.is_empty { "" } else { "," };
                let span = Span {
                    start: inside,
                    end: inside,
                };
                Some((span, format!("\"{PROPERTY}\":{list}{comma}")))
            }
        }
    }
}

/// The whole entry of a value, with one comma; `None` when the key is written in an unusual way.
fn entry_span(text: &str, value: Span) -> Option<Span> {
    let before = text.get(..value.start)?.trim_end().strip_suffix(':')?.trim_end();
    let before = before.strip_suffix(&format!("\"{PROPERTY}\""))?.trim_end();
    if let Some(before) = before.strip_suffix(',') {
        return Some(Span {
            start: before.len(),
            end: value.end,
        });
    }
    let after = text.get(value.end..)?;
    let rest = after.trim_start();
    let rest = rest.strip_prefix(',').unwrap_or(rest);
    Some(Span {
        start: before.len(),
        end: text.len() - rest.len(),
    })
}

fn places(schema_type: SchemaType, text: &str) -> Result<Vec<Place>, RegistryError> {
    let read = || Json::parse(text).map_err(|error| RegistryError::InvalidSchema(error.to_string()));
    let mut places = Vec::new();
    match schema_type {
        SchemaType::Avro => in_avro(&read()?, "", &mut places),
        SchemaType::Json => in_json_schema(&read()?, "", false, &mut places),
        SchemaType::Protobuf => {
            return Err(RegistryError::InvalidSchema(
                "tags of a Protobuf schema are options within its text, such as [(confluent.field_meta).tags = \"PII\"]; \
                 write them there, or into the tags of the metadata"
                    .to_owned(),
            ));
        }
    }
    Ok(places)
}

fn place(json: &Json, entity_path: String, entity_type: EntityType) -> Place {
    let value = json.get(PROPERTY);
    let tags = match value.map(|value| &value.kind) {
        Some(JsonKind::Array(tags)) => tags.iter().filter_map(Json::as_str).map(str::to_owned).collect(),
        _ => BTreeSet::new(),
    };
    Place {
        entity: SchemaEntity {
            entity_path,
            entity_type,
        },
        object: json.span,
        is_empty: matches!(&json.kind, JsonKind::Object(entries) if entries.is_empty()),
        tags,
        value: value.map(|value| value.span),
    }
}

fn in_avro(json: &Json, namespace: &str, places: &mut Vec<Place>) {
    if let JsonKind::Array(branches) = &json.kind {
        branches
            .iter()
            .for_each(|branch| in_avro(branch, namespace, places));
    }
    let Some(kind) = json.get("type") else {
        return;
    };
    if !matches!(kind.as_str(), Some("record" | "error")) {
        for inside in [Some(kind), json.get("items"), json.get("values")] {
            inside
                .into_iter()
                .for_each(|inside| in_avro(inside, namespace, places));
        }
        return;
    }
    let name = json.get("name").and_then(Json::as_str).unwrap_or_default();
    let namespace = match (
        name.rsplit_once('.'),
        json.get("namespace").and_then(Json::as_str),
    ) {
        (Some((namespace, _)), _) => namespace,
        (None, Some(own)) => own,
        (None, None) => namespace,
    };
    let short = name.rsplit('.').next().unwrap_or(name);
    let full = joined(namespace, short);
    places.push(place(json, full.clone(), EntityType::SrRecord));
    if let Some(JsonKind::Array(fields)) = json.get("fields").map(|fields| &fields.kind) {
        for field in fields {
            let name = field.get("name").and_then(Json::as_str).unwrap_or_default();
            places.push(place(field, joined(&full, name), EntityType::SrField));
            field
                .get("type")
                .into_iter()
                .for_each(|inside| in_avro(inside, namespace, places));
        }
    }
}

/// What is a field already is not a record too: both would be one object.
fn in_json_schema(json: &Json, path: &str, is_field: bool, places: &mut Vec<Place>) {
    let is_object =
        json.get("type").and_then(Json::as_str) == Some("object") || json.get("properties").is_some();
    let own = if is_object {
        joined(path, "object")
    } else {
        path.to_owned()
    };
    if is_object && !is_field {
        places.push(place(json, own.clone(), EntityType::SrRecord));
    }
    for (name, property) in entries(json.get("properties")) {
        let path = joined(&own, name);
        if matches!(property.kind, JsonKind::Object(_)) {
            places.push(place(property, path.clone(), EntityType::SrField));
        }
        in_json_schema(property, &path, true, places);
    }
    for (name, definition) in entries(json.get("definitions")).chain(entries(json.get("$defs"))) {
        in_json_schema(
            definition,
            &joined(&joined(&own, "definitions"), name),
            false,
            places,
        );
    }
    if let Some(items) = json.get("items") {
        in_json_schema(items, &joined(path, "array"), false, places);
    }
    for (keyword, word) in [("allOf", "allof"), ("anyOf", "anyof"), ("oneOf", "oneof")] {
        if let Some(JsonKind::Array(branches)) = json.get(keyword).map(|branches| &branches.kind) {
            for (place, branch) in branches.iter().enumerate() {
                in_json_schema(
                    branch,
                    &joined(&joined(path, word), &place.to_string()),
                    false,
                    places,
                );
            }
        }
    }
}

fn entries(json: Option<&Json>) -> impl Iterator<Item = (&str, &Json)> {
    let entries = match json.map(|json| &json.kind) {
        Some(JsonKind::Object(entries)) => entries.as_slice(),
        _ => &[],
    };
    entries.iter().map(|(name, value)| (name.as_str(), value))
}

fn joined(path: &str, name: &str) -> String {
    if path.is_empty() {
        name.to_owned()
    } else {
        format!("{path}.{name}")
    }
}

#[cfg(test)]
mod tests;
