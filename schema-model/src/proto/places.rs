//! Where a declaration stands in the schema text: descriptor path to byte span.
//!
//! Built from the parser's source locations, which count lines and columns (in bytes) from 0. Only declarations
//! (messages, fields, enums, values, oneofs, services) are kept once a schema has compiled; the rest serves error
//! messages while compiling.

use prost_reflect::prost_types::FileDescriptorProto;

use crate::Span;

/// Path of the `package` statement in a file descriptor.
pub(super) const PACKAGE: [i32; 1] = [2];
/// Path of the `syntax` statement.
const SYNTAX: [i32; 1] = [12];
/// Field of imports in a file descriptor; followed by the import's index.
pub(super) const IMPORT: i32 = 3;

/// Spans by descriptor path, sorted by path.
#[derive(Default)]
pub(super) struct Places(Vec<(Box<[i32]>, Span)>);

impl Places {
    /// Takes the locations out of a parsed file; the compiler is quadratic in options times locations.
    pub(super) fn take(file: &mut FileDescriptorProto, text: &str) -> Places {
        let lines = line_starts(text);
        let locations = file.source_code_info.take().unwrap_or_default().location;
        let mut places: Vec<_> = locations
            .into_iter()
            .filter_map(|location| {
                let span = span(&location.span, &lines, text.len())?;
                Some((location.path.into_boxed_slice(), span))
            })
            .collect();
        // The sort is stable, so the first location of a path stays first and is the one kept.
        places.sort_by(|left, right| left.0.cmp(&right.0));
        places.dedup_by(|later, first| later.0 == first.0);
        Places(places)
    }

    /// Drops what only error messages need: paths of odd length are parts of a declaration.
    pub(super) fn declarations_only(mut self) -> Places {
        self.0
            .retain(|(path, _)| path.len() % 2 == 0 || **path == PACKAGE || **path == SYNTAX);
        self.0.shrink_to_fit();
        self
    }

    /// The span of exactly this path.
    pub(super) fn get(&self, path: &[i32]) -> Option<Span> {
        let index = self
            .0
            .binary_search_by(|(known, _)| known.as_ref().cmp(path))
            .ok()?;
        self.0.get(index).map(|(_, span)| *span)
    }

    /// The span of whatever comes first.
    pub(super) fn first(&self) -> Option<Span> {
        self.0.iter().map(|(_, span)| *span).min_by_key(|span| span.start)
    }

    /// The span of this path or of the nearest thing around it.
    pub(super) fn nearest(&self, path: &[i32]) -> Option<Span> {
        (1..=path.len())
            .rev()
            .find_map(|length| self.get(&path[..length]))
    }
}

fn line_starts(text: &str) -> Vec<usize> {
    std::iter::once(0)
        .chain(text.match_indices('\n').map(|(at, _)| at + 1))
        .collect()
}

fn span(numbers: &[i32], lines: &[usize], end: usize) -> Option<Span> {
    let at = |line: i32, column: i32| -> Option<usize> {
        let start = lines.get(usize::try_from(line).ok()?)?;
        Some((start + usize::try_from(column).ok()?).min(end))
    };
    match *numbers {
        [line, start, end] => Some(Span {
            start: at(line, start)?,
            end: at(line, end)?,
        }),
        [line, start, last_line, end] => Some(Span {
            start: at(line, start)?,
            end: at(last_line, end)?,
        }),
        _ => None,
    }
}
