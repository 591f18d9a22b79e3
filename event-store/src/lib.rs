//! Typed events, folds and reconstruction at any cut.
