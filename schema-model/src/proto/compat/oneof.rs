//! Oneofs: members by number, wherever in the message they were before.
//!
//! A reader keeps one member of a oneof. Data that could have two of its members set loses one, so members may come
//! together only when they always were in one oneof, or when a single field gets a new oneof to itself.

use std::collections::BTreeSet;

use prost_reflect::{FieldDescriptor, MessageDescriptor, OneofDescriptor};

use super::{Comparison, field::oneof_name};
use crate::proto::rules;

/// Whether a removed field was a member of a oneof of which something is left in the reader's message: a oneof of
/// that name, or one of the other members.
pub(super) fn lost_member(field: &FieldDescriptor, reader: &MessageDescriptor) -> bool {
    let Some(oneof) = field.containing_oneof().filter(|oneof| !oneof.is_synthetic()) else {
        return false;
    };
    let survives = reader
        .oneofs()
        .any(|other| !other.is_synthetic() && other.name() == oneof.name());
    survives
        || oneof
            .fields()
            .any(|sibling| reader.get_field(sibling.number()).is_some())
}

impl Comparison {
    pub(super) fn oneofs(&mut self, writer: &MessageDescriptor, reader: &MessageDescriptor) {
        let named = |message: &MessageDescriptor| -> BTreeSet<String> {
            let oneofs = message.oneofs().filter(|oneof| !oneof.is_synthetic());
            oneofs.map(|oneof| oneof.name().to_owned()).collect()
        };
        let (writers, readers) = (named(writer), named(reader));
        for name in writers.difference(&readers) {
            self.note(&rules::ONEOF_REMOVED, name, None, None);
        }
        for name in readers.difference(&writers) {
            self.note(&rules::ONEOF_ADDED, name, None, None);
        }
        for oneof in reader.oneofs().filter(|oneof| !oneof.is_synthetic()) {
            self.origins(writer, &oneof);
        }
    }

    /// Where the members of one of the reader's oneofs come from.
    fn origins(&mut self, writer: &MessageDescriptor, oneof: &OneofDescriptor) {
        let mut top_level = 0;
        let mut groups = BTreeSet::new();
        for member in oneof.fields() {
            match writer.get_field(member.number()) {
                None => {}
                Some(field) => match oneof_name(&field) {
                    Some(group) => drop(groups.insert(group)),
                    None => top_level += 1,
                },
            }
        }
        let row = if top_level > 1 {
            &rules::MULTIPLE_FIELDS_MOVED_TO_ONEOF
        } else if top_level + groups.len() > 1 {
            &rules::FIELD_MOVED_TO_EXISTING_ONEOF
        } else {
            return;
        };
        let site = (oneof.parent_file().name() == self.reader_file).then(|| oneof.path().to_vec());
        self.note(row, oneof.name(), None, site);
    }
}
