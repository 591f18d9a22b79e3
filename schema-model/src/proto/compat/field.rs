//! Fields of two messages, matched by number: names, kinds, labels, types, and who was added or removed.

use std::collections::BTreeSet;

use prost_reflect::{FieldDescriptor, Kind, MessageDescriptor};

use super::Comparison;
use crate::{
    DEPTH_MAX,
    proto::{
        relative_name, rules,
        shape::{Family, Scalar},
    },
};

/// What a field's type is to the wire.
enum FieldKind {
    Scalar(Family),
    Message(MessageDescriptor),
    Group(MessageDescriptor),
    Map(FieldDescriptor, FieldDescriptor),
}

impl FieldKind {
    fn of(field: &FieldDescriptor) -> FieldKind {
        let kind = field.kind();
        match (Scalar::of(&kind), kind) {
            (Some(scalar), _) => FieldKind::Scalar(scalar.family()),
            (None, Kind::Message(entry)) if field.is_map() => {
                FieldKind::Map(entry.map_entry_key_field(), entry.map_entry_value_field())
            }
            (None, Kind::Message(message)) if field.is_group() => FieldKind::Group(message),
            (None, Kind::Message(message)) => FieldKind::Message(message),
            (None, _) => FieldKind::Scalar(Family::Integer),
        }
    }
}

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
        for number in numbers {
            match (writer.get_field(number), reader.get_field(number)) {
                (Some(removed), None) => self.removed(&removed, reader),
                (None, Some(added)) => self.added(&added),
                (Some(writer), Some(reader)) => self.field(&writer, &reader),
                (None, None) => {}
            }
        }
        self.oneofs(writer, reader);
    }

    pub(super) fn field_site(field: &FieldDescriptor, file: &str) -> Option<Vec<i32>> {
        (field.parent_file().name() == file).then(|| field.path().to_vec())
    }

    fn removed(&mut self, field: &FieldDescriptor, reader: &MessageDescriptor) {
        let row = if field.is_required() {
            &rules::REQUIRED_FIELD_REMOVED
        } else if super::oneof::lost_member(field, reader) {
            &rules::ONEOF_FIELD_REMOVED
        } else {
            &rules::FIELD_REMOVED
        };
        self.note(
            row,
            &segment(field),
            Self::field_site(field, &self.writer_file),
            None,
        );
    }

    fn added(&mut self, field: &FieldDescriptor) {
        let row = if field.is_required() {
            &rules::REQUIRED_FIELD_ADDED
        } else if oneof_name(field).is_some() {
            &rules::ONEOF_FIELD_ADDED
        } else {
            &rules::FIELD_ADDED
        };
        self.note(
            row,
            &segment(field),
            None,
            Self::field_site(field, &self.reader_file),
        );
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
            }
            if oneof_name(writer).is_some() && oneof_name(reader).is_none() {
                note(&rules::ONEOF_FIELD_MOVED_TO_TOP_LEVEL);
            }
            inner.kinds(writer, reader, &sites);
        });
    }

    /// Compares the types of two fields, for maps those of keys and of values.
    fn kinds(
        &mut self,
        writer: &FieldDescriptor,
        reader: &FieldDescriptor,
        sites: &(Option<Vec<i32>>, Option<Vec<i32>>),
    ) {
        let row = match (FieldKind::of(writer), FieldKind::of(reader)) {
            (FieldKind::Scalar(before), FieldKind::Scalar(after)) if before != after => {
                &rules::FIELD_SCALAR_KIND_CHANGED
            }
            (FieldKind::Scalar(_), FieldKind::Scalar(_)) if same_label(writer, reader) => return,
            (FieldKind::Scalar(Family::Text), FieldKind::Scalar(_)) => {
                &rules::FIELD_STRING_OR_BYTES_LABEL_CHANGED
            }
            (FieldKind::Scalar(_), FieldKind::Scalar(_)) => &rules::FIELD_NUMERIC_LABEL_CHANGED,
            (FieldKind::Message(before), FieldKind::Message(after))
            | (FieldKind::Group(before), FieldKind::Group(after)) => {
                if self.same_type(&before, &after) {
                    return;
                }
                &rules::FIELD_NAMED_TYPE_CHANGED
            }
            (FieldKind::Map(key, value), FieldKind::Map(new_key, new_value)) => {
                self.kinds(&key, &new_key, sites);
                self.kinds(&value, &new_value, sites);
                return;
            }
            _ => &rules::FIELD_KIND_CHANGED,
        };
        self.note(row, "", sites.0.clone(), sites.1.clone());
    }

    /// Whether two message types are the same one: by name without package and, where one of them is declared in
    /// another file, by structure. Types both schemas declare themselves are compared where they are declared.
    fn same_type(&mut self, writer: &MessageDescriptor, reader: &MessageDescriptor) -> bool {
        if relative_name(writer) != relative_name(reader) {
            return false;
        }
        let (own, known) = (
            self.writer_site(writer).is_some() && self.reader_site(reader).is_some(),
            {
                let file = writer.parent_file();
                file.name().starts_with("google/protobuf/") && file.name() == reader.parent_file().name()
            },
        );
        if own || known {
            return true;
        }
        let pair = (writer.full_name().to_owned(), reader.full_name().to_owned());
        if let Some(compatible) = self.foreign.get(&pair) {
            return *compatible;
        }
        if self.foreign_depth >= DEPTH_MAX {
            // Nobody nests types like this; what cannot be compared is not called the same.
            return false;
        }
        self.foreign.insert(pair.clone(), true);
        let before = self.found.len();
        self.foreign_depth += 1;
        self.fields(writer, reader);
        self.foreign_depth -= 1;
        let compatible = self
            .found
            .iter()
            .skip(before)
            .all(|difference| difference.row.compatible);
        self.foreign.insert(pair, compatible);
        compatible
    }
}

/// Whether two labels mean the same. Implicit presence and `optional` write the same bytes.
fn same_label(writer: &FieldDescriptor, reader: &FieldDescriptor) -> bool {
    writer.cardinality() == reader.cardinality()
}
