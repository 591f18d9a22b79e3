//! Places in a topic as they are typed: `beginning`, `end`, an offset, the last records, a time.
//!
//! Times are those of `--at` elsewhere (`parse_at`), but for a date: a range that begins with one begins with the day.

use std::collections::BTreeMap;

use annals_event_store::{AsOf, parse_at};
use annals_kafka_client::{Client, Isolation, Place as At};

use super::super::exit::Failure;

/// The forms, as help and errors name them.
pub(super) const FORMS: &str = "`beginning`, `end`, an offset such as 42, the last records of each partition such as -10, \
                                an RFC 3339 time such as 2026-03-04T12:00:00Z (UTC when it names no zone), a date, or a \
                                time ago such as -2h (s, m, h, d, w)";

/// A place in every partition of a topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Beginning,
    End,
    Offset(i64),
    /// So many offsets before the end.
    Last(i64),
    /// The first record of this time or later.
    Time(i64),
}

/// Reads where a range begins.
pub(super) fn from(text: &str) -> Result<Place, String> {
    // A date is its first moment here, not its last.
    let is_date = text.len() == "2026-03-04".len() && text.as_bytes().get(4) == Some(&b'-');
    match is_date {
        true => place(&format!("{text}T00:00:00Z")),
        false => place(text),
    }
}

/// Reads where a range ends.
pub(super) fn place(text: &str) -> Result<Place, String> {
    match text {
        "beginning" | "earliest" | "start" => return Ok(Place::Beginning),
        "end" | "latest" => return Ok(Place::End),
        _ => {}
    }
    if let Ok(number) = text.parse::<i64>() {
        return Ok(match text.starts_with('-') {
            true => Place::Last(number.saturating_neg()),
            false => Place::Offset(number),
        });
    }
    match parse_at(text, jiff::Timestamp::now().as_millisecond()) {
        Ok(AsOf::Time(ms)) => Ok(Place::Time(ms)),
        Ok(AsOf::Offset(offset)) => Ok(Place::Offset(offset)),
        _ => Err(format!("`{text}` is no place in a topic: give {FORMS}")),
    }
}

/// The first and the end offset of each partition.
#[derive(Debug, Clone)]
pub(super) struct Bounds {
    pub(super) start: BTreeMap<i32, i64>,
    pub(super) end: BTreeMap<i32, i64>,
}

impl Bounds {
    /// As they are now.
    pub(super) async fn of(
        client: &mut Client,
        topic: &str,
        partitions: &[i32],
        isolation: Isolation,
    ) -> Result<Bounds, Failure> {
        let known = |found: BTreeMap<i32, Option<i64>>| {
            let known = found.into_iter();
            known
                .map(|(partition, offset)| (partition, offset.unwrap_or(0)))
                .collect()
        };
        if partitions.is_empty() {
            return Ok(Bounds {
                start: BTreeMap::new(),
                end: BTreeMap::new(),
            });
        }
        Ok(Bounds {
            start: known(client.offsets_at(topic, partitions, At::Start, isolation).await?),
            end: known(client.offsets_at(topic, partitions, At::End, isolation).await?),
        })
    }

    /// The offset of a place in each partition, within the bounds.
    pub(super) async fn find(
        &self,
        client: &mut Client,
        topic: &str,
        place: Place,
        isolation: Isolation,
    ) -> Result<BTreeMap<i32, i64>, Failure> {
        let by_time = match place {
            Place::Time(ms) if !self.start.is_empty() => {
                let partitions: Vec<i32> = self.start.keys().copied().collect();
                client
                    .offsets_at(topic, &partitions, At::Time(ms), isolation)
                    .await?
            }
            _ => BTreeMap::new(),
        };
        let found = self.start.iter().map(|(partition, start)| {
            let end = self.end.get(partition).copied().unwrap_or(*start).max(*start);
            let offset = match place {
                Place::Beginning => *start,
                Place::End => end,
                Place::Offset(offset) => offset,
                Place::Last(count) => end.saturating_sub(count),
                // Nothing is so late: the end.
                Place::Time(_) => by_time.get(partition).copied().flatten().unwrap_or(end),
            };
            (*partition, offset.clamp(*start, end))
        });
        Ok(found.collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_read_as_they_are_typed() {
        let check = |text: &str, begins: Option<Place>, ends: Option<Place>| {
            assert_eq!(from(text).ok(), begins, "from {text}");
            assert_eq!(place(text).ok(), ends, "to {text}");
        };
        let both = |text: &str, place: Place| check(text, Some(place), Some(place));
        both("beginning", Place::Beginning);
        both("end", Place::End);
        both("0", Place::Offset(0));
        both("offset:7", Place::Offset(7));
        both("-10", Place::Last(10));
        both("1970-01-01T00:00:01Z", Place::Time(1_000));
        check(
            "1970-01-02",
            Some(Place::Time(86_400_000)),
            Some(Place::Time(2 * 86_400_000 - 1)),
        );
        for text in ["", "head", "revision:1", "0=1", "yesterday", "-2y", "1.5"] {
            check(text, None, None);
            let error = from(text).unwrap_err();
            assert!(error.contains("`beginning`") && error.contains("-2h"), "{error}");
        }
        assert!(matches!(from("-2h"), Ok(Place::Time(ms)) if ms > 0));
    }
}
