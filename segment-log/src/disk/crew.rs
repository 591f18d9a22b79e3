//! Threads that share work with the one that has it to do: syncs, which mostly wait.
//!
//! They are started when there is work for them, and wait for more: starting one a sync would cost about as much as the
//! sync. Invariant: [`Crew::together`] returns when all of its work has ended, be it by a panic. Nobody learns of that
//! here; who wants to know has its work say when it is done.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use super::Work;
use crate::mutex::lock;

/// Threads at most, the asking one among them. More syncs at a time gain little on the disks measured.
const THREADS_MAX: usize = 16;

/// See the module. Its threads end when it is dropped.
#[derive(Default)]
pub(super) struct Crew {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    queue: Mutex<Queue>,
    /// There is work, or the end.
    bell: Condvar,
    /// Nothing is due or under way.
    rest: Condvar,
}

#[derive(Default)]
struct Queue {
    due: VecDeque<Work>,
    under_way: usize,
    helpers: usize,
    is_over: bool,
}

impl Crew {
    /// Does all of this, as much at a time as there may be threads.
    pub(super) fn together(&self, work: Vec<Work>) {
        let mut queue = lock(&self.shared.queue);
        queue.due.extend(work);
        let wanted = queue.due.len().min(THREADS_MAX).saturating_sub(1);
        while queue.helpers < wanted && self.hire() {
            queue.helpers += 1;
        }
        (0..wanted).for_each(|_| self.shared.bell.notify_one());
        let queue = self.shared.work_off(queue);
        let busy = |queue: &mut Queue| queue.under_way > 0 || !queue.due.is_empty();
        let rested = self.shared.rest.wait_while(queue, busy);
        drop(rested.unwrap_or_else(PoisonError::into_inner));
    }

    /// One more thread; one that cannot be had is done without.
    fn hire(&self) -> bool {
        let shared = Arc::clone(&self.shared);
        let thread = thread::Builder::new().name("log-sync".to_owned());
        thread.spawn(move || shared.help()).is_ok()
    }
}

impl Drop for Crew {
    fn drop(&mut self) {
        lock(&self.shared.queue).is_over = true;
        self.shared.bell.notify_all();
    }
}

impl Shared {
    fn help(&self) {
        let mut queue = lock(&self.queue);
        while !queue.is_over {
            queue = self.work_off(queue);
            let idle = |queue: &mut Queue| queue.due.is_empty() && !queue.is_over;
            let called = self.bell.wait_while(queue, idle);
            queue = called.unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Works until nothing is due.
    fn work_off<'a>(&'a self, mut queue: MutexGuard<'a, Queue>) -> MutexGuard<'a, Queue> {
        while let Some(work) = queue.due.pop_front() {
            queue.under_way += 1;
            drop(queue);
            // The panic has been told on standard error; this thread is still good.
            let _ = catch_unwind(AssertUnwindSafe(work));
            queue = lock(&self.queue);
            queue.under_way -= 1;
        }
        if queue.under_way == 0 {
            self.rest.notify_all();
        }
        queue
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Barrier, mpsc};

    use super::*;

    #[test]
    fn work_is_done_together_and_all_of_it_whatever_there_is() {
        let crew = Crew::default();
        for count in [0, 1, 2, THREADS_MAX, 5 * THREADS_MAX, 3] {
            let (all, (done, dones)) = (Arc::new(Barrier::new(count.min(THREADS_MAX))), mpsc::channel());
            let work = |number| {
                let (all, done) = (Arc::clone(&all), done.clone());
                let work = move || {
                    // One after the other they would wait here for ever.
                    all.wait();
                    done.send(number).unwrap();
                };
                Box::new(work) as Work
            };
            crew.together((0..count).map(work).collect());
            let mut numbers: Vec<usize> = dones.try_iter().collect();
            numbers.sort_unstable();
            assert_eq!(numbers, Vec::from_iter(0..count));
        }
    }

    #[test]
    fn a_panic_ends_one_piece_of_work_and_no_thread() {
        let (crew, (done, dones)) = (Crew::default(), mpsc::channel());
        for _ in 0..3 {
            let work = |number: usize| {
                let done = done.clone();
                let work = move || {
                    assert!(number.is_multiple_of(2), "as asked for");
                    done.send(number).unwrap();
                };
                Box::new(work) as Work
            };
            crew.together((0..2 * THREADS_MAX).map(work).collect());
            assert_eq!(dones.try_iter().count(), THREADS_MAX);
        }
    }

    #[test]
    fn the_threads_end_with_the_crew() {
        let crew = Crew::default();
        crew.together((0..4).map(|_| Box::new(|| {}) as Work).collect());
        let shared = Arc::downgrade(&crew.shared);
        drop(crew);
        while shared.strong_count() > 0 {
            thread::yield_now();
        }
    }
}
