//! Which changes break readers.

use super::Schema;
use crate::{Direction, Finding};

/// What keeps `reader` from reading data of `writer`.
#[must_use]
pub fn check(_reader: &Schema, _writer: &Schema, _direction: Direction) -> Vec<Finding> {
    Vec::new()
}
