//! Reading Avro's binary encoding under a budget.

use super::ZERO_BYTE_ITEMS_MAX;
use crate::{DEPTH_MAX, Decimal, ReadError};

/// Reads one payload from front to back.
#[derive(Clone, Debug)]
pub struct Reader<'a> {
    bytes: &'a [u8],
    position: usize,
    depth: usize,
    zero_byte_items: usize,
}

type Result<T> = std::result::Result<T, ReadError>;

impl<'a> Reader<'a> {
    /// A reader at the start of a body.
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Reader<'a> {
        Reader {
            bytes,
            position: 0,
            depth: 0,
            zero_byte_items: ZERO_BYTE_ITEMS_MAX,
        }
    }

    /// A reader that lets pass another number of items that take no bytes.
    pub(crate) fn with_budget(bytes: &'a [u8], zero_byte_items: usize) -> Reader<'a> {
        Reader {
            zero_byte_items,
            ..Reader::new(bytes)
        }
    }

    /// The position of the next byte.
    #[must_use]
    pub fn position(&self) -> usize {
        self.position
    }

    /// How many bytes are left.
    #[must_use]
    pub fn remaining(&self) -> usize {
        self.bytes.len() - self.position
    }

    #[cold]
    fn error<T>(&self, message: String) -> Result<T> {
        Err(ReadError {
            path: String::new(),
            message,
        })
    }

    #[cold]
    fn cut_off<T>(&self, what: &str) -> Result<T> {
        self.error(format!(
            "{what} is cut off: the payload ends at byte {}",
            self.bytes.len()
        ))
    }

    #[inline]
    fn take(&mut self, length: usize, what: &str) -> Result<&'a [u8]> {
        match self.bytes[self.position..].get(..length) {
            Some(taken) => {
                self.position += length;
                Ok(taken)
            }
            None => self.cut_off(what),
        }
    }

    /// A boolean; any byte but 0 and 1 is an error.
    ///
    /// # Errors
    /// When the byte is missing or another.
    pub fn bool(&mut self) -> Result<bool> {
        match self.take(1, "a boolean")? {
            [0] => Ok(false),
            [1] => Ok(true),
            other => {
                let message = format!("a boolean is the byte {}, it can only be 0 or 1", other[0]);
                self.error(message)
            }
        }
    }

    /// An int.
    ///
    /// # Errors
    /// When it is cut off or does not fit 32 bits.
    pub fn int(&mut self) -> Result<i32> {
        let value = self.varint("an int")?;
        match i32::try_from(value) {
            Ok(value) => Ok(value),
            Err(_) => self.error(format!("an int holds {value}, which does not fit 32 bits")),
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
    fn varint(&mut self, what: &str) -> Result<i64> {
        let mut value = 0u64;
        let mut shift = 0;
        for byte in &self.bytes[self.position..] {
            self.position += 1;
            if shift == 63 && *byte > 1 {
                return self.error(format!("{what} does not fit 64 bits"));
            }
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok((value >> 1) as i64 ^ -((value & 1) as i64));
            }
            shift += 7;
        }
        self.cut_off(what)
    }

    /// A float.
    ///
    /// # Errors
    /// When it is cut off.
    pub fn float(&mut self) -> Result<f32> {
        Ok(f32::from_le_bytes(self.array_of("a float")?))
    }

    /// A double.
    ///
    /// # Errors
    /// When it is cut off.
    pub fn double(&mut self) -> Result<f64> {
        Ok(f64::from_le_bytes(self.array_of("a double")?))
    }

    /// A fixed of `N` bytes.
    ///
    /// # Errors
    /// When it is cut off.
    pub fn fixed<const N: usize>(&mut self) -> Result<[u8; N]> {
        self.array_of("a fixed")
    }

    fn array_of<const N: usize>(&mut self, what: &str) -> Result<[u8; N]> {
        let mut array = [0; N];
        array.copy_from_slice(self.take(N, what)?);
        Ok(array)
    }

    /// A fixed whose size is only known at run time.
    ///
    /// # Errors
    /// When it is cut off.
    pub fn fixed_slice(&mut self, size: usize) -> Result<&'a [u8]> {
        self.take(size, "a fixed")
    }

    /// Bytes, borrowed from the payload.
    ///
    /// # Errors
    /// When the length is negative or longer than what is left.
    pub fn bytes(&mut self) -> Result<&'a [u8]> {
        self.prefixed("bytes")
    }

    /// A string, borrowed from the payload.
    ///
    /// # Errors
    /// When the length is negative or too long, or the bytes are not UTF-8.
    pub fn string(&mut self) -> Result<&'a str> {
        let bytes = self.prefixed("a string")?;
        match std::str::from_utf8(bytes) {
            Ok(text) => Ok(text),
            Err(error) => self.error(format!(
                "a string is not UTF-8: byte {} of its {}",
                error.valid_up_to(),
                bytes.len()
            )),
        }
    }

    fn prefixed(&mut self, what: &str) -> Result<&'a [u8]> {
        let length = self.varint("a length")?;
        match usize::try_from(length) {
            Ok(length) if length <= self.remaining() => self.take(length, what),
            Ok(_) => self.error(format!(
                "{what} of length {length}: the payload has only {} bytes left",
                self.remaining()
            )),
            Err(_) => self.error(format!("{what} of length {length}: a length cannot be negative")),
        }
    }

    /// The index of an enum's symbol, checked against the number of symbols.
    ///
    /// # Errors
    /// When there is no such symbol.
    pub fn enum_index(&mut self, symbols: usize) -> Result<usize> {
        self.index(symbols, "symbol")
    }

    /// The index of a union's branch, checked against the number of branches.
    ///
    /// # Errors
    /// When there is no such branch.
    pub fn branch(&mut self, branches: usize) -> Result<usize> {
        self.index(branches, "union branch")
    }

    fn index(&mut self, count: usize, what: &str) -> Result<usize> {
        let index = self.varint(what)?;
        match usize::try_from(index) {
            Ok(index) if index < count => Ok(index),
            _ => self.error(format!("{what} {index} does not exist, the schema has {count}")),
        }
    }

    /// A decimal written as bytes.
    ///
    /// # Errors
    /// When it is cut off, empty or beyond 128 bits.
    pub fn decimal_bytes(&mut self, scale: u32) -> Result<Decimal> {
        let bytes = self.bytes()?;
        self.decimal(bytes, scale)
    }

    /// A decimal written as a fixed of `size` bytes.
    ///
    /// # Errors
    /// When it is cut off, empty or beyond 128 bits.
    pub fn decimal_fixed(&mut self, size: usize, scale: u32) -> Result<Decimal> {
        let bytes = self.fixed_slice(size)?;
        self.decimal(bytes, scale)
    }

    fn decimal(&self, bytes: &[u8], scale: u32) -> Result<Decimal> {
        Decimal::from_be_bytes(bytes, scale).or_else(|error| self.error(error.to_string()))
    }

    /// Runs `read` one level deeper; every record, so that recursion ends with an error and not with the stack.
    ///
    /// # Errors
    /// When 64 levels are open already, and what `read` answers.
    pub fn record<T>(&mut self, read: impl FnOnce(&mut Reader<'a>) -> Result<T>) -> Result<T> {
        self.enter()?;
        let value = read(self)?;
        self.leave();
        Ok(value)
    }

    pub(crate) fn enter(&mut self) -> Result<()> {
        if self.depth == DEPTH_MAX {
            return self.error(format!("the payload nests deeper than {DEPTH_MAX} levels"));
        }
        self.depth += 1;
        Ok(())
    }

    pub(crate) fn leave(&mut self) {
        self.depth -= 1;
    }

    /// An array: `item` is called once for each of its items.
    ///
    /// # Errors
    /// When a block is malformed, and what `item` answers, with the index put in front of its path.
    pub fn array<T>(&mut self, mut item: impl FnMut(&mut Reader<'a>) -> Result<T>) -> Result<Vec<T>> {
        let mut items = Vec::new();
        self.items(|reader, index| {
            items.push(item(reader).map_err(|error| error.within_index(index))?);
            Ok(())
        })?;
        Ok(items)
    }

    /// A map, its entries in the order they were written; collect them into the map you need.
    ///
    /// # Errors
    /// When a block is malformed, and what `value` answers, with the key put in front of its path.
    pub fn map<T>(
        &mut self,
        mut value: impl FnMut(&mut Reader<'a>) -> Result<T>,
    ) -> Result<Vec<(String, T)>> {
        let mut entries = Vec::new();
        self.items(|reader, index| {
            let key = reader.string().map_err(|error| error.within_index(index))?;
            entries.push((
                key.to_owned(),
                value(reader).map_err(|error| error.within_key(key))?,
            ));
            Ok(())
        })?;
        Ok(entries)
    }

    /// The blocks of an array or map: `item` is called with each item's index.
    pub(crate) fn items(&mut self, mut item: impl FnMut(&mut Reader<'a>, usize) -> Result<()>) -> Result<()> {
        self.enter()?;
        let mut index = 0;
        while let Some((count, end)) = self.block()? {
            for _ in 0..count {
                let before = self.position;
                item(self, index)?;
                if self.position == before {
                    self.spend_zero_byte_item()?;
                }
                index += 1;
            }
            self.end_block(end)?;
        }
        self.leave();
        Ok(())
    }

    /// A block's item count and, when it tells its size, the position it must end at; `None` after the last one.
    pub(crate) fn block(&mut self) -> Result<Option<(u64, Option<usize>)>> {
        let count = self.varint("a block count")?;
        if count >= 0 {
            return Ok((count > 0).then_some((count.unsigned_abs(), None)));
        }
        let size = self.varint("a block size")?;
        match usize::try_from(size) {
            Ok(size) if size <= self.remaining() => {
                Ok(Some((count.unsigned_abs(), Some(self.position + size))))
            }
            _ => self.error(format!(
                "a block of {size} bytes: the payload has {} bytes left",
                self.remaining()
            )),
        }
    }

    pub(crate) fn end_block(&self, end: Option<usize>) -> Result<()> {
        match end {
            Some(end) if end != self.position => self.error(format!(
                "a block tells it ends at byte {end}, but its items end at {}",
                self.position
            )),
            _ => Ok(()),
        }
    }

    pub(crate) fn spend_zero_byte_item(&mut self) -> Result<()> {
        match self.zero_byte_items.checked_sub(1) {
            Some(left) => {
                self.zero_byte_items = left;
                Ok(())
            }
            None => self.error(format!(
                "more than {ZERO_BYTE_ITEMS_MAX} items that take no bytes"
            )),
        }
    }

    /// The bytes between two positions already passed.
    pub(crate) fn passed(&self, start: usize) -> &'a [u8] {
        self.bytes.get(start..self.position).unwrap_or_default()
    }

    /// Checks that every byte was read.
    ///
    /// # Errors
    /// When bytes are left over.
    pub fn finish(&self) -> Result<()> {
        match self.remaining() {
            0 => Ok(()),
            left => self.error(format!(
                "{left} bytes are left over after the value's end at byte {}",
                self.position
            )),
        }
    }
}
