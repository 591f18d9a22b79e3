//! How a field of an event came from what its writer wrote to what the fold reads.
//!
//! The two schemas are walked side by side along the field's path, by the rules that payloads are resolved by: an Avro
//! field is the writer's of the same name or of one of its aliases, a Protobuf field the one of the same number, and in JSON
//! a property is the one of its name, as it was written.
//! Left out: unions of several types, of which nothing is said but that the schemas differ, but for one at the top, of which the event is a branch.

use annals_schema_model::avro::{self, Kind, NodeId};
use annals_schema_model::{Schema, Writer};
use prost_reflect::{Kind as Field, MessageDescriptor};

use super::rules::Step;
use crate::explain::{RuleUsed, ValueFrom};

/// How the field with this path, of an event with this name, came through migration rules to its reader, and by which of
/// them, where one made it.
pub(super) fn came(
    writer: &Writer,
    steps: &[Step],
    reader: &Writer,
    name: &str,
    field: &[String],
) -> (ValueFrom, Option<RuleUsed>) {
    let (mut from, mut field, mut to) = (ValueFrom::Event, field.to_vec(), reader);
    for step in steps.iter().rev() {
        for (version, given) in [(&step.to, true), (&step.from, false)] {
            from = farther(from, carried(&version.writer, to, name, &field));
            let first = field
                .first()
                .and_then(|first| written_as(&version.writer, to, name, first));
            let (Some(first), Some(place)) = (first, field.first_mut()) else {
                return (from, None);
            };
            if let Some(rule) = step.giver(&first).filter(|_| given) {
                return (ValueFrom::Migration, Some(rule.clone()));
            }
            *place = first;
            to = &version.writer;
        }
    }
    (farther(from, carried(writer, to, name, &field)), None)
}

/// What remains of two ways, one behind the other.
fn farther(one: ValueFrom, other: ValueFrom) -> ValueFrom {
    match (one, other) {
        (ValueFrom::Default, _) | (_, ValueFrom::Default) => ValueFrom::Default,
        (ValueFrom::Event, ValueFrom::Event) => ValueFrom::Event,
        _ => ValueFrom::Upcast,
    }
}

/// What a writer calls a field of its reader's event; nothing where it has none.
fn written_as(writer: &Writer, reader: &Writer, name: &str, field: &str) -> Option<String> {
    match (&writer.schema.of_event(name), &reader.schema.of_event(name)) {
        (Schema::Avro(writer), Schema::Avro(reader)) => {
            let (Kind::Record(from), Kind::Record(to)) =
                (&writer.node(writer.root()).kind, &reader.node(reader.root()).kind)
            else {
                return None;
            };
            let wanted = to.fields.iter().find(|wanted| *wanted.name == *field)?;
            let aliases = wanted.aliases.iter().map(String::as_str);
            let mut names = std::iter::once(&*wanted.name).chain(aliases);
            names
                .find(|name| from.fields.iter().any(|field| *field.name == **name))
                .map(str::to_owned)
        }
        (Schema::Proto(writer), Schema::Proto(reader)) => {
            let message = |schema: &annals_schema_model::proto::Schema| {
                schema.file().parent_pool().get_message_by_name(name)
            };
            let wanted = message(reader)?.get_field_by_name(field)?;
            Some(message(writer)?.get_field(wanted.number())?.name().to_owned())
        }
        #[cfg(feature = "json")]
        (Schema::Json(_), Schema::Json(_)) => Some(field.to_owned()),
        _ => None,
    }
}

/// How the field with this path, of an event with this name, was carried over.
fn carried(writer: &Writer, reader: &Writer, name: &str, field: &[String]) -> ValueFrom {
    if writer.fingerprint == reader.fingerprint {
        return ValueFrom::Event;
    }
    match (&writer.schema.of_event(name), &reader.schema.of_event(name)) {
        (Schema::Avro(writer), Schema::Avro(reader)) => {
            let from = (writer, present(writer, writer.root()));
            record(from, (reader, present(reader, reader.root())), field)
        }
        (Schema::Proto(writer), Schema::Proto(reader)) => {
            let pool = |schema: &annals_schema_model::proto::Schema| {
                schema.file().parent_pool().get_message_by_name(name)
            };
            match (pool(writer), pool(reader)) {
                (Some(writer), Some(reader)) => message(&writer, &reader, field),
                _ => ValueFrom::Upcast,
            }
        }
        // It stays as it was written, whatever schema it is read with.
        #[cfg(feature = "json")]
        (Schema::Json(_), Schema::Json(_)) => ValueFrom::Event,
        _ => ValueFrom::Upcast,
    }
}

/// A type in a schema.
type Place<'s> = (&'s avro::Schema, NodeId);

/// The one type of a union besides null.
fn present(schema: &avro::Schema, id: NodeId) -> NodeId {
    let Kind::Union(branches) = &schema.node(id).kind else {
        return id;
    };
    let is_some = |id: &&NodeId| !matches!(schema.node(**id).kind, Kind::Null);
    let mut some = branches.iter().filter(is_some);
    match (some.next(), some.next()) {
        (Some(only), None) => *only,
        _ => id,
    }
}

fn record(writer: Place<'_>, reader: Place<'_>, field: &[String]) -> ValueFrom {
    let ((from, from_id), (to, to_id)) = (writer, reader);
    let (from_node, to_node) = (from.node(from_id), to.node(to_id));
    let Some((first, rest)) = field.split_first() else {
        let same_symbols = match (&from_node.kind, &to_node.kind) {
            (Kind::Enum(from), Kind::Enum(to)) => from.symbols == to.symbols,
            _ => true,
        };
        let same = from_node.kind.name() == to_node.kind.name() && from_node.logical == to_node.logical;
        return if same && same_symbols {
            ValueFrom::Event
        } else {
            ValueFrom::Upcast
        };
    };
    let within = |from_id: NodeId, to_id: NodeId| {
        record((from, present(from, from_id)), (to, present(to, to_id)), rest)
    };
    match (&from_node.kind, &to_node.kind) {
        (Kind::Array(from), Kind::Array(to)) | (Kind::Map(from), Kind::Map(to)) => within(*from, *to),
        (Kind::Record(from), Kind::Record(to)) => {
            let Some(wanted) = to.fields.iter().find(|field| *field.name == **first) else {
                return ValueFrom::Upcast;
            };
            let named = |name: &String| from.fields.iter().find(|field| *field.name == **name);
            match (named(first), wanted.aliases.iter().find_map(named)) {
                (Some(found), _) => within(found.node, wanted.node),
                (None, Some(_)) => ValueFrom::Upcast,
                (None, None) => ValueFrom::Default,
            }
        }
        _ => ValueFrom::Upcast,
    }
}

fn message(writer: &MessageDescriptor, reader: &MessageDescriptor, field: &[String]) -> ValueFrom {
    let Some((first, rest)) = field.split_first() else {
        return ValueFrom::Event;
    };
    let Some(wanted) = reader.get_field_by_name(first) else {
        return ValueFrom::Upcast;
    };
    let Some(found) = writer.get_field(wanted.number()) else {
        return ValueFrom::Default;
    };
    if found.name() != wanted.name() || found.cardinality() != wanted.cardinality() {
        return ValueFrom::Upcast;
    }
    // An element's place, or an entry's key.
    let many = wanted.is_list() || wanted.is_map();
    let rest = rest.get(usize::from(many)..).unwrap_or_default();
    let kinds = match (found.kind(), wanted.kind()) {
        (Field::Message(from), Field::Message(to)) if wanted.is_map() && found.is_map() => (
            from.map_entry_value_field().kind(),
            to.map_entry_value_field().kind(),
        ),
        kinds => kinds,
    };
    match kinds {
        (Field::Message(from), Field::Message(to)) => message(&from, &to, rest),
        (Field::Enum(_), Field::Enum(_)) => ValueFrom::Event,
        (from, to) if from == to => ValueFrom::Event,
        _ => ValueFrom::Upcast,
    }
}
