//! References between schemas: how they are named, and what they resolve to.
//!
//! Only the registry knows which text a subject and version stand for; it hands the texts over as [`Resolved`],
//! dependencies first. Cycles are its concern too.

/// One entry of a schema's `references`, as registered.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Reference {
    /// The name the schema uses: a full name in Avro, an import path in Protobuf, the URI of a `$ref` in JSON
    /// Schema.
    pub name: String,
    /// The subject the referenced schema lives under.
    pub subject: String,
    /// Its version there; -1 stands for the latest.
    pub version: i32,
}

/// A reference's name and the text it resolves to. Lists of these hold dependencies first.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Resolved {
    /// As in [`Reference::name`].
    pub name: String,
    /// The schema text.
    pub text: String,
}
