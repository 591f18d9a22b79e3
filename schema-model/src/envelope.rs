//! The wire envelope: which schema a payload was written with, in front of the payload or in a record header.
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
//! A record may say it in a header instead ([`KEY_HEADER`], [`VALUE_HEADER`]); then the payload is the bare body, and
//! Protobuf's indexes follow in the header:
//!
//! ```text
//! 0      1                     17
//! +------+---------------------+--------------------------------------------+
//! | 0x01 | guid, 16 bytes      | message indexes (Protobuf alone)           |
//! +------+---------------------+--------------------------------------------+
//! ```

use std::{borrow::Cow, fmt};

use thiserror::Error;

use crate::SchemaId;

/// The header that names the schema of a record's key.
pub const KEY_HEADER: &str = "__key_schema_id";
/// The header that names the schema of a record's value.
pub const VALUE_HEADER: &str = "__value_schema_id";

const MAGIC: u8 = 0;
const GUID_MAGIC: u8 = 1;
pub(crate) const HEADER_BYTES: usize = 5;

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

/// How a payload names its schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SchemaKey {
    /// By the id of the default context.
    Id(SchemaId),
    /// By the hash of its content.
    Guid([u8; 16]),
}

impl fmt::Display for SchemaKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SchemaKey::Id(id) => write!(f, "schema id {id}"),
            SchemaKey::Guid(guid) => write!(f, "schema guid {:032x}", u128::from_be_bytes(*guid)),
        }
    }
}

/// A payload's schema and body, wherever the schema is named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Framed<'a> {
    /// The schema the body was written with.
    pub schema: SchemaKey,
    /// What follows the schema in the header, when that names it: Protobuf's message indexes, whole, and nothing in
    /// other formats. Whoever reads the payload never sees these bytes as part of it.
    pub indexes: Option<&'a [u8]>,
    /// The body; in Protobuf beginning with the message indexes, when no header has them.
    pub body: &'a [u8],
}

impl<'a> Framed<'a> {
    /// The body as it stands in a payload that names its schema itself: in Protobuf beginning with the message indexes.
    ///
    /// # Errors
    /// [`EnvelopeError::HeaderRest`] when the header goes on behind what a schema of this kind has there.
    pub fn whole_body(&self, is_protobuf: bool) -> Result<Cow<'a, [u8]>, EnvelopeError> {
        match self.indexes {
            None => Ok(Cow::Borrowed(self.body)),
            Some(indexes) if is_protobuf => match read_message_indexes(indexes)? {
                (_, []) => Ok(Cow::Owned([indexes, self.body].concat())),
                (_, rest) => Err(EnvelopeError::HeaderRest(rest.len())),
            },
            Some([]) => Ok(Cow::Borrowed(self.body)),
            Some(rest) => Err(EnvelopeError::HeaderRest(rest.len())),
        }
    }
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
    /// A header that names no schema.
    #[error(
        "the header that names the schema has {0} bytes; it holds 0x01 and the schema's 16 byte guid, or 0x00 and its 4 byte id"
    )]
    Header(usize),
    /// A header that goes on behind the schema.
    #[error("the header that names the schema has {0} bytes too many")]
    HeaderRest(usize),
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

/// Takes a payload apart whose record may name the schema in a header; the header wins.
///
/// # Errors
/// [`EnvelopeError`] when neither names a possible schema.
pub fn read_framed<'a>(header: Option<&'a [u8]>, payload: &'a [u8]) -> Result<Framed<'a>, EnvelopeError> {
    let Some(header) = header else {
        let Envelope { id, body } = read(payload)?;
        return Ok(Framed {
            schema: SchemaKey::Id(id),
            indexes: None,
            body,
        });
    };
    let (schema, indexes) = match header {
        [GUID_MAGIC, rest @ ..] => {
            let (guid, indexes) = rest
                .split_first_chunk()
                .ok_or(EnvelopeError::Header(header.len()))?;
            (SchemaKey::Guid(*guid), indexes)
        }
        [MAGIC, ..] => {
            let Envelope { id, body } = read(header)?;
            (SchemaKey::Id(id), body)
        }
        _ => return Err(EnvelopeError::Header(header.len())),
    };
    Ok(Framed {
        schema,
        indexes: Some(indexes),
        body: payload,
    })
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
    fn headers() {
        let guid = [7; 16];
        let named = [&[GUID_MAGIC][..], &guid].concat();
        let with_indexes = [&named[..], &[2, 2]].concat();
        let check = |header: Option<&[u8]>,
                     payload: &[u8],
                     is_protobuf: bool,
                     wanted: Result<(SchemaKey, &[u8]), EnvelopeError>| {
            let read = read_framed(header, payload)
                .and_then(|framed| Ok((framed.schema, framed.whole_body(is_protobuf)?.into_owned())));
            let wanted = wanted.map(|(schema, body)| (schema, body.to_vec()));
            assert_eq!(read, wanted, "{header:?} {payload:?}");
        };
        let by_guid = SchemaKey::Guid(guid);
        check(Some(&named), &[1, 2], false, Ok((by_guid, &[1, 2])));
        check(Some(&with_indexes), &[9], true, Ok((by_guid, &[2, 2, 9])));
        check(Some(&named), &[0, 9], true, Err(EnvelopeError::MessageIndexes));
        // What is behind the indexes in the header is no part of what a reader of the payload sees.
        let and_more = [&with_indexes[..], &[7]].concat();
        check(Some(&and_more), &[9], true, Err(EnvelopeError::HeaderRest(1)));
        check(
            Some(&with_indexes),
            &[9],
            false,
            Err(EnvelopeError::HeaderRest(2)),
        );
        let id = SchemaKey::Id(SchemaId::new(5).unwrap());
        check(Some(&[0, 0, 0, 0, 5]), &[9], false, Ok((id, &[9])));
        check(Some(&[0, 0, 0, 0, 5, 0]), &[9], true, Ok((id, &[0, 9])));
        check(None, &[0, 0, 0, 0, 5, 9], false, Ok((id, &[9])));
        check(None, &[0, 0, 0, 0, 5, 0, 9], true, Ok((id, &[0, 9])));
        check(Some(&named[..16]), &[9], false, Err(EnvelopeError::Header(16)));
        check(Some(&[]), &[9], false, Err(EnvelopeError::Header(0)));
        check(Some(&[0, 1]), &[9], false, Err(EnvelopeError::TooShort(2)));
        assert_eq!(
            SchemaKey::Guid(guid).to_string(),
            format!("schema guid {}", "07".repeat(16))
        );
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
            let _ = read_framed(Some(&bytes), &[1]).map(|framed| framed.whole_body(true).is_ok());
            let _ = read_message_indexes(&bytes);
        }
    }
}
