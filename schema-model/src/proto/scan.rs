//! What is looked at before the parser: size of the text, nesting of its brackets, length of its dotted names.
//!
//! The parser and the compiler behind it recurse over option values and nested option names without a limit of their
//! own, so a text that nests too deep never reaches them. This knows the lexical form only: comments, strings,
//! brackets, dots; anything malformed is left to the parser.

use crate::DEPTH_MAX;

/// Longest schema text, in bytes; 1 MiB, as for a request body.
pub const TEXT_BYTES_MAX: usize = 1 << 20;

/// Most parts of a dotted name. Names of options open one message a part, so this is a nesting limit, too.
pub const NAME_PARTS_MAX: usize = DEPTH_MAX;

/// Longest full name of a message, enum or extension, in bytes. The normal form writes full names wherever a type is
/// used, so without a limit a short text could have a normal form of gigabytes.
pub const NAME_BYTES_MAX: usize = 1_000;

/// Says at which byte a text goes over a limit, and over which.
pub(super) fn check(text: &str) -> Result<(), (usize, String)> {
    if text.len() > TEXT_BYTES_MAX {
        let message = format!(
            "the schema text has {} bytes; at most {TEXT_BYTES_MAX} are accepted",
            text.len()
        );
        return Err((TEXT_BYTES_MAX, message));
    }
    Scan {
        bytes: text.as_bytes(),
        position: 0,
        open: [0; 4],
        dots: 0,
    }
    .run()
}

struct Scan<'a> {
    bytes: &'a [u8],
    position: usize,
    /// Open brackets by kind: a stray closing bracket of one kind must not hide the opening of another.
    open: [usize; 4],
    dots: usize,
}

impl Scan<'_> {
    fn run(mut self) -> Result<(), (usize, String)> {
        while let Some(byte) = self.bytes.get(self.position).copied() {
            match byte {
                b'/' if self.peek(1) == Some(b'/') => self.skip_line(),
                b'#' => self.skip_line(),
                b'/' if self.peek(1) == Some(b'*') => self.skip_block(),
                b'"' | b'\'' => self.skip_string(byte),
                _ => {
                    self.step(byte)?;
                    self.position += 1;
                }
            }
        }
        Ok(())
    }

    fn step(&mut self, byte: u8) -> Result<(), (usize, String)> {
        match byte {
            b'{' => self.open(0)?,
            b'[' => self.open(1)?,
            b'(' => self.open(2)?,
            b'<' => self.open(3)?,
            b'}' => self.close(0),
            b']' => self.close(1),
            b')' => self.close(2),
            b'>' => self.close(3),
            b'.' => self.dots += 1,
            _ => {}
        }
        if matches!(byte, b';' | b'=' | b',' | b':' | b'{' | b'}' | b'[' | b']') {
            self.dots = 0;
        }
        if self.dots >= NAME_PARTS_MAX {
            return Err((
                self.position,
                format!("a name has more than {NAME_PARTS_MAX} parts; shorten it"),
            ));
        }
        Ok(())
    }

    fn open(&mut self, kind: usize) -> Result<(), (usize, String)> {
        self.open[kind] += 1;
        if self.open.iter().sum::<usize>() > DEPTH_MAX {
            return Err((
                self.position,
                format!("the schema nests deeper than {DEPTH_MAX} brackets; flatten it"),
            ));
        }
        Ok(())
    }

    fn close(&mut self, kind: usize) {
        self.open[kind] = self.open[kind].saturating_sub(1);
    }

    fn peek(&self, ahead: usize) -> Option<u8> {
        self.bytes.get(self.position + ahead).copied()
    }

    fn skip_line(&mut self) {
        let rest = &self.bytes[self.position..];
        self.position += rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
    }

    fn skip_block(&mut self) {
        let rest = &self.bytes[self.position + 2..];
        let length = rest
            .windows(2)
            .position(|pair| pair == b"*/")
            .map_or(rest.len(), |at| at + 2);
        self.position += 2 + length;
    }

    fn skip_string(&mut self, quote: u8) {
        self.position += 1;
        while let Some(byte) = self.bytes.get(self.position).copied() {
            self.position += 1;
            match byte {
                b'\\' => self.position += 1,
                b'\n' => return,
                _ if byte == quote => return,
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits() {
        let deep = |open: &str, count: usize| open.repeat(count);
        let cases: &[(&str, String, Option<&str>)] = &[
            ("nothing", String::new(), None),
            ("at the nesting limit", deep("{", DEPTH_MAX), None),
            ("over the nesting limit", deep("{", DEPTH_MAX + 1), Some("deeper")),
            (
                "mixed kinds count together",
                deep("{<", DEPTH_MAX),
                Some("deeper"),
            ),
            (
                "a stray closing hides nothing",
                deep("{>", DEPTH_MAX + 1),
                Some("deeper"),
            ),
            ("closed again", deep("{}", 1000), None),
            ("in a comment", format!("// {}\n/* {0} */", deep("{", 100)), None),
            ("in a string", format!("'\\'{}' \"{0}\"", deep("{", 100)), None),
            (
                "after a string",
                format!("'a' {}", deep("{", 100)),
                Some("deeper"),
            ),
            ("a long name", deep("a.", NAME_PARTS_MAX), Some("parts")),
            ("many short names", deep("a.b;", 1000), None),
            ("an open comment", "/*".to_owned(), None),
            ("an open string", "'\\".to_owned(), None),
            ("a long text", " ".repeat(TEXT_BYTES_MAX + 1), Some("bytes")),
        ];
        for (what, text, expected) in cases {
            match (check(text), expected) {
                (Ok(()), None) => {}
                (Err((_, message)), Some(part)) => assert!(message.contains(part), "{what}: {message}"),
                (result, _) => panic!("{what}: {result:?}"),
            }
        }
    }
}
