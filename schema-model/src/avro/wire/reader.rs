//! Reading Avro's binary encoding under a budget.

use super::{
    Fault, Result, ZERO_BYTE_ITEMS_MAX,
    nesting::{NAMES_BYTES_MAX, NAMES_PER_BYTE, ROOM_PER_BYTE},
};
use crate::Decimal;

/// How many bytes an int takes at most.
const INT_BYTES_MAX: usize = 5;

/// Reads one payload from front to back.
#[derive(Clone, Debug)]
pub struct Reader<'a> {
    bytes: &'a [u8],
    /// What was not read yet: the end of `bytes`.
    pub(super) rest: &'a [u8],
    /// How many records that can hold themselves are open.
    pub(super) depth: usize,
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
            stack: 0,
            zero_byte_items: ZERO_BYTE_ITEMS_MAX,
            names: NAMES_BYTES_MAX.saturating_add(bytes.len().saturating_mul(NAMES_PER_BYTE)),
            room: bytes.len().saturating_mul(ROOM_PER_BYTE),
        }
    }

    /// A reader of other bytes that may go as deep, and spend as much, as this one still may.
    pub(crate) fn of(&self, bytes: &'a [u8]) -> Reader<'a> {
        Reader {
            bytes,
            rest: bytes,
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

    /// All of the bytes.
    pub(crate) fn whole(&self) -> &'a [u8] {
        self.bytes
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
    fn cut_off<T>(&self, start: &'a [u8], what: &str) -> Result<T> {
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

    /// An int.
    ///
    /// # Errors
    /// When it is cut off or does not fit 32 bits.
    #[inline]
    pub fn int(&mut self) -> Result<i32> {
        match self.rest {
            [byte, rest @ ..] if *byte < 0x80 => {
                self.rest = rest;
                Ok(signed(u64::from(*byte)) as i32)
            }
            _ => self.int_of_many(),
        }
    }

    #[inline(never)]
    fn int_of_many(&mut self) -> Result<i32> {
        let start = self.rest;
        let value = self.varint_of_many("an int")?;
        match i32::try_from(value) {
            Ok(value) if start.len() - self.rest.len() <= INT_BYTES_MAX => Ok(value),
            Ok(_) => self.fault(start, format!("an int takes more than {INT_BYTES_MAX} bytes")),
            Err(_) => self.fault(start, format!("an int holds {value}, which does not fit 32 bits")),
        }
    }

    /// A long.
    ///
    /// # Errors
    /// When it is cut off or does not fit 64 bits.
    #[inline]
    pub fn long(&mut self) -> Result<i64> {
        self.varint("a long")
    }

    #[inline]
    pub(super) fn varint(&mut self, what: &'static str) -> Result<i64> {
        match self.rest {
            [byte, rest @ ..] if *byte < 0x80 => {
                self.rest = rest;
                Ok(signed(u64::from(*byte)))
            }
            _ => self.varint_of_many(what),
        }
    }

    #[inline(never)]
    fn varint_of_many(&mut self, what: &'static str) -> Result<i64> {
        if let Some(word) = self.rest.first_chunk() {
            let word = u64::from_le_bytes(*word);
            // The highest bit of each byte: 0 in the last one of a number.
            let ends = !word & 0x8080_8080_8080_8080;
            if ends != 0 {
                self.rest = &self.rest[ends.trailing_zeros() as usize / 8 + 1..];
                return Ok(signed(sevens(word & (ends ^ (ends - 1)))));
            }
        }
        let start = self.rest;
        let mut value = 0u64;
        let mut shift = 0;
        while let Some((byte, rest)) = self.rest.split_first() {
            self.rest = rest;
            if shift == 63 && *byte > 1 {
                return self.fault(start, format!("{what} does not fit 64 bits"));
            }
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(signed(value));
            }
            shift += 7;
        }
        self.cut_off(start, what)
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
        let start = self.rest;
        let bytes = self.prefixed("a string")?;
        match std::str::from_utf8(bytes) {
            Ok(text) => Ok(text),
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

    /// The digits of a decimal of at most eight bytes, when they are less than a limit; nothing is read otherwise.
    #[inline(never)]
    pub(super) fn few_digits(&mut self, limit: u64) -> Option<i64> {
        let (length, rest) = self.rest.split_first()?;
        // A length of one byte, and not negative.
        let (digits, rest) = rest.split_at_checked(usize::from(length >> 1))?;
        let value = Decimal::few_be_bytes(digits)?;
        let is_few = length & 0x81 == 0 && value.unsigned_abs() < limit;
        if is_few {
            self.rest = rest;
        }
        is_few.then_some(value)
    }

    /// A decimal written as bytes.
    ///
    /// # Errors
    /// When it is cut off or has too many bits.
    pub fn decimal_bytes(&mut self, scale: u32) -> Result<Decimal> {
        let start = self.rest;
        let bytes = self.slice()?;
        Decimal::from_be_bytes(bytes, scale).or_else(|error| self.fault(start, error.to_string()))
    }

    /// A decimal written as a fixed of `size` bytes.
    ///
    /// # Errors
    /// When it is cut off or has too many bits.
    pub fn decimal_fixed(&mut self, size: usize, scale: u32) -> Result<Decimal> {
        let start = self.rest;
        let bytes = self.fixed_slice(size)?;
        Decimal::from_be_bytes(bytes, scale).or_else(|error| self.fault(start, error.to_string()))
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

/// Zigzag undone.
#[inline]
fn signed(value: u64) -> i64 {
    (value >> 1) as i64 ^ -((value & 1) as i64)
}

/// The lower seven bits of each byte, put together.
#[inline]
fn sevens(word: u64) -> u64 {
    let word = (word & 0x007f_007f_007f_007f) | ((word & 0x7f00_7f00_7f00_7f00) >> 1);
    let word = (word & 0x0000_3fff_0000_3fff) | ((word & 0x3fff_0000_3fff_0000) >> 2);
    (word & 0x0fff_ffff) | ((word & 0x0fff_ffff_0000_0000) >> 4)
}
