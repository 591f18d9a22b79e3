//! Printing: tables for people, JSON for programs.

use std::io::{self, Write as _};

use serde_json::Value;

use super::exit::Failure;

/// How a command prints its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Format {
    /// Columns for people
    Table,
    /// The server's answer as JSON
    Json,
}

/// Print one line to stdout. A closed pipe (`annals … | head`) is not an error.
pub(crate) fn line(text: &str) -> Result<(), Failure> {
    match writeln!(io::stdout().lock(), "{text}") {
        Err(e) if e.kind() != io::ErrorKind::BrokenPipe => Err(e.into()),
        _ => Ok(()),
    }
}

pub(crate) fn json(value: &Value) -> Result<(), Failure> {
    line(&format!("{value:#}"))
}

pub(crate) fn error(failure: &Failure) {
    let mut stderr = io::stderr().lock();
    // Nothing is left to tell anyone when stderr itself is gone.
    let _ = writeln!(stderr, "error: {}", failure.message);
    if let Some(help) = &failure.help {
        let _ = writeln!(stderr, "  help: {help}");
    }
}

/// Columns without borders, each as wide as its widest cell.
pub(crate) fn table(header: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> Result<(), Failure> {
    let header = header.iter().map(|&title| title.to_owned()).collect();
    let rows: Vec<Vec<String>> = std::iter::once(header).chain(rows).collect();
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = rows
        .first()
        .map_or(0..0, |header| 0..header.len())
        .map(width)
        .collect();
    for row in &rows {
        let cells = row
            .iter()
            .zip(&widths)
            .map(|(cell, width)| format!("{cell:<width$}"));
        line(cells.collect::<Vec<_>>().join("  ").trim_end())?;
    }
    Ok(())
}

/// A JSON value as one cell: strings bare, everything else as JSON.
pub(crate) fn cell(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => "-".to_owned(),
        other => other.to_string(),
    }
}
