//! Many requests, several at a time: a bounded number of threads work through a list, each task after those it needs.
//!
//! Invariant: a task begins when all it needs are done. Only where tasks need each other in a circle does the first of
//! those that are left begin all the same, so everything is done in the end.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread;

use crate::cli::exit::{Exit, Failure};

/// How many requests are on their way at once. The server commits together what arrives together, so more in flight are
/// hardly slower than one; beyond this, nothing was gained.
pub(super) const IN_FLIGHT_MAX: usize = 32;

/// What becomes true when the user wants to stop.
pub(super) type Stop = AtomicBool;

struct Queue {
    ready: BTreeSet<usize>,
    /// Tasks that were not begun and are not ready.
    waiting: BTreeSet<usize>,
    /// How many tasks each still needs.
    needs: Vec<usize>,
    /// Which tasks need it.
    needed_by: Vec<Vec<usize>>,
    running: usize,
    failed: Option<Failure>,
}

impl Queue {
    fn new(needs: &[Vec<usize>]) -> Queue {
        let mut needed_by = vec![Vec::new(); needs.len()];
        let mut open = vec![0; needs.len()];
        for (task, needed) in needs.iter().enumerate() {
            for of in needed.iter().filter(|of| **of != task) {
                if let Some(users) = needed_by.get_mut(*of) {
                    users.push(task);
                    open[task] += 1;
                }
            }
        }
        let (ready, waiting) = (0..needs.len()).partition(|task| open[*task] == 0);
        Queue {
            ready,
            waiting,
            needs: open,
            needed_by,
            running: 0,
            failed: None,
        }
    }

    fn take(&mut self) -> Option<usize> {
        if self.ready.is_empty() && self.running == 0 {
            self.ready.extend(self.waiting.pop_first());
        }
        let task = self.ready.pop_first()?;
        self.running += 1;
        Some(task)
    }

    fn finish(&mut self, task: usize, result: Result<(), Failure>) {
        self.running -= 1;
        if let Err(failure) = result {
            self.failed.get_or_insert(failure);
        }
        for user in std::mem::take(&mut self.needed_by[task]) {
            self.needs[user] -= 1;
            if self.needs[user] == 0 && self.waiting.remove(&user) {
                self.ready.insert(user);
            }
        }
    }

    fn is_over(&self) -> bool {
        self.failed.is_some() || self.ready.is_empty() && self.waiting.is_empty()
    }
}

/// Works through the tasks `0..needs.len()`; `needs[task]` are the tasks to be done before it.
///
/// # Errors
/// That of the first task that failed; no further ones were begun.
pub(super) fn run(
    needs: &[Vec<usize>],
    stop: &Stop,
    work: impl Fn(usize) -> Result<(), Failure> + Sync,
) -> Result<(), Failure> {
    let queue = Mutex::new(Queue::new(needs));
    let changed = Condvar::new();
    let worker = || {
        let mut held = lock(&queue);
        loop {
            if held.is_over() {
                changed.notify_all();
                return;
            }
            let Some(task) = held.take() else {
                held = changed.wait(held).unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            drop(held);
            let result = match stop.load(Ordering::Relaxed) {
                true => Err(Failure::new(Exit::Failed, "interrupted")),
                false => work(task),
            };
            held = lock(&queue);
            held.finish(task, result);
            changed.notify_all();
        }
    };
    thread::scope(|scope| {
        for _ in 0..IN_FLIGHT_MAX.min(needs.len()) {
            scope.spawn(worker);
        }
    });
    let failed = lock(&queue).failed.take();
    failed.map_or(Ok(()), Err)
}

/// What `work` makes of each item, in the items' order.
///
/// # Errors
/// As [`run`].
pub(super) fn map<I: Sync, T: Send + Sync>(
    items: &[I],
    stop: &Stop,
    work: impl Fn(&I) -> Result<T, Failure> + Sync,
) -> Result<Vec<T>, Failure> {
    let results: Vec<OnceLock<T>> = items.iter().map(|_| OnceLock::new()).collect();
    run(&vec![Vec::new(); items.len()], stop, |task| {
        if let (Some(item), Some(slot)) = (items.get(task), results.get(task)) {
            let _first = slot.set(work(item)?);
        }
        Ok(())
    })?;
    Ok(results.into_iter().filter_map(OnceLock::into_inner).collect())
}

fn lock(queue: &Mutex<Queue>) -> MutexGuard<'_, Queue> {
    queue.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(needs: &[Vec<usize>]) -> Vec<usize> {
        let done = Mutex::new(Vec::new());
        let push = |task| {
            done.lock().unwrap().push(task);
            Ok(())
        };
        run(needs, &Stop::new(false), push).unwrap();
        done.into_inner().unwrap()
    }

    #[test]
    fn tasks_come_after_what_they_need() {
        // A chain, a diamond and a thousand that need the first.
        let mut needs = vec![vec![], vec![0], vec![1], vec![1], vec![2, 3, 3]];
        needs.resize(1_000, vec![0, 4]);
        let order = order(&needs);
        assert_eq!(order.len(), needs.len());
        let place = |task| order.iter().position(|done| *done == task);
        for (task, needed) in needs.iter().enumerate() {
            assert!(needed.iter().all(|of| place(*of) < place(task)), "{task}");
        }
    }

    #[test]
    fn circles_are_done_too() {
        let mut done = order(&[vec![1], vec![2], vec![0], vec![3], vec![0], vec![99]]);
        done.sort_unstable();
        assert_eq!(done, [0, 1, 2, 3, 4, 5]);
    }

    #[test]
    fn a_failure_ends_it() {
        let fails = |task| match task {
            2 => Err(Failure::new(Exit::Failed, "two")),
            _ => Ok(()),
        };
        let needs = [vec![], vec![0], vec![1], vec![2]];
        let failure = run(&needs, &Stop::new(false), fails).unwrap_err();
        assert_eq!(failure.message, "two");
        let failure = run(&needs, &Stop::new(true), |_| Ok(())).unwrap_err();
        assert_eq!(failure.message, "interrupted");
    }

    #[test]
    fn results_keep_their_order() {
        let items: Vec<usize> = (0..100).collect();
        let doubled = map(&items, &Stop::new(false), |item| Ok(item * 2)).unwrap();
        assert_eq!(doubled, items.iter().map(|item| item * 2).collect::<Vec<_>>());
    }
}
