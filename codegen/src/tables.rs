//! Tables of TOML as their parser has them, read with their places.
//!
//! Not by derives: what these bring is more to build than all else that reads schemas.

use std::collections::BTreeMap;
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// What is wrong, and at which byte.
pub(crate) type Wrong = (usize, String);

/// What was read, or what is wrong.
pub(crate) type Result<T> = std::result::Result<T, Wrong>;
/// A value and its place.
pub(crate) type Held<'i> = Spanned<DeValue<'i>>;

/// A whole file.
pub(crate) fn parse(text: &str) -> Result<Spanned<DeTable<'_>>> {
    DeTable::parse(text).map_err(|error| {
        let message = error.message().trim().replace('\n', ", ");
        (error.span().map_or(0, |span| span.start), message)
    })
}

/// What a key holds, if it is there.
pub(crate) fn get<'h, 'i>(table: &'h DeTable<'i>, key: &str) -> Option<&'h DeValue<'i>> {
    let mut entries = table.iter();
    let (_, held) = entries.find(|(known, _)| known.get_ref().as_ref() == key)?;
    Some(held.get_ref())
}

/// A whole number.
pub(crate) fn number(held: &Held<'_>) -> Result<u32> {
    let number = match held.get_ref() {
        DeValue::Integer(number) => u32::from_str_radix(number.as_str(), number.radix()).ok(),
        _ => None,
    };
    number.ok_or_else(|| not(held.span(), held.get_ref(), "a number"))
}

/// What has to be there.
pub(crate) fn required<T>(held: &Held<'_>, key: &str, found: Option<T>) -> Result<T> {
    found.ok_or_else(|| (held.span().start, format!("missing field `{key}`")))
}

/// A string.
pub(crate) fn string(held: &Held<'_>) -> Result<Spanned<String>> {
    match held.get_ref() {
        DeValue::String(text) => Ok(Spanned::new(held.span(), text.as_ref().to_owned())),
        other => Err(not(held.span(), other, "a string")),
    }
}

/// A version, from 1.
pub(crate) fn version(held: &Held<'_>) -> Result<Spanned<u32>> {
    let number = match held.get_ref() {
        DeValue::Integer(number) => u32::from_str_radix(number.as_str(), number.radix()).ok(),
        _ => None,
    };
    let number = number.filter(|number| *number > 0);
    number
        .map(|number| Spanned::new(held.span(), number))
        .ok_or_else(|| not(held.span(), held.get_ref(), "a version, from 1"))
}

/// Each of a list.
pub(crate) fn array<T>(held: &Held<'_>, each: impl Fn(&Held<'_>) -> Result<T>) -> Result<Vec<T>> {
    match held.get_ref() {
        DeValue::Array(items) => items.iter().map(each).collect(),
        other => Err(not(held.span(), other, "a list")),
    }
}

/// Each of a table, by its key.
pub(crate) fn map<T>(held: &Held<'_>, each: impl Fn(&Held<'_>) -> Result<T>) -> Result<BTreeMap<String, T>> {
    let entries = table(held)?.iter();
    let entries = entries.map(|(key, held)| Ok((key.get_ref().as_ref().to_owned(), each(held)?)));
    entries.collect()
}

/// A table.
pub(crate) fn table<'h, 'i>(held: &'h Held<'i>) -> Result<&'h DeTable<'i>> {
    match held.get_ref() {
        DeValue::Table(table) => Ok(table),
        other => Err(not(held.span(), other, "a table")),
    }
}

/// What is said of something else than was wanted.
pub(crate) fn not(at: Range<usize>, found: &DeValue<'_>, wanted: &str) -> Wrong {
    (
        at.start,
        format!("this is of type {}, and should be {wanted}", found.type_str()),
    )
}

/// What is said of a key that nobody knows.
pub(crate) fn unknown(key: &Spanned<impl AsRef<str>>, known: &[&str]) -> Wrong {
    let known: Vec<String> = known.iter().map(|known| format!("`{known}`")).collect();
    let message = format!(
        "unknown field `{}`, expected {}",
        key.get_ref().as_ref(),
        known.join(" or ")
    );
    (key.span().start, message)
}
