//! A schema somebody wants to register, look up or have judged: read, resolved and brought into its stored form.
//!
//! Invariant: the stored form of a [`Candidate`] has itself been parsed, so nothing is ever stored that cannot be read.
//! Imported schemas alone are taken as they come, because their ids belong to their texts ([`Candidate::imported`]).

use std::sync::{Arc, OnceLock};

use annals_schema_model::{ParseError, Policy, Reference, Schema, SchemaType, SchemaTypeError};
use uuid::Uuid;

use super::{
    RegistryError,
    content::{Content, TextHash},
    context::Deleted,
    contract::{Metadata, RuleSet},
    name::Qualified,
    references,
    stored::{Spelling, Stored},
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
    /// The guid it has elsewhere; of importers alone.
    pub guid: Option<Uuid>,
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
    /// Its content as it would be served.
    pub content: Content,
    /// The same, parsed.
    pub parsed: Result<Arc<Schema>, ParseError>,
    /// The text it prints as, where that is not the content's.
    pub printed: Option<Arc<str>>,
    exact: TextHash,
    form: TextHash,
    written_out: OnceLock<Option<Uuid>>,
}

impl Candidate {
    /// Reads a request's schema against what is registered in a context. It may refer to versions of the kind given.
    ///
    /// # Errors
    /// [`RegistryError::InvalidSchema`] or [`RegistryError::InvalidRuleSet`].
    pub fn read(
        view: &View,
        context: &str,
        request: &RegisterRequest,
        normalize: bool,
        referred: Deleted,
    ) -> Result<Candidate, RegistryError> {
        let invalid = |message: String| RegistryError::InvalidSchema(message);
        check_text(request)?;
        if let Some(rules) = &request.rule_set {
            rules.check().map_err(RegistryError::InvalidRuleSet)?;
        }
        let schema_type = request.schema_type()?;
        let mut references = pinned(view, context, request, referred)?;
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
        let parsed = if text == request.schema {
            sent
        } else {
            parse(&text).map_err(|error| invalid(format!("its stored form is unreadable: {error}")))?
        };
        // Avro is served as it prints, or in the normal form that was asked for: that is what it is known by.
        let printed = match schema_type {
            SchemaType::Avro => None,
            SchemaType::Protobuf | SchemaType::Json => printed(&parsed, &text),
        };
        let content = content(request, schema_type, text.into(), references);
        Ok(Candidate::new(content, Ok(Arc::new(parsed)), printed))
    }

    /// Takes a request's schema as it stands: text, references and all, because the id it asks for is theirs. What cannot
    /// be read here is taken as well.
    ///
    /// # Errors
    /// [`RegistryError::InvalidSchema`] when there is no text, or one of no known type.
    pub fn imported(
        view: &View,
        context: &str,
        request: &RegisterRequest,
    ) -> Result<Candidate, RegistryError> {
        check_text(request)?;
        let text = Arc::from(request.schema.as_str());
        let content = content(request, request.schema_type()?, text, request.references.clone());
        let parsed = references::parse(view, context, &content).unwrap_or_else(|error| Err(error.into()));
        let readable = parsed.as_ref().ok();
        let printed = readable.and_then(|parsed| printed(parsed, &content.text));
        Ok(Candidate::new(content, parsed.map(Arc::new), printed))
    }

    fn new(
        content: Content,
        parsed: Result<Arc<Schema>, ParseError>,
        printed: Option<Arc<str>>,
    ) -> Candidate {
        let exact = TextHash::of(&content.text);
        let form = printed.as_deref().map(TextHash::of);
        Candidate {
            form: form.unwrap_or_else(|| exact.clone()),
            exact,
            written_out: OnceLock::new(),
            content,
            parsed,
            printed,
        }
    }

    /// The hash of the content as it is.
    #[must_use]
    pub fn exact(&self) -> Uuid {
        self.exact.with(&self.content)
    }

    /// The hash of the printed form.
    #[must_use]
    pub fn form(&self) -> Uuid {
        self.form.with(&self.content)
    }

    /// The hash that another content has if its text prints as this one's.
    pub(super) fn form_within(&self, other: &Content) -> Uuid {
        self.form.with(other)
    }

    /// The hash of the text, whatever comes with it.
    pub(super) fn text_hash(&self) -> Uuid {
        self.exact.alone()
    }

    /// The hash of the text with its references written out.
    pub(super) fn hash_written_out(&self) -> Option<Uuid> {
        let hash = || Spelling::WrittenOut.hash(self.parsed.as_deref().ok()?);
        *self.written_out.get_or_init(hash)
    }

    /// What is asked of a new schema before it is compared with anything.
    ///
    /// # Errors
    /// [`RegistryError::InvalidSchema`].
    pub(super) fn check_new(&self, policy: Policy) -> Result<(), RegistryError> {
        let unreadable = |error: &ParseError| RegistryError::InvalidSchema(error.to_string());
        let parsed = self.parsed.as_ref().map_err(unreadable)?;
        parsed.check_new(policy).map_err(|error| unreadable(&error))
    }
}

/// The text a schema prints as, where that is not the given one.
fn printed(parsed: &Schema, text: &str) -> Option<Arc<str>> {
    let printed = parsed.printed();
    (printed != text).then(|| printed.into())
}

fn check_text(request: &RegisterRequest) -> Result<(), RegistryError> {
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
    Ok(())
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

/// A request's references with numbers in place of "latest".
pub(super) fn pinned(
    view: &View,
    context: &str,
    request: &RegisterRequest,
    referred: Deleted,
) -> Result<Vec<Reference>, RegistryError> {
    references::pin(view, context, &request.references, referred)
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
        let Some(name) = self.schema_type.as_deref() else {
            return Ok(SchemaType::Avro);
        };
        // In the API a type has one spelling.
        let named = name
            .parse()
            .ok()
            .filter(|known: &SchemaType| known.name() == name);
        named.ok_or_else(|| RegistryError::InvalidSchema(SchemaTypeError(name.to_owned()).to_string()))
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

    /// Whether lookups and registrations under a subject bring schemas into their normal form.
    #[must_use]
    pub fn normalizes(&self, view: &View, subject: &Qualified) -> bool {
        self.normalize || view.config_in_scope(subject).normalize == Some(true)
    }
}
