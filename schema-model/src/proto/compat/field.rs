//! Fields of two messages, matched by number: names, kinds, labels, types, defaults, and who was added or removed.

use std::collections::{BTreeSet, HashSet};

use prost_reflect::{Cardinality, FieldDescriptor, Kind, MessageDescriptor, Syntax};

use super::{Comparison, Declaration, Site};
use crate::proto::{
    print, rules,
    shape::{Family, Scalar},
};

/// What a field's type is to the wire.
enum FieldKind {
    Scalar(Family),
    Message(MessageDescriptor),
    Group(MessageDescriptor),
    Map(MessageDescriptor),
}

impl FieldKind {
    fn of(field: &FieldDescriptor) -> FieldKind {
        let kind = field.kind();
        match (Scalar::of(&kind), kind) {
            (Some(scalar), _) => FieldKind::Scalar(scalar.family()),
            (None, Kind::Message(entry)) if field.is_map() => FieldKind::Map(entry),
            (None, Kind::Message(message)) if field.is_group() => FieldKind::Group(message),
            (None, Kind::Message(message)) => FieldKind::Message(message),
            (None, _) => FieldKind::Scalar(Family::Integer),
        }
    }
}

type Sites = (Option<Site>, Option<Site>);

/// The oneof someone wrote around a field; proto3's `optional` hides one that does not count.
pub(super) fn oneof_name(field: &FieldDescriptor) -> Option<String> {
    let oneof = field.containing_oneof()?;
    (!oneof.is_synthetic()).then(|| oneof.name().to_owned())
}

/// The last part of a field's path: its number, below its oneof if it has one.
pub(super) fn segment(field: &FieldDescriptor) -> String {
    match oneof_name(field) {
        Some(oneof) => format!("{oneof}/{}", field.number()),
        None => field.number().to_string(),
    }
}

impl Comparison {
    /// Compares fields and oneofs of two messages.
    pub(super) fn fields(&mut self, writer: &MessageDescriptor, reader: &MessageDescriptor) {
        let numbers: BTreeSet<u32> = writer
            .fields()
            .chain(reader.fields())
            .map(|field| field.number())
            .collect();
        let surviving = super::oneof::surviving(writer, reader);
        for number in numbers {
            match (writer.get_field(number), reader.get_field(number)) {
                (Some(removed), None) => self.removed(&removed, &surviving),
                (None, Some(added)) => self.added(&added),
                (Some(writer), Some(reader)) => self.field(&writer, &reader),
                (None, None) => {}
            }
        }
        self.oneofs(writer, reader);
        self.message_history(writer, reader);
    }

    /// Where a field stands, in the side's own file or elsewhere.
    pub(super) fn field_site(field: &FieldDescriptor, file: &str) -> Option<Site> {
        if field.parent_file().name() == file && !field.parent_message().is_map_entry() {
            return Site::declared(field.path());
        }
        Some(Site {
            other: Some(Declaration::Field(field.clone())),
            ..Site::default()
        })
    }

    fn removed(&mut self, field: &FieldDescriptor, surviving: &HashSet<String>) {
        let row = if field.is_required() {
            &rules::REQUIRED_FIELD_REMOVED
        } else if oneof_name(field).is_some_and(|oneof| surviving.contains(&oneof)) {
            &rules::ONEOF_FIELD_REMOVED
        } else {
            &rules::FIELD_REMOVED
        };
        let site = Self::field_site(field, &self.writer_file);
        self.note(row, &segment(field), site, None);
    }

    fn added(&mut self, field: &FieldDescriptor) {
        let row = if field.is_required() {
            &rules::REQUIRED_FIELD_ADDED
        } else if oneof_name(field).is_some() {
            &rules::ONEOF_FIELD_ADDED
        } else {
            &rules::FIELD_ADDED
        };
        let site = Self::field_site(field, &self.reader_file);
        self.note(row, &segment(field), None, site);
    }

    fn field(&mut self, writer: &FieldDescriptor, reader: &FieldDescriptor) {
        let sites = (
            Self::field_site(writer, &self.writer_file),
            Self::field_site(reader, &self.reader_file),
        );
        self.inside(&segment(reader), sites.0.clone(), sites.1.clone(), |inner| {
            let mut note = |row| inner.note(row, "", sites.0.clone(), sites.1.clone());
            if writer.name() != reader.name() {
                note(&rules::FIELD_NAME_CHANGED);
            } else if writer.json_name() != reader.json_name() {
                note(&rules::FIELD_JSON_NAME_CHANGED);
            }
            if oneof_name(writer).is_some() && oneof_name(reader).is_none() {
                note(&rules::ONEOF_FIELD_MOVED_TO_TOP_LEVEL);
            }
            if reader.is_required() && !writer.is_required() {
                note(&rules::FIELD_MADE_REQUIRED);
            }
            if !same_presence(writer, reader) {
                note(&rules::FIELD_PRESENCE_CHANGED);
            }
            if !same_default(writer, reader) {
                note(&rules::FIELD_DEFAULT_CHANGED);
            }
            inner.kinds(writer, reader, &sites);
        });
    }

    /// Compares the types of two fields, for maps those of keys and of values.
    fn kinds(&mut self, writer: &FieldDescriptor, reader: &FieldDescriptor, sites: &Sites) {
        let row = match (FieldKind::of(writer), FieldKind::of(reader)) {
            (FieldKind::Scalar(before), FieldKind::Scalar(after)) if before != after => {
                &rules::FIELD_SCALAR_KIND_CHANGED
            }
            (FieldKind::Scalar(family), FieldKind::Scalar(_)) => {
                return self.scalars(family, writer, reader, sites);
            }
            (FieldKind::Message(before), FieldKind::Message(after))
            | (FieldKind::Group(before), FieldKind::Group(after)) => {
                if writer.is_list() != reader.is_list() {
                    self.note(
                        &rules::FIELD_MESSAGE_LABEL_CHANGED,
                        "",
                        sites.0.clone(),
                        sites.1.clone(),
                    );
                }
                return self.types(&before, &after, sites);
            }
            (FieldKind::Map(before), FieldKind::Map(after)) => {
                self.kinds(&before.map_entry_key_field(), &after.map_entry_key_field(), sites);
                return self.kinds(
                    &before.map_entry_value_field(),
                    &after.map_entry_value_field(),
                    sites,
                );
            }
            // A map is its entries, one after another.
            (FieldKind::Map(before), FieldKind::Message(after)) if self.bytes_only() && reader.is_list() => {
                return self.types(&before, &after, sites);
            }
            (FieldKind::Message(before), FieldKind::Map(after)) if self.bytes_only() && writer.is_list() => {
                return self.types(&before, &after, sites);
            }
            _ => &rules::FIELD_KIND_CHANGED,
        };
        self.note(row, "", sites.0.clone(), sites.1.clone());
    }

    /// Compares labels and types of scalars that read each other's bytes.
    fn scalars(&mut self, family: Family, writer: &FieldDescriptor, reader: &FieldDescriptor, sites: &Sites) {
        let text = family == Family::Text;
        let mut note = |row| self.note(row, "", sites.0.clone(), sites.1.clone());
        if writer.cardinality() != reader.cardinality() {
            note(if text {
                &rules::FIELD_STRING_OR_BYTES_LABEL_CHANGED
            } else if has_label(writer) && has_label(reader) {
                &rules::FIELD_NUMERIC_LABEL_CHANGED
            } else {
                &rules::FIELD_UNWRITTEN_LABEL_CHANGED
            });
        }
        if !text && is_packed(writer) && !reader.is_list() {
            note(&rules::PACKED_FIELD_MADE_SINGLE);
        }
        match (writer.kind(), reader.kind()) {
            (Kind::Enum(before), Kind::Enum(after)) => {
                if relative(before.full_name(), before.package_name())
                    == relative(after.full_name(), after.package_name())
                {
                    self.foreign_enums(&before, &after);
                } else {
                    note(&rules::FIELD_ENUM_TYPE_CHANGED);
                }
            }
            (before, after) if !holds(&after, &before) => note(&rules::FIELD_TYPE_NARROWED),
            _ => {}
        }
    }
}

/// Whether a number's values are written as one run. (The compiler's own word on it is from before it read the options.)
fn is_packed(field: &FieldDescriptor) -> bool {
    let options = field.field_descriptor_proto().options.as_ref();
    let packed = options.and_then(|options| options.packed);
    field.is_list() && packed.unwrap_or(field.parent_file().syntax() == Syntax::Proto3)
}

/// Whether a label is written before a field.
fn has_label(field: &FieldDescriptor) -> bool {
    let syntax = field.parent_file().syntax();
    field.cardinality() != Cardinality::Optional
        || field.field_descriptor_proto().proto3_optional()
        || syntax == Syntax::Proto2 && oneof_name(field).is_none()
}

fn relative<'a>(name: &'a str, package: &str) -> &'a str {
    name.strip_prefix(package).unwrap_or(name)
}

/// Whether every value of a writer's type is the same value of the reader's.
fn holds(reader: &Kind, writer: &Kind) -> bool {
    use Kind::{Bool, Bytes, Enum, Int32, Int64, Sint32, Sint64, String, Uint32, Uint64};
    reader == writer
        || matches!(
            (writer, reader),
            (Int32, Int64)
                | (Uint32, Uint64 | Int64)
                | (Sint32, Sint64)
                | (Bool, Int32 | Int64 | Uint32 | Uint64)
                | (Enum(_), Int32 | Int64)
                | (String, Bytes)
        )
}

/// Whether both of two single scalars outside of oneofs tell unset from zero, or neither does.
fn same_presence(writer: &FieldDescriptor, reader: &FieldDescriptor) -> bool {
    let looked_at = |field: &FieldDescriptor| {
        !field.is_list() && !field.is_map() && field.kind().as_message().is_none() && !field.is_required()
    };
    let in_oneof = |field: &FieldDescriptor| oneof_name(field).is_some();
    !looked_at(writer)
        || !looked_at(reader)
        || in_oneof(writer)
        || in_oneof(reader)
        || writer.supports_presence() == reader.supports_presence()
}

/// Whether two single scalars read the same when they are not set.
fn same_default(writer: &FieldDescriptor, reader: &FieldDescriptor) -> bool {
    let single = |field: &FieldDescriptor| !field.is_list() && field.kind().as_message().is_none();
    let set = |field: &FieldDescriptor| field.field_descriptor_proto().default_value.is_some();
    let enums = writer.kind().as_enum().is_some() && reader.kind().as_enum().is_some();
    if !single(writer) || !single(reader) || !(set(writer) || set(reader) || enums) {
        return true;
    }
    if enums {
        // By number: a renamed value is told where it is declared.
        return writer.default_value() == reader.default_value();
    }
    print::default(writer) == print::default(reader)
}
