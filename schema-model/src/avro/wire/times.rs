//! Dates and times as the types of several crates.
//!
//! A type of another crate stands for a logical type by one of three traits; what counts milliseconds, microseconds and
//! nanoseconds is here, once. Invariant: what a type can hold is written so that it reads as the same value, in the unit of
//! the schema, finer parts rounded down; what it cannot hold is an error when it is read.

#[cfg(feature = "chrono")]
mod chrono;
#[cfg(feature = "jiff")]
mod jiff;
#[cfg(feature = "time")]
mod time;

use std::fmt::Display;

use crate::Timestamp;

const DAY_SECONDS: i64 = 86_400;
const SECOND_NANOS: i64 = 1_000_000_000;

/// A date of a calendar: days since 1970.
pub trait Day: Sized {
    /// The years there are, for messages.
    const YEARS: &'static str;

    /// The date of a day; nothing when there is none.
    fn from_days(days: i32) -> Option<Self>;

    /// Its day.
    fn to_days(self) -> i32;
}

/// A time of a day: nanoseconds since midnight.
pub trait TimeOfDay: Sized {
    /// The time of so many nanoseconds, which are less than a day.
    fn from_nanos(nanos: i64) -> Option<Self>;

    /// Its nanoseconds, less than a day.
    fn to_nanos(self) -> i64;
}

/// An instant, or a date and time of no zone: seconds since 1970, rounded down, and nanoseconds since that second.
pub trait Moment: Copy + Display {
    /// The years there are, for messages.
    const YEARS: &'static str;

    /// The moment; nothing when there is none. There are less nanoseconds than a second has.
    fn from_parts(second: i64, nano: u32) -> Option<Self>;

    /// Its seconds and nanoseconds.
    fn to_parts(self) -> (i64, u32);
}

impl Moment for Timestamp {
    const YEARS: &'static str = "-292277022399 to 292277026596";

    #[inline]
    fn from_parts(second: i64, nano: u32) -> Option<Timestamp> {
        Timestamp::new(second, nano)
    }

    #[inline]
    fn to_parts(self) -> (i64, u32) {
        (self.as_seconds(), self.subsec_nanos())
    }
}

pub(super) fn date<T: Day>(days: i32) -> Result<T, String> {
    T::from_days(days).ok_or_else(|| format!("day {days} is none of the years {}", T::YEARS))
}

pub(super) fn time<T: TimeOfDay>(count: i64, per_second: i64) -> Result<T, String> {
    let end = DAY_SECONDS * per_second;
    let time = (0..end)
        .contains(&count)
        .then(|| T::from_nanos(count * (SECOND_NANOS / per_second)));
    time.flatten()
        .ok_or_else(|| format!("{count} is no time of a day, which ends at {end}"))
}

/// A time of day in a unit, rounded down.
pub(super) fn of_day<T: TimeOfDay>(time: T, per_second: i64) -> i64 {
    time.to_nanos() / (SECOND_NANOS / per_second)
}

#[inline]
pub(super) fn moment<T: Moment>(count: i64, per_second: i64) -> Result<T, String> {
    let nanos = count.rem_euclid(per_second) * (SECOND_NANOS / per_second);
    match T::from_parts(count.div_euclid(per_second), nanos as u32) {
        Some(moment) => Ok(moment),
        None => Err(no_moment::<T>(count)),
    }
}

#[cold]
fn no_moment<T: Moment>(count: i64) -> String {
    format!("{count} is no time of the years {}", T::YEARS)
}

/// A moment in a unit, rounded down; nothing beyond 64 bits.
#[inline]
pub(super) fn since_epoch<T: Moment>(moment: T, per_second: i64) -> Option<i64> {
    let (second, nano) = moment.to_parts();
    let part = i64::from(nano) / (SECOND_NANOS / per_second);
    match second
        .checked_mul(per_second)
        .and_then(|whole| whole.checked_add(part))
    {
        Some(count) => Some(count),
        // The first second there is begins before the first count there is.
        None => i64::try_from(i128::from(second) * i128::from(per_second) + i128::from(part)).ok(),
    }
}

/// Nanoseconds since 1970 as seconds and the rest.
#[cfg(any(feature = "jiff", feature = "time"))]
fn parts(nanos: i128) -> (i64, u32) {
    let (second, nano) = (
        nanos.div_euclid(SECOND_NANOS.into()),
        nanos.rem_euclid(SECOND_NANOS.into()),
    );
    (i64::try_from(second).unwrap_or_default(), nano as u32)
}

/// The opposite.
#[cfg(any(feature = "jiff", feature = "time"))]
fn nanos(second: i64, nano: u32) -> i128 {
    i128::from(second) * i128::from(SECOND_NANOS) + i128::from(nano)
}
