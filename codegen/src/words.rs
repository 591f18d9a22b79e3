//! The words of schemas as lines, whatever they become comments of.
//!
//! Invariant: no line has a line's end in it, or space around it; the first and the last are not empty, and no two are
//! that follow each other.

use std::fmt::Write as _;

/// The lines of a doc.
pub(crate) fn lines(words: Option<&str>) -> Vec<&str> {
    let mut lines: Vec<&str> = Vec::new();
    let ends = ['\n', '\r', '\u{b}', '\u{c}', '\u{85}', '\u{2028}', '\u{2029}'];
    let parts = words
        .unwrap_or_default()
        .trim()
        .split("\r\n")
        .flat_map(|part| part.split(ends));
    for line in parts.map(str::trim) {
        // An empty line stays one, and several are one.
        if !line.is_empty() || lines.last().is_some_and(|last| !last.is_empty()) {
            lines.push(line);
        }
    }
    lines
}

/// A string in double quotes, as JSON, TypeScript and Python write it.
pub(crate) fn quoted(text: &str) -> String {
    let mut quoted = String::from('"');
    for letter in text.chars() {
        match letter {
            '"' | '\\' => quoted.extend(['\\', letter]),
            ' '..='\u{7e}' => quoted.push(letter),
            _ if letter.is_alphanumeric() => quoted.push(letter),
            _ => letter.encode_utf16(&mut [0; 2]).iter().for_each(|unit| {
                // Nothing is lost: writing into a string cannot fail.
                let _ = write!(quoted, "\\u{unit:04x}");
            }),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_are_quoted() {
        let check = |text: &str, expected: &str| assert_eq!(quoted(text), expected);
        check("shop.orders.Größe", "\"shop.orders.Größe\"");
        check("a\"\\\n", r#""a\"\\\u000a""#);
        check("\u{2028}", r#""\u2028""#);
    }

    #[test]
    fn docs_are_cut_into_lines() {
        let check = |words: Option<&str>, expected: &[&str]| assert_eq!(lines(words), expected, "{words:?}");
        check(None, &[]);
        check(Some(" \n "), &[]);
        check(Some("a\r\nb"), &["a", "b"]);
        check(Some("\n a \n\n\n b\n"), &["a", "", "b"]);
        check(Some("a\rb\u{2028}c"), &["a", "b", "c"]);
    }
}
