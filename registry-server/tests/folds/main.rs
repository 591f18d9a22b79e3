//! The folds of a running server: their readers stay what they were, and their files are followed.

#![allow(clippy::unwrap_used, clippy::too_many_lines)]

mod files;
mod readers;
mod revisions;
mod running;
