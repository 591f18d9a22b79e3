//! Writing: the mirror image of the reader, growing one buffer. Long bytes that somebody holds already are not copied
//! into it but stand beside it, with the place where they belong.

use bytes::{BufMut, Bytes, BytesMut};

use super::{Float64, Pieces, STRING_BYTES_MAX};
use crate::error::{Fault, WireError};

/// Bytes shorter than this are copied: a piece of its own costs more.
const PIECE_BYTES_MIN: usize = 4 * 1024;

/// A growing buffer that knows the protocol's encodings.
///
/// ```
/// use annals_kafka_wire::primitives::Writer;
///
/// let mut writer = Writer::new();
/// writer.i32(7);
/// writer.compact_string(Some("a"))?;
/// assert_eq!(&writer.into_bytes()[..], [0, 0, 0, 7, 2, b'a']);
/// # Ok::<(), annals_kafka_wire::error::WireError>(())
/// ```
#[derive(Debug, Default)]
pub struct Writer {
    bytes: BytesMut,
    /// What is not copied, and how many of `bytes` stand before it.
    shared: Vec<(usize, Bytes)>,
    shared_bytes: usize,
}

/// One fixed-width integer and how `bytes` writes it.
macro_rules! fixed {
    ($($name:ident: $type:ty = $put:ident, $doc:literal;)*) => {$(
        #[doc = $doc]
        pub fn $name(&mut self, value: $type) {
            self.bytes.$put(value);
        }
    )*};
}

impl Writer {
    /// An empty writer.
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty writer with room for `bytes`.
    pub fn with_capacity(bytes: usize) -> Self {
        Self {
            bytes: BytesMut::with_capacity(bytes),
            ..Self::default()
        }
    }

    /// How many bytes were written.
    pub fn len(&self) -> usize {
        self.bytes.len() + self.shared_bytes
    }

    /// Whether nothing was written.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What was written, in one piece.
    pub fn into_bytes(self) -> Bytes {
        self.into_pieces().into_bytes()
    }

    /// What was written, as it is.
    pub(crate) fn into_pieces(self) -> Pieces {
        let mut rest = self.bytes.freeze();
        let (mut pieces, mut before) = (Pieces::default(), 0);
        for (position, shared) in self.shared {
            pieces.push(rest.split_to(position - before));
            pieces.push(shared);
            before = position;
        }
        pieces.push(rest);
        pieces
    }

    fixed! {
        i8: i8 = put_i8, "One signed byte.";
        i16: i16 = put_i16, "Two bytes, signed.";
        u16: u16 = put_u16, "Two bytes, unsigned.";
        i32: i32 = put_i32, "Four bytes, signed.";
        u32: u32 = put_u32, "Four bytes, unsigned.";
        i64: i64 = put_i64, "Eight bytes, signed.";
        put: &[u8] = put_slice, "Bytes as they are, without a length.";
    }

    /// Replaces the first four bytes with `value`; used for a length known only later.
    pub(crate) fn set_first_i32(&mut self, value: i32) {
        if let Some(place) = self.bytes.first_chunk_mut() {
            *place = value.to_be_bytes();
        }
    }

    /// As [`Writer::put`], without a copy of what is long.
    fn share(&mut self, bytes: &Bytes) {
        if bytes.len() < PIECE_BYTES_MIN {
            return self.put(bytes);
        }
        self.shared.push((self.bytes.len(), bytes.clone()));
        self.shared_bytes += bytes.len();
    }

    /// Eight bytes, a number with a fraction.
    pub fn f64(&mut self, value: Float64) {
        self.bytes.put_f64(value.0);
    }

    /// One byte, 0 or 1.
    pub fn bool(&mut self, value: bool) {
        self.i8(i8::from(value));
    }

    /// An unsigned variable-length integer.
    pub fn uvarint(&mut self, value: u32) {
        self.leb128(u64::from(value));
    }

    /// A zigzag variable-length integer of 32 bits, as records use it.
    pub fn varint(&mut self, value: i32) {
        self.leb128(u64::from(((value << 1) ^ (value >> 31)) as u32));
    }

    /// A zigzag variable-length integer of 64 bits, as records use it.
    pub fn varlong(&mut self, value: i64) {
        self.leb128(((value << 1) ^ (value >> 63)) as u64);
    }

    fn leb128(&mut self, mut value: u64) {
        while value > 0x7f {
            self.bytes.put_u8(value as u8 | 0x80);
            value >>= 7;
        }
        self.bytes.put_u8(value as u8);
    }

    /// A string with a 16-bit length; null is -1.
    pub fn string(&mut self, text: Option<&str>) -> Result<(), WireError> {
        let Some(text) = text else {
            self.i16(-1);
            return Ok(());
        };
        self.i16(i16::try_from(text.len()).map_err(|_| too_long(text.len(), STRING_BYTES_MAX))?);
        self.put(text.as_bytes());
        Ok(())
    }

    /// A string with a variable length plus one; null is 0.
    pub fn compact_string(&mut self, text: Option<&str>) -> Result<(), WireError> {
        match text {
            Some(text) if text.len() > STRING_BYTES_MAX => Err(too_long(text.len(), STRING_BYTES_MAX)),
            text => self.compact_bytes(text.map(str::as_bytes)),
        }
    }

    /// Bytes with a 32-bit length; null is -1.
    pub fn bytes(&mut self, bytes: Option<&[u8]>) -> Result<(), WireError> {
        self.count(bytes.map(<[u8]>::len))?;
        self.put(bytes.unwrap_or_default());
        Ok(())
    }

    /// Bytes with a variable length plus one; null is 0.
    pub fn compact_bytes(&mut self, bytes: Option<&[u8]>) -> Result<(), WireError> {
        self.compact_count(bytes.map(<[u8]>::len))?;
        self.put(bytes.unwrap_or_default());
        Ok(())
    }

    /// As [`Writer::bytes`], without a copy of what is long.
    pub fn shared_bytes(&mut self, bytes: Option<&Bytes>) -> Result<(), WireError> {
        self.count(bytes.map(Bytes::len))?;
        bytes.into_iter().for_each(|bytes| self.share(bytes));
        Ok(())
    }

    /// As [`Writer::compact_bytes`], without a copy of what is long.
    pub fn compact_shared_bytes(&mut self, bytes: Option<&Bytes>) -> Result<(), WireError> {
        self.compact_count(bytes.map(Bytes::len))?;
        bytes.into_iter().for_each(|bytes| self.share(bytes));
        Ok(())
    }

    /// The element count of an array as 32 bits; null is -1.
    pub fn count(&mut self, count: Option<usize>) -> Result<(), WireError> {
        self.i32(count.map_or(Ok(-1), bounded)?);
        Ok(())
    }

    /// The element count of an array as a variable count plus one; null is 0.
    pub fn compact_count(&mut self, count: Option<usize>) -> Result<(), WireError> {
        self.uvarint(count.map_or(Ok(-1), bounded)?.wrapping_add(1) as u32);
        Ok(())
    }
}

fn bounded(len: usize) -> Result<i32, WireError> {
    i32::try_from(len).map_err(|_| too_long(len, i32::MAX as usize))
}

fn too_long(len: usize, max: usize) -> WireError {
    Fault::TooLong { len, max }.into()
}
