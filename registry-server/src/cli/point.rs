//! Points in the log on the command line, and what the help of each command says of them.
//!
//! A point is taken to the server as it was typed, since its clock counts; only whether it is one is seen here. Invariant: help
//! names the forms that its command takes, no others.

use annals_event_store::parse_at;

/// The forms that every question takes.
macro_rules! everywhere {
    () => {
        "`now`, an RFC 3339 time (UTC when it names no zone), a date (its end, in UTC), a time ago such as `-2h`, or a full cut `0=12,1=40` (of several topics `orders/0=12,packages/1=5`)"
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
    everywhere!(),
    "; of one type also `offset:N` where there is one partition; from the first on when absent"
);

/// The one up to which.
pub(crate) const UNTIL: &str =
    "The last point, in the same forms, and no earlier than the first; the head of the log when absent";

/// Reads one.
pub(crate) fn point(text: &str) -> Result<String, String> {
    if text.trim().is_empty() {
        return Err("it is empty; give a point in the log, or leave the option out".to_owned());
    }
    parse_at(text, 0).map_err(|error| error.to_string())?;
    Ok(text.to_owned())
}
