//! Protobuf messages as those of `@bufbuild/protobuf`: names in camel case, a oneof as a case and its value, 64 bits as
//! bigints.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::{Printer, array, property, union};
use crate::flat::{Named, Said};
use crate::model::proto::{About, Enum, Field, Kind, Message, Occurs, Scalar};
use crate::words::quoted;

/// Messages of Protobuf's own that hold each other.
pub(super) const ALIASES: &[(&str, &str, &str)] = &[
    (
        "ProtobufValue",
        "{
  readonly $typeName: \"google.protobuf.Value\";
  kind:
    | { case: \"nullValue\"; value: 0 }
    | { case: \"numberValue\"; value: number }
    | { case: \"stringValue\"; value: string }
    | { case: \"boolValue\"; value: boolean }
    | { case: \"structValue\"; value: ProtobufStruct }
    | { case: \"listValue\"; value: ProtobufListValue }
    | { case: undefined; value?: undefined };
}",
        "A `google.protobuf.Value`.",
    ),
    (
        "ProtobufStruct",
        "{
  readonly $typeName: \"google.protobuf.Struct\";
  fields: { [key: string]: ProtobufValue };
}",
        "A `google.protobuf.Struct` inside of a value; one that is a field is an object.",
    ),
    (
        "ProtobufListValue",
        "{
  readonly $typeName: \"google.protobuf.ListValue\";
  values: ProtobufValue[];
}",
        "A `google.protobuf.ListValue`.",
    ),
];

/// Properties that every object has; their fields are called with a `$` behind.
const TAKEN: &[&str] = &["constructor", "toString", "toJSON", "valueOf"];

impl Printer<'_> {
    /// An interface with the message's name in it.
    pub(super) fn message(&mut self, named: &Named<'_>, message: &Message) {
        let _ = writeln!(self.text, "export interface {} {{", named.name);
        let _ = writeln!(self.text, "  readonly $typeName: {};", quoted(&message.full_name));
        let mut given = BTreeSet::new();
        let mut printed = vec![false; message.oneofs.len()];
        for field in &message.fields {
            if let Occurs::Member(place) = field.occurs {
                if printed.get(place) == Some(&false) {
                    printed[place] = true;
                    self.oneof(named, message, place, &mut given);
                }
                continue;
            }
            let name = self.member("  ", &field.name, &field.about, &mut given);
            let (mark, kind) = self.field(named, field);
            let _ = writeln!(self.text, "  {}{mark}: {kind};", property(&name));
        }
        self.text.push_str("}\n");
    }

    fn oneof(&mut self, named: &Named<'_>, message: &Message, place: usize, given: &mut BTreeSet<String>) {
        let Some(oneof) = message.oneofs.get(place) else {
            return;
        };
        let name = self.member("  ", &oneof.name, &oneof.about, given);
        let _ = writeln!(self.text, "  {}:", property(&name));
        let mut cases = BTreeSet::new();
        for field in message.members(place) {
            let kind = self.kind(named, &field.kind);
            let case = self.member("    ", &field.name, &field.about, &mut cases);
            let _ = writeln!(self.text, "    | {{ case: {}; value: {kind} }}", quoted(&case));
        }
        self.text
            .push_str("    | { case: undefined; value?: undefined };\n");
    }

    /// The name of a member behind its doc. Two names of a schema may be one in camel case: no message of the library has
    /// both, but a type can say so.
    fn member(&mut self, indent: &str, name: &str, about: &About, given: &mut BTreeSet<String>) -> String {
        let mut local = local_name(name);
        let mut said = Said::of_part(about);
        if given.contains(&local) {
            said.place = Some(format!("`{name}`, which protobuf-es cannot tell from `{local}`."));
        }
        while !given.insert(local.clone()) {
            local.push('_');
        }
        self.doc(indent, &said);
        local
    }

    fn field(&mut self, named: &Named<'_>, field: &Field) -> (&'static str, String) {
        let kind = self.kind(named, &field.kind);
        let is_message = matches!(field.kind, Kind::Message(_) | Kind::Group(_));
        match field.occurs {
            Occurs::Repeated { .. } => ("", array(&kind)),
            Occurs::Map(key) => ("", format!("{{ [key: {}]: {kind} }}", map_key(key))),
            Occurs::Always | Occurs::Required if !is_message => ("", kind),
            _ => match (&field.kind, well_known_alone(&field.kind)) {
                (Kind::Message(_), Some(alone)) => ("?", alone.to_owned()),
                _ => ("?", kind),
            },
        }
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

    /// What Protobuf's own messages are as members, in lists and in maps.
    fn well_known(&mut self, full_name: &str) -> String {
        let name = full_name.strip_prefix("google.protobuf.").unwrap_or(full_name);
        let alias = match name {
            "Value" => "ProtobufValue",
            "ListValue" => "ProtobufListValue",
            _ => "",
        };
        if !alias.is_empty() {
            self.aliases.extend(ALIASES.iter().map(|(alias, ..)| *alias));
            return alias.to_owned();
        }
        let rest = match name {
            "Timestamp" | "Duration" => "seconds: bigint; nanos: number",
            "Any" => "typeUrl: string; value: Uint8Array",
            "FieldMask" => "paths: string[]",
            "DoubleValue" | "FloatValue" | "Int32Value" | "UInt32Value" => "value: number",
            "Int64Value" | "UInt64Value" => "value: bigint",
            "BoolValue" => "value: boolean",
            "StringValue" => "value: string",
            "BytesValue" => "value: Uint8Array",
            "Empty" => "",
            "Struct" => return "Record<string, unknown>".to_owned(),
            // An enum.
            "NullValue" => return "0".to_owned(),
            _ => return format!("{{ readonly $typeName: {} }}", quoted(full_name)),
        };
        let gap = if rest.is_empty() { "" } else { "; " };
        format!("{{ readonly $typeName: {}{gap}{rest} }}", quoted(full_name))
    }

    /// The numbers of an enum under their names, and any of them.
    pub(super) fn proto_enum(&mut self, named: &Named<'_>, values: &Enum) {
        let name = &named.name;
        let _ = writeln!(self.text, "export const {name} = {{");
        for value in &values.values {
            self.doc("  ", &Said::of_part(&value.about));
            let _ = writeln!(self.text, "  {}: {},", value.name, value.number);
        }
        let numbers = union(values.values.iter().map(|value| value.number.to_string()));
        let _ = writeln!(self.text, "}} as const;\nexport type {name} = {numbers};");
    }
}

/// A field's name: without underscores, what follows them in capitals.
fn local_name(name: &str) -> String {
    let mut local = String::with_capacity(name.len());
    let mut is_start = false;
    for letter in name.chars() {
        if letter == '_' {
            is_start = true;
        } else {
            local.push(if is_start {
                letter.to_ascii_uppercase()
            } else {
                letter
            });
            // A digit ends what began.
            is_start = false;
        }
    }
    if TAKEN.contains(&local.as_str()) {
        local.push('$');
    }
    local
}

fn scalar(kind: Scalar) -> &'static str {
    match kind {
        Scalar::Int64 | Scalar::Uint64 | Scalar::Sint64 | Scalar::Fixed64 | Scalar::Sfixed64 => "bigint",
        Scalar::Bool => "boolean",
        Scalar::String => "string",
        Scalar::Bytes => "Uint8Array",
        _ => "number",
    }
}

/// Keys of objects are texts, but numbers are taken for them.
fn map_key(key: Scalar) -> &'static str {
    if scalar(key) == "number" {
        "number"
    } else {
        "string"
    }
}

/// What is in a message that wraps one value, where such a message is a field by itself.
fn well_known_alone(kind: &Kind) -> Option<&'static str> {
    let Kind::Message(full_name) = kind else {
        return None;
    };
    Some(match full_name.strip_prefix("google.protobuf.")? {
        "DoubleValue" | "FloatValue" | "Int32Value" | "UInt32Value" => "number",
        "Int64Value" | "UInt64Value" => "bigint",
        "BoolValue" => "boolean",
        "StringValue" => "string",
        "BytesValue" => "Uint8Array",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_called_as_the_library_calls_them() {
        let check = |name: &str, expected: &str| assert_eq!(local_name(name), expected, "{name}");
        check("package_id", "packageId");
        check("_private", "Private");
        check("line_2_b", "line2B");
        check("HTTP_code", "HTTPCode");
        check("to_string", "toString$");
    }
}
