//! Checking the records of a produced batch without keeping any.
//!
//! Invariant: what passes, [`super::Records`] reads to its end. Memory is that of the decoder and of one header's
//! name, whatever the batch claims: keys and values are passed over as they come out of the codec.

use std::io::{self, BufRead};
use std::ops::ControlFlow;

use super::BatchError;
use super::records::{HEADERS_MAX, VARINT_BYTES_MAX, VARLONG_BYTES_MAX, unzigzag};

/// What a check tells of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen {
    /// Its place in the batch, from 0.
    pub index: i32,
    /// Its producer's time, in milliseconds since 1970.
    pub timestamp_ms: i64,
    /// How many headers it has.
    pub headers: usize,
    /// Whether one of them has the name sought.
    pub has_sought: bool,
    /// Whether it has a key.
    pub has_key: bool,
}

/// The same, less what is known from elsewhere.
struct Passed {
    timestamp_delta: i64,
    headers: usize,
    has_sought: bool,
    has_key: bool,
}

/// What the header of a batch says about its records.
#[derive(Debug, Clone, Copy)]
pub(super) struct Announced {
    pub(super) count: i32,
    pub(super) base_timestamp: i64,
}

/// Why a record is refused.
enum Flaw {
    Rule(&'static str),
    Gap {
        delta: i32,
    },
    /// The codec's, or its limit's.
    Io(io::Error),
}

const TOO_SHORT: Flaw = Flaw::Rule("it is shorter than what it holds");
const CUT_SHORT: Flaw = Flaw::Rule("the batch ends in its middle");
const VARINT: Flaw = Flaw::Rule("a number in it is longer than it may be");

impl From<io::Error> for Flaw {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// Holds what `from` gives to what was announced, looks for headers named `sought`, and tells `seen` of each record until
/// that breaks off: what comes behind is not looked at. `broken` names an error of `from`.
pub(super) fn check(
    announced: Announced,
    from: &mut dyn BufRead,
    sought: &str,
    seen: &mut dyn FnMut(Seen) -> ControlFlow<()>,
    broken: impl Fn(io::Error) -> BatchError,
) -> Result<(), BatchError> {
    let Announced {
        count,
        base_timestamp,
    } = announced;
    let refused = |index, reason: String| Err(BatchError::Record { index, reason });
    let mut name = Vec::new();
    for index in 0..count {
        match record(from, index, sought, &mut name) {
            Ok(passed) => {
                let told = seen(Seen {
                    index,
                    timestamp_ms: base_timestamp.saturating_add(passed.timestamp_delta),
                    headers: passed.headers,
                    has_sought: passed.has_sought,
                    has_key: passed.has_key,
                });
                if told.is_break() {
                    return Ok(());
                }
            }
            Err(Flaw::Io(error)) => return Err(broken(error)),
            Err(Flaw::Rule(rule)) => return refused(index, rule.to_owned()),
            Err(Flaw::Gap { delta }) => {
                let reason = format!("its offset delta is {delta}; without gaps it is {index}");
                return refused(index, reason);
            }
        }
    }
    match from.fill_buf() {
        Ok([]) => Ok(()),
        Ok(_) => refused(count, "bytes follow the last record the header counts".to_owned()),
        Err(error) => Err(broken(error)),
    }
}

/// Reads over one record.
fn record(from: &mut dyn BufRead, index: i32, sought: &str, name: &mut Vec<u8>) -> Result<Passed, Flaw> {
    let left = VARINT_BYTES_MAX;
    let length = Body {
        from: &mut *from,
        left,
        name,
    }
    .varint()?;
    let left = usize::try_from(length).map_err(|_| Flaw::Rule("its length is negative"))?;
    // Most records are whole in the buffer: a slice is quicker to read than what may end anywhere.
    if let Some(whole) = from.fill_buf()?.get(..left) {
        let read = Body {
            from: whole,
            left,
            name,
        }
        .read(index, sought)?;
        from.consume(left);
        return Ok(read);
    }
    Body { from, left, name }.read(index, sought)
}

/// A record behind its length.
struct Body<'a, R> {
    from: R,
    /// Bytes left of the record.
    left: usize,
    /// A header's name.
    name: &'a mut Vec<u8>,
}

impl<R: BufRead> Body<'_, R> {
    fn read(&mut self, index: i32, sought: &str) -> Result<Passed, Flaw> {
        self.skip(1)?; // attributes: no bit of it is in use
        let timestamp_delta = unzigzag(self.leb128(VARLONG_BYTES_MAX)?);
        let delta = self.varint()?;
        if delta != index {
            return Err(Flaw::Gap { delta });
        }
        let has_key = self.nullable()?;
        self.nullable()?; // the value
        let (headers, has_sought) = self.headers(sought)?;
        match self.left {
            0 => Ok(Passed {
                timestamp_delta,
                headers,
                has_sought,
                has_key,
            }),
            _ => Err(Flaw::Rule("it is longer than what it holds")),
        }
    }

    fn headers(&mut self, sought: &str) -> Result<(usize, bool), Flaw> {
        let count =
            usize::try_from(self.varint()?).map_err(|_| Flaw::Rule("its header count is negative"))?;
        if count > HEADERS_MAX {
            return Err(Flaw::Rule("it has more headers than the 1000 a record may have"));
        }
        let mut has_sought = false;
        for _ in 0..count {
            let length = usize::try_from(self.varint()?);
            self.read_name(length.map_err(|_| Flaw::Rule("a header has no key"))?)?;
            if std::str::from_utf8(self.name).is_err() {
                return Err(Flaw::Rule("a header key is not UTF-8"));
            }
            has_sought |= self.name == sought.as_bytes();
            self.nullable()?;
        }
        Ok((count, has_sought))
    }

    /// A length that is -1 for null, and as many bytes; whether it is not null.
    fn nullable(&mut self) -> Result<bool, Flaw> {
        match self.varint()? {
            -1 => Ok(false),
            length => {
                let length = usize::try_from(length);
                self.skip(length.map_err(|_| Flaw::Rule("a key or value has a negative length"))?)?;
                Ok(true)
            }
        }
    }

    fn skip(&mut self, length: usize) -> Result<(), Flaw> {
        self.each_piece(length, |_, _| {})
    }

    fn read_name(&mut self, length: usize) -> Result<(), Flaw> {
        self.name.clear();
        self.each_piece(length, |name, piece| name.extend_from_slice(piece))
    }

    /// Hands on `length` bytes of the record in the pieces they come in.
    fn each_piece(&mut self, mut length: usize, take: impl Fn(&mut Vec<u8>, &[u8])) -> Result<(), Flaw> {
        self.left = self.left.checked_sub(length).ok_or(TOO_SHORT)?;
        while length > 0 {
            let piece = self.from.fill_buf()?;
            let piece = piece.get(..length).unwrap_or(piece);
            let taken = piece.len();
            if taken == 0 {
                return Err(CUT_SHORT);
            }
            take(self.name, piece);
            self.from.consume(taken);
            length -= taken;
        }
        Ok(())
    }

    fn varint(&mut self) -> Result<i32, Flaw> {
        let bits = u32::try_from(self.leb128(VARINT_BYTES_MAX)?).map_err(|_| VARINT)?;
        // Of 32 bits, the number is of 32 bits too.
        Ok(unzigzag(u64::from(bits)) as i32)
    }

    fn leb128(&mut self, bytes_max: usize) -> Result<u64, Flaw> {
        let mut bits = 0u64;
        for at in 0..bytes_max {
            let byte = self.byte()?;
            // The tenth byte has room for one bit only.
            if at == VARLONG_BYTES_MAX - 1 && byte > 1 {
                break;
            }
            bits |= u64::from(byte & 0x7f) << (7 * at);
            if byte & 0x80 == 0 {
                return Ok(bits);
            }
        }
        Err(VARINT)
    }

    fn byte(&mut self) -> Result<u8, Flaw> {
        self.left = self.left.checked_sub(1).ok_or(TOO_SHORT)?;
        let byte = *self.from.fill_buf()?.first().ok_or(CUT_SHORT)?;
        self.from.consume(1);
        Ok(byte)
    }
}
