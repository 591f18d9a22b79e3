//! The state that a folding has come to, as it is shown.

use serde_json::Value;

use super::{Folding, Halted};
use crate::canonical;
use crate::fold::Stop;

/// Room for the text of a state, in bytes: most have it, and a few grow.
#[cfg(feature = "questions")]
const STATE_BYTES: usize = 1_024;

impl Folding<'_> {
    /// The state as its text is read. A state that cannot be shown counts as a halt at the last event.
    pub(crate) fn view(&mut self) -> Value {
        let view = self.fold.view(&self.state).map(canonical::as_read);
        self.shown(view)
    }

    /// The text of it.
    #[cfg(feature = "questions")]
    pub(crate) fn show(&mut self) -> Vec<u8> {
        let mut text = Vec::with_capacity(STATE_BYTES);
        let shown = self.fold.show(&self.state, &mut text).map(|()| text);
        let mut shown = self.shown(shown);
        if shown.is_empty() {
            shown.extend_from_slice(b"null");
        }
        shown
    }

    /// The state with the types of its fields. What cannot be shown counts as a halt here too.
    #[cfg(feature = "questions")]
    pub(crate) fn value(&mut self) -> annals_schema_model::Value {
        let value = self.fold.value(&self.state);
        self.shown(value)
    }

    fn shown<V: Default>(&mut self, shown: Result<V, Stop>) -> V {
        match shown {
            Ok(value) => value,
            Err(stop) => {
                let halted = Halted {
                    offset: self.last.map_or(-1, |last| last.spot.offset),
                    log: self.last_log(),
                    reason: stop.to_string(),
                };
                self.halted.get_or_insert(halted);
                V::default()
            }
        }
    }
}
