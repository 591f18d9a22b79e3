//! Printing: tables for people, JSON for programs.

use std::borrow::Cow;
use std::io::{self, Write as _};

use annals_event_store::canonical;
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

/// Text as a terminal may have it: control characters are written out (`\u{1b}`), so that nothing which somebody stored
/// steers it. Lines stay apart.
pub(crate) fn plain(text: &str) -> Cow<'_, str> {
    escaped(text, |c| c.is_control() && c != '\n')
}

fn escaped(text: &str, is_bad: impl Fn(char) -> bool) -> Cow<'_, str> {
    if !text.contains(&is_bad) {
        return Cow::Borrowed(text);
    }
    let mut plain = String::with_capacity(text.len());
    for c in text.chars() {
        match is_bad(c) {
            true => plain.extend(c.escape_default()),
            false => plain.push(c),
        }
    }
    Cow::Owned(plain)
}

/// Print one line to stdout. A closed pipe (`annals … | head`) is not an error.
pub(crate) fn line(text: &str) -> Result<(), Failure> {
    is_read(writeln!(io::stdout().lock(), "{}", plain(text))).map(drop)
}

/// Print bytes as they are, and say whether anybody still reads them.
pub(crate) fn bytes(bytes: &[u8]) -> Result<bool, Failure> {
    let mut stdout = io::stdout().lock();
    is_read(stdout.write_all(bytes).and_then(|()| stdout.flush()))
}

/// Whether what was printed is still read by somebody.
fn is_read(printed: io::Result<()>) -> Result<bool, Failure> {
    Ok(while_read(printed)?.is_some())
}

/// What came of writing, unless nobody reads it any more.
pub(crate) fn while_read<T>(written: io::Result<T>) -> Result<Option<T>, Failure> {
    match written {
        Ok(written) => Ok(Some(written)),
        Err(e) if e.kind() == io::ErrorKind::BrokenPipe => Ok(None),
        Err(e) => Err(e.into()),
    }
}

pub(crate) fn json(value: &Value) -> Result<(), Failure> {
    is_read(writeln!(io::stdout().lock(), "{}", canonical::to_pretty(value))).map(drop)
}

/// A remark for people, beside the data.
pub(crate) fn remark(text: &str) {
    // Nothing is lost when nobody reads it.
    let _ = writeln!(io::stderr().lock(), "{}", plain(text));
}

pub(crate) fn error(failure: &Failure) {
    let mut stderr = io::stderr().lock();
    // Nothing is left to tell anyone when stderr itself is gone.
    let _ = writeln!(stderr, "error: {}", plain(&failure.message));
    if let Some(help) = &failure.help {
        let _ = writeln!(stderr, "  help: {}", plain(help));
    }
}

/// The widest a column becomes; a cell that is wider pushes what stands beside it in its own row alone.
const COLUMN_WIDTH_MAX: usize = 120;

/// Columns without borders, each as wide as its widest cell.
pub(crate) fn table(header: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> Result<(), Failure> {
    Table::new(header).rows(rows).map(drop)
}

/// A table whose rows come bit by bit: a column is as wide as its widest cell so far.
pub(crate) struct Table {
    widths: Vec<usize>,
    /// Printed with the first rows.
    header: Option<Vec<String>>,
}

impl Table {
    pub(crate) fn new(header: &[&str]) -> Table {
        Table {
            widths: vec![0; header.len()],
            header: Some(header.iter().map(|&title| title.to_owned()).collect()),
        }
    }

    /// Prints more rows, and says whether anybody still reads them.
    pub(crate) fn rows(&mut self, rows: impl IntoIterator<Item = Vec<String>>) -> Result<bool, Failure> {
        let plain = |cell: String| match escaped(&cell, char::is_control) {
            Cow::Borrowed(_) => cell,
            Cow::Owned(plain) => plain,
        };
        let rows = self.header.take().into_iter().chain(rows);
        let rows: Vec<Vec<String>> = rows.map(|row| row.into_iter().map(plain).collect()).collect();
        for row in &rows {
            // A row may have more to say than there are titles.
            self.widths.resize(self.widths.len().max(row.len()), 0);
            for (width, cell) in self.widths.iter_mut().zip(row) {
                *width = (*width).max(cell.chars().count().min(COLUMN_WIDTH_MAX));
            }
        }
        let mut out = io::BufWriter::new(io::stdout().lock());
        let printed = rows.iter().try_for_each(|row| {
            let cells = row
                .iter()
                .zip(&self.widths)
                .map(|(cell, width)| format!("{cell:<width$}"));
            writeln!(out, "{}", cells.collect::<Vec<_>>().join("  ").trim_end())
        });
        is_read(printed.and_then(|()| out.flush()))
    }
}

/// A JSON object whose list comes page by page, printed as if it had come at once: the list stands last.
pub(crate) struct PagedJson {
    list: &'static str,
    /// How many of the list's items are printed; nothing before the first page.
    printed: Option<u64>,
}

impl PagedJson {
    pub(crate) fn new(list: &'static str) -> PagedJson {
        PagedJson { list, printed: None }
    }

    /// Prints another page, and says whether anybody still reads it.
    pub(crate) fn page(&mut self, mut page: Value) -> Result<bool, Failure> {
        let items = page[self.list].take();
        let mut out = io::BufWriter::new(io::stdout().lock());
        is_read(self.write(&mut out, page, &items).and_then(|()| out.flush()))
    }

    fn write(&mut self, out: &mut impl io::Write, mut page: Value, items: &Value) -> io::Result<()> {
        if self.printed.is_none() {
            if let Some(fields) = page.as_object_mut() {
                fields.remove(self.list);
                fields.remove("next_cursor");
            }
            let around = canonical::to_pretty(&page);
            let open = around.strip_suffix("\n}").unwrap_or(&around);
            write!(out, "{open},\n  \"{}\": [", self.list)?;
        }
        for item in items.as_array().into_iter().flatten() {
            let printed = self.printed.get_or_insert(0);
            let comma = if *printed == 0 { "" } else { "," };
            let item = canonical::to_pretty(item).replace('\n', "\n    ");
            write!(out, "{comma}\n    {item}")?;
            *printed += 1;
        }
        self.printed.get_or_insert(0);
        Ok(())
    }

    /// Prints what is left after the last page.
    pub(crate) fn end(self) -> Result<(), Failure> {
        let gap = if self.printed == Some(0) { "" } else { "\n  " };
        line(&format!("{gap}]\n}}"))
    }
}

/// A JSON value as one cell: strings bare, everything else as JSON.
pub(crate) fn cell(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => "-".to_owned(),
        other => canonical::to_text(other),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn nothing_that_was_stored_steers_a_terminal() {
        let check = |text: &str, wanted: &str| assert_eq!(plain(text), wanted);
        check("café 🛒\nb", "café 🛒\nb");
        check("a\u{1b}[2Jb\r\t", "a\\u{1b}[2Jb\\r\\t");
        check("\u{9b}31m\u{7f}", "\\u{9b}31m\\u{7f}");
    }

    /// Numbers and keys are those of the answer, whatever they were read into.
    #[test]
    fn what_is_printed_is_canonical() {
        let state: Value = serde_json::from_str("{\"\u{10000}\":1e+21,\"\u{e000}\":0.00001}").unwrap();
        assert_eq!(cell(&state), "{\"\u{10000}\":1e+21,\"\u{e000}\":0.00001}");
        let mut out = Vec::new();
        let page = json!({"at": "now", "items": null});
        PagedJson::new("items")
            .write(&mut out, page, &json!([state]))
            .unwrap();
        let wanted = "{\n  \"at\": \"now\",\n  \"items\": [\n    {\n      \"\u{10000}\": 1e+21,\n      \"\u{e000}\": 0.00001\n    }";
        assert_eq!(String::from_utf8(out).unwrap(), wanted);
    }

    #[test]
    fn a_paged_list_reads_as_if_it_had_come_at_once() {
        let check = |pages: &[Value]| {
            let mut out = Vec::new();
            let mut json = PagedJson::new("items");
            for page in pages {
                let whole = json!({"id": "a\nb", "items": page, "total": 3, "next_cursor": "x"});
                json.write(&mut out, whole, page).unwrap();
            }
            let gap = if json.printed == Some(0) { "" } else { "\n  " };
            let text = format!("{}{gap}]\n}}", String::from_utf8(out).unwrap());
            let items: Vec<&Value> = pages.iter().flat_map(|page| page.as_array().unwrap()).collect();
            let read: Value = serde_json::from_str(&text).unwrap_or_else(|e| panic!("{e}: {text}"));
            assert_eq!(read, json!({"id": "a\nb", "total": 3, "items": items}), "{text}");
        };
        check(&[json!([])]);
        check(&[json!([1])]);
        check(&[json!([{"a": [1, {"b": "c\nd"}]}, 2]), json!([3])]);
        check(&[json!([1]), json!([])]);
    }
}
