//! A schema somebody wants to register, look up or have judged: read, resolved and brought into its stored form.
//!
//! Invariant: the stored form of a [`Candidate`] has itself been parsed, so nothing is ever stored that cannot be read.

use std::sync::Arc;

use annals_schema_model::{Reference, Schema, SchemaType};

use super::{
    RegistryError,
    content::Content,
    contract::{Metadata, RuleSet},
    references,
    view::View,
};

/// What a client sends to register, look up or check a schema.
#[derive(Clone, Debug, Default)]
pub struct RegisterRequest {
    /// The schema text. Empty: the newest version's, for changes of metadata or rules alone.
    pub schema: String,
    /// `AVRO` when absent.
    pub schema_type: Option<String>,
    /// Schemas it builds upon; version -1 is the newest.
    pub references: Vec<Reference>,
    /// Absent: as in the newest version.
    pub metadata: Option<Metadata>,
    /// Absent: as in the newest version.
    pub rule_set: Option<RuleSet>,
    /// Asked for by importers only.
    pub id: Option<i64>,
    /// The version it must become; absent, 0 and -1 ask for the next.
    pub version: Option<i64>,
    /// Bring it into its normal form first.
    pub normalize: bool,
}

/// A schema that has been read.
#[derive(Clone, Debug)]
pub struct Candidate {
    /// Its content in stored form.
    pub content: Content,
    /// The stored form, parsed.
    pub parsed: Arc<Schema>,
    /// The text as it was sent, when that is not the stored form.
    pub text_sent: Option<String>,
}

impl Candidate {
    /// Reads a request's schema against what is registered.
    ///
    /// # Errors
    /// [`RegistryError::InvalidSchema`] or [`RegistryError::InvalidRuleSet`].
    pub fn read(view: &View, request: &RegisterRequest, normalize: bool) -> Result<Candidate, RegistryError> {
        let invalid = |message: String| RegistryError::InvalidSchema(message);
        if request.schema.trim().is_empty() {
            return Err(invalid(
                "Empty schema: send the schema's text in \"schema\"".to_owned(),
            ));
        }
        if let Some(rule_set) = &request.rule_set {
            rule_set.check().map_err(RegistryError::InvalidRuleSet)?;
        }
        let schema_type = schema_type_of(request)?;
        let mut references = pinned(view, request)?;
        if normalize {
            references.sort_by(|left, right| key(left).cmp(&key(right)));
            references.dedup();
        }
        let resolved = references::resolve(view, &references).map_err(|error| invalid(error.to_string()))?;
        let parse = |text: &str| Schema::parse(schema_type, text, &resolved);
        let sent = parse(&request.schema).map_err(|error| invalid(error.to_string()))?;
        let text = if normalize {
            sent.normalized()
        } else {
            sent.stored_text()
        };
        let (parsed, text_sent) = if text == request.schema {
            (sent, None)
        } else {
            let again =
                parse(&text).map_err(|error| invalid(format!("its stored form is unreadable: {error}")))?;
            (again, Some(request.schema.clone()))
        };
        let content = Content {
            schema_type,
            text: text.into(),
            references,
            metadata: request.metadata.clone(),
            rule_set: request.rule_set.clone(),
        };
        Ok(Candidate {
            content,
            parsed: Arc::new(parsed),
            text_sent,
        })
    }
}

/// The schema type a request names.
pub(super) fn schema_type_of(request: &RegisterRequest) -> Result<SchemaType, RegistryError> {
    let Some(name) = request.schema_type.as_deref().filter(|name| !name.is_empty()) else {
        return Ok(SchemaType::Avro);
    };
    name.parse()
        .map_err(|error| RegistryError::InvalidSchema(format!("Invalid schema type: {error}")))
}

/// A request's references with numbers in place of "latest".
pub(super) fn pinned(view: &View, request: &RegisterRequest) -> Result<Vec<Reference>, RegistryError> {
    references::pin(view, &request.references)
        .map_err(|error| RegistryError::InvalidSchema(error.to_string()))
}

fn key(reference: &Reference) -> (&str, &str, i32) {
    (&reference.name, &reference.subject, reference.version)
}
