//! What differs between two snapshots, and how much of each kind is the same.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::{Value, json};

use super::snapshot::{Snapshot, Version, name, same_settings};
use crate::registry::{Content, Qualified};

/// One thing that is not the same on both sides.
#[derive(Debug)]
pub(super) struct Difference {
    /// `version`, `config` or `mode`.
    pub(super) kind: &'static str,
    /// The subject or scope.
    pub(super) of: String,
    pub(super) version: Option<u32>,
    /// Which part of it differs.
    pub(super) part: &'static str,
    /// What either side has; nothing when it is not there.
    pub(super) left: Option<String>,
    pub(super) right: Option<String>,
}

impl Difference {
    pub(super) fn to_json(&self) -> Value {
        json!({
            "kind": self.kind, "of": self.of, "version": self.version, "part": self.part,
            "left": self.left, "right": self.right,
        })
    }
}

/// How many things of one kind are on either side.
#[derive(Debug, Default)]
pub(super) struct Count {
    pub(super) same: usize,
    pub(super) differing: usize,
    /// Only left.
    pub(super) missing: usize,
    /// Only right.
    pub(super) extra: usize,
}

/// Two snapshots compared.
#[derive(Debug)]
pub(super) struct Comparison {
    /// In the order in which they are shown.
    pub(super) counts: [(&'static str, Count); 6],
    pub(super) differences: Vec<Difference>,
}

impl Comparison {
    /// Whether both sides hold the same.
    pub(super) fn is_same(&self) -> bool {
        self.differences.is_empty()
    }

    /// Whether the right side holds everything of the left as it is there.
    pub(super) fn is_contained(&self) -> bool {
        self.differences
            .iter()
            .all(|difference| difference.left.is_none())
    }
}

/// Compares two snapshots.
pub(super) fn compare(left: &Snapshot, right: &Snapshot) -> Comparison {
    let mut differences = Vec::new();
    let versions = versions(left, right, &mut differences);
    let configs = settings(left, right, &mut differences);
    let modes = modes(left, right, &mut differences);
    let by_subject = |snapshot: &Snapshot| snapshot.subjects.keys().cloned().collect();
    let changed = |difference: &&Difference| difference.left.is_some();
    let changed: BTreeSet<Qualified> = differences
        .iter()
        .filter(changed)
        .map(|difference| Qualified::parse(&difference.of))
        .collect();
    let changed_contexts = changed.iter().map(|scope| Arc::clone(&scope.context)).collect();
    let counts = [
        ("schemas", count(&schemas(left), &schemas(right), |l, r| l == r)),
        ("versions", versions),
        (
            "subjects",
            count_names(&by_subject(left), &by_subject(right), &changed),
        ),
        (
            "contexts",
            count_names(&left.contexts(), &right.contexts(), &changed_contexts),
        ),
        ("configs", configs),
        ("modes", modes),
    ];
    Comparison { counts, differences }
}

fn count<K: Ord, V>(left: &BTreeMap<K, V>, right: &BTreeMap<K, V>, same: impl Fn(&V, &V) -> bool) -> Count {
    let mut count = Count::default();
    for (key, value) in left {
        match right.get(key) {
            Some(other) if same(value, other) => count.same += 1,
            Some(_) => count.differing += 1,
            None => count.missing += 1,
        }
    }
    count.extra = right.keys().filter(|key| !left.contains_key(key)).count();
    count
}

/// Subjects or contexts: those on both sides are the same when nothing of the left is missing or other.
fn count_names<N: Ord>(left: &BTreeSet<N>, right: &BTreeSet<N>, changed: &BTreeSet<N>) -> Count {
    let both = || left.intersection(right);
    let differing = both().filter(|name| changed.contains(name)).count();
    Count {
        same: both().count() - differing,
        differing,
        missing: left.difference(right).count(),
        extra: right.difference(left).count(),
    }
}

/// What each id of each context stands for.
fn schemas(of: &Snapshot) -> BTreeMap<(&str, u32), &Content> {
    of.versions()
        .map(|(subject, _, version)| ((&*subject.context, version.id), &*version.content))
        .collect()
}

fn versions(left: &Snapshot, right: &Snapshot, into: &mut Vec<Difference>) -> Count {
    let flat = |of: &Snapshot| -> BTreeMap<_, _> {
        of.versions()
            .map(|(subject, number, version)| ((subject.clone(), number), version.clone()))
            .collect()
    };
    let (left, right) = (flat(left), flat(right));
    let keys: BTreeSet<_> = left.keys().chain(right.keys()).collect();
    for key in keys {
        let difference = |part, left: Option<String>, right: Option<String>| Difference {
            kind: "version",
            of: key.0.to_string(),
            version: Some(key.1),
            part,
            left,
            right,
        };
        match (left.get(key), right.get(key)) {
            (Some(left), Some(right)) => into.extend(
                parts(left, right)
                    .into_iter()
                    .filter(|(_, left, right)| left != right)
                    .map(|(part, left, right)| difference(part, Some(left), Some(right))),
            ),
            (left, right) => {
                let shown = |version: &Version| {
                    format!(
                        "id {}{}",
                        version.id,
                        if version.deleted { ", deleted" } else { "" }
                    )
                };
                into.push(difference("all", left.map(shown), right.map(shown)));
            }
        }
    }
    count(&left, &right, |left, right| {
        left.id == right.id && left.deleted == right.deleted && left.content == right.content
    })
}

/// What can differ in a version, as shown.
fn parts(left: &Version, right: &Version) -> Vec<(&'static str, String, String)> {
    let mut parts = vec![
        ("id", left.id.to_string(), right.id.to_string()),
        ("deleted", left.deleted.to_string(), right.deleted.to_string()),
    ];
    if left.content != right.content {
        let (left, right) = (&left.content, &right.content);
        parts.extend([
            (
                "type",
                left.schema_type.to_string(),
                right.schema_type.to_string(),
            ),
            ("text", left.text.to_string(), right.text.to_string()),
            ("references", references(left), references(right)),
            ("metadata", shown(&left.metadata), shown(&right.metadata)),
            ("rule set", shown(&left.rule_set), shown(&right.rule_set)),
        ]);
    }
    parts
}

fn references(of: &Content) -> String {
    let each = of.references.iter();
    let shown =
        each.map(|reference| format!("{}={}:{}", reference.name, reference.subject, reference.version));
    shown.collect::<Vec<_>>().join(", ")
}

fn shown(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

fn settings(left: &Snapshot, right: &Snapshot, into: &mut Vec<Difference>) -> Count {
    let (left, right) = (&left.configs, &right.configs);
    scoped("config", left, right, same_settings, shown, into)
}

fn modes(left: &Snapshot, right: &Snapshot, into: &mut Vec<Difference>) -> Count {
    scoped(
        "mode",
        &left.modes,
        &right.modes,
        |l, r| l == r,
        String::clone,
        into,
    )
}

fn scoped<V>(
    kind: &'static str,
    left: &BTreeMap<Qualified, V>,
    right: &BTreeMap<Qualified, V>,
    same: impl Fn(&V, &V) -> bool,
    shown: impl Fn(&V) -> String,
    into: &mut Vec<Difference>,
) -> Count {
    let scopes: BTreeSet<_> = left.keys().chain(right.keys()).collect();
    for scope in scopes {
        let (left, right) = (left.get(scope), right.get(scope));
        if left.zip(right).is_some_and(|(left, right)| same(left, right)) {
            continue;
        }
        into.push(Difference {
            kind,
            of: name(scope),
            version: None,
            part: "all",
            left: left.map(&shown),
            right: right.map(&shown),
        });
    }
    count(left, right, same)
}
