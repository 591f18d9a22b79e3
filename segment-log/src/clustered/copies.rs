//! What is known of the chunks of a partition.

use std::sync::{Arc, Mutex};
use std::time::Instant;

use super::{BLOCK_BYTES, CHUNK_BYTES, COPIES_BYTES_MAX, Chunk, Copy};
use crate::keys::{Budget, IDLE, Removals};
use crate::mutex::lock;

/// The chunks of one partition.
pub(crate) struct Copies {
    /// Held by the one who makes a chunk.
    pub(crate) making: Mutex<()>,
    /// Held across the opening of files.
    pub(crate) held: Mutex<Held>,
    /// When somebody asked last.
    asked: Mutex<Option<Instant>>,
    budget: Arc<Budget>,
    #[cfg(test)]
    pub(crate) sizes: Mutex<Option<Sizes>>,
}

/// How large things are made.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sizes {
    pub(crate) chunk_bytes: usize,
    pub(crate) block_bytes: usize,
}

/// What changes whenever a chunk may be of something else than the log is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stamp {
    pub(crate) removals: Removals,
    /// How often the key index forgot something: it may tell other times of what stands before.
    pub(crate) forgotten: u64,
}

/// See the module.
#[derive(Default)]
pub(crate) struct Held {
    /// What the files were last held to; none: nobody has looked.
    pub(crate) stamp: Option<Stamp>,
    /// There may be other files than are known.
    pub(crate) is_stale: bool,
    /// Those that are of the log, oldest first.
    pub(crate) copies: Vec<Arc<Copy>>,
    /// The same to be read, once somebody asked.
    pub(crate) chunks: Option<Arc<[Arc<Chunk>]>>,
    /// Damaged ones of ranges in which the log is damaged, too: what can be read of them nobody else has.
    pub(crate) worn: Vec<Arc<Copy>>,
    /// Files that are of no use.
    pub(crate) unfit: Vec<String>,
    /// Those of them with bytes that are not those that were written. Opened again they would look whole, and be given again.
    pub(crate) damaged: Vec<String>,
    /// Ranges that cannot be copied.
    pub(crate) passed: Vec<(i64, i64)>,
    /// From this offset on there was too little for a chunk, and will be as long as the segment has less than so many bytes.
    pub(crate) short: Option<(i64, u64)>,
    /// Until then nothing is written, as that failed.
    pub(crate) not_before: Option<Instant>,
    charged: usize,
}

impl Copies {
    pub(crate) fn new(budget: Arc<Budget>) -> Copies {
        Copies {
            making: Mutex::default(),
            held: Mutex::default(),
            asked: Mutex::default(),
            budget,
            #[cfg(test)]
            sizes: Mutex::default(),
        }
    }

    pub(crate) fn sizes(&self) -> Sizes {
        #[cfg(test)]
        if let Some(sizes) = *lock(&self.sizes) {
            return sizes;
        }
        Sizes {
            chunk_bytes: CHUNK_BYTES,
            block_bytes: BLOCK_BYTES,
        }
    }

    /// Somebody asks.
    pub(crate) fn note_asked(&self, now: Instant) {
        *lock(&self.asked) = Some(now);
    }

    /// Whether somebody has asked in the last while.
    pub(crate) fn is_asked(&self) -> bool {
        lock(&self.asked).is_some()
    }

    /// Gives back what nobody has asked for in a long time; the files stay.
    pub(crate) fn forget_idle(&self, now: Instant) {
        let mut asked = lock(&self.asked);
        if asked.is_none_or(|asked| now.saturating_duration_since(asked) >= IDLE) {
            *asked = None;
            let mut held = lock(&self.held);
            self.budget.charge(held.charged, 0);
            *held = Held::default();
        }
    }

    /// There may be another file.
    pub(crate) fn note_changed(&self) {
        lock(&self.held).is_stale = true;
    }

    /// Charges one chunk more; answers whether it may be kept.
    pub(crate) fn charge(&self, held: &mut Held, bytes: usize) -> bool {
        let fits = self.budget.charge(0, bytes) <= COPIES_BYTES_MAX;
        match fits {
            true => held.charged += bytes,
            false => {
                self.budget.charge(bytes, 0);
            }
        }
        fits
    }

    /// Lets go of all chunks that are known, and answers them.
    pub(crate) fn release(&self, held: &mut Held) -> Vec<Arc<Copy>> {
        self.budget.charge(held.charged, 0);
        held.charged = 0;
        held.chunks = None;
        let mut all = std::mem::take(&mut held.copies);
        all.append(&mut held.worn);
        all
    }
}

impl Held {
    /// Whether it is known what there is.
    pub(crate) fn is_current(&self, stamp: Stamp) -> bool {
        self.stamp == Some(stamp) && !self.is_stale && !self.copies.iter().any(|copy| copy.is_damaged())
    }

    /// A range is not to be copied.
    pub(crate) fn pass(&mut self, range: (i64, i64)) {
        if !self.passed.contains(&range) {
            self.passed.push(range);
        }
    }

    /// Where what has been copied, or cannot be, ends, when that holds `offset`.
    pub(crate) fn end_of(&self, offset: i64) -> Option<i64> {
        let copied = self.copies.iter().map(|copy| (copy.first(), copy.end()));
        let all = copied.chain(self.passed.iter().copied());
        all.filter(|(first, end)| (*first..*end).contains(&offset))
            .map(|(_, end)| end)
            .max()
    }

    /// Where the next one begins behind `offset`.
    pub(crate) fn next_behind(&self, offset: i64) -> Option<i64> {
        let copied = self.copies.iter().map(|copy| copy.first());
        let all = copied.chain(self.passed.iter().map(|(first, _)| *first));
        all.filter(|first| *first > offset).min()
    }
}

impl Drop for Copies {
    fn drop(&mut self) {
        let charged = lock(&self.held).charged;
        self.budget.charge(charged, 0);
    }
}
