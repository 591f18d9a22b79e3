//! Protobuf compatibility: every difference between a writer's and a reader's schema, and which of them break.
//!
//! Declarations are matched by name relative to the package, fields and enum values by number. Types of other files are
//! compared where a field first uses them (`pair`), without recursion, and each pair once. Swapping the sides checks the
//! other direction; what is about old and new rather than reader and writer (`history`) is looked at in one direction
//! only. [`Row::counts`] says which differences a policy asks for. Left out on purpose: syntax, options, extensions.

mod declared;
mod field;
mod hint;
mod history;
mod oneof;
mod pair;
mod report;

use prost_reflect::FieldDescriptor;

use super::{
    Schema,
    places::PACKAGE,
    rules::{self, Row},
};
use crate::{Direction, Finding, Policy, Standard};
use pair::Pair;

/// Most findings given back; nobody reads more.
pub const FINDINGS_MAX: usize = 1_000;

/// What keeps `reader` from reading data of `writer` by Confluent's rules, the first [`FINDINGS_MAX`] of it; empty when
/// nothing does.
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
    judge(Standard::default(), reader, writer, direction)
}

/// What keeps `reader` from reading data of `writer` by the policies of a standard. What concerns old and new schema
/// rather than writer and reader is told going backward, or going forward at a level that does not go backward.
#[must_use]
pub fn judge(standard: Standard, reader: &Schema, writer: &Schema, direction: Direction) -> Vec<Finding> {
    if reader.text() == writer.text() && reader.same_imports(writer) {
        return Vec::new();
    }
    Comparison::of(standard, reader, writer, direction).findings(reader, writer)
}

/// One difference, harmless or not.
#[derive(Debug)]
pub(super) struct Difference {
    pub(super) row: &'static Row,
    /// Path segments within the pair of types it was found in.
    segments: Vec<String>,
    writer: Site,
    reader: Site,
    /// Set when this is a difference only if that pair of types has one that counts.
    on: Option<usize>,
    /// What to do in this case, where that can be said closer than by the row.
    hint: Option<String>,
}

/// Where a side declares what a difference is about.
#[derive(Clone, Debug, Default)]
struct Site {
    /// Descriptor path in the schema's own file: the declaration, or what is around it.
    path: Vec<i32>,
    /// Whether `path` is the declaration itself.
    declared: bool,
    /// The declaration, when it is in another file or is a part of one.
    other: Option<Declaration>,
}

#[derive(Clone, Debug)]
enum Declaration {
    Field(FieldDescriptor),
    Text(String),
}

impl Site {
    fn declared(path: &[i32]) -> Option<Site> {
        Some(Site {
            path: path.to_vec(),
            declared: true,
            other: None,
        })
    }

    /// A statement that has no place of its own.
    fn text(text: String) -> Option<Site> {
        Some(Site {
            other: Some(Declaration::Text(text)),
            ..Site::default()
        })
    }

    /// The site itself if it is in the schema's own file, else a place near the declaration around it.
    fn or_near(own: Option<Site>, around: &Site) -> Site {
        match own {
            Some(own) if own.declared => own,
            other => Site {
                path: around.path.clone(),
                declared: false,
                other: other.and_then(|site| site.other),
            },
        }
    }
}

struct Comparison {
    standard: Standard,
    direction: Direction,
    /// Whether differences between old and new are told, too.
    history: bool,
    writer_file: String,
    reader_file: String,
    /// Pairs of types; the first stands for the two files.
    pairs: Vec<Pair>,
    known: pair::Known,
    /// How many fields may still be compared.
    work_left: usize,
    /// The pair being compared, and within it the path and the declarations being compared: what a difference without
    /// its own place is near.
    current: usize,
    path: Vec<String>,
    around: (Site, Site),
}

impl Comparison {
    fn of(standard: Standard, reader: &Schema, writer: &Schema, direction: Direction) -> Comparison {
        let mut comparison = Comparison {
            standard,
            direction,
            history: direction == Direction::Backward || !standard.level.is_backward(),
            writer_file: writer.file().name().to_owned(),
            reader_file: reader.file().name().to_owned(),
            pairs: vec![Pair::default()],
            known: pair::Known::default(),
            work_left: pair::WORK_MAX,
            current: 0,
            path: Vec::new(),
            around: Default::default(),
        };
        comparison.package(reader, writer);
        comparison.messages(
            writer.file().messages().collect(),
            reader.file().messages().collect(),
        );
        comparison.enums(writer.file().enums().collect(), reader.file().enums().collect());
        comparison.services(reader, writer);
        comparison.foreign_pairs();
        comparison
    }

    /// Whether only the bytes count, and not what types are called.
    fn bytes_only(&self) -> bool {
        self.standard.policy == Policy::Wire
    }

    /// The old and the new one of a pair of writer and reader.
    fn in_time<T>(&self, writer: T, reader: T) -> (T, T) {
        match self.direction {
            Direction::Backward => (writer, reader),
            Direction::Forward => (reader, writer),
        }
    }

    fn package(&mut self, reader: &Schema, writer: &Schema) {
        if reader.file().package_name() != writer.file().package_name() {
            let site = || Site::declared(&PACKAGE);
            self.note(&rules::PACKAGE_CHANGED, "", site(), site());
        }
    }

    /// Notes a difference at the current path plus `segment`.
    fn note(&mut self, row: &'static Row, segment: &str, writer: Option<Site>, reader: Option<Site>) {
        self.note_hinted(row, segment, (writer, reader), None);
    }

    fn note_hinted(
        &mut self,
        row: &'static Row,
        segment: &str,
        (writer, reader): (Option<Site>, Option<Site>),
        hint: Option<String>,
    ) {
        let (writer, reader) = (
            Site::or_near(writer, &self.around.0),
            Site::or_near(reader, &self.around.1),
        );
        let mut segments = self.path.clone();
        segments.extend((!segment.is_empty()).then(|| segment.to_owned()));
        let difference = Difference {
            row,
            segments,
            writer,
            reader,
            on: None,
            hint,
        };
        if let Some(pair) = self.pairs.get_mut(self.current) {
            pair.found.push(difference);
        }
    }

    /// Compares below a path segment and a pair of declarations.
    fn inside(
        &mut self,
        segment: &str,
        writer: Option<Site>,
        reader: Option<Site>,
        body: impl FnOnce(&mut Comparison),
    ) {
        let around = self.around.clone();
        self.around = (Site::or_near(writer, &around.0), Site::or_near(reader, &around.1));
        self.path.push(segment.to_owned());
        body(self);
        self.path.pop();
        self.around = around;
    }
}

#[cfg(test)]
mod tests;
