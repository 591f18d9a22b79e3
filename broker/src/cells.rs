//! State machines by their ids, each in a cell of its own with the alarm that wakes it.
//!
//! Invariant: the list is locked before a cell, never behind one. A cell that is gone is marked so under its own lock: who
//! comes by it takes it off the list and looks again.

use std::collections::BTreeMap;
use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::alarm::{Alarm, Stopwatch};

/// One machine and what belongs to it.
pub(crate) type Cell<T> = Arc<Mutex<Held<T>>>;

/// What is in a cell.
#[derive(Debug, Default)]
pub(crate) struct Held<T> {
    of: T,
    alarm: Alarm,
    is_gone: bool,
}

impl<T> Deref for Held<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.of
    }
}

impl<T> DerefMut for Held<T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.of
    }
}

impl<T> Held<T> {
    /// Nothing is left of it: whoever has it looks again.
    pub(crate) fn goes(&mut self) {
        self.is_gone = true;
    }

    pub(crate) fn is_gone(&self) -> bool {
        self.is_gone
    }
}

impl<T: Send + 'static> Held<T> {
    /// Sees to it that somebody comes when this is due, unless somebody does already.
    pub(crate) fn wake(
        &mut self,
        cell: &Cell<T>,
        (stopwatch, deadline_ms): (Stopwatch, Option<i64>),
        rings: impl FnOnce(&Cell<T>, &mut Held<T>) + Send + 'static,
    ) {
        let Some(deadline_ms) = self.alarm.set(deadline_ms) else {
            return;
        };
        let cell = Arc::downgrade(cell);
        tokio::spawn(async move {
            stopwatch.until(deadline_ms).await;
            if let Some(cell) = cell.upgrade() {
                let mut held = lock(&cell);
                if held.alarm.rings(deadline_ms) {
                    rings(&cell, &mut held);
                }
            }
        });
    }
}

/// All cells, by the ids of what is in them.
#[derive(Debug)]
pub(crate) struct Cells<T> {
    by_id: Mutex<BTreeMap<String, Cell<T>>>,
    /// How many there may be.
    max: usize,
}

impl<T: Default> Cells<T> {
    /// None yet.
    pub(crate) fn new(max: usize) -> Cells<T> {
        let by_id = Mutex::default();
        Cells { by_id, max }
    }

    /// Ids of all.
    pub(crate) fn ids(&self) -> Vec<String> {
        lock(&self.by_id).keys().cloned().collect()
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        lock(&self.by_id).len()
    }

    /// Looks at one, if it is there.
    pub(crate) fn look<R>(&self, id: &str, look: impl FnOnce(&T) -> R) -> Option<R> {
        let cell = lock(&self.by_id).get(id).cloned()?;
        let held = lock(&cell);
        (!held.is_gone).then(|| look(&held))
    }

    /// Works with one, which is made if it is not there and `makes`. `None` when there is none.
    pub(crate) fn with<R>(
        &self,
        id: &str,
        makes: bool,
        work: impl FnOnce(&Cell<T>, &mut Held<T>) -> R,
    ) -> Option<R> {
        loop {
            let cell = {
                let mut by_id = lock(&self.by_id);
                match by_id.get(id) {
                    Some(cell) => Arc::clone(cell),
                    None if makes && by_id.len() < self.max => {
                        let cell = Cell::default();
                        by_id.insert(id.to_owned(), Arc::clone(&cell));
                        cell
                    }
                    None => return None,
                }
            };
            let mut held = lock(&cell);
            if !held.is_gone {
                return Some(work(&cell, &mut held));
            }
            drop(held);
            self.remove(id, &cell);
        }
    }

    /// Works with each in turn.
    pub(crate) fn each(&self, mut work: impl FnMut(&str, &Cell<T>, &mut Held<T>)) {
        for id in self.ids() {
            self.with(&id, false, |cell, held| work(&id, cell, held));
        }
    }

    /// Takes one that is gone off the list, if it is still on it.
    pub(crate) fn remove(&self, id: &str, gone: &Cell<T>) {
        let mut by_id = lock(&self.by_id);
        if by_id.get(id).is_some_and(|cell| Arc::ptr_eq(cell, gone)) {
            by_id.remove(id);
        }
    }

    /// Reads one back, however many there are.
    pub(crate) fn restore(&self, id: String, change: impl FnOnce(&mut T)) {
        let cell = Arc::clone(lock(&self.by_id).entry(id).or_default());
        change(&mut lock(&cell));
    }

    /// Keeps those alone of which this is so.
    pub(crate) fn retain(&self, is_kept: impl Fn(&T) -> bool) {
        lock(&self.by_id).retain(|_, cell| is_kept(&lock(cell)));
    }
}

/// Locks; whoever panicked was at work on what it alone had changed.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
