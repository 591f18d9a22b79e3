//! The bodies that schemas come in. Unknown properties are ignored, and `null` is as good as absent.

use annals_schema_model::Reference;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::registry::{Metadata, RegisterRequest, RegistryError, RuleSet, tags::EntityTags};

/// A reference to another schema.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(super) struct ReferenceBody {
    /// The name the schema uses: a full name in Avro, an import path in Protobuf.
    #[serde(default)]
    #[schema(example = "org.example.Money")]
    pub(super) name: String,
    /// The subject the referenced schema is registered under.
    #[serde(default)]
    #[schema(example = "money")]
    pub(super) subject: String,
    /// Its version there; -1 is the newest.
    #[serde(default = "newest")]
    #[schema(example = 1)]
    pub(super) version: i32,
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

impl From<ReferenceBody> for Reference {
    fn from(body: ReferenceBody) -> Reference {
        let ReferenceBody {
            name,
            subject,
            version,
        } = body;
        Reference {
            name,
            subject,
            version,
        }
    }
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
    #[schema(value_type = Option<RuleSet>)]
    rule_set: Option<Value>,
    /// An id to register under: for importers.
    id: Option<i64>,
    /// The GUID it has elsewhere: for importers. One that is no hash of this schema is not taken.
    guid: Option<String>,
    /// The version to become: absent, the next.
    version: Option<i64>,
    /// Tags to write into the schema's text.
    pub(super) schema_tags_to_add: Option<Vec<EntityTags>>,
    /// Tags to take out of the schema's text.
    pub(super) schema_tags_to_remove: Option<Vec<EntityTags>>,
    /// Take over the tags of the newest version, where this schema has the same fields.
    pub(super) propagate_schema_tags: Option<bool>,
}

impl SchemaRequest {
    /// What the registry is asked for.
    ///
    /// # Errors
    /// [`RegistryError::InvalidRuleSet`].
    pub(super) fn into_request(self, normalize: bool, force: bool) -> Result<RegisterRequest, RegistryError> {
        let references = self.references.unwrap_or_default();
        Ok(RegisterRequest {
            schema: self.schema.unwrap_or_default(),
            schema_type: self.schema_type,
            references: references.into_iter().map(Reference::from).collect(),
            metadata: self.metadata,
            rule_set: self.rule_set.map(RuleSet::from_json).transpose()?,
            id: self.id,
            guid: self.guid.and_then(|guid| guid.parse().ok()),
            version: self.version,
            normalize,
            force,
        })
    }
}

/// What to change in a version's tags, metadata and rules.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct TagRequest {
    /// The version this is to become: absent, the next.
    pub(super) new_version: Option<i64>,
    /// Tags to write into the schema's text.
    pub(super) tags_to_add: Option<Vec<EntityTags>>,
    /// Tags to take out of it.
    pub(super) tags_to_remove: Option<Vec<EntityTags>>,
    /// The new version's metadata; absent, as it was.
    pub(super) metadata: Option<Metadata>,
    /// The new version's rules; absent, as they were.
    #[schema(value_type = Option<RuleSet>)]
    pub(super) rule_set: Option<Value>,
    /// Rules to add, or to put in the place of those with the same names.
    #[schema(value_type = Option<RuleSet>)]
    pub(super) rules_to_merge: Option<Value>,
    /// The names of rules to take out.
    pub(super) rules_to_remove: Option<Vec<String>>,
}
