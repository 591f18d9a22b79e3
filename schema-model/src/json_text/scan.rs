//! The characters of JSON: blanks and comments, strings and their escapes, numbers.

use std::borrow::Cow;

use crate::ParseError;

/// A position in a JSON text.
pub(super) struct Scanner<'a> {
    text: &'a str,
    position: usize,
    comments: bool,
}

impl<'a> Scanner<'a> {
    pub(super) fn new(text: &'a str) -> Scanner<'a> {
        Scanner {
            text,
            position: 0,
            comments: true,
        }
    }

    #[cfg(feature = "json")]
    pub(super) fn without_comments(text: &'a str) -> Scanner<'a> {
        Scanner {
            comments: false,
            ..Scanner::new(text)
        }
    }

    pub(super) fn position(&self) -> usize {
        self.position
    }

    pub(super) fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.position).copied()
    }

    pub(super) fn advance(&mut self) {
        self.position += 1;
    }

    pub(super) fn take(&mut self, wanted: u8) -> bool {
        let found = self.peek() == Some(wanted);
        if found {
            self.position += 1;
        }
        found
    }

    pub(super) fn error(&self, message: impl Into<String>) -> ParseError {
        ParseError::at(self.text, self.position, message)
    }

    pub(super) fn unexpected(&self, wanted: &str) -> ParseError {
        match self
            .text
            .get(self.position..)
            .and_then(|rest| rest.chars().next())
        {
            Some(found) => self.error(format!("expected {wanted}, found {:?}", found.to_string())),
            None => self.error(format!("the text ends where {wanted} is expected")),
        }
    }

    pub(super) fn expect(&mut self, wanted: u8, name: &str) -> Result<(), ParseError> {
        if self.take(wanted) {
            Ok(())
        } else {
            Err(self.unexpected(name))
        }
    }

    /// A bare word, not followed by more letters or digits.
    pub(super) fn word(&mut self, word: &str) -> bool {
        let rest = self.text.as_bytes().get(self.position..).unwrap_or_default();
        let ends = !rest
            .get(word.len())
            .is_some_and(|next| next.is_ascii_alphanumeric() || *next == b'_');
        let found = rest.starts_with(word.as_bytes()) && ends;
        if found {
            self.position += word.len();
        }
        found
    }

    pub(super) fn skip_white(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.position += 1;
        }
    }

    /// Skips white space, and comments where they are allowed.
    #[inline]
    pub(super) fn skip_blank(&mut self) -> Result<(), ParseError> {
        match self.peek() {
            Some(b' ' | b'\t' | b'\n' | b'\r' | b'/') => self.skip_some_blank(),
            _ => Ok(()),
        }
    }

    fn skip_some_blank(&mut self) -> Result<(), ParseError> {
        loop {
            self.skip_white();
            if !self.comments || self.peek() != Some(b'/') {
                return Ok(());
            }
            let rest = self.text.get(self.position..).unwrap_or_default();
            if rest.starts_with("//") {
                self.position += rest.find('\n').unwrap_or(rest.len());
            } else if rest.starts_with("/*") {
                match rest.get(2..).and_then(|inner| inner.find("*/")) {
                    Some(length) => self.position += length + 4,
                    None => return Err(self.error("the comment is not closed")),
                }
            } else {
                return Err(self.unexpected("a comment"));
            }
        }
    }

    /// A string, at its opening quote; its part of the text when nothing in it is escaped.
    pub(super) fn string(&mut self) -> Result<Cow<'a, str>, ParseError> {
        self.position += 1;
        let mut out = Cow::Borrowed("");
        loop {
            let rest = self.text.get(self.position..).unwrap_or_default();
            let plain = rest
                .bytes()
                .position(|byte| byte == b'"' || byte == b'\\' || byte < b' ')
                .unwrap_or(rest.len());
            let plain = rest.get(..plain).unwrap_or_default();
            if out.is_empty() {
                out = Cow::Borrowed(plain);
            } else {
                out.to_mut().push_str(plain);
            }
            self.position += plain.len();
            match self.peek() {
                Some(b'"') => {
                    self.position += 1;
                    return Ok(out);
                }
                Some(b'\\') => out.to_mut().push(self.escape()?),
                Some(_) => return Err(self.error("a control character in a string must be escaped")),
                None => return Err(self.error("the text ends inside a string")),
            }
        }
    }

    fn escape(&mut self) -> Result<char, ParseError> {
        let start = self.position;
        self.position += 1;
        let escaped = match self.peek() {
            Some(b'"') => '"',
            Some(b'\\') => '\\',
            Some(b'/') => '/',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => return self.unicode_escape(start),
            _ => return Err(self.error("unknown escape in a string")),
        };
        self.position += 1;
        Ok(escaped)
    }

    /// `\uXXXX`, or a surrogate pair of two of them.
    fn unicode_escape(&mut self, start: usize) -> Result<char, ParseError> {
        let mut unit = self.hexadecimal()?;
        if (0xd800..0xdc00).contains(&unit) && self.take(b'\\') && self.peek() == Some(b'u') {
            let low = self.hexadecimal()?;
            if (0xdc00..0xe000).contains(&low) {
                unit = 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
            }
        }
        char::from_u32(unit).ok_or_else(|| {
            self.position = start;
            self.error("a lone surrogate is not a character")
        })
    }

    /// The four digits after a `u`.
    fn hexadecimal(&mut self) -> Result<u32, ParseError> {
        self.position += 1;
        let digits = self.text.get(self.position..self.position + 4);
        match digits.filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit())) {
            Some(digits) => {
                self.position += 4;
                Ok(u32::from_str_radix(digits, 16).unwrap_or(0))
            }
            None => Err(self.error("\\u needs four hexadecimal digits")),
        }
    }

    /// A number, as written.
    pub(super) fn number(&mut self) -> Result<&'a str, ParseError> {
        let start = self.position;
        self.take(b'-');
        if !self.take(b'0') {
            self.digits()?;
        }
        if self.take(b'.') {
            self.digits()?;
        }
        if self.take(b'e') || self.take(b'E') {
            let _ = self.take(b'+') || self.take(b'-');
            self.digits()?;
        }
        Ok(self.text.get(start..self.position).unwrap_or_default())
    }

    fn digits(&mut self) -> Result<(), ParseError> {
        let start = self.position;
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.position += 1;
        }
        if self.position == start {
            Err(self.error("a number needs a digit here"))
        } else {
            Ok(())
        }
    }
}
