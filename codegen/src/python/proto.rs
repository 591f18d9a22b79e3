//! Protobuf messages as dataclasses: fields that are absent are `None`, others are zero when nothing is said.

use std::fmt::Write as _;

use super::Printer;
use super::avro::is_enums_own;
use crate::flat::{Declared, Named, Said};
use crate::model::proto::{Enum, Field, Kind, Message, Occurs, Scalar};

impl Printer<'_> {
    /// A dataclass.
    pub(super) fn message(&mut self, named: &Named<'_>, message: &Message) {
        self.class(named, "");
        let fields = message.fields.iter();
        let names = self.field_names(fields.clone().map(|field| field.name.as_str()), |name| {
            self.is_type(name)
        });
        for (field, name) in fields.zip(names) {
            let (kind, default) = self.proto_field(named, field);
            self.field(&name, &kind, default.as_deref());
            let mut words = field.about.doc.clone().unwrap_or_default();
            if let Occurs::Member(place) = field.occurs
                && let Some(oneof) = message.oneofs.get(place)
            {
                let gap = if words.is_empty() { "" } else { "\n" };
                let _ = write!(words, "{gap}One of `{}`.", oneof.name);
            }
            self.doc(
                "    ",
                &Said {
                    words: Some(&words),
                    ..Said::of_part(&field.about)
                },
            );
        }
        for oneof in &message.oneofs {
            if let Some(doc) = &oneof.about.doc {
                // A comment, because there is nothing here that has the name.
                let _ = write!(self.text, "\n    # `{}`:", oneof.name);
                for line in crate::words::lines(Some(doc)) {
                    let _ = write!(self.text, " {line}");
                }
                self.text.push('\n');
            }
        }
    }

    fn proto_field(&mut self, named: &Named<'_>, field: &Field) -> (String, Option<String>) {
        let kind = self.kind(named, &field.kind);
        let is_message = matches!(field.kind, Kind::Message(_) | Kind::Group(_));
        match field.occurs {
            Occurs::Repeated { .. } => (format!("list[{kind}]"), Some("list()".to_owned())),
            Occurs::Map(key) => (
                format!("dict[{}, {kind}]", scalar(key)),
                Some("dict()".to_owned()),
            ),
            Occurs::Required => (kind, None),
            Occurs::Always if !is_message => {
                let zero = self.zero(named, &field.kind);
                (kind, zero)
            }
            _ => {
                let kind = if kind.ends_with("| None") {
                    kind
                } else {
                    format!("{kind} | None")
                };
                (kind, Some("None".to_owned()))
            }
        }
    }

    /// What a field is that was not written; nothing where that is no value of its type.
    fn zero(&self, named: &Named<'_>, kind: &Kind) -> Option<String> {
        let zero = match kind {
            Kind::Scalar(kind) => match scalar(*kind) {
                "bool" => "False",
                "str" => "\"\"",
                "bytes" => "b\"\"",
                "float" => "0.0",
                _ => "0",
            },
            Kind::Enum(full_name) => {
                let name = self.flat.name_of(named, full_name)?;
                let declared = self.flat.types.iter().find(|other| other.name == name)?.declared;
                let Declared::Enum(values) = declared else {
                    return None;
                };
                let first = self.field_names(
                    values.values.iter().map(|value| value.name.as_str()),
                    is_enums_own,
                );
                return Some(format!("{name}.{}", first.first()?.python));
            }
            Kind::Message(_) | Kind::Group(_) => return None,
        };
        Some(zero.to_owned())
    }

    fn kind(&mut self, named: &Named<'_>, kind: &Kind) -> String {
        match kind {
            Kind::Scalar(kind) => scalar(*kind).to_owned(),
            Kind::Message(full_name) | Kind::Group(full_name) | Kind::Enum(full_name) => {
                let own = self.flat.name_of(named, full_name).map(str::to_owned);
                own.unwrap_or_else(|| self.well_known(full_name))
            }
        }
    }

    /// What Protobuf's own messages are.
    fn well_known(&mut self, full_name: &str) -> String {
        let name = full_name.strip_prefix("google.protobuf.").unwrap_or(full_name);
        let is = match name {
            "Timestamp" => return self.of_library("_datetime.datetime"),
            "Duration" => return self.of_library("_datetime.timedelta"),
            "DoubleValue" | "FloatValue" => "float | None",
            "Int32Value" | "UInt32Value" | "Int64Value" | "UInt64Value" => "int | None",
            "BoolValue" => "bool | None",
            "StringValue" => "str | None",
            "BytesValue" => "bytes | None",
            "FieldMask" => "list[str]",
            "Struct" => "dict[str, object]",
            "ListValue" => "list[object]",
            "NullValue" => "None",
            // `Any`, `Value`, and what describes schemas: whatever the reader of Protobuf gives.
            _ => "object",
        };
        is.to_owned()
    }

    /// An enum of numbers.
    pub(super) fn proto_enum(&mut self, named: &Named<'_>, values: &Enum) {
        self.class(named, "(_enum.IntEnum)");
        let names = self.field_names(values.values.iter().map(|value| value.name.as_str()), |name| {
            is_enums_own(name) || INT_MEMBERS.contains(&name)
        });
        for (value, name) in values.values.iter().zip(names) {
            self.gap();
            let _ = writeln!(self.text, "    {} = {}", name.python, value.number);
            self.doc("    ", &Said::of_part(&value.about));
        }
    }
}

/// What numbers have already.
const INT_MEMBERS: &[&str] = &[
    "as_integer_ratio",
    "bit_count",
    "bit_length",
    "conjugate",
    "denominator",
    "from_bytes",
    "imag",
    "is_integer",
    "numerator",
    "real",
    "to_bytes",
];

fn scalar(kind: Scalar) -> &'static str {
    match kind {
        Scalar::Double | Scalar::Float => "float",
        Scalar::Bool => "bool",
        Scalar::String => "str",
        Scalar::Bytes => "bytes",
        _ => "int",
    }
}
