//! The compatibility rules of Avro, a row each. Codes are Avro's own; a breaking and a passing case of every rule lie
//! in `schema-model/rules/<CODE>/`.

use crate::{Form, Rule};

/// A record, enum or fixed was renamed.
pub const NAME_MISMATCH: Rule = Rule::new(
    "NAME_MISMATCH",
    Form::Avro,
    "A record, enum or fixed keeps its name, without the namespace, or the reader lists the writer's full name as an alias.",
);

/// A fixed changed its size.
pub const FIXED_SIZE_MISMATCH: Rule = Rule::new("FIXED_SIZE_MISMATCH", Form::Avro, "A fixed keeps its size.");

/// A symbol went away.
pub const MISSING_ENUM_SYMBOLS: Rule = Rule::new(
    "MISSING_ENUM_SYMBOLS",
    Form::Avro,
    "The reader's enum has every symbol of the writer's, or a default symbol for the ones it does not know.",
);

/// A field came without a default.
pub const READER_FIELD_MISSING_DEFAULT_VALUE: Rule = Rule::new(
    "READER_FIELD_MISSING_DEFAULT_VALUE",
    Form::Avro,
    "A field only the reader has needs a default, or an alias that names the writer's field.",
);

/// A type changed.
pub const TYPE_MISMATCH: Rule = Rule::new(
    "TYPE_MISMATCH",
    Form::Avro,
    "A type stays what it is or is promoted: int to long, float or double, long to float or double, float to double, bytes and string to each other.",
);

/// A branch went away.
pub const MISSING_UNION_BRANCH: Rule = Rule::new(
    "MISSING_UNION_BRANCH",
    Form::Avro,
    "The reader's union has a branch for every type the writer can write.",
);

/// Two fields of the writer would fill one of the reader.
pub const AMBIGUOUS_FIELD_ALIAS: Rule = Rule::new(
    "AMBIGUOUS_FIELD_ALIAS",
    Form::Plain,
    "Name and aliases of a reader's field match at most one field of the writer.",
);

/// Every rule.
pub const RULES: [Rule; 7] = [
    NAME_MISMATCH,
    FIXED_SIZE_MISMATCH,
    MISSING_ENUM_SYMBOLS,
    READER_FIELD_MISSING_DEFAULT_VALUE,
    TYPE_MISMATCH,
    MISSING_UNION_BRANCH,
    AMBIGUOUS_FIELD_ALIAS,
];

/// The comparison was given up: a limit rather than a rule, so it has no cases on file.
pub const COMPARISON_TOO_LARGE: Rule = Rule::new(
    "COMPARISON_TOO_LARGE",
    Form::Plain,
    "Two schemas can be compared within a bounded number of steps.",
);
