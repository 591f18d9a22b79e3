//! Frames: a length, a header, a body; and which header goes before which body.
//!
//! ```text
//! length i32 | request:  api key i16, api version i16, correlation id i32, client id string (16-bit length)
//!            |           [v2: tagged fields] | body
//!            | response: correlation id i32 [v1: tagged fields] | body
//! ```
//!
//! Invariant: a frame longer than the limit is refused from its first four bytes; what is kept waiting is never more
//! than the limit. The header's version follows from key and body version (see [`ApiKey`]) and is decided only here.
//!
//! Left out on purpose: sockets, and what to do with a connection that sent a bad frame (close it).

use bytes::{Buf, Bytes, BytesMut};

use crate::{
    api_key::ApiKey,
    error::{Fault, WireError},
    message::{Message, Request},
    primitives::{Pieces, Reader, Writer},
};

/// The longest frame accepted, in bytes after its length: 100 MiB, Kafka's `socket.request.max.bytes`.
pub const FRAME_BYTES_MAX: usize = 100 << 20;

/// Bytes of a frame before what its length counts.
const LENGTH_BYTES: usize = 4;

/// What stands before every request.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RequestHeader {
    /// What is asked, see [`ApiKey`]; kept as it came, since it may be unknown.
    pub api_key: i16,
    /// In which version.
    pub api_version: i16,
    /// What the response must repeat.
    pub correlation_id: i32,
    /// Who asks, for logs and quotas.
    pub client_id: Option<String>,
}

impl RequestHeader {
    /// Reads a header of version 1 or 2, as key and version ask for. It does not matter whether the version is
    /// supported; behind an unknown key, only the fields that every header has are read.
    pub fn decode(r: &mut Reader) -> Result<Self, WireError> {
        let header = Self::read(r).map_err(|e| e.within("request header"))?;
        if header.version() >= 2 {
            r.skip_tags()
                .map_err(|e| e.within("tagged fields").within("request header"))?;
        }
        Ok(header)
    }

    fn read(r: &mut Reader) -> Result<Self, WireError> {
        Ok(Self {
            api_key: r.i16()?,
            api_version: r.i16()?,
            correlation_id: r.i32()?,
            // Not compact in any version, so that a broker can read it before it knows the version (KIP-511).
            client_id: r.string()?,
        })
    }

    /// Writes the header in the version that key and body version ask for.
    pub fn encode(&self, w: &mut Writer) -> Result<(), WireError> {
        w.i16(self.api_key);
        w.i16(self.api_version);
        w.i32(self.correlation_id);
        w.string(self.client_id.as_deref())
            .map_err(|e| e.within("client_id"))?;
        if self.version() >= 2 {
            w.uvarint(0);
        }
        Ok(())
    }

    fn version(&self) -> i16 {
        ApiKey::from_code(self.api_key).map_or(1, |key| key.request_header_version(self.api_version))
    }
}

/// What stands before every response.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ResponseHeader {
    /// That of the request.
    pub correlation_id: i32,
}

impl ResponseHeader {
    /// Reads the header of a response to `key` in `version`.
    pub fn decode(r: &mut Reader, key: ApiKey, version: i16) -> Result<Self, WireError> {
        let correlation_id = r.i32().map_err(|e| e.within("response header"))?;
        if key.response_header_version(version) >= 1 {
            r.skip_tags()
                .map_err(|e| e.within("tagged fields").within("response header"))?;
        }
        Ok(Self { correlation_id })
    }

    /// Writes the header of a response to `key` in `version`.
    pub fn encode(&self, w: &mut Writer, key: ApiKey, version: i16) {
        w.i32(self.correlation_id);
        if key.response_header_version(version) >= 1 {
            w.uvarint(0);
        }
    }
}

/// Takes the first whole frame from `buffer`, without its length. `None` asks for more bytes.
/// The frame shares the buffer's memory.
pub fn take_frame(buffer: &mut BytesMut) -> Result<Option<Bytes>, WireError> {
    take_frame_within(buffer, FRAME_BYTES_MAX)
}

/// As [`take_frame`], with a limit of the caller's, say a low one before a client has logged in.
pub fn take_frame_within(buffer: &mut BytesMut, bytes_max: usize) -> Result<Option<Bytes>, WireError> {
    let Some(length) = buffer.first_chunk() else {
        return Ok(None);
    };
    let length = i32::from_be_bytes(*length);
    let size = usize::try_from(length).unwrap_or(usize::MAX);
    if size > bytes_max {
        return Err(Fault::Frame {
            bytes: length.into(),
            max: bytes_max,
        }
        .into());
    }
    if buffer.len() < LENGTH_BYTES + size {
        return Ok(None);
    }
    buffer.advance(LENGTH_BYTES);
    Ok(Some(buffer.split_to(size).freeze()))
}

/// A whole frame of a request, length included.
pub fn encode_request<M: Request>(
    body: &M,
    version: i16,
    correlation_id: i32,
    client_id: Option<&str>,
) -> Result<Bytes, WireError> {
    let client_id = client_id.map(str::to_owned);
    let header = RequestHeader {
        api_key: M::KEY.code(),
        api_version: version,
        correlation_id,
        client_id,
    };
    let mut w = Writer::new();
    w.i32(0);
    header.encode(&mut w)?;
    body.encode(&mut w, version)?;
    Ok(sealed(w)?.into_bytes())
}

/// A whole frame of a response, length included. Records stand in it as they are, not as a copy.
pub fn encode_response<M: Message>(body: &M, version: i16, correlation_id: i32) -> Result<Pieces, WireError> {
    let mut w = Writer::new();
    w.i32(0);
    ResponseHeader { correlation_id }.encode(&mut w, M::KEY, version);
    body.encode(&mut w, version)?;
    Ok(sealed(w)?.into_pieces())
}

/// Reads a frame (without its length) that answers a request `M` sent in `version`.
pub fn decode_response<M: Request>(
    frame: Bytes,
    version: i16,
) -> Result<(ResponseHeader, M::Response), WireError> {
    let mut r = Reader::new(frame);
    let header = ResponseHeader::decode(&mut r, M::KEY, version)?;
    Ok((header, M::Response::decode(&mut r, version)?))
}

/// Fills in the length kept free at the front.
fn sealed(mut w: Writer) -> Result<Writer, WireError> {
    let len = w.len() - LENGTH_BYTES;
    let length = i32::try_from(len).map_err(|_| Fault::TooLong {
        len,
        max: i32::MAX as usize,
    })?;
    w.set_first_i32(length);
    Ok(w)
}

#[cfg(test)]
mod tests;
