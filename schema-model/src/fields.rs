//! The fields of a message as rules on them see them: each with its full name, its type's name and its tags.
//!
//! A field is what has a value of its own: the items of a list and the values of a map are asked one by one, under the
//! name of the field that holds them; messages within messages are gone into. Names are as in clients: of Avro and
//! Protobuf the record's full name and the field's, of JSON the way from `$`, with declared properties alone. Enums and
//! fixed bytes are not asked.

#[cfg(feature = "json")]
mod json;

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

#[cfg(feature = "proto")]
use prost_reflect::{Kind as ProtoKind, Value as ProtoValue};
use regex::Regex;
use serde_json::Value as Json;

#[cfg(feature = "avro")]
use crate::avro::{self, JsonKind, Kind, NodeId};
use crate::{Schema, SchemaType, Value};

/// The property that holds a field's tags in Avro and JSON Schema.
const TAGS: &str = "confluent:tags";

/// The option that holds them in Protobuf.
#[cfg(feature = "proto")]
const META: &str = "confluent.field_meta";

/// Most fields of a schema that are looked at, and how deep a JSON Schema is followed.
const FIELDS_MAX: usize = 100_000;
#[cfg(feature = "json")]
const DEPTH_MAX: usize = 32;

/// What a schema says of its fields.
#[derive(Debug)]
pub struct Fields {
    known: HashMap<String, Field>,
    format: SchemaType,
}

#[derive(Debug)]
struct Field {
    /// The names of the types its values may have.
    types: Vec<&'static str>,
    tags: Value,
}

/// A field with its value.
#[derive(Debug)]
pub struct Leaf<'v> {
    /// Its value.
    pub value: &'v Value,
    /// The message that has the field.
    pub message: &'v Value,
    /// `shop.Order.card`, in JSON `$.card`.
    pub full_name: String,
    /// `card`.
    pub name: &'v str,
    /// `STRING`, `LONG` and so on.
    pub type_name: &'static str,
    /// A list of texts.
    pub tags: &'v Value,
}

/// Where a value stands: the message, and the field in it.
#[derive(Clone, Copy)]
struct At<'v, 'n> {
    message: &'v Value,
    full_name: &'n str,
    name: &'v str,
}

/// What is done with a field.
pub type Visit<'a> = dyn FnMut(&Leaf<'_>) -> Result<(), String> + 'a;

impl Fields {
    /// The fields of a schema. `patterns` are tags that stand beside the schema, by the names they are for: `?` is one
    /// character, `*` any number of them within a part of a name, `**` any number.
    #[must_use]
    pub fn of<'t>(
        schema: &Schema,
        patterns: impl IntoIterator<Item = (&'t String, &'t BTreeSet<String>)>,
    ) -> Fields {
        let format = schema.schema_type();
        let mut tags = match schema {
            #[cfg(feature = "avro")]
            Schema::Avro(schema) => in_avro(schema),
            #[cfg(feature = "proto")]
            Schema::Proto(schema) => in_protobuf(schema),
            #[cfg(feature = "json")]
            Schema::Json(schema) => json::in_json(schema.text()),
        };
        for (pattern, more) in patterns {
            let Some(pattern) = wildcard(pattern) else {
                continue;
            };
            for (name, (_, tags)) in &mut tags {
                if pattern.is_match(name) {
                    tags.extend(more.iter().cloned());
                }
            }
        }
        let known = tags.into_iter().map(|(name, (types, tags))| {
            let mut tags: Vec<String> = tags.into_iter().collect();
            tags.sort();
            let tags = Value::Array(tags.into_iter().map(Value::String).collect());
            (name, Field { types, tags })
        });
        Fields {
            known: known.collect(),
            format,
        }
    }

    /// The message as clients hand it to rules: of Avro's logical types what they are written as, but for decimals.
    #[must_use]
    pub fn plain(&self, value: Value) -> Value {
        if self.format != SchemaType::Avro {
            return value;
        }
        let plain_all = |entries: Vec<(Arc<str>, Value)>| {
            let entries = entries.into_iter();
            entries.map(|(name, value)| (name, self.plain(value))).collect()
        };
        match value {
            Value::Timestamp { millis } => Value::Int(millis),
            Value::TimestampMicros { micros } => Value::Int(micros),
            Value::TimestampNanos(time) => Value::Int(time.as_nanos()),
            Value::Date(days) => Value::Int(i64::from(days)),
            Value::Uuid(_) => match value.to_json() {
                Json::String(text) => Value::String(text),
                _ => value,
            },
            Value::Array(items) => Value::Array(items.into_iter().map(|item| self.plain(item)).collect()),
            Value::Map(entries) => Value::Map(plain_all(entries)),
            Value::Record { name, fields } => Value::Record {
                name,
                fields: plain_all(fields),
            },
            value => value,
        }
    }

    /// Visits every field with one of the tags, or every one when there are none, until one is refused.
    ///
    /// # Errors
    /// Why it was.
    pub fn each(&self, message: &Value, tags: &[String], visit: &mut Visit<'_>) -> Result<(), String> {
        self.walk(message, None, "$", tags, visit)
    }

    fn walk<'v>(
        &'v self,
        value: &'v Value,
        at: Option<At<'v, '_>>,
        path: &str,
        tags: &[String],
        visit: &mut Visit<'_>,
    ) -> Result<(), String> {
        let (fields, record) = match value {
            Value::Array(items) => {
                let mut items = items.iter();
                return items.try_for_each(|item| self.walk(item, at, path, tags, visit));
            }
            Value::Record { fields, name } if self.format != SchemaType::Json => (fields, &**name),
            Value::Record { fields, .. } => (fields, path),
            Value::Map(entries) if self.format == SchemaType::Json => (entries, path),
            Value::Map(entries) => {
                let mut entries = entries.iter();
                return entries.try_for_each(|(_, value)| self.walk(value, at, path, tags, visit));
            }
            value => {
                let leaf = at.and_then(|at| self.leaf(value, at, tags));
                return leaf.map_or(Ok(()), |leaf| visit(&leaf));
            }
        };
        fields.iter().try_for_each(|(name, field)| {
            let full_name = format!("{record}.{name}");
            let at = At {
                message: value,
                full_name: &full_name,
                name,
            };
            self.walk(field, Some(at), &full_name, tags, visit)
        })
    }

    fn leaf<'v>(&'v self, value: &'v Value, at: At<'v, '_>, tags: &[String]) -> Option<Leaf<'v>> {
        let field = self.known.get(at.full_name)?;
        let has = |tag: &String| match &field.tags {
            Value::Array(tags) => tags.contains(&Value::String(tag.clone())),
            _ => false,
        };
        if !tags.is_empty() && !tags.iter().any(has) {
            return None;
        }
        Some(Leaf {
            value,
            message: at.message,
            full_name: at.full_name.to_owned(),
            name: at.name,
            type_name: self.type_name(value, &field.types)?,
            tags: &field.tags,
        })
    }

    /// What the type of a value is called, among those its field may have; nothing when it is not asked.
    fn type_name(&self, value: &Value, types: &[&'static str]) -> Option<&'static str> {
        let among = |names: &[&'static str]| {
            let found = names.iter().find(|name| types.contains(name));
            found.copied()
        };
        match value {
            Value::Null if self.format == SchemaType::Json => None,
            Value::Null => Some("NULL"),
            Value::Bool(_) => Some("BOOLEAN"),
            Value::Int(_) | Value::UInt(_) => among(&["INT", "LONG", "DOUBLE"]),
            Value::Float(_) => among(&["FLOAT", "DOUBLE"]),
            Value::String(_) => among(&["STRING"]),
            Value::Bytes(_) | Value::Decimal(_) => among(&["BYTES"]),
            Value::Timestamp { .. } | Value::TimestampMicros { .. } | Value::TimestampNanos(_) => {
                Some("LONG")
            }
            Value::Date(_) | Value::Time { .. } => among(&["INT", "LONG"]),
            Value::Uuid(_) => Some("STRING"),
            Value::Duration(_) | Value::Enum(_) | Value::Array(_) | Value::Map(_) | Value::Record { .. } => {
                None
            }
        }
    }
}

type Known = HashMap<String, (Vec<&'static str>, HashSet<String>)>;

#[cfg(feature = "avro")]
fn in_avro(schema: &avro::Schema) -> Known {
    let mut known = Known::new();
    for node in schema.nodes() {
        let Kind::Record(record) = &node.kind else {
            continue;
        };
        for field in record
            .fields
            .iter()
            .take(FIELDS_MAX - known.len().min(FIELDS_MAX))
        {
            let tags = field.props.iter().find(|(name, _)| name == TAGS);
            let tags = match tags.map(|(_, tags)| &tags.kind) {
                Some(JsonKind::Array(tags)) => tags.as_slice(),
                _ => &[],
            };
            let tags = tags.iter().filter_map(|tag| tag.as_str().map(str::to_owned));
            let name = format!("{}.{}", record.name.full(), field.name);
            known.insert(name, (avro_types(schema, field.node), tags.collect()));
        }
    }
    known
}

#[cfg(feature = "avro")]
/// The types of what a field holds, its lists' and maps' included, records left out.
fn avro_types(schema: &avro::Schema, field: NodeId) -> Vec<&'static str> {
    let (mut types, mut open, mut seen) = (Vec::new(), vec![field], HashSet::new());
    while let Some(id) = open.pop() {
        if !seen.insert(id) {
            continue;
        }
        match &schema.node(id).kind {
            Kind::Array(inner) | Kind::Map(inner) => open.push(*inner),
            Kind::Union(branches) => open.extend(branches),
            Kind::Int => types.push("INT"),
            Kind::Long => types.push("LONG"),
            Kind::Float => types.push("FLOAT"),
            Kind::Double => types.push("DOUBLE"),
            Kind::String => types.push("STRING"),
            Kind::Bytes => types.push("BYTES"),
            Kind::Null | Kind::Boolean | Kind::Enum(_) | Kind::Fixed(_) | Kind::Record(_) => {}
        }
    }
    types
}

#[cfg(feature = "proto")]
fn in_protobuf(schema: &crate::proto::Schema) -> Known {
    let mut known = Known::new();
    let pool = schema.file().parent_pool();
    let meta = pool.get_extension_by_name(META);
    for message in pool.all_messages() {
        for field in message.fields().take(FIELDS_MAX - known.len().min(FIELDS_MAX)) {
            let options = field.options();
            let meta = meta.as_ref().map(|meta| options.get_extension(meta));
            let tags = meta.as_deref().and_then(|meta| {
                let tags = meta.as_message()?.get_field_by_name("tags")?.into_owned();
                match tags {
                    ProtoValue::List(tags) => Some(tags),
                    _ => None,
                }
            });
            let tags = tags.iter().flatten();
            let tags = tags.filter_map(|tag| tag.as_str().map(str::to_owned)).collect();
            let kind = match field.kind() {
                ProtoKind::Message(entry) if field.is_map() => entry.map_entry_value_field().kind(),
                kind => kind,
            };
            let type_name = match kind {
                ProtoKind::Double => "DOUBLE",
                ProtoKind::Float => "FLOAT",
                ProtoKind::Bool => "BOOLEAN",
                ProtoKind::String => "STRING",
                ProtoKind::Bytes => "BYTES",
                ProtoKind::Int64
                | ProtoKind::Uint64
                | ProtoKind::Sint64
                | ProtoKind::Fixed64
                | ProtoKind::Sfixed64 => "LONG",
                ProtoKind::Enum(_) | ProtoKind::Message(_) => "RECORD",
                _ => "INT",
            };
            known.insert(field.full_name().to_owned(), (vec![type_name], tags));
        }
    }
    known
}

/// The names a pattern stands for: `?` one character, `*` any within a part of the name, `**` any.
fn wildcard(pattern: &str) -> Option<Regex> {
    let mut text = String::from("^");
    let mut rest = pattern;
    while let Some(first) = rest.chars().next() {
        let taken = match first {
            _ if rest.starts_with("**") => {
                text.push_str(".*");
                2
            }
            '*' => {
                text.push_str("[^.]*");
                1
            }
            '?' => {
                text.push_str("[^.]");
                1
            }
            other => {
                text.push_str(&regex::escape(other.encode_utf8(&mut [0; 4])));
                other.len_utf8()
            }
        };
        rest = rest.get(taken..)?;
    }
    text.push('$');
    Regex::new(&text).ok()
}
