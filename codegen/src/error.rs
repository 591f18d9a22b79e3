//! Why nothing was generated: everything that is wrong, for cargo in one line each, for people in full.

use std::fmt;

use crate::diagnostic::Diagnostic;
use crate::draw::Weight;

/// Everything that is wrong. A `build.rs` whose `main` returns it prints the full report.
pub struct Error {
    diagnostics: Vec<Diagnostic>,
}

impl Error {
    /// What is wrong, in the order of the files, and then what is odd.
    pub fn diagnostics(&self) -> &[Diagnostic] {
        &self.diagnostics
    }
}

impl From<Vec<Diagnostic>> for Error {
    fn from(diagnostics: Vec<Diagnostic>) -> Error {
        Error { diagnostics }
    }
}

impl From<Diagnostic> for Error {
    fn from(diagnostic: Diagnostic) -> Error {
        vec![diagnostic].into()
    }
}

/// A line each.
impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, diagnostic) in self.diagnostics.iter().enumerate() {
            let line = if place == 0 { "" } else { "\n" };
            match diagnostic.weight {
                Weight::Error => write!(f, "{line}{diagnostic}")?,
                Weight::Warning => write!(f, "{line}warning: {diagnostic}")?,
            }
        }
        Ok(())
    }
}

/// The full report, because that is what is printed of an error that `main` returns.
impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no code is generated from these schemas")?;
        for diagnostic in &self.diagnostics {
            write!(f, "\n\n{}", diagnostic.report())?;
        }
        Ok(())
    }
}

impl std::error::Error for Error {}
