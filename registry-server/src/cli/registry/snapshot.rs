//! What a registry holds, as far as it can be seen from outside: the common form of a server's answers and of a dump.
//!
//! Invariant: names are qualified ones, settings carry no `null` and call the level `compatibilityLevel`, modes are in
//! capitals. So two snapshots can be compared entry by entry, wherever they come from.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use serde_json::{Map, Value};

use crate::registry::config::{LEVEL_READ, LEVEL_WRITTEN};
use crate::registry::{Config, Content, DEFAULT_CONTEXT, Qualified};

/// Settings of one scope, as in the API.
pub(super) type Settings = Map<String, Value>;

/// One version of a subject.
#[derive(Debug, Clone)]
pub(super) struct Version {
    pub(super) id: u32,
    /// As its registry says it; older ones say none.
    pub(super) guid: Option<String>,
    pub(super) content: Arc<Content>,
    /// Whether it is soft-deleted.
    pub(super) deleted: bool,
}

/// Everything a registry holds.
#[derive(Debug, Default)]
pub(super) struct Snapshot {
    pub(super) subjects: BTreeMap<Qualified, BTreeMap<u32, Version>>,
    /// Of subjects, of contexts (empty subject) and of all contexts.
    pub(super) configs: BTreeMap<Qualified, Settings>,
    pub(super) modes: BTreeMap<Qualified, String>,
    /// One copy of a content that many subjects use.
    contents: HashMap<(Arc<str>, u32), Arc<Content>>,
}

impl Snapshot {
    /// Adds a version or puts it in the place of what was there.
    pub(super) fn insert(&mut self, subject: Qualified, number: u32, mut version: Version) {
        let known = self.contents.entry((Arc::clone(&subject.context), version.id));
        let known = known.or_insert_with(|| Arc::clone(&version.content));
        // One id should have one content; if a dump says otherwise, that must come to light.
        if *known == version.content {
            version.content = Arc::clone(known);
        }
        self.subjects.entry(subject).or_default().insert(number, version);
    }

    pub(super) fn remove(&mut self, subject: &Qualified, number: u32) {
        if let Some(versions) = self.subjects.get_mut(subject) {
            versions.remove(&number);
            if versions.is_empty() {
                self.subjects.remove(subject);
            }
        }
    }

    pub(super) fn version(&self, subject: &Qualified, number: u32) -> Option<&Version> {
        self.subjects.get(subject)?.get(&number)
    }

    pub(super) fn versions(&self) -> impl Iterator<Item = (&Qualified, u32, &Version)> {
        self.subjects.iter().flat_map(|(subject, versions)| {
            versions
                .iter()
                .map(move |(number, version)| (subject, *number, version))
        })
    }

    /// Everything that may have settings or a mode of its own.
    pub(super) fn scopes(&self) -> BTreeSet<Qualified> {
        let named = self
            .subjects
            .keys()
            .chain(self.configs.keys())
            .chain(self.modes.keys());
        let contexts = self
            .subjects
            .keys()
            .map(|subject| Qualified::new(Arc::clone(&subject.context), ""));
        named.cloned().chain(contexts).collect()
    }

    /// The contexts that anything is in.
    pub(super) fn contexts(&self) -> BTreeSet<Arc<str>> {
        self.scopes().into_iter().map(|scope| scope.context).collect()
    }
}

/// Settings without what is only there in one of their spellings.
pub(super) fn settings(mut json: Settings) -> Settings {
    json.remove("subject");
    json.retain(|_, value| !value.is_null());
    if let Some(level) = json.remove(LEVEL_WRITTEN).or_else(|| json.remove(LEVEL_READ)) {
        let level = level
            .as_str()
            .map(str::to_ascii_uppercase)
            .map_or(level, Value::from);
        json.insert(LEVEL_READ.to_owned(), level);
    }
    json
}

/// Whether two settings mean the same, though one may spell out what the other leaves out.
pub(super) fn same_settings(left: &Settings, right: &Settings) -> bool {
    let read = |json| Config::from_json(json).ok();
    left == right || read(left).is_some_and(|left| Some(left) == read(right))
}

/// A scope as it is written in a path and shown to people: the default context has no name of its own.
pub(super) fn name(scope: &Qualified) -> String {
    if scope.is_context() && &*scope.context == DEFAULT_CONTEXT {
        format!(":{DEFAULT_CONTEXT}:")
    } else {
        scope.to_string()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn settings_have_one_spelling() {
        let check = |left: Value, right: Value, same: bool| {
            let read = |json: &Value| settings(json.as_object().unwrap().clone());
            assert_eq!(same_settings(&read(&left), &read(&right)), same, "{left} {right}");
        };
        check(
            json!({"compatibility": "full"}),
            json!({"compatibilityLevel": "FULL"}),
            true,
        );
        check(json!({"subject": "a", "alias": null}), json!({}), true);
        check(json!({"normalize": true}), json!({}), false);
        check(
            json!({"overrideRuleSet": {"domainRules": [{"name": "a", "type": "CEL"}], "migrationRules": null}}),
            json!({"overrideRuleSet": {"domainRules": [{"name": "a", "type": "CEL", "kind": "TRANSFORM",
                "mode": "WRITEREAD", "disabled": false}]}}),
            true,
        );
        check(json!({"future": 1}), json!({"future": 1}), true);
    }
}
