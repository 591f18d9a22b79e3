//! A span of time, exact to the nanosecond: what lies between two instants.
//!
//! Invariant: a span is at most [`Duration::SECONDS_MAX`] seconds either way, as a `google.protobuf.Duration` is, so that
//! the sum of a span and an instant is computed without overflow; what is longer is none. Left out: months and years, which
//! are no spans of one length.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

const SECOND_NANOS: i128 = 1_000_000_000;
/// More than the longest span takes, in the finest unit.
const TEXT_BYTES_MAX: usize = 64;

/// The units, the longer spelling first where one begins like another.
const UNITS: [(&str, i128); 7] = [
    ("ms", 1_000_000),
    ("us", 1_000),
    ("µs", 1_000),
    ("ns", 1),
    ("h", 3_600 * SECOND_NANOS),
    ("m", 60 * SECOND_NANOS),
    ("s", SECOND_NANOS),
];

/// A span of time; backwards when it is negative.
///
/// ```
/// use annals_schema_model::Duration;
/// let span: Duration = "1h30m".parse()?;
/// assert_eq!(span.to_string(), "5400s");
/// assert_eq!("-1.5s".parse::<Duration>()?.to_string(), "-1.500s");
/// # Ok::<(), annals_schema_model::DurationError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Duration {
    /// Whole seconds, rounded down.
    second: i64,
    /// Nanoseconds since that second.
    nano: u32,
}

/// A text that is no span of time.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error(
    "`{0}` is no duration; write it like 24h, 1h30m, -1.5s or 250ms, to the nanosecond and up to 10,000 years"
)]
pub struct DurationError(String);

impl Duration {
    /// The longest span: 10,000 years of 365.25 days.
    pub const SECONDS_MAX: i64 = 315_576_000_000;

    /// So many seconds, rounded down, and nanoseconds since that second; nothing when these are more than a second, or the
    /// whole is too long.
    #[must_use]
    pub fn new(second: i64, nano: u32) -> Option<Duration> {
        let nanos = i128::from(second) * SECOND_NANOS + i128::from(nano);
        Duration::from_nanos(nanos).filter(|span| span.nano == nano)
    }

    /// So many nanoseconds; nothing when that is too long.
    #[must_use]
    pub fn from_nanos(nanos: i128) -> Option<Duration> {
        if nanos.unsigned_abs() > (i128::from(Duration::SECONDS_MAX) * SECOND_NANOS).unsigned_abs() {
            return None;
        }
        Some(Duration {
            second: i64::try_from(nanos.div_euclid(SECOND_NANOS)).ok()?,
            nano: u32::try_from(nanos.rem_euclid(SECOND_NANOS)).ok()?,
        })
    }

    /// The span in nanoseconds.
    #[must_use]
    pub fn as_nanos(self) -> i128 {
        i128::from(self.second) * SECOND_NANOS + i128::from(self.nano)
    }

    /// Whole seconds, rounded down.
    #[must_use]
    pub fn as_seconds(self) -> i64 {
        self.second
    }

    /// Nanoseconds since that second.
    #[must_use]
    pub fn subsec_nanos(self) -> u32 {
        self.nano
    }

    /// The sum, unless it is too long.
    #[must_use]
    pub fn checked_add(self, other: Duration) -> Option<Duration> {
        Duration::from_nanos(self.as_nanos() + other.as_nanos())
    }

    /// The difference, unless it is too long.
    #[must_use]
    pub fn checked_sub(self, other: Duration) -> Option<Duration> {
        Duration::from_nanos(self.as_nanos() - other.as_nanos())
    }
}

/// Seconds with as many fraction digits as are needed of none, three, six and nine, as Protobuf's JSON has it: `86400s`.
impl fmt::Display for Duration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nanos = self.as_nanos();
        let sign = if nanos < 0 { "-" } else { "" };
        let nanos = nanos.unsigned_abs();
        let (second, nano) = (nanos / 1_000_000_000, nanos % 1_000_000_000);
        write!(f, "{sign}{second}")?;
        match nano {
            0 => f.write_str("s"),
            nano if nano % 1_000_000 == 0 => write!(f, ".{:03}s", nano / 1_000_000),
            nano if nano % 1_000 == 0 => write!(f, ".{:06}s", nano / 1_000),
            nano => write!(f, ".{nano:09}s"),
        }
    }
}

impl FromStr for Duration {
    type Err = DurationError;

    /// Reads numbers with their units, one after the other: `h`, `m`, `s`, `ms`, `us`, `ns`; `0` needs none. A number may
    /// have a fraction, of which nothing may be finer than a nanosecond.
    fn from_str(text: &str) -> Result<Duration, DurationError> {
        read(text).ok_or_else(|| DurationError(text.chars().take(TEXT_BYTES_MAX).collect()))
    }
}

fn read(text: &str) -> Option<Duration> {
    if text.len() > TEXT_BYTES_MAX {
        return None;
    }
    let (sign, mut rest) = match text.as_bytes() {
        [b'-', ..] => (-1, text.get(1..)?),
        [b'+', ..] => (1, text.get(1..)?),
        _ => (1, text),
    };
    if rest == "0" {
        return Some(Duration::default());
    }
    let mut nanos = 0i128;
    loop {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, behind) = rest.split_at_checked(end)?;
        let (unit, length) = UNITS.iter().find_map(|(unit, length)| {
            behind.strip_prefix(unit)?;
            Some((*unit, *length))
        })?;
        nanos = nanos.checked_add(counted(number, length)?)?;
        rest = behind.get(unit.len()..)?;
        if rest.is_empty() {
            return Duration::from_nanos(sign * nanos);
        }
    }
}

/// A number of units in nanoseconds; nothing where that is no whole number.
fn counted(number: &str, unit: i128) -> Option<i128> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let fraction = fraction.trim_end_matches('0');
    if whole.is_empty() && number.len() < 2 || fraction.contains('.') {
        return None;
    }
    let digits = |digits: &str| match digits {
        "" => Some(0),
        digits => digits.parse::<i128>().ok(),
    };
    let scale = 10i128.checked_pow(u32::try_from(fraction.len()).ok()?)?;
    let part = digits(fraction)?.checked_mul(unit)?;
    if part % scale != 0 {
        return None;
    }
    digits(whole)?.checked_mul(unit)?.checked_add(part / scale)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn texts() {
        for (text, shown) in [
            ("0", "0s"),
            ("-0", "0s"),
            ("0s", "0s"),
            ("24h", "86400s"),
            ("1h30m", "5400s"),
            ("-1.5h", "-5400s"),
            ("1m6s", "66s"),
            (".5s", "0.500s"),
            ("1.s", "1s"),
            ("+250ms", "0.250s"),
            ("1us", "0.000001s"),
            ("1µs1ns", "0.000001001s"),
            ("0.000000001s", "0.000000001s"),
            ("1.50000000000000000s", "1.500s"),
            ("-0.25s", "-0.250s"),
            ("315576000000s", "315576000000s"),
        ] {
            let read: Duration = text.parse().unwrap_or_else(|error| panic!("{error}"));
            assert_eq!(read.to_string(), shown, "{text}");
        }
        for text in [
            "",
            "-",
            "1",
            "h",
            ".s",
            "1d",
            "1 h",
            "1h ",
            "--1s",
            "1.2.3s",
            "1.5ns",
            "0.0000000001s",
            "315576000000.000000001s",
            "1e3s",
            "9999999999999999999999999999999999999999999h",
            "١s",
            "1h30",
        ] {
            assert!(text.parse::<Duration>().is_err(), "{text}");
        }
    }

    fn span() -> impl Strategy<Value = Duration> {
        let max = i128::from(Duration::SECONDS_MAX) * SECOND_NANOS;
        (-max..=max).prop_map(|nanos| Duration::from_nanos(nanos).unwrap())
    }

    proptest! {
        #[test]
        fn what_is_shown_reads_back(span in span()) {
            prop_assert_eq!(span.to_string().parse(), Ok(span));
        }

        #[test]
        fn order_and_sums_are_those_of_nanoseconds(a in span(), b in span()) {
            prop_assert_eq!(a.cmp(&b), a.as_nanos().cmp(&b.as_nanos()));
            prop_assert_eq!(a.checked_add(b), Duration::from_nanos(a.as_nanos() + b.as_nanos()));
            prop_assert_eq!(a.checked_sub(b), Duration::from_nanos(a.as_nanos() - b.as_nanos()));
        }

        #[test]
        fn no_text_makes_anybody_panic(text in "[-+]?[0-9.hmsuµn]{0,20}") {
            let _ = text.parse::<Duration>();
        }
    }
}
