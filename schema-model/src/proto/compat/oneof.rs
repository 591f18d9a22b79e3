//! Oneofs: members by number, wherever in the message they were before.
//!
//! A reader keeps one member of a oneof. Data that could have two of its members set loses one, so members may come
//! together only when they always were in one oneof, or when a single field gets a new oneof to itself.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use prost_reflect::{MessageDescriptor, OneofDescriptor};

use super::{Comparison, Site, field::oneof_name};
use crate::proto::rules;

/// The writer's oneofs of which something is left in the reader's message: a oneof of that name, or one of the members.
pub(super) fn surviving(writer: &MessageDescriptor, reader: &MessageDescriptor) -> HashSet<String> {
    let named = written(reader).map(|oneof| oneof.name().to_owned());
    let members = writer
        .fields()
        .filter(|field| reader.get_field(field.number()).is_some())
        .filter_map(|field| oneof_name(&field));
    named.chain(members).collect()
}

/// The oneofs someone wrote.
fn written(message: &MessageDescriptor) -> impl Iterator<Item = OneofDescriptor> {
    message.oneofs().filter(|oneof| !oneof.is_synthetic())
}

fn site(oneof: &OneofDescriptor, file: &str) -> Option<Site> {
    let own = oneof.parent_file().name() == file;
    own.then(|| Site::declared(oneof.path())).flatten()
}

impl Comparison {
    pub(super) fn oneofs(&mut self, writer: &MessageDescriptor, reader: &MessageDescriptor) {
        let named = |message: &MessageDescriptor| -> BTreeMap<String, OneofDescriptor> {
            written(message)
                .map(|oneof| (oneof.name().to_owned(), oneof))
                .collect()
        };
        let (writers, readers) = (named(writer), named(reader));
        for (name, oneof) in writers.iter().filter(|(name, _)| !readers.contains_key(*name)) {
            let site = site(oneof, &self.writer_file);
            self.note(&rules::ONEOF_REMOVED, name, site, None);
        }
        for (name, oneof) in readers.iter().filter(|(name, _)| !writers.contains_key(*name)) {
            let site = site(oneof, &self.reader_file);
            self.note(&rules::ONEOF_ADDED, name, None, site);
        }
        for oneof in written(reader) {
            self.origins(writer, &oneof, writers.get(oneof.name()));
        }
    }

    /// Where the members of one of the reader's oneofs come from.
    fn origins(
        &mut self,
        writer: &MessageDescriptor,
        oneof: &OneofDescriptor,
        namesake: Option<&OneofDescriptor>,
    ) {
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
        let sites = (
            namesake.and_then(|oneof| site(oneof, &self.writer_file)),
            site(oneof, &self.reader_file),
        );
        self.note(row, oneof.name(), sites.0, sites.1);
    }
}
