//! Dates and times of the time crate.

use time::{Date, OffsetDateTime, PrimitiveDateTime, Time};

use super::{Day, Moment, SECOND_NANOS, TimeOfDay, nanos, parts};

const YEARS: &str = "-9999 to 9999";
/// 1970-01-01 as a Julian day.
const EPOCH_DAY: i32 = 2_440_588;

impl Day for Date {
    const YEARS: &'static str = YEARS;

    fn from_days(days: i32) -> Option<Date> {
        Date::from_julian_day(days.checked_add(EPOCH_DAY)?).ok()
    }

    fn to_days(self) -> i32 {
        self.to_julian_day() - EPOCH_DAY
    }
}

impl TimeOfDay for Time {
    fn from_nanos(nanos: i64) -> Option<Time> {
        let (second, nano) = (nanos / SECOND_NANOS, nanos % SECOND_NANOS);
        let part = |part: i64| u8::try_from(part).ok();
        let (hour, minute, second) = (part(second / 3_600)?, part(second / 60 % 60)?, part(second % 60)?);
        Time::from_hms_nano(hour, minute, second, u32::try_from(nano).ok()?).ok()
    }

    fn to_nanos(self) -> i64 {
        let (hour, minute, second, nano) = self.as_hms_nano();
        let minutes = i64::from(hour) * 60 + i64::from(minute);
        (minutes * 60 + i64::from(second)) * SECOND_NANOS + i64::from(nano)
    }
}

impl Moment for OffsetDateTime {
    const YEARS: &'static str = YEARS;

    fn from_parts(second: i64, nano: u32) -> Option<OffsetDateTime> {
        OffsetDateTime::from_unix_timestamp_nanos(nanos(second, nano)).ok()
    }

    fn to_parts(self) -> (i64, u32) {
        parts(self.unix_timestamp_nanos())
    }
}

impl Moment for PrimitiveDateTime {
    const YEARS: &'static str = YEARS;

    fn from_parts(second: i64, nano: u32) -> Option<PrimitiveDateTime> {
        let time = OffsetDateTime::from_parts(second, nano)?;
        Some(PrimitiveDateTime::new(time.date(), time.time()))
    }

    fn to_parts(self) -> (i64, u32) {
        self.assume_utc().to_parts()
    }
}
