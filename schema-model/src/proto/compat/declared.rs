//! What a file and its messages declare by name: messages, enums with their values, services.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use prost_reflect::{EnumDescriptor, EnumValueDescriptor, MessageDescriptor, MethodDescriptor};

use super::{Comparison, Site};
use crate::proto::{Schema, declared_children, relative_name, rules};

impl Comparison {
    /// Where a message of the writer's own file stands.
    pub(super) fn writer_site(&self, message: &MessageDescriptor) -> Option<Site> {
        let own = message.parent_file().name() == self.writer_file;
        own.then(|| Site::declared(message.path())).flatten()
    }

    pub(super) fn reader_site(&self, message: &MessageDescriptor) -> Option<Site> {
        let own = message.parent_file().name() == self.reader_file;
        own.then(|| Site::declared(message.path())).flatten()
    }

    /// Compares the messages of one scope by name.
    pub(super) fn messages(&mut self, writers: Vec<MessageDescriptor>, readers: Vec<MessageDescriptor>) {
        let by_name: HashMap<String, (usize, &MessageDescriptor)> = readers
            .iter()
            .enumerate()
            .map(|(index, message)| (message.name().to_owned(), (index, message)))
            .collect();
        let mut written = HashSet::new();
        for (index, writer) in writers.iter().enumerate() {
            written.insert(writer.name());
            let writer_site = self.writer_site(writer);
            let Some((reader_index, reader)) = by_name.get(writer.name()) else {
                self.note(&rules::MESSAGE_REMOVED, writer.name(), writer_site, None);
                continue;
            };
            let reader_site = self.reader_site(reader);
            if *reader_index != index {
                let sites = (writer_site.clone(), reader_site.clone());
                self.note(&rules::MESSAGE_MOVED, writer.name(), sites.0, sites.1);
            }
            self.inside(writer.name(), writer_site, reader_site, |inner| {
                inner.fields(writer, reader);
                inner.messages(
                    declared_children(writer).collect(),
                    declared_children(reader).collect(),
                );
                inner.enums(writer.child_enums().collect(), reader.child_enums().collect());
            });
        }
        for reader in readers.iter().filter(|reader| !written.contains(reader.name())) {
            let site = self.reader_site(reader);
            self.note(&rules::MESSAGE_ADDED, reader.name(), None, site);
        }
    }

    /// Compares the enums of one scope by name.
    pub(super) fn enums(&mut self, writers: Vec<EnumDescriptor>, readers: Vec<EnumDescriptor>) {
        let named = |enums: Vec<EnumDescriptor>| -> BTreeMap<String, EnumDescriptor> {
            enums
                .into_iter()
                .map(|descriptor| (descriptor.name().to_owned(), descriptor))
                .collect()
        };
        let site = |descriptor: &EnumDescriptor| Site::declared(descriptor.path());
        let (writers, readers) = (named(writers), named(readers));
        for name in writers.keys().chain(readers.keys()).collect::<BTreeSet<_>>() {
            match (writers.get(name), readers.get(name)) {
                (Some(writer), None) => self.note(&rules::ENUM_REMOVED, name, site(writer), None),
                (None, Some(reader)) => self.note(&rules::ENUM_ADDED, name, None, site(reader)),
                (Some(writer), Some(reader)) => {
                    self.inside(name, site(writer), site(reader), |inner| {
                        inner.enum_values(writer, reader, true);
                        inner.enum_history(writer, reader);
                    });
                }
                (None, None) => {}
            }
        }
    }

    /// Compares the values of two enums by number; `own` tells whether they are in the schemas' own files.
    pub(super) fn enum_values(&mut self, writer: &EnumDescriptor, reader: &EnumDescriptor, own: bool) {
        let numbered = |descriptor: &EnumDescriptor| {
            let mut values: BTreeMap<i32, Vec<EnumValueDescriptor>> = BTreeMap::new();
            for value in descriptor.values() {
                values.entry(value.number()).or_default().push(value);
            }
            values
        };
        let names = |values: &[EnumValueDescriptor]| -> BTreeSet<String> {
            values.iter().map(|value| value.name().to_owned()).collect()
        };
        let site = |values: Option<&Vec<EnumValueDescriptor>>| {
            let first = values.filter(|_| own)?.first()?;
            Site::declared(first.path())
        };
        let (writers, readers) = (numbered(writer), numbered(reader));
        for number in writers.keys().chain(readers.keys()).collect::<BTreeSet<_>>() {
            let (before, after) = (writers.get(number), readers.get(number));
            let row = match (before, after) {
                (Some(_), None) => &rules::ENUM_CONST_REMOVED,
                (None, Some(_)) => &rules::ENUM_CONST_ADDED,
                (Some(writer), Some(reader)) if names(writer) != names(reader) => &rules::ENUM_CONST_CHANGED,
                _ => continue,
            };
            self.note(row, &number.to_string(), site(before), site(after));
        }
    }

    /// Compares the methods of services; only what an old caller misses counts.
    pub(super) fn services(&mut self, reader: &Schema, writer: &Schema) {
        if !self.history {
            return;
        }
        let methods = |schema: &Schema| -> BTreeMap<(String, String), MethodDescriptor> {
            let services: Vec<_> = schema.file().services().collect();
            let methods = services.iter().flat_map(|service| {
                let methods: Vec<_> = service.methods().collect();
                methods.into_iter().map(|method| {
                    let names = (service.name().to_owned(), method.name().to_owned());
                    (names, method)
                })
            });
            methods.collect()
        };
        let signature = |method: &MethodDescriptor| {
            (
                relative_name(&method.input()).to_owned(),
                relative_name(&method.output()).to_owned(),
                method.is_client_streaming(),
                method.is_server_streaming(),
            )
        };
        let (old, new) = self.in_time(methods(writer), methods(reader));
        for ((service, name), before) in old {
            let after = new.get(&(service.clone(), name.clone()));
            let row = match after {
                None => &rules::RPC_REMOVED,
                Some(after) if signature(after) != signature(&before) => &rules::RPC_CHANGED,
                Some(_) => continue,
            };
            let sites = (
                Site::declared(before.path()),
                after.and_then(|after| Site::declared(after.path())),
            );
            let (writer, reader) = self.in_time(sites.0, sites.1);
            self.note(row, &format!("{service}/{name}"), writer, reader);
        }
    }
}
