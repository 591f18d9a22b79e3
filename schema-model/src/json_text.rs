//! JSON with byte spans: the text layer of Avro and JSON schemas.
//!
//! Of keys that occur twice the last value counts. Numbers keep the text they were written with. Nesting is capped, so
//! the recursion here is. An Avro schema is read as Avro Java reads it: strict JSON plus `//` and `/* */` comments
//! before and between values (behind the last value they are refused, as there).

mod scan;
pub(crate) mod write;

use std::{borrow::Cow, collections::HashMap};

use scan::Scanner;

use crate::{ParseError, Span};

/// How deep JSON may nest: a type level of a schema takes up to three JSON levels.
pub(crate) const JSON_DEPTH_MAX: usize = 256;

/// A JSON value and where it stands in the text. Its strings are its own, or the text's while that is being read.
#[derive(Clone, Debug)]
pub struct Json<S = String> {
    /// The value.
    pub kind: JsonKind<S>,
    /// Its bytes in the text.
    pub span: Span,
}

/// A JSON value.
#[derive(Clone, Debug)]
pub enum JsonKind<S = String> {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A number, as written.
    Number(S),
    /// A string, unescaped.
    String(S),
    /// An array.
    Array(Vec<Json<S>>),
    /// An object, in the order its keys were first written.
    Object(Vec<(S, Json<S>)>),
}

impl<S: AsRef<str>> Json<S> {
    /// The value of a key of an object.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Json<S>> {
        match &self.kind {
            JsonKind::Object(entries) => entries
                .iter()
                .find(|(name, _)| name.as_ref() == key)
                .map(|(_, value)| value),
            _ => None,
        }
    }

    /// The text of a string.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        match &self.kind {
            JsonKind::String(text) => Some(text.as_ref()),
            _ => None,
        }
    }

    /// The value of an integer that fits 64 bits: a number written without point and exponent.
    #[must_use]
    pub fn as_i64(&self) -> Option<i64> {
        match &self.kind {
            JsonKind::Number(text) => text.as_ref().parse().ok(),
            _ => None,
        }
    }

    /// The value of a number as a double.
    #[must_use]
    pub fn as_f64(&self) -> Option<f64> {
        match &self.kind {
            JsonKind::Number(text) => write::parse_double(text.as_ref()),
            _ => None,
        }
    }

    /// Whether this is a number without point and exponent.
    #[must_use]
    pub fn is_integer(&self) -> bool {
        matches!(&self.kind, JsonKind::Number(text) if !text.as_ref().contains(['.', 'e', 'E', 'N', 'I']))
    }

    /// The same value with strings of its own.
    #[cfg(feature = "avro")]
    pub(crate) fn to_owned(&self) -> Json {
        let text = |text: &S| text.as_ref().to_owned();
        let kind = match &self.kind {
            JsonKind::Null => JsonKind::Null,
            JsonKind::Bool(value) => JsonKind::Bool(*value),
            JsonKind::Number(number) => JsonKind::Number(text(number)),
            JsonKind::String(string) => JsonKind::String(text(string)),
            JsonKind::Array(items) => JsonKind::Array(items.iter().map(Json::to_owned).collect()),
            JsonKind::Object(entries) => {
                let entries = entries.iter().map(|(key, value)| (text(key), value.to_owned()));
                JsonKind::Object(entries.collect())
            }
        };
        Json {
            kind,
            span: self.span,
        }
    }
}

/// Equality of values; spans do not count, nor does the order of keys.
impl PartialEq for Json {
    fn eq(&self, other: &Json) -> bool {
        match (&self.kind, &other.kind) {
            (JsonKind::Null, JsonKind::Null) => true,
            (JsonKind::Bool(left), JsonKind::Bool(right)) => left == right,
            (JsonKind::Number(left), JsonKind::Number(right)) => {
                left == right
                    || (self.is_integer() == other.is_integer()
                        && write::number(left) == write::number(right))
            }
            (JsonKind::String(left), JsonKind::String(right)) => left == right,
            (JsonKind::Array(left), JsonKind::Array(right)) => left == right,
            (JsonKind::Object(left), JsonKind::Object(_)) => {
                left.len() == other.len() && left.iter().all(|(key, value)| other.get(key) == Some(value))
            }
            _ => false,
        }
    }
}

impl Json {
    fn len(&self) -> usize {
        match &self.kind {
            JsonKind::Array(items) => items.len(),
            JsonKind::Object(entries) => entries.len(),
            _ => 0,
        }
    }
}

impl Json {
    /// Parses a whole text, comments allowed.
    ///
    /// # Errors
    /// Where the text is no JSON, or nested too deep.
    #[cfg(any(feature = "avro", test))]
    pub fn parse(text: &str) -> Result<Json, ParseError> {
        Json::parse_with(Scanner::new(text))
    }

    /// Parses a whole text, comments refused.
    #[cfg(feature = "json")]
    pub(crate) fn parse_strict(text: &str) -> Result<Json, ParseError> {
        Json::parse_with(Scanner::without_comments(text))
    }
}

impl<'t> Json<Cow<'t, str>> {
    /// Parses a whole text, comments allowed; strings without escapes stay where they are.
    #[cfg(feature = "avro")]
    pub(crate) fn parse_borrowed(text: &'t str) -> Result<Json<Cow<'t, str>>, ParseError> {
        Json::parse_with(Scanner::new(text))
    }
}

impl<S> Json<S> {
    fn parse_with<'t>(mut scanner: Scanner<'t>) -> Result<Json<S>, ParseError>
    where
        S: Strings<'t>,
    {
        scanner.skip_blank()?;
        if scanner.peek().is_none() {
            return Err(scanner.error("the schema is empty"));
        }
        let value = value(&mut scanner, 0)?;
        scanner.skip_white();
        match scanner.peek() {
            None => Ok(value),
            Some(_) => Err(scanner.error("the schema ends here, but more text follows; remove it")),
        }
    }
}

/// What the strings of a value are read into.
trait Strings<'t>: AsRef<str> + From<Cow<'t, str>> {}

impl<'t, S: AsRef<str> + From<Cow<'t, str>>> Strings<'t> for S {}

fn value<'t, S: Strings<'t>>(scanner: &mut Scanner<'t>, depth: usize) -> Result<Json<S>, ParseError> {
    if depth == JSON_DEPTH_MAX {
        return Err(scanner.error(format!("the JSON nests deeper than {JSON_DEPTH_MAX} levels")));
    }
    let start = scanner.position();
    let kind = match scanner.peek() {
        Some(b'{') => object(scanner, depth)?,
        Some(b'[') => array(scanner, depth)?,
        Some(b'"') => JsonKind::String(scanner.string()?.into()),
        Some(b'-' | b'0'..=b'9') => JsonKind::Number(Cow::Borrowed(scanner.number()?).into()),
        Some(_) if scanner.word("null") => JsonKind::Null,
        Some(_) if scanner.word("true") => JsonKind::Bool(true),
        Some(_) if scanner.word("false") => JsonKind::Bool(false),
        Some(_) => return Err(scanner.unexpected("a JSON value")),
        None => return Err(scanner.error("the text ends where a JSON value is expected")),
    };
    Ok(Json {
        kind,
        span: Span {
            start,
            end: scanner.position(),
        },
    })
}

fn array<'t, S: Strings<'t>>(scanner: &mut Scanner<'t>, depth: usize) -> Result<JsonKind<S>, ParseError> {
    let mut items = Vec::new();
    scanner.advance();
    scanner.skip_blank()?;
    if scanner.take(b']') {
        return Ok(JsonKind::Array(items));
    }
    loop {
        scanner.skip_blank()?;
        items.push(value(scanner, depth + 1)?);
        scanner.skip_blank()?;
        if scanner.take(b']') {
            return Ok(JsonKind::Array(items));
        }
        scanner.expect(b',', "\",\" or \"]\"")?;
    }
}

fn object<'t, S: Strings<'t>>(scanner: &mut Scanner<'t>, depth: usize) -> Result<JsonKind<S>, ParseError> {
    let mut entries: Vec<(S, Json<S>)> = Vec::new();
    let mut places = HashMap::new();
    scanner.advance();
    scanner.skip_blank()?;
    if scanner.take(b'}') {
        return Ok(JsonKind::Object(entries));
    }
    loop {
        scanner.skip_blank()?;
        if scanner.peek() != Some(b'"') {
            return Err(scanner.unexpected("a key in double quotes"));
        }
        let key = scanner.string()?;
        scanner.skip_blank()?;
        scanner.expect(b':', "\":\"")?;
        scanner.skip_blank()?;
        let value = value(scanner, depth + 1)?;
        match place(&entries, &mut places, &key) {
            Some(place) => {
                if let Some(entry) = entries.get_mut(place) {
                    entry.1 = value;
                }
            }
            None => entries.push((key.into(), value)),
        }
        scanner.skip_blank()?;
        if scanner.take(b'}') {
            return Ok(JsonKind::Object(entries));
        }
        scanner.expect(b',', "\",\" or \"}\"")?;
    }
}

/// The place of a key among the entries so far. Few entries are looked through, many are indexed in `places`.
fn place<S: AsRef<str>>(
    entries: &[(S, Json<S>)],
    places: &mut HashMap<String, usize>,
    key: &str,
) -> Option<usize> {
    const FEW: usize = 16;
    if entries.len() < FEW {
        return entries.iter().position(|(name, _)| name.as_ref() == key);
    }
    let indexed = places.len();
    for (place, (name, _)) in entries.iter().enumerate().skip(indexed) {
        places.insert(name.as_ref().to_owned(), place);
    }
    places.get(key).copied()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_parses() {
        for text in [
            "1",
            " [1, -2.5e3, true,null ] ",
            "/* a */ {\"a\" /*b*/: //c\n 1}",
            "\"\\u00e9\\n\\ud83d\\ude00\"",
        ] {
            Json::parse(text).unwrap();
        }
        let check = |text: &str, line: u32, column: u32, wanted: &str| {
            let error = Json::parse(text).unwrap_err();
            assert_eq!(
                (error.line, error.column, error.message.as_str()),
                (line, column, wanted),
                "{text}"
            );
        };
        check("", 1, 1, "the schema is empty");
        check("{\n  \"a\": ,}", 2, 8, "expected a JSON value, found \",\"");
        check("{a: 1}", 1, 2, "expected a key in double quotes, found \"a\"");
        check("[1 2]", 1, 4, "expected \",\" or \"]\", found \"2\"");
        check("[1,]", 1, 4, "expected a JSON value, found \"]\"");
        check("[", 1, 2, "the text ends where a JSON value is expected");
        check(
            "01",
            1,
            2,
            "the schema ends here, but more text follows; remove it",
        );
        check("-", 1, 2, "a number needs a digit here");
        check("1.", 1, 3, "a number needs a digit here");
        check("1e", 1, 3, "a number needs a digit here");
        check(
            "\"a\nb\"",
            1,
            3,
            "a control character in a string must be escaped",
        );
        check("\"\\x\"", 1, 3, "unknown escape in a string");
        check("\"\\u12\"", 1, 4, "\\u needs four hexadecimal digits");
        check("\"\\ud800\"", 1, 2, "a lone surrogate is not a character");
        check("\"a", 1, 3, "the text ends inside a string");
        check("/* a", 1, 1, "the comment is not closed");
        check("/a", 1, 1, "expected a comment, found \"/\"");
        check(
            "null // end",
            1,
            6,
            "the schema ends here, but more text follows; remove it",
        );
        check("nulll", 1, 1, "expected a JSON value, found \"n\"");
        check(&"[".repeat(300), 1, 257, "the JSON nests deeper than 256 levels");
    }

    #[test]
    fn the_last_of_equal_keys_counts() {
        let json = Json::parse(r#"{"a":1,"b":2,"a":3}"#).unwrap();
        assert_eq!(json.get("a").and_then(Json::as_i64), Some(3));
        assert_eq!(json, Json::parse(r#"{"b":2,"a":3}"#).unwrap());
        assert_ne!(Json::parse("1").unwrap(), Json::parse("1.0").unwrap());
        assert_eq!(Json::parse("[1e1]").unwrap(), Json::parse("[10.0]").unwrap());
    }

    proptest! {
        #[test]
        fn nothing_panics(text in "[\\[\\]{}:,\"\\\\/*u0-9eE. a-z\n-]{0,64}") {
            let _ = Json::parse(&text);
        }

        #[test]
        fn agrees_with_serde_json(text in "(\\[|\\]|\\{|\\}|,|:|\"a\"|\"b\\\\n\"|1|-2\\.5|true|null| ){0,12}") {
            let wanted: Result<serde_json::Value, _> = serde_json::from_str(&text);
            prop_assert_eq!(Json::parse(&text).is_ok(), wanted.is_ok());
        }
    }
}
