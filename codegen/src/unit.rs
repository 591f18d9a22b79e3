//! What is generated: one schema version each, read into the shape code generation works on.

use std::path::PathBuf;

use crate::model::{Definitions, proto};

/// One version of an Avro subject whose types are generated.
#[derive(Clone, Debug)]
pub(crate) struct AvroUnit {
    /// Where it comes from.
    pub(crate) origin: Origin,
    /// The version, when it is an old one that is kept beside the newest.
    pub(crate) keep: Option<u32>,
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
    /// The full name of the first message.
    pub(crate) top: String,
    /// The file and what it imports.
    #[allow(dead_code)]
    pub(crate) schema: proto::Schema,
    /// Files and their imports, dependencies first, with comments.
    pub(crate) files: prost_types::FileDescriptorSet,
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
    /// SHA-256 of the canonical form.
    pub(crate) fingerprint: [u8; 32],
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
    /// A message with a oneof.
    Proto {
        /// The topic's name.
        name: String,
        /// The message's schema.
        unit: Box<ProtoUnit>,
    },
}
