//! The assignors: who is to have which partitions of the topics they want.
//!
//! `range` gives each subscriber of a topic a run of its partitions, so that equal numbers of topics of equal size go
//! together. `uniform` leaves everybody what they had as far as that is fair: a partition moves only when the one that
//! has it has at least two more than the one that gets it.
//!
//! Invariant: every partition of every topic that somebody wants is given to exactly one who wants it.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use uuid::Uuid;

use super::{ConsumerGroup, Member, Part, Parts, Topics};

/// How partitions are given.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Assignor {
    #[default]
    Uniform,
    Range,
}

const ALL: [Assignor; 2] = [Assignor::Uniform, Assignor::Range];

impl Assignor {
    pub(super) fn name(self) -> &'static str {
        match self {
            Assignor::Uniform => "uniform",
            Assignor::Range => "range",
        }
    }
}

/// Whether there is an assignor of this name.
pub(crate) fn is_assignor(name: &str) -> bool {
    ALL.iter().any(|assignor| assignor.name() == name)
}

/// A topic, and who wants it, by their places among the members.
struct Wanted {
    id: Uuid,
    partitions: i32,
    subscribers: Vec<usize>,
}

impl ConsumerGroup {
    /// The target of every member, by the assignor that most of them would like.
    pub(super) fn targets(&self, topics: &dyn Topics) -> (Assignor, BTreeMap<String, Parts>) {
        let members: Vec<(&String, &Member)> = self.members.iter().collect();
        let mut by_name: BTreeMap<&String, Vec<usize>> = BTreeMap::new();
        for (at, (_, member)) in members.iter().enumerate() {
            for name in self.wanted_by(member) {
                by_name.entry(name).or_default().push(at);
            }
        }
        let wanted = by_name.into_iter().filter_map(|(name, subscribers)| {
            let (id, partitions) = topics.named(name)?;
            Some(Wanted {
                id,
                partitions,
                subscribers,
            })
        });
        let wanted: Vec<Wanted> = wanted.collect();
        let assignor = self.favourite();
        let owners = match assignor {
            Assignor::Range => range(&members, &wanted),
            Assignor::Uniform => uniform(&members, &wanted),
        };
        let mut targets: BTreeMap<String, Parts> = BTreeMap::new();
        for (part, at) in owners {
            targets.entry(members[at].0.clone()).or_default().insert(part);
        }
        (assignor, targets)
    }

    /// Of equals the first in [`ALL`].
    fn favourite(&self) -> Assignor {
        let votes = |assignor: &Assignor| {
            let likes = |member: &&Member| member.assignor.as_deref() == Some(assignor.name());
            self.members.values().filter(likes).count()
        };
        let best = ALL.into_iter().rev().max_by_key(votes);
        best.unwrap_or_default()
    }
}

fn range(members: &[(&String, &Member)], wanted: &[Wanted]) -> Vec<(Part, usize)> {
    let mut owners = Vec::new();
    for topic in wanted {
        let mut subscribers = topic.subscribers.clone();
        // A static member keeps its place over its lives.
        subscribers.sort_by_key(|at| {
            let (id, member) = members[*at];
            (member.instance_id.as_ref().unwrap_or(id), id)
        });
        let count = i32::try_from(subscribers.len()).unwrap_or(i32::MAX).max(1);
        let (each, more) = (topic.partitions / count, topic.partitions % count);
        let mut next = 0;
        for (place, at) in (0..).zip(subscribers) {
            let end = next + each + i32::from(place < more);
            owners.extend((next..end).map(|partition| ((topic.id, partition), at)));
            next = end;
        }
    }
    owners
}

fn uniform(members: &[(&String, &Member)], wanted: &[Wanted]) -> Vec<(Part, usize)> {
    let had: HashMap<Part, usize> = members
        .iter()
        .enumerate()
        .flat_map(|(at, (_, member))| member.target.iter().map(move |part| (*part, at)))
        .collect();
    let mut loads = vec![0_usize; members.len()];
    let mut owners: Vec<(Part, usize, &[usize])> = Vec::new();
    let mut free: Vec<(Part, &[usize])> = Vec::new();
    for topic in wanted {
        let subscribers: BTreeSet<usize> = topic.subscribers.iter().copied().collect();
        for partition in 0..topic.partitions {
            let part = (topic.id, partition);
            match had.get(&part).filter(|at| subscribers.contains(at)) {
                Some(at) => {
                    loads[*at] += 1;
                    owners.push((part, *at, &topic.subscribers));
                }
                None => free.push((part, &topic.subscribers)),
            }
        }
    }
    // Where few may have a partition there is least choice.
    free.sort_by_key(|(_, subscribers)| subscribers.len());
    for (part, subscribers) in free {
        if let Some(at) = least(&loads, subscribers) {
            loads[at] += 1;
            owners.push((part, at, subscribers));
        }
    }
    // Each move makes the sum of the squares of loads less, so it ends.
    let mut has_moved = true;
    while has_moved {
        has_moved = false;
        for (_, owner, subscribers) in &mut owners {
            if let Some(at) = least(&loads, subscribers)
                && loads[at] + 1 < loads[*owner]
            {
                loads[at] += 1;
                loads[*owner] -= 1;
                *owner = at;
                has_moved = true;
            }
        }
    }
    owners.into_iter().map(|(part, at, _)| (part, at)).collect()
}

/// The one that has least.
fn least(loads: &[usize], of: &[usize]) -> Option<usize> {
    of.iter().copied().min_by_key(|at| loads[*at])
}
