//! What the OpenAPI document says of types that are the registry's own, which knows nothing of HTTP.
//!
//! Each is declared once more, as JSON sees it, with the sentences for people who read the document. Invariant: a value
//! with everything set serialises to exactly the fields described here (`tests`).

#![allow(dead_code, reason = "only the derived descriptions are used")]

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
};

use utoipa::{
    PartialSchema, ToSchema,
    openapi::{RefOr, Schema},
};

use crate::registry::{self, tags};

/// Lends a type the description of its double here.
macro_rules! described {
    ($($double:ident for $type:ty),+ $(,)?) => {$(
        impl PartialSchema for $type {
            fn schema() -> RefOr<Schema> {
                $double::schema()
            }
        }
        impl ToSchema for $type {
            fn name() -> Cow<'static, str> {
                $double::name()
            }
            fn schemas(found: &mut Vec<(String, RefOr<Schema>)>) {
                $double::schemas(found);
            }
        }
    )+};
}

described!(
    Metadata for registry::Metadata,
    RuleSet for registry::RuleSet,
    Rule for registry::Rule,
    RuleKind for registry::RuleKind,
    RuleMode for registry::RuleMode,
    Config for registry::Config,
    EntityType for tags::EntityType,
    SchemaEntity for tags::SchemaEntity,
    EntityTags for tags::EntityTags,
);

/// What is known about a schema beside its text.
#[derive(Default, ToSchema)]
#[schema(default)]
struct Metadata {
    /// Tags by the path of the field they stand on.
    #[schema(required = false)]
    tags: BTreeMap<String, BTreeSet<String>>,
    /// Properties by name.
    #[schema(required = false)]
    properties: BTreeMap<String, String>,
    /// The names of properties not to be shown.
    #[schema(required = false)]
    sensitive: BTreeSet<String>,
}

/// Rules that clients run on records.
#[derive(Default, ToSchema)]
#[schema(rename_all = "camelCase", default)]
struct RuleSet {
    /// Rules between versions.
    #[schema(required = false)]
    migration_rules: Vec<registry::Rule>,
    /// Rules on reading and writing.
    #[schema(required = false)]
    domain_rules: Vec<registry::Rule>,
    /// Rules on the encoded bytes.
    #[schema(required = false)]
    encoding_rules: Vec<registry::Rule>,
    /// From when the rules hold.
    enable_at: Option<String>,
}

/// One rule.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
struct Rule {
    /// The rule's name, unique in its set.
    name: Option<String>,
    /// What it is for.
    doc: Option<String>,
    /// Whether it changes records or only judges them.
    #[schema(required = false)]
    kind: registry::RuleKind,
    /// When it runs.
    #[schema(required = false)]
    mode: registry::RuleMode,
    /// Which executor runs it: `CEL`, `JSONATA`, `ENCRYPT`, …
    #[schema(rename = "type")]
    executor: Option<String>,
    /// Fields with one of these tags are concerned.
    #[schema(required = false)]
    tags: BTreeSet<String>,
    /// Parameters of the executor.
    #[schema(required = false)]
    params: BTreeMap<String, String>,
    /// The rule itself.
    expr: Option<String>,
    /// What to do when it passes.
    on_success: Option<String>,
    /// What to do when it fails.
    on_failure: Option<String>,
    /// Whether it is switched off.
    #[schema(required = false)]
    disabled: bool,
}

/// Whether a rule changes a record or judges it.
#[derive(ToSchema)]
#[schema(rename_all = "UPPERCASE")]
enum RuleKind {
    Transform,
    Condition,
}

/// When a rule runs.
#[derive(ToSchema)]
#[schema(rename_all = "UPPERCASE")]
enum RuleMode {
    Upgrade,
    Downgrade,
    UpDown,
    Write,
    Read,
    WriteRead,
}

/// The settings of one scope; what is not set there is `None`.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
struct Config {
    /// Another subject that every request for this one is about.
    alias: Option<String>,
    /// The same for keys of encrypted fields; kept for clients.
    alias_for_deks: Option<String>,
    /// Whether schemas are normalised before they are registered or looked up.
    normalize: Option<bool>,
    /// Whether fields reserved in a schema's metadata may not be removed or come back.
    validate_fields: Option<bool>,
    /// Whether names and defaults of new schemas are checked strictly. They always are; kept for clients.
    validate_new_schemas: Option<bool>,
    /// Whether rule sets are checked. They always are; kept for clients.
    validate_rules: Option<bool>,
    /// How far new versions must be compatible.
    #[schema(example = "BACKWARD")]
    compatibility_level: Option<String>,
    /// Relaxations and additions of the registry API: `STRICT`, `LENIENT` or `LOGICAL`.
    #[schema(example = "STRICT")]
    compatibility_policy: Option<String>,
    /// Which differences count: `confluent`, `strict` or `wire`.
    #[schema(example = "confluent")]
    policy: Option<String>,
    /// The metadata property that splits a subject's versions into groups, each compatible within itself.
    compatibility_group: Option<String>,
    /// Lies under the metadata of every new version.
    default_metadata: Option<registry::Metadata>,
    /// Lies over the metadata of every new version.
    override_metadata: Option<registry::Metadata>,
    /// Lies under the rules of every new version.
    default_rule_set: Option<registry::RuleSet>,
    /// Lies over the rules of every new version.
    override_rule_set: Option<registry::RuleSet>,
}

/// Whether a record or a field is meant.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
enum EntityType {
    SrRecord,
    SrField,
}

/// A record or a field of a schema.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
struct SchemaEntity {
    /// Where it is: `shop.Order.card`.
    #[schema(example = "shop.Order.card")]
    entity_path: String,
    /// What it is.
    entity_type: tags::EntityType,
}

/// A record or a field with its tags.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
struct EntityTags {
    /// What is tagged.
    schema_entity: tags::SchemaEntity,
    /// The tags' names.
    tags: BTreeSet<String>,
}

#[cfg(test)]
mod tests {
    use serde::{Serialize, de::DeserializeOwned};
    use serde_json::{Value, json};

    use super::*;

    /// Reads a value with everything set, and compares the fields it is written with and those described.
    fn check<T: ToSchema + Serialize + DeserializeOwned>(full: Value) {
        let value: T = serde_json::from_value(full.clone()).unwrap();
        let written = serde_json::to_value(&value).unwrap();
        assert_eq!(written, full, "{} is read or written in part", T::name());
        let described = serde_json::to_value(T::schema()).unwrap();
        let fields =
            |json: &Value| -> BTreeSet<String> { json.as_object().unwrap().keys().cloned().collect() };
        assert_eq!(
            fields(&written),
            fields(&described["properties"]),
            "{}",
            T::name()
        );
    }

    /// Every word of an enumeration can be read, and is written as it was.
    fn check_words<T: ToSchema + Serialize + DeserializeOwned>(count: usize) {
        let described = serde_json::to_value(T::schema()).unwrap();
        let words = described["enum"].as_array().unwrap();
        assert_eq!(words.len(), count, "{}", T::name());
        for word in words {
            let value: T = serde_json::from_value(word.clone()).unwrap();
            assert_eq!(serde_json::to_value(&value).unwrap(), *word);
        }
    }

    #[test]
    fn types_are_described_as_they_are_written() {
        let metadata = json!({"tags": {"a": ["b"]}, "properties": {"c": "d"}, "sensitive": ["c"]});
        let rule = json!({"name": "r", "doc": "d", "kind": "CONDITION", "mode": "WRITE", "type": "CEL", "tags": ["t"],
            "params": {"p": "q"}, "expr": "e", "onSuccess": "s", "onFailure": "f", "disabled": true});
        let mut upgrade = rule.clone();
        upgrade["mode"] = json!("UPGRADE");
        let named = |name: &str, mut rule: Value| {
            rule["name"] = json!(name);
            rule
        };
        let rules = json!({"migrationRules": [named("u", upgrade)], "domainRules": [rule],
            "encodingRules": [named("e", rule.clone())], "enableAt": "x"});
        let entity = json!({"entityPath": "a.B", "entityType": "sr_record"});
        check::<registry::Metadata>(metadata.clone());
        check::<registry::Rule>(rule);
        check::<registry::RuleSet>(rules.clone());
        check::<tags::SchemaEntity>(entity.clone());
        check::<tags::EntityTags>(json!({"schemaEntity": entity, "tags": ["t"]}));
        check::<registry::Config>(json!({
            "alias": "a", "aliasForDeks": "b", "normalize": true, "validateFields": true, "validateNewSchemas": true,
            "validateRules": true, "compatibilityLevel": "FULL", "compatibilityPolicy": "LENIENT", "policy": "wire",
            "compatibilityGroup": "g", "defaultMetadata": metadata, "overrideMetadata": metadata,
            "defaultRuleSet": rules, "overrideRuleSet": rules,
        }));
        check_words::<registry::RuleKind>(2);
        check_words::<registry::RuleMode>(6);
        check_words::<tags::EntityType>(2);
    }
}
