//! The wire envelope: magic byte 0, four bytes of schema id, then the body.
//!
//! ```text
//! 0      1                     5
//! +------+---------------------+--------------------------------------------+
//! | 0x00 | schema id, big end. | body                                       |
//! +------+---------------------+--------------------------------------------+
//! Protobuf bodies open with the message's path: a count and that many indexes, all zig-zag varints;
//! the path [0], the first message, is written as the single byte 0.
//! ```
//!
//! The other framing, a GUID in record headers, is left out.

use thiserror::Error;

use crate::SchemaId;

const MAGIC: u8 = 0;
const HEADER_BYTES: usize = 5;

/// How deep messages may be nested in each other: protoc's own limit is 32 for definitions.
const MESSAGE_INDEXES_MAX: usize = 32;

/// A payload's schema id and body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Envelope<'a> {
    /// The schema the body was written with.
    pub id: SchemaId,
    /// What follows the id.
    pub body: &'a [u8],
}

/// Why bytes are no envelope.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum EnvelopeError {
    /// Fewer bytes than the header has.
    #[error("the payload has {0} bytes, too few for the magic byte and the schema id (5 bytes)")]
    TooShort(usize),
    /// The first byte is not 0.
    #[error(
        "the payload begins with byte {0:#04x}, not with the magic byte 0x00: it was written without a schema id"
    )]
    Magic(u8),
    /// The id is zero or negative.
    #[error("the payload carries the schema id {0}, which no registry gives out")]
    Id(i32),
    /// The message indexes are cut off, too long or negative.
    #[error("the message indexes at the start of the Protobuf body are malformed")]
    MessageIndexes,
}

/// Takes a payload apart.
///
/// # Errors
/// [`EnvelopeError`] when the payload has no magic byte or no possible id.
pub fn read(payload: &[u8]) -> Result<Envelope<'_>, EnvelopeError> {
    let Some((header, body)) = payload.split_first_chunk::<HEADER_BYTES>() else {
        return Err(match payload.first() {
            Some(&magic) if magic != MAGIC => EnvelopeError::Magic(magic),
            _ => EnvelopeError::TooShort(payload.len()),
        });
    };
    let [magic, id @ ..] = *header;
    if magic != MAGIC {
        return Err(EnvelopeError::Magic(magic));
    }
    let id = SchemaId::new(u32::from_be_bytes(id)).ok_or(EnvelopeError::Id(i32::from_be_bytes(id)))?;
    Ok(Envelope { id, body })
}

/// Writes the magic byte and the id; the body follows.
///
/// ```
/// use annals_schema_model::{SchemaId, envelope};
/// let mut payload = Vec::new();
/// envelope::write(SchemaId::new(258).unwrap(), &mut payload);
/// payload.push(9);
/// assert_eq!(payload, [0, 0, 0, 1, 2, 9]);
/// assert_eq!(envelope::read(&payload)?.body, [9]);
/// # Ok::<(), envelope::EnvelopeError>(())
/// ```
pub fn write(id: SchemaId, out: &mut Vec<u8>) {
    out.push(MAGIC);
    out.extend_from_slice(&id.get().to_be_bytes());
}

/// Takes the message indexes off the start of a Protobuf body.
///
/// # Errors
/// [`EnvelopeError::MessageIndexes`] when they are cut off, negative or more than 32.
pub fn read_message_indexes(body: &[u8]) -> Result<(Vec<i32>, &[u8]), EnvelopeError> {
    let (count, mut rest) = read_index(body)?;
    if count == 0 {
        return Ok((vec![0], rest));
    }
    let count = usize::try_from(count).map_err(|_| EnvelopeError::MessageIndexes)?;
    if count > MESSAGE_INDEXES_MAX {
        return Err(EnvelopeError::MessageIndexes);
    }
    let mut indexes = Vec::with_capacity(count);
    for _ in 0..count {
        let (index, after) = read_index(rest)?;
        if index < 0 {
            return Err(EnvelopeError::MessageIndexes);
        }
        indexes.push(index);
        rest = after;
    }
    Ok((indexes, rest))
}

/// Writes message indexes; `[0]` becomes the single byte 0.
pub fn write_message_indexes(indexes: &[i32], out: &mut Vec<u8>) {
    if indexes == [0] {
        out.push(0);
        return;
    }
    write_index(i32::try_from(indexes.len()).unwrap_or(i32::MAX), out);
    for index in indexes {
        write_index(*index, out);
    }
}

fn read_index(bytes: &[u8]) -> Result<(i32, &[u8]), EnvelopeError> {
    let mut value = 0u64;
    for (position, byte) in bytes.iter().take(5).enumerate() {
        value |= u64::from(byte & 0x7f) << (7 * position);
        if byte & 0x80 == 0 {
            let value = u32::try_from(value).map_err(|_| EnvelopeError::MessageIndexes)?;
            let index = (value >> 1) as i32 ^ -((value & 1) as i32);
            return Ok((index, &bytes[position + 1..]));
        }
    }
    Err(EnvelopeError::MessageIndexes)
}

fn write_index(index: i32, out: &mut Vec<u8>) {
    let mut value = ((index << 1) ^ (index >> 31)) as u32;
    while value >= 0x80 {
        out.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn payloads() {
        let check = |payload: &[u8], wanted: Result<(u32, &[u8]), EnvelopeError>| {
            let read = read(payload).map(|envelope| (envelope.id.get(), envelope.body));
            assert_eq!(read, wanted, "{payload:?}");
        };
        check(&[0, 0, 0, 0, 1], Ok((1, &[])));
        check(&[0, 0x7f, 0xff, 0xff, 0xff, 5], Ok((0x7fff_ffff, &[5])));
        check(&[], Err(EnvelopeError::TooShort(0)));
        check(&[0, 0, 0, 1], Err(EnvelopeError::TooShort(4)));
        check(b"{\"a\":1}", Err(EnvelopeError::Magic(b'{')));
        check(b"{", Err(EnvelopeError::Magic(b'{')));
        check(&[0, 0, 0, 0, 0], Err(EnvelopeError::Id(0)));
        check(&[0, 0xff, 0xff, 0xff, 0xff], Err(EnvelopeError::Id(-1)));
    }

    #[test]
    fn message_indexes() {
        let check = |bytes: &[u8], wanted: Result<(&[i32], &[u8]), EnvelopeError>| {
            let read = read_message_indexes(bytes);
            let wanted = wanted.map(|(indexes, rest)| (indexes.to_vec(), rest));
            assert_eq!(read, wanted, "{bytes:?}");
        };
        check(&[0, 9], Ok((&[0], &[9])));
        check(&[2, 0], Ok((&[0], &[])));
        check(&[2, 2, 7], Ok((&[1], &[7])));
        check(&[4, 4, 2], Ok((&[2, 1], &[])));
        let malformed = Err(EnvelopeError::MessageIndexes);
        check(&[], malformed);
        check(&[1], malformed);
        check(&[2, 1], malformed);
        check(&[4, 2], malformed);
        check(&[0xff, 0xff, 0xff, 0xff, 0xff, 1], malformed);
        check(&[0xfe, 0xff, 0xff, 0xff, 0x0f], malformed);
    }

    proptest! {
        #[test]
        fn message_indexes_round_trip(indexes in proptest::collection::vec(0..=i32::MAX, 1..8), rest: Vec<u8>) {
            let mut body = Vec::new();
            write_message_indexes(&indexes, &mut body);
            body.extend_from_slice(&rest);
            prop_assert_eq!(read_message_indexes(&body), Ok((indexes, &rest[..])));
        }

        #[test]
        fn nothing_panics(bytes: Vec<u8>) {
            let _ = read(&bytes);
            let _ = read_message_indexes(&bytes);
        }
    }
}
