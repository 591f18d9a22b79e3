//! The part of a list that a client asks for: skip some, take some.

use std::iter::{Skip, Take};

use serde::Deserialize;

use super::extract::lenient_number;

/// The most entries of a list of schemas.
pub(super) const SCHEMAS_MAX: usize = 1_000;

/// `offset` and `limit` of a query. A limit that is not above zero, or above the list's own, means the list's own.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Page {
    #[serde(deserialize_with = "lenient_number")]
    offset: Option<i64>,
    #[serde(deserialize_with = "lenient_number")]
    limit: Option<i64>,
}

impl Page {
    /// The part of a list, in hand.
    pub(super) fn of<T>(&self, list: impl Iterator<Item = T>, limit_max: usize) -> Vec<T> {
        self.part(list, limit_max).collect()
    }

    /// The part of a list.
    pub(super) fn part<I: Iterator>(&self, list: I, limit_max: usize) -> Take<Skip<I>> {
        let offset = usize::try_from(self.offset.unwrap_or(0)).unwrap_or(0);
        let limit = usize::try_from(self.limit.unwrap_or(0)).unwrap_or(0);
        let limit = if limit == 0 || limit > limit_max {
            limit_max
        } else {
            limit
        };
        list.skip(offset).take(limit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages() {
        let check = |offset, limit, wanted: std::ops::Range<u32>| {
            let page = Page { offset, limit };
            assert_eq!(page.of(0..10, 5), wanted.collect::<Vec<_>>(), "{page:?}");
        };
        check(None, None, 0..5);
        check(Some(2), Some(2), 2..4);
        check(Some(8), Some(5), 8..10);
        check(Some(-3), Some(-1), 0..5);
        check(Some(0), Some(99), 0..5);
        check(Some(99), None, 0..0);
    }
}
