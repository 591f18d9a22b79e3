//! The event store's questions, answered from the registry's view.

use std::sync::Arc;

use annals_event_store::{Resolve, Writer};
use annals_schema_model::SchemaId;
use uuid::Uuid;

use crate::registry::{ContextView, Deleted, Stored, VersionView, View};
use crate::service::Registry;
use crate::topic_subjects::value_subjects;

/// Stands for the subject of a schema that no version stands for any more.
const DELETED: &str = "(deleted)";

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
    fn writer(&self, id: SchemaId) -> Option<Arc<Writer>> {
        let view = self.registry.view();
        let context = view.default_context();
        // Events outlive the versions they were written with: what was deleted for good is still read.
        let stored = view.schema(id).or_else(|| context.retired_as(id))?;
        let (subject, version) = match first_use(context, id) {
            Some((subject, version)) => (subject.to_string(), version.version),
            None => (DELETED.to_owned(), 0),
        };
        writer(&view, stored, subject, version)
    }

    fn id_of(&self, guid: [u8; 16]) -> Option<SchemaId> {
        let view = self.registry.view();
        let stored = view.default_context().schema_by_guid(Uuid::from_bytes(guid))?;
        Some(stored.id)
    }

    fn version(&self, subject: &str, version: u32) -> Option<Arc<Writer>> {
        let view = self.registry.view();
        let version = view.default_context().subject(subject)?.version(version)?;
        writer(
            &view,
            view.schema(version.id)?,
            subject.to_owned(),
            version.version,
        )
    }

    fn latest(&self, topic: &str, record_name: &str) -> Option<Arc<Writer>> {
        let view = self.registry.view();
        let found = [Deleted::Without, Deleted::Only].into_iter().find_map(|deleted| {
            value_subjects(topic, record_name)
                .into_iter()
                .find_map(|subject| Some((newest(&view, &subject, deleted, record_name)?, subject)))
        });
        let (version, subject) = found?;
        writer(&view, view.schema(version.id)?, subject, version.version)
    }
}

/// A subject's newest version that holds a record of this name.
fn newest(view: &View, subject: &str, deleted: Deleted, record_name: &str) -> Option<VersionView> {
    let mut newest_first = view.default_context().subject(subject)?.listed(deleted).rev();
    let holds = |version: &&VersionView| {
        let parsed = view
            .schema(version.id)
            .and_then(|stored| view.parsed(stored).ok());
        parsed.is_some_and(|schema| schema.record_name().as_deref() == Some(record_name))
    };
    newest_first.find(holds).copied()
}

/// Where an id was registered first: a place that no later registration moves.
fn first_use(context: &ContextView, id: SchemaId) -> Option<(&Arc<str>, VersionView)> {
    let versions = context.uses(id).iter().filter_map(|used| {
        let versions = context.subject(&used.subject)?.all().iter();
        let first = versions
            .filter(|version| version.id == id)
            .min_by_key(|version| version.version);
        Some((&used.subject, *first?))
    });
    versions.min_by_key(|(subject, version)| (version.registered_ms, Arc::clone(subject)))
}

fn writer(view: &View, stored: &Stored, subject: String, version: u32) -> Option<Arc<Writer>> {
    // A text that no longer parses cannot be read with; the event is then reported as unreadable.
    let schema = view.parsed(stored).ok()?;
    let fingerprint = schema.fingerprint();
    Some(Arc::new(Writer {
        id: stored.id,
        subject,
        version,
        schema: (*schema).clone(),
        fingerprint,
    }))
}
