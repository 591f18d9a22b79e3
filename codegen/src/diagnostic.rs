//! What is wrong with an input, and where: a file, a line, a column and a sentence.
//!
//! Invariant: generation collects every diagnostic it can and emits no Rust when there is one. The one-line form
//! is what compilers print, so editors can jump to it; a finding between versions is drawn on its lines as well.

use std::fmt;
use std::path::{Path, PathBuf};

/// One thing wrong with a schema or a folder of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// The file, as it was reached from the folder's path.
    pub file: PathBuf,
    /// Line from 1; 0 when the file as a whole is meant.
    pub line: u32,
    /// Column from 1, in characters; 0 when the line as a whole is meant.
    pub column: u32,
    /// What is wrong.
    pub message: String,
    /// What to do about it, with the lines to paste; empty where the message says it.
    pub help: String,
    /// The same on the lines it is about.
    drawn: String,
}

impl Diagnostic {
    /// About a file as a whole.
    pub fn file(file: &Path, message: impl Into<String>) -> Diagnostic {
        Diagnostic::at(file, 0, 0, message)
    }

    /// About a place in a file.
    pub fn at(file: &Path, line: u32, column: u32, message: impl Into<String>) -> Diagnostic {
        Diagnostic {
            file: file.to_owned(),
            line,
            column,
            message: message.into(),
            help: String::new(),
            drawn: String::new(),
        }
    }

    /// The same with what to do about it.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Diagnostic {
        self.help = help.into();
        self
    }

    /// The same, drawn.
    pub(crate) fn drawn(mut self, drawn: String) -> Diagnostic {
        self.drawn = drawn;
        self
    }

    /// The same for people: with what to do about it.
    #[must_use]
    pub fn report(&self) -> String {
        match self.help.as_str() {
            _ if !self.drawn.is_empty() => self.drawn.clone(),
            "" => format!("error: {self}"),
            help => format!("error: {self}\n  help: {help}"),
        }
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file.display())?;
        if self.line > 0 {
            write!(f, ":{}", self.line)?;
            if self.column > 0 {
                write!(f, ":{}", self.column)?;
            }
        }
        write!(f, ": {}", self.message)
    }
}

impl std::error::Error for Diagnostic {}
