//! The key index of a partition: at which offsets a key occurs, how often it did, and when records were recorded.
//!
//! ```text
//!  log start                                        last stable offset          log end
//!      |  sealed and decided                  |  being read   |  not stable yet      |
//!      [ run ][ run ][ run ][ keys in memory ]|[ part ....... |  ahead ............. ]
//! ```
//!
//! * A sealed segment whose transactions have ended has a run, a sorted file beside it that never changes (run.rs). The
//!   log's upkeep makes one of eight of them (merge.rs).
//! * What is read of the segment behind is in memory (part.rs), and so is that of a sealed one until it is decided and
//!   durable how its transactions ended.
//! * A damaged place of the log is passed over, and told of.
//! * How many keys there are is counted for who asks (firsts.rs).
//! * What is not stable is known only where somebody appends on condition (ahead.rs).
//!
//! It costs nothing where nobody asks: nothing is built until then, nothing is done when a batch is appended, and who
//! asks brings it up to the last stable offset ([`Partition::follow_keys`](crate::KeyIndex::follow_keys) and what
//! stands beside it). Where there are runs, that is a look at their ends, not at the log. So the acknowledgement of an unconditional append never waits for it, and no thread works on an index
//! that is not read. What is paid for that: the first question reads the log, one behind many appends what they wrote.
//!
//! The recorded time of a record is its timestamp, clamped so that it never runs backwards within the partition.
//!
//! Invariant: keys are compared whole, so no two are taken for one. Records of aborted transactions and control records
//! are not in it. It is derived: a run that is missing, damaged or of another segment is made anew from the log and has
//! the same bytes. All indexes of a log directory together take at most [`BYTES_MAX`] of memory; what would take more
//! is an error. What nobody asks for in ten minutes is given back.
//!
//! Others may be kept beside it, by keys that somebody else says the records have (other.rs): each is an index like this one, in
//! files of its own, and is what its log and its name say.
//!
//! Left out: values; where records without a key are. A segment whose first records were deleted is counted whole where it
//! has a run, and from its first record on where it is read again.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, RwLock};
use std::time::{Duration, Instant};

use crate::error::KeyError;
use crate::mutex::{lock, write};
use crate::segment::file_name;

mod ahead;
mod block;
mod facts;
mod filter;
mod firsts;
mod known;
mod layout;
pub(crate) mod merge;
mod other;
mod part;
mod reading;
pub(crate) mod run;
mod sealed;
mod table;
mod times;

pub(crate) use ahead::Ahead;
pub(crate) use known::Known;
pub(crate) use layout::{SegmentId, encode, is_whole};
pub(crate) use other::NAME_BYTES_MAX;
pub use other::{KeyOf, OtherKey};
pub(crate) use part::Part;
pub(crate) use reading::Reading;
pub(crate) use sealed::{Sealed, SealedKeys, Segment};

/// The most memory the key indexes of a log directory take together: 512 MiB, that is the filters of about 100 GiB of
/// log, or ten million keys in segments that are being written.
pub(crate) const BYTES_MAX: usize = 512 * 1024 * 1024;

/// How long an index is kept in memory after the last question, and copies in the order of keys are.
pub(crate) const IDLE: Duration = Duration::from_secs(600);

/// How files end that are not believed after a restart, because not all they rest on was known.
pub(crate) const UNSURE: &str = ".unsure.keys";

/// A key, and where it is first met.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct KeyEntry {
    /// The key.
    pub key: Box<[u8]>,
    /// The offset of its first record.
    pub first_offset: i64,
}

/// What the key index of a partition knows right now.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct KeyFacts {
    /// The first offset it has not looked at.
    pub end: i64,
    /// Different keys, as far as they were counted: see [`Partition::keys_begun`](crate::KeyIndex::keys_begun).
    pub keys: u64,
    /// Committed records that can be read.
    pub records: u64,
    /// Those of them without a key.
    pub keyless: u64,
}

/// What changes whenever records go from a partition: what was counted before it changed counts others now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Removals {
    pub(crate) log_start: i64,
    pub(crate) compactions: u64,
}

/// Memory that the indexes of a log directory share.
#[derive(Debug, Default)]
pub(crate) struct Budget(AtomicUsize);

impl Budget {
    /// Takes so many bytes in the place of those before; answers how many all take together then.
    pub(crate) fn charge(&self, before: usize, bytes: usize) -> usize {
        let all = self.0.fetch_add(bytes, Ordering::Relaxed) + bytes - before;
        self.0.fetch_sub(before, Ordering::Relaxed);
        all
    }
}

/// The key index of one partition.
pub(crate) struct Keys {
    /// What it is by, where that is not the records' own keys.
    pub(crate) by: Option<Arc<dyn KeyOf>>,
    /// Whether files by what nobody asks for any more have been looked for.
    pub(crate) swept: AtomicBool,
    /// Held by the one who reads what is stable in.
    pub(crate) follower: Mutex<()>,
    pub(crate) known: RwLock<Known>,
    /// When somebody asked last.
    asked: Mutex<Option<Instant>>,
    /// How often compaction took records.
    pub(crate) compactions: AtomicU64,
    budget: Arc<Budget>,
}

impl Keys {
    pub(crate) fn new(budget: Arc<Budget>, by: Option<Arc<dyn KeyOf>>) -> Keys {
        Keys {
            by,
            swept: AtomicBool::new(false),
            follower: Mutex::default(),
            known: RwLock::default(),
            asked: Mutex::default(),
            compactions: AtomicU64::new(0),
            budget,
        }
    }

    /// Changes what is known; forgets all of it when it has become too much.
    pub(crate) fn change<T>(&self, change: impl FnOnce(&mut Known) -> T) -> Result<T, KeyError> {
        let mut known = write(&self.known);
        let changed = change(&mut known);
        let bytes = known.bytes();
        let all = self.budget.charge(known.charged, bytes);
        known.charged = bytes;
        if all > BYTES_MAX {
            *known = Known {
                forgotten: known.forgotten + 1,
                ..Known::default()
            };
            self.budget.charge(bytes, 0);
            return Err(KeyError::NoRoom { bytes_max: BYTES_MAX });
        }
        Ok(changed)
    }

    /// Somebody asks.
    pub(crate) fn note_asked(&self, now: Instant) {
        *lock(&self.asked) = Some(now);
    }

    /// The file beside the segment that begins at `base`.
    pub(crate) fn run_name(&self, dir: &str, base: i64, is_sure: bool) -> String {
        match (&self.by, is_sure) {
            (None, _) => file_name(dir, base, "keys"),
            (Some(by), true) => file_name(dir, base, &format!("{}.keys", by.name())),
            (Some(by), false) => file_name(dir, base, &format!("{}{UNSURE}", by.name())),
        }
    }

    /// Gives back what nobody has asked for in a long time: runs stay on disk, the rest is read again. What is not by records'
    /// own keys costs more to find out than to hold.
    pub(crate) fn forget_idle(&self, now: Instant) {
        if self.by.is_some() {
            return;
        }
        let mut asked = lock(&self.asked);
        if asked.is_some_and(|asked| now.saturating_duration_since(asked) >= IDLE) {
            *asked = None;
            // Less takes no more memory than there was.
            let _ = self.change(|known| known.forget_from(i64::MIN));
        }
    }

    /// Forgets the segment that begins at `base`, and all behind it: compaction put another in its place.
    pub(crate) fn note_compacted(&self, base: i64) {
        self.compactions.fetch_add(1, Ordering::Relaxed);
        let _ = self.change(|known| known.forget_from(base));
    }
}

#[cfg(test)]
impl Budget {
    pub(crate) fn taken(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }

    /// As if others took so much.
    pub(crate) fn take(&self, bytes: usize) {
        self.0.fetch_add(bytes, Ordering::Relaxed);
    }
}

impl Drop for Keys {
    fn drop(&mut self) {
        self.budget.charge(write(&self.known).charged, 0);
    }
}
