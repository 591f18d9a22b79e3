//! The schemas of the example company under the ids that a fresh registry gives them, which are their places in the list.

use std::sync::Arc;

use annals_event_store::{Registered, Subjects};
use annals_examples::events::SCHEMAS;
use annals_schema_model::{Identify, Resolve, Schema, SchemaId, SchemaVersion, Unresolved, Writer};

use crate::Fault;

pub struct Registry(Vec<Row>);

/// Subject, version, and what stands there.
type Row = (&'static str, u32, Arc<Writer>);

/// Every format is not built here; the orders are Avro.
fn listed() -> impl Iterator<Item = (&'static SchemaVersion, u32)> {
    let avro = SCHEMAS
        .iter()
        .filter(|listed| listed.subject.starts_with("orders-"));
    avro.zip(1..)
}

impl Registry {
    pub fn new() -> Result<Registry, Fault> {
        let row = |(listed, id): (&'static SchemaVersion, u32)| -> Result<Row, Fault> {
            let schema = Schema::parse(listed.schema_type, listed.text, &[])?;
            let writer = Writer::new(SchemaId::new(id).ok_or("0 is no id")?, schema);
            Ok((listed.subject, listed.version, Arc::new(writer)))
        };
        Ok(Registry(listed().map(row).collect::<Result<_, _>>()?))
    }

    /// Registers them all in a fresh registry.
    pub fn register(http: &str) -> Result<(), Fault> {
        let client = annals_registry_client::Client::new(http);
        for (listed, id) in listed() {
            let given = client.register(listed.subject, listed.schema_type, listed.text, &[])?;
            if given.get() != id {
                return Err(format!(
                    "{} is {given}, not {id}: the registry was not empty",
                    listed.subject
                )
                .into());
            }
        }
        Ok(())
    }
}

impl Identify for Registry {
    fn id(&self, schema: &SchemaVersion) -> Result<SchemaId, Unresolved> {
        let writer = self.version(schema.subject, schema.version);
        writer.map(|writer| writer.id).ok_or(Unresolved::Unregistered)
    }
}

impl Resolve for Registry {
    fn writer(&self, id: SchemaId) -> Result<Arc<Writer>, Unresolved> {
        let place = id.get() as usize - 1;
        let row = self.0.get(place);
        row.map(|row| Arc::clone(&row.2)).ok_or(Unresolved::Unregistered)
    }
}

impl Subjects for Registry {
    fn version(&self, subject: &str, version: u32) -> Option<Arc<Writer>> {
        let found = self.0.iter().find(|row| (row.0, row.1) == (subject, version));
        found.map(|(.., writer)| Arc::clone(writer))
    }

    fn latest(&self, topic: &str, record_name: &str) -> Option<Registered> {
        let subject = format!("{topic}-{record_name}");
        let of_subject = self.0.iter().filter(|row| row.0 == subject);
        let (subject, version, writer) = of_subject.clone().max_by_key(|row| row.1)?;
        Some(Registered {
            subject: (*subject).to_owned(),
            version: *version,
            versions: of_subject.map(|row| (row.1, row.2.id)).collect(),
            writer: Arc::clone(writer),
        })
    }
}
