//! Avro types as the values of `fastavro`.

use std::fmt::Write as _;

use annals_schema_model::Decimal;

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

/// Whether a default is made anew for each value: it can be changed, or is of a class that may stand further below.
fn is_made(default: &Value) -> bool {
    match default {
        Value::Branch(_, inner) => is_made(inner),
        Value::Array(items) => !items.is_empty(),
        Value::Map(entries) => !entries.is_empty(),
        Value::Record(..) => true,
        _ => false,
    }
}

/// The default of a logical type, if it is one of the values that Python has of it.
fn logical_default(logical: Logical, value: &Value) -> Option<String> {
    /// The microseconds between the first and the last moment of `datetime`, since 1970.
    const MOMENTS: std::ops::RangeInclusive<i64> = -62_135_596_800_000_000..=253_402_300_799_999_999;
    /// The first day of 1970 as `date` counts days from the year 1, and its last day.
    const FIRST_DAY: i64 = 719_163;
    const LAST_DAY: i64 = 3_652_059;
    Some(match (logical, value) {
        (Logical::UuidFixed | Logical::Duration, Value::Bytes(bytes)) => bytes_literal(bytes),
        (Logical::Uuid, Value::String(text)) if is_uuid(text) => format!("_uuid.UUID(\"{text}\")"),
        (Logical::Date, Value::Long(days)) => {
            let day = FIRST_DAY.checked_add(*days)?;
            (1..=LAST_DAY)
                .contains(&day)
                .then(|| format!("_datetime.date.fromordinal({day})"))?
        }
        (Logical::TimestampNanos | Logical::LocalTimestampNanos, Value::Long(count)) => count.to_string(),
        (Logical::TimeMillis | Logical::TimeMicros, Value::Long(count)) => {
            let micros = count.checked_mul(if logical == Logical::TimeMillis { 1000 } else { 1 })?;
            let second = micros.div_euclid(1_000_000);
            let parts = [second / 3600, second / 60 % 60, second % 60, micros % 1_000_000];
            let is_time = (0..86_400).contains(&second);
            let parts = parts.map(|part| part.to_string()).join(", ");
            is_time.then(|| format!("_datetime.time({parts})"))?
        }
        (_, Value::Long(count)) => {
            let is_millis = matches!(logical, Logical::TimestampMillis | Logical::LocalTimestampMillis);
            let micros = count.checked_mul(if is_millis { 1000 } else { 1 })?;
            let zone = match logical {
                Logical::TimestampMillis | Logical::TimestampMicros => ", tzinfo=_datetime.timezone.utc",
                _ => "",
            };
            MOMENTS.contains(&micros).then(|| {
                format!("_datetime.datetime(1970, 1, 1{zone}) + _datetime.timedelta(microseconds={micros})")
            })?
        }
        _ => return None,
    })
}

/// Whether a text is a uuid as it is written mostly.
fn is_uuid(text: &str) -> bool {
    let is_dash = |place: usize| matches!(place, 8 | 13 | 18 | 23);
    let mut bytes = text.bytes().enumerate();
    text.len() == 36
        && bytes.all(|(place, byte)| match is_dash(place) {
            true => byte == b'-',
            false => byte.is_ascii_hexdigit(),
        })
}

fn bytes_literal(bytes: &[u8]) -> String {
    let escaped: String = bytes
        .iter()
        .map(|byte| match byte {
            b'"' | b'\\' => format!("\\{}", char::from(*byte)),
            b' '..=b'~' => char::from(*byte).to_string(),
            _ => format!("\\x{byte:02x}"),
        })
        .collect();
    format!("b\"{escaped}\"")
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
                    let default = default.and_then(|default| {
                        let value = self.avro_default(named, &field.kind, default)?;
                        Some(match is_made(default) {
                            true => format!("lambda: {value}"),
                            false => value,
                        })
                    });
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

    /// A default, where Python has such a value; other fields have to be given.
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
            (Type::Array(item), Value::Array(items)) => {
                let items = items.iter().map(|value| self.avro_default(named, item, value));
                format!("[{}]", items.collect::<Option<Vec<_>>>()?.join(", "))
            }
            (Type::Map(value_type), Value::Map(entries)) => {
                let entries = entries.iter().map(|(key, value)| {
                    let value = self.avro_default(named, value_type, value)?;
                    Some(format!("{}: {value}", quoted_in_python(key)))
                });
                format!("{{{}}}", entries.collect::<Option<Vec<_>>>()?.join(", "))
            }
            (Type::Named(full_name), Value::Record(values, _)) => {
                let class = self.flat.name_of(named, full_name)?;
                let names = self.field_names(values.iter().map(|(name, _)| name.as_str()), |name| {
                    self.is_type(name)
                });
                let fields = named.body_of(full_name)?.fields().iter();
                let values = fields.zip(values).zip(names).map(|((field, (_, value)), name)| {
                    let value = self.avro_default(named, &field.kind, value)?;
                    Some(format!("{}={value}", name.python))
                });
                format!("{class}({})", values.collect::<Option<Vec<_>>>()?.join(", "))
            }
            (Type::Decimal { scale, .. }, Value::Bytes(bytes)) => {
                let number = Decimal::from_be_bytes(bytes, *scale).ok()?;
                format!("_decimal.Decimal(\"{number}\")")
            }
            (Type::Logical(logical), value) => return logical_default(*logical, value),
            (Type::Bytes | Type::BigDecimal | Type::Named(_), Value::Bytes(bytes)) => bytes_literal(bytes),
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
