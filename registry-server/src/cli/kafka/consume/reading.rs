//! Where each partition is read from and to.

use std::collections::BTreeMap;

/// Where reading stands.
pub(super) struct Reading {
    pub(super) at: BTreeMap<i32, i64>,
    /// Where it ends; where there is nothing, it goes on.
    pub(super) until: BTreeMap<i32, i64>,
    /// What the group has committed of it.
    pub(super) stored: BTreeMap<i32, i64>,
}

impl Reading {
    /// What is still to be read.
    pub(super) fn rest(&self) -> BTreeMap<i32, i64> {
        let is_open =
            |(partition, at): &(&i32, &i64)| self.until.get(partition).is_none_or(|until| *at < until);
        let rest = self.at.iter().filter(is_open);
        rest.map(|(partition, at)| (*partition, *at)).collect()
    }
}
