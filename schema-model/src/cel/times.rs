//! Instants and spans of time in expressions: what they are made of, what is computed with them, and their parts.
//!
//! A value counts as an instant or a span by its type alone: what payloads have for a `google.protobuf.Duration` is the
//! message, which is a span wherever one may stand. Invariant: all is exact to the nanosecond, and an instant that is
//! computed lies from year 1 to year 9999, as CEL's do; beyond there is an error. The calendar is UTC's, or that of a fixed
//! offset. Left out: zones by name, whose rules change; months and years as spans.

use super::eval::{shown, text};
use super::{Arithmetic, Shape};
use crate::timestamp::days_before;
use crate::{Duration, Timestamp, Value, text};

const DAY_SECONDS: i64 = 86_400;
/// The first second of year 1 and the last of year 9999.
const SECONDS: std::ops::RangeInclusive<i64> = -62_135_596_800..=253_402_300_799;
/// The message that is a span of time.
pub(super) const SPAN_MESSAGE: &str = "google.protobuf.Duration";

/// A part of an instant, a date, a time of day or a span, as CEL names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The year.
    FullYear,
    /// The month, from 0.
    Month,
    /// The day of the month, from 1.
    Date,
    /// The day of the month, from 0.
    DayOfMonth,
    /// The day of the week, from 0 for Sunday.
    DayOfWeek,
    /// The day of the year, from 0.
    DayOfYear,
    /// The hour of the day; of a span all its hours.
    Hours,
    /// The minute of the hour; of a span all its minutes.
    Minutes,
    /// The second of the minute; of a span all its seconds.
    Seconds,
    /// The millisecond of the second.
    Milliseconds,
}

/// The instant that a value is.
pub(crate) fn instant(value: &Value) -> Option<Timestamp> {
    match value {
        Value::Timestamp { millis } => Some(Timestamp::from_millis(*millis)),
        Value::TimestampMicros { micros } => Some(Timestamp::from_micros(*micros)),
        Value::TimestampNanos(time) => Some(*time),
        _ => None,
    }
}

/// The span of time that a value is.
pub(super) fn span(value: &Value) -> Option<Duration> {
    match value {
        Value::Duration(span) => Some(*span),
        Value::Record { name, .. } if **name == *SPAN_MESSAGE => {
            let part = |name| match value.get(name) {
                Some(Value::Int(part)) => Some(i128::from(*part)),
                _ => None,
            };
            let seconds = part("seconds")?.checked_mul(1_000_000_000)?;
            Duration::from_nanos(seconds.checked_add(part("nanos")?)?)
        }
        _ => None,
    }
}

/// So many nanoseconds since 1970 as an instant of the calendar.
fn of_nanos(nanos: i128) -> Option<Value> {
    let second = i64::try_from(nanos.div_euclid(1_000_000_000)).ok()?;
    let nano = u32::try_from(nanos.rem_euclid(1_000_000_000)).ok()?;
    let time = Timestamp::new(second, nano)?;
    SECONDS.contains(&second).then(|| Value::instant(time))
}

fn nanos(time: Timestamp) -> i128 {
    i128::from(time.as_seconds()) * 1_000_000_000 + i128::from(time.subsec_nanos())
}

/// `timestamp(…)`: of a text in RFC 3339, of seconds since 1970, of the midnight a date begins with.
pub(super) fn timestamp(value: &Value) -> Result<Value, String> {
    let seconds = |seconds: i128| of_nanos(seconds * 1_000_000_000);
    let made = match value {
        Value::Int(count) => seconds(i128::from(*count)),
        Value::UInt(count) => seconds(i128::from(*count)),
        Value::Date(days) => seconds(i128::from(*days) * i128::from(DAY_SECONDS)),
        value => match (instant(value), text(value)) {
            (Some(_), _) => return Ok(value.clone()),
            (None, Some(text)) => {
                let time: Timestamp = text.parse().map_err(|error| format!("timestamp(…): {error}"))?;
                of_nanos(nanos(time))
            }
            (None, None) => return Err(format!("`timestamp` is not for {}", shown(value))),
        },
    };
    made.ok_or_else(|| format!("timestamp({}) is not within the years 1 to 9999", shown(value)))
}

/// `duration(…)`: of a text such as `1h30m`, of what a time of day is after midnight.
pub(super) fn duration(value: &Value) -> Result<Value, String> {
    let wrong = || format!("`duration` is not for {}", shown(value));
    match (value, text(value)) {
        (Value::Time { micros }, _) => {
            let span = Duration::from_nanos(i128::from(*micros) * 1_000);
            span.map(Value::Duration).ok_or_else(wrong)
        }
        (_, Some(text)) => {
            let span = text.parse().map_err(|error| format!("duration(…): {error}"));
            span.map(Value::Duration)
        }
        (value, None) => span(value).map(Value::Duration).ok_or_else(wrong),
    }
}

/// What an operation makes of two types, where one is an instant or a span; nothing where it makes nothing of them.
pub(super) fn shape(arithmetic: Arithmetic, a: &Shape, b: &Shape) -> Option<Shape> {
    let (times, spans) = (
        (*a == Shape::Timestamp, *b == Shape::Timestamp),
        (a.is_duration(), b.is_duration()),
    );
    match (arithmetic, times, spans) {
        (Arithmetic::Add | Arithmetic::Subtract, (true, _), (_, true))
        | (Arithmetic::Add, (_, true), (true, _)) => Some(Shape::Timestamp),
        (Arithmetic::Subtract, (true, true), _)
        | (Arithmetic::Add | Arithmetic::Subtract, _, (true, true)) => Some(Shape::Duration),
        _ => None,
    }
}

/// What it makes of two values; nothing where neither is an instant or a span, or there is no such operation.
pub(super) fn compute(arithmetic: Arithmetic, a: &Value, b: &Value) -> Option<Result<Value, String>> {
    let too_long = |what: &str| format!("{} {} {} is {what}", shown(a), arithmetic.sign(), shown(b));
    let within = |time: i128| of_nanos(time).ok_or_else(|| too_long("not within the years 1 to 9999"));
    let short = |span: Option<Duration>| {
        span.map(Value::Duration)
            .ok_or_else(|| too_long("too long a duration"))
    };
    let (times, spans) = ((instant(a), instant(b)), (span(a), span(b)));
    Some(match (arithmetic, times, spans) {
        (Arithmetic::Add, (Some(time), _), (_, Some(span)))
        | (Arithmetic::Add, (_, Some(time)), (Some(span), _)) => within(nanos(time) + span.as_nanos()),
        (Arithmetic::Subtract, (Some(time), _), (_, Some(span))) => within(nanos(time) - span.as_nanos()),
        (Arithmetic::Subtract, (Some(a), Some(b)), _) => short(Duration::from_nanos(nanos(a) - nanos(b))),
        (Arithmetic::Add, _, (Some(a), Some(b))) => short(a.checked_add(b)),
        (Arithmetic::Subtract, _, (Some(a), Some(b))) => short(a.checked_sub(b)),
        _ => return None,
    })
}

/// The seconds of a fixed offset, which is written as CEL writes one: `UTC`, `+02:00`, `-07:30`.
pub(super) fn offset(text: &str) -> Result<i32, String> {
    let wrong = || format!("`{text}` is no fixed offset, such as '+02:00'; zones by name are not known here");
    let digits = |part: &str| {
        let is_two = part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_digit());
        is_two.then(|| part.parse::<i32>().ok()).flatten()
    };
    if text == "UTC" {
        return Ok(0);
    }
    let (sign, rest) = match (text.strip_prefix('-'), text.strip_prefix('+')) {
        (Some(rest), _) => (-1, rest),
        (_, Some(rest)) => (1, rest),
        _ => return Err(wrong()),
    };
    let parts = rest
        .split_once(':')
        .and_then(|(hours, minutes)| Some((digits(hours)?, digits(minutes)?)));
    match parts {
        Some((hours, minutes)) if hours < 24 && minutes < 60 => Ok(sign * (hours * 3_600 + minutes * 60)),
        _ => Err(wrong()),
    }
}

impl Part {
    fn is_of_a_day(self) -> bool {
        matches!(
            self,
            Part::Hours | Part::Minutes | Part::Seconds | Part::Milliseconds
        )
    }

    /// Whether values of a type have it, maybe somewhere else than in UTC.
    pub(super) fn fits(self, shape: &Shape, elsewhere: bool) -> bool {
        match shape.present() {
            Shape::Any | Shape::Timestamp => true,
            Shape::Date => !self.is_of_a_day() && !elsewhere,
            Shape::TimeOfDay => self.is_of_a_day() && !elsewhere,
            shape => shape.is_duration() && self.is_of_a_day() && self != Part::Milliseconds && !elsewhere,
        }
    }

    /// What it is of a value, so many seconds ahead of UTC.
    pub(super) fn of(self, value: &Value, offset: Option<i32>) -> Option<i64> {
        let elsewhere = offset.is_some();
        match value {
            Value::Date(days) if !self.is_of_a_day() && !elsewhere => self.of_day(i64::from(*days)),
            Value::Time { micros } if self.is_of_a_day() && !elsewhere => {
                let is_one = (0..DAY_SECONDS * 1_000_000).contains(micros);
                is_one.then(|| self.of_second(micros / 1_000_000, micros % 1_000_000 / 1_000))
            }
            value => match (instant(value), span(value)) {
                (Some(time), _) => {
                    let second = time.as_seconds().checked_add(i64::from(offset.unwrap_or(0)))?;
                    if self.is_of_a_day() {
                        let millis = i64::from(time.subsec_nanos() / 1_000_000);
                        return Some(self.of_second(second.rem_euclid(DAY_SECONDS), millis));
                    }
                    self.of_day(second.div_euclid(DAY_SECONDS))
                }
                (None, Some(span)) if !elsewhere => self.of_span(span),
                _ => None,
            },
        }
    }

    fn of_second(self, second: i64, millis: i64) -> i64 {
        match self {
            Part::Hours => second / 3_600,
            Part::Minutes => second / 60 % 60,
            Part::Seconds => second % 60,
            _ => millis,
        }
    }

    fn of_day(self, day: i64) -> Option<i64> {
        let (year, month, date) = text::civil(day);
        Some(match self {
            Part::FullYear => year,
            Part::Month => month - 1,
            Part::Date => date,
            Part::DayOfMonth => date - 1,
            // The first day of 1970 was a Thursday.
            Part::DayOfWeek => (day + 4).rem_euclid(7),
            Part::DayOfYear => day - days_before(year, 1, 1),
            _ => return None,
        })
    }

    /// All of them, without what is left over.
    fn of_span(self, span: Duration) -> Option<i64> {
        let unit = match self {
            Part::Hours => 3_600_000_000_000,
            Part::Minutes => 60_000_000_000,
            Part::Seconds => 1_000_000_000,
            _ => return None,
        };
        i64::try_from(span.as_nanos() / unit).ok()
    }
}

#[cfg(test)]
#[cfg(feature = "jiff")]
mod tests {
    use std::borrow::Cow;

    use jiff::tz::{Offset, TimeZone};
    use proptest::prelude::*;

    use super::super::{Names, Path, Roots, Scope, evaluate, lower};
    use super::*;

    /// Two values, by the names `a` and `b`.
    struct Pair(Value, Value);

    impl Roots for Pair {
        fn start(&self, path: &Path, _: usize) -> Result<(Cow<'_, Value>, usize), String> {
            let value = if path.root.name() == "a" { &self.0 } else { &self.1 };
            Ok((Cow::Borrowed(value), 0))
        }
    }

    static NAMES: Names = Names {
        known: &["a", "b"],
        told: "a and b",
        besides: "",
    };

    fn ask(text: &str, a: Value, b: Value) -> Result<Value, String> {
        let node = lower(text, &NAMES)?;
        let pair = Pair(a, b);
        evaluate(&node, &Scope::new(&pair)).map(Cow::into_owned)
    }

    fn shown_of(value: Result<Value, String>) -> Option<String> {
        value.ok().map(|value| match value.to_json() {
            serde_json::Value::String(text) => text,
            other => other.to_string(),
        })
    }

    /// Jiff's instants end a day before ours do.
    fn theirs() -> impl Strategy<Value = jiff::Timestamp> {
        (-62_135_596_800i64..253_402_200_000, 0i32..1_000_000_000)
            .prop_map(|(second, nano)| jiff::Timestamp::new(second, nano).unwrap())
    }

    fn ours(theirs: jiff::Timestamp) -> Value {
        Value::instant(theirs.into())
    }

    fn span_of(nanos: i128) -> Value {
        Value::Duration(Duration::from_nanos(nanos).unwrap())
    }

    proptest! {
        #[test]
        fn sums_are_those_of_another_library(a in theirs(), nanos in -9_000_000_000_000_000_000i128..9_000_000_000_000_000_000) {
            let span = jiff::SignedDuration::from_nanos(i64::try_from(nanos).unwrap());
            for (text, sum) in [("a + b", a.checked_add(span)), ("b + a", a.checked_add(span)), ("a - b", a.checked_sub(span))] {
                let ours_sum = ask(text, ours(a), span_of(nanos));
                match sum {
                    Ok(sum) if SECONDS.contains(&sum.as_second()) => prop_assert_eq!(ours_sum, Ok(ours(sum))),
                    Ok(_) => prop_assert!(ours_sum.unwrap_err().contains("years 1 to 9999")),
                    // Theirs ends a little before ours.
                    Err(_) => {}
                }
            }
        }

        #[test]
        fn differences_and_orders_are_those_of_another_library(a in theirs(), b in theirs()) {
            let between = ask("a - b", ours(a), ours(b)).unwrap();
            prop_assert_eq!(&between, &span_of(a.duration_since(b).as_nanos()));
            prop_assert_eq!(ask("b + a", between, ours(b)), Ok(ours(a)));
            prop_assert_eq!(ask("a < b", ours(a), ours(b)), Ok(Value::Bool(a < b)));
            prop_assert_eq!(ask("a == b", ours(a), ours(b)), Ok(Value::Bool(a == b)));
        }

        #[test]
        fn parts_are_those_of_another_library(time in theirs(), minutes in -1_439i32..1_440) {
            let check = |offset: Option<i32>| {
                let zone = TimeZone::fixed(Offset::from_seconds(offset.unwrap_or(0) * 60).unwrap());
                let there = time.to_zoned(zone);
                let place = offset.map_or(String::new(), |offset| {
                    let sign = if offset < 0 { '-' } else { '+' };
                    format!("'{sign}{:02}:{:02}'", offset.abs() / 60, offset.abs() % 60)
                });
                for (part, theirs) in [
                    ("getFullYear", i64::from(there.year())),
                    ("getMonth", i64::from(there.month()) - 1),
                    ("getDate", i64::from(there.day())),
                    ("getDayOfMonth", i64::from(there.day()) - 1),
                    ("getDayOfWeek", i64::from(there.weekday().to_sunday_zero_offset())),
                    ("getDayOfYear", i64::from(there.day_of_year()) - 1),
                    ("getHours", i64::from(there.hour())),
                    ("getMinutes", i64::from(there.minute())),
                    ("getSeconds", i64::from(there.second())),
                    ("getMilliseconds", i64::from(there.millisecond())),
                ] {
                    let text = format!("a.{part}({place})");
                    prop_assert_eq!(ask(&text, ours(time), Value::Null), Ok(Value::Int(theirs)), "{} of {}", text, time);
                }
                Ok(())
            };
            check(None)?;
            check(Some(minutes))?;
        }

        #[test]
        fn texts_come_back(time in theirs()) {
            let text = shown_of(ask("string(a)", ours(time), Value::Null)).unwrap();
            prop_assert_eq!(text.parse::<jiff::Timestamp>().unwrap(), time);
            prop_assert_eq!(ask("timestamp(a)", Value::String(text), Value::Null), Ok(ours(time)));
            let seconds = ask("int(a)", ours(time), Value::Null);
            let floor = time.as_nanosecond().div_euclid(1_000_000_000);
            prop_assert_eq!(seconds, Ok(Value::Int(i64::try_from(floor).unwrap())));
        }
    }

    /// What comes out of an expression, with `a` the message that is a span of 90 seconds and `b` a date.
    const COME_OUT: &[(&str, &str)] = &[
        ("timestamp('2026-03-04T00:00:00Z')", "2026-03-04T00:00:00.000Z"),
        (
            "timestamp('2026-03-04T01:00:00.000001+01:00')",
            "2026-03-04T00:00:00.000001Z",
        ),
        (
            "timestamp('2026-03-04T00:00:00.000000001Z')",
            "2026-03-04T00:00:00.000000001Z",
        ),
        ("timestamp(0) - timestamp('1969-12-31T23:59:58.5Z')", "1.500s"),
        ("timestamp(b)", "2024-02-29T00:00:00.000Z"),
        (
            "b.getDayOfWeek() == 4 && b.getMonth() == 1 && b.getDate() == 29",
            "true",
        ),
        ("timestamp(b) + a", "2024-02-29T00:01:30.000Z"),
        ("duration(a)", "90s"),
        (
            "a == duration('1m30s') && duration('90s') <= a && a.seconds == 90",
            "true",
        ),
        ("a + a - duration('1s')", "179s"),
        ("string(a) + string(duration('1ms'))", "90s0.001s"),
        (
            "duration('-90m').getHours() == -1 && a.getMinutes() == 1 && a.getSeconds() == 90",
            "true",
        ),
        ("type(timestamp(0)) + type(duration('0'))", "timestampduration"),
        ("duration('1h') in [duration('60m')]", "true"),
        (
            "timestamp('9999-12-31T23:59:59.999999999Z') > timestamp('0001-01-01T00:00:00Z')",
            "true",
        ),
    ];

    const REFUSED: &[(&str, &str)] = &[
        ("timestamp('2026-03-04')", "`2026-03-04` is no time"),
        ("timestamp('0000-12-31T23:59:59Z')", "years 1 to 9999"),
        ("timestamp(9223372036854775807)", "years 1 to 9999"),
        (
            "timestamp('9999-12-31T23:59:59Z') + duration('1s')",
            "years 1 to 9999",
        ),
        (
            "timestamp('9999-12-31T23:59:59Z') - timestamp('0001-01-01T00:00:00Z') + duration('300000000000s')",
            "too long",
        ),
        ("duration('1d')", "`1d` is no duration"),
        ("duration('1.5ns')", "is no duration"),
        ("duration(90)", "`duration` is not for 90"),
        ("timestamp(true)", "`timestamp` is not for true"),
        ("timestamp(0).getHours('Europe/Berlin')", "no fixed offset"),
        ("timestamp(0).getHours('+2:00')", "no fixed offset"),
        ("timestamp(0).getHours(b)", "a text of its own"),
        ("timestamp(0, 1)", "is written timestamp(value)"),
        ("duration('1h').getHours('+02:00')", "is not for"),
        ("timestamp(0) + 1", "there is no"),
        ("timestamp(0) + timestamp(0)", "there is no"),
        ("duration('1s') - timestamp(0)", "there is no"),
        ("duration('1s') * 2", "there is no"),
        ("-duration('1s')", "there is no"),
        ("timestamp(0) < duration('1s')", "have no order"),
        ("b.getHours()", "`getHours` is not for"),
        ("a.getMilliseconds()", "`getMilliseconds` is not for"),
    ];

    #[test]
    fn expressions_of_time() {
        let message = || Value::Record {
            name: SPAN_MESSAGE.into(),
            fields: vec![
                ("seconds".into(), Value::Int(90)),
                ("nanos".into(), Value::Int(0)),
            ],
        };
        for (text, wanted) in COME_OUT {
            let found = shown_of(ask(text, message(), Value::Date(19_782)));
            assert_eq!(found.as_deref(), Some(*wanted), "{text}");
        }
        for (text, why) in REFUSED {
            let refused = ask(text, message(), Value::Date(0)).unwrap_err();
            assert!(refused.contains(why), "{text}: {refused}");
        }
    }

    /// Any instant there may be in a payload, at any offset, has parts or none, and is added to or not.
    #[test]
    fn the_ends_of_time_make_nobody_panic() {
        for millis in [i64::MIN, i64::MAX] {
            for text in [
                "a.getFullYear('+23:59')",
                "a.getDayOfYear('-23:59')",
                "a - b",
                "a + duration('1s')",
                "string(a)",
            ] {
                let _ = ask(
                    text,
                    Value::Timestamp { millis },
                    Value::Timestamp { millis: !millis },
                );
                let far = Value::TimestampNanos(Timestamp::new(millis, 1).unwrap());
                let _ = ask(text, far, Value::Timestamp { millis: !millis });
            }
        }
    }
}
