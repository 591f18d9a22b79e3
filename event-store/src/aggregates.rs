//! The folds a store runs, by name and revision, and which of them a name means.
//!
//! `order@1` is the fold `order` of revision 1, and `order` the one of the highest revision there is. Invariant: revisions
//! of one fold have nothing in common but their log; what one answers is what it would answer alone.

use std::collections::BTreeMap;
use std::sync::Arc;

use rustc_hash::FxHashSet;

use crate::fold::AnyFold;
use crate::index::TopicIndex;
use crate::snapshots::Place;

/// A fold and the index of its topics, under the name it was asked for by.
pub(crate) struct Aggregate {
    name: String,
    pub(crate) fold: Arc<dyn AnyFold>,
    pub(crate) index: Arc<TopicIndex>,
}

impl Aggregate {
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Another fold over the same log, under the same name.
    pub(crate) fn folded_by(&self, fold: Arc<dyn AnyFold>) -> Aggregate {
        Aggregate {
            name: self.name.clone(),
            fold,
            index: Arc::clone(&self.index),
        }
    }
}

/// The name by which one revision of a fold is asked for.
///
/// ```
/// assert_eq!(annals_event_store::revision_name("order", 1), "order@1");
/// ```
#[must_use]
pub fn revision_name(name: &str, rev: u32) -> String {
    format!("{name}@{rev}")
}

/// The name and the revision of what [`revision_name`] made; nothing where a name says no revision.
///
/// ```
/// use annals_event_store::revision_of;
/// assert_eq!(revision_of("order@1"), Some(("order", 1)));
/// assert_eq!(revision_of("order"), None);
/// assert_eq!(revision_of("order@01"), None, "a revision has one name");
/// ```
#[must_use]
pub fn revision_of(name: &str) -> Option<(&str, u32)> {
    let (name, rev) = name.rsplit_once('@')?;
    let number: u32 = rev.parse().ok()?;
    (number.to_string() == rev).then_some((name, number))
}

struct Runs {
    fold: Arc<dyn AnyFold>,
    index: Arc<TopicIndex>,
}

impl Runs {
    fn named(&self, name: String) -> Aggregate {
        Aggregate {
            name,
            fold: Arc::clone(&self.fold),
            index: Arc::clone(&self.index),
        }
    }
}

/// The folds of a store.
#[derive(Default)]
pub(crate) struct Aggregates(BTreeMap<String, BTreeMap<u32, Runs>>);

impl Aggregates {
    /// Takes in a fold, in place of one of the same name and revision.
    pub(crate) fn insert(&mut self, fold: Arc<dyn AnyFold>, index: Arc<TopicIndex>) {
        let id = fold.id();
        let revisions = self.0.entry(id.name.clone()).or_default();
        revisions.insert(id.rev, Runs { fold, index });
    }

    /// Takes out one revision, or by the name alone all of them; says whether there was one.
    pub(crate) fn remove(&mut self, asked: &str) -> bool {
        if self.0.remove(asked).is_some() {
            return true;
        }
        let Some((name, rev)) = revision_of(asked) else {
            return false;
        };
        let Some(revisions) = self.0.get_mut(name) else {
            return false;
        };
        let removed = revisions.remove(&rev).is_some();
        if revisions.is_empty() {
            self.0.remove(name);
        }
        removed
    }

    /// What a name means.
    pub(crate) fn get(&self, asked: &str) -> Option<Aggregate> {
        let of_revision = revision_of(asked).and_then(|(name, rev)| {
            let runs = self.0.get(name)?.get(&rev)?;
            Some(runs.named(revision_name(name, rev)))
        });
        of_revision.or_else(|| {
            let (_, newest) = self.0.get(asked)?.last_key_value()?;
            Some(newest.named(asked.to_owned()))
        })
    }

    /// Which fold there is over which partition.
    pub(crate) fn places(&self) -> FxHashSet<Place> {
        let all = self.0.values().flat_map(BTreeMap::values);
        let of = |runs: &Runs| {
            let digest = runs.fold.id().digest;
            let partitions = runs.index.partitions.iter();
            partitions
                .map(move |partition| (digest, partition.id))
                .collect::<Vec<_>>()
        };
        all.flat_map(of).collect()
    }

    /// All folds, each under the shortest name that means it.
    pub(crate) fn all(&self) -> impl Iterator<Item = Aggregate> {
        self.0.iter().flat_map(|(name, revisions)| {
            let newest = revisions.last_key_value().map(|(rev, _)| *rev);
            let older = revisions.iter().filter(move |(rev, _)| Some(**rev) != newest);
            let newest = revisions.values().next_back();
            let newest = newest.map(|runs| runs.named(name.clone()));
            newest
                .into_iter()
                .chain(older.map(|(rev, runs)| runs.named(revision_name(name, *rev))))
        })
    }
}
