//! What a client accepts, by its `Accept` headers (RFC 9110, section 12.5.1).
//!
//! The most specific range that a media type is in says how much it is wanted. Left out: parameters of media types other
//! than the quality, which none of ours has.

use std::cmp::Reverse;

use axum::http::{HeaderMap, header};

/// The media ranges of a request's `Accept` headers.
///
/// ```
/// use annals_event_store::http::Accept;
/// use axum::http::{HeaderMap, HeaderValue, header};
///
/// let said = HeaderValue::from_static("application/json;q=0.5, text/csv");
/// let accept = Accept::of(&HeaderMap::from_iter([(header::ACCEPT, said)]));
/// assert_eq!((accept.quality("text/csv"), accept.quality("application/json")), (1_000, 500));
/// assert_eq!(accept.best(&[("application/json", 1), ("text/csv", 2)]), Some(2));
/// assert!(Accept::of(&HeaderMap::new()).is_silent());
/// ```
pub struct Accept(Vec<(String, u32)>);

impl Accept {
    /// What these headers say. Those that are no text say nothing.
    #[must_use]
    pub fn of(headers: &HeaderMap) -> Accept {
        let values = headers.get_all(header::ACCEPT).into_iter();
        let ranges = values
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
            .filter_map(range);
        Accept(ranges.collect())
    }

    /// Whether they say nothing.
    #[must_use]
    pub fn is_silent(&self) -> bool {
        self.0.is_empty()
    }

    /// How much a media type is wanted, in thousandths; 0 where it is not accepted.
    #[must_use]
    pub fn quality(&self, name: &str) -> u32 {
        self.found(name).map_or(0, |(_, quality)| quality)
    }

    /// What stands beside the media type that is wanted most; of equal ones the one that was named first. Nothing where none
    /// is accepted, or nothing is said.
    pub fn best<T: Copy>(&self, offered: &[(&str, T)]) -> Option<T> {
        let found = offered.iter().filter_map(|(name, what)| {
            let (place, quality) = self.found(name)?;
            (quality > 0).then_some((quality, Reverse(place), *what))
        });
        // Of equal ones the last would be taken.
        let best = found.rev().max_by_key(|(quality, place, _)| (*quality, *place));
        best.map(|(_, _, what)| what)
    }

    /// The most specific range that a media type is in: its place, and its quality.
    fn found(&self, name: &str) -> Option<(usize, u32)> {
        let kind = name.split('/').next().unwrap_or_default();
        let of = |wanted: &str| {
            let place = self.0.iter().position(|(range, _)| range == wanted)?;
            self.0.get(place).map(|(_, quality)| (place, *quality))
        };
        of(name)
            .or_else(|| of(&format!("{kind}/*")))
            .or_else(|| of("*/*"))
    }
}

/// A media range and its quality in thousandths.
fn range(text: &str) -> Option<(String, u32)> {
    let mut parts = text.split(';').map(str::trim);
    let name = parts.next().filter(|name| !name.is_empty())?.to_ascii_lowercase();
    let quality = parts
        .filter_map(|part| part.split_once('='))
        .find(|(key, _)| key.trim().eq_ignore_ascii_case("q"))
        .map_or(1_000, |(_, value)| thousandths(value.trim()));
    Some((name, quality))
}

/// A quality such as `0.75` in thousandths; what is no number counts as 1.
fn thousandths(text: &str) -> u32 {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits: String = fraction.chars().chain("000".chars()).take(3).collect();
    match (whole, digits.parse::<u32>()) {
        ("0" | "", Ok(fraction)) => fraction,
        _ => 1_000,
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn the_best_is_what_is_wanted_most() {
        let offered = ["application/json", "application/x-ndjson", "text/csv"];
        let check = |values: &[&'static str], wanted: Option<&str>| {
            let values = values
                .iter()
                .map(|value| (header::ACCEPT, HeaderValue::from_static(value)));
            let headers: HeaderMap = values.clone().collect();
            let best = Accept::of(&headers).best(&offered.map(|name| (name, name)));
            assert_eq!(best, wanted, "{:?}", values.collect::<Vec<_>>());
        };
        check(&[], None);
        check(&[""], None);
        check(&["*/*"], Some("application/json"));
        check(&["text/html"], None);
        check(&["application/json, text/csv"], Some("application/json"));
        check(&["text/csv, application/json"], Some("text/csv"));
        check(&["application/json;q=0.5, text/csv"], Some("text/csv"));
        check(
            &["application/json; q=0.5", "Text/CSV; Q=0.4"],
            Some("application/json"),
        );
        check(&["text/*, application/json;q=0.9"], Some("text/csv"));
        check(&["application/json;q=0, */*"], Some("application/x-ndjson"));
        check(&["text/csv;q=0"], None);
        check(&["text/csv;q=0.001, */*;q=0"], Some("text/csv"));
        check(
            &["text/html,application/xml;q=0.9,*/*;q=0.8"],
            Some("application/json"),
        );
    }
}
