//! The rules of Protobuf compatibility, a row each, and which policy asks for which.
//!
//! The first 26 codes and which of them break by default are Confluent's, because tools match on them; the others are
//! ours, about changes Confluent's registry lets pass. A row that no policy asks for is still a difference that is found
//! and named; it is just no finding. The side that reads is "new" when checking backward and "old" when checking
//! forward, and the descriptions are filled in with those words. A breaking and a passing case of every row that is
//! asked for lie in `schema-model/rules/<CODE>/`.

use crate::{CompatibilityPolicy, Direction, Form, Policy, Rule, Standard};

/// What kind of harm a rule keeps away.
///
/// | class | `confluent` | `strict` | `wire` | and with `LOGICAL` |
/// |---|---|---|---|---|
/// | `Harmless` | | | | |
/// | `Bytes` | yes | yes | yes | as without |
/// | `Contract` | yes | yes | | as without |
/// | `Unread` | | yes | yes | as without |
/// | `Packed` | | | yes | as without |
/// | `Meaning` | | yes | | as without |
/// | `Reserved` | | yes | | yes |
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// None.
    Harmless,
    /// The bytes cannot be read, or are lost.
    Bytes,
    /// The bytes can be read, but something others rely on is gone.
    Contract,
    /// The bytes cannot be read, which Confluent's registry does not mind.
    Unread,
    /// The bytes cannot be read, which the other policies say by a row that asks for more.
    Packed,
    /// The bytes are read for something they do not mean, or might soon be.
    Meaning,
    /// A number or name that was taken out of use comes back.
    Reserved,
}

/// A difference between a writer's and a reader's schema.
#[derive(Debug)]
pub struct Row {
    /// Code, sentence and fix.
    pub rule: Rule,
    /// Who asks for it.
    pub class: Class,
    /// With `{reader}`, `{writer}` and `{path}` to be filled in.
    description: &'static str,
}

impl Row {
    const fn new(
        code: &'static str,
        class: Class,
        sentence: &'static str,
        fix: &'static str,
        description: &'static str,
    ) -> Row {
        Row {
            rule: Rule::new(code, Form::Protobuf, sentence).fixed_by(fix),
            class,
            description,
        }
    }

    /// Whether the policies of a standard ask for this row.
    #[must_use]
    pub fn counts(&self, standard: Standard) -> bool {
        let policy = standard.policy;
        match self.class {
            Class::Harmless => false,
            Class::Bytes => true,
            Class::Contract => policy != Policy::Wire,
            Class::Unread => policy != Policy::Confluent,
            Class::Packed => policy == Policy::Wire,
            Class::Meaning => policy == Policy::Strict,
            Class::Reserved => {
                policy == Policy::Strict || standard.compatibility_policy == CompatibilityPolicy::Logical
            }
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
    ($($name:ident: $class:ident, $sentence:literal, $fix:literal, $description:literal;)*) => {
        $(
            #[doc = $sentence]
            pub static $name: Row =
                Row::new(stringify!($name), Class::$class, $sentence, $fix, $description);
        )*

        /// Every row.
        pub static ALL: &[&Row] = &[$(&$name),*];
    };
}

rows! {
    PACKAGE_CHANGED: Contract,
        "The package stays as it is, because record names and generated code are built on it.",
        "Keep the package; for another register under another subject.",
        "The package at path '{path}' in the {reader} schema does not match the package in the {writer} schema";
    MESSAGE_ADDED: Harmless,
        "A message may be added.",
        "",
        "The {reader} schema has a MESSAGE type at path '{path}' that is missing in the {writer} schema";
    MESSAGE_REMOVED: Contract,
        "A message stays where it is declared, because records may hold it.",
        "Keep the message where it is declared.",
        "The {reader} schema is missing a MESSAGE type at path '{path}' in the {writer} schema";
    MESSAGE_MOVED: Harmless,
        "A message may move among its neighbours, because message indexes belong to one schema id.",
        "",
        "The MESSAGE type at path '{path}' stands at another index in the {reader} schema than in the {writer} schema";
    ENUM_ADDED: Harmless,
        "An enum may be added.",
        "",
        "The {reader} schema has an ENUM type at path '{path}' that is missing in the {writer} schema";
    ENUM_REMOVED: Harmless,
        "An enum may be removed.",
        "",
        "The {reader} schema is missing an ENUM type at path '{path}' in the {writer} schema";
    ENUM_CONST_ADDED: Harmless,
        "An enum value may be added.",
        "",
        "The {reader} schema has an ENUM value at path '{path}' that is missing in the {writer} schema";
    ENUM_CONST_CHANGED: Meaning,
        "An enum value keeps its name: the wire knows its number only, but JSON and generated code know the name.",
        "Keep the name of the value; an alias can have the new one.",
        "The name of the ENUM value at path '{path}' in the {reader} schema does not match its name in the {writer} schema";
    ENUM_CONST_REMOVED: Meaning,
        "Values that data may hold stay in the enum, or they become bare numbers.",
        "Keep the value, or mark it deprecated.",
        "The {reader} schema is missing an ENUM value at path '{path}' in the {writer} schema";
    FIELD_ADDED: Harmless,
        "A field may be added.",
        "",
        "The {reader} schema has a field at path '{path}' that is missing in the {writer} schema";
    FIELD_REMOVED: Harmless,
        "A field may be removed.",
        "",
        "The {reader} schema is missing a field at path '{path}' in the {writer} schema";
    FIELD_NAME_CHANGED: Meaning,
        "A field keeps its name: the wire knows its number only, but JSON and generated code know the name.",
        "Keep the name of the field.",
        "The name of the field at path '{path}' in the {reader} schema does not match its name in the {writer} schema";
    FIELD_KIND_CHANGED: Bytes,
        "A field stays a scalar, a message, a group or a map.",
        "Keep the type, and add a new field with a new number for the other.",
        "The kind of the field at path '{path}' in the {reader} schema does not match its kind in the {writer} schema";
    FIELD_SCALAR_KIND_CHANGED: Bytes,
        "A scalar field changes only to a type that reads the same bytes.",
        "Keep the type, and add a new field with a new number for the other.",
        "The kind of a SCALAR field at path '{path}' in the {reader} schema does not match its kind in the {writer} schema";
    FIELD_NAMED_TYPE_CHANGED: Bytes,
        "A message field keeps its message type, and that type its structure.",
        "Keep the message type as it was, and add a new field with a new number for the other.",
        "The type of a MESSAGE field at path '{path}' in the {reader} schema does not match its type in the {writer} schema";
    FIELD_NUMERIC_LABEL_CHANGED: Contract,
        "A field of a number, bool or enum keeps its label, optional, required or repeated, where both schemas write one: a required one is not left out, and repeated values may be packed into one run, which a single field cannot read.",
        "Keep the label, and add a new field with a new number for the other.",
        "The label of a numeric field at path '{path}' in the {reader} schema does not match its label in the {writer} schema";
    FIELD_UNWRITTEN_LABEL_CHANGED: Meaning,
        "A field of a number, bool or enum stays single or repeated also where no label is written: repeated values may be packed into one run, which a reader of a single field misreads.",
        "Leave the field single or repeated as it was, and add a new field with a new number for the other.",
        "The numeric field at path '{path}' is single in one of the {reader} and the {writer} schema, without a label, and not in the other";
    FIELD_STRING_OR_BYTES_LABEL_CHANGED: Meaning,
        "A string or bytes field keeps its label: of repeated values a single field keeps only the last.",
        "Keep the label, and add a new field with a new number for the other.",
        "The label of a string or bytes field at path '{path}' in the {reader} schema does not match its label in the {writer} schema";
    REQUIRED_FIELD_ADDED: Bytes,
        "An added field is not required, because data already written lacks it.",
        "Make the field optional.",
        "The {reader} schema has a required field at path '{path}' that is missing in the {writer} schema";
    REQUIRED_FIELD_REMOVED: Contract,
        "A required field stays, because those who require it refuse data without it.",
        "Keep the field.",
        "The {reader} schema is missing a required field at path '{path}' in the {writer} schema";
    ONEOF_ADDED: Harmless,
        "A oneof may be added.",
        "",
        "The {reader} schema has a oneof at path '{path}' that is missing in the {writer} schema";
    ONEOF_REMOVED: Harmless,
        "A oneof may be removed as a whole.",
        "",
        "The {reader} schema is missing a oneof at path '{path}' in the {writer} schema";
    ONEOF_FIELD_ADDED: Harmless,
        "A oneof may get a new member.",
        "",
        "The {reader} schema has a oneof field at path '{path}' that is missing in the {writer} schema";
    ONEOF_FIELD_REMOVED: Contract,
        "A oneof that stays keeps its members, because a reader cannot tell a removed member from none.",
        "Keep the member, or mark it deprecated.",
        "The {reader} schema is missing a oneof field at path '{path}' in the {writer} schema";
    ONEOF_FIELD_MOVED_TO_TOP_LEVEL: Harmless,
        "A member may leave its oneof and stay a field.",
        "",
        "The oneof field at path '{path}' in the {writer} schema is outside a oneof in the {reader} schema";
    MULTIPLE_FIELDS_MOVED_TO_ONEOF: Bytes,
        "At most one field moves into a oneof, because data may have several of them set.",
        "Leave the fields where they are, and add new ones in the oneof.",
        "Several fields of the {writer} schema are members of the oneof at path '{path}' in the {reader} schema";
    FIELD_MOVED_TO_EXISTING_ONEOF: Bytes,
        "No field joins the members of a oneof that is there already, because data may have both set.",
        "Leave the field where it is, and add a new member with a new number.",
        "The oneof at path '{path}' in the {reader} schema has members that were not in one oneof in the {writer} schema";
    FIELD_MESSAGE_LABEL_CHANGED: Meaning,
        "A message field stays single or repeated: of repeated messages a single field keeps one, merged.",
        "Keep the label, and add a new field with a new number for the other.",
        "The label of a MESSAGE field at path '{path}' in the {reader} schema does not match its label in the {writer} schema";
    FIELD_MADE_REQUIRED: Unread,
        "A field does not become required: data without it could not be read.",
        "Leave the field optional.",
        "The field at path '{path}' is required in the {reader} schema but not in the {writer} schema";
    PACKED_FIELD_MADE_SINGLE: Packed,
        "A packed repeated number, bool or enum stays repeated: its values are one run, which a single field cannot read.",
        "Leave the field repeated.",
        "The field at path '{path}' is single in the {reader} schema but repeated and packed in the {writer} schema";
    FIELD_TYPE_NARROWED: Meaning,
        "A field takes another type only if that holds every value of the old one: int32 to int64, string to bytes, bool or enum to a number.",
        "Keep the type, and add a new field with a new number for the other.",
        "The type of the field at path '{path}' in the {reader} schema does not hold every value of its type in the {writer} schema";
    FIELD_ENUM_TYPE_CHANGED: Meaning,
        "An enum field keeps its enum: the same numbers are other values in another one.",
        "Keep the enum, and add a new field with a new number for the other.",
        "The enum of the field at path '{path}' in the {reader} schema does not match its enum in the {writer} schema";
    FIELD_PRESENCE_CHANGED: Meaning,
        "A field stays with or without presence: what was left unset would read as zero, or a zero as unset.",
        "Keep the field as it was: with or without optional.",
        "The field at path '{path}' tells unset from zero in one of the {reader} and {writer} schemas only";
    FIELD_DEFAULT_CHANGED: Meaning,
        "A field keeps its default: data that leaves it out would read as another value.",
        "Keep the default.",
        "The default of the field at path '{path}' in the {reader} schema does not match its default in the {writer} schema";
    FIELD_JSON_NAME_CHANGED: Meaning,
        "A field keeps its JSON name.",
        "Keep json_name as it was.",
        "The JSON name of the field at path '{path}' in the {reader} schema does not match its JSON name in the {writer} schema";
    FIELD_NUMBER_CHANGED: Meaning,
        "A field keeps its number: under another one old data is not found.",
        "Give the field its old number back, or a new name.",
        "The field at path '{path}' in the old schema has another number in the new schema";
    FIELD_REMOVED_UNRESERVED: Meaning,
        "The number and name of a removed field are reserved, so that nothing else takes them.",
        "Reserve number and name of the field.",
        "The field at path '{path}' in the old schema is removed in the new schema, and its number or name is not reserved";
    RESERVED_NUMBER_REMOVED: Reserved,
        "A reserved number stays reserved.",
        "Keep the number reserved.",
        "The number at path '{path}' is reserved in the old schema but not in the new schema";
    RESERVED_NUMBER_REUSED: Reserved,
        "A reserved number is not used again: old data may hold something else under it.",
        "Take another number, and keep this one reserved.",
        "The number at path '{path}' is reserved in the old schema but used in the new schema";
    RESERVED_NAME_REMOVED: Reserved,
        "A reserved name stays reserved.",
        "Keep the name reserved.",
        "The name at path '{path}' is reserved in the old schema but not in the new schema";
    RESERVED_NAME_REUSED: Reserved,
        "A reserved name is not used again: old JSON may hold something else under it.",
        "Take another name, and keep this one reserved.",
        "The name at path '{path}' is reserved in the old schema but used in the new schema";
    RPC_REMOVED: Meaning,
        "A method of a service stays.",
        "Keep the method, or mark it deprecated.",
        "The RPC at path '{path}' in the old schema is missing in the new schema";
    RPC_CHANGED: Meaning,
        "A method keeps its request, its response and what it streams.",
        "Keep the method as it was, and add a new one for the other.",
        "The request, response or streaming of the RPC at path '{path}' in the new schema does not match the old schema";
}
