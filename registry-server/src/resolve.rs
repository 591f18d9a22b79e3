//! The event store's questions, answered from the registry's view.

use std::collections::BTreeMap;
use std::sync::Arc;

use annals_event_store::{Registered, Subjects};
use annals_schema_model::{Resolve, SchemaId, Unresolved, Writer};
use uuid::Uuid;

use crate::registry::{Deleted, RuleSet, Stored, VersionView, View};
use crate::service::Registry;
use crate::topic_subjects::value_subjects;

/// Schemas by id and by record name, as the registry has them now.
pub struct RegistryResolve {
    registry: Registry,
}

impl RegistryResolve {
    /// A resolver over `registry`.
    #[must_use]
    pub fn new(registry: Registry) -> RegistryResolve {
        RegistryResolve { registry }
    }
}

impl Resolve for RegistryResolve {
    fn writer(&self, id: SchemaId) -> Result<Arc<Writer>, Unresolved> {
        let view = self.registry.view();
        // Events outlive the versions they were written with: what was deleted for good is still read.
        let retired = || view.default_context().retired_as(id);
        let stored = view.schema(id).or_else(retired);
        stored
            .and_then(|stored| writer(&view, stored))
            .ok_or(Unresolved::Unregistered)
    }

    fn id_of(&self, guid: [u8; 16]) -> Result<SchemaId, Unresolved> {
        let view = self.registry.view();
        let stored = view.default_context().schema_by_guid(Uuid::from_bytes(guid));
        stored.map(|stored| stored.id).ok_or(Unresolved::Unregistered)
    }

    fn versions(&self, subject: &str, event: &str) -> BTreeMap<u32, SchemaId> {
        versions(&self.registry.view(), subject, event)
    }
}

impl Subjects for RegistryResolve {
    fn version(&self, subject: &str, version: u32) -> Option<Arc<Writer>> {
        let view = self.registry.view();
        let version = view.default_context().subject(subject)?.version(version)?;
        writer(&view, view.schema(version.id)?)
    }

    fn latest(&self, topic: &str, record_name: &str) -> Option<Registered> {
        let view = self.registry.view();
        latest(&view, topic, record_name).next()
    }

    fn latest_of_each(&self, topic: &str, record_name: &str) -> Vec<Registered> {
        let view = self.registry.view();
        latest(&view, topic, record_name).collect()
    }
}

/// The newest schemas of a record under a topic's subjects; soft-deleted ones where no other is left.
fn latest(view: &View, topic: &str, record_name: &str) -> impl Iterator<Item = Registered> {
    let subjects = value_subjects(topic, record_name).into_iter();
    let newest_of = move |deleted| {
        let newest = subjects
            .clone()
            .filter_map(move |subject| Some((newest(view, &subject, deleted, record_name)?, subject)));
        newest.peekable()
    };
    let mut found = newest_of(Deleted::Without);
    if found.peek().is_none() {
        found = newest_of(Deleted::Only);
    }
    found.filter_map(move |(newest, subject)| {
        Some(Registered {
            writer: writer(view, view.schema(newest.id)?)?,
            version: newest.version,
            versions: versions(view, &subject, record_name),
            subject,
        })
    })
}

/// All versions of a subject that hold a record of this name, with their ids.
fn versions(view: &View, subject: &str, record_name: &str) -> BTreeMap<u32, SchemaId> {
    let versions = holding(view, subject, Deleted::With, record_name);
    versions.map(|version| (version.version, version.id)).collect()
}

/// A subject's newest version that holds a record of this name.
fn newest(view: &View, subject: &str, deleted: Deleted, record_name: &str) -> Option<VersionView> {
    holding(view, subject, deleted, record_name).next()
}

/// A subject's versions that hold a record of this name, the newest first.
fn holding(
    view: &View,
    subject: &str,
    deleted: Deleted,
    record_name: &str,
) -> impl Iterator<Item = VersionView> {
    let subject = view.default_context().subject(subject);
    let newest_first = subject
        .into_iter()
        .flat_map(move |subject| subject.listed(deleted).rev());
    let holds = move |version: &VersionView| {
        let parsed = view
            .schema(version.id)
            .and_then(|stored| view.parsed(stored).ok());
        parsed.is_some_and(|schema| schema.has_event(record_name))
    };
    newest_first.copied().filter(holds)
}

fn writer(view: &View, stored: &Stored) -> Option<Arc<Writer>> {
    // A text that no longer parses cannot be read with; the event is then reported as unreadable.
    let schema = view.parsed(stored).ok()?;
    let writer = Writer::new(stored.id, (*schema).clone());
    let rules = stored.rule_set().map(RuleSet::migrations);
    Some(Arc::new(writer.with_migrations(rules.unwrap_or_default())))
}
