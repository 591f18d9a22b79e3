//! What is kept of answers: what was found for ever, that it was not found for a while.
//!
//! Invariant: neither grows without bound. What was found and has no room is asked for again; failures make room for newer
//! ones, a quarter of them at a time.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{PoisonError, RwLock};
use std::time::{Duration, Instant};

use annals_schema_model::Unresolved;

/// Answers that are kept; a process that meets more ids asks again for the rest.
const FOUND_MAX: usize = 65_536;
/// Failures that are kept.
const FAILED_MAX: usize = 1_024;

pub(crate) struct Kept<K, V> {
    found: RwLock<HashMap<K, V>>,
    failed: RwLock<HashMap<K, (Instant, Unresolved)>>,
}

impl<K, V> Default for Kept<K, V> {
    fn default() -> Kept<K, V> {
        Kept {
            found: RwLock::default(),
            failed: RwLock::default(),
        }
    }
}

impl<K: Eq + Hash + Copy, V: Clone> Kept<K, V> {
    /// What is kept, or what asking gives. Several may ask for the same at the same time; they get the same.
    pub(crate) fn get(
        &self,
        key: K,
        failures_kept: Duration,
        ask: impl FnOnce() -> Result<V, Unresolved>,
    ) -> Result<V, Unresolved> {
        let found = self.found.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(value) = found.get(&key) {
            return Ok(value.clone());
        }
        drop(found);
        let failed = self.failed.read().unwrap_or_else(PoisonError::into_inner);
        if let Some((when, why)) = failed.get(&key)
            && when.elapsed() < failures_kept
        {
            return Err(why.clone());
        }
        drop(failed);
        match ask() {
            Ok(value) => {
                let mut found = self.found.write().unwrap_or_else(PoisonError::into_inner);
                if found.len() < FOUND_MAX {
                    found.insert(key, value.clone());
                }
                Ok(value)
            }
            Err(why) => {
                let mut failed = self.failed.write().unwrap_or_else(PoisonError::into_inner);
                failed.retain(|_, (when, _)| when.elapsed() < failures_kept);
                if failed.len() >= FAILED_MAX {
                    drop_oldest(&mut failed);
                }
                failed.insert(key, (Instant::now(), why.clone()));
                Err(why)
            }
        }
    }
}

/// Several at once, so that not every failure looks through all of them.
fn drop_oldest<K>(failed: &mut HashMap<K, (Instant, Unresolved)>) {
    let mut times: Vec<Instant> = failed.values().map(|(when, _)| *when).collect();
    let (_, last, _) = times.select_nth_unstable(FAILED_MAX / 4);
    let last = *last;
    failed.retain(|_, (when, _)| *when > last);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn however_many_are_unknown_the_newest_are_not_asked_for_again() {
        let kept = Kept::<u32, ()>::default();
        let ask = |key| {
            let mut asked = false;
            let _ = kept.get(key, Duration::MAX, || {
                asked = true;
                Err(Unresolved::Unregistered)
            });
            asked
        };
        for key in 0..5_000 {
            assert!(ask(key) && !ask(key), "{key}");
        }
    }

    #[test]
    fn what_has_no_room_is_asked_for_again() {
        let kept = Kept::<usize, usize>::default();
        let ask = |key| {
            let mut asked = false;
            let found = kept.get(key, Duration::MAX, || {
                asked = true;
                Ok(key)
            });
            assert_eq!(found, Ok(key));
            asked
        };
        assert!((0..=FOUND_MAX).all(ask));
        assert!(!ask(0) && !ask(FOUND_MAX - 1) && ask(FOUND_MAX));
    }
}
