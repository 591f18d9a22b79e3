//! The rows that come first in an order, of as many as there are.
//!
//! Invariant: no more rows are held than are wanted, and no more bytes than [`RANKED_BYTES_MAX`]. Rows whose values are the same
//! stand in the order they came in, which is that of their ids.

use std::cmp::Ordering;

use crate::error::StoreError;
use crate::page::bytes_of;
use crate::population::{Row, weight};
use crate::question::Asked;

/// Bytes of rows, in JSON or with types, that may be held for an order.
pub(crate) const RANKED_BYTES_MAX: usize = 32 << 20;

/// The first rows so far.
pub(crate) struct Ranked<'a> {
    asked: &'a Asked,
    count: usize,
    /// In order whenever it is cut; up to twice as many as are wanted between.
    rows: Vec<(Row, usize)>,
    bytes: usize,
}

impl<'a> Ranked<'a> {
    pub(crate) fn new(asked: &'a Asked, count: usize) -> Ranked<'a> {
        Ranked {
            asked,
            count,
            rows: Vec::new(),
            bytes: 0,
        }
    }

    /// Takes a row in, and lets the last one go when there are too many.
    pub(crate) fn add(&mut self, row: Row) -> Result<(), StoreError> {
        let bytes = bytes_of(&row.member) + row.cells.iter().map(weight).sum::<usize>();
        let bytes = bytes + row.text.as_ref().map_or(0, Vec::len);
        self.bytes += bytes;
        self.rows.push((row, bytes));
        if self.rows.len() > 2 * self.count || self.bytes > RANKED_BYTES_MAX {
            self.cut();
        }
        match self.bytes > RANKED_BYTES_MAX {
            true => Err(StoreError::OrderedBytes {
                max: RANKED_BYTES_MAX,
            }),
            false => Ok(()),
        }
    }

    /// Keeps the first rows, in order.
    fn cut(&mut self) {
        let asked = self.asked;
        let order =
            |(a, _): &(Row, usize), (b, _): &(Row, usize)| -> Ordering { asked.compare(&a.taken, &b.taken) };
        self.rows.sort_by(order);
        self.rows.truncate(self.count);
        self.bytes = self.rows.iter().map(|(_, bytes)| bytes).sum();
    }

    /// The rows that come first.
    pub(crate) fn in_order(mut self) -> Vec<Row> {
        self.cut();
        self.rows.into_iter().map(|(row, _)| row).collect()
    }
}
