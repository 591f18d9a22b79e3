//! The data contract that may travel with a schema: metadata and rules.
//!
//! Both are kept and given back; clients evaluate the rules, and so do the guard and the event store here. What is decided here is whether a rule set is well formed,
//! and which bytes of both go into a content's hash, because that hash is the schema's guid everywhere.
//!
//! Source of the shapes and of the hashed fields: the Apache-2.0 licensed client entities of the registry API.

use std::collections::{BTreeMap, BTreeSet};

use annals_schema_model::MigrationRule;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use super::RegistryError;

/// The longest name of a rule, in characters.
const RULE_NAME_CHARACTERS_MAX: usize = 256;

/// What is known about a schema beside its text.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Metadata {
    /// Tags by the path of the field they stand on.
    #[serde(
        skip_serializing_if = "BTreeMap::is_empty",
        deserialize_with = "null_as_empty"
    )]
    pub tags: BTreeMap<String, BTreeSet<String>>,
    /// Properties by name.
    #[serde(
        skip_serializing_if = "BTreeMap::is_empty",
        deserialize_with = "null_as_empty"
    )]
    pub properties: BTreeMap<String, String>,
    /// The names of properties not to be shown.
    #[serde(
        skip_serializing_if = "BTreeSet::is_empty",
        deserialize_with = "null_as_empty"
    )]
    pub sensitive: BTreeSet<String>,
}

/// Rules that clients run on records.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RuleSet {
    /// Rules between versions.
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "null_as_empty")]
    pub migration_rules: Vec<Rule>,
    /// Rules on reading and writing.
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "null_as_empty")]
    pub domain_rules: Vec<Rule>,
    /// Rules on the encoded bytes.
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "null_as_empty")]
    pub encoding_rules: Vec<Rule>,
    /// From when the rules hold.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enable_at: Option<String>,
}

/// One rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Rule {
    /// The rule's name, unique in its set.
    pub name: Option<String>,
    /// What it is for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub doc: Option<String>,
    /// Whether it changes records or only judges them.
    #[serde(default)]
    pub kind: RuleKind,
    /// When it runs.
    #[serde(default)]
    pub mode: RuleMode,
    /// Which executor runs it: `CEL`, `JSONATA`, `ENCRYPT`, …
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub executor: Option<String>,
    /// Fields with one of these tags are concerned.
    #[serde(
        default,
        skip_serializing_if = "BTreeSet::is_empty",
        deserialize_with = "null_as_empty"
    )]
    pub tags: BTreeSet<String>,
    /// Parameters of the executor.
    #[serde(
        default,
        skip_serializing_if = "BTreeMap::is_empty",
        deserialize_with = "null_as_empty"
    )]
    pub params: BTreeMap<String, String>,
    /// The rule itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expr: Option<String>,
    /// What to do when it passes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on_success: Option<String>,
    /// What to do when it fails.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on_failure: Option<String>,
    /// Whether it is switched off.
    #[serde(default, deserialize_with = "null_as_empty")]
    pub disabled: bool,
}

/// Whether a rule changes a record or judges it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum RuleKind {
    /// It changes the record.
    #[default]
    Transform,
    /// It accepts or refuses the record.
    Condition,
}

/// When a rule runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum RuleMode {
    /// From an older version to a newer one.
    Upgrade,
    /// From a newer version to an older one.
    Downgrade,
    /// Both ways between versions.
    UpDown,
    /// When a record is written.
    Write,
    /// When a record is read.
    Read,
    /// When it is written and when it is read.
    #[default]
    WriteRead,
}

impl RuleKind {
    fn name(self) -> &'static str {
        match self {
            RuleKind::Transform => "TRANSFORM",
            RuleKind::Condition => "CONDITION",
        }
    }
}

impl RuleMode {
    fn name(self) -> &'static str {
        match self {
            RuleMode::Upgrade => "UPGRADE",
            RuleMode::Downgrade => "DOWNGRADE",
            RuleMode::UpDown => "UPDOWN",
            RuleMode::Write => "WRITE",
            RuleMode::Read => "READ",
            RuleMode::WriteRead => "WRITEREAD",
        }
    }

    fn is_migration(self) -> bool {
        matches!(self, RuleMode::Upgrade | RuleMode::Downgrade | RuleMode::UpDown)
    }
}

/// The property that holds a version's number within its own metadata; it says nothing about the content.
const VERSION_PROPERTY: &str = "confluent:version";

impl Metadata {
    /// Notes the version this metadata goes with.
    pub fn set_version(&mut self, version: u32) {
        self.properties
            .insert(VERSION_PROPERTY.to_owned(), version.to_string());
    }

    /// Whether two say the same, the noted version aside.
    #[must_use]
    pub fn same_but_version(&self, other: &Metadata) -> bool {
        let properties = |metadata: &Metadata| {
            let mut properties = metadata.properties.clone();
            properties.remove(VERSION_PROPERTY);
            properties
        };
        self.tags == other.tags && self.sensitive == other.sensitive && properties(self) == properties(other)
    }

    /// This metadata with another laid over it, entry by entry.
    #[must_use]
    pub fn under(mut self, over: Metadata) -> Metadata {
        self.tags.extend(over.tags);
        self.properties.extend(over.properties);
        self.sensitive.extend(over.sensitive);
        self
    }

    pub(super) fn hash_into(&self, mut feed: impl FnMut(&[u8])) {
        for (path, tags) in &self.tags {
            feed(path.as_bytes());
            tags.iter().for_each(|tag| feed(tag.as_bytes()));
        }
        for (name, value) in &self.properties {
            feed(name.as_bytes());
            feed(value.as_bytes());
        }
        self.sensitive.iter().for_each(|name| feed(name.as_bytes()));
    }
}

impl RuleSet {
    /// Reads a rule set, wherever a client may send one.
    ///
    /// # Errors
    /// [`RegistryError::InvalidRuleSet`].
    pub fn from_json(json: Value) -> Result<RuleSet, RegistryError> {
        serde_json::from_value(json).map_err(|error| RegistryError::InvalidRuleSet(error.to_string()))
    }

    /// The migration rules that are not switched off, in their order.
    #[must_use]
    pub fn migrations(&self) -> Vec<MigrationRule> {
        let rules = self.migration_rules.iter().filter(|rule| !rule.disabled);
        let read = rules.map(|rule| MigrationRule {
            name: rule.name.clone().unwrap_or_default(),
            transforms: rule.kind == RuleKind::Transform,
            upgrades: matches!(rule.mode, RuleMode::Upgrade | RuleMode::UpDown),
            downgrades: matches!(rule.mode, RuleMode::Downgrade | RuleMode::UpDown),
            language: rule.executor.clone().unwrap_or_default(),
            expr: rule.expr.clone().unwrap_or_default(),
        });
        read.collect()
    }

    /// Says what is wrong with the rule set, if anything.
    ///
    /// # Errors
    /// A sentence that names the rule.
    pub fn check(&self) -> Result<(), String> {
        let mut names = BTreeSet::new();
        let groups = [
            (&self.migration_rules, true),
            (&self.domain_rules, false),
            (&self.encoding_rules, false),
        ];
        for (rules, wants_migration) in groups {
            for rule in rules {
                let name = rule.checked_name()?;
                if !names.insert(name) {
                    return Err(format!(
                        "two rules are named \"{name}\"; give each rule its own name"
                    ));
                }
                if rule.mode.is_migration() != wants_migration {
                    let wanted = if wants_migration {
                        "a migration rule, so its mode must be UPGRADE, DOWNGRADE or UPDOWN"
                    } else {
                        "no migration rule, so its mode must be WRITE, READ or WRITEREAD"
                    };
                    return Err(format!(
                        "rule \"{name}\" has mode {} but is {wanted}",
                        rule.mode.name()
                    ));
                }
            }
        }
        Ok(())
    }

    /// This rule set without the rules of some names.
    #[must_use]
    pub fn without(mut self, names: &[String]) -> RuleSet {
        let stays = |rule: &Rule| rule.name.as_ref().is_none_or(|name| !names.contains(name));
        for rules in [
            &mut self.migration_rules,
            &mut self.domain_rules,
            &mut self.encoding_rules,
        ] {
            rules.retain(stays);
        }
        self
    }

    /// This rule set with another laid over it, rule by rule; a rule of the same name is replaced.
    #[must_use]
    pub fn under(self, over: RuleSet) -> RuleSet {
        let merged = |mut under: Vec<Rule>, over: Vec<Rule>| {
            under.retain(|rule| over.iter().all(|other| other.name != rule.name));
            under.extend(over);
            under
        };
        RuleSet {
            migration_rules: merged(self.migration_rules, over.migration_rules),
            domain_rules: merged(self.domain_rules, over.domain_rules),
            encoding_rules: merged(self.encoding_rules, over.encoding_rules),
            enable_at: over.enable_at.or(self.enable_at),
        }
    }

    pub(super) fn hash_into(&self, mut feed: impl FnMut(&[u8])) {
        let groups = [&self.migration_rules, &self.domain_rules, &self.encoding_rules];
        groups
            .into_iter()
            .flatten()
            .for_each(|rule| rule.hash_into(&mut feed));
    }
}

impl Rule {
    fn checked_name(&self) -> Result<&str, String> {
        let name = self
            .name
            .as_deref()
            .filter(|name| !name.is_empty())
            .ok_or("a rule has no name")?;
        if name.chars().count() > RULE_NAME_CHARACTERS_MAX {
            return Err(format!(
                "a rule's name is longer than {RULE_NAME_CHARACTERS_MAX} characters"
            ));
        }
        if self.executor.as_deref().is_none_or(str::is_empty) {
            return Err(format!("rule \"{name}\" has no type, for example CEL"));
        }
        Ok(name)
    }

    fn hash_into(&self, mut feed: impl FnMut(&[u8])) {
        let mut feed_some = |text: Option<&str>| text.iter().for_each(|text| feed(text.as_bytes()));
        feed_some(self.name.as_deref());
        feed_some(self.doc.as_deref());
        feed_some(Some(self.kind.name()));
        feed_some(Some(self.mode.name()));
        feed_some(self.executor.as_deref());
        self.tags.iter().for_each(|tag| feed_some(Some(tag)));
        for (name, value) in &self.params {
            feed_some(Some(name));
            feed_some(Some(value));
        }
        feed_some(self.expr.as_deref());
        feed_some(self.on_success.as_deref());
        feed_some(self.on_failure.as_deref());
        if self.disabled {
            feed(&[1]);
        }
    }
}

/// Clients write `null` where they mean nothing.
fn null_as_empty<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(from: D) -> Result<T, D::Error> {
    Ok(Option::<T>::deserialize(from)?.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rule_sets() {
        let check = |json: &str, wanted: &str| {
            let rule_set: RuleSet = serde_json::from_str(json).unwrap();
            let said = rule_set.check().err().unwrap_or_default();
            assert!(
                if wanted.is_empty() {
                    said.is_empty()
                } else {
                    said.contains(wanted)
                },
                "{json}: {said}"
            );
        };
        check(
            r#"{"domainRules":[{"name":"a","type":"CEL","unknown":1}],"migrationRules":null}"#,
            "",
        );
        check(r#"{"domainRules":[{"type":"CEL"}]}"#, "no name");
        check(r#"{"domainRules":[{"name":"a"}]}"#, "no type");
        check(
            r#"{"domainRules":[{"name":"a","type":"CEL"},{"name":"a","type":"CEL"}]}"#,
            "two rules",
        );
        check(
            r#"{"domainRules":[{"name":"a","type":"CEL","mode":"UPGRADE"}]}"#,
            "no migration rule",
        );
        check(
            r#"{"migrationRules":[{"name":"a","type":"CEL","mode":"UPDOWN"}]}"#,
            "",
        );
    }

    #[test]
    fn rules_keep_their_shape() {
        let json =
            r#"{"name":"a","kind":"CONDITION","mode":"WRITE","type":"CEL","expr":"1 == 1","disabled":false}"#;
        let rule: Rule = serde_json::from_str(json).unwrap();
        assert_eq!(serde_json::to_string(&rule).unwrap(), json);
    }
}
