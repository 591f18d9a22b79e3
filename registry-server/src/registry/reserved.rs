//! Field names that a schema's metadata keeps free: the property `confluent:reserved`, names parted by commas.
//!
//! Looked at where the setting `validateFields` is on, whatever the compatibility level: a name stays reserved from
//! version to version, and no field of the top record, message or object may have it.

use std::collections::BTreeSet;

use annals_schema_model::{Schema, avro};

use super::{candidate::Candidate, contract::Metadata, stored::Stored};

const RESERVED_PROPERTY: &str = "confluent:reserved";

/// What is wrong with a candidate's reserved names, in the form clients know.
pub(super) fn messages(candidate: &Candidate, latest: Option<&Stored>) -> Vec<String> {
    let now = reserved(candidate.content.metadata.as_ref());
    let before = latest.map_or_else(BTreeSet::new, |latest| reserved(latest.metadata()));
    let removed = before.difference(&now).map(|name| {
        format!(
            "{{errorType:\"RESERVED_FIELD_REMOVED\", description:\"The new schema has reserved field {name} removed from its metadata which is present in the old schema's metadata.\"}}"
        )
    });
    let fields = candidate.parsed.as_deref().map(fields).unwrap_or_default();
    let taken = now.iter().filter(|name| fields.contains(**name)).map(|name| {
        format!(
            "{{errorType:\"RESERVED_FIELD_CONFLICTS_WITH_FIELD\", description:\"The new schema has field that conflicts with the reserved field {name}.\"}}"
        )
    });
    removed.chain(taken).collect()
}

fn reserved(metadata: Option<&Metadata>) -> BTreeSet<&str> {
    let names = metadata.and_then(|metadata| metadata.properties.get(RESERVED_PROPERTY));
    let names = names.into_iter().flat_map(|names| names.split(','));
    names.map(str::trim).filter(|name| !name.is_empty()).collect()
}

/// The names of the fields of the top record, message or object.
fn fields(schema: &Schema) -> BTreeSet<String> {
    match schema {
        Schema::Avro(schema) => match &schema.node(schema.root()).kind {
            avro::Kind::Record(record) => record.fields.iter().map(|field| field.name.to_string()).collect(),
            _ => BTreeSet::new(),
        },
        Schema::Proto(schema) => {
            let message = schema.message(&[0]);
            let fields = message.iter().flat_map(|message| message.fields());
            fields.map(|field| field.name().to_owned()).collect()
        }
        Schema::Json(schema) => {
            let text: serde_json::Value = serde_json::from_str(schema.text()).unwrap_or_default();
            let properties = text["properties"].as_object();
            properties
                .into_iter()
                .flat_map(|properties| properties.keys().cloned())
                .collect()
        }
    }
}
