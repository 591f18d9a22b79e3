//! Members of a oneof of Protobuf, of which a message has one: what a rule may give together, and what takes the place of what.
//!
//! Invariant: a rule gives one member of a oneof at most. What is two for certain is found when a fold is loaded; where a value
//! may be null, which unsets its field, only the event can say. Left out: what stands deeper in the values that an event has, which
//! `schema-model` finds when they are written.

use std::sync::Arc;

use annals_schema_model::cel::Node;
use annals_schema_model::{Schema, Value};
use prost_reflect::{FieldDescriptor, Kind, MessageDescriptor};

/// The message of an event; nothing in other formats.
pub(super) fn message(schema: &Schema, event: &str) -> Option<MessageDescriptor> {
    match schema {
        Schema::Proto(schema) => schema.file().parent_pool().get_message_by_name(event),
        _ => None,
    }
}

/// The oneofs of a message, each with its members.
pub(super) struct Oneofs(Vec<(String, Vec<String>)>);

impl Oneofs {
    pub(super) fn of(schema: &Schema, event: &str) -> Oneofs {
        let message = message(schema, event);
        let oneofs = message.iter().flat_map(MessageDescriptor::oneofs);
        let named = oneofs.map(|oneof| {
            let members = oneof.fields().map(|member| member.name().to_owned());
            (oneof.name().to_owned(), members.collect())
        });
        Oneofs(named.collect())
    }

    /// Whether two fields are members of one.
    pub(super) fn exclude(&self, one: &str, other: &str) -> bool {
        let is_in = |members: &[String], name: &str| members.iter().any(|member| member == name);
        one != other
            && self
                .0
                .iter()
                .any(|(_, members)| is_in(members, one) && is_in(members, other))
    }

    /// Whether one member of each is given at most.
    ///
    /// # Errors
    /// Those that are given together.
    pub(super) fn check(&self, given: &[(Arc<str>, Value)]) -> Result<(), String> {
        for (oneof, members) in &self.0 {
            let mut set = members.iter().filter(|member| {
                let is_set = |(name, value): &(Arc<str>, Value)| **name == ***member && *value != Value::Null;
                given.iter().any(is_set)
            });
            if let (Some(one), Some(other)) = (set.next(), set.next()) {
                return Err(told(one, other, oneof));
            }
        }
        Ok(())
    }
}

/// Whether what an expression makes of a message has one member of each oneof at most, as far as its text says. `is_set` says of
/// which values it is certain that they are not null.
///
/// # Errors
/// Those that are given together.
pub(super) fn check(
    node: &Node,
    of: &MessageDescriptor,
    is_set: &dyn Fn(&Node) -> bool,
) -> Result<(), String> {
    let entries = match node {
        Node::If(_, then, other) => return check(then, of, is_set).and_then(|()| check(other, of, is_set)),
        Node::Map(entries) => entries,
        _ => return Ok(()),
    };
    let mut seen: Vec<FieldDescriptor> = Vec::new();
    for (name, value) in entries {
        let Some(field) = of.get_field_by_name(name) else {
            continue;
        };
        if let Some(oneof) = field.containing_oneof().filter(|_| is_set(value)) {
            let is_beside = |other: &&FieldDescriptor| other.containing_oneof().as_ref() == Some(&oneof);
            if let Some(other) = seen.iter().find(is_beside) {
                return Err(told(other.name(), name, oneof.name()));
            }
            seen.push(field.clone());
        }
        within(value, &field, is_set)?;
    }
    Ok(())
}

/// The same of the messages in a field.
fn within(value: &Node, field: &FieldDescriptor, is_set: &dyn Fn(&Node) -> bool) -> Result<(), String> {
    let Kind::Message(of) = field.kind() else {
        return Ok(());
    };
    match value {
        Node::Map(entries) if field.is_map() => match of.map_entry_value_field().kind() {
            Kind::Message(of) => entries
                .iter()
                .try_for_each(|(_, entry)| check(entry, &of, is_set)),
            _ => Ok(()),
        },
        Node::List(items) if field.is_list() => items.iter().try_for_each(|item| check(item, &of, is_set)),
        one => check(one, &of, is_set),
    }
}

fn told(one: &str, other: &str, oneof: &str) -> String {
    format!(
        "it gives both `{one}` and `{other}`, and a message has one of the oneof `{oneof}`; null gives none"
    )
}
