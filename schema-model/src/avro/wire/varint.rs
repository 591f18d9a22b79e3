//! Whole numbers: seven bits a byte, the lowest first; small ones of either sign take few bytes.

use super::{Reader, Result};

/// How many bytes an int takes at most.
const INT_BYTES_MAX: usize = 5;

impl Reader<'_> {
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
