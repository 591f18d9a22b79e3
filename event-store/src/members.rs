//! Going through all aggregates of a type at a cut, in the order of their ids.
//!
//! Where copies of the logs in that order tell of all events, they are read one after the other (`ordered.rs`). Where not,
//! the index says which aggregates there are and where their events sit, and these are folded group by group (`sweep.rs`).
//! Invariant: what is told is the same either way. How large an aggregate is shows when it is folded: the first group is
//! one, and the next at most twice as many as came before it and as there is room for.

use crate::error::StoreError;
use crate::list::Walk;
use crate::ordered::Met;
use crate::page::Groups;
use crate::store::EventStore;
use crate::sweep::{Look, Wanted};

/// Aggregates of a group.
const GROUP_AGGREGATES_MAX: usize = 10_000;
/// What a group may take in memory, by those before it, in bytes.
const GROUP_BYTES_MAX: usize = 8 << 20;

/// What is seen of an aggregate.
pub(crate) trait Weighed: Send {
    /// About how many bytes it takes, or its aggregate's state does.
    fn bytes(&self) -> usize;
}

impl EventStore {
    /// Looks at aggregates from where a walk stands, as long as whoever is told of them wants to go on.
    pub(crate) fn each_member<T: Weighed>(
        &self,
        walk: &mut Walk<'_>,
        look: Look<'_, T>,
        told: &mut dyn FnMut(Wanted, T) -> Result<bool, StoreError>,
    ) -> Result<(), StoreError> {
        if let Some(mut ordered) = self.in_order(walk.aggregate, walk.cut, walk.after.as_ref())? {
            loop {
                match ordered.next(look)? {
                    Met::Aggregate(one, seen) => {
                        walk.after = Some((one.key.clone(), one.partition));
                        if !told(one, seen)? {
                            return Ok(());
                        }
                    }
                    Met::End => return Ok(()),
                    Met::Lost => break,
                }
            }
        }
        let mut groups = Groups::new(GROUP_BYTES_MAX, GROUP_AGGREGATES_MAX);
        loop {
            let group = walk.next(groups.next())?;
            if group.is_empty() {
                return Ok(());
            }
            let (mut bytes, count) = (0, group.len());
            let seen = self
                .sweep(walk.aggregate, &[walk.cut], &group, look)?
                .into_iter()
                .flatten();
            for (one, seen) in group.into_iter().zip(seen) {
                bytes += seen.bytes();
                if !told(one, seen)? {
                    return Ok(());
                }
            }
            groups.took(count, bytes);
        }
    }
}
