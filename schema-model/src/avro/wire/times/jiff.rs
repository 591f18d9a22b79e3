//! Dates and times of jiff.

use jiff::civil::{Date, DateTime, Time};
use jiff::{SignedDuration, Timestamp as Instant};

use super::{DAY_SECONDS, Day, Moment, SECOND_NANOS, TimeOfDay, nanos, parts};

const YEARS: &str = "-9999 to 9999";
const EPOCH: DateTime = DateTime::constant(1970, 1, 1, 0, 0, 0, 0);

impl Day for Date {
    const YEARS: &'static str = YEARS;

    fn from_days(days: i32) -> Option<Date> {
        let seconds = SignedDuration::from_secs(i64::from(days) * DAY_SECONDS);
        EPOCH.date().checked_add(seconds).ok()
    }

    /// The dates there are span less than eight million days.
    fn to_days(self) -> i32 {
        let seconds = self.duration_since(EPOCH.date()).as_secs();
        i32::try_from(seconds / DAY_SECONDS).unwrap_or_default()
    }
}

impl TimeOfDay for Time {
    fn from_nanos(nanos: i64) -> Option<Time> {
        Time::midnight()
            .checked_add(SignedDuration::from_nanos(nanos))
            .ok()
    }

    fn to_nanos(self) -> i64 {
        let since_midnight = self.duration_since(Time::midnight());
        since_midnight.as_secs() * SECOND_NANOS + i64::from(since_midnight.subsec_nanos())
    }
}

impl Moment for DateTime {
    const YEARS: &'static str = YEARS;

    fn from_parts(second: i64, nano: u32) -> Option<DateTime> {
        let since = SignedDuration::new(second, i32::try_from(nano).ok()?);
        EPOCH.checked_add(since).ok()
    }

    fn to_parts(self) -> (i64, u32) {
        parts(self.duration_since(EPOCH).as_nanos())
    }
}

impl Moment for Instant {
    const YEARS: &'static str = YEARS;

    fn from_parts(second: i64, nano: u32) -> Option<Instant> {
        Instant::from_nanosecond(nanos(second, nano)).ok()
    }

    fn to_parts(self) -> (i64, u32) {
        parts(self.as_nanosecond())
    }
}
