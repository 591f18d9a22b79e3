//! Payloads of generated types, as they are written: without an envelope.
//!
//! Invariant: what is handed out is one allocation of the size it needs. A schema that is a union at its top has the index of
//! the branch before the value, which the type of the branch does not know of by itself.

use std::cell::Cell;

use super::{typed::Datum, wire::Writer};
use crate::EncodeError;

/// What payloads are written of.
pub trait Payload {
    /// Writes all of a payload.
    fn write_payload(&self, to: &mut Writer);
}

impl<T: Datum> Payload for T {
    #[inline]
    fn write_payload(&self, to: &mut Writer) {
        self.write(to);
    }
}

/// A value as a branch of the union at the top of its schema: the branch's index, and the value.
#[derive(Clone, Copy, Debug)]
pub struct Branch<'v, T>(pub usize, pub &'v T);

impl<T: Datum> Payload for Branch<'_, T> {
    #[inline]
    fn write_payload(&self, to: &mut Writer) {
        to.branch(self.0);
        self.1.write(to);
    }
}

/// Room that is kept on each thread for the next payload.
const SCRATCH_BYTES_MAX: usize = 64 * 1024;

thread_local! {
    static SCRATCH: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// The payload of a value, without an envelope.
#[must_use]
pub fn encode<T: Payload>(value: &T) -> Vec<u8> {
    let mut writer = Writer::append_to(SCRATCH.take());
    value.write_payload(&mut writer);
    handed_out(writer.into_bytes())
}

/// The payload of a value that may have something nobody could read.
///
/// # Errors
/// When it has: it holds itself too deep, or has a symbol that is not of the schema, or a number that does not fit it.
pub fn encode_checked<T: Payload>(value: &T) -> Result<Vec<u8>, EncodeError> {
    let mut writer = Writer::append_to(SCRATCH.take());
    value.write_payload(&mut writer);
    writer.finish().map(handed_out)
}

/// What is handed out has the size it needs, is one allocation, and is moved no more than once.
fn handed_out(mut scratch: Vec<u8>) -> Vec<u8> {
    let payload = scratch.as_slice().to_vec();
    if scratch.capacity() <= SCRATCH_BYTES_MAX {
        scratch.clear();
        SCRATCH.set(scratch);
    }
    payload
}

/// Appends the payload of a value to bytes that are there.
pub fn encode_into<T: Payload>(value: &T, out: &mut Vec<u8>) {
    let mut writer = Writer::append_to(std::mem::take(out));
    value.write_payload(&mut writer);
    *out = writer.into_bytes();
}

/// Appends the payload of a value that may have something nobody could read; nothing where it has.
///
/// # Errors
/// As [`encode_checked`].
pub fn encode_into_checked<T: Payload>(value: &T, out: &mut Vec<u8>) -> Result<(), EncodeError> {
    let start = out.len();
    let mut writer = Writer::append_to(std::mem::take(out));
    value.write_payload(&mut writer);
    let refusal = writer.take_refusal();
    *out = writer.into_bytes();
    match refusal {
        None => Ok(()),
        Some(message) => {
            out.truncate(start);
            Err(EncodeError::Payload(message))
        }
    }
}
