//! The words of schemas as lines, whatever they become comments of.
//!
//! Invariant: no line has a line's end in it, or space around it; the first and the last are not empty, and no two are
//! that follow each other.

use std::fmt::Write as _;

/// What ends a line somewhere: in Rust, TypeScript, Python, or an editor.
const ENDS: [char; 7] = ['\n', '\r', '\u{b}', '\u{c}', '\u{85}', '\u{2028}', '\u{2029}'];

/// Words that may stand in a comment. What turns the direction of a text is left out, because a compiler refuses it and
/// it can show code in another order than it runs in; so are control characters, of which Python takes no NUL.
pub(crate) fn shown(text: &str) -> String {
    let is_shown = |letter: &char| match letter {
        '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => false,
        '\t' => true,
        _ => ENDS.contains(letter) || !letter.is_control(),
    };
    text.chars().filter(is_shown).collect()
}

/// The lines of a doc.
pub(crate) fn lines(words: Option<&str>) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let words = shown(words.unwrap_or_default());
    let parts = words.trim().split("\r\n").flat_map(|part| part.split(ENDS));
    for line in parts.map(str::trim) {
        // An empty line stays one, and several are one.
        if !line.is_empty() || lines.last().is_some_and(|last| !last.is_empty()) {
            lines.push(line.to_owned());
        }
    }
    lines
}

/// A string in double quotes, as JSON and TypeScript write it.
pub(crate) fn quoted(text: &str) -> String {
    quoted_with(text, |quoted, letter| {
        for unit in letter.encode_utf16(&mut [0; 2]) {
            // Nothing is lost: writing into a string cannot fail.
            let _ = write!(quoted, "\\u{unit:04x}");
        }
    })
}

/// A string in double quotes, as Python writes it: halves of a character are no character there.
pub(crate) fn quoted_in_python(text: &str) -> String {
    quoted_with(text, |quoted, letter| {
        let number = u32::from(letter);
        let _ = match number {
            0..=0xffff => write!(quoted, "\\u{number:04x}"),
            _ => write!(quoted, "\\U{number:08x}"),
        };
    })
}

/// A string in double quotes; what is neither ASCII nor a letter is escaped by who calls.
fn quoted_with(text: &str, escape: impl Fn(&mut String, char)) -> String {
    let mut quoted = String::from('"');
    for letter in text.chars() {
        match letter {
            '"' | '\\' => quoted.extend(['\\', letter]),
            ' '..='\u{7e}' => quoted.push(letter),
            _ if letter.is_alphanumeric() => quoted.push(letter),
            _ => escape(&mut quoted, letter),
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
        let check = |text: &str, expected: &str, python: &str| {
            assert_eq!(
                (quoted(text).as_str(), quoted_in_python(text).as_str()),
                (expected, python)
            );
        };
        let both = |text: &str, expected: &str| check(text, expected, expected);
        both("shop.orders.Größe", "\"shop.orders.Größe\"");
        both("a\"\\\n", r#""a\"\\\u000a""#);
        both("\u{2028}", r#""\u2028""#);
        check("😀", r#""\ud83d\ude00""#, r#""\U0001f600""#);
    }

    #[test]
    fn docs_are_cut_into_lines() {
        let check = |words: Option<&str>, expected: &[&str]| assert_eq!(lines(words), expected, "{words:?}");
        check(None, &[]);
        check(Some(" \n "), &[]);
        check(Some("a\r\nb"), &["a", "b"]);
        check(Some("\n a \n\n\n b\n"), &["a", "", "b"]);
        check(Some("a\rb\u{2028}c"), &["a", "b", "c"]);
        check(Some("a\u{202e}b \u{2066}"), &["ab"]);
        check(Some("a\0b\tc\u{1b}[0m"), &["ab\tc[0m"]);
    }
}
