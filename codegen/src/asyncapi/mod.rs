//! AsyncAPI 3: a channel a topic, a message a subject, with the schema it was written with.
//!
//! Invariant: a schema stands in the document as a registry has it, with what it refers to inside of it where its language
//! can say so, and else beside it (`x-protobuf-imports`); nothing is translated. What only the owner of the events knows (the document's title and version, servers,
//! who sends and who receives) is theirs to say: of each topic the document says that it can be sent to and received from.

mod tree;

use std::collections::BTreeSet;

use annals_schema_model::{Resolved, SchemaType};

use crate::model::Definition;
use crate::unit::{AvroUnit, Origin, ProtoUnit, TopicUnit};
use crate::words;
pub use tree::Document;
use tree::{Tree, object, text};

/// The version of the Kafka bindings.
const BINDINGS: &str = "0.5.0";

/// The document.
pub(crate) fn document(topics: &[TopicUnit], title: &str, version: &str) -> Document {
    let mut channels = Vec::new();
    let mut operations = Vec::new();
    let mut messages = Vec::new();
    let mut taken = BTreeSet::new();
    for topic in topics {
        let name = topic.name();
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
        channels.push((name.to_owned(), channel(name, referred.collect())));
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
                .map(|(key, record)| (key, message(record))),
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

/// What a record of a topic may be.
struct Record<'u> {
    /// The subject, and the message's name where a subject has several.
    key: String,
    full_name: &'u str,
    doc: Option<&'u str>,
    deprecated: Option<&'u str>,
    strategy: &'static str,
    origin: &'u Origin,
    /// What stands in no text of Protobuf but its own.
    imports: &'u [Resolved],
}

fn records(topic: &TopicUnit) -> Vec<Record<'_>> {
    match topic {
        TopicUnit::Avro {
            by_record, events, ..
        } => {
            let record = |unit| avro_record(unit, *by_record);
            events.iter().map(record).collect()
        }
        TopicUnit::Proto {
            by_record, events, ..
        } => {
            let records = events.iter().flat_map(|unit| {
                let tops = unit.tops();
                let is_only = tops.len() == 1;
                tops.into_iter()
                    .map(move |top| proto_record(unit, top, is_only, *by_record))
            });
            records.collect()
        }
    }
}

fn proto_record<'u>(unit: &'u ProtoUnit, top: &'u str, is_only: bool, by_record: bool) -> Record<'u> {
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
        strategy: strategy(by_record),
        origin: &unit.origin,
        imports: &unit.imports,
    }
}

fn avro_record(unit: &AvroUnit, by_record: bool) -> Record<'_> {
    let definition: Option<&Definition> = unit.definitions.get(&unit.top);
    Record {
        key: unit.origin.subject.clone(),
        full_name: &unit.top,
        doc: definition.and_then(|definition| definition.doc.as_deref()),
        deprecated: definition.and_then(|definition| definition.deprecated.as_deref()),
        strategy: strategy(by_record),
        origin: &unit.origin,
        imports: &[],
    }
}

/// What the serializers of Kafka call the way subjects are named.
fn strategy(by_record: bool) -> &'static str {
    if by_record {
        "TopicRecordNameStrategy"
    } else {
        "TopicNameStrategy"
    }
}

fn channel(topic: &str, messages: Vec<(String, Tree)>) -> Tree {
    object([
        ("address", text(topic)),
        ("messages", Tree::Object(messages)),
        ("bindings", kafka([("topic", text(topic))])),
    ])
}

fn message(record: &Record<'_>) -> Tree {
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
        description.push_str(why);
    }
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
    let mut message = vec![
        ("name", text(record.full_name)),
        (
            "title",
            text(record.full_name.rsplit('.').next().unwrap_or_default()),
        ),
        ("description", text(&description)),
        ("contentType", text(content_type)),
        (
            "bindings",
            kafka([
                ("schemaIdLocation", text("payload")),
                ("schemaIdPayloadEncoding", text("confluent")),
                ("schemaLookupStrategy", text(record.strategy)),
            ]),
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

fn kafka<const N: usize>(said: [(&str, Tree); N]) -> Tree {
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
