//! What has to be written so that a server holds everything a snapshot holds: only what is missing or other there.
//!
//! What only the server has stays. A version that is there with another id or text stays as well: the comparison
//! afterwards says so. In this order it can be done on any server, and done again after it broke off:
//!
//! 1. the subjects to be written go into IMPORT mode, and lose an alias, which would lead the writes elsewhere;
//! 2. versions are registered and soft-deleted, each after those it refers to and after the subject's earlier ones: what
//!    is soft-deleted is so before anybody refers to it, because later the server would refuse;
//! 3. settings are written, and last the modes, because a mode may forbid writing.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde_json::{Value, json};

use super::snapshot::{Settings, Snapshot, Version, same_settings};
use crate::registry::config::{LEVEL_READ, LEVEL_WRITTEN};
use crate::registry::{GLOBAL_CONTEXT, Mode, Qualified};

const ALIAS: &str = "alias";

/// One version to be written.
pub(super) struct Step<'a> {
    pub(super) subject: &'a Qualified,
    pub(super) number: u32,
    pub(super) version: &'a Version,
    /// Whether it has to be registered; otherwise it is there.
    pub(super) register: bool,
}

/// The mode that a scope itself is to have; `None` is none of its own.
pub(super) type ScopeMode = (Qualified, Option<String>);

/// Everything to be written.
#[derive(Default)]
pub(super) struct Plan<'a> {
    /// Subjects to be put into IMPORT mode.
    pub(super) opened: Vec<Qualified>,
    /// Settings that have to be out of the way.
    pub(super) cleared: Vec<(Qualified, Value)>,
    pub(super) steps: Vec<Step<'a>>,
    /// For each step the steps that come before it.
    pub(super) needs: Vec<Vec<usize>>,
    /// Settings as they are sent.
    pub(super) configs: Vec<(Qualified, Value)>,
    /// Modes in the end.
    pub(super) modes: Vec<ScopeMode>,
    /// The modes of the opened subjects as they were, for when it fails.
    pub(super) modes_before: Vec<ScopeMode>,
}

impl Plan<'_> {
    /// Whether there is nothing to do.
    pub(super) fn is_empty(&self) -> bool {
        self.steps.is_empty() && self.configs.is_empty() && self.modes.is_empty()
    }
}

/// What has to be written so that `there` holds everything of `wanted`.
pub(super) fn plan<'a>(wanted: &'a Snapshot, there: &Snapshot) -> Plan<'a> {
    let steps = steps(wanted, there);
    let written: BTreeSet<&Qualified> = steps.iter().map(|step| step.subject).collect();
    let aliased = written.iter().filter(|subject| alias(there, subject).is_some());
    let cleared: Vec<_> = aliased
        .map(|subject| ((*subject).clone(), json!({ ALIAS: null })))
        .collect();
    let configs = configs(wanted, there, &written);
    let configured = configs.iter().map(|(scope, _)| scope);
    let read_only =
        configured.filter(|scope| !scope.is_context() && mode_in_force(there, scope).is_read_only());
    let needing = written
        .iter()
        .copied()
        .filter(|subject| !mode_in_force(there, subject).is_import());
    let opened: BTreeSet<&Qualified> = needing.chain(read_only).collect();
    Plan {
        needs: needs(&steps, wanted),
        modes: modes(wanted, there, &opened),
        modes_before: opened
            .iter()
            .map(|scope| ((*scope).clone(), there.modes.get(*scope).cloned()))
            .collect(),
        opened: opened.into_iter().cloned().collect(),
        cleared,
        configs,
        steps,
    }
}

fn steps<'a>(wanted: &'a Snapshot, there: &Snapshot) -> Vec<Step<'a>> {
    let step = |(subject, number, version): (&'a Qualified, u32, &'a Version)| {
        let register = match there.version(subject, number) {
            None => true,
            Some(there) if there.id != version.id || there.content != version.content => return None,
            Some(there) if there.deleted == version.deleted => return None,
            Some(there) => there.deleted,
        };
        Some(Step {
            subject,
            number,
            version,
            register,
        })
    };
    wanted.versions().filter_map(step).collect()
}

fn needs(steps: &[Step<'_>], wanted: &Snapshot) -> Vec<Vec<usize>> {
    let places: HashMap<(&Qualified, u32), usize> = steps
        .iter()
        .enumerate()
        .map(|(place, step)| ((step.subject, step.number), place))
        .collect();
    let mut needs = Vec::with_capacity(steps.len());
    for (place, step) in steps.iter().enumerate() {
        let references = step.version.content.references.iter();
        let referred = references.filter_map(|reference| {
            let target = Qualified::parse_within(&step.subject.context, &reference.subject);
            let newest = || wanted.subjects.get(&target)?.keys().next_back().copied();
            let number = u32::try_from(reference.version).ok().or_else(newest)?;
            places.get(&(&target, number)).copied()
        });
        let earlier = place.checked_sub(1);
        let earlier = earlier.filter(|earlier| {
            steps
                .get(*earlier)
                .is_some_and(|other| other.subject == step.subject)
        });
        needs.push(earlier.into_iter().chain(referred).collect());
    }
    needs
}

/// Settings to be sent: an update is a merge, so what is not wanted is sent as `null`.
fn configs(wanted: &Snapshot, there: &Snapshot, written: &BTreeSet<&Qualified>) -> Vec<(Qualified, Value)> {
    let mut updates = BTreeMap::new();
    for (scope, config) in &wanted.configs {
        let old = there.configs.get(scope);
        let loses_alias = written.contains(scope) && alias(there, scope).is_some();
        if loses_alias || old.is_none_or(|old| !same_settings(old, config)) {
            let unwanted = old
                .into_iter()
                .flatten()
                .map(|(field, _)| (field.clone(), Value::Null));
            let mut update: Settings = unwanted.collect();
            update.extend(config.clone());
            if let Some(level) = update.remove(LEVEL_READ) {
                update.insert(LEVEL_WRITTEN.to_owned(), level);
            }
            updates.insert(scope.clone(), Value::Object(update));
        }
    }
    for subject in written {
        if let Some(alias) = alias(there, subject) {
            updates
                .entry((*subject).clone())
                .or_insert_with(|| json!({ ALIAS: alias }));
        }
    }
    updates.into_iter().collect()
}

fn alias<'a>(there: &'a Snapshot, subject: &Qualified) -> Option<&'a str> {
    there.configs.get(subject)?.get(ALIAS)?.as_str()
}

fn modes(wanted: &Snapshot, there: &Snapshot, opened: &BTreeSet<&Qualified>) -> Vec<ScopeMode> {
    let scopes = wanted.scopes();
    let concerned: BTreeSet<&Qualified> = scopes.iter().chain(opened.iter().copied()).collect();
    let target = |scope: &Qualified| {
        let now = there.modes.get(scope);
        // An import that was killed leaves its subjects in IMPORT mode.
        let is_left_over = !scope.is_context() && now.is_some_and(|mode| *mode == Mode::Import.to_string());
        let stays = now.filter(|_| !is_left_over);
        wanted.modes.get(scope).or(stays).cloned()
    };
    let mut modes: Vec<ScopeMode> = concerned
        .into_iter()
        .map(|scope| (scope.clone(), target(scope)))
        .filter(|(scope, target)| opened.contains(scope) || target.as_ref() != there.modes.get(scope))
        .collect();
    modes.sort_by_key(|(scope, _)| scope.is_context());
    modes
}

fn mode_in_force(there: &Snapshot, subject: &Qualified) -> Mode {
    let context = Qualified::context_itself(&subject.context);
    let global = Qualified::context_itself(GLOBAL_CONTEXT);
    let own = [subject, &context, &global]
        .into_iter()
        .find_map(|scope| there.modes.get(scope));
    own.and_then(|mode| mode.parse().ok()).unwrap_or_default()
}
