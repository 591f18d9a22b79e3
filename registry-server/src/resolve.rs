//! The event store's questions, answered from the registry's view.

use std::sync::Arc;

use annals_event_store::{Resolve, Writer};
use annals_schema_model::SchemaId;
use uuid::Uuid;

use crate::guard::Side;
use crate::topic_subjects::subjects_of;
use crate::{registry::View, service::Registry};

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
        let used = view.default_context().uses(id).first()?;
        writer(&view, id, used.subject.to_string(), used.version)
    }

    fn id_of(&self, guid: [u8; 16]) -> Option<SchemaId> {
        let view = self.registry.view();
        let stored = view.default_context().schema_by_guid(Uuid::from_bytes(guid))?;
        Some(stored.id)
    }

    fn latest(&self, topic: &str, record_name: &str) -> Option<Arc<Writer>> {
        let view = self.registry.view();
        subjects_of(&view, topic, Side::Value)
            .into_iter()
            .find_map(|(subject, id)| {
                if view.parsed(view.schema(id)?).ok()?.record_name().as_deref() != Some(record_name) {
                    return None;
                }
                let version = view.default_context().version_of(&subject, id)?.version;
                writer(&view, id, subject, version)
            })
    }
}

fn writer(view: &View, id: SchemaId, subject: String, version: u32) -> Option<Arc<Writer>> {
    // A text that no longer parses cannot be read with; the event is then reported as unreadable.
    let schema = view.parsed(view.schema(id)?).ok()?;
    let fingerprint = schema.fingerprint();
    Some(Arc::new(Writer {
        id,
        subject,
        version,
        schema: (*schema).clone(),
        fingerprint,
    }))
}
