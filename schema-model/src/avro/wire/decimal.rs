//! Decimals: digits as two's complement, in bytes or in a fixed.
//!
//! Their precision is the type's business ([`Exact`]); without a type it is not looked at, as nobody's readers do.

use super::{Reader, Result, Writer};
use crate::{Decimal, DecimalError, Exact, Number};

impl Reader<'_> {
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
    pub(crate) fn decimal_bytes(&mut self, scale: u32) -> Result<Decimal> {
        let start = self.rest;
        let bytes = self.slice()?;
        Decimal::from_be_bytes(bytes, scale).or_else(|error| self.fault(start, error.to_string()))
    }

    /// A decimal written as a fixed of `size` bytes.
    ///
    /// # Errors
    /// When it is cut off or has too many bits.
    pub(crate) fn decimal_fixed(&mut self, size: usize, scale: u32) -> Result<Decimal> {
        let start = self.rest;
        let bytes = self.fixed_slice(size)?;
        Decimal::from_be_bytes(bytes, scale).or_else(|error| self.fault(start, error.to_string()))
    }
}

impl Writer {
    /// A decimal as bytes, at the scale it has.
    pub fn decimal(&mut self, value: &Decimal) {
        match value.unscaled().map(i64::try_from) {
            Some(Ok(short)) => {
                // Without the leading bytes that only repeat the sign.
                let bits = 64 - (short ^ (short >> 63)).leading_zeros() as usize;
                let length = bits / 8 + 1;
                self.long(length as i64);
                self.beginning((short << (64 - 8 * length)).to_be_bytes(), length);
            }
            _ => self.bytes(&value.to_be_bytes()),
        }
    }

    /// A decimal as bytes, brought to the schema's scale.
    ///
    /// # Errors
    /// [`DecimalError::Scale`] when digits would be lost, [`DecimalError::Overflow`] when there are too many.
    pub fn decimal_bytes(&mut self, value: Decimal, scale: u32) -> std::result::Result<(), DecimalError> {
        let value = value.to_scale(scale)?;
        self.decimal(&value);
        Ok(())
    }

    /// A decimal as a fixed of `size` bytes, brought to the schema's scale.
    ///
    /// # Errors
    /// [`DecimalError::Scale`] when digits would be lost, [`DecimalError::Overflow`] when `size` bytes are too few.
    pub fn decimal_fixed(
        &mut self,
        value: Decimal,
        size: usize,
        scale: u32,
    ) -> std::result::Result<(), DecimalError> {
        let value = value.to_scale(scale)?;
        if value.to_be_bytes().len() > size {
            return Err(DecimalError::Overflow(size as u64 * 8));
        }
        self.decimal_padded(&value, size);
        Ok(())
    }

    /// A decimal as a fixed of `size` bytes, which hold it, at the scale it has.
    pub fn decimal_padded(&mut self, value: &Decimal, size: usize) {
        let sign = if value.is_negative() { 0xff } else { 0 };
        let wide;
        let short;
        let digits = match value.unscaled() {
            Some(unscaled) => {
                short = unscaled.to_be_bytes();
                &short[short.len().saturating_sub(size)..]
            }
            None => {
                wide = value.to_be_bytes();
                &wide[wide.len().saturating_sub(size)..]
            }
        };
        self.bytes.extend(std::iter::repeat_n(sign, size - digits.len()));
        self.bytes.extend_from_slice(digits);
    }

    /// A decimal that carries its scale: bytes that hold the digits as bytes, and the scale as an int.
    pub fn big_decimal<T: Number>(&mut self, value: &T) {
        let Some(value) = value.to_decimal() else {
            let bits = Decimal::BITS_MAX;
            return self.refuse(format!(
                "a decimal has more than {bits} bits, or too many fraction digits"
            ));
        };
        let mut inner = Writer::new();
        inner.decimal(&value);
        inner.long(i64::from(value.scale()));
        self.bytes(&inner.into_bytes());
    }

    /// A decimal of another crate as bytes; one that does not fit the schema is refused.
    pub fn decimal_as<const PRECISION: u32, const SCALE: u32, T: Number>(&mut self, value: &T) {
        if let Some(value) = self.fitting::<PRECISION, SCALE, T>(value) {
            self.decimal(&value);
        }
    }

    /// A decimal of another crate as a fixed of `size` bytes; one that does not fit the schema is refused.
    pub fn decimal_padded_as<const PRECISION: u32, const SCALE: u32, T: Number>(
        &mut self,
        value: &T,
        size: usize,
    ) {
        if let Some(value) = self.fitting::<PRECISION, SCALE, T>(value) {
            self.decimal_padded(&value, size);
        }
    }

    fn fitting<const PRECISION: u32, const SCALE: u32, T: Number>(
        &mut self,
        value: &T,
    ) -> Option<Exact<PRECISION, SCALE>> {
        let value = value.to_decimal();
        let fitting = value.clone().and_then(Exact::new);
        if fitting.is_none() {
            let shown = value.map_or_else(|| "a decimal".to_owned(), |value| value.to_string());
            self.refuse(format!("{shown} does not fit decimal({PRECISION}, {SCALE})"));
        }
        fitting
    }
}
