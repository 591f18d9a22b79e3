//! Single values on their way into the database and out of it, the same for both databases.
//!
//! PostgreSQL refuses the character U+0000 in a text. It is written as U+0001 `0`, and U+0001 itself as U+0001 `1`, in
//! every text and in both databases; a text with neither stays as it is.

use std::{borrow::Cow, error::Error};

use sqlx::{Row, postgres::PgRow, sqlite::SqliteRow};

const ESCAPE: char = '\u{1}';

/// A value for a statement.
#[derive(Clone, Debug)]
pub(super) enum Cell<'a> {
    Int(i64),
    Flag(bool),
    Text(Option<Cow<'a, str>>),
}

impl<'a> From<&'a str> for Cell<'a> {
    fn from(text: &'a str) -> Cell<'a> {
        Cell::Text(Some(escaped(text)))
    }
}

impl<'a> From<Option<&'a str>> for Cell<'a> {
    fn from(text: Option<&'a str>) -> Cell<'a> {
        Cell::Text(text.map(escaped))
    }
}

impl From<Option<String>> for Cell<'_> {
    fn from(text: Option<String>) -> Self {
        Cell::Text(text.map(|text| match escaped(&text) {
            Cow::Owned(escaped) => Cow::Owned(escaped),
            Cow::Borrowed(_) => Cow::Owned(text),
        }))
    }
}

impl From<i64> for Cell<'_> {
    fn from(number: i64) -> Self {
        Cell::Int(number)
    }
}

impl From<bool> for Cell<'_> {
    fn from(flag: bool) -> Self {
        Cell::Flag(flag)
    }
}

/// A row that was read. Columns are counted from 0.
pub(super) trait Cells {
    fn int(&self, column: usize) -> Result<i64, sqlx::Error>;
    fn flag(&self, column: usize) -> Result<bool, sqlx::Error>;
    fn raw_text(&self, column: usize) -> Result<Option<&str>, sqlx::Error>;

    fn maybe_text(&self, column: usize) -> Result<Option<Cow<'_, str>>, sqlx::Error> {
        self.raw_text(column)?
            .map(|text| unescaped(text, column))
            .transpose()
    }

    fn text(&self, column: usize) -> Result<Cow<'_, str>, sqlx::Error> {
        self.maybe_text(column)?
            .ok_or_else(|| wrong(column, "a text is missing"))
    }
}

macro_rules! cells {
    ($row:ty) => {
        impl Cells for $row {
            fn int(&self, column: usize) -> Result<i64, sqlx::Error> {
                self.try_get(column)
            }

            fn flag(&self, column: usize) -> Result<bool, sqlx::Error> {
                self.try_get(column)
            }

            fn raw_text(&self, column: usize) -> Result<Option<&str>, sqlx::Error> {
                self.try_get(column)
            }
        }
    };
}
cells!(SqliteRow);
cells!(PgRow);

fn escaped(text: &str) -> Cow<'_, str> {
    if !text.contains(['\0', ESCAPE]) {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(text.len() + 8);
    for character in text.chars() {
        match character {
            '\0' => escaped.extend([ESCAPE, '0']),
            ESCAPE => escaped.extend([ESCAPE, '1']),
            other => escaped.push(other),
        }
    }
    Cow::Owned(escaped)
}

fn unescaped(text: &str, column: usize) -> Result<Cow<'_, str>, sqlx::Error> {
    let Some((start, rest)) = text.split_once(ESCAPE) else {
        return Ok(Cow::Borrowed(text));
    };
    let mut unescaped = start.to_owned();
    for part in rest.split(ESCAPE) {
        let (character, part) = match part.as_bytes().first() {
            Some(b'0') => ('\0', &part[1..]),
            Some(b'1') => (ESCAPE, &part[1..]),
            _ => return Err(wrong(column, "a text with a wrong escape")),
        };
        unescaped.push(character);
        unescaped.push_str(part);
    }
    Ok(Cow::Owned(unescaped))
}

fn wrong(column: usize, what: &str) -> sqlx::Error {
    sqlx::Error::ColumnDecode {
        index: column.to_string(),
        source: Box::<dyn Error + Send + Sync>::from(what),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_text_comes_back() {
        let check = |text: &str, wanted: &str| {
            assert_eq!(escaped(text), wanted, "{text:?}");
            assert!(!wanted.contains('\0'));
            assert_eq!(unescaped(wanted, 0).unwrap(), text, "{text:?}");
        };
        check("", "");
        check("\"string\"", "\"string\"");
        check("\0", "\u{1}0");
        check("a\0\0b", "a\u{1}0\u{1}0b");
        check("\u{1}", "\u{1}1");
        check("\u{1}0", "\u{1}10");
        check("\0\u{1}é\u{10ffff}", "\u{1}0\u{1}1é\u{10ffff}");
        for damaged in ["\u{1}", "a\u{1}2", "\u{1}0\u{1}", "\u{1}é"] {
            assert!(unescaped(damaged, 0).is_err(), "{damaged:?}");
        }
    }
}
