//! The JSON of the registry API, as servers of its 8.x line speak it.
//!
//! `schemaType` is always there, so are `guid`, `ts` and `deleted` where a schema is read; what is empty is left out.
//! Unknown properties of a request are ignored.

use annals_schema_model::Reference;
use axum::{
    body::Bytes,
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{error::HttpError, media};
use crate::registry::{Found, Metadata, RegisterRequest, RuleSet, Stored};

/// A value as JSON under the API's media type; negotiation may rename it.
pub(super) struct Answer<T>(pub(super) T);

impl<T: Serialize> IntoResponse for Answer<T> {
    fn into_response(self) -> Response {
        match serde_json::to_vec(&self.0) {
            Ok(json) => Serialized(json.into()).into_response(),
            Err(error) => HttpError::Unserialisable(error.to_string()).into_response(),
        }
    }
}

/// Bytes that are already JSON, or a schema's text.
pub(super) struct Serialized(pub(super) Bytes);

impl IntoResponse for Serialized {
    fn into_response(self) -> Response {
        let mut response = Response::new(self.0.into());
        response
            .headers_mut()
            .insert(header::CONTENT_TYPE, HeaderValue::from_static(media::DEFAULT));
        response
    }
}

/// A reference to another schema.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(super) struct ReferenceBody {
    /// The name the schema uses: a full name in Avro, an import path in Protobuf.
    #[serde(default)]
    #[schema(example = "org.example.Money")]
    name: String,
    /// The subject the referenced schema is registered under.
    #[serde(default)]
    #[schema(example = "money")]
    subject: String,
    /// Its version there; -1 is the newest.
    #[serde(default = "newest")]
    #[schema(example = 1)]
    version: i32,
}

fn newest() -> i32 {
    -1
}

impl From<&Reference> for ReferenceBody {
    fn from(reference: &Reference) -> ReferenceBody {
        let Reference {
            name,
            subject,
            version,
        } = reference.clone();
        ReferenceBody {
            name,
            subject,
            version,
        }
    }
}

fn bodies(references: &[Reference]) -> Vec<ReferenceBody> {
    references.iter().map(ReferenceBody::from).collect()
}

/// A schema to register, to look up or to check.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct SchemaRequest {
    /// The schema's text. Absent: that of the newest version.
    #[schema(example = "{\"type\": \"record\", \"name\": \"Order\", \"fields\": []}")]
    schema: Option<String>,
    /// `AVRO` (when absent), `PROTOBUF` or `JSON`.
    schema_type: Option<String>,
    /// Schemas this one builds upon.
    references: Option<Vec<ReferenceBody>>,
    /// Tags and properties.
    metadata: Option<Metadata>,
    /// Rules for clients.
    rule_set: Option<RuleSet>,
    /// An id to register under: for importers.
    id: Option<i64>,
    /// The version to become: absent, the next.
    version: Option<i64>,
}

impl SchemaRequest {
    pub(super) fn into_request(self, normalize: bool) -> RegisterRequest {
        let references = self.references.unwrap_or_default();
        RegisterRequest {
            schema: self.schema.unwrap_or_default(),
            schema_type: self.schema_type,
            references: references
                .into_iter()
                .map(
                    |ReferenceBody {
                         name,
                         subject,
                         version,
                     }| Reference {
                        name,
                        subject,
                        version,
                    },
                )
                .collect(),
            metadata: self.metadata,
            rule_set: self.rule_set,
            id: self.id,
            version: self.version,
            normalize,
            force: false,
        }
    }
}

/// The answer to a registration.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct RegisterAnswer<'a> {
    /// The schema's id.
    #[schema(example = 1)]
    id: u32,
    /// The version it has in the subject.
    #[schema(example = 1)]
    version: u32,
    /// The hash of its content.
    guid: String,
    /// `AVRO`, `PROTOBUF` or `JSON`.
    #[schema(example = "AVRO")]
    schema_type: &'static str,
    /// The text as stored, or in the format asked for.
    schema: &'a str,
    /// Schemas it builds upon.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    references: Vec<ReferenceBody>,
    /// Tags and properties.
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<&'a Metadata>,
    /// Rules for clients.
    #[serde(skip_serializing_if = "Option::is_none")]
    rule_set: Option<&'a RuleSet>,
}

impl<'a> RegisterAnswer<'a> {
    pub(super) fn of(found: &'a Found, text: &'a str) -> RegisterAnswer<'a> {
        let stored = &found.stored;
        RegisterAnswer {
            id: stored.id.get(),
            version: found.version.version,
            guid: stored.guid.to_string(),
            schema_type: stored.schema_type().name(),
            schema: text,
            references: bodies(stored.references()),
            metadata: stored.metadata(),
            rule_set: stored.rule_set(),
        }
    }
}

/// A version of a subject.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct VersionAnswer<'a> {
    /// The subject.
    #[schema(example = "orders-value")]
    subject: String,
    /// Its version.
    #[schema(example = 1)]
    version: u32,
    /// The schema's id.
    #[schema(example = 1)]
    id: u32,
    /// The hash of its content.
    guid: String,
    /// `AVRO`, `PROTOBUF` or `JSON`.
    #[schema(example = "AVRO")]
    schema_type: &'static str,
    /// Schemas it builds upon.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    references: Vec<ReferenceBody>,
    /// Tags and properties.
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<&'a Metadata>,
    /// Rules for clients.
    #[serde(skip_serializing_if = "Option::is_none")]
    rule_set: Option<&'a RuleSet>,
    /// The text as stored, or in the format asked for.
    schema: &'a str,
    /// When the version was registered, in milliseconds since 1970.
    ts: i64,
    /// Whether the version is deleted.
    deleted: bool,
}

impl<'a> VersionAnswer<'a> {
    pub(super) fn of(found: &'a Found, text: &'a str) -> VersionAnswer<'a> {
        let stored = &found.stored;
        VersionAnswer {
            subject: found.subject.to_string(),
            version: found.version.version,
            id: stored.id.get(),
            guid: stored.guid.to_string(),
            schema_type: stored.schema_type().name(),
            references: bodies(stored.references()),
            metadata: stored.metadata(),
            rule_set: stored.rule_set(),
            schema: text,
            ts: found.version.registered_ms,
            deleted: !found.version.is_live(),
        }
    }
}

/// A schema by its id or guid.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct SchemaAnswer<'a> {
    /// A subject that uses the schema; only when one was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) subject: Option<&'a str>,
    /// Its version there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) version: Option<u32>,
    /// `AVRO`, `PROTOBUF` or `JSON`.
    #[schema(example = "AVRO")]
    schema_type: &'static str,
    /// The text as stored, or in the format asked for.
    schema: &'a str,
    /// Schemas it builds upon.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    references: Vec<ReferenceBody>,
    /// Tags and properties.
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<&'a Metadata>,
    /// Rules for clients.
    #[serde(skip_serializing_if = "Option::is_none")]
    rule_set: Option<&'a RuleSet>,
    /// The hash of its content.
    guid: String,
    /// The greatest id given out so far; only when asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) max_id: Option<u32>,
    /// When it was first registered, in milliseconds since 1970.
    ts: i64,
    /// Whether it is deleted.
    deleted: bool,
}

impl<'a> SchemaAnswer<'a> {
    pub(super) fn of(stored: &'a Stored, text: &'a str) -> SchemaAnswer<'a> {
        SchemaAnswer {
            subject: None,
            version: None,
            schema_type: stored.schema_type().name(),
            schema: text,
            references: bodies(stored.references()),
            metadata: stored.metadata(),
            rule_set: stored.rule_set(),
            guid: stored.guid.to_string(),
            max_id: None,
            ts: stored.registered_ms,
            deleted: false,
        }
    }
}

/// A place where a schema is used.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct SubjectVersion {
    /// The subject.
    #[schema(example = "orders-value")]
    pub(super) subject: String,
    /// Its version.
    #[schema(example = 1)]
    pub(super) version: u32,
}

/// An id of a content within a context.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ContextId {
    /// The context; `.` is the default one.
    #[schema(example = ".")]
    pub(super) context: String,
    /// The id there.
    #[schema(example = 1)]
    pub(super) id: u32,
}

/// The outcome of a compatibility check.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct CompatibilityAnswer {
    /// Whether the schema may follow.
    pub(super) is_compatible: bool,
    /// Why not; only when `verbose` was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) messages: Option<Vec<String>>,
}

/// A mode.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ModeAnswer {
    /// `READWRITE`, the only one so far.
    #[schema(example = "READWRITE")]
    pub(super) mode: &'static str,
}
