//! Reading: a cursor over shared bytes that checks every length against what is left.

use bytes::{Buf, Bytes};

use super::{Float64, STRING_BYTES_MAX};
use crate::error::{Fault, WireError};

/// What the allocator adds to a small value, and the least it gives out.
const ALLOCATION_BYTES: usize = 16;

/// A cursor over the bytes of one message. All integers are big-endian; variable-length ones are LEB128.
///
/// ```
/// use annals_kafka_wire::primitives::Reader;
///
/// let mut reader = Reader::new(bytes::Bytes::from_static(&[0, 0, 0, 7, 2, b'a']));
/// assert_eq!(reader.i32()?, 7);
/// assert_eq!(reader.compact_string()?.as_deref(), Some("a"));
/// reader.finish()?;
/// # Ok::<(), annals_kafka_wire::error::WireError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Reader {
    bytes: Bytes,
    allowance: usize,
}

/// One fixed-width integer: its name, its width in bytes, and how `bytes` reads it.
macro_rules! fixed {
    ($($name:ident: $type:ty = $get:ident, $doc:literal;)*) => {$(
        #[doc = $doc]
        pub fn $name(&mut self) -> Result<$type, WireError> {
            self.need(size_of::<$type>())?;
            Ok(self.bytes.$get())
        }
    )*};
}

impl Reader {
    /// A reader over all of `bytes`, from a sender that is trusted with the memory they take once read.
    pub fn new(bytes: Bytes) -> Self {
        Self::within(bytes, usize::MAX)
    }

    /// A reader over all of `bytes` that takes no more than `allowance` bytes of memory beside them: for the
    /// strings it copies and the arrays that [`crate::message`] makes of them.
    pub fn within(bytes: Bytes, allowance: usize) -> Self {
        Self { bytes, allowance }
    }

    /// How many bytes of memory may still be taken.
    pub fn allowance(&self) -> usize {
        self.allowance
    }

    /// Takes this much memory off the allowance; called before it is reserved.
    pub(crate) fn spend(&mut self, bytes: usize) -> Result<(), WireError> {
        self.allowance = self.allowance.checked_sub(bytes).ok_or(Fault::Allowance {
            needed: bytes,
            left: self.allowance,
        })?;
        Ok(())
    }

    /// How many bytes are left.
    pub fn remaining(&self) -> usize {
        self.bytes.len()
    }

    /// What is left, as a slice of the input, without reading it.
    pub fn rest(&self) -> &Bytes {
        &self.bytes
    }

    /// Checks that everything was read; a message with bytes after its end is malformed.
    pub fn finish(&self) -> Result<(), WireError> {
        match self.remaining() {
            0 => Ok(()),
            left => Err(Fault::Trailing { left }.into()),
        }
    }

    fn need(&self, needed: usize) -> Result<(), WireError> {
        if self.remaining() < needed {
            return Err(Fault::Truncated {
                needed,
                left: self.remaining(),
            }
            .into());
        }
        Ok(())
    }

    fixed! {
        i8: i8 = get_i8, "One signed byte.";
        i16: i16 = get_i16, "Two bytes, signed.";
        u16: u16 = get_u16, "Two bytes, unsigned.";
        i32: i32 = get_i32, "Four bytes, signed.";
        u32: u32 = get_u32, "Four bytes, unsigned.";
        i64: i64 = get_i64, "Eight bytes, signed.";
    }

    /// One byte; anything but 0 is true, as in Kafka.
    pub fn bool(&mut self) -> Result<bool, WireError> {
        Ok(self.i8()? != 0)
    }

    /// Eight bytes, a number with a fraction.
    pub fn f64(&mut self) -> Result<Float64, WireError> {
        self.need(size_of::<f64>())?;
        Ok(Float64(self.bytes.get_f64()))
    }

    /// A 16-byte identifier.
    pub fn uuid(&mut self) -> Result<[u8; 16], WireError> {
        let mut id = [0; 16];
        self.need(id.len())?;
        self.bytes.copy_to_slice(&mut id);
        Ok(id)
    }

    /// An unsigned variable-length integer of at most 32 bits (five bytes).
    pub fn uvarint(&mut self) -> Result<u32, WireError> {
        let value = self.leb128(5)?;
        u32::try_from(value).map_err(|_| Fault::Varint.into())
    }

    /// A zigzag variable-length integer of 32 bits, as records use it.
    pub fn varint(&mut self) -> Result<i32, WireError> {
        let raw = self.uvarint()?;
        Ok((raw >> 1) as i32 ^ -((raw & 1) as i32))
    }

    /// A zigzag variable-length integer of 64 bits, as records use it.
    pub fn varlong(&mut self) -> Result<i64, WireError> {
        let raw = self.leb128(10)?;
        Ok((raw >> 1) as i64 ^ -((raw & 1) as i64))
    }

    fn leb128(&mut self, bytes_max: usize) -> Result<u64, WireError> {
        let mut value = 0u64;
        for (i, &byte) in self.bytes.iter().take(bytes_max).enumerate() {
            let bits = u64::from(byte & 0x7f);
            // The tenth byte has room for one bit only.
            if i == 9 && bits > 1 {
                return Err(Fault::Varint.into());
            }
            value |= bits << (7 * i);
            if byte & 0x80 == 0 {
                self.bytes.advance(i + 1);
                return Ok(value);
            }
        }
        if self.remaining() < bytes_max {
            return Err(Fault::Truncated {
                needed: self.remaining() + 1,
                left: self.remaining(),
            }
            .into());
        }
        Err(Fault::Varint.into())
    }

    /// Passes over the next `len` bytes.
    pub fn pass(&mut self, len: usize) -> Result<(), WireError> {
        self.need(len)?;
        self.bytes.advance(len);
        Ok(())
    }

    /// The next `len` bytes as a slice of the input.
    pub fn take(&mut self, len: usize) -> Result<Bytes, WireError> {
        self.need(len)?;
        Ok(self.bytes.split_to(len))
    }

    /// A string with a 16-bit length; -1 is null.
    pub fn string(&mut self) -> Result<Option<String>, WireError> {
        let len = i64::from(self.i16()?);
        self.text(len)
    }

    /// A string with a variable length plus one; 0 is null.
    pub fn compact_string(&mut self) -> Result<Option<String>, WireError> {
        let len = i64::from(self.uvarint()?) - 1;
        self.text(len)
    }

    fn text(&mut self, len: i64) -> Result<Option<String>, WireError> {
        let Some(len) = length(len)? else { return Ok(None) };
        if len > STRING_BYTES_MAX {
            return Err(Fault::TooLong {
                len,
                max: STRING_BYTES_MAX,
            }
            .into());
        }
        let bytes = self.take(len)?;
        match std::str::from_utf8(&bytes) {
            Ok("") => Ok(Some(String::new())),
            Ok(text) => {
                self.spend(len.next_multiple_of(ALLOCATION_BYTES) + ALLOCATION_BYTES)?;
                Ok(Some(text.to_owned()))
            }
            Err(_) => Err(Fault::Utf8.into()),
        }
    }

    /// Bytes with a 32-bit length, as a slice of the input; -1 is null.
    pub fn bytes(&mut self) -> Result<Option<Bytes>, WireError> {
        let len = i64::from(self.i32()?);
        length(len)?.map(|len| self.take(len)).transpose()
    }

    /// Bytes with a variable length plus one, as a slice of the input; 0 is null.
    pub fn compact_bytes(&mut self) -> Result<Option<Bytes>, WireError> {
        let len = i64::from(self.uvarint()?) - 1;
        length(len)?.map(|len| self.take(len)).transpose()
    }

    /// The element count of an array with a 32-bit count; -1 is null.
    /// `element_bytes_min` is the least one element takes: a count that cannot fit in what is left is refused here.
    pub fn count(&mut self, element_bytes_min: usize) -> Result<Option<usize>, WireError> {
        let count = i64::from(self.i32()?);
        self.fitting(count, element_bytes_min)
    }

    /// The element count of an array with a variable count plus one; 0 is null. Checked as [`Reader::count`] is.
    pub fn compact_count(&mut self, element_bytes_min: usize) -> Result<Option<usize>, WireError> {
        let count = i64::from(self.uvarint()?) - 1;
        self.fitting(count, element_bytes_min)
    }

    fn fitting(&self, count: i64, element_bytes_min: usize) -> Result<Option<usize>, WireError> {
        let Some(count) = length(count)? else {
            return Ok(None);
        };
        if count > self.remaining() / element_bytes_min.max(1) {
            return Err(Fault::Count {
                count,
                left: self.remaining(),
            }
            .into());
        }
        Ok(Some(count))
    }

    /// The number of tagged fields that follow. Each takes two bytes at least (tag and size).
    pub fn tag_count(&mut self) -> Result<usize, WireError> {
        let count = self.uvarint()? as usize;
        if count > self.remaining() / 2 {
            return Err(Fault::Count {
                count,
                left: self.remaining(),
            }
            .into());
        }
        Ok(count)
    }

    /// One tagged field: its tag and a reader over exactly its bytes, with the allowance of this one.
    pub fn tagged(&mut self) -> Result<(u32, Reader), WireError> {
        let tag = self.uvarint()?;
        let size = self.uvarint()? as usize;
        Ok((tag, Reader::within(self.take(size)?, self.allowance)))
    }

    /// Skips a whole section of tagged fields.
    pub fn skip_tags(&mut self) -> Result<(), WireError> {
        for _ in 0..self.tag_count()? {
            self.tagged()?;
        }
        Ok(())
    }
}

/// A length as it came: -1 is null, anything below is malformed.
fn length(len: i64) -> Result<Option<usize>, WireError> {
    match len {
        -1 => Ok(None),
        len => usize::try_from(len)
            .map(Some)
            .map_err(|_| Fault::NegativeLength { len }.into()),
    }
}
