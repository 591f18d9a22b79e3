//! Rows for a file, passed on from the server as they come.

use std::io::{self, IsTerminal as _};

use super::api::{Api, given};
use super::exit::{Exit, Failure};
use super::progress::Progress;

/// Passes an answer's rows on as they come.
pub(crate) fn pass_on(api: &Api, segments: &[&str], query: &[(&str, Option<&str>)]) -> Result<Exit, Failure> {
    // Rows on the same screen would be torn by it.
    let progress = (!io::stdout().is_terminal()).then(|| Progress::new("kilobytes:", None));
    let mut out = Counted { progress, bytes: 0 };
    api.pass_on(segments, &given(query), &mut out)?;
    Ok(Exit::Done)
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
