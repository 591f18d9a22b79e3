//! Rows for a file, passed on from the server as they come.

use std::collections::BTreeMap;
use std::io::{self, IsTerminal as _};

use serde_json::json;

use super::api::{Api, given};
use super::exit::{Exit, Failure};
use super::output;
use super::progress::Progress;
use super::remarks::say_missing;

/// Passes an answer's rows on as they come.
pub(crate) fn pass_on(api: &Api, segments: &[&str], query: &[(&str, Option<&str>)]) -> Result<Exit, Failure> {
    // Rows on the same screen would be torn by it.
    let progress = (!io::stdout().is_terminal()).then(|| Progress::new("kilobytes:", None));
    let mut out = Counted { progress, bytes: 0 };
    let headers = api.pass_on(segments, &given(query), &mut out)?;
    say_about(&headers);
    Ok(Exit::Done)
}

/// Says what rows rest on that have no place for it, and what may be missing from them.
fn say_about(headers: &BTreeMap<String, String>) {
    let said = |name: &str| headers.get(name).map(String::as_str);
    let unreadable = said("annals-unreadable").and_then(|count| count.parse::<u64>().ok());
    say_missing(&json!({ "unreadable_batches": unreadable }));
    if let Some(fold) = said("annals-fold") {
        let cut = said("annals-cut").map_or_else(String::new, |cut| format!(" at cut {cut}"));
        output::remark(&format!("folded{cut} by {fold}"));
    }
}

/// Standard output, with how much has come.
struct Counted {
    progress: Option<Progress>,
    bytes: usize,
}

impl io::Write for Counted {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        io::stdout().lock().write_all(bytes)?;
        let before = self.bytes / 1_000;
        self.bytes += bytes.len();
        if let Some(progress) = &self.progress {
            progress.add(self.bytes / 1_000 - before);
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stdout().lock().flush()
    }
}
