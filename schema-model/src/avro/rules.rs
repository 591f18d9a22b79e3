//! The compatibility rules of Avro, a row each, and which policy asks for which.
//!
//! Codes of the first seven are Avro's own; the others are ours, about changes Avro's rules let pass. A breaking and a
//! passing case of every rule lie in `schema-model/rules/<CODE>/`.

use crate::{CompatibilityPolicy, Form, Policy, Rule, Standard};

/// A record, enum or fixed was renamed.
pub const NAME_MISMATCH: Rule = Rule::new(
    "NAME_MISMATCH",
    Form::Avro,
    "A record, enum or fixed keeps its name, without the namespace, or the reader lists the writer's full name as an alias.",
)
.fixed_by("Keep the name, or list the old full name in \"aliases\".");

/// A fixed changed its size.
pub const FIXED_SIZE_MISMATCH: Rule = Rule::new("FIXED_SIZE_MISMATCH", Form::Avro, "A fixed keeps its size.")
    .fixed_by("Keep the size; for another add a new field with a fixed of another name.");

/// A symbol went away.
pub const MISSING_ENUM_SYMBOLS: Rule = Rule::new(
    "MISSING_ENUM_SYMBOLS",
    Form::Avro,
    "The reader's enum has every symbol of the writer's, or a default symbol for the ones it does not know.",
)
.fixed_by("Keep the symbols, or give the enum a \"default\" symbol.");

/// A field came without a default.
pub const READER_FIELD_MISSING_DEFAULT_VALUE: Rule = Rule::new(
    "READER_FIELD_MISSING_DEFAULT_VALUE",
    Form::Avro,
    "A field only the reader has needs a default, or an alias that names the writer's field.",
)
.fixed_by("Give the field a \"default\".");

/// A type changed.
pub const TYPE_MISMATCH: Rule = Rule::new(
    "TYPE_MISMATCH",
    Form::Avro,
    "A type stays what it is or is promoted: int to long, float or double, long to float or double, float to double, bytes and string to each other.",
)
.fixed_by("Keep the type, and add a new field with a default for the other.");

/// A branch went away.
pub const MISSING_UNION_BRANCH: Rule = Rule::new(
    "MISSING_UNION_BRANCH",
    Form::Avro,
    "The reader's union has a branch for every type the writer can write.",
)
.fixed_by("Keep the branch in the union.");

/// Two fields of the writer would fill one of the reader.
pub const AMBIGUOUS_FIELD_ALIAS: Rule = Rule::new(
    "AMBIGUOUS_FIELD_ALIAS",
    Form::Plain,
    "Name and aliases of a reader's field match at most one field of the writer.",
)
.fixed_by("Take away the aliases that name a second field of the writer.");

/// A decimal's point moved.
pub const DECIMAL_SCALE_CHANGED: Rule = Rule::new(
    "DECIMAL_SCALE_CHANGED",
    Form::Avro,
    "A decimal keeps its scale: the bytes hold the digits alone, and another scale moves their point.",
)
.fixed_by("Keep the scale; for another add a new field.");

/// A decimal holds fewer digits.
pub const DECIMAL_PRECISION_NARROWED: Rule = Rule::new(
    "DECIMAL_PRECISION_NARROWED",
    Form::Avro,
    "The reader's decimal has at least the precision of the writer's.",
)
.fixed_by("Keep the precision or raise it.");

/// A unit or meaning became another.
pub const LOGICAL_TYPE_CHANGED: Rule = Rule::new(
    "LOGICAL_TYPE_CHANGED",
    Form::Avro,
    "A logical type does not become another one: the same bytes would mean another value.",
)
.fixed_by("Keep the logical type; for another add a new field.");

/// A plain type was given a meaning.
pub const LOGICAL_TYPE_ADDED: Rule = Rule::new(
    "LOGICAL_TYPE_ADDED",
    Form::Avro,
    "The reader takes no logical type for data that was written without one.",
)
.fixed_by("Leave the logical type out; add a new field that has it.");

/// A meaning was taken away.
pub const LOGICAL_TYPE_REMOVED: Rule = Rule::new(
    "LOGICAL_TYPE_REMOVED",
    Form::Avro,
    "The reader keeps the logical type of the writer.",
)
.fixed_by("Keep the logical type.");

/// A symbol went away and is read as another.
pub const ENUM_SYMBOL_REMOVED: Rule = Rule::new(
    "ENUM_SYMBOL_REMOVED",
    Form::Avro,
    "The reader's enum has every symbol of the writer's, even when a default symbol would stand in for it.",
)
.fixed_by("Keep the symbols.");

/// A type moved to another namespace.
pub const NAMESPACE_CHANGED: Rule = Rule::new(
    "NAMESPACE_CHANGED",
    Form::Avro,
    "A record, enum or fixed keeps its namespace, or the reader lists the writer's full name as an alias: readers of unions look for full names.",
)
.fixed_by("Keep the namespace, or list the old full name in \"aliases\".");

/// A promotion changes values.
pub const LOSSY_PROMOTION: Rule = Rule::new(
    "LOSSY_PROMOTION",
    Form::Avro,
    "A promotion keeps every value: int is not read as float, nor long as float or double, nor bytes as string.",
)
.fixed_by("Keep the type, and add a new field of the other type.");

/// What kind of harm a rule keeps away.
///
/// | class | `confluent` | `strict` | `wire` | and with `LOGICAL` |
/// |---|---|---|---|---|
/// | `Bytes` | yes | yes | yes | yes |
/// | `Name` | yes | yes | | as without |
/// | `Meaning` | | yes | | yes |
/// | `Value` | | yes | | as without |
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// The bytes cannot be read.
    Bytes,
    /// The bytes can be read, but a type is called otherwise.
    Name,
    /// The bytes are read for something they do not mean.
    Meaning,
    /// A value is read as another, or will not be found by some readers.
    Value,
}

/// Every rule with its class.
pub const RULES: [(Rule, Class); 15] = [
    (NAME_MISMATCH, Class::Name),
    (FIXED_SIZE_MISMATCH, Class::Bytes),
    (MISSING_ENUM_SYMBOLS, Class::Bytes),
    (READER_FIELD_MISSING_DEFAULT_VALUE, Class::Bytes),
    (TYPE_MISMATCH, Class::Bytes),
    (MISSING_UNION_BRANCH, Class::Bytes),
    (AMBIGUOUS_FIELD_ALIAS, Class::Bytes),
    (DECIMAL_SCALE_CHANGED, Class::Meaning),
    (DECIMAL_PRECISION_NARROWED, Class::Meaning),
    (LOGICAL_TYPE_CHANGED, Class::Meaning),
    (LOGICAL_TYPE_ADDED, Class::Meaning),
    (LOGICAL_TYPE_REMOVED, Class::Meaning),
    (ENUM_SYMBOL_REMOVED, Class::Value),
    (NAMESPACE_CHANGED, Class::Value),
    (LOSSY_PROMOTION, Class::Value),
];

/// The comparison was given up: a limit rather than a rule, so it has no cases on file.
pub const COMPARISON_TOO_LARGE: Rule = Rule::new(
    "COMPARISON_TOO_LARGE",
    Form::Avro,
    "Two schemas can be compared within a bounded number of steps.",
)
.fixed_by("Change fewer types at once, or split the schema.");

/// Whether a standard asks for rules of a class: the table at [`Class`].
const fn asks_for(standard: Standard, class: Class) -> bool {
    match class {
        Class::Bytes => true,
        Class::Name => !matches!(standard.policy, Policy::Wire),
        Class::Meaning => {
            matches!(standard.policy, Policy::Strict)
                || matches!(standard.compatibility_policy, CompatibilityPolicy::Logical)
        }
        Class::Value => matches!(standard.policy, Policy::Strict),
    }
}

/// Whether a rule counts by the policies of a standard.
pub(super) fn counts(rule: Rule, standard: Standard) -> bool {
    let row = RULES.iter().find(|(row, _)| *row == rule);
    row.is_none_or(|(_, class)| asks_for(standard, *class))
}

/// Whether a standard asks for more than the bytes and the names.
pub(super) const fn beyond_structure(standard: Standard) -> bool {
    asks_for(standard, Class::Meaning) || asks_for(standard, Class::Value)
}
