//! Avro types as the values of `avsc`.

use std::fmt::Write as _;

use super::{Printer, array, property, union};
use crate::flat::{Declared, Event, Named, Said};
use crate::model::{Body, Definition, Logical, Type};
use crate::words::quoted;

/// Types that have a name of their own, so that what their values mean can be read where they are used.
pub(super) const ALIASES: &[(&str, &str, &str)] = &[
    (
        "AvroLong",
        "number",
        "A `long`. Reading one beyond `Number.MAX_SAFE_INTEGER` fails, unless avsc is given another `long` type.",
    ),
    (
        "AvroDecimal",
        "string",
        "A `decimal` in digits, as in `\"12.50\"`. avsc knows bytes alone: give it a logical type `decimal` that reads and writes such text.",
    ),
    (
        "AvroBigDecimal",
        "string",
        "A `big-decimal` in digits, as in `\"12.50\"`. avsc knows bytes alone: give it a logical type `big-decimal` that reads and writes such text.",
    ),
    (
        "AvroUuid",
        "string",
        "A `uuid` as text, as in `\"6f4b3bb2-6b5c-4a43-9d6c-1c1f3a8a1d11\"`.",
    ),
    ("AvroUuidBytes", "Uint8Array", "A `uuid` as its 16 bytes."),
    ("AvroDate", "number", "A `date`: days since 1970-01-01."),
    (
        "AvroTimeMillis",
        "number",
        "A `time-millis`: milliseconds since midnight.",
    ),
    (
        "AvroTimeMicros",
        "number",
        "A `time-micros`: microseconds since midnight.",
    ),
    (
        "AvroTimestampMillis",
        "number",
        "A `timestamp-millis`: milliseconds since 1970-01-01T00:00:00Z, as `Date` takes them.",
    ),
    (
        "AvroTimestampMicros",
        "number",
        "A `timestamp-micros`: microseconds since 1970-01-01T00:00:00Z.",
    ),
    (
        "AvroTimestampNanos",
        "bigint",
        "A `timestamp-nanos`: nanoseconds since 1970-01-01T00:00:00Z. No number holds those of today: give avsc a `long` type of bigints.",
    ),
    (
        "AvroLocalTimestampMillis",
        "number",
        "A `local-timestamp-millis`: milliseconds since 1970-01-01T00:00:00 in a time zone that is not said.",
    ),
    (
        "AvroLocalTimestampMicros",
        "number",
        "A `local-timestamp-micros`: microseconds since 1970-01-01T00:00:00 in a time zone that is not said.",
    ),
    (
        "AvroLocalTimestampNanos",
        "bigint",
        "A `local-timestamp-nanos`: nanoseconds since 1970-01-01T00:00:00 in a time zone that is not said. No number holds those of today: give avsc a `long` type of bigints.",
    ),
    (
        "AvroDuration",
        "Uint8Array",
        "A `duration`: 12 bytes, which are months, days and milliseconds, each 4 bytes, the lowest first.",
    ),
];

impl Printer<'_> {
    /// The declaration of a named type.
    pub(super) fn avro(&mut self, named: &Named<'_>, definition: &Definition) {
        let name = &named.name;
        match &definition.body {
            Body::Record(fields) if fields.is_empty() => {
                self.alias(name, &["Record<string, never>".to_owned()]);
            }
            Body::Record(fields) => {
                let _ = writeln!(self.text, "export interface {name} {{");
                for field in fields {
                    let kind = self.avro_type(named, &field.kind);
                    self.doc("  ", &Said::of_field(field));
                    let _ = writeln!(self.text, "  {}: {kind};", property(&field.name));
                }
                self.text.push_str("}\n");
            }
            Body::Enum(symbols, _) => {
                let symbols: Vec<String> = symbols.iter().map(|symbol| quoted(symbol)).collect();
                self.alias(name, &symbols);
            }
            Body::Fixed(_) => self.alias(name, &["Uint8Array".to_owned()]),
            Body::Bare(_, field) => {
                let kind = self.avro_type(named, &field.kind);
                self.alias(name, &[kind]);
            }
        }
    }

    fn avro_type(&mut self, named: &Named<'_>, kind: &Type) -> String {
        let alias = match kind {
            Type::Null => return "null".to_owned(),
            Type::Boolean => return "boolean".to_owned(),
            Type::Int | Type::Float | Type::Double => return "number".to_owned(),
            Type::Bytes => return "Uint8Array".to_owned(),
            Type::String => return "string".to_owned(),
            Type::Array(item) => return array(&self.avro_type(named, item)),
            Type::Map(value) => return format!("Record<string, {}>", self.avro_type(named, value)),
            Type::Union(branches) => return self.avro_union(named, branches),
            Type::Named(full_name) => {
                return self
                    .flat
                    .name_of(named, full_name)
                    .unwrap_or("unknown")
                    .to_owned();
            }
            Type::Long => "AvroLong",
            Type::Decimal { .. } => "AvroDecimal",
            Type::BigDecimal => "AvroBigDecimal",
            Type::Logical(logical) => match logical {
                Logical::Uuid => "AvroUuid",
                Logical::UuidFixed => "AvroUuidBytes",
                Logical::Date => "AvroDate",
                Logical::TimeMillis => "AvroTimeMillis",
                Logical::TimeMicros => "AvroTimeMicros",
                Logical::TimestampMillis => "AvroTimestampMillis",
                Logical::TimestampMicros => "AvroTimestampMicros",
                Logical::TimestampNanos => "AvroTimestampNanos",
                Logical::LocalTimestampMillis => "AvroLocalTimestampMillis",
                Logical::LocalTimestampMicros => "AvroLocalTimestampMicros",
                Logical::LocalTimestampNanos => "AvroLocalTimestampNanos",
                Logical::Duration => "AvroDuration",
            },
        };
        self.aliases.insert(alias);
        alias.to_owned()
    }

    fn avro_union(&mut self, named: &Named<'_>, branches: &[Type]) -> String {
        let branches = branches
            .iter()
            .map(|branch| (named, branch, self.avro_type(named, branch)));
        let branches: Vec<_> = branches.collect();
        union(members(&branches))
    }

    /// The union at the top of a schema, whose branches have types of their own.
    pub(super) fn top_union(&self, events: &[Event<'_>]) -> Vec<String> {
        let branch = |event: &Event<'_>| {
            let named = self.flat.types.get(event.place)?;
            let Declared::Avro(definition) = named.declared else {
                return None;
            };
            let kind = match &definition.body {
                Body::Bare(_, field) => field.kind.clone(),
                _ => Type::Named(definition.name.clone()),
            };
            Some((named, kind, named.name.clone()))
        };
        let branches: Vec<_> = events.iter().filter_map(branch).collect();
        let branches = branches
            .iter()
            .map(|(named, kind, name)| (*named, kind, name.clone()));
        members(&branches.collect::<Vec<_>>())
    }
}

/// The members of a union, of its branches and what their types are here: values as they are, where avsc can tell them
/// apart, and else each behind its branch's name.
fn members(branches: &[(&Named<'_>, &Type, String)]) -> Vec<String> {
    let mut kinds: Vec<&str> = branches
        .iter()
        .filter_map(|(named, branch, _)| bucket(named, branch))
        .collect();
    let all = kinds.len();
    kinds.sort_unstable();
    kinds.dedup();
    let is_wrapped = kinds.len() < all;
    let (nulls, others): (Vec<_>, Vec<_>) =
        branches.iter().partition(|(_, branch, _)| **branch == Type::Null);
    let member = |(_, branch, kind): &(&Named<'_>, &Type, String)| match branch_name(branch) {
        _ if !is_wrapped || **branch == Type::Null => kind.clone(),
        Some(name) => format!("{{ {}: {kind} }}", quoted(name)),
        None => format!("Record<string, {kind}>"),
    };
    others.into_iter().chain(nulls).map(member).collect()
}

/// By what avsc tells branches apart; nothing for the logical types that it must be given.
fn bucket(named: &Named<'_>, branch: &Type) -> Option<&'static str> {
    Some(match branch {
        Type::Decimal { .. } | Type::BigDecimal => return None,
        Type::Null => "null",
        Type::Boolean => "boolean",
        Type::Int | Type::Long | Type::Float | Type::Double => "number",
        Type::String | Type::Logical(Logical::Uuid) => "string",
        Type::Bytes | Type::Logical(Logical::UuidFixed | Logical::Duration) => "buffer",
        Type::Logical(_) => "number",
        Type::Array(_) => "array",
        Type::Map(_) => "object",
        // A union is in no union.
        Type::Union(_) => "union",
        Type::Named(full_name) => match named.body_of(full_name) {
            Some(Body::Enum(..)) => "string",
            Some(Body::Fixed(_)) => "buffer",
            _ => "object",
        },
    })
}

/// What avsc calls a branch; nothing for a fixed whose logical type the model has in its place.
fn branch_name(branch: &Type) -> Option<&str> {
    Some(match branch {
        Type::Logical(Logical::UuidFixed | Logical::Duration) | Type::Decimal { fixed: Some(_), .. } => {
            return None;
        }
        Type::Null => "null",
        Type::Boolean => "boolean",
        Type::Int | Type::Logical(Logical::Date | Logical::TimeMillis) => "int",
        Type::Long => "long",
        Type::Float => "float",
        Type::Double => "double",
        Type::Bytes | Type::BigDecimal | Type::Decimal { .. } => "bytes",
        Type::String | Type::Logical(Logical::Uuid) => "string",
        Type::Logical(_) => "long",
        Type::Array(_) => "array",
        Type::Map(_) => "map",
        Type::Union(_) => "union",
        Type::Named(full_name) => full_name,
    })
}
