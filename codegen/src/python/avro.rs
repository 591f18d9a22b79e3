//! Avro types as the values of `fastavro`.

use std::fmt::Write as _;

use super::{Printer, union};
use crate::flat::{Named, Said};
use crate::model::{Body, Definition, Logical, Type, Value};
use crate::words::quoted_in_python;

/// Types that have a name of their own, so that what their values mean can be read where they are used.
pub(super) const ALIASES: &[(&str, &str, &str)] = &[
    (
        "AvroBigDecimal",
        "bytes",
        "A `big-decimal` as its bytes, because fastavro knows no such type.",
    ),
    (
        "AvroUuidBytes",
        "bytes",
        "A `uuid` as its 16 bytes: `uuid.UUID(bytes=…)` reads them.",
    ),
    (
        "AvroTimestampNanos",
        "int",
        "A `timestamp-nanos`: nanoseconds since 1970-01-01T00:00:00Z.",
    ),
    (
        "AvroLocalTimestamp",
        "_datetime.datetime",
        "A `local-timestamp-millis` or `local-timestamp-micros`: a datetime without a time zone.",
    ),
    (
        "AvroLocalTimestampNanos",
        "int",
        "A `local-timestamp-nanos`: nanoseconds since 1970-01-01T00:00:00 in a time zone that is not said.",
    ),
    (
        "AvroDuration",
        "bytes",
        "A `duration`: 12 bytes, which are months, days and milliseconds, each 4 bytes, the lowest first.",
    ),
];

/// What strings and enums have already, and no member of an enum may be called.
const ENUM_MEMBERS: &[&str] = &[
    "capitalize",
    "casefold",
    "center",
    "count",
    "encode",
    "endswith",
    "expandtabs",
    "find",
    "format",
    "format_map",
    "index",
    "isalnum",
    "isalpha",
    "isascii",
    "isdecimal",
    "isdigit",
    "isidentifier",
    "islower",
    "isnumeric",
    "isprintable",
    "isspace",
    "istitle",
    "isupper",
    "join",
    "ljust",
    "lower",
    "lstrip",
    "maketrans",
    "mro",
    "name",
    "partition",
    "removeprefix",
    "removesuffix",
    "replace",
    "rfind",
    "rindex",
    "rjust",
    "rpartition",
    "rsplit",
    "rstrip",
    "split",
    "splitlines",
    "startswith",
    "strip",
    "swapcase",
    "title",
    "translate",
    "upper",
    "value",
    "zfill",
];

/// Whether a member of an enum may not be called so: that of strings and enums, or a name between underscores.
pub(super) fn is_enums_own(name: &str) -> bool {
    ENUM_MEMBERS.contains(&name) || name.starts_with('_') && name.ends_with('_')
}

impl Printer<'_> {
    /// The declaration of a named type.
    pub(super) fn avro(&mut self, named: &Named<'_>, definition: &Definition) {
        match &definition.body {
            Body::Record(fields) => {
                self.class(named, "");
                let names = self.field_names(fields.iter().map(|field| field.name.as_str()), |name| {
                    self.is_type(name)
                });
                for (field, name) in fields.iter().zip(names) {
                    let kind = self.avro_type(named, &field.kind);
                    let default = field.default.as_ref();
                    let default = default.and_then(|default| self.avro_default(named, &field.kind, default));
                    self.field(&name, &kind, default.as_deref());
                    self.doc("    ", &Said::of_field(field));
                }
            }
            Body::Enum(symbols, _) => {
                self.class(named, "(str, _enum.Enum)");
                let names = self.field_names(symbols.iter().map(String::as_str), is_enums_own);
                self.gap();
                for name in names {
                    let _ = writeln!(
                        self.text,
                        "    {} = {}",
                        name.python,
                        quoted_in_python(&name.schema)
                    );
                }
            }
            Body::Fixed(_) => {
                self.alias(&named.name, "bytes");
                self.doc("", &named.said());
            }
            Body::Bare(_, field) => {
                let kind = self.avro_type(named, &field.kind);
                self.alias(&named.name, &kind);
                self.doc("", &named.said());
            }
        }
    }

    fn avro_type(&mut self, named: &Named<'_>, kind: &Type) -> String {
        let alias = match kind {
            Type::Null => return "None".to_owned(),
            Type::Boolean => return "bool".to_owned(),
            Type::Int | Type::Long => return "int".to_owned(),
            Type::Float | Type::Double => return "float".to_owned(),
            Type::Bytes => return "bytes".to_owned(),
            Type::String => return "str".to_owned(),
            Type::Array(item) => return format!("list[{}]", self.avro_type(named, item)),
            Type::Map(value) => return format!("dict[str, {}]", self.avro_type(named, value)),
            Type::Union(branches) => {
                let nulls_last = branches.iter().filter(|branch| **branch != Type::Null);
                let nulls = branches.iter().filter(|branch| **branch == Type::Null);
                let members: Vec<String> = nulls_last
                    .chain(nulls)
                    .map(|branch| self.avro_type(named, branch))
                    .collect();
                return union(members);
            }
            Type::Named(full_name) => {
                return self.flat.name_of(named, full_name).unwrap_or("object").to_owned();
            }
            Type::Decimal { .. } => return self.of_library("_decimal.Decimal"),
            Type::BigDecimal => "AvroBigDecimal",
            Type::Logical(logical) => match logical {
                Logical::Uuid => return self.of_library("_uuid.UUID"),
                Logical::Date => return self.of_library("_datetime.date"),
                Logical::TimeMillis | Logical::TimeMicros => return self.of_library("_datetime.time"),
                Logical::TimestampMillis | Logical::TimestampMicros => {
                    return self.of_library("_datetime.datetime");
                }
                Logical::LocalTimestampMillis | Logical::LocalTimestampMicros => "AvroLocalTimestamp",
                Logical::UuidFixed => "AvroUuidBytes",
                Logical::TimestampNanos => "AvroTimestampNanos",
                Logical::LocalTimestampNanos => "AvroLocalTimestampNanos",
                Logical::Duration => "AvroDuration",
            },
        };
        self.aliases.insert(alias);
        alias.to_owned()
    }

    /// A default, where Python can write it down in a word or two; other fields have to be given.
    fn avro_default(&self, named: &Named<'_>, kind: &Type, default: &Value) -> Option<String> {
        Some(match (kind, default) {
            (Type::Union(branches), Value::Branch(place, inner)) => {
                return self.avro_default(named, branches.get(*place)?, inner);
            }
            (_, Value::Null) => "None".to_owned(),
            (_, Value::Boolean(true)) => "True".to_owned(),
            (_, Value::Boolean(false)) => "False".to_owned(),
            (Type::Int | Type::Long, Value::Long(number)) => number.to_string(),
            (Type::Float | Type::Double, Value::Double(number)) if number.is_finite() => {
                format!("{number:?}")
            }
            (Type::String, Value::String(text)) => quoted_in_python(text),
            (Type::Named(full_name), Value::Symbol(place)) => {
                let class = self.flat.name_of(named, full_name)?;
                let Body::Enum(symbols, _) = named.body_of(full_name)? else {
                    return None;
                };
                let names = self.field_names(symbols.iter().map(String::as_str), is_enums_own);
                format!("{class}.{}", names.get(*place)?.python)
            }
            (Type::Array(_), Value::Array(items)) if items.is_empty() => "list()".to_owned(),
            (Type::Map(_), Value::Map(entries)) if entries.is_empty() => "dict()".to_owned(),
            _ => return None,
        })
    }

    /// A type of the standard library, whose module is imported.
    pub(super) fn of_library(&mut self, name: &'static str) -> String {
        self.modules
            .extend(name.split_once('.').map(|(module, _)| module));
        name.to_owned()
    }
}
