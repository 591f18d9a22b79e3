//! Which events a fold has heard of, and what each does.
//!
//! Left out: how they are read, which is a reading for each schema they were written with.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use annals_schema_model::Writer;

use super::verb::Operation;

/// What an event does.
pub(crate) struct Rule {
    pub(crate) event: String,
    pub(crate) begin: Option<Vec<Operation>>,
    pub(crate) on: Option<Vec<Operation>>,
}

/// How the events of a fold's topics are told apart, and the schema each is read with. A schema's format says which of the two
/// ways is its own, so that topics of several formats are one fold's; no event of the one is called as one of the other.
pub(crate) struct Events {
    /// By the record's full name, or what a JSON Schema calls its event.
    pub(crate) records: BTreeMap<String, Arc<Writer>>,
    /// By the set member of a message's oneof.
    pub(crate) message: Option<Message>,
}

/// A Protobuf message whose oneof tells events apart.
pub(crate) struct Message {
    pub(crate) name: String,
    pub(crate) members: Vec<String>,
    pub(crate) reader: Arc<Writer>,
}

impl Events {
    /// The message, if this is one of its events.
    pub(crate) fn message_of(&self, event: &str) -> Option<&Message> {
        let message = self.message.as_ref()?;
        message
            .members
            .iter()
            .any(|member| member == event)
            .then_some(message)
    }

    /// The names of all of them, those that are ignored as well.
    pub(crate) fn kinds(&self, rules: &[Rule], ignored: &BTreeSet<String>) -> Vec<String> {
        let mut kinds: BTreeSet<String> = rules.iter().map(|rule| rule.event.clone()).collect();
        kinds.extend(ignored.iter().cloned());
        let members = self.message.iter().flat_map(|message| &message.members);
        kinds.extend(members.cloned());
        kinds.into_iter().collect()
    }
}
