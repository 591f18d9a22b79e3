//! What is wrong with a fold file, and where.

use annals_schema_model::Span;
use serde_saphyr::{Location, Spanned};

/// A fold file that cannot be loaded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {message}")]
pub struct LoadError {
    /// The line in the file, from 1.
    pub line: u32,
    /// The character in the line, from 1.
    pub column: u32,
    /// The bytes in the file it is about; nothing where only their beginning is known.
    pub span: Option<Span>,
    /// What is wrong there, and what to do.
    pub message: String,
}

/// Where in the file something stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) line: u32,
    column: u32,
    span: Option<Span>,
}

impl Place {
    /// The beginning of the file.
    pub(crate) const START: Place = Place {
        line: 1,
        column: 1,
        span: None,
    };

    fn at(location: &Location) -> Place {
        let span = location.span();
        let bytes = span.byte_offset().zip(span.byte_len());
        Place {
            line: u32::try_from(location.line()).unwrap_or(0).max(1),
            column: u32::try_from(location.column()).unwrap_or(0).max(1),
            span: bytes.and_then(|(start, length)| {
                let start = usize::try_from(start).ok()?;
                let end = start.checked_add(usize::try_from(length).ok()?)?;
                (end > start).then_some(Span { start, end })
            }),
        }
    }

    pub(crate) fn of<T>(spanned: &Spanned<T>) -> Place {
        Place::at(&spanned.referenced)
    }

    /// What is wrong here.
    pub(crate) fn wrong(self, message: impl Into<String>) -> LoadError {
        LoadError {
            line: self.line,
            column: self.column,
            span: self.span,
            message: message.into(),
        }
    }
}

impl LoadError {
    pub(super) fn yaml(error: &serde_saphyr::Error) -> LoadError {
        let place = error
            .location()
            .map_or(Place::START, |location| Place::at(&location));
        place.wrong(error.without_snippet().to_string())
    }
}
