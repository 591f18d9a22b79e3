//! The schema version each event of a fold is read with: chosen when the fold is first loaded, and kept.
//!
//! Invariant: a pinned reader is one text for ever. A pin names subject and version, for people, and the text by its
//! hash, so that a version that was deleted is still found by its id, and one that was replaced is never taken for what
//! it was. Left out: files; whoever loads a fold keeps its pins beside it (`order.lock` beside `order.yaml`).

use std::collections::BTreeMap;
use std::sync::Arc;

use annals_schema_model::{SchemaId, Writer};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::fault::{LoadError, Place};
use super::load::parse;
use crate::folding::SchemaUsed;
use crate::hex::hex;
use crate::resolve::{Registered, Subjects};

/// Versions of a subject that a pin names: the newest ones. A lock is read by people.
const VERSIONS_MAX: usize = 1_000;

/// The readers of a fold, by event; of a Protobuf fold by its message.
///
/// ```
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/deciding/declared.in"));
/// # fn main() -> Shown { let registry = registry();
/// use annals_event_store::declarative::{Pins, load, load_pinned};
///
/// let fold = load(ACCOUNT, &registry)?;
/// let lock = fold.pins().to_text()?;
/// assert_eq!(fold.pins().iter().count(), 3);
/// let deposited = fold.pins().get("Deposited").expect("the fold takes it");
/// assert_eq!((&*deposited.subject, deposited.version), ("accounts-Deposited", 1));
///
/// // Whatever is registered by then, it is read with the same schemas.
/// let again = load_pinned(ACCOUNT, &Pins::parse(&lock)?, &registry)?;
/// assert!(again.pins().read_as(fold.pins()));
/// # Ok(()) }
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Pins(BTreeMap<String, Pin>);

/// One reader: what [`Pins::get`] gives.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pin {
    /// The subject it is registered under.
    pub subject: String,
    /// Its version there.
    pub version: u32,
    /// Its id.
    pub id: u32,
    /// SHA-256 of its text, in hexadecimal.
    pub sha256: String,
    /// The versions the subject had of this event when the reader was chosen, with their ids: what answers call the
    /// schemas by that events were written with, whatever becomes of the subject.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub versions: BTreeMap<u32, u32>,
    /// The versions up to this one whose migration rules events go through that were written before them, each with the
    /// SHA-256 of those rules.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub migrations: BTreeMap<u32, String>,
}

impl Pins {
    /// Reads what [`Pins::to_text`] wrote.
    ///
    /// # Errors
    /// The line that is none of it.
    pub fn parse(text: &str) -> Result<Pins, LoadError> {
        parse(text)
    }

    /// The pins as YAML, an event a block.
    ///
    /// # Errors
    /// An event's name that YAML cannot hold.
    pub fn to_text(&self) -> Result<String, LoadError> {
        serde_saphyr::to_string(self).map_err(|error| Place::START.wrong(error.to_string()))
    }

    /// The reader of an event.
    #[must_use]
    pub fn get(&self, event: &str) -> Option<&Pin> {
        self.0.get(event)
    }

    /// All readers, by event.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Pin)> {
        self.0.iter().map(|(event, pin)| (event.as_str(), pin))
    }

    /// What of the pins is part of a fold's meaning. Ids are not: another registry gives the same schemas others.
    pub(super) fn meaning(&self) -> String {
        let lines = self.iter().map(|(event, pin)| {
            let Pin {
                subject,
                version,
                sha256,
                migrations,
                ..
            } = pin;
            let rules = migrations
                .iter()
                .map(|(version, digest)| format!(" {version}:{digest}"));
            format!(
                "{event} {subject} {version} {sha256}{}\n",
                rules.collect::<String>()
            )
        });
        lines.collect()
    }

    /// Whether a fold with these pins reads as one with others does. What it calls other schemas by may differ.
    #[must_use]
    pub fn read_as(&self, other: &Pins) -> bool {
        self.meaning() == other.meaning()
    }

    /// Subject and version of each id that the pins know of; of a pinned reader those of its pin.
    pub(super) fn names(&self) -> BTreeMap<u32, SchemaUsed> {
        let pinned = self.0.values().map(|pin| (pin.id, pin.version, pin));
        let others = self.0.values().flat_map(|pin| {
            let versions = pin.versions.iter();
            versions.map(move |(version, id)| (*id, *version, pin))
        });
        let mut names = BTreeMap::new();
        for (id, version, pin) in pinned.chain(others) {
            names
                .entry(id)
                .or_insert_with(|| SchemaUsed::named(id, &pin.subject, version));
        }
        names
    }

    pub(super) fn insert(&mut self, event: &str, pin: Pin) {
        self.0.insert(event.to_owned(), pin);
    }
}

impl Pin {
    pub(super) fn of(registered: &Registered) -> Pin {
        let versions = registered.versions.iter().rev().take(VERSIONS_MAX);
        Pin {
            subject: registered.subject.clone(),
            version: registered.version,
            id: registered.writer.id.get(),
            sha256: hash(&registered.writer),
            versions: versions.map(|(version, id)| (*version, id.get())).collect(),
            migrations: BTreeMap::new(),
        }
    }

    /// Whether what a schema wrote is known to go through no migration rules on its way to this reader.
    pub(super) fn reads_without_rules(&self, writer: SchemaId) -> bool {
        let id = writer.get();
        let is_below = |(version, known): (&u32, &u32)| *version <= self.version && *known == id;
        id == self.id || self.migrations.is_empty() && self.versions.iter().any(is_below)
    }

    /// The pinned schema, wherever it is still kept.
    pub(super) fn find(&self, subjects: &dyn Subjects) -> Option<Arc<Writer>> {
        let by_id = || subjects.writer(SchemaId::new(self.id)?).ok();
        let by_version = || subjects.version(&self.subject, self.version);
        let is_it = |found: &Arc<Writer>| hash(found) == self.sha256;
        by_id().filter(is_it).or_else(|| by_version().filter(is_it))
    }
}

impl From<&Pin> for SchemaUsed {
    fn from(pin: &Pin) -> SchemaUsed {
        SchemaUsed::named(pin.id, &pin.subject, pin.version)
    }
}

fn hash(writer: &Writer) -> String {
    hex(&Sha256::digest(writer.schema.text().as_bytes()))
}
