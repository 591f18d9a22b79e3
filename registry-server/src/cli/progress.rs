//! How far a long command has come: one line on stderr that is written over, and nothing at all where nobody looks.

use std::io::{self, IsTerminal as _, Write as _};
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// How often the line changes at most.
const PERIOD: Duration = Duration::from_millis(100);

/// Counts steps of a piece of work.
pub(crate) struct Progress {
    what: String,
    total: Option<usize>,
    state: Option<Mutex<State>>,
}

struct State {
    done: usize,
    /// Not set until the first period is over: short work shows nothing.
    written: Instant,
    shown: bool,
}

impl Progress {
    /// Work of a number of steps, if that is known, called `what`, such as "registering".
    pub(crate) fn new(what: &str, total: impl Into<Option<usize>>) -> Progress {
        let state = State {
            done: 0,
            written: Instant::now(),
            shown: false,
        };
        Progress {
            what: what.to_owned(),
            total: total.into(),
            state: io::stderr().is_terminal().then(|| Mutex::new(state)),
        }
    }

    pub(crate) fn add(&self, steps: usize) {
        let Some(Ok(mut state)) = self.state.as_ref().map(Mutex::lock) else {
            return;
        };
        state.done += steps;
        if state.written.elapsed() < PERIOD {
            return;
        }
        let of = self
            .total
            .map_or_else(String::new, |total| format!(" of {total}"));
        // Progress that cannot be shown is no reason to stop.
        let _ = write!(io::stderr(), "\r{} {}{of}\x1b[K", self.what, state.done);
        state.written = Instant::now();
        state.shown = true;
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(Ok(state)) = self.state.as_ref().map(Mutex::lock)
            && state.shown
        {
            let _ = write!(io::stderr(), "\r\x1b[K");
        }
    }
}
