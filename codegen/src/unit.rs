//! What is generated: one schema version each, read into the shape code generation works on.

use std::path::PathBuf;

use annals_schema_model::{Resolved, SchemaType, avro};

use crate::model::{Definition, Definitions, proto};

/// One version of an Avro subject whose types are generated, or a branch of it where it is a union at its top.
#[derive(Clone, Debug)]
pub(crate) struct AvroUnit {
    /// Where it comes from.
    pub(crate) origin: Origin,
    /// The version, when it is an old one that is kept beside the newest.
    pub(crate) keep: Option<u32>,
    /// Whether its events become the next version's by the user's own `From`, instead of by Avro's resolution.
    pub(crate) is_upcast: bool,
    /// The top type, as definitions call it: the full name of a record.
    pub(crate) top: String,
    /// The index of its branch in the union at the top.
    pub(crate) branch: Option<usize>,
    /// What writers call it too: names it had before, and types whose values become its own.
    pub(crate) aliases: Vec<String>,
    /// What older versions of the subject call what is read as it by Avro's resolution, where that is none of its names.
    pub(crate) was: Vec<String>,
    /// Every named type.
    pub(crate) definitions: Definitions,
    /// The schema of the top type.
    pub(crate) schema: avro::Schema,
}

impl AvroUnit {
    /// The top type.
    pub(crate) fn definition(&self) -> Option<&Definition> {
        self.definitions.get(&self.top)
    }

    /// What the schema calls the top type: the full name of a record, or `array`, `int`, ….
    pub(crate) fn event_name(&self) -> &str {
        self.definition().map_or(&self.top, Definition::schema_name)
    }

    /// Whether it is an older version of what another is the newest of, among all newest ones.
    pub(crate) fn is_older(&self, newest: &AvroUnit, all: &[&AvroUnit]) -> bool {
        let is_whole = self.branch.is_none() && newest.branch.is_none();
        let is_of_subject = |other: &AvroUnit| other.origin.subject == self.origin.subject;
        // One that moved to another namespace, unless the old name is another's.
        let has_moved = || {
            let mut others = all
                .iter()
                .filter(|other| other.keep.is_none() && is_of_subject(other));
            self.has_name_of(newest, short)
                && !others.any(|other| self.has_name_of(other, |name| name) || self.was_read_as(other))
        };
        self.keep.is_some()
            && is_of_subject(newest)
            && (is_whole || self.has_name_of(newest, |name| name) || self.was_read_as(newest) || has_moved())
    }

    /// Whether resolution reads it as a newer one of another name.
    fn was_read_as(&self, newest: &AvroUnit) -> bool {
        newest.was.iter().any(|name| name == self.event_name())
    }

    /// Whether what it is called, or was, is what another is called or was.
    fn has_name_of(&self, other: &AvroUnit, called: fn(&str) -> &str) -> bool {
        let mut own = self.names().map(called);
        own.any(|name| other.names().map(called).any(|other| other == name))
    }

    /// Its name, and what writers call it too.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        std::iter::once(self.event_name()).chain(self.aliases.iter().map(String::as_str))
    }
}

/// A full name without its namespace.
pub(crate) fn short(name: &str) -> &str {
    name.rsplit_once('.').map_or(name, |(_, short)| short)
}

/// The newest version of a Protobuf subject.
#[derive(Clone, Debug)]
pub(crate) struct ProtoUnit {
    /// Where it comes from.
    pub(crate) origin: Origin,
    /// The file and what it imports.
    pub(crate) schema: proto::Schema,
    /// The texts it imports, by the names they go by.
    pub(crate) imports: Vec<Resolved>,
    /// What of it is an event.
    pub(crate) events: ProtoEvents,
}

/// What the events of a Protobuf schema are.
#[derive(Clone, Debug)]
pub(crate) enum ProtoEvents {
    /// The members of a message's one oneof.
    Members {
        /// The message's full name.
        message: String,
        /// The place of the oneof among those of the message.
        oneof: usize,
    },
    /// Messages, by their full names.
    Messages(Vec<String>),
}

impl ProtoUnit {
    /// The full names of the messages that records are.
    pub(crate) fn tops(&self) -> Vec<&str> {
        match &self.events {
            ProtoEvents::Members { message, .. } => vec![message],
            ProtoEvents::Messages(messages) => messages.iter().map(String::as_str).collect(),
        }
    }
}

/// Where a generated type comes from.
#[derive(Clone, Debug)]
pub(crate) struct Origin {
    /// The subject.
    pub(crate) subject: String,
    /// The version within it.
    pub(crate) version: u32,
    /// The file as docs name it.
    pub(crate) label: String,
    /// The file as `build.rs` reached it: relative to the user's crate, or absolute.
    pub(crate) path: PathBuf,
    /// What it refers to, dependencies first: names, and the files they are in.
    pub(crate) references: Vec<(String, PathBuf)>,
    /// The schema's language.
    pub(crate) kind: SchemaType,
    /// The text; in Avro with the definitions of what it refers to in it.
    pub(crate) whole_text: String,
    /// SHA-256 of the canonical form.
    pub(crate) fingerprint: [u8; 32],
}

/// All that is generated.
#[derive(Clone, Debug, Default)]
pub(crate) struct Units {
    /// Types and events.
    pub(crate) topics: Vec<TopicUnit>,
    /// Avro types that no topic has events of: keys, and what others refer to.
    pub(crate) types: Vec<AvroUnit>,
    /// The same in Protobuf.
    pub(crate) messages: Vec<ProtoUnit>,
}

/// A topic with what is generated for it.
#[derive(Clone, Debug)]
pub(crate) enum TopicUnit {
    /// An enum of records.
    Avro {
        /// The topic's name.
        name: String,
        /// Whether subjects are named by their records too.
        by_record: bool,
        /// The newest version of each subject.
        events: Vec<AvroUnit>,
        /// Old versions that are generated as well, without being events of the enum.
        kept: Vec<AvroUnit>,
    },
    /// Protobuf messages, or the members of a oneof.
    Proto {
        /// The topic's name.
        name: String,
        /// Whether subjects are named by their messages too.
        by_record: bool,
        /// The newest version of each subject.
        events: Vec<ProtoUnit>,
    },
}
