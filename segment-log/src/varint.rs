//! Numbers in files: seven bits a byte, the lowest first, the eighth set when more follow.
//!
//! Invariant: what reads is what was written, or an error; a number has 64 bits at most.

use bytes::BufMut;

/// Bytes that are not those that were written.
#[derive(Debug)]
pub(crate) struct Damaged;

/// What the key index writes no greater numbers than.
pub(crate) const MAX: u64 = (1 << 63) - 1;

/// The longest form, in bytes; the last of them has room for one bit only.
const BYTES_MAX: usize = 10;

#[inline]
pub(crate) fn put(out: &mut Vec<u8>, number: u64) {
    // Most are small.
    match number {
        0..0x80 => out.push(number as u8),
        0x80..0x4000 => out.extend_from_slice(&[number as u8 | 0x80, (number >> 7) as u8]),
        0x4000..0x20_0000 => out.extend_from_slice(&[
            number as u8 | 0x80,
            (number >> 7) as u8 | 0x80,
            (number >> 14) as u8,
        ]),
        _ => put_long(out, number),
    }
}

fn put_long(out: &mut Vec<u8>, mut number: u64) {
    while number > 0x7f {
        out.put_u8(number as u8 | 0x80);
        number >>= 7;
    }
    out.put_u8(number as u8);
}

/// Takes a number from the front of `from`.
#[inline]
pub(crate) fn take(from: &mut &[u8]) -> Result<u64, Damaged> {
    // Most are small.
    match *from {
        [low @ 0..0x80, rest @ ..] => {
            *from = rest;
            Ok(u64::from(*low))
        }
        [low, high @ 0..0x80, rest @ ..] => {
            *from = rest;
            Ok(u64::from(low & 0x7f) | u64::from(*high) << 7)
        }
        _ => take_long(from),
    }
}

/// Goes behind so many numbers at the front of `from`.
pub(crate) fn pass(from: &mut &[u8], mut count: u64) -> Result<(), Damaged> {
    let mut bytes = 0;
    while count > 0 {
        let byte = from.get(bytes).ok_or(Damaged)?;
        count -= u64::from(byte >> 7 ^ 1);
        bytes += 1;
    }
    *from = from.get(bytes..).ok_or(Damaged)?;
    Ok(())
}

fn take_long(from: &mut &[u8]) -> Result<u64, Damaged> {
    let mut number = 0u64;
    for place in 0..BYTES_MAX {
        let (byte, rest) = from.split_first().ok_or(Damaged)?;
        *from = rest;
        if place == BYTES_MAX - 1 && *byte > 1 {
            break;
        }
        number |= u64::from(byte & 0x7f) << (7 * place);
        if byte & 0x80 == 0 {
            return Ok(number);
        }
    }
    Err(Damaged)
}

/// A number with a sign, small where it is near zero.
pub(crate) fn zigzag(number: i64) -> u64 {
    (number << 1 ^ number >> 63).cast_unsigned()
}

/// What [`zigzag`] was made of.
pub(crate) fn unzigzag(number: u64) -> i64 {
    (number >> 1).cast_signed() ^ -(number & 1).cast_signed()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_come_back() {
        for number in [
            0,
            1,
            127,
            128,
            0x3fff,
            0x4000,
            0x1f_ffff,
            0x20_0000,
            1 << 32,
            MAX,
            MAX + 1,
            u64::MAX,
        ] {
            let mut bytes = Vec::new();
            put(&mut bytes, number);
            let mut from = &bytes[..];
            assert_eq!(take(&mut from).ok(), Some(number));
            assert!(from.is_empty());
            let mut from = &[&bytes[..], &[7], &bytes].concat()[..];
            assert!(pass(&mut from, 2).is_ok() && from == bytes);
            assert!(pass(&mut from, 2).is_err() && take(&mut &bytes[..bytes.len() - 1]).is_err());
            assert_eq!(zigzag(unzigzag(number)), number);
        }
        assert!(take(&mut &[0xff; 10][..]).is_err());
        assert_eq!([0, -1, 1, -2].map(zigzag), [0, 1, 2, 3]);
    }
}
