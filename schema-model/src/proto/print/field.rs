//! Fields, oneofs, groups and extensions of the normal form.

use std::collections::{HashMap, HashSet};

use prost_reflect::{
    Cardinality, ExtensionDescriptor, FieldDescriptor, Kind, MessageDescriptor, OneofDescriptor, Syntax,
    prost_types::FieldDescriptorProto,
};

use super::{
    Printer,
    literal::{literal, quote},
};

/// A field, or a oneof with its fields.
pub(super) enum Member {
    Field(FieldDescriptor),
    Oneof(OneofDescriptor, Vec<FieldDescriptor>),
}

/// The members of a message by number, or as declared; a oneof stands where the first of its fields does.
pub(super) fn members(message: &MessageDescriptor, sorted: bool) -> Vec<Member> {
    let mut fields: Vec<FieldDescriptor> = message.fields().collect();
    if sorted {
        fields.sort_by_key(FieldDescriptor::number);
    } else {
        fields.sort_by_key(|field| field.path().last().copied());
    }
    // A oneof without fields is declared all the same, and for the compiler to refuse.
    let mut members: Vec<Member> = message
        .oneofs()
        .filter(|oneof| oneof.fields().len() == 0)
        .map(|oneof| Member::Oneof(oneof, Vec::new()))
        .collect();
    let mut places: HashMap<String, usize> = HashMap::new();
    for field in fields {
        let Some(oneof) = field.containing_oneof().filter(|oneof| !oneof.is_synthetic()) else {
            members.push(Member::Field(field));
            continue;
        };
        let place = *places.entry(oneof.name().to_owned()).or_insert(members.len());
        match members.get_mut(place) {
            Some(Member::Oneof(_, fields)) => fields.push(field),
            _ => members.push(Member::Oneof(oneof, vec![field])),
        }
    }
    members
}

/// The full names of the nested messages that are bodies of groups.
pub(super) fn group_types(message: &MessageDescriptor) -> HashSet<String> {
    let of_fields = message.fields().filter(FieldDescriptor::is_group);
    let mut names: HashSet<String> = of_fields
        .filter_map(|field| Some(field.kind().as_message()?.full_name().to_owned()))
        .collect();
    names.extend(groups(message.child_extensions()));
    names
}

/// The full names of the messages that are bodies of extensions that are groups.
pub(super) fn groups(extensions: impl Iterator<Item = ExtensionDescriptor>) -> HashSet<String> {
    extensions
        .filter(ExtensionDescriptor::is_group)
        .filter_map(|extension| Some(extension.kind().as_message()?.full_name().to_owned()))
        .collect()
}

/// `[a = 1, b = 2]` with a space before it, or nothing.
pub(super) fn bracketed(options: Vec<(String, String)>) -> String {
    if options.is_empty() {
        return String::new();
    }
    let options: Vec<String> = options
        .into_iter()
        .map(|(name, value)| format!("{name} = {value}"))
        .collect();
    format!(" [{}]", options.join(", "))
}

/// A field or extension, taken apart for printing.
struct Line<'a> {
    label: &'static str,
    kind: Kind,
    group: bool,
    proto: &'a FieldDescriptorProto,
    default: Option<String>,
    options: Vec<(String, String)>,
}

impl Printer<'_> {
    pub(super) fn field(&mut self, field: &FieldDescriptor) {
        let proto = field.field_descriptor_proto();
        let explicit = field.parent_file().syntax() == Syntax::Proto2 || proto.proto3_optional();
        let in_oneof = field
            .containing_oneof()
            .is_some_and(|oneof| !oneof.is_synthetic());
        let label = label(field.cardinality(), explicit && !in_oneof);
        if let (true, Kind::Message(entry)) = (field.is_map(), field.kind()) {
            let (key, value) = (
                entry.map_entry_key_field().kind(),
                entry.map_entry_value_field().kind(),
            );
            let list = bracketed(with_json_name(
                proto,
                self.options(field.path(), &field.options()),
            ));
            let (key, value) = (type_name(&key), type_name(&value));
            self.line(format_args!(
                "map<{key}, {value}> {} = {}{list};",
                field.name(),
                field.number()
            ));
            return;
        }
        let kind = field.kind();
        let default = proto
            .default_value
            .as_ref()
            .map(|_| literal(&field.default_value(), &kind));
        let group = field.is_group();
        self.field_line(Line {
            label,
            kind,
            group,
            proto,
            default,
            options: self.options(field.path(), &field.options()),
        });
    }

    /// Extensions, a block for each message extended, or for each run of them that extends one message.
    pub(super) fn extends(&mut self, extensions: Vec<ExtensionDescriptor>) {
        if self.plain {
            return;
        }
        let mut extensions = extensions;
        if self.sorted {
            extensions.sort_by_cached_key(|extension| {
                (
                    extension.containing_message().full_name().to_owned(),
                    extension.number(),
                )
            });
        }
        let same = |left: &ExtensionDescriptor, right: &ExtensionDescriptor| {
            left.containing_message() == right.containing_message()
        };
        for block in extensions.chunk_by(same) {
            let Some(first) = block.first() else { continue };
            let head = format!("extend .{}", first.containing_message().full_name());
            self.block(&head, |printer| {
                for extension in block {
                    printer.extension(extension);
                }
            });
        }
    }

    fn extension(&mut self, extension: &ExtensionDescriptor) {
        let proto = extension.field_descriptor_proto();
        let explicit = extension.parent_file().syntax() == Syntax::Proto2 || proto.proto3_optional();
        let kind = extension.kind();
        let default = proto
            .default_value
            .as_ref()
            .map(|_| literal(&extension.default_value(), &kind));
        self.field_line(Line {
            label: label(extension.cardinality(), explicit),
            kind,
            group: extension.is_group(),
            proto,
            default,
            options: self.options(extension.path(), &extension.options()),
        });
    }

    fn field_line(&mut self, line: Line<'_>) {
        let mut list = with_json_name(line.proto, line.options);
        if let Some(default) = line.default {
            list.insert(0, ("default".to_owned(), default));
        }
        let (label, number, list) = (line.label, line.proto.number(), bracketed(list));
        match line.kind {
            Kind::Message(body) if line.group => {
                let head = format!("{label}group {} = {number}{list}", body.name());
                self.block(&head, |printer| printer.message_body(&body));
            }
            kind => {
                let kind = type_name(&kind);
                self.line(format_args!(
                    "{label}{kind} {} = {number}{list};",
                    line.proto.name()
                ));
            }
        }
    }
}

/// The default of a single scalar as it would be written.
pub(in crate::proto) fn default(field: &FieldDescriptor) -> String {
    literal(&field.default_value(), &field.kind())
}

fn label(cardinality: Cardinality, explicit: bool) -> &'static str {
    match cardinality {
        Cardinality::Repeated => "repeated ",
        Cardinality::Required => "required ",
        Cardinality::Optional if explicit => "optional ",
        Cardinality::Optional => "",
    }
}

/// The JSON name is an option only when it is not the one every compiler derives.
fn with_json_name(proto: &FieldDescriptorProto, mut options: Vec<(String, String)>) -> Vec<(String, String)> {
    if !proto.json_name().is_empty() && proto.json_name() != derived_json_name(proto.name()) {
        options.insert(
            0,
            ("json_name".to_owned(), quote(proto.json_name().as_bytes(), true)),
        );
    }
    options
}

fn derived_json_name(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    let mut upper = false;
    for character in name.chars() {
        if character == '_' {
            upper = true;
        } else if std::mem::take(&mut upper) {
            out.push(character.to_ascii_uppercase());
        } else {
            out.push(character);
        }
    }
    out
}

fn type_name(kind: &Kind) -> String {
    match kind {
        Kind::Message(message) => format!(".{}", message.full_name()),
        Kind::Enum(descriptor) => format!(".{}", descriptor.full_name()),
        // The scalars' debug form is their name in the language.
        scalar => format!("{scalar:?}"),
    }
}
