//! A schema somebody wants to register, look up or have judged: read, resolved and brought into its stored form.
//!
//! Invariant: the stored form of a [`Candidate`] has itself been parsed, so nothing is ever stored that cannot be read.
//! Imported schemas alone are taken as they come, because their ids belong to their texts ([`Candidate::imported`]).

use std::sync::Arc;

use annals_schema_model::{Reference, Schema, SchemaType, SchemaTypeError, proto};

use super::{
    RegistryError,
    content::Content,
    contract::{Metadata, RuleSet},
    name::Qualified,
    references,
    stored::Stored,
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
    /// The id it has elsewhere; importers alone may say so.
    pub id: Option<i64>,
    /// The version it must become; absent and 0 ask for the next, -1 too and has it noted in the metadata.
    pub version: Option<i64>,
    /// Bring it into its normal form first.
    pub normalize: bool,
    /// Register it even if it is not compatible.
    pub force: bool,
}

/// A schema that has been read.
#[derive(Clone, Debug)]
pub struct Candidate {
    /// Its content in stored form.
    pub content: Content,
    /// The stored form, parsed; imported schemas may lack it.
    pub parsed: Option<Arc<Schema>>,
    /// The text as it was sent, when that is not the stored form.
    pub text_sent: Option<Arc<str>>,
}

impl Candidate {
    /// Reads a request's schema against what is registered in a context.
    ///
    /// # Errors
    /// [`RegistryError::InvalidSchema`] or [`RegistryError::InvalidRuleSet`].
    pub fn read(
        view: &View,
        context: &str,
        request: &RegisterRequest,
        normalize: bool,
    ) -> Result<Candidate, RegistryError> {
        let invalid = |message: String| RegistryError::InvalidSchema(message);
        check_contract(request)?;
        let schema_type = schema_type_of(request)?;
        let mut references = pinned(view, context, request)?;
        if normalize {
            references.sort_by(|left, right| key(left).cmp(&key(right)));
            references.dedup();
        }
        let resolved =
            references::resolve(view, context, &references).map_err(|error| invalid(error.to_string()))?;
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
            (again, Some(Arc::from(request.schema.as_str())))
        };
        Ok(Candidate {
            content: content(request, schema_type, text.into(), references),
            parsed: Some(Arc::new(parsed)),
            text_sent,
        })
    }

    /// Takes a request's schema as it stands: text, references and all, because the id it asks for is theirs.
    ///
    /// # Errors
    /// [`RegistryError::InvalidSchema`] or [`RegistryError::InvalidRuleSet`].
    pub fn imported(request: &RegisterRequest) -> Result<Candidate, RegistryError> {
        check_contract(request)?;
        let schema_type = schema_type_of(request)?;
        let text = Arc::from(request.schema.as_str());
        Ok(Candidate {
            content: content(request, schema_type, text, request.references.clone()),
            parsed: None,
            text_sent: None,
        })
    }
}

fn check_contract(request: &RegisterRequest) -> Result<(), RegistryError> {
    if request.lacks_schema() {
        return Err(RegistryError::InvalidSchema(
            "Empty schema: send the schema's text in \"schema\"".to_owned(),
        ));
    }
    if request.schema.contains('\0') {
        return Err(RegistryError::InvalidSchema(
            "the schema holds the character U+0000, which no schema can".to_owned(),
        ));
    }
    let rule_set = request.rule_set.as_ref();
    rule_set.map_or(Ok(()), |rules| {
        rules.check().map_err(RegistryError::InvalidRuleSet)
    })
}

fn content(
    request: &RegisterRequest,
    schema_type: SchemaType,
    text: Arc<str>,
    references: Vec<Reference>,
) -> Content {
    Content {
        schema_type,
        text,
        references,
        metadata: request.metadata.clone(),
        rule_set: request.rule_set.clone(),
    }
}

/// The schema type a request names.
pub(super) fn schema_type_of(request: &RegisterRequest) -> Result<SchemaType, RegistryError> {
    let Some(name) = request.schema_type.as_deref().filter(|name| !name.is_empty()) else {
        return Ok(SchemaType::Avro);
    };
    name.parse()
        .map_err(|error: SchemaTypeError| RegistryError::InvalidSchema(error.to_string()))
}

/// A request's references with numbers in place of "latest".
pub(super) fn pinned(
    view: &View,
    context: &str,
    request: &RegisterRequest,
) -> Result<Vec<Reference>, RegistryError> {
    references::pin(view, context, &request.references)
        .map_err(|error| RegistryError::InvalidSchema(error.to_string()))
}

fn key(reference: &Reference) -> (&str, &str, i32) {
    (&reference.name, &reference.subject, reference.version)
}

impl RegisterRequest {
    /// A request without a schema means the newest version's: only its metadata, rules or tags are to change.
    #[must_use]
    pub fn lacks_schema(&self) -> bool {
        self.schema.trim().is_empty()
    }

    /// Takes over a stored schema's text, with what the text needs to be read.
    pub fn take_schema_of(&mut self, stored: &Stored) {
        self.schema = stored.text().to_string();
        self.schema_type = Some(stored.schema_type().to_string());
        self.references = stored.references().to_vec();
    }

    /// The schema type the request names.
    ///
    /// # Errors
    /// [`RegistryError::InvalidSchema`].
    pub fn schema_type(&self) -> Result<SchemaType, RegistryError> {
        schema_type_of(self)
    }

    /// The id asked for, if any.
    #[must_use]
    pub fn asked_id(&self) -> Option<i64> {
        self.id.filter(|id| *id >= 0)
    }

    /// Whether anything but "the next version" is asked for.
    #[must_use]
    pub fn asked_version(&self) -> Option<i64> {
        self.version.filter(|version| *version > 0)
    }

    /// Whether lookups and registrations under a subject bring schemas into their normal form. A compiled Protobuf file
    /// is its normal form whether that is asked for or not.
    #[must_use]
    pub fn normalizes(&self, view: &View, subject: &Qualified) -> bool {
        let is_compiled = || {
            let is_protobuf = matches!(schema_type_of(self), Ok(SchemaType::Protobuf));
            is_protobuf && proto::is_compiled(&self.schema)
        };
        self.normalize || view.config_in_scope(subject).normalize == Some(true) || is_compiled()
    }
}
