//! Random damage to a schema's text: most of it makes the text no schema, some of it an odd one.

use crate::generate::Random;

/// Strings that mean something somewhere, or nothing anywhere.
const STRINGS: [&str; 36] = [
    "int",
    "long",
    "null",
    "string",
    "bytes",
    "double",
    "record",
    "error",
    "enum",
    "fixed",
    "array",
    "map",
    "union",
    "type",
    "name",
    "namespace",
    "fields",
    "symbols",
    "default",
    "aliases",
    "size",
    "items",
    "order",
    "logicalType",
    "Record1",
    "shop.Record1",
    "Enum2",
    "f0",
    "S0",
    "",
    "1a",
    "a-b",
    "größe",
    "a..b",
    ".X",
    "descending",
];

/// Values that are not strings.
const VALUES: [&str; 18] = [
    "null",
    "true",
    "0",
    "-1",
    "-0",
    "7",
    "1.5",
    "1e3",
    "-0.0",
    "3000000000",
    "9223372036854775808",
    "[]",
    "{}",
    "[null]",
    "\"x\"",
    "[\"null\",\"int\"]",
    "{\"type\":\"int\"}",
    "{\"type\":\"fixed\",\"name\":\"F\",\"size\":1}",
];

/// The text with one or two places changed.
pub(crate) fn damage(text: &str, random: &mut Random) -> String {
    let mut text = text.to_owned();
    for _ in 0..=random.below(2) {
        let tokens = tokens(&text);
        if tokens.is_empty() {
            return text;
        }
        let (start, end) = random.pick(&tokens);
        let token = text[start..end].to_owned();
        let is_string = token.starts_with('"');
        let new = match random.below(8) {
            0..=2 if is_string => format!("\"{}\"", random.pick(&STRINGS)),
            3 if is_string => {
                let (start, end) = random.pick(&tokens);
                text[start..end].to_owned()
            }
            4 => String::new(),
            5 => format!("{token},{token}"),
            _ => random.pick(&VALUES).to_owned(),
        };
        text.replace_range(start..end, &new);
    }
    text
}

/// Where strings, numbers and words lie.
fn tokens(text: &str) -> Vec<(usize, usize)> {
    let bytes = text.as_bytes();
    let mut tokens = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let start = at;
        match bytes[at] {
            b'"' => {
                at += 1;
                while at < bytes.len() && bytes[at] != b'"' {
                    at += if bytes[at] == b'\\' { 2 } else { 1 };
                }
                at = (at + 1).min(bytes.len());
            }
            byte if byte.is_ascii_alphanumeric() || byte == b'-' => {
                while at < bytes.len() && (bytes[at].is_ascii_alphanumeric() || b"-+.".contains(&bytes[at])) {
                    at += 1;
                }
            }
            _ => {
                at += 1;
                continue;
            }
        }
        tokens.push((start, at));
    }
    tokens
}
