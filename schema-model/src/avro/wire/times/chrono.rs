//! Dates and times of chrono. A leap second is the last nanosecond before it.

use chrono::{DateTime, Datelike as _, NaiveDate, NaiveDateTime, NaiveTime, Timelike as _, Utc};

use super::{Day, Moment, SECOND_NANOS, TimeOfDay};

const YEARS: &str = "-262143 to 262142";
/// 1970-01-01, counted from the first day of the year 1.
const EPOCH_DAY: i32 = 719_163;

impl Day for NaiveDate {
    const YEARS: &'static str = YEARS;

    fn from_days(days: i32) -> Option<NaiveDate> {
        NaiveDate::from_num_days_from_ce_opt(days.checked_add(EPOCH_DAY)?)
    }

    fn to_days(self) -> i32 {
        self.num_days_from_ce() - EPOCH_DAY
    }
}

impl TimeOfDay for NaiveTime {
    fn from_nanos(nanos: i64) -> Option<NaiveTime> {
        let (second, nano) = (nanos / SECOND_NANOS, nanos % SECOND_NANOS);
        NaiveTime::from_num_seconds_from_midnight_opt(u32::try_from(second).ok()?, u32::try_from(nano).ok()?)
    }

    fn to_nanos(self) -> i64 {
        i64::from(self.num_seconds_from_midnight()) * SECOND_NANOS + i64::from(within(self.nanosecond()))
    }
}

impl Moment for DateTime<Utc> {
    const YEARS: &'static str = YEARS;

    fn from_parts(second: i64, nano: u32) -> Option<DateTime<Utc>> {
        DateTime::from_timestamp(second, nano)
    }

    fn to_parts(self) -> (i64, u32) {
        (self.timestamp(), within(self.timestamp_subsec_nanos()))
    }
}

impl Moment for NaiveDateTime {
    const YEARS: &'static str = YEARS;

    fn from_parts(second: i64, nano: u32) -> Option<NaiveDateTime> {
        DateTime::from_timestamp(second, nano).map(|time| time.naive_utc())
    }

    fn to_parts(self) -> (i64, u32) {
        self.and_utc().to_parts()
    }
}

fn within(nano: u32) -> u32 {
    nano.min(999_999_999)
}
