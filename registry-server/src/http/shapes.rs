//! The JSON answers of the registry API. What is empty is left out, and so is what the client's generation does not
//! know ([`ApiShape`]).

use axum::{
    body::{Body, Bytes},
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use utoipa::ToSchema;

use super::{error::HttpError, media, request::ReferenceBody, shape::ApiShape};
use crate::registry::{Found, Metadata, Qualified, RuleSet, Stored, tags::EntityTags};

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
        json(self.0.into())
    }
}

/// JSON under the API's media type.
pub(super) fn json(body: Body) -> Response {
    let mut response = Response::new(body);
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static(media::DEFAULT));
    response
}

fn bodies(stored: &Stored) -> Vec<ReferenceBody> {
    stored.references().iter().map(ReferenceBody::from).collect()
}

/// Writes the subjects of references with their contexts.
fn qualify(references: &mut [ReferenceBody], context: &str) {
    for reference in references {
        reference.subject = Qualified::parse_within(context, &reference.subject).to_string();
    }
}

/// The answer to a registration.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct RegisterAnswer<'a> {
    /// The schema's id.
    #[schema(example = 1)]
    id: u32,
    /// The version it has in the subject; as everything below, not in the 7.x shape.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = 1)]
    version: Option<u32>,
    /// The hash of its content.
    #[serde(skip_serializing_if = "Option::is_none")]
    guid: Option<String>,
    /// `AVRO`, `PROTOBUF` or `JSON`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "AVRO")]
    schema_type: Option<&'static str>,
    /// The text as stored, or in the format asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    schema: Option<&'a str>,
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
    pub(super) fn of(shape: ApiShape, found: &'a Found, text: &'a str) -> RegisterAnswer<'a> {
        let stored = &found.stored;
        RegisterAnswer {
            id: stored.id.get(),
            version: shape.since_eight(found.version.version),
            guid: shape.since_eight(stored.guid.to_string()),
            schema_type: shape.since_eight(stored.schema_type().name()),
            schema: shape.since_eight(text),
            references: shape.since_eight(bodies(stored)).unwrap_or_default(),
            metadata: shape.since_eight(stored.metadata()).flatten(),
            rule_set: shape.since_eight(stored.rule_set()).flatten(),
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
    /// The hash of its content; not in the 7.x shape.
    #[serde(skip_serializing_if = "Option::is_none")]
    guid: Option<String>,
    /// `AVRO` (left out in the 7.x shape), `PROTOBUF` or `JSON`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "AVRO")]
    schema_type: Option<&'static str>,
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
    /// Tags in the text; only when asked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) schema_tags: Vec<EntityTags>,
    /// When the version was registered, in milliseconds since 1970; not in the 7.x shape.
    #[serde(skip_serializing_if = "Option::is_none")]
    ts: Option<i64>,
    /// Whether the version is deleted; not in the 7.x shape.
    #[serde(skip_serializing_if = "Option::is_none")]
    deleted: Option<bool>,
    /// The names that are aliases of the subject; only in lists, when asked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) aliases: Vec<String>,
}

impl<'a> VersionAnswer<'a> {
    pub(super) fn of(shape: ApiShape, found: &'a Found, text: &'a str) -> VersionAnswer<'a> {
        let stored = &found.stored;
        VersionAnswer {
            subject: found.subject.to_string(),
            version: found.version.version,
            id: stored.id.get(),
            guid: shape.since_eight(stored.guid.to_string()),
            schema_type: shape.schema_type(stored.schema_type()),
            references: bodies(stored),
            metadata: stored.metadata(),
            rule_set: stored.rule_set(),
            schema: text,
            schema_tags: Vec::new(),
            ts: shape.since_eight(found.version.registered_ms),
            deleted: shape.since_eight(!found.version.is_live()),
            aliases: Vec::new(),
        }
    }

    /// The same with the contexts of its references written out.
    pub(super) fn qualified(mut self, context: &str) -> VersionAnswer<'a> {
        qualify(&mut self.references, context);
        self
    }
}

/// A schema by its id or guid.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct SchemaAnswer<'a> {
    /// A subject that uses the schema; only when one was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) subject: Option<String>,
    /// Its version there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) version: Option<u32>,
    /// `AVRO` (left out in the 7.x shape), `PROTOBUF` or `JSON`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "AVRO")]
    schema_type: Option<&'static str>,
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
    /// Tags in the text; only when asked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) schema_tags: Vec<EntityTags>,
    /// The hash of its content; not in the 7.x shape.
    #[serde(skip_serializing_if = "Option::is_none")]
    guid: Option<String>,
    /// The greatest id given out so far; only when asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) max_id: Option<u32>,
    /// When it was first registered, in milliseconds since 1970; not in the 7.x shape.
    #[serde(skip_serializing_if = "Option::is_none")]
    ts: Option<i64>,
    /// Whether it is deleted; not in the 7.x shape.
    #[serde(skip_serializing_if = "Option::is_none")]
    deleted: Option<bool>,
}

impl<'a> SchemaAnswer<'a> {
    pub(super) fn of(shape: ApiShape, stored: &'a Stored, text: &'a str) -> SchemaAnswer<'a> {
        SchemaAnswer {
            subject: None,
            version: None,
            schema_type: shape.schema_type(stored.schema_type()),
            schema: text,
            references: bodies(stored),
            metadata: stored.metadata(),
            rule_set: stored.rule_set(),
            schema_tags: Vec::new(),
            guid: shape.since_eight(stored.guid.to_string()),
            max_id: None,
            ts: shape.since_eight(stored.registered_ms),
            deleted: shape.since_eight(false),
        }
    }

    /// The same with the contexts of its references written out.
    pub(super) fn qualified(mut self, context: &str) -> SchemaAnswer<'a> {
        qualify(&mut self.references, context);
        self
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
