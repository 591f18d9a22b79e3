//! Whole numbers: seven bits a byte, the lowest first; small ones of either sign take few bytes.

use super::{Reader, Result, Writer};

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

impl Writer {
    #[inline(never)]
    pub(super) fn varint_of_many(&mut self, value: u64) {
        let bits = u64::BITS - value.leading_zeros();
        let length = bits.div_ceil(7) as usize;
        let low = apart(value & 0x00ff_ffff_ffff_ffff);
        if length <= 8 {
            // The highest bit of each byte but the last.
            let more = 0x8080_8080_8080_8080 & ((1 << (8 * (length - 1))) - 1);
            self.beginning((low | more).to_le_bytes(), length);
        } else {
            let high = value >> 56;
            self.bytes
                .extend_from_slice(&(low | 0x8080_8080_8080_8080).to_le_bytes());
            let high = [(high & 0x7f) as u8 | ((length as u8 - 9) << 7), (high >> 7) as u8];
            self.beginning(high, length - 8);
        }
    }

    /// The first of some bytes. All of them are written and the rest taken back: their number is known then, and small.
    #[inline]
    pub(super) fn beginning<const N: usize>(&mut self, bytes: [u8; N], length: usize) {
        let end = self.bytes.len() + length;
        self.bytes.extend_from_slice(&bytes);
        self.bytes.truncate(end);
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

/// Groups of seven bits, each put in a byte of its own.
#[inline]
fn apart(value: u64) -> u64 {
    let value = (value & 0x0fff_ffff) | ((value & 0x00ff_ffff_f000_0000) << 4);
    let value = (value & 0x0000_3fff_0000_3fff) | ((value & 0x0fff_c000_0fff_c000) << 2);
    (value & 0x007f_007f_007f_007f) | ((value & 0x3f80_3f80_3f80_3f80) << 1)
}
