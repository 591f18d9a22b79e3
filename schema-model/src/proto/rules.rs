//! The rules of Protobuf compatibility, a row each.
//!
//! The codes and which of them are harmless are Confluent's, because tools match on them. A harmless row is still a
//! difference that is found and named; it is just no finding. The side that reads is "new" when checking backward and
//! "old" when checking forward, and the descriptions are filled in with those words.

use crate::{Direction, Form, Rule};

/// A difference between a writer's and a reader's schema.
#[derive(Debug)]
pub struct Row {
    /// Code and sentence.
    pub rule: Rule,
    /// Whether a reader with this difference still reads the writer's data.
    pub compatible: bool,
    /// With `{reader}`, `{writer}` and `{path}` to be filled in.
    description: &'static str,
}

impl Row {
    const fn harmless(code: &'static str, sentence: &'static str, description: &'static str) -> Row {
        Row {
            rule: Rule::new(code, Form::Protobuf, sentence),
            compatible: true,
            description,
        }
    }

    const fn breaking(code: &'static str, sentence: &'static str, description: &'static str) -> Row {
        Row {
            rule: Rule::new(code, Form::Protobuf, sentence),
            compatible: false,
            description,
        }
    }

    /// The description of this difference at a path.
    #[must_use]
    pub fn describe(&self, path: &str, direction: Direction) -> String {
        let (reader, writer) = direction.words();
        self.description
            .replace("{reader}", reader)
            .replace("{writer}", writer)
            .replace("{path}", path)
    }
}

macro_rules! rows {
    ($($name:ident: $class:ident, $sentence:literal, $description:literal;)*) => {
        $(
            #[doc = $sentence]
            pub static $name: Row = Row::$class(stringify!($name), $sentence, $description);
        )*

        /// Every row.
        pub static ALL: &[&Row] = &[$(&$name),*];
    };
}

rows! {
    PACKAGE_CHANGED: breaking,
        "The package stays as it is, because record names and generated code are built on it.",
        "The package at path '{path}' in the {reader} schema does not match the package in the {writer} schema";
    MESSAGE_ADDED: harmless,
        "A message may be added.",
        "The {reader} schema has a MESSAGE type at path '{path}' that is missing in the {writer} schema";
    MESSAGE_REMOVED: breaking,
        "A message stays where it is declared, because records may hold it.",
        "The {reader} schema is missing a MESSAGE type at path '{path}' in the {writer} schema";
    MESSAGE_MOVED: harmless,
        "A message may move among its neighbours, because message indexes belong to one schema id.",
        "The MESSAGE type at path '{path}' stands at another index in the {reader} schema than in the {writer} schema";
    ENUM_ADDED: harmless,
        "An enum may be added.",
        "The {reader} schema has an ENUM type at path '{path}' that is missing in the {writer} schema";
    ENUM_REMOVED: harmless,
        "An enum may be removed.",
        "The {reader} schema is missing an ENUM type at path '{path}' in the {writer} schema";
    ENUM_CONST_ADDED: harmless,
        "An enum value may be added.",
        "The {reader} schema has an ENUM value at path '{path}' that is missing in the {writer} schema";
    ENUM_CONST_CHANGED: harmless,
        "An enum value may be renamed.",
        "The name of the ENUM value at path '{path}' in the {reader} schema does not match its name in the {writer} schema";
    ENUM_CONST_REMOVED: harmless,
        "An enum value may be removed.",
        "The {reader} schema is missing an ENUM value at path '{path}' in the {writer} schema";
    FIELD_ADDED: harmless,
        "A field may be added.",
        "The {reader} schema has a field at path '{path}' that is missing in the {writer} schema";
    FIELD_REMOVED: harmless,
        "A field may be removed.",
        "The {reader} schema is missing a field at path '{path}' in the {writer} schema";
    FIELD_NAME_CHANGED: harmless,
        "A field may be renamed, because the wire knows its number only.",
        "The name of the field at path '{path}' in the {reader} schema does not match its name in the {writer} schema";
    FIELD_KIND_CHANGED: breaking,
        "A field stays a scalar, a message, a group or a map.",
        "The kind of the field at path '{path}' in the {reader} schema does not match its kind in the {writer} schema";
    FIELD_SCALAR_KIND_CHANGED: breaking,
        "A scalar field changes only to a type that reads the same bytes.",
        "The kind of a SCALAR field at path '{path}' in the {reader} schema does not match its kind in the {writer} schema";
    FIELD_NAMED_TYPE_CHANGED: breaking,
        "A message field keeps its message type, and that type its structure.",
        "The type of a MESSAGE field at path '{path}' in the {reader} schema does not match its type in the {writer} schema";
    FIELD_NUMERIC_LABEL_CHANGED: breaking,
        "A field of a number, bool or enum keeps its label: optional, required or repeated.",
        "The label of a numeric field at path '{path}' in the {reader} schema does not match its label in the {writer} schema";
    FIELD_STRING_OR_BYTES_LABEL_CHANGED: harmless,
        "A string or bytes field may change its label.",
        "The label of a string or bytes field at path '{path}' in the {reader} schema does not match its label in the {writer} schema";
    REQUIRED_FIELD_ADDED: breaking,
        "An added field is not required, because data already written lacks it.",
        "The {reader} schema has a required field at path '{path}' that is missing in the {writer} schema";
    REQUIRED_FIELD_REMOVED: breaking,
        "A required field stays, because those who require it refuse data without it.",
        "The {reader} schema is missing a required field at path '{path}' in the {writer} schema";
    ONEOF_ADDED: harmless,
        "A oneof may be added.",
        "The {reader} schema has a oneof at path '{path}' that is missing in the {writer} schema";
    ONEOF_REMOVED: harmless,
        "A oneof may be removed as a whole.",
        "The {reader} schema is missing a oneof at path '{path}' in the {writer} schema";
    ONEOF_FIELD_ADDED: harmless,
        "A oneof may get a new member.",
        "The {reader} schema has a oneof field at path '{path}' that is missing in the {writer} schema";
    ONEOF_FIELD_REMOVED: breaking,
        "A oneof that stays keeps its members, because a reader cannot tell a removed member from none.",
        "The {reader} schema is missing a oneof field at path '{path}' in the {writer} schema";
    ONEOF_FIELD_MOVED_TO_TOP_LEVEL: harmless,
        "A member may leave its oneof and stay a field.",
        "The oneof field at path '{path}' in the {writer} schema is outside a oneof in the {reader} schema";
    MULTIPLE_FIELDS_MOVED_TO_ONEOF: breaking,
        "At most one field moves into a oneof, because data may have several of them set.",
        "Several fields of the {writer} schema are members of the oneof at path '{path}' in the {reader} schema";
    FIELD_MOVED_TO_EXISTING_ONEOF: breaking,
        "No field joins the members of a oneof that is there already, because data may have both set.",
        "The oneof at path '{path}' in the {reader} schema has members that were not in one oneof in the {writer} schema";
}
