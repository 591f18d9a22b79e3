//! Points in the log on the command line, and what the help of each command says of them.
//!
//! A point is taken to the server as it was typed, since its clock counts; only whether it is one is seen here. But a date means its
//! end, and what happened on a day is since that day ([`before_date`]). Invariant: help names the forms that its command takes, no
//! others.

use std::borrow::Cow;

use annals_event_store::{AsOf, parse_at};

/// The forms that every question takes; a date means another end of its day where the question is what happened since.
macro_rules! everywhere {
    () => {
        everywhere!("its end")
    };
    ($date:literal) => {
        concat!(
            "`now`, an RFC 3339 time (UTC when it names no zone), a date (",
            $date,
            ", in UTC), a time ago such as `-2h`, or a full cut `0=12,1=40` (of several topics `orders/0=12,packages/1=5`)"
        )
    };
}

/// Of one aggregate.
pub(crate) const OF_ONE: &str = concat!(
    "A point in the log: ",
    everywhere!(),
    ", `offset:N` (in the aggregate's partition), or `revision:N`; the head of the log when absent"
);

/// Of all aggregates of a type.
pub(crate) const OF_ALL: &str = concat!(
    "A point in the log: ",
    everywhere!(),
    ", or `offset:N` where there is one partition; the head of the log when absent"
);

/// The first of two points, of one aggregate or of all.
pub(crate) const FROM: &str = concat!(
    "The earlier point: ",
    everywhere!(),
    "; of one aggregate also `offset:N` (in its partition) or `revision:N`, of all `offset:N` where there is one partition"
);

/// The second of them.
pub(crate) const TO: &str = "The later point, in the same forms; the head of the log when absent";

/// The point behind which events are looked for.
pub(crate) const SINCE: &str = concat!(
    "The point behind which they are: ",
    everywhere!("its beginning"),
    "; of one type also `offset:N` where there is one partition; from the first on when absent"
);

/// The one up to which.
pub(crate) const UNTIL: &str = "The last point, in the same forms (a date is its end), and no earlier than the first; the head of the log when absent";

/// Reads one.
pub(crate) fn point(text: &str) -> Result<String, String> {
    if text.trim().is_empty() {
        return Err("it is empty; give a point in the log, or leave the option out".to_owned());
    }
    parse_at(text, 0).map_err(|error| error.to_string())?;
    Ok(text.to_owned())
}

/// How long a date is, such as `2026-03-01`.
const DATE_BYTES: usize = 10;
const DAY_MS: i64 = 86_400_000;

/// The last instant before a date, where a point is a date alone; else the point as it is.
pub(crate) fn before_date(text: &str) -> Cow<'_, str> {
    let date = text.trim();
    let is_date = date.len() == DATE_BYTES && !date.starts_with('-');
    match parse_at(date, 0) {
        Ok(AsOf::Time(end_ms)) if is_date => AsOf::Time(end_ms.saturating_sub(DAY_MS)).to_string().into(),
        _ => text.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_happened_on_a_day_is_since_that_day() {
        let check = |text: &str, wanted: &str| assert_eq!(before_date(text), wanted);
        check("2026-03-01", "2026-02-28T23:59:59.999Z");
        check(" 2024-03-01 ", "2024-02-29T23:59:59.999Z");
        check("1970-01-01", "1969-12-31T23:59:59.999Z");
        for same in [
            "2026-03-01T00:00",
            "2026-03-01T12:00:00Z",
            "now",
            "-12345678d",
            "0=12,1=400",
            "offset:123",
            "x",
        ] {
            check(same, same);
        }
    }
}
