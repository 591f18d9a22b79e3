//! A schema's messages compiled for payloads: plain indexes, numbers sorted, defaults and limits at hand.
//!
//! Invariant: every message reachable from the file is here once, and every index in a [`Kind`] is in range. The
//! descriptors answer the same questions, but each answer clones a handle on their pool; a payload asks per field.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use prost_reflect::{Cardinality, FieldDescriptor, FileDescriptor, MessageDescriptor, Syntax};

use super::{declared_children, wire::Wire};
use crate::Value;

mod scalar;

pub(in crate::proto) use scalar::{Family, Scalar};

/// Most values one payload may hold; every field of every message in it counts, set or not. Two million take some
/// hundred megabytes when read.
pub const VALUES_MAX: usize = 1 << 21;

/// All messages and enums of a schema.
#[derive(Clone, Debug, Default)]
pub(super) struct Shape {
    pub(super) messages: Vec<Message>,
    pub(super) enums: Vec<HashMap<i32, String>>,
    /// The messages a payload may begin with, by message indexes.
    pub(super) roots: HashMap<Vec<i32>, usize>,
}

#[derive(Clone, Debug)]
pub(super) struct Message {
    pub(super) name: Arc<str>,
    /// The name without the package.
    pub(super) relative: String,
    /// In the order of the schema.
    pub(super) fields: Vec<Field>,
    /// Field number and index, sorted.
    numbers: Vec<(u32, usize)>,
    /// Whether this message or one below it has required fields.
    pub(super) required: bool,
    pub(super) form: Form,
}

impl Message {
    pub(super) fn field(&self, number: u32) -> Option<(usize, &Field)> {
        let found = self
            .numbers
            .binary_search_by_key(&number, |(number, _)| *number)
            .ok()?;
        let index = self.numbers.get(found)?.1;
        self.fields.get(index).map(|field| (index, field))
    }
}

/// How a message reads as a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// As a record.
    Record,
    /// `google.protobuf.Timestamp`.
    Timestamp,
    /// A well-known wrapper: as the value it wraps.
    Wrapper,
}

#[derive(Clone, Debug)]
pub(super) struct Field {
    pub(super) name: Arc<str>,
    pub(super) number: u32,
    pub(super) kind: Kind,
    pub(super) label: Label,
    /// The index of its oneof in the message; none for the one-member oneof behind a proto3 `optional`.
    pub(super) oneof: Option<usize>,
    /// Whether strings must be UTF-8: in proto3 they must.
    pub(super) utf8: bool,
    /// What an unset field without presence reads as.
    pub(super) default: Value,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Label {
    /// Always has a value.
    Implicit,
    /// Has a value or none.
    Optional,
    Required,
    Repeated,
    Map,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Scalar(Scalar),
    Enum(usize),
    Message(usize),
    Group(usize),
}

impl Kind {
    /// The scalar family; none for messages.
    pub(super) const fn family(self) -> Option<Family> {
        match self {
            Kind::Scalar(scalar) => Some(scalar.family()),
            Kind::Enum(_) => Some(Family::Integer),
            Kind::Message(_) | Kind::Group(_) => None,
        }
    }

    /// The layout of one value.
    pub(super) const fn wire(self) -> Wire {
        match self {
            Kind::Scalar(scalar) => scalar.wire(),
            Kind::Enum(_) => Wire::Varint,
            Kind::Message(_) => Wire::Length,
            Kind::Group(_) => Wire::GroupStart,
        }
    }

    /// Whether repeated values may come in one length-delimited run.
    pub(super) const fn packable(self) -> bool {
        matches!(self.wire(), Wire::Varint | Wire::Fixed32 | Wire::Fixed64)
    }
}

impl Shape {
    pub(super) fn of(file: &FileDescriptor) -> Shape {
        let mut builder = Builder::default();
        let mut open: Vec<(Vec<i32>, MessageDescriptor)> = file
            .messages()
            .enumerate()
            .map(|(index, message)| (vec![small(index)], message))
            .collect();
        while let Some((indexes, message)) = open.pop() {
            for (index, child) in declared_children(&message).enumerate() {
                let mut path = indexes.clone();
                path.push(small(index));
                open.push((path, child));
            }
            let index = builder.index(message);
            builder.shape.roots.insert(indexes, index);
        }
        builder.finish()
    }

    /// The same, but that a message of this name which a payload begins with does not have some fields. Within others it is
    /// what it was.
    pub(super) fn without(&self, name: &str, fields: &[&str]) -> Shape {
        let mut shape = self.clone();
        for index in shape.roots.values_mut() {
            let Some(message) = self.messages.get(*index).filter(|message| *message.name == *name) else {
                continue;
            };
            let kept = message
                .fields
                .iter()
                .filter(|field| !fields.contains(&&*field.name));
            let kept: Vec<Field> = kept.cloned().collect();
            let numbers = numbers(&kept);
            *index = shape.messages.len();
            shape.messages.push(Message {
                fields: kept,
                numbers,
                ..message.clone()
            });
        }
        shape
    }
}

fn small(index: usize) -> i32 {
    i32::try_from(index).unwrap_or(i32::MAX)
}

#[derive(Default)]
struct Builder {
    shape: Shape,
    known: HashMap<String, usize>,
    known_enums: HashMap<String, (usize, Value)>,
    /// By index; compiled in this order, and more are found while compiling.
    messages: Vec<MessageDescriptor>,
}

impl Builder {
    fn index(&mut self, message: MessageDescriptor) -> usize {
        if let Some(index) = self.known.get(message.full_name()) {
            return *index;
        }
        let index = self.messages.len();
        self.known.insert(message.full_name().to_owned(), index);
        self.messages.push(message);
        index
    }

    fn finish(mut self) -> Shape {
        let mut next = 0;
        while let Some(message) = self.messages.get(next).cloned() {
            let compiled = self.message(&message);
            self.shape.messages.push(compiled);
            next += 1;
        }
        spread_required(&mut self.shape.messages);
        self.shape
    }

    fn message(&mut self, message: &MessageDescriptor) -> Message {
        let file = message.parent_file();
        let utf8 = file.syntax() == Syntax::Proto3;
        let oneofs: HashMap<String, usize> = message
            .oneofs()
            .filter(|oneof| !oneof.is_synthetic())
            .enumerate()
            .map(|(index, oneof)| (oneof.name().to_owned(), index))
            .collect();
        // Declared order is the order of the descriptor; `fields()` sorts by number.
        let proto = message.descriptor_proto();
        let declared = proto
            .field
            .iter()
            .filter_map(|field| message.get_field(u32::try_from(field.number()).ok()?));
        let fields: Vec<Field> = declared.map(|field| self.field(&field, utf8, &oneofs)).collect();
        let form = match (file.name(), fields.len(), message.full_name()) {
            ("google/protobuf/timestamp.proto", 2, "google.protobuf.Timestamp") => Form::Timestamp,
            ("google/protobuf/wrappers.proto", 1, _) => Form::Wrapper,
            _ => Form::Record,
        };
        Message {
            name: message.full_name().into(),
            relative: super::relative_name(message).to_owned(),
            required: fields.iter().any(|field| field.label == Label::Required),
            numbers: numbers(&fields),
            fields,
            form,
        }
    }

    fn field(&mut self, field: &FieldDescriptor, utf8: bool, oneofs: &HashMap<String, usize>) -> Field {
        let label = match field.cardinality() {
            _ if field.is_map() => Label::Map,
            Cardinality::Repeated => Label::Repeated,
            Cardinality::Required => Label::Required,
            Cardinality::Optional if field.supports_presence() => Label::Optional,
            Cardinality::Optional => Label::Implicit,
        };
        let kind = field.kind();
        let (kind, default) = match (Scalar::of(&kind), kind) {
            (Some(scalar), _) => (Kind::Scalar(scalar), scalar.default()),
            (None, prost_reflect::Kind::Enum(descriptor)) => {
                let (index, default) = self.enumeration(&descriptor);
                (Kind::Enum(index), default)
            }
            (None, prost_reflect::Kind::Message(message)) => {
                let index = self.index(message);
                let kind = if field.is_group() {
                    Kind::Group(index)
                } else {
                    Kind::Message(index)
                };
                (kind, Value::Null)
            }
            // `Scalar::of` knows every other kind.
            (None, _) => (Kind::Scalar(Scalar::Bytes), Value::Null),
        };
        Field {
            name: field.name().into(),
            number: field.number(),
            kind,
            label,
            oneof: field
                .containing_oneof()
                .and_then(|oneof| oneofs.get(oneof.name()).copied()),
            utf8,
            default,
        }
    }

    fn enumeration(&mut self, descriptor: &prost_reflect::EnumDescriptor) -> (usize, Value) {
        if let Some((index, default)) = self.known_enums.get(descriptor.full_name()) {
            return (*index, default.clone());
        }
        let mut names = HashMap::new();
        // `values()` sorts by number; of two names for one number the first declared is the name.
        for value in &descriptor.enum_descriptor_proto().value {
            names
                .entry(value.number())
                .or_insert_with(|| value.name().to_owned());
        }
        let default = Value::Enum(descriptor.default_value().name().to_owned());
        let index = self.shape.enums.len();
        self.shape.enums.push(names);
        self.known_enums
            .insert(descriptor.full_name().to_owned(), (index, default.clone()));
        (index, default)
    }
}

fn numbers(fields: &[Field]) -> Vec<(u32, usize)> {
    let numbers = fields.iter().enumerate();
    let mut numbers: Vec<_> = numbers.map(|(index, field)| (field.number, index)).collect();
    numbers.sort_unstable();
    numbers
}

/// A message that can hold a message with required fields counts as having them.
fn spread_required(messages: &mut [Message]) {
    let mut holders: HashMap<usize, HashSet<usize>> = HashMap::new();
    for (holder, message) in messages.iter().enumerate() {
        for field in &message.fields {
            if let Kind::Message(held) | Kind::Group(held) = field.kind {
                holders.entry(held).or_default().insert(holder);
            }
        }
    }
    let mut open: Vec<usize> = (0..messages.len())
        .filter(|index| messages[*index].required)
        .collect();
    while let Some(held) = open.pop() {
        for holder in holders.remove(&held).unwrap_or_default() {
            if !std::mem::replace(&mut messages[holder].required, true) {
                open.push(holder);
            }
        }
    }
}
