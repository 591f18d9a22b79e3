//! Settings of the registry and of single subjects.
//!
//! A subject's settings lie over the global ones field by field, and those over the server's default level. An update
//! is a merge: a field that is absent stays, one that is `null` is cleared.
//!
//! Obeyed are `compatibilityLevel`, `normalize` and `compatibilityGroup`. The other fields of the API are kept and given
//! back, so that a client which sets them reads what it wrote.

use annals_schema_model::Level;
use serde_json::{Map, Value};

use super::RegistryError;

/// The level where nobody has set one.
pub const DEFAULT_LEVEL: Level = Level::Backward;

/// Fields that are kept as they are.
const KEPT_FIELDS: [&str; 11] = [
    "alias",
    "aliasForDeks",
    "validateFields",
    "validateNewSchemas",
    "validateRules",
    "compatibilityPolicy",
    "defaultMetadata",
    "overrideMetadata",
    "defaultRuleSet",
    "overrideRuleSet",
    "compatibilityGroup",
];

/// The settings of one scope; what is not set there is `None`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Config {
    /// How far new versions must be compatible.
    pub level: Option<Level>,
    /// Whether schemas are normalised before they are registered or looked up.
    pub normalize: Option<bool>,
    /// The other fields, by their name in the API.
    pub kept: Map<String, Value>,
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
    /// [`RegistryError::InvalidLevel`] or [`RegistryError::InvalidConfig`].
    pub fn merged(&self, update: &Map<String, Value>) -> Result<Config, RegistryError> {
        let mut config = self.clone();
        for (field, value) in update {
            match field.as_str() {
                "compatibility" | "compatibilityLevel" => config.level = level(value)?,
                "normalize" => config.normalize = flag(field, value)?,
                kept if KEPT_FIELDS.contains(&kept) => {
                    if value.is_null() {
                        config.kept.remove(kept);
                    } else {
                        config.kept.insert(kept.to_owned(), value.clone());
                    }
                }
                _ => {}
            }
        }
        Ok(config)
    }

    /// This config over a wider one, field by field.
    #[must_use]
    pub fn over(&self, wider: &Config) -> Config {
        let mut kept = wider.kept.clone();
        kept.extend(
            self.kept
                .iter()
                .map(|(field, value)| (field.clone(), value.clone())),
        );
        Config {
            level: self.level.or(wider.level),
            normalize: self.normalize.or(wider.normalize),
            kept,
        }
    }

    /// The level in force.
    #[must_use]
    pub fn level_or_default(&self) -> Level {
        self.level.unwrap_or(DEFAULT_LEVEL)
    }

    /// The metadata property that splits a subject's versions into groups, each compatible within itself.
    #[must_use]
    pub fn group_property(&self) -> Option<&str> {
        self.kept
            .get("compatibilityGroup")?
            .as_str()
            .filter(|name| !name.is_empty())
    }

    /// The config as JSON. The level has two names in the API: `compatibility` when written, `compatibilityLevel` when
    /// read.
    #[must_use]
    pub fn to_json(&self, level_field: &str) -> Map<String, Value> {
        let mut json = self.kept.clone();
        if let Some(normalize) = self.normalize {
            json.insert("normalize".to_owned(), normalize.into());
        }
        if let Some(level) = self.level {
            json.insert(level_field.to_owned(), level.name().into());
        }
        json
    }
}

fn level(value: &Value) -> Result<Option<Level>, RegistryError> {
    match value {
        Value::Null => Ok(None),
        Value::String(name) => name
            .trim()
            .parse()
            .map(Some)
            .map_err(|_| RegistryError::InvalidLevel(name.clone())),
        other => Err(RegistryError::InvalidLevel(other.to_string())),
    }
}

fn flag(field: &str, value: &Value) -> Result<Option<bool>, RegistryError> {
    match value {
        Value::Null => Ok(None),
        Value::Bool(flag) => Ok(Some(*flag)),
        other => Err(RegistryError::InvalidConfig(format!(
            "{field} must be true or false, not {other}"
        ))),
    }
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
        assert!(refused(json!({"normalize": "yes"})).contains("normalize must be true or false"));
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
            (scope.level_or_default(), scope.normalize),
            (Level::None, Some(true))
        );
        assert_eq!(Config::default().over(&global).level_or_default(), Level::Full);
        assert_eq!(Config::default().level_or_default(), Level::Backward);
    }
}
