//! What a registry is told of a schema, and what it answers, read.

use annals_schema_model::{Reference, SchemaId, SchemaType, SchemaVersion, Unresolved};
use serde_json::{Value, json};

use crate::server::{Refusal, Server};

/// A schema as a registry describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Described {
    /// Its type.
    pub schema_type: SchemaType,
    /// Its text.
    pub text: String,
    /// What it refers to itself.
    pub references: Vec<Reference>,
}

impl Described {
    /// Reads an answer, or the body of a request.
    ///
    /// # Errors
    /// When it is none, or is of a type that this build does not know.
    pub fn read(answer: &Value) -> Result<Described, Unresolved> {
        let schema_type = match &answer["schemaType"] {
            // The first registries knew Avro alone.
            Value::Null => SchemaType::Avro,
            named => {
                let name = named.as_str().ok_or_else(|| odd(answer))?;
                name.parse()
                    .map_err(|error: annals_schema_model::SchemaTypeError| {
                        Unresolved::Unusable(error.to_string())
                    })?
            }
        };
        let references = answer["references"].as_array().into_iter().flatten();
        let references: Option<Vec<Reference>> = references.map(read_reference).collect();
        Ok(Described {
            schema_type,
            text: answer["schema"].as_str().ok_or_else(|| odd(answer))?.to_owned(),
            references: references.ok_or_else(|| odd(answer))?,
        })
    }
}

impl From<&SchemaVersion> for Described {
    fn from(known: &SchemaVersion) -> Described {
        Described {
            schema_type: known.schema_type,
            text: known.text.to_owned(),
            references: known.references.iter().map(own_reference).collect(),
        }
    }
}

/// A reference of a schema that generated code carries.
pub(crate) fn own_reference((name, subject, version): &(&str, &str, u32)) -> Reference {
    Reference {
        name: (*name).to_owned(),
        subject: (*subject).to_owned(),
        version: i32::try_from(*version).unwrap_or(i32::MAX),
    }
}

/// The body of a question about a schema, or of its registration.
#[must_use]
pub fn request(schema_type: SchemaType, text: &str, references: &[Reference]) -> Value {
    let reference = |reference: &Reference| json!({"name": reference.name, "subject": reference.subject, "version": reference.version});
    let references: Vec<Value> = references.iter().map(reference).collect();
    json!({"schema": text, "schemaType": schema_type.name(), "references": references})
}

fn read_reference(answer: &Value) -> Option<Reference> {
    Some(Reference {
        name: answer["name"].as_str()?.to_owned(),
        subject: answer["subject"].as_str()?.to_owned(),
        version: i32::try_from(answer["version"].as_i64()?).ok()?,
    })
}

pub(crate) fn id(answer: &Value) -> Option<SchemaId> {
    SchemaId::new(u32::try_from(answer.as_u64()?).ok()?)
}

/// The id in the default context, of a guid's ids.
pub(crate) fn default_id(answer: &Value) -> Result<SchemaId, Unresolved> {
    let ids = answer.as_array().ok_or_else(|| odd(answer))?;
    let default = ids.iter().find(|entry| entry["context"] == ".");
    default
        .and_then(|entry| id(&entry["id"]))
        .ok_or(Unresolved::Unregistered)
}

/// An answer nobody understands.
pub(crate) fn odd(answer: &Value) -> Unresolved {
    let mut text = answer.to_string();
    if let Some((end, _)) = text.char_indices().nth(200) {
        text.truncate(end);
    }
    Unresolved::Unanswered(format!("the registry's answer is not understood: {text}"))
}

pub(crate) fn refused(server: &Server, refusal: &Refusal) -> Unresolved {
    match refusal.status {
        // The registry's own codes: subject, version or schema not found.
        404 if (40_400..40_500).contains(&refusal.code) => Unresolved::Unregistered,
        404 => Unresolved::Unanswered(format!(
            "{} seems to be no schema registry: {refusal}",
            server.address()
        )),
        409 | 422 => Unresolved::Unusable(refusal.to_string()),
        status => Unresolved::Unanswered(format!("{refusal} (status {status})")),
    }
}
