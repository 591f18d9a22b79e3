//! What rows rest on, in the headers of their answer: rows themselves have no place for it.
//!
//! | header | what it says |
//! |---|---|
//! | `annals-cut` | the cut that the rows are of |
//! | `annals-from-cut`, `annals-to-cut` | the two cuts between which they are |
//! | `annals-fold` | the fold that was run: `order@2`, and its digest |
//! | `annals-unreadable` | how many places within the cut cannot be read, or were removed |
//! | `annals-time` | whose clock recorded times are by, where any are known |
//!
//! Invariant: the headers stay within what clients and proxies take. A cut of so many partitions that it is longer than
//! [`VALUE_BYTES_MAX`] is left out; an Avro file has it.

use axum::http::{HeaderMap, HeaderName, HeaderValue};

use crate::cut::Cut;
use crate::differences::Differences;
use crate::folding::FoldUsed;
use crate::list::Population;
use crate::time_source::TimeSource;
use crate::trail::Trail;

/// Longest value of a header, in bytes: proxies take 8 KiB of headers in all.
const VALUE_BYTES_MAX: usize = 2_048;

const CUT: HeaderName = HeaderName::from_static("annals-cut");
const FROM_CUT: HeaderName = HeaderName::from_static("annals-from-cut");
const TO_CUT: HeaderName = HeaderName::from_static("annals-to-cut");
const FOLD: HeaderName = HeaderName::from_static("annals-fold");
const UNREADABLE: HeaderName = HeaderName::from_static("annals-unreadable");
const TIME: HeaderName = HeaderName::from_static("annals-time");

/// An answer whose rows may stand alone.
pub(super) trait About {
    /// What they rest on.
    fn about(&self) -> HeaderMap;
}

impl About for Population {
    fn about(&self) -> HeaderMap {
        about(
            &[(CUT, &self.cut)],
            &self.fold,
            self.unreadable_batches,
            self.time,
        )
    }
}

impl About for Trail {
    fn about(&self) -> HeaderMap {
        let cuts = [(FROM_CUT, &self.from.cut), (TO_CUT, &self.to.cut)];
        about(&cuts, &self.fold, self.unreadable_batches, self.time)
    }
}

impl About for Differences {
    fn about(&self) -> HeaderMap {
        let cuts = [(FROM_CUT, &self.from.cut), (TO_CUT, &self.to.cut)];
        about(&cuts, &self.fold, self.unreadable_batches, self.time)
    }
}

fn about(
    cuts: &[(HeaderName, &Cut)],
    fold: &FoldUsed,
    unreadable: u64,
    time: Option<TimeSource>,
) -> HeaderMap {
    let cuts = cuts.iter().map(|(name, cut)| (name.clone(), cut.to_string()));
    let time = time.map(|time| match time {
        TimeSource::Append => "append",
        TimeSource::Producer => "producer",
    });
    let others = [
        Some((FOLD, fold.to_string())),
        Some((UNREADABLE, unreadable.to_string())),
        time.map(|time| (TIME, time.to_owned())),
    ];
    cuts.chain(others.into_iter().flatten())
        .filter(|(_, text)| (1..=VALUE_BYTES_MAX).contains(&text.len()))
        .filter_map(|(name, text)| Some((name, HeaderValue::from_str(&text).ok()?)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fold::FoldId;

    #[test]
    fn what_is_too_long_for_a_header_is_left_out() {
        let check = |partitions: u32, is_there: bool| {
            let cut: Cut = (0..partitions).map(|number| (number, 1_000_000)).collect();
            let fold = FoldUsed::from(&FoldId::new("order", 1, [], ""));
            let headers = about(&[(CUT, &cut)], &fold, 7, None);
            assert_eq!(
                headers.contains_key(CUT),
                is_there,
                "{} bytes",
                cut.to_string().len()
            );
            assert_eq!(headers[UNREADABLE], "7");
            assert!(headers[FOLD].to_str().unwrap().starts_with("order@1 "));
        };
        check(100, true);
        check(400, false);
    }
}
