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

/// How the events of a topic are told apart, and the schema each is read with.
pub(crate) enum Events {
    /// By the record's full name, or what a JSON Schema calls its event.
    Records(BTreeMap<String, Arc<Writer>>),
    /// By the set member of a message's oneof.
    Members {
        message: String,
        members: Vec<String>,
        reader: Arc<Writer>,
    },
}

impl Events {
    /// The names of all of them, those that are ignored as well.
    pub(crate) fn kinds(&self, rules: &[Rule], ignored: &BTreeSet<String>) -> Vec<String> {
        let mut kinds: BTreeSet<String> = rules.iter().map(|rule| rule.event.clone()).collect();
        kinds.extend(ignored.iter().cloned());
        if let Events::Members { members, .. } = self {
            kinds.extend(members.iter().cloned());
        }
        kinds.into_iter().collect()
    }
}
