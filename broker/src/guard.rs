//! What the broker asks before it appends: may these records enter this topic?
//!
//! The broker knows no schemas. It hands a batch's records to the [`Guard`] it was given, after the batch proved
//! whole (CRC) and in sequence, and before anything about it is kept: a refused batch leaves no trace, so its
//! producer goes on with the same sequence. A batch enters whole or not at all.

use annals_kafka_wire::batch::Record;

use crate::guard_settings::GuardSetting;
use crate::table::Caller;
use crate::topic::Topic;

/// Judges records on their way into a topic. Called from many connections at once, on the way of every produce:
/// implementations answer from memory.
pub trait Guard: Send + Sync + 'static {
    /// Whether this topic's records are judged at all; `false` keeps the broker from taking them out of their batch.
    fn admits(&self, topic: &Topic) -> bool {
        let _ = topic;
        true
    }

    /// Every refusal of one batch that `caller` sent, by record index; empty, or warnings alone = the batch may enter.
    ///
    /// All bad records must be listed: clients take an unlisted record for innocent and send it again. Records are read
    /// from their batch one by one: who keeps none costs no memory, however many there are.
    ///
    /// # Errors
    /// The guard cannot judge now (an outage): the client is told to send the batch again.
    fn judge(
        &self,
        topic: &Topic,
        caller: &Caller,
        records: &mut dyn Iterator<Item = Record>,
    ) -> Result<Vec<Refusal>, CannotJudge>;

    /// The settings that topics have from the guard.
    fn settings(&self) -> &'static [GuardSetting] {
        &[]
    }
}

/// Why a [`Guard`] cannot judge now, in a sentence for the producer's developer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CannotJudge(pub String);

/// How many refusals of a batch have a sentence: so much memory a batch may take that has no good record.
pub const SENTENCES_MAX: usize = 1_000;

/// One record that was refused, by a [`Guard`] or by the broker itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The record's index in its batch, from 0.
    pub index: i32,
    /// What rule it broke, in SCREAMING_CASE: stable, for programs and for counting. There are few of them.
    pub code: &'static str,
    /// Why, for the producer's developer: names what was expected and where, never echoes the payload. Empty behind the
    /// first [`SENTENCES_MAX`] of a batch.
    pub sentence: String,
    /// The id of the schema that the record names, where it names one that the guard knows.
    pub schema_id: Option<u32>,
    /// Whether the record is let in all the same, because its topic only wants to be told.
    pub is_warning: bool,
}

impl Refusal {
    /// Of a record that names no schema.
    pub fn new(index: i32, code: &'static str, sentence: impl Into<String>) -> Refusal {
        Refusal {
            index,
            code,
            sentence: sentence.into(),
            schema_id: None,
            is_warning: false,
        }
    }
}

/// A [`Guard`] that lets everything in and owns no settings.
#[derive(Debug, Clone, Copy, Default)]
pub struct OpenGate;

impl Guard for OpenGate {
    fn admits(&self, _topic: &Topic) -> bool {
        false
    }

    fn judge(
        &self,
        _topic: &Topic,
        _caller: &Caller,
        _records: &mut dyn Iterator<Item = Record>,
    ) -> Result<Vec<Refusal>, CannotJudge> {
        Ok(Vec::new())
    }
}
