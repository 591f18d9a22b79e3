//! Numbers in the files of the key index: seven bits a byte, the lowest first, the eighth set when more follow.
//!
//! Invariant: what reads is what was written, or an error; numbers have 63 bits at most.

use bytes::BufMut;

/// Bytes that are not those that were written.
#[derive(Debug)]
pub(super) struct Damaged;

/// What a number has bits for.
pub(super) const MAX: u64 = (1 << 63) - 1;

pub(super) fn put(out: &mut Vec<u8>, mut number: u64) {
    while number > 0x7f {
        out.put_u8(number as u8 | 0x80);
        number >>= 7;
    }
    out.put_u8(number as u8);
}

/// Takes a number from the front of `from`.
pub(super) fn take(from: &mut &[u8]) -> Result<u64, Damaged> {
    let mut number = 0u64;
    for shift in (0..63).step_by(7) {
        let (byte, rest) = from.split_first().ok_or(Damaged)?;
        *from = rest;
        number |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Ok(number);
        }
    }
    Err(Damaged)
}
