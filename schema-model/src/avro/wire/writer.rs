//! Writing Avro's binary encoding.

use crate::{Decimal, DecimalError};

/// Writes one payload from front to back.
#[derive(Clone, Debug, Default)]
pub struct Writer {
    bytes: Vec<u8>,
}

impl Writer {
    /// A writer with nothing written.
    #[must_use]
    pub fn new() -> Writer {
        Writer::default()
    }

    /// A writer that appends to bytes already there.
    #[must_use]
    pub fn append_to(bytes: Vec<u8>) -> Writer {
        Writer { bytes }
    }

    /// What was written.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// How many bytes were written.
    #[must_use]
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether nothing was written.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Takes back what was written behind the first `len` bytes.
    pub fn truncate(&mut self, len: usize) {
        self.bytes.truncate(len);
    }

    /// A boolean.
    pub fn bool(&mut self, value: bool) {
        self.bytes.push(u8::from(value));
    }

    /// An int.
    pub fn int(&mut self, value: i32) {
        self.long(i64::from(value));
    }

    /// A long.
    pub fn long(&mut self, value: i64) {
        let mut value = ((value << 1) ^ (value >> 63)) as u64;
        while value >= 0x80 {
            self.bytes.push((value & 0x7f) as u8 | 0x80);
            value >>= 7;
        }
        self.bytes.push(value as u8);
    }

    /// A float.
    pub fn float(&mut self, value: f32) {
        self.bytes.extend_from_slice(&value.to_le_bytes());
    }

    /// A double.
    pub fn double(&mut self, value: f64) {
        self.bytes.extend_from_slice(&value.to_le_bytes());
    }

    /// A fixed: exactly these bytes, whose number must be the schema's size.
    pub fn fixed(&mut self, value: &[u8]) {
        self.bytes.extend_from_slice(value);
    }

    /// Bytes.
    pub fn bytes(&mut self, value: &[u8]) {
        self.index(value.len());
        self.bytes.extend_from_slice(value);
    }

    /// A string.
    pub fn string(&mut self, value: &str) {
        self.bytes(value.as_bytes());
    }

    /// The index of an enum's symbol.
    pub fn enum_index(&mut self, index: usize) {
        self.index(index);
    }

    /// The index of a union's branch.
    pub fn branch(&mut self, index: usize) {
        self.index(index);
    }

    fn index(&mut self, index: usize) {
        self.long(i64::try_from(index).unwrap_or(i64::MAX));
    }

    /// A decimal as bytes, brought to the schema's scale.
    ///
    /// # Errors
    /// [`DecimalError::Scale`] when digits would be lost, or do not fit.
    pub fn decimal_bytes(&mut self, value: Decimal, scale: u32) -> Result<(), DecimalError> {
        let value = value.at_scale(scale).ok_or(DecimalError::Scale)?;
        self.bytes(&value.to_be_bytes());
        Ok(())
    }

    /// A decimal as a fixed of `size` bytes, brought to the schema's scale.
    ///
    /// # Errors
    /// [`DecimalError::Scale`] when digits would be lost, [`DecimalError::Overflow`] when `size` bytes are too few.
    pub fn decimal_fixed(&mut self, value: Decimal, size: usize, scale: u32) -> Result<(), DecimalError> {
        let value = value.at_scale(scale).ok_or(DecimalError::Scale)?;
        let digits = value.to_be_bytes();
        let padding = size.checked_sub(digits.len()).ok_or(DecimalError::Overflow)?;
        let sign = if value.is_negative() { 0xff } else { 0 };
        self.bytes.extend(std::iter::repeat_n(sign, padding));
        self.bytes.extend_from_slice(&digits);
        Ok(())
    }

    /// An array, in one block.
    pub fn array<T>(&mut self, items: &[T], mut item: impl FnMut(&mut Writer, &T)) {
        if !items.is_empty() {
            self.index(items.len());
            for value in items {
                item(self, value);
            }
        }
        self.bytes.push(0);
    }

    /// A map, in one block; the entries are written in the order of the iterator.
    pub fn map<'k, T>(
        &mut self,
        entries: impl IntoIterator<Item = (&'k String, T), IntoIter: ExactSizeIterator>,
        mut value: impl FnMut(&mut Writer, T),
    ) {
        let entries = entries.into_iter();
        if entries.len() > 0 {
            self.index(entries.len());
            for (key, entry) in entries {
                self.string(key);
                value(self, entry);
            }
        }
        self.bytes.push(0);
    }
}
