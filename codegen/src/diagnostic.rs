//! What is wrong with an input, and where: a file, a line, a column and a sentence.
//!
//! Invariant: generation collects every diagnostic it can and emits no Rust when one is an error. The one-line form
//! is what compilers print, so editors can jump to it; a finding between versions is drawn on its lines as well.

use std::fmt;
use std::path::{Path, PathBuf};

use crate::draw::Weight;

/// One thing wrong with a schema or a folder of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// Whether it stops what is done.
    pub weight: Weight,
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
    /// An error about a file as a whole.
    pub fn file(file: &Path, message: impl Into<String>) -> Diagnostic {
        Diagnostic::at(file, 0, 0, message)
    }

    /// An error about a place in a file.
    pub fn at(file: &Path, line: u32, column: u32, message: impl Into<String>) -> Diagnostic {
        Diagnostic {
            weight: Weight::Error,
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

    /// The same, which stops nothing.
    #[must_use]
    pub fn warning(mut self) -> Diagnostic {
        self.weight = Weight::Warning;
        self
    }

    /// The same, drawn.
    pub(crate) fn drawn(mut self, drawn: String) -> Diagnostic {
        self.drawn = drawn;
        self
    }

    /// What is wrong, and what is odd.
    pub(crate) fn parted(said: Vec<Diagnostic>) -> (Vec<Diagnostic>, Vec<Diagnostic>) {
        said.into_iter().partition(|said| said.weight == Weight::Error)
    }

    /// The same for people: with what to do about it.
    #[must_use]
    pub fn report(&self) -> String {
        let weight = self.weight.name();
        match self.help.as_str() {
            _ if !self.drawn.is_empty() => self.drawn.clone(),
            "" => format!("{weight}: {self}"),
            help => format!("{weight}: {self}\n  help: {help}"),
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
