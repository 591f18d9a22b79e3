//! What is generated: one schema version each, read into the shape code generation works on.

use std::path::PathBuf;

use annals_schema_model::{Resolved, SchemaType};

use crate::model::{Definitions, proto};

/// One version of an Avro subject whose types are generated.
#[derive(Clone, Debug)]
pub(crate) struct AvroUnit {
    /// Where it comes from.
    pub(crate) origin: Origin,
    /// The version, when it is an old one that is kept beside the newest.
    pub(crate) keep: Option<u32>,
    /// Whether its events become the next version's by the user's own `From`, instead of by Avro's resolution.
    pub(crate) is_upcast: bool,
    /// The full name of the top record.
    pub(crate) top: String,
    /// The full names the top record had before.
    pub(crate) aliases: Vec<String>,
    /// Every named type.
    pub(crate) definitions: Definitions,
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
