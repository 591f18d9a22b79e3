//! The one grammar for "as of when", the same in routes, on the command line and on pages.
//!
//! | text | meaning |
//! |---|---|
//! | absent, empty, `head` | everything that is durable now |
//! | `offset:N` | up to and with offset N of the aggregate's partition |
//! | `revision:N` | up to and with the aggregate's own event N, counted from 0 |
//! | `2024-03-01T12:00:00Z` | everything recorded up to then (RFC 3339, any UTC offset; a space may stand for the T) |
//! | `2024-03-01T12:00:00` | the same in UTC; seconds may be left out |
//! | `2024-03-01` | the same at the end of that day in UTC |
//! | `now` | the same at the present |
//! | `-2h` | the same, so long ago; units `s`, `m`, `h`, `d`, `w` |
//! | `0=12,1=40` | a full cut: the last offset that counts, for each partition |
//! | `orders/0=12,packages/1=5` | the same of several topics |
//!
//! Whatever form a time had, [`AsOf`] shows it as the instant it was taken for, and reads that back. Every form but the
//! last is taken for a full cut once, and the answer names it: asked by that cut, the answer never moves. Asked again by
//! the form, it may: there is more at the head, and a key may have come to a lower partition.
//! The present is an argument; nothing here reads a clock.

use std::fmt;

use annals_schema_model::Timestamp;

use crate::canonical;
use crate::cut::{Cut, CutError};

/// Longest text that is looked at.
const TEXT_BYTES_MAX: usize = 64 * 1024;
/// How much of a wrong text is shown back.
const SHOWN_CHARS_MAX: usize = 80;
/// The forms, as every error names them.
const FORMS: &str = "give nothing (the head), now, an RFC 3339 time such as 2024-03-01T12:00:00Z \
                     (UTC when it names no zone), a date such as 2024-03-01 (its end, in UTC), \
                     a time ago such as -2h (s, m, h, d, w), or a full cut such as 0=12,1=40; \
                     of one aggregate also offset:N or revision:N";

/// As of when: what a question says, before it is resolved to a [`Cut`].
///
/// ```
/// use annals_event_store::{AsOf, parse_at};
///
/// let at = parse_at("2026-03-04", 0)?;
/// assert_eq!(at.to_string(), "2026-03-04T23:59:59.999Z", "the end of that day");
/// assert_eq!(AsOf::Revision(2).to_string(), "revision:2");
/// assert_eq!(parse_at("0=12,1=40", 0)?, AsOf::Cut([(0, 12), (1, 40)].into_iter().collect()));
/// # Ok::<(), annals_event_store::AtError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum AsOf {
    /// Everything durable.
    #[default]
    Head,
    /// Up to and with this offset of the aggregate's partition.
    Offset(i64),
    /// Up to and with this event of the aggregate, counted from 0.
    Revision(u64),
    /// Everything recorded up to and at this time, in milliseconds since the epoch.
    Time(i64),
    /// Exactly this.
    Cut(Cut),
}

/// A text that is no point in the log, or none of what is asked about; the message names the forms there are.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no point in the log: {problem}")]
pub struct AtError {
    /// What was given, shortened.
    pub text: String,
    /// What is wrong with it.
    pub problem: String,
}

impl AtError {
    pub(crate) fn new(text: impl fmt::Display, problem: impl fmt::Display) -> AtError {
        let text = text.to_string().chars().take(SHOWN_CHARS_MAX).collect();
        AtError {
            text,
            problem: problem.to_string(),
        }
    }
}

/// Reads a point in the log; `now_ms` is what `-2h` counts from.
///
/// ```
/// use annals_event_store::{AsOf, parse_at};
/// assert_eq!(parse_at("offset:12", 0)?, AsOf::Offset(12));
/// assert_eq!(parse_at("-2h", 7_200_500)?, AsOf::Time(500));
/// let error = parse_at("yesterday", 0).expect_err("it is none of the forms");
/// assert!(error.to_string().starts_with("`yesterday` is no point in the log"));
/// # Ok::<(), annals_event_store::AtError>(())
/// ```
pub fn parse_at(text: &str, now_ms: i64) -> Result<AsOf, AtError> {
    let text = text.trim();
    let wrong = |problem: &str| AtError::new(text, format_args!("{problem}; {FORMS}"));
    if text.len() > TEXT_BYTES_MAX {
        return Err(wrong("it is too long"));
    }
    if text.is_empty() || text == "head" {
        return Ok(AsOf::Head);
    }
    if text == "now" {
        return Ok(AsOf::Time(now_ms));
    }
    if let Some(number) = text.strip_prefix("offset:") {
        let offset = number
            .parse::<u64>()
            .ok()
            .and_then(|offset| i64::try_from(offset).ok());
        return offset
            .map(AsOf::Offset)
            .ok_or_else(|| wrong("an offset is a number from 0"));
    }
    if let Some(number) = text.strip_prefix("revision:") {
        return number
            .parse()
            .map(AsOf::Revision)
            .map_err(|_| wrong("a revision is a number from 0"));
    }
    // Before a time ago: a topic's name may begin with its sign.
    if text.contains('=') {
        return text
            .parse()
            .map(AsOf::Cut)
            .map_err(|error: CutError| wrong(&error.to_string()));
    }
    if let Some(ago) = text.strip_prefix('-') {
        let span_ms = span_ms(ago).ok_or_else(|| wrong("a time ago is a number and one of s, m, h, d, w"))?;
        return Ok(AsOf::Time(now_ms.saturating_sub(span_ms)));
    }
    time_ms(text)
        .map(AsOf::Time)
        .ok_or_else(|| wrong("it is none of the forms"))
}

fn span_ms(text: &str) -> Option<i64> {
    let unit_ms = match text.chars().next_back()? {
        's' => 1_000,
        'm' => 60_000,
        'h' => 3_600_000,
        'd' => 86_400_000,
        'w' => 7 * 86_400_000,
        _ => return None,
    };
    let number: u32 = text.get(..text.len() - 1)?.parse().ok()?;
    i64::from(number).checked_mul(unit_ms)
}

/// A time in milliseconds since the epoch: with a zone, without one in UTC, or the end of a date.
fn time_ms(text: &str) -> Option<i64> {
    let (day, rest) = text.split_at_checked("2024-03-01".len())?;
    let whole = if rest.is_empty() {
        format!("{day}T23:59:59.999Z")
    } else {
        // The space may be one that RFC 3339 allows before the time, or a plus sign that was not percent-encoded in a
        // query string.
        let time = rest.strip_prefix(['T', 't', ' '])?.replace(' ', "+");
        let (clock, zone) = time.split_at(time.find(['Z', 'z', '+', '-']).unwrap_or(time.len()));
        let seconds = if clock.len() == "12:00".len() { ":00" } else { "" };
        let zone = if matches!(zone, "" | "z") { "Z" } else { zone };
        format!("{day}T{clock}{seconds}{zone}")
    };
    Some(whole.parse::<Timestamp>().ok()?.as_millis())
}

impl fmt::Display for AsOf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            AsOf::Head => f.write_str("head"),
            AsOf::Offset(offset) => write!(f, "offset:{offset}"),
            AsOf::Revision(revision) => write!(f, "revision:{revision}"),
            AsOf::Time(ms) => f.write_str(&canonical::time_text(*ms)),
            AsOf::Cut(cut) => write!(f, "{cut}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW_MS: i64 = 1_700_000_000_000;

    fn check(text: &str, expected: Option<AsOf>) {
        match (parse_at(text, NOW_MS), expected) {
            (Ok(got), Some(expected)) => assert_eq!(got, expected, "{text}"),
            (Err(error), None) => {
                let message = error.to_string();
                for form in [
                    "now",
                    "offset:N",
                    "revision:N",
                    "RFC 3339",
                    "UTC",
                    "2024-03-01 (",
                    "-2h",
                    "0=12,1=40",
                ] {
                    assert!(message.contains(form), "{message}");
                }
                assert!(message.chars().count() < 480, "{message}");
            }
            (got, expected) => panic!("{text}: {got:?}, expected {expected:?}"),
        }
    }

    #[test]
    fn every_form_reads() {
        let cut = |pairs: &[(u32, i64)]| Some(AsOf::Cut(pairs.iter().copied().collect()));
        check("", Some(AsOf::Head));
        check("  ", Some(AsOf::Head));
        check("head", Some(AsOf::Head));
        check("offset:0", Some(AsOf::Offset(0)));
        check("offset:9223372036854775807", Some(AsOf::Offset(i64::MAX)));
        check("revision:7", Some(AsOf::Revision(7)));
        check("2019-05-20T07:07:47Z", Some(AsOf::Time(1_558_336_067_000)));
        check("2019-05-20T07:07:47.250Z", Some(AsOf::Time(1_558_336_067_250)));
        check("2019-05-20T09:07:47+02:00", Some(AsOf::Time(1_558_336_067_000)));
        check("2019-05-20T09:07:47 02:00", Some(AsOf::Time(1_558_336_067_000)));
        check("1948-01-26T22:59:00Z", Some(AsOf::Time(-692_067_660_000)));
        check("2019-05-20 07:07:47.250Z", Some(AsOf::Time(1_558_336_067_250)));
        check("2019-05-20t07:07:47z", Some(AsOf::Time(1_558_336_067_000)));
        check("1969-12-31T23:59:59.9999Z", Some(AsOf::Time(-1)));
        check("9999-12-31T00:00:00Z", Some(AsOf::Time(253_402_214_400_000)));
        check("now", Some(AsOf::Time(NOW_MS)));
        check("-90s", Some(AsOf::Time(NOW_MS - 90_000)));
        check("-30m", Some(AsOf::Time(NOW_MS - 1_800_000)));
        check("-2h", Some(AsOf::Time(NOW_MS - 7_200_000)));
        check("-1d", Some(AsOf::Time(NOW_MS - 86_400_000)));
        check("-1w", Some(AsOf::Time(NOW_MS - 604_800_000)));
        check("0=12,1=40", cut(&[(0, 12), (1, 40)]));
        check("1=40, 0=-1", cut(&[(0, -1), (1, 40)]));
        let of_several = parse_at("packages/1=5,orders/0=12", NOW_MS).unwrap();
        assert_eq!(of_several.to_string(), "orders/0=12,packages/1=5");
    }

    #[test]
    fn a_time_without_a_zone_is_utc_and_a_date_is_its_end() {
        check("2019-05-20T07:07:47", Some(AsOf::Time(1_558_336_067_000)));
        check("2019-05-20T07:07:47.250", Some(AsOf::Time(1_558_336_067_250)));
        check("2019-05-20 07:07:47", Some(AsOf::Time(1_558_336_067_000)));
        check("2019-05-20T07:07", Some(AsOf::Time(1_558_336_020_000)));
        check("2019-05-20", Some(AsOf::Time(1_558_396_799_999)));
        check("2024-02-29", Some(AsOf::Time(1_709_251_199_999)));
        check("1969-12-31", Some(AsOf::Time(-1)));
        check("9999-12-31", Some(AsOf::Time(253_402_300_799_999)));
        // A leap second is the end of its day in UTC, and no other minute has one.
        check("2016-12-31T23:59:60", Some(AsOf::Time(1_483_228_799_999)));
        check("2016-12-31T23:59:60Z", Some(AsOf::Time(1_483_228_799_999)));
        check("2017-01-01T00:59:60+01:00", Some(AsOf::Time(1_483_228_799_999)));
        check("2016-12-31T12:00:60", None);
        check("2016-12-31T23:59:60+01:00", None);
        for text in [
            "2023-02-29",
            "2019-5-20",
            "2019-05",
            "20190520",
            "2019-05-20T",
            "2019-05-20x07:07:47",
        ] {
            check(text, None);
        }
        for zone in ["+99:00", "+", "-", "[Europe/Berlin]", " CET", "ZZ", "Z+02:00"] {
            check(&format!("2019-05-20T07:07:47{zone}"), None);
        }
    }

    #[test]
    fn everything_else_names_the_forms() {
        for text in [
            "offset:",
            "offset:-1",
            "offset:9223372036854775808",
            "offset:1.5",
            "revision:-1",
            "revision:x",
        ] {
            check(text, None);
        }
        for text in [
            "-2",
            "-h",
            "--2h",
            "-2y",
            "-2hh",
            "-99999999999h",
            "-½h",
            "-1.5h",
            "yesterday",
            "Now",
            "12",
        ] {
            check(text, None);
        }
        for text in [
            "0=",
            "=1",
            "0=1,0=2",
            "0=1,",
            "0=-2",
            "a=1",
            "/0=1",
            "orders/=1",
            "orders/a=1",
            "orders/0=1,orders/0=2",
            "0=1;1=2",
            "2019-13-20T07:07:47Z",
        ] {
            check(text, None);
        }
        check(&"x".repeat(100_000), None);
    }

    #[test]
    fn what_is_shown_reads_back() {
        for text in [
            "offset:3",
            "revision:2",
            "2019-05-20T07:07:47.000Z",
            "0=12,1=40",
            "head",
        ] {
            let at = parse_at(text, NOW_MS).unwrap();
            assert_eq!(at.to_string(), text);
        }
        for (text, shown) in [
            ("now", "2023-11-14T22:13:20.000Z"),
            ("-1h", "2023-11-14T21:13:20.000Z"),
            ("2026-03-04", "2026-03-04T23:59:59.999Z"),
            ("2026-03-04T12:30", "2026-03-04T12:30:00.000Z"),
            ("2026-03-04 12:30:00+02:00", "2026-03-04T10:30:00.000Z"),
        ] {
            let at = parse_at(text, NOW_MS).unwrap();
            assert_eq!(at.to_string(), shown, "{text}");
            assert_eq!(parse_at(shown, 0).unwrap(), at);
        }
    }
}
