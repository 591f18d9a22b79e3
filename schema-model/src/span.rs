//! A range of bytes in a schema text, and the line and column a reader of that text would name.
//!
//! Lines and columns count from 1; a column counts characters, not bytes.

/// A byte range in a schema text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Span {
    /// First byte.
    pub start: usize,
    /// One past the last byte.
    pub end: usize,
}

impl Span {
    /// The text under the span; empty when the span does not fit the text.
    #[must_use]
    pub fn of(self, text: &str) -> &str {
        text.get(self.start..self.end).unwrap_or_default()
    }

    /// Line and column of a byte position.
    ///
    /// ```
    /// use annals_schema_model::Span;
    /// assert_eq!(Span::line_column("{\n  \"a\"", 4), (2, 3));
    /// ```
    #[must_use]
    pub fn line_column(text: &str, position: usize) -> (u32, u32) {
        let mut position = position.min(text.len());
        while !text.is_char_boundary(position) {
            position -= 1;
        }
        let before = &text[..position];
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let line = 1 + before.bytes().filter(|byte| *byte == b'\n').count();
        let column = 1 + before[line_start..].chars().count();
        (
            u32::try_from(line).unwrap_or(u32::MAX),
            u32::try_from(column).unwrap_or(u32::MAX),
        )
    }
}
