//! A long list on a page: which part is shown, and where its neighbours begin.

/// A part of a list, by the number of its first entry.
pub(super) struct Pager {
    /// Entries before this part.
    pub(super) from: u64,
    /// Entries of the whole list.
    pub(super) total: u64,
    size: u64,
}

impl Pager {
    /// The part that begins at `from`, or the last one when the list is shorter.
    pub(super) fn new(from: u64, size: u64, total: u64) -> Pager {
        let size = size.max(1);
        Pager {
            from: from.min(Pager::begin(total.saturating_sub(1), size)),
            total,
            size,
        }
    }

    /// Where the part with this entry begins.
    pub(super) fn begin(entry: u64, size: u64) -> u64 {
        entry - entry % size.max(1)
    }

    /// Entries up to and with this part's last.
    pub(super) fn to(&self) -> u64 {
        self.from.saturating_add(self.size).min(self.total)
    }

    pub(super) fn is_whole(&self) -> bool {
        self.from == 0 && self.to() == self.total
    }

    pub(super) fn previous(&self) -> Option<u64> {
        (self.from > 0).then(|| self.from.saturating_sub(self.size))
    }

    pub(super) fn next(&self) -> Option<u64> {
        (self.to() < self.total).then(|| self.to())
    }

    pub(super) fn last(&self) -> u64 {
        Pager::begin(self.total.saturating_sub(1), self.size)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_a_list() {
        let check = |from, total, wanted: (u64, u64, Option<u64>, Option<u64>, u64)| {
            let part = Pager::new(from, 10, total);
            let got = (part.from, part.to(), part.previous(), part.next(), part.last());
            assert_eq!(got, wanted, "from {from} of {total}");
            assert_eq!(part.is_whole(), total <= 10);
        };
        check(0, 0, (0, 0, None, None, 0));
        check(0, 10, (0, 10, None, None, 0));
        check(0, 11, (0, 10, None, Some(10), 10));
        check(10, 11, (10, 11, Some(0), None, 10));
        check(5, 30, (5, 15, Some(0), Some(15), 20));
        check(20, 30, (20, 30, Some(10), None, 20));
        check(u64::MAX, 25, (20, 25, Some(10), None, 20));
    }
}
