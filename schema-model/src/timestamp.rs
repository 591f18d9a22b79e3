//! An instant, and the one conversion between counts since 1970, RFC 3339 texts and what is shown.
//!
//! Folds, histories, differences, lists and generated code all go through here, so a time is the same everywhere.
//! Invariant: a finer time becomes a coarser one by rounding down, before 1970 too; every 64-bit count of milliseconds,
//! microseconds or nanoseconds has an instant and comes back from it unchanged; a text keeps its calendar day, so that
//! 9999-12-31, which stands for "for ever" in many systems, is an instant like any other.
//! A leap second, which is 23:59:60 in UTC and nothing else, reads as the last instant of that day: what was recorded
//! before it is not after it. Left out: zones by name, clocks.

#[cfg(all(feature = "avro", any(feature = "chrono", feature = "jiff", feature = "time")))]
mod convert;

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

use crate::text;

const DAY_SECONDS: i64 = 86_400;
const SECOND_NANOS: u32 = 1_000_000_000;
/// The minute of a day, in UTC, that may have a leap second.
const LEAP_MINUTE: i64 = 23 * 60 + 59;

/// An instant in UTC, to the nanosecond.
///
/// ```
/// use annals_schema_model::Timestamp;
/// let time: Timestamp = "1969-12-31T23:59:59.9995Z".parse()?;
/// assert_eq!((time.as_millis(), time.as_micros()), (-1, -500));
/// assert_eq!(time.to_string(), "1969-12-31T23:59:59.999Z");
/// assert_eq!(format!("{time:.6}"), "1969-12-31T23:59:59.999500Z");
/// # Ok::<(), annals_schema_model::TimestampError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp {
    /// Seconds since 1970, rounded down.
    second: i64,
    /// Nanoseconds since that second.
    nano: u32,
}

/// A text that is no instant.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("`{text}` is no time{why}")]
pub struct TimestampError {
    text: String,
    why: String,
}

impl TimestampError {
    fn of(text: &str) -> TimestampError {
        let how = || "; write it like 2024-03-01T12:00:00Z (RFC 3339)".to_owned();
        TimestampError {
            text: text.chars().take(80).collect(),
            why: missing(text.as_bytes()).unwrap_or_else(how),
        }
    }
}

impl Timestamp {
    /// So many milliseconds since 1970.
    #[inline]
    #[must_use]
    pub const fn from_millis(millis: i64) -> Timestamp {
        Timestamp::of(millis, 1_000)
    }

    /// So many microseconds since 1970.
    #[inline]
    #[must_use]
    pub const fn from_micros(micros: i64) -> Timestamp {
        Timestamp::of(micros, 1_000_000)
    }

    /// So many nanoseconds since 1970.
    #[inline]
    #[must_use]
    pub const fn from_nanos(nanos: i64) -> Timestamp {
        Timestamp::of(nanos, SECOND_NANOS)
    }

    /// So many seconds since 1970 and nanoseconds since that second, as Protobuf has it; nothing when these are more than
    /// a second.
    #[must_use]
    pub fn new(second: i64, nano: u32) -> Option<Timestamp> {
        (nano < SECOND_NANOS).then_some(Timestamp { second, nano })
    }

    #[inline]
    const fn of(count: i64, per_second: u32) -> Timestamp {
        let rest = count.rem_euclid(per_second as i64) as u32;
        Timestamp {
            second: count.div_euclid(per_second as i64),
            nano: rest * (SECOND_NANOS / per_second),
        }
    }

    /// Milliseconds since 1970, rounded down; the nearest number there is beyond 64 bits.
    #[inline]
    #[must_use]
    pub fn as_millis(self) -> i64 {
        self.count(1_000)
    }

    /// Microseconds since 1970, rounded down; the nearest number there is beyond 64 bits.
    #[inline]
    #[must_use]
    pub fn as_micros(self) -> i64 {
        self.count(1_000_000)
    }

    /// Nanoseconds since 1970; the nearest number there is beyond 64 bits.
    #[inline]
    #[must_use]
    pub fn as_nanos(self) -> i64 {
        self.count(SECOND_NANOS)
    }

    /// Seconds since 1970, rounded down.
    #[must_use]
    pub fn as_seconds(self) -> i64 {
        self.second
    }

    /// Nanoseconds since that second.
    #[must_use]
    pub const fn subsec_nanos(self) -> u32 {
        self.nano
    }

    #[inline]
    fn count(self, per_second: u32) -> i64 {
        let part = i64::from(self.nano / (SECOND_NANOS / per_second));
        let whole = self.second.checked_mul(i64::from(per_second));
        match whole.and_then(|whole| whole.checked_add(part)) {
            Some(count) => count,
            None => self.count_at_the_ends(per_second, part),
        }
    }

    #[cold]
    fn count_at_the_ends(self, per_second: u32, part: i64) -> i64 {
        let count = i128::from(self.second) * i128::from(per_second) + i128::from(part);
        i64::try_from(count).unwrap_or(if count < 0 { i64::MIN } else { i64::MAX })
    }
}

/// RFC 3339 in UTC with three fraction digits, or as many as a precision up to nine asks for: `{time:.6}`. What is finer
/// is left out, not rounded up. Years outside 0..=9999 have a sign.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = Shown::of(*self, f.precision().unwrap_or(SHOWN_DIGITS).min(9));
        if !shown.has_plain_year() {
            let sign = if shown.year < 0 { '-' } else { '+' };
            write!(f, "{sign}{:04}", shown.year.unsigned_abs())?;
            return f.write_str(shown.text(YEAR_BYTES));
        }
        f.write_str(shown.text(0))
    }
}

impl Timestamp {
    /// Hands over the text of three fraction digits, which takes no memory of its own.
    ///
    /// ```
    /// use annals_schema_model::Timestamp;
    /// let time = Timestamp::from_millis(1_558_336_067_000);
    /// assert_eq!(time.with_text(str::len), time.to_string().len());
    /// ```
    pub fn with_text<T>(&self, take: impl FnOnce(&str) -> T) -> T {
        let shown = Shown::of(*self, SHOWN_DIGITS);
        match shown.has_plain_year() {
            true => take(shown.text(0)),
            false => take(&self.to_string()),
        }
    }
}

/// The fraction digits that are shown where nobody says how many.
const SHOWN_DIGITS: usize = 3;
/// Of a year that has no sign.
const YEAR_BYTES: usize = 4;

/// The text of an instant. States are full of times: so they are not written through `write!`, a part at a time.
struct Shown {
    bytes: [u8; 30],
    end: usize,
    year: i64,
}

impl Shown {
    fn of(time: Timestamp, digits: usize) -> Shown {
        let (year, month, day) = text::civil(time.second.div_euclid(DAY_SECONDS));
        // Below a day, and so of 32 bits.
        let second = time.second.rem_euclid(DAY_SECONDS) as u32;
        let mut bytes = *b"0000-00-00T00:00:00.000000000Z";
        if let Ok(year @ 0..=9999) = u32::try_from(year) {
            put(&mut bytes, 0, year / 100);
            put(&mut bytes, 2, year % 100);
        }
        put(&mut bytes, 5, month as u32);
        put(&mut bytes, 8, day as u32);
        put(&mut bytes, 11, second / 3_600);
        put(&mut bytes, 14, second / 60 % 60);
        put(&mut bytes, 17, second % 60);
        let mut rest = time.nano / 10u32.pow(9 - digits as u32);
        for digit in bytes[20..20 + digits].iter_mut().rev() {
            *digit = b'0' + (rest % 10) as u8;
            rest /= 10;
        }
        let end = match digits {
            0 => 19,
            digits => 20 + digits,
        };
        bytes[end] = b'Z';
        Shown { bytes, end, year }
    }

    fn has_plain_year(&self) -> bool {
        (0..=9999).contains(&self.year)
    }

    /// What stands from here on.
    fn text(&self, from: usize) -> &str {
        std::str::from_utf8(&self.bytes[from..=self.end]).unwrap_or_default()
    }
}

/// Writes a number below a hundred.
#[inline]
fn put(text: &mut [u8; 30], at: usize, number: u32) {
    text[at] = b'0' + (number / 10) as u8;
    text[at + 1] = b'0' + (number % 10) as u8;
}

impl FromStr for Timestamp {
    type Err = TimestampError;

    /// Reads RFC 3339: any offset, any number of fraction digits (those beyond nine are left out), the year 0 to 9999.
    fn from_str(text: &str) -> Result<Timestamp, TimestampError> {
        read(text.as_bytes()).ok_or_else(|| TimestampError::of(text))
    }
}

fn read(text: &[u8]) -> Option<Timestamp> {
    let mut rest = text;
    let year = number(&mut rest, 4)?;
    sign(&mut rest, b"-")?;
    let month = number(&mut rest, 2)?;
    sign(&mut rest, b"-")?;
    let day = number(&mut rest, 2)?;
    sign(&mut rest, b"Tt ")?;
    let hour = number(&mut rest, 2)?;
    sign(&mut rest, b":")?;
    let minute = number(&mut rest, 2)?;
    sign(&mut rest, b":")?;
    let second = number(&mut rest, 2)?;
    let nano = match rest.first() {
        Some(b'.') => fraction(&mut rest)?,
        _ => 0,
    };
    let offset = offset_seconds(&mut rest)?;
    let minute_of_day = hour * 60 + minute;
    let is_leap = second == 60 && (minute_of_day - offset / 60).rem_euclid(DAY_SECONDS / 60) == LEAP_MINUTE;
    let is_time = hour < 24 && minute < 60 && (second < 60 || is_leap);
    if !rest.is_empty()
        || !is_time
        || !(1..=12).contains(&month)
        || !(1..=days_in(year, month)).contains(&day)
    {
        return None;
    }
    let time = hour * 3_600 + minute * 60 + second.min(59);
    Some(Timestamp {
        second: days_before(year, month, day) * DAY_SECONDS + time - offset,
        nano: if is_leap { SECOND_NANOS - 1 } else { nano },
    })
}

/// What of a text that is written like a time the calendar or the clock has not.
fn missing(text: &[u8]) -> Option<String> {
    let mut rest = text;
    let year = number(&mut rest, 4)?;
    sign(&mut rest, b"-")?;
    let month = number(&mut rest, 2)?;
    sign(&mut rest, b"-")?;
    let day = number(&mut rest, 2)?;
    sign(&mut rest, b"Tt ")?;
    if !(1..=12).contains(&month) {
        return Some(format!(": there is no month {month:02}"));
    }
    let days = days_in(year, month);
    if !(1..=days).contains(&day) {
        return Some(format!(": {year:04}-{month:02} has {days} days"));
    }
    let hour = number(&mut rest, 2)?;
    sign(&mut rest, b":")?;
    let minute = number(&mut rest, 2)?;
    sign(&mut rest, b":")?;
    let second = number(&mut rest, 2)?;
    (hour > 23 || minute > 59 || second > 59).then(|| ": a day ends with 23:59:59".to_owned())
}

/// Exactly so many digits.
fn number(rest: &mut &[u8], digits: usize) -> Option<i64> {
    let (taken, after) = rest.split_at_checked(digits)?;
    *rest = after;
    taken.iter().try_fold(0, |number, digit| {
        digit
            .is_ascii_digit()
            .then(|| number * 10 + i64::from(digit - b'0'))
    })
}

fn sign(rest: &mut &[u8], one_of: &[u8]) -> Option<u8> {
    let (first, after) = rest.split_first()?;
    *rest = after;
    one_of.contains(first).then_some(*first)
}

fn fraction(rest: &mut &[u8]) -> Option<u32> {
    sign(rest, b".")?;
    let count = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (digits, after) = rest.split_at_checked(count).filter(|_| count > 0)?;
    *rest = after;
    let nine = digits.iter().copied().chain(std::iter::repeat(b'0')).take(9);
    Some(nine.fold(0, |number, digit| number * 10 + u32::from(digit - b'0')))
}

fn offset_seconds(rest: &mut &[u8]) -> Option<i64> {
    let direction = match sign(rest, b"Zz+-")? {
        b'+' => 1,
        b'-' => -1,
        _ => return Some(0),
    };
    let hours = number(rest, 2)?;
    sign(rest, b":")?;
    let minutes = number(rest, 2)?;
    (hours < 24 && minutes < 60).then_some(direction * (hours * 3_600 + minutes * 60))
}

fn days_in(year: i64, month: i64) -> i64 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        _ => 31,
    }
}

/// Days from 1970-01-01 to a date; years are counted from March, so that a leap day ends one.
pub(crate) fn days_before(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, year_of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn texts() {
        let check = |text: &str, shown: &str| {
            let time: Timestamp = text.parse().unwrap_or_else(|error| panic!("{error}"));
            assert_eq!(time.to_string(), shown, "{text}");
        };
        check("1970-01-01T00:00:00Z", "1970-01-01T00:00:00.000Z");
        check("2019-05-20T09:07:47.25+02:00", "2019-05-20T07:07:47.250Z");
        check("2019-05-20 07:07:47z", "2019-05-20T07:07:47.000Z");
        check("2000-02-29t23:59:59-00:30", "2000-03-01T00:29:59.000Z");
        check("1969-12-31T23:59:59.9999999999Z", "1969-12-31T23:59:59.999Z");
        check("9999-12-31T23:59:59.999Z", "9999-12-31T23:59:59.999Z");
        check("9999-12-31T23:59:59-01:00", "+10000-01-01T00:59:59.000Z");
        check("0000-01-01T00:00:00Z", "0000-01-01T00:00:00.000Z");
        check("0000-01-01T00:00:00+01:00", "-0001-12-31T23:00:00.000Z");
        check("2016-12-31T23:59:60Z", "2016-12-31T23:59:59.999Z");
        check("2016-12-31T23:59:60.5Z", "2016-12-31T23:59:59.999Z");
        check("2017-01-01T00:59:60+01:00", "2016-12-31T23:59:59.999Z");
        check("2016-12-31T16:29:60.25-07:30", "2016-12-31T23:59:59.999Z");
        check("9999-12-31T23:59:60Z", "9999-12-31T23:59:59.999Z");
        for bad in [
            "",
            "2019-05-20",
            "2019-05-20T07:07Z",
            "2019-05-20T07:07:47",
            "2019-05-20T07:07:47.Z",
            "2019-05-20T07:07:61Z",
            "2019-05-20T12:00:60Z",
            "2016-12-31T23:59:60+01:00",
            "2016-12-31T23:58:60Z",
            "2016-12-31T23:59:61Z",
            "2019-05-20T24:00:00Z",
            "2019-05-20T07:60:00Z",
            "2019-02-29T07:07:47Z",
            "1900-02-29T07:07:47Z",
            "2019-13-01T07:07:47Z",
            "2019-00-01T07:07:47Z",
            "2019-05-00T07:07:47Z",
            "+2019-05-20T07:07:47Z",
            "2019-05-20T07:07:47Z ",
            "2019-05-20T07:07:47+2:00",
            "2019-05-20T07:07:47+24:00",
            "2019-5-20T07:07:47Z",
        ] {
            assert!(bad.parse::<Timestamp>().is_err(), "{bad}");
        }
    }

    #[test]
    fn coarser_is_rounded_down() {
        let check = |nanos: i64, micros: i64, millis: i64, shown: &str| {
            let time = Timestamp::from_nanos(nanos);
            assert_eq!((time.as_micros(), time.as_millis()), (micros, millis), "{nanos}");
            assert_eq!(time.to_string(), shown);
        };
        check(0, 0, 0, "1970-01-01T00:00:00.000Z");
        check(-1, -1, -1, "1969-12-31T23:59:59.999Z");
        check(-500_000_000, -500_000, -500, "1969-12-31T23:59:59.500Z");
        check(-1_000_001, -1_001, -2, "1969-12-31T23:59:59.998Z");
        check(1_999_999, 1_999, 1, "1970-01-01T00:00:00.001Z");
        assert_eq!(
            format!("{:.0}", Timestamp::from_nanos(-1)),
            "1969-12-31T23:59:59Z"
        );
        assert_eq!(
            format!("{:.9}", Timestamp::from_nanos(-1)),
            "1969-12-31T23:59:59.999999999Z"
        );
    }

    proptest! {
        #[test]
        fn counts_come_back(count in any::<i64>()) {
            prop_assert_eq!(Timestamp::from_millis(count).as_millis(), count);
            prop_assert_eq!(Timestamp::from_micros(count).as_micros(), count);
            prop_assert_eq!(Timestamp::from_nanos(count).as_micros(), count.div_euclid(1_000));
            prop_assert_eq!(Timestamp::from_micros(count).as_millis(), count.div_euclid(1_000));
        }

        #[test]
        fn what_is_shown_reads_back(millis in -62_167_219_200_000i64..=253_402_300_799_999) {
            let time = Timestamp::from_millis(millis);
            prop_assert_eq!(time.to_string().parse(), Ok(time));
        }
    }
}
