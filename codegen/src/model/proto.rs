//! Protobuf files as code generation sees them: messages, oneofs and enums, declared in each other.
//!
//! Invariant: what a [`Schema`] names it holds; what comes with every Protobuf library is in files that say so. Everything stands in the order it was declared in. The entry types of maps and the oneofs behind `optional`
//! are how compilers write maps and options down; here they are maps and options. Extensions and services do not appear:
//! the first are unknown fields to those who were not told of them, and an event is no call.

use std::collections::{BTreeMap, BTreeSet};

/// A schema and everything it imports.
#[derive(Clone, Debug)]
pub(crate) struct Schema {
    /// The schema itself first, then what it imports, each file once, in a fixed order.
    pub(crate) files: Vec<File>,
    /// What is declared at the top of any of the files, by full name: for [`Schema::agrees`].
    pub(crate) tops: BTreeMap<String, Top>,
}

/// A declaration at the top of a file, to compare it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Top {
    /// All that counts, and no comments.
    pub(crate) meaning: Vec<u8>,
    /// The declarations at the top of files that it names something of.
    pub(crate) uses: BTreeSet<String>,
}

/// A file.
#[derive(Clone, Debug)]
pub(crate) struct File {
    /// What docs and imports call it.
    pub(crate) name: String,
    /// Its package; empty for none.
    pub(crate) package: String,
    /// Whether it is one of `google/protobuf/`, whose types libraries bring along.
    pub(crate) is_well_known: bool,
    /// Messages that are in no other message.
    pub(crate) messages: Vec<Message>,
    /// Enums that are in no message.
    pub(crate) enums: Vec<Enum>,
}

/// A message.
#[derive(Clone, Debug)]
pub(crate) struct Message {
    /// The full name, without a dot before it.
    pub(crate) full_name: String,
    /// Its words, its line, whether it is deprecated.
    pub(crate) about: About,
    /// The way from the file's top, as Confluent's message indexes have it: `[2, 0]` is the first message in the third.
    pub(crate) indexes: Vec<i32>,
    /// All fields, those of oneofs too.
    pub(crate) fields: Vec<Field>,
    /// Its oneofs.
    pub(crate) oneofs: Vec<Oneof>,
    /// The messages declared in it.
    pub(crate) messages: Vec<Message>,
    /// The enums declared in it.
    pub(crate) enums: Vec<Enum>,
}

/// What is said of a declaration beside what it is.
#[derive(Clone, Debug, Default)]
pub(crate) struct About {
    /// Its comments: those before it, an empty line, those behind it.
    pub(crate) doc: Option<String>,
    /// Its line, from 1; 0 when the file has no text.
    pub(crate) line: u32,
    /// Whether it is not to be used any more.
    pub(crate) deprecated: bool,
}

/// A field.
#[derive(Clone, Debug)]
pub(crate) struct Field {
    /// Its name in the schema.
    pub(crate) name: String,
    /// Its number.
    pub(crate) number: i32,
    /// Its words, its line, whether it is deprecated.
    pub(crate) about: About,
    /// How often it is there.
    pub(crate) occurs: Occurs,
    /// What a value of it is; of a map, what its values are.
    pub(crate) kind: Kind,
    /// The default that the schema gives it.
    pub(crate) default: Option<Default>,
}

/// How often a field is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Occurs {
    /// Always; zero is not written (proto3).
    Always,
    /// Always, and always written (proto2).
    Required,
    /// Once or not at all.
    Optional,
    /// Any number of times.
    Repeated {
        /// Numbers in one piece.
        packed: bool,
    },
    /// Any number of times, each under another key.
    Map(Scalar),
    /// As a member of the oneof at this place of [`Message::oneofs`].
    Member(usize),
}

/// What a value is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A number, a text, bytes.
    Scalar(Scalar),
    /// A message, by its full name.
    Message(String),
    /// A message that is written as a group, by its full name.
    Group(String),
    /// An enum, by its full name.
    Enum(String),
}

/// A scalar type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scalar {
    /// `double`.
    Double,
    /// `float`.
    Float,
    /// `int32`.
    Int32,
    /// `int64`.
    Int64,
    /// `uint32`.
    Uint32,
    /// `uint64`.
    Uint64,
    /// `sint32`.
    Sint32,
    /// `sint64`.
    Sint64,
    /// `fixed32`.
    Fixed32,
    /// `fixed64`.
    Fixed64,
    /// `sfixed32`.
    Sfixed32,
    /// `sfixed64`.
    Sfixed64,
    /// `bool`.
    Bool,
    /// `string`.
    String,
    /// `bytes`.
    Bytes,
}

/// A default (proto2).
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Default {
    /// Of all types of integers.
    Int(i128),
    /// Of `float` and `double`.
    Float(f64),
    /// Of `bool`.
    Bool(bool),
    /// Of `string`.
    String(String),
    /// Of `bytes`.
    Bytes(Vec<u8>),
    /// The name of an enum's value.
    Symbol(String),
}

/// A oneof.
#[derive(Clone, Debug)]
pub(crate) struct Oneof {
    /// Its name in the schema.
    pub(crate) name: String,
    /// Its words and its line.
    pub(crate) about: About,
}

/// An enum.
#[derive(Clone, Debug)]
pub(crate) struct Enum {
    /// The full name, without a dot before it.
    pub(crate) full_name: String,
    /// Its words, its line, whether it is deprecated.
    pub(crate) about: About,
    /// Its values; several may have one number, and the first of them is what the number means.
    pub(crate) values: Vec<EnumValue>,
}

/// A value of an enum.
#[derive(Clone, Debug)]
pub(crate) struct EnumValue {
    /// Its name in the schema.
    pub(crate) name: String,
    /// Its number.
    pub(crate) number: i32,
    /// Its words, its line, whether it is deprecated.
    pub(crate) about: About,
}

impl Schema {
    /// The schema's own file.
    pub(crate) fn main(&self) -> Option<&File> {
        self.files.first()
    }

    /// Whether a declaration at the top of a file is the same in another schema, down to all that it names.
    pub(crate) fn agrees(&self, other: &Schema, full_name: &str) -> bool {
        let mut seen: BTreeSet<&str> = BTreeSet::new();
        let mut open = vec![full_name];
        while let Some(name) = open.pop() {
            if !seen.insert(name) {
                continue;
            }
            match (self.tops.get(name), other.tops.get(name)) {
                (Some(one), Some(two)) if one == two => open.extend(one.uses.iter().map(String::as_str)),
                _ => return false,
            }
        }
        true
    }

    /// The messages that have no value: each requires another of itself.
    pub(crate) fn valueless(&self) -> Vec<&Message> {
        self.unending(|field| field.occurs == Occurs::Required)
    }

    /// The messages a value of which can hold itself, or one that can.
    pub(crate) fn endless(&self) -> BTreeSet<&str> {
        let endless = self.unending(|_| true).into_iter();
        endless.map(|message| message.full_name.as_str()).collect()
    }

    /// The messages whose fields, of those that count, lead to no end.
    fn unending(&self, counts: impl Fn(&Field) -> bool) -> Vec<&Message> {
        let mut open: Vec<&Message> = self.files.iter().flat_map(File::all_messages).collect();
        let mut ended: BTreeSet<&str> = BTreeSet::new();
        loop {
            let before = open.len();
            open.retain(|message| {
                let mut fields = message.fields.iter().filter(|field| counts(field));
                let has_end = fields.all(|field| match &field.kind {
                    Kind::Message(name) | Kind::Group(name) => ended.contains(name.as_str()),
                    Kind::Scalar(_) | Kind::Enum(_) => true,
                });
                if has_end {
                    ended.insert(&message.full_name);
                }
                !has_end
            });
            if open.len() == before {
                return open;
            }
        }
    }

    /// The message of a full name.
    pub(crate) fn message(&self, full_name: &str) -> Option<&Message> {
        let mut all = self.files.iter().flat_map(File::all_messages);
        all.find(|message| message.full_name == full_name)
    }
}

impl File {
    /// Its messages and those inside them, each before those inside it.
    pub(crate) fn all_messages(&self) -> Vec<&Message> {
        let mut all: Vec<&Message> = Vec::new();
        let mut open: Vec<&Message> = self.messages.iter().rev().collect();
        while let Some(message) = open.pop() {
            all.push(message);
            open.extend(message.messages.iter().rev());
        }
        all
    }

    /// Its enums and those inside its messages.
    pub(crate) fn all_enums(&self) -> Vec<&Enum> {
        let inner = self.all_messages().into_iter().flat_map(|message| &message.enums);
        self.enums.iter().chain(inner).collect()
    }
}

impl Message {
    /// The name without package and outer messages.
    pub(crate) fn simple_name(&self) -> &str {
        simple(&self.full_name)
    }

    /// The fields of a oneof, by its place in [`Message::oneofs`].
    pub(crate) fn members(&self, oneof: usize) -> impl Iterator<Item = &Field> {
        self.fields
            .iter()
            .filter(move |field| field.occurs == Occurs::Member(oneof))
    }
}

impl Enum {
    /// The name without package and outer messages.
    pub(crate) fn simple_name(&self) -> &str {
        simple(&self.full_name)
    }
}

fn simple(full_name: &str) -> &str {
    full_name.rsplit_once('.').map_or(full_name, |(_, simple)| simple)
}
