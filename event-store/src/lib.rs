//! Typed events, folds and reconstruction at any cut.

pub mod canonical;
pub mod fold;
pub mod resolve;
pub mod typed;

pub use fold::{AnyFold, At, Cell, DecodeError, EventSet, Fold, FoldId, Halt, Raw, Seen, Step, Stop};
pub use resolve::{Resolve, Writer};
pub use typed::{Typed, typed};
