//! Which migration rules lie between the version an event was written with and the one it is read with.
//!
//! Upwards the rules of each version behind the writer's, up to the reader's; downwards those of the writer's, down to the
//! one before the reader's last. A rule set that is registered again with the next version, as a registry does when nobody
//! sends one, has done its work where it first stood: a rule that the version before has, word for word, is not run again.
//!
//! Invariant: between two versions lies the same as long as the versions do, and what lies below a fold's reader is written
//! down with its pin, so that it cannot change in silence. Left out: versions that were deleted for good before a fold was
//! first loaded, and their rules.

use std::collections::BTreeMap;
use std::sync::Arc;

use annals_schema_model::{MigrationRule, Resolve, SchemaId, Writer};
use sha2::{Digest, Sha256};

use super::pins::Pin;
use super::rules::{Leg, Step, Version};
use crate::hex::hex;

/// The versions of the subject that an event is read with a version of.
pub(super) struct Versions<'a> {
    subject: &'a str,
    event: &'a str,
    reader: Version,
    all: BTreeMap<u32, SchemaId>,
    /// Those of them that can still be had.
    writers: BTreeMap<u32, Arc<Writer>>,
}

/// Which way events go.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Up,
    Down,
}

impl<'a> Versions<'a> {
    pub(super) fn new(
        event: &'a str,
        pin: &'a Pin,
        reader: &Arc<Writer>,
        resolve: &dyn Resolve,
    ) -> Versions<'a> {
        let mut all = resolve.versions(&pin.subject, event);
        // Another registry gives the same schemas other ids.
        if pin.id == reader.id.get() {
            let pinned = pin.versions.iter();
            all.extend(pinned.filter_map(|(version, id)| Some((*version, SchemaId::new(*id)?))));
        }
        Versions {
            subject: &pin.subject,
            event,
            reader: Version {
                number: pin.version,
                writer: Arc::clone(reader),
            },
            writers: all
                .iter()
                .filter_map(|(version, id)| Some((*version, resolve.writer(*id).ok()?)))
                .collect(),
            all,
        }
    }

    /// The digests of the rules that events of versions before the reader's go through, by version.
    pub(super) fn digests(&self) -> BTreeMap<u32, String> {
        let up_to = self.all.range(..=self.reader.number);
        let digests = up_to.map(|(version, _)| (*version, self.rules(*version, Way::Up)));
        digests
            .filter(|(_, rules)| !rules.is_empty())
            .map(|(version, rules)| (version, digest(&rules)))
            .collect()
    }

    /// Whether all that is there already reads.
    ///
    /// # Errors
    /// The rule that is wrong, and how.
    pub(super) fn check(&self) -> Result<(), String> {
        let mut known: BTreeMap<(u32, u32), bool> = BTreeMap::new();
        for (version, writer) in self.writers.range(..self.reader.number) {
            let from = Version {
                number: *version,
                writer: Arc::clone(writer),
            };
            self.go(from, &mut |leg| {
                let leads_on = match known.get(&(leg.from.number, leg.owner)) {
                    Some(leads_on) => *leads_on,
                    None => Step::new(self.subject, self.event, leg)?.is_some_and(|step| step.leads_on()),
                };
                known.insert((leg.from.number, leg.owner), leads_on);
                Ok(leads_on)
            })?;
        }
        Ok(())
    }

    /// What lies between a writer and the reader.
    ///
    /// # Errors
    /// The rule that cannot be run, and why.
    pub(super) fn steps(&self, writer: &Arc<Writer>) -> Result<Vec<Step>, String> {
        if writer.id == self.reader.writer.id {
            return Ok(Vec::new());
        }
        match self.number(writer.id) {
            Some(number) => {
                let from = Version {
                    number,
                    writer: Arc::clone(writer),
                };
                let mut steps = Vec::new();
                self.go(from, &mut |leg| {
                    let step = Step::new(self.subject, self.event, leg)?;
                    let leads_on = step.as_ref().is_some_and(Step::leads_on);
                    steps.extend(step);
                    Ok(leads_on)
                })?;
                Ok(steps)
            }
            None if writer.migrations.iter().any(|rule| rule.downgrades) => Err(format!(
                "schema id {} has migration rules, and is no version of {} any more",
                writer.id, self.subject
            )),
            None => Ok(Vec::new()),
        }
    }

    /// The version of an id: the newest up to the reader's, or else the oldest behind it.
    fn number(&self, id: SchemaId) -> Option<u32> {
        let mut below = self.all.range(..=self.reader.number).rev();
        let mut above = self.all.range(self.reader.number.saturating_add(1)..);
        let below = below.find(|(_, known)| **known == id);
        let found = below.or_else(|| above.find(|(_, known)| **known == id));
        found.map(|(number, _)| *number)
    }

    /// Goes from a version to the reader's, from one version with rules to the next. A leg whose rules are all of other events
    /// leads nowhere, and the next one begins where it did.
    fn go(
        &self,
        from: Version,
        leads_on: &mut dyn FnMut(&Leg) -> Result<bool, String>,
    ) -> Result<(), String> {
        let (mut at, reader) = (from, self.reader.number);
        let (way, owners): (Way, Vec<u32>) = if at.number < reader {
            let owners = self.all.range(at.number.saturating_add(1)..=reader);
            (Way::Up, owners.map(|(version, _)| *version).collect())
        } else {
            let owners = self.all.range(reader.saturating_add(1)..=at.number).rev();
            (Way::Down, owners.map(|(version, _)| *version).collect())
        };
        for owner in owners {
            let rules = self.rules(owner, way);
            if rules.is_empty() {
                continue;
            }
            let to = match way {
                Way::Up => Some(owner),
                Way::Down => self.before(owner),
            };
            let Some(to) = to.and_then(|to| self.version(to)) else {
                return Err(format!(
                    "version {owner} of {} has migration rules, and the version they lead to is gone",
                    self.subject
                ));
            };
            let leg = Leg {
                from: at.clone(),
                to,
                owner,
                rules,
            };
            if leads_on(&leg)? {
                at = leg.to;
            }
        }
        Ok(())
    }

    fn before(&self, version: u32) -> Option<u32> {
        self.all.range(..version).next_back().map(|(version, _)| *version)
    }

    fn version(&self, number: u32) -> Option<Version> {
        if number == self.reader.number {
            return Some(self.reader.clone());
        }
        let writer = Arc::clone(self.writers.get(&number)?);
        Some(Version { number, writer })
    }

    /// The rules of a version that the one before does not have, in the order they run.
    fn rules(&self, version: u32, way: Way) -> Vec<MigrationRule> {
        // What comes first has nothing to be made of, and nothing to become.
        let (Some(own), Some(before)) = (self.writers.get(&version), self.before(version)) else {
            return Vec::new();
        };
        let before = self.writers.get(&before);
        let is_own = |rule: &&MigrationRule| {
            let goes = match way {
                Way::Up => rule.upgrades,
                Way::Down => rule.downgrades,
            };
            goes && !before.is_some_and(|before| before.migrations.contains(rule))
        };
        let mut rules: Vec<MigrationRule> = own.migrations.iter().filter(is_own).cloned().collect();
        if way == Way::Down {
            rules.reverse();
        }
        rules
    }
}

/// The pin of a fold's event with the rules that it is read through, which are what they were where it is not new.
///
/// # Errors
/// They are others, or cannot be run.
pub(super) fn with_rules(
    pin: Pin,
    is_old: bool,
    fold: &str,
    event: &str,
    reader: &Arc<Writer>,
    resolve: &dyn Resolve,
) -> Result<Pin, String> {
    let versions = Versions::new(event, &pin, reader, resolve);
    let migrations = versions.digests();
    if is_old && migrations != pin.migrations {
        let is_new = |rules: &(&u32, &String)| pin.migrations.get(rules.0) != Some(rules.1);
        let is_gone = |rules: &(&u32, &String)| !migrations.contains_key(rules.0);
        let other = migrations.iter().find(is_new);
        let other = other.or_else(|| pin.migrations.iter().find(is_gone));
        return Err(format!(
            "version {} of {} has not the migration rules any more that {event} was loaded with; `annals fold update \
             {fold}` reads with those there are, and `rev` is to be raised where states become others",
            other.map_or(pin.version, |(version, _)| *version),
            pin.subject,
        ));
    }
    versions.check()?;
    Ok(Pin { migrations, ..pin })
}

fn digest(rules: &[MigrationRule]) -> String {
    let mut hash = Sha256::new();
    for rule in rules {
        let MigrationRule {
            name,
            transforms,
            upgrades: _,
            downgrades: _,
            language,
            expr,
        } = rule;
        for text in [name, language, expr] {
            hash.update((text.len() as u64).to_be_bytes());
            hash.update(text);
        }
        hash.update([u8::from(*transforms)]);
    }
    hex(&hash.finalize())
}
