//! Reading Avro's binary encoding under a budget.

use super::{
    Fault, NOTHINGS_PER_BYTE, Result, ZERO_BYTE_ITEMS_MAX,
    nesting::{NAMES_BYTES_MAX, NAMES_PER_BYTE, ROOM_PER_BYTE},
};

/// Reads one payload from front to back.
#[derive(Clone, Debug)]
pub struct Reader<'a> {
    bytes: &'a [u8],
    /// What was not read yet: the end of `bytes`.
    pub(super) rest: &'a [u8],
    /// How many records that can hold themselves are open.
    pub(super) depth: usize,
    /// How many records, arrays and maps are open, where no generated type says how many there can be.
    pub(super) levels: usize,
    /// Where the stack stood at the first level.
    pub(super) stack: usize,
    /// How many more items may take no bytes.
    pub(crate) zero_byte_items: usize,
    /// How many more bytes of names and symbols may be copied from the schema.
    pub(super) names: usize,
    /// For how many bytes of memory room may still be made before what goes there is read.
    pub(super) room: usize,
}

impl<'a> Reader<'a> {
    /// A reader at the start of a body.
    #[inline]
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Reader<'a> {
        Reader {
            bytes,
            rest: bytes,
            depth: 0,
            levels: 0,
            stack: 0,
            zero_byte_items: ZERO_BYTE_ITEMS_MAX
                .saturating_add(bytes.len().saturating_mul(NOTHINGS_PER_BYTE)),
            names: NAMES_BYTES_MAX.saturating_add(bytes.len().saturating_mul(NAMES_PER_BYTE)),
            room: bytes.len().saturating_mul(ROOM_PER_BYTE),
        }
    }

    /// A reader of a default's bytes that may spend as much as this one still may. A default is no deeper than schemas nest,
    /// and its levels are its own: wherever a payload has a record, there is room for the fields that a reader adds.
    pub(crate) fn of(&self, bytes: &'a [u8]) -> Reader<'a> {
        Reader {
            bytes,
            rest: bytes,
            depth: 0,
            levels: 0,
            ..*self
        }
    }

    /// Takes over what a reader made by [`Reader::of`] has spent.
    pub(crate) fn spend_as(&mut self, other: &Reader<'_>) {
        self.zero_byte_items = other.zero_byte_items;
        self.names = other.names;
    }

    /// The position of the next byte.
    #[inline]
    #[must_use]
    pub fn position(&self) -> usize {
        self.bytes.len() - self.rest.len()
    }

    /// How many bytes are left.
    #[inline]
    #[must_use]
    pub fn remaining(&self) -> usize {
        self.rest.len()
    }

    /// Goes on at a position that was passed before, or will be.
    pub(crate) fn seek(&mut self, position: usize) {
        self.rest = self.bytes.get(position..).unwrap_or_default();
    }

    #[cold]
    pub(super) fn fault<T>(&self, start: &'a [u8], message: String) -> Result<T> {
        Err(Fault::new(self.bytes.len() - start.len(), message))
    }

    #[cold]
    pub(super) fn cut_off<T>(&self, start: &'a [u8], what: &str) -> Result<T> {
        let message = format!("{what} is cut off: the payload ends at byte {}", self.bytes.len());
        self.fault(start, message)
    }

    /// A boolean; any byte but 0 and 1 is an error.
    ///
    /// # Errors
    /// When the byte is missing or another.
    #[inline]
    pub fn bool(&mut self) -> Result<bool> {
        let start = self.rest;
        match start.split_first() {
            Some((byte @ (0 | 1), rest)) => {
                self.rest = rest;
                Ok(*byte == 1)
            }
            Some((byte, _)) => self.fault(
                start,
                format!("a boolean is the byte {byte}, it can only be 0 or 1"),
            ),
            None => self.cut_off(start, "a boolean"),
        }
    }

    /// A float.
    ///
    /// # Errors
    /// When it is cut off.
    #[inline]
    pub fn float(&mut self) -> Result<f32> {
        self.array_of("a float").map(f32::from_le_bytes)
    }

    /// A double.
    ///
    /// # Errors
    /// When it is cut off.
    #[inline]
    pub fn double(&mut self) -> Result<f64> {
        self.array_of("a double").map(f64::from_le_bytes)
    }

    /// A fixed of `N` bytes.
    ///
    /// # Errors
    /// When it is cut off.
    #[inline]
    pub fn fixed<const N: usize>(&mut self) -> Result<[u8; N]> {
        self.array_of("a fixed")
    }

    #[inline]
    fn array_of<const N: usize>(&mut self, what: &str) -> Result<[u8; N]> {
        match self.rest.split_first_chunk() {
            Some((array, rest)) => {
                self.rest = rest;
                Ok(*array)
            }
            None => self.cut_off(self.rest, what),
        }
    }

    /// A fixed whose size is only known at run time.
    ///
    /// # Errors
    /// When it is cut off.
    pub fn fixed_slice(&mut self, size: usize) -> Result<&'a [u8]> {
        match self.rest.split_at_checked(size) {
            Some((taken, rest)) => {
                self.rest = rest;
                Ok(taken)
            }
            None => self.cut_off(self.rest, "a fixed"),
        }
    }

    /// Bytes, borrowed from the payload.
    ///
    /// # Errors
    /// When the length is negative or longer than what is left.
    #[inline]
    pub fn slice(&mut self) -> Result<&'a [u8]> {
        self.prefixed("bytes")
    }

    /// A string, borrowed from the payload.
    ///
    /// # Errors
    /// When the length is negative or too long, or the bytes are not UTF-8.
    #[inline]
    pub fn str(&mut self) -> Result<&'a str> {
        let mut text = "";
        self.str_into(&mut text)?;
        Ok(text)
    }

    /// A string, borrowed from the payload, into a place that has one.
    ///
    /// # Errors
    /// As [`Reader::str`].
    #[inline(never)]
    pub fn str_into(&mut self, into: &mut &'a str) -> Result<()> {
        let start = self.rest;
        let bytes = self.prefixed("a string")?;
        match std::str::from_utf8(bytes) {
            Ok(text) => {
                // All of it. The text is handed over in two words of memory, and taken from there as one of twice their size it
                // would be waited for.
                *into = text.get(..bytes.len()).unwrap_or_default();
                Ok(())
            }
            Err(error) => self.not_utf8(start, error.valid_up_to(), bytes.len()),
        }
    }

    /// Passes over a string: what [`Reader::str`] reads, and refuses.
    ///
    /// # Errors
    /// As [`Reader::str`].
    pub(crate) fn pass_str(&mut self) -> Result<()> {
        let start = self.rest;
        let bytes = self.prefixed("a string")?;
        if is_ascii(bytes) {
            return Ok(());
        }
        match std::str::from_utf8(bytes) {
            Ok(_) => Ok(()),
            Err(error) => self.not_utf8(start, error.valid_up_to(), bytes.len()),
        }
    }

    /// A string of its own, into a place that has one.
    ///
    /// What calls this is printed once a field: the string goes where it is to be, and is not handed up through results.
    ///
    /// # Errors
    /// As [`Reader::str`].
    #[inline(never)]
    pub fn string_into(&mut self, into: &mut String) -> Result<()> {
        let start = self.rest;
        let bytes = self.prefixed("a string")?;
        match String::from_utf8(bytes.to_vec()) {
            Ok(text) => {
                *into = text;
                Ok(())
            }
            Err(error) => self.not_utf8(start, error.utf8_error().valid_up_to(), bytes.len()),
        }
    }

    /// Bytes of their own, into a place that has some.
    ///
    /// # Errors
    /// As [`Reader::slice`].
    #[inline(never)]
    pub fn bytes_into(&mut self, into: &mut Vec<u8>) -> Result<()> {
        *into = self.slice()?.to_vec();
        Ok(())
    }

    #[cold]
    fn not_utf8<T>(&self, start: &'a [u8], valid: usize, length: usize) -> Result<T> {
        self.fault(
            start,
            format!("a string is not UTF-8: byte {valid} of its {length}"),
        )
    }

    #[inline]
    pub(super) fn prefixed(&mut self, what: &'static str) -> Result<&'a [u8]> {
        let start = self.rest;
        let length = self.varint("a length")?;
        let taken = usize::try_from(length)
            .ok()
            .and_then(|length| self.rest.split_at_checked(length));
        match taken {
            Some((taken, rest)) => {
                self.rest = rest;
                Ok(taken)
            }
            None => self.wrong_length(start, what, length),
        }
    }

    #[cold]
    fn wrong_length(&self, start: &'a [u8], what: &str, length: i64) -> Result<&'a [u8]> {
        let why = if length < 0 {
            "a length cannot be negative".to_owned()
        } else {
            format!("the payload has only {} bytes left", self.remaining())
        };
        self.fault(start, format!("{what} of length {length}: {why}"))
    }

    /// The index of an enum's symbol, checked against the number of symbols.
    ///
    /// # Errors
    /// When there is no such symbol.
    #[inline]
    pub fn enum_index(&mut self, symbols: usize) -> Result<usize> {
        self.index(symbols, "symbol")
    }

    /// The index of a union's branch, checked against the number of branches.
    ///
    /// # Errors
    /// When there is no such branch.
    #[inline]
    pub fn branch(&mut self, branches: usize) -> Result<usize> {
        self.index(branches, "union branch")
    }

    #[inline]
    fn index(&mut self, count: usize, what: &'static str) -> Result<usize> {
        let start = self.rest;
        let index = self.varint(what)?;
        match usize::try_from(index) {
            Ok(index) if index < count => Ok(index),
            _ => self.no_such(start, what, index, count),
        }
    }

    #[cold]
    fn no_such(&self, start: &'a [u8], what: &str, index: i64, count: usize) -> Result<usize> {
        self.fault(
            start,
            format!("{what} {index} does not exist, the schema has {count}"),
        )
    }

    /// Checks that every byte was read.
    ///
    /// # Errors
    /// When bytes are left over.
    #[inline]
    pub fn finish(&self) -> Result<()> {
        if self.rest.is_empty() {
            return Ok(());
        }
        self.left_over()
    }

    #[cold]
    fn left_over(&self) -> Result<()> {
        let (left, end) = (self.remaining(), self.position());
        self.fault(
            self.rest,
            format!("{left} bytes are left over after the value's end at byte {end}"),
        )
    }
}

/// Whether all bytes are ASCII, told quickly for few of them.
#[inline]
fn is_ascii(bytes: &[u8]) -> bool {
    const HIGH: u64 = 0x8080_8080_8080_8080;
    let word = |bytes: &[u8; 8]| u64::from_ne_bytes(*bytes);
    let (words, rest) = bytes.as_chunks::<8>();
    let high = match bytes.last_chunk::<8>() {
        // The last eight bytes are of the words in part.
        Some(last) => words.iter().fold(word(last), |high, bytes| high | word(bytes)),
        None => rest.iter().fold(0, |high, byte| high | u64::from(*byte)),
    };
    high & HIGH == 0
}
