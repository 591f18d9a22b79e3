//! Events that a folding did not take: the one it stopped at, and those of kinds the fold has not heard of.

use std::fmt;

use annals_schema_model::Opened;
use serde::{Deserialize, Serialize};

use crate::merged::LogName;

/// Where and why the folding stopped; the state is the one before this event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "http", derive(utoipa::ToSchema))]
pub struct Halted {
    /// Offset of the event that could not be folded.
    pub offset: i64,
    /// The log it is in, where the fold is of several topics.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "http", schema(required = false))]
    pub log: Option<LogName>,
    /// Why, in a sentence.
    pub reason: String,
}

impl fmt::Display for Halted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the fold stopped at offset {}", self.offset)?;
        if let Some(log) = &self.log {
            write!(f, " of {log}")?;
        }
        write!(f, ": {}", self.reason)
    }
}

/// Events of unknown kinds that are shown.
const UNKNOWN_SHOWN_MAX: usize = 16;

/// An event of a kind the fold has not heard of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "http", derive(utoipa::ToSchema))]
pub struct UnknownEvent {
    /// Its offset.
    pub offset: i64,
    /// The log it is in, where the fold is of several topics.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "http", schema(required = false))]
    pub log: Option<LogName>,
    /// Its name.
    pub event: String,
    /// The id of its writer schema.
    pub schema_id: u32,
}

/// Events of kinds that a fold has not heard of.
#[derive(Clone, Default)]
pub(crate) struct Unknown {
    /// How many.
    pub(crate) events: u64,
    /// The first of them.
    pub(crate) first: Vec<UnknownEvent>,
}

impl Unknown {
    pub(crate) fn note(&mut self, offset: i64, log: Option<LogName>, opened: &Opened<'_>) {
        self.events += 1;
        if self.first.len() < UNKNOWN_SHOWN_MAX {
            self.first.push(UnknownEvent {
                offset,
                log,
                event: opened.writer.event_name(&opened.body),
                schema_id: opened.writer.id.get(),
            });
        }
    }
}
