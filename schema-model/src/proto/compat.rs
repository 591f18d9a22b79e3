//! Protobuf compatibility: every difference between a writer's and a reader's schema, and which of them break.
//!
//! Declarations are matched by name relative to the package, fields and enum values by number. What the wire does not
//! show is not looked at: syntax, reserved ranges, options, defaults, extensions, services. Types of other files are
//! compared where a field uses them. Swapping the sides checks the other direction.

mod field;
mod oneof;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use prost_reflect::{EnumDescriptor, MessageDescriptor};

use super::{
    Schema, declared_children,
    places::PACKAGE,
    rules::{self, Row},
};
use crate::{Direction, Finding, finding::snippet};

/// Most findings given back; each is looked up in the text, and nobody reads more.
pub const FINDINGS_MAX: usize = 1_000;

/// What keeps `reader` from reading data of `writer`, the first [`FINDINGS_MAX`] of it; empty when nothing does.
///
/// ```
/// use annals_schema_model::{Direction, proto::{Schema, compat}};
///
/// let old = Schema::parse("syntax = 'proto3'; message A { int32 n = 1; }", &[])?;
/// let new = Schema::parse("syntax = 'proto3'; message A { sint32 n = 1; }", &[])?;
/// let findings = compat::check(&new, &old, Direction::Backward);
/// assert_eq!(findings[0].rule.code(), "FIELD_SCALAR_KIND_CHANGED");
/// assert_eq!(findings[0].path, "#/A/1");
/// # Ok::<(), annals_schema_model::ParseError>(())
/// ```
#[must_use]
pub fn check(reader: &Schema, writer: &Schema, direction: Direction) -> Vec<Finding> {
    differences(reader, writer)
        .into_iter()
        .filter(|difference| !difference.row.compatible)
        .take(FINDINGS_MAX)
        .map(|difference| difference.finding(reader, writer, direction))
        .collect()
}

/// One difference, harmless or not.
#[derive(Debug)]
pub(super) struct Difference {
    pub(super) row: &'static Row,
    pub(super) path: String,
    writer: Site,
    reader: Site,
}

/// Where a side declares what a difference is about.
#[derive(Clone, Debug, Default)]
struct Site {
    /// Descriptor path in the schema's own file: the declaration, or what is around it.
    path: Vec<i32>,
    /// Whether `path` is the declaration itself.
    declared: bool,
}

impl Difference {
    fn finding(&self, reader: &Schema, writer: &Schema, direction: Direction) -> Finding {
        let snippet_of = |schema: &Schema, site: &Site| {
            let span = schema.places().get(&site.path).filter(|_| site.declared);
            span.map(|span| snippet(span.of(schema.text())))
                .unwrap_or_default()
        };
        let description = self.row.describe(&self.path, direction);
        let mut finding = Finding::new(self.row.rule, &self.path, description, direction);
        let (new, old) = match direction {
            Direction::Backward => ((reader, &self.reader), (writer, &self.writer)),
            Direction::Forward => ((writer, &self.writer), (reader, &self.reader)),
        };
        if let Some(span) = new.0.places().nearest(&new.1.path) {
            finding = finding.at(new.0.text(), span);
        }
        finding.new = snippet_of(new.0, new.1);
        finding.old = snippet_of(old.0, old.1);
        finding
    }
}

/// All differences, in the order of the declarations.
pub(super) fn differences(reader: &Schema, writer: &Schema) -> Vec<Difference> {
    let mut comparison = Comparison {
        writer_file: writer.file().name().to_owned(),
        reader_file: reader.file().name().to_owned(),
        path: Vec::new(),
        around: (Site::default(), Site::default()),
        found: Vec::new(),
        foreign: HashMap::new(),
        foreign_depth: 0,
    };
    comparison.package(reader, writer);
    comparison.messages(
        writer.file().messages().collect(),
        reader.file().messages().collect(),
    );
    comparison.enums(writer.file().enums().collect(), reader.file().enums().collect());
    comparison.found
}

struct Comparison {
    writer_file: String,
    reader_file: String,
    /// Segments of the path after `#/`.
    path: Vec<String>,
    /// The declarations being compared, writer's and reader's: what a difference without its own place is near.
    around: (Site, Site),
    found: Vec<Difference>,
    /// Pairs of types from other files, by full name, and whether they are compatible; those being compared count as
    /// compatible, and whatever is wrong with them is found once, where they were first met.
    foreign: HashMap<(String, String), bool>,
    foreign_depth: usize,
}

impl Comparison {
    fn package(&mut self, reader: &Schema, writer: &Schema) {
        if reader.file().package_name() != writer.file().package_name() {
            let site = || Site {
                path: PACKAGE.to_vec(),
                declared: true,
            };
            self.found.push(Difference {
                row: &rules::PACKAGE_CHANGED,
                path: "#/".to_owned(),
                writer: site(),
                reader: site(),
            });
        }
    }

    /// Notes a difference at the current path plus `segment`.
    fn note(&mut self, row: &'static Row, segment: &str, writer: Option<Vec<i32>>, reader: Option<Vec<i32>>) {
        let site = |own: Option<Vec<i32>>, around: &Site| match own {
            Some(path) => Site { path, declared: true },
            None => Site {
                path: around.path.clone(),
                declared: false,
            },
        };
        let (writer, reader) = (site(writer, &self.around.0), site(reader, &self.around.1));
        let path = self
            .path
            .iter()
            .map(String::as_str)
            .chain((!segment.is_empty()).then_some(segment));
        let path = format!("#/{}", path.collect::<Vec<_>>().join("/"));
        self.found.push(Difference {
            row,
            path,
            writer,
            reader,
        });
    }

    /// Compares below a path segment and a pair of declarations.
    fn inside(
        &mut self,
        segment: &str,
        writer: Option<Vec<i32>>,
        reader: Option<Vec<i32>>,
        body: impl FnOnce(&mut Comparison),
    ) {
        let around = self.around.clone();
        let site = |path: Option<Vec<i32>>, around: &Site| {
            path.map_or_else(|| around.clone(), |path| Site { path, declared: true })
        };
        self.around = (site(writer, &around.0), site(reader, &around.1));
        self.path.push(segment.to_owned());
        body(self);
        self.path.pop();
        self.around = around;
    }

    /// The descriptor path of a message of the writer's own file.
    fn writer_site(&self, message: &MessageDescriptor) -> Option<Vec<i32>> {
        (message.parent_file().name() == self.writer_file).then(|| message.path().to_vec())
    }

    fn reader_site(&self, message: &MessageDescriptor) -> Option<Vec<i32>> {
        (message.parent_file().name() == self.reader_file).then(|| message.path().to_vec())
    }

    /// Compares the messages of one scope by name.
    fn messages(&mut self, writers: Vec<MessageDescriptor>, readers: Vec<MessageDescriptor>) {
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
                self.note(
                    &rules::MESSAGE_MOVED,
                    writer.name(),
                    writer_site.clone(),
                    reader_site.clone(),
                );
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
            self.note(
                &rules::MESSAGE_ADDED,
                reader.name(),
                None,
                self.reader_site(reader),
            );
        }
    }

    /// Compares the enums of one scope by name, their values by number.
    fn enums(&mut self, writers: Vec<EnumDescriptor>, readers: Vec<EnumDescriptor>) {
        let named = |enums: Vec<EnumDescriptor>| -> BTreeMap<String, EnumDescriptor> {
            enums
                .into_iter()
                .map(|descriptor| (descriptor.name().to_owned(), descriptor))
                .collect()
        };
        let (writers, readers) = (named(writers), named(readers));
        for name in writers.keys().chain(readers.keys()).collect::<BTreeSet<_>>() {
            match (writers.get(name), readers.get(name)) {
                (Some(_), None) => self.note(&rules::ENUM_REMOVED, name, None, None),
                (None, Some(_)) => self.note(&rules::ENUM_ADDED, name, None, None),
                (Some(writer), Some(reader)) => {
                    self.inside(name, None, None, |inner| inner.enum_values(writer, reader));
                }
                (None, None) => {}
            }
        }
    }

    fn enum_values(&mut self, writer: &EnumDescriptor, reader: &EnumDescriptor) {
        let names = |descriptor: &EnumDescriptor| -> BTreeMap<i32, BTreeSet<String>> {
            let mut names: BTreeMap<i32, BTreeSet<String>> = BTreeMap::new();
            for value in descriptor.values() {
                names
                    .entry(value.number())
                    .or_default()
                    .insert(value.name().to_owned());
            }
            names
        };
        let (writers, readers) = (names(writer), names(reader));
        for number in writers.keys().chain(readers.keys()).collect::<BTreeSet<_>>() {
            let row = match (writers.get(number), readers.get(number)) {
                (Some(_), None) => &rules::ENUM_CONST_REMOVED,
                (None, Some(_)) => &rules::ENUM_CONST_ADDED,
                (Some(writer), Some(reader)) if writer != reader => &rules::ENUM_CONST_CHANGED,
                _ => continue,
            };
            self.note(row, &number.to_string(), None, None);
        }
    }
}

#[cfg(test)]
mod tests;
