//! Reading numbers, lengths and headers off the bytes of records.
//!
//! Invariant: nothing is read behind the end of the bytes, and nothing is allocated.

use std::ops::Range;

use super::{HEADERS_MAX, VARINT_BYTES_MAX, VARLONG_BYTES_MAX, unzigzag};

/// A rule that a record breaks.
pub(super) type Flaw = &'static str;

const TOO_SHORT: Flaw = "it is shorter than what it holds";

/// A header: its name, and its value.
pub(super) type Header<'a> = (&'a [u8], Option<&'a [u8]>);

/// A place in some bytes.
pub(super) struct Cursor<'a> {
    /// What is behind it.
    rest: &'a [u8],
    /// Where the bytes end.
    end: usize,
}

impl<'a> Cursor<'a> {
    /// At a place of some bytes; at their end where there is no such.
    pub(super) fn new(bytes: &'a [u8], at: usize) -> Cursor<'a> {
        Cursor {
            rest: bytes.get(at..).unwrap_or_default(),
            end: bytes.len(),
        }
    }

    /// Where it is.
    #[inline]
    pub(super) fn at(&self) -> usize {
        self.end - self.rest.len()
    }

    /// Goes behind so many bytes; answers a cursor that reads no more than these.
    #[inline]
    pub(super) fn part(&mut self, bytes: usize) -> Result<Cursor<'a>, Flaw> {
        let rest = self.take(bytes)?;
        Ok(Cursor { rest, end: self.at() })
    }

    /// All must have been read.
    pub(super) fn finish(&self) -> Result<(), Flaw> {
        match self.rest {
            [] => Ok(()),
            _ => Err("it is longer than what it holds"),
        }
    }

    /// A zigzag number of 32 bits.
    #[inline]
    pub(super) fn varint(&mut self) -> Result<i32, Flaw> {
        // Most are lengths below 64, and nearly all others below 8,192.
        match self.rest {
            [byte @ 0..0x80, rest @ ..] => {
                self.rest = rest;
                Ok(unzigzag(u64::from(*byte)) as i32)
            }
            [low, high @ 0..0x80, rest @ ..] => {
                self.rest = rest;
                Ok(unzigzag(u64::from(low & 0x7f) | u64::from(*high) << 7) as i32)
            }
            _ => self.long_varint(),
        }
    }

    #[inline(never)]
    fn long_varint(&mut self) -> Result<i32, Flaw> {
        let bits = u32::try_from(self.leb128(VARINT_BYTES_MAX)?);
        let bits = bits.map_err(|_| "a number in it is longer than it may be")?;
        // Of 32 bits, the number is of 32 bits too.
        Ok(unzigzag(u64::from(bits)) as i32)
    }

    /// A zigzag number of 64 bits.
    #[inline]
    pub(super) fn varlong(&mut self) -> Result<i64, Flaw> {
        // Most are of times near each other.
        match self.rest {
            [byte @ 0..0x80, rest @ ..] => {
                self.rest = rest;
                Ok(unzigzag(u64::from(*byte)))
            }
            [low, high @ 0..0x80, rest @ ..] => {
                self.rest = rest;
                Ok(unzigzag(u64::from(low & 0x7f) | u64::from(*high) << 7))
            }
            _ => self.long_varlong(),
        }
    }

    #[inline(never)]
    fn long_varlong(&mut self) -> Result<i64, Flaw> {
        self.leb128(VARLONG_BYTES_MAX).map(unzigzag)
    }

    fn leb128(&mut self, bytes_max: usize) -> Result<u64, Flaw> {
        let mut bits = 0;
        for place in 0..bytes_max {
            let (byte, rest) = self.rest.split_first().ok_or(TOO_SHORT)?;
            self.rest = rest;
            // The tenth byte has room for one bit only.
            if place == VARLONG_BYTES_MAX - 1 && *byte > 1 {
                break;
            }
            bits |= u64::from(byte & 0x7f) << (7 * place);
            if byte & 0x80 == 0 {
                return Ok(bits);
            }
        }
        Err("a number in it is longer than it may be")
    }

    /// A length that is not negative, by a rule.
    #[inline]
    pub(super) fn length(&mut self, rule: Flaw) -> Result<usize, Flaw> {
        usize::try_from(self.varint()?).map_err(|_| rule)
    }

    /// The next so many bytes.
    #[inline]
    pub(super) fn take(&mut self, bytes: usize) -> Result<&'a [u8], Flaw> {
        let (taken, rest) = self.rest.split_at_checked(bytes).ok_or(TOO_SHORT)?;
        self.rest = rest;
        Ok(taken)
    }

    /// A length that is -1 for null, and as many bytes.
    #[inline]
    fn nullable(&mut self) -> Result<Option<&'a [u8]>, Flaw> {
        match self.varint()? {
            -1 => Ok(None),
            length => {
                let length = usize::try_from(length).map_err(|_| "a key or value has a negative length")?;
                self.take(length).map(Some)
            }
        }
    }

    /// The same: where the bytes stand.
    #[inline]
    pub(super) fn nullable_place(&mut self) -> Result<Option<Range<usize>>, Flaw> {
        let length = self.nullable()?.map(<[u8]>::len);
        let end = self.at();
        Ok(length.map(|length| end - length..end))
    }

    /// A header.
    #[inline(always)]
    pub(super) fn header(&mut self) -> Result<Header<'a>, Flaw> {
        // Most names and values are shorter than 64 bytes.
        if let [named @ 0..0x80, rest @ ..] = self.rest
            && named & 1 == 0
            && let Some((name, [valued @ 0..0x80, rest @ ..])) =
                rest.split_at_checked(usize::from(named >> 1))
            && valued & 1 == 0
            && let Some((value, rest)) = rest.split_at_checked(usize::from(valued >> 1))
        {
            self.rest = rest;
            return Ok((name, Some(value)));
        }
        self.long_header()
    }

    #[inline(never)]
    fn long_header(&mut self) -> Result<Header<'a>, Flaw> {
        let length = self.length("a header key has a negative length")?;
        Ok((self.take(length)?, self.nullable()?))
    }

    /// How many headers follow.
    #[inline]
    pub(super) fn header_count(&mut self) -> Result<usize, Flaw> {
        let count = self.length("its header count is negative")?;
        // A header takes two bytes at least.
        if count > HEADERS_MAX || count > self.rest.len() / 2 {
            return Err("it has more headers than its bytes can hold, or more than 1000");
        }
        Ok(count)
    }

    /// Goes behind the headers of a record: where they stand behind their count, and that.
    #[inline]
    pub(super) fn headers(&mut self) -> Result<(Range<usize>, usize), Flaw> {
        let count = self.header_count()?;
        let from = self.at();
        // Mostly all that follows is ASCII, and so is each name.
        let is_ascii = self.rest.is_ascii();
        for _ in 0..count {
            let (name, _) = self.header()?;
            if !is_ascii && std::str::from_utf8(name).is_err() {
                return Err("a header key is not UTF-8");
            }
        }
        Ok((from..self.at(), count))
    }
}
