//! What is known about pairs of subschemas, so that recursion ends and nothing is compared twice.
//!
//! A pair that is met while it is being compared counts as compatible; what is found out meanwhile rests on that, and
//! is forgotten when the pair turns out to break.

use std::rc::Rc;

use super::{Comparison, Frame, Outcome, Pair, settle};

/// What is known about a pair.
pub(super) enum Memo {
    /// Being compared, at this depth.
    Open(usize),
    Known(Rc<Outcome>),
    /// Compatible if the pair open at this depth is.
    Provisional(Rc<Outcome>, usize),
}

impl Comparison<'_> {
    /// Compares a pair, or remembers.
    pub(super) fn compare(&mut self, pair: Pair) -> Rc<Outcome> {
        let pair = Pair {
            writer: settle(self.writer, pair.writer),
            reader: settle(self.reader, pair.reader),
        };
        if !self.spend() {
            return Rc::default();
        }
        let key = (pair, self.swapped);
        match self.memo.get(&key) {
            Some(Memo::Known(outcome)) => return Rc::clone(outcome),
            Some(Memo::Open(depth)) => {
                let depth = *depth;
                self.rest_on(depth);
                return Rc::default();
            }
            Some(Memo::Provisional(outcome, depth)) => {
                let (outcome, depth) = (Rc::clone(outcome), *depth);
                self.rest_on(depth);
                return outcome;
            }
            None => {}
        }
        let depth = self.open.len();
        if depth == self.depth_max {
            self.too_deep = true;
            self.steps_left = 0;
            return Rc::default();
        }
        let first_provisional = self.provisional.len();
        self.memo.insert(key, Memo::Open(depth));
        self.open.push(Frame {
            found: Vec::new(),
            breaks: false,
            rests_on: usize::MAX,
        });
        self.judge(pair);
        self.close(key, depth, first_provisional)
    }

    /// Notes that the innermost open pair is compatible only if the one at a depth is.
    pub(super) fn rest_on(&mut self, depth: usize) {
        if let Some(frame) = self.open.last_mut() {
            frame.rests_on = frame.rests_on.min(depth);
        }
    }

    fn close(&mut self, key: (Pair, bool), depth: usize, first_provisional: usize) -> Rc<Outcome> {
        let Some(frame) = self.open.pop() else {
            return Rc::default();
        };
        let outcome = Rc::new(Outcome {
            found: frame.found,
            breaks: frame.breaks,
        });
        if outcome.breaks {
            // Whatever was taken to be compatible because this pair was has to be looked at again.
            for dependent in self.provisional.drain(first_provisional..) {
                self.memo.remove(&dependent);
            }
            self.memo.insert(key, Memo::Known(Rc::clone(&outcome)));
        } else if frame.rests_on < depth {
            for dependent in &self.provisional[first_provisional..] {
                if let Some(Memo::Provisional(_, on)) = self.memo.get_mut(dependent) {
                    *on = (*on).min(frame.rests_on);
                }
            }
            self.provisional.push(key);
            self.memo
                .insert(key, Memo::Provisional(Rc::clone(&outcome), frame.rests_on));
            self.rest_on(frame.rests_on);
        } else {
            for dependent in self.provisional.drain(first_provisional..) {
                if let Some(memo) = self.memo.get_mut(&dependent)
                    && let Memo::Provisional(kept, _) = memo
                {
                    *memo = Memo::Known(Rc::clone(kept));
                }
            }
            self.memo.insert(key, Memo::Known(Rc::clone(&outcome)));
        }
        outcome
    }
}
