//! AsyncAPI 3: a channel a topic, a message a subject, with the schema it was written with.
//!
//! Invariant: a schema stands in the document as a registry has it, with what it refers to inside of it where its language
//! can say so, and else beside it (`x-protobuf-imports`); nothing is translated. What only the owner of the events knows
//! (the document's title and version, servers, who sends and who receives) is theirs to say: of each topic the document
//! says that it can be sent to and received from.

mod tree;

use std::collections::BTreeSet;

use annals_schema_model::{Resolved, SchemaType};

use crate::model::Definition;
use crate::unit::{AvroUnit, Origin, ProtoUnit, TopicUnit, Units};
use crate::words;
pub use tree::Document;
use tree::{Tree, object, text};

/// The version of the Kafka bindings.
const BINDINGS: &str = "0.5.0";

/// The document.
pub(crate) fn document(all: &Units, title: &str, version: &str) -> Document {
    let mut channels = Vec::new();
    let mut operations = Vec::new();
    let mut messages = Vec::new();
    let (mut ids, mut taken) = (BTreeSet::new(), BTreeSet::new());
    for topic in &all.topics {
        let name = &key(topic.name(), &mut ids);
        let of_key = of_key(all, topic.name());
        let records = records(topic);
        let keys: Vec<String> = records
            .iter()
            .map(|record| key(&record.key, &mut taken))
            .collect();
        let mut own = BTreeSet::new();
        let in_channel: Vec<String> = records
            .iter()
            .map(|record| key(record.full_name, &mut own))
            .collect();
        let referred = in_channel
            .iter()
            .zip(&keys)
            .map(|(own, key)| (own.clone(), reference(&["components", "messages", key])));
        channels.push((name.to_owned(), channel(topic.name(), referred.collect())));
        for action in ["send", "receive"] {
            let all = in_channel
                .iter()
                .map(|own| reference(&["channels", name, "messages", own]));
            operations.push((
                format!("{action}.{name}"),
                object([
                    ("action", text(action)),
                    ("channel", reference(&["channels", name])),
                    ("messages", Tree::List(all.collect())),
                ]),
            ));
        }
        messages.extend(
            keys.into_iter()
                .zip(&records)
                .map(|(key, record)| (key, message(record, of_key))),
        );
    }
    Document(object([
        ("asyncapi", text("3.0.0")),
        (
            "info",
            object([("title", text(title)), ("version", text(version))]),
        ),
        ("channels", Tree::Object(channels)),
        ("operations", Tree::Object(operations)),
        ("components", object([("messages", Tree::Object(messages))])),
    ]))
}

/// The schema of a topic's keys, if there is one.
fn of_key<'u>(all: &'u Units, topic: &str) -> Option<&'u Origin> {
    let avro = all.types.iter().filter(|unit| unit.keep.is_none());
    let mut origins = avro
        .map(|unit| &unit.origin)
        .chain(all.messages.iter().map(|unit| &unit.origin));
    origins.find(|origin| origin.subject.strip_prefix(topic) == Some("-key"))
}

/// What a record of a topic may be.
struct Record<'u> {
    /// The subject, and the message's name where a subject has several.
    key: String,
    full_name: &'u str,
    doc: Option<&'u str>,
    deprecated: Option<&'u str>,
    strategy: Option<&'static str>,
    origin: &'u Origin,
    /// What stands in no text of Protobuf but its own.
    imports: &'u [Resolved],
}

fn records<'u>(topic: &'u TopicUnit) -> Vec<Record<'u>> {
    match topic {
        TopicUnit::Avro {
            name,
            by_record,
            events,
            ..
        } => {
            let record = |unit: &'u AvroUnit| avro_record(unit, strategy(name, *by_record, &unit.origin));
            events.iter().map(record).collect()
        }
        TopicUnit::Proto {
            name,
            by_record,
            events,
        } => {
            let records = events.iter().flat_map(|unit| {
                let tops = unit.tops();
                let (is_only, strategy) = (tops.len() == 1, strategy(name, *by_record, &unit.origin));
                tops.into_iter()
                    .map(move |top| proto_record(unit, top, is_only, strategy))
            });
            records.collect()
        }
    }
}

fn proto_record<'u>(
    unit: &'u ProtoUnit,
    top: &'u str,
    is_only: bool,
    strategy: Option<&'static str>,
) -> Record<'u> {
    let about = unit.schema.message(top).map(|message| &message.about);
    let subject = &unit.origin.subject;
    Record {
        key: if is_only {
            subject.clone()
        } else {
            format!("{subject}.{top}")
        },
        full_name: top,
        doc: about.and_then(|about| about.doc.as_deref()),
        deprecated: about.filter(|about| about.deprecated).map(|_| ""),
        strategy,
        origin: &unit.origin,
        imports: &unit.imports,
    }
}

fn avro_record<'u>(unit: &'u AvroUnit, strategy: Option<&'static str>) -> Record<'u> {
    let definition: Option<&Definition> = unit.definition();
    let (subject, full_name) = (&unit.origin.subject, unit.event_name());
    Record {
        key: match unit.branch {
            None => subject.clone(),
            Some(_) => format!("{subject}.{full_name}"),
        },
        full_name,
        doc: definition.and_then(|definition| definition.doc.as_deref()),
        deprecated: definition.and_then(|definition| definition.deprecated.as_deref()),
        strategy,
        origin: &unit.origin,
        imports: &[],
    }
}

/// What the serializers of Kafka call the way subjects are named; nothing where a name is its owner's own choice.
fn strategy(topic: &str, by_record: bool, origin: &Origin) -> Option<&'static str> {
    match origin.subject.strip_prefix(topic) {
        Some("-value") if !by_record => Some("TopicNameStrategy"),
        _ if !by_record => None,
        Some(rest) if rest.starts_with('-') => Some("TopicRecordNameStrategy"),
        _ => Some("RecordNameStrategy"),
    }
}

fn channel(topic: &str, messages: Vec<(String, Tree)>) -> Tree {
    object([
        ("address", text(topic)),
        ("messages", Tree::Object(messages)),
        ("bindings", kafka([("topic", text(topic))])),
    ])
}

/// What is said of a message in words.
fn description(record: &Record<'_>, of_key: Option<&Origin>) -> String {
    let origin = record.origin;
    let lines = words::lines(record.doc);
    let place = format!(
        "Version {} of subject `{}`, {}.",
        origin.version, origin.subject, origin.label
    );
    let mut description = lines.join("\n");
    description.push_str(if lines.is_empty() { "" } else { "\n\n" });
    description.push_str(&place);
    if let Some(why) = record.deprecated {
        description.push_str(if why.is_empty() {
            "\n\nDeprecated."
        } else {
            "\n\nDeprecated: "
        });
        description.push_str(&words::shown(why));
    }
    if let Some(key) = of_key {
        let words = format!(
            "\n\nKeys: version {} of subject `{}`, {}.",
            key.version, key.subject, key.label
        );
        description.push_str(&words);
    }
    description
}

/// A message. The bindings take keys of Avro alone; of others the words say where they are.
fn message(record: &Record<'_>, of_key: Option<&Origin>) -> Tree {
    let origin = record.origin;
    let (content_type, format, schema) = match origin.kind {
        SchemaType::Protobuf => (
            "application/x-protobuf",
            "application/vnd.google.protobuf;version=3",
            text(&origin.whole_text),
        ),
        _ => (
            "avro/binary",
            "application/vnd.apache.avro;version=1.9.0",
            Tree::json(&origin.whole_text),
        ),
    };
    let avro_key = of_key.filter(|key| key.kind == SchemaType::Avro);
    let avro_key = avro_key.map(|key| ("key", Tree::json(&key.whole_text)));
    let strategy = record.strategy.map(|name| ("schemaLookupStrategy", text(name)));
    let mut message = vec![
        ("name", text(record.full_name)),
        (
            "title",
            text(record.full_name.rsplit('.').next().unwrap_or_default()),
        ),
        ("description", text(&description(record, of_key))),
        ("contentType", text(content_type)),
        (
            "bindings",
            kafka(
                avro_key
                    .into_iter()
                    .chain([
                        ("schemaIdLocation", text("payload")),
                        ("schemaIdPayloadEncoding", text("confluent")),
                    ])
                    .chain(strategy),
            ),
        ),
        (
            "payload",
            object([("schemaFormat", text(format)), ("schema", schema)]),
        ),
    ];
    if !record.imports.is_empty() {
        let texts = record
            .imports
            .iter()
            .map(|import| (import.name.clone(), text(&import.text)));
        message.push(("x-protobuf-imports", Tree::Object(texts.collect())));
    }
    let named = message.into_iter().map(|(name, value)| (name.to_owned(), value));
    Tree::Object(named.collect())
}

fn kafka<'a>(said: impl IntoIterator<Item = (&'a str, Tree)>) -> Tree {
    let version = ("bindingVersion".to_owned(), text(BINDINGS));
    let said = said.into_iter().map(|(name, value)| (name.to_owned(), value));
    object([("kafka", Tree::Object(said.chain([version]).collect()))])
}

/// A pointer into the document.
fn reference(way: &[&str]) -> Tree {
    object([("$ref", text(&format!("#/{}", way.join("/"))))])
}

/// A key as the specification lets one be: other letters are underscores, and each is given once.
fn key(name: &str, taken: &mut BTreeSet<String>) -> String {
    let letter = |letter: char| {
        let fits = letter.is_ascii_alphanumeric() || matches!(letter, '.' | '-' | '_');
        if fits { letter } else { '_' }
    };
    let mut key: String = name.chars().map(letter).collect();
    while !taken.insert(key.clone()) {
        key.push('_');
    }
    key
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_those_of_the_specification() {
        let mut taken = BTreeSet::new();
        let mut check = |name: &str, expected: &str| assert_eq!(key(name, &mut taken), expected, "{name}");
        check("orders-shop.orders.OrderPlaced", "orders-shop.orders.OrderPlaced");
        check(":.eu:orders-value", "_.eu_orders-value");
        check("名", "_");
        check("名前", "__");
        check("前", "___");
    }
}
