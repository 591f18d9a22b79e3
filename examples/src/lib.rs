//! The example company: its events as generated types, its folds, and a seeded generator of its history.
