//! Settings of the registry, of contexts and of single subjects.
//!
//! A subject's settings lie over its context's field by field, those over the settings of all contexts, and those over
//! the server's default level. An update is a merge: a field that is absent stays, one that is `null` is cleared.

use std::sync::Arc;

use annals_schema_model::{CompatibilityPolicy, Level, Policy, Standard};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use serde_json::{Map, Value};

use super::{
    RegistryError,
    change::Change,
    contract::{Metadata, RuleSet},
    name::Qualified,
    register::check_writable,
    view::View,
};

/// The name of the level where settings are read; where they are written it is [`LEVEL_WRITTEN`].
pub const LEVEL_READ: &str = "compatibilityLevel";
/// The name of the level where settings are written, and in the answer to that. Every client depends on it.
pub const LEVEL_WRITTEN: &str = "compatibility";

/// The settings that are rule sets.
const RULE_SETS: [&str; 2] = ["defaultRuleSet", "overrideRuleSet"];

/// The settings of one scope; what is not set there is `None`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Config {
    /// Another subject that every request for this one is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alias: Option<String>,
    /// The same for keys of encrypted fields; kept for clients.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alias_for_deks: Option<String>,
    /// Whether schemas are normalised before they are registered or looked up.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub normalize: Option<bool>,
    /// Whether fields reserved in a schema's metadata may not be removed or come back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub validate_fields: Option<bool>,
    /// Whether names and defaults of new schemas are checked strictly. They always are; kept for clients.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub validate_new_schemas: Option<bool>,
    /// Whether rule sets are checked. They always are; kept for clients.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub validate_rules: Option<bool>,
    /// How far new versions must be compatible.
    #[serde(
        rename = "compatibilityLevel",
        skip_serializing_if = "Option::is_none",
        serialize_with = "as_name",
        deserialize_with = "from_name",
        default
    )]
    pub level: Option<Level>,
    /// Relaxations and additions of the registry API: `STRICT`, `LENIENT` or `LOGICAL`.
    #[serde(
        skip_serializing_if = "Option::is_none",
        serialize_with = "as_name",
        deserialize_with = "from_name",
        default
    )]
    pub compatibility_policy: Option<CompatibilityPolicy>,
    /// Which differences count: `confluent`, `strict` or `wire`.
    #[serde(
        skip_serializing_if = "Option::is_none",
        serialize_with = "as_name",
        deserialize_with = "from_name",
        default
    )]
    pub policy: Option<Policy>,
    /// The metadata property that splits a subject's versions into groups, each compatible within itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub compatibility_group: Option<String>,
    /// Lies under the metadata of every new version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default_metadata: Option<Metadata>,
    /// Lies over the metadata of every new version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub override_metadata: Option<Metadata>,
    /// Lies under the rules of every new version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default_rule_set: Option<RuleSet>,
    /// Lies over the rules of every new version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub override_rule_set: Option<RuleSet>,
}

impl Config {
    /// Reads a stored config.
    ///
    /// # Errors
    /// As [`Config::merged`].
    pub fn from_json(json: &Map<String, Value>) -> Result<Config, RegistryError> {
        Config::default().merged(json)
    }

    /// This config with an update merged in. Fields that are no settings are ignored.
    ///
    /// # Errors
    /// [`RegistryError::InvalidLevel`], [`RegistryError::InvalidRuleSet`] or [`RegistryError::InvalidConfig`].
    pub fn merged(&self, update: &Map<String, Value>) -> Result<Config, RegistryError> {
        let mut json = self.to_json(LEVEL_READ);
        for (field, value) in update {
            let field = if field == LEVEL_WRITTEN { LEVEL_READ } else { field };
            check_field(field, value)?;
            if value.is_null() {
                json.remove(field);
            } else {
                json.insert(field.to_owned(), value.clone());
            }
        }
        let config: Config = serde_json::from_value(Value::Object(json))
            .map_err(|error| RegistryError::InvalidConfig(error.to_string()))?;
        let rule_sets = [&config.default_rule_set, &config.override_rule_set];
        for rule_set in rule_sets.into_iter().flatten() {
            rule_set.check().map_err(RegistryError::InvalidRuleSet)?;
        }
        Ok(config)
    }

    /// This config over a wider one, field by field.
    #[must_use]
    pub fn over(&self, wider: &Config) -> Config {
        let (own, wider) = (self.clone(), wider.clone());
        Config {
            alias: own.alias.or(wider.alias),
            alias_for_deks: own.alias_for_deks.or(wider.alias_for_deks),
            normalize: own.normalize.or(wider.normalize),
            validate_fields: own.validate_fields.or(wider.validate_fields),
            validate_new_schemas: own.validate_new_schemas.or(wider.validate_new_schemas),
            validate_rules: own.validate_rules.or(wider.validate_rules),
            level: own.level.or(wider.level),
            compatibility_policy: own.compatibility_policy.or(wider.compatibility_policy),
            policy: own.policy.or(wider.policy),
            compatibility_group: own.compatibility_group.or(wider.compatibility_group),
            default_metadata: own.default_metadata.or(wider.default_metadata),
            override_metadata: own.override_metadata.or(wider.override_metadata),
            default_rule_set: own.default_rule_set.or(wider.default_rule_set),
            override_rule_set: own.override_rule_set.or(wider.override_rule_set),
        }
    }

    /// The standard of verdicts in force.
    #[must_use]
    pub fn standard(&self) -> Standard {
        Standard {
            level: self.level.unwrap_or_default(),
            policy: self.policy.unwrap_or_default(),
            compatibility_policy: self.compatibility_policy.unwrap_or_default(),
        }
    }

    /// The subject this one stands for.
    #[must_use]
    pub fn alias(&self) -> Option<&str> {
        self.alias.as_deref().filter(|name| !name.is_empty())
    }

    /// The metadata property that splits a subject's versions into groups.
    #[must_use]
    pub fn group_property(&self) -> Option<&str> {
        self.compatibility_group
            .as_deref()
            .filter(|name| !name.is_empty())
    }

    /// A version's metadata between the defaults and the overrides.
    #[must_use]
    pub fn with_metadata(&self, own: Option<Metadata>) -> Option<Metadata> {
        let layers = [self.default_metadata.clone(), own, self.override_metadata.clone()];
        layers.into_iter().flatten().reduce(Metadata::under)
    }

    /// A version's rules between the defaults and the overrides.
    #[must_use]
    pub fn with_rule_set(&self, own: Option<RuleSet>) -> Option<RuleSet> {
        let layers = [self.default_rule_set.clone(), own, self.override_rule_set.clone()];
        layers.into_iter().flatten().reduce(RuleSet::under)
    }

    /// The config as JSON, the level under the name asked for.
    #[must_use]
    pub fn to_json(&self, level_field: &str) -> Map<String, Value> {
        let Ok(Value::Object(mut json)) = serde_json::to_value(self) else {
            return Map::new();
        };
        if let Some(level) = json.remove(LEVEL_READ) {
            json.insert(level_field.to_owned(), level);
        }
        json
    }
}

/// Merges an update into the settings of a subject, a context or all contexts; answers the result.
///
/// # Errors
/// The update or the name is invalid, or the scope is read-only.
pub fn update(
    view: &View,
    of: &Qualified,
    update: &Map<String, Value>,
) -> Result<(Vec<Change>, Config), RegistryError> {
    of.check_scope()?;
    check_writable(view, of)?;
    let old = view.config(of).map(|old| Config::clone(old));
    let config = old.unwrap_or_default().merged(update)?;
    let change = Change::Config {
        of: of.clone(),
        config: Some(Arc::new(config.clone())),
    };
    Ok((vec![change], config))
}

/// Clears the settings of a subject, a context or all contexts; answers what they were.
///
/// # Errors
/// [`RegistryError::SubjectNotFound`] when a subject has none, or the scope is read-only.
pub fn clear(view: &View, of: &Qualified) -> Result<(Vec<Change>, Config), RegistryError> {
    let Some(old) = view.config(of) else {
        return match of.is_context() {
            true => Ok((Vec::new(), Config::default())),
            false => Err(RegistryError::SubjectNotFound(of.to_string())),
        };
    };
    check_writable(view, of)?;
    let change = Change::Config {
        of: of.clone(),
        config: None,
    };
    Ok((vec![change], Config::clone(old)))
}

/// Says which field of an update is of the wrong kind.
fn check_field(field: &str, value: &Value) -> Result<(), RegistryError> {
    if field == LEVEL_READ && !value.is_null() {
        let named = value.as_str().map(|name| name.trim().parse::<Level>().is_ok());
        if named != Some(true) {
            let given = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            return Err(RegistryError::InvalidLevel(given));
        }
    }
    if RULE_SETS.contains(&field) && !value.is_null() {
        RuleSet::from_json(value.clone())?;
    }
    let alone = Value::Object(Map::from_iter([(field.to_owned(), value.clone())]));
    serde_json::from_value::<Config>(alone)
        .map(drop)
        .map_err(|error| RegistryError::InvalidConfig(format!("{field}: {error}")))
}

fn as_name<T: std::fmt::Display, S: Serializer>(value: &Option<T>, to: S) -> Result<S::Ok, S::Error> {
    match value {
        Some(value) => to.collect_str(value),
        None => to.serialize_none(),
    }
}

fn from_name<'de, T, D>(from: D) -> Result<Option<T>, D::Error>
where
    T: std::str::FromStr<Err: std::fmt::Display>,
    D: Deserializer<'de>,
{
    let name = Option::<String>::deserialize(from)?;
    name.map(|name| name.trim().parse().map_err(de::Error::custom))
        .transpose()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn merged(config: &Config, update: Value) -> Result<Config, String> {
        config
            .merged(update.as_object().unwrap())
            .map_err(|error| error.to_string())
    }

    #[test]
    fn updates_merge() {
        let check = |steps: &[Value], wanted: Value| {
            let config = steps.iter().fold(Config::default(), |config, step| {
                merged(&config, step.clone()).unwrap()
            });
            assert_eq!(
                Value::Object(config.to_json("compatibility")),
                wanted,
                "{steps:?}"
            );
        };
        check(&[json!({})], json!({}));
        check(
            &[json!({"compatibility": "full"})],
            json!({"compatibility": "FULL"}),
        );
        check(
            &[json!({"compatibility": "NONE"}), json!({"normalize": true})],
            json!({"compatibility": "NONE", "normalize": true}),
        );
        check(
            &[json!({"compatibility": "NONE"}), json!({"compatibility": null})],
            json!({}),
        );
        check(&[json!({"alias": "b", "nonsense": 1})], json!({"alias": "b"}));
        check(&[json!({"alias": "b"}), json!({"alias": null})], json!({}));
    }

    #[test]
    fn bad_updates_are_refused() {
        let refused = |update: Value| merged(&Config::default(), update).unwrap_err();
        assert!(refused(json!({"compatibility": "sideways"})).contains("sideways"));
        assert!(refused(json!({"compatibility": 1})).contains("Invalid compatibility level '1'"));
        assert!(refused(json!({"normalize": "yes"})).contains("normalize: invalid type"));
        assert!(refused(json!({"policy": "harsh"})).contains("harsh"));
        assert!(refused(json!({"defaultRuleSet": {"domainRules": [{}]}})).contains("rule set"));
    }

    #[test]
    fn a_subject_lies_over_the_global_settings() {
        let global = merged(
            &Config::default(),
            json!({"compatibility": "FULL", "normalize": true}),
        )
        .unwrap();
        let subject = merged(&Config::default(), json!({"compatibility": "NONE"})).unwrap();
        let scope = subject.over(&global);
        assert_eq!(
            (scope.standard().level, scope.normalize),
            (Level::None, Some(true))
        );
        assert_eq!(Config::default().over(&global).standard().level, Level::Full);
        assert_eq!(Config::default().standard().level, Level::Backward);
    }
}
