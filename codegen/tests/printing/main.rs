//! What is printed for sound schemas, and what is said about unsound ones.

mod diagnostics;
mod golden;
