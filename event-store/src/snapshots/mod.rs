//! Snapshots: states on the way through long histories, so that a question begins near the point it is about.
//!
//! There are many of an aggregate, and none is ever changed: a point in the past is as near to one as the head is. A fold
//! has a file beside each partition's log; of several topics it has one, beside the first log of all. The file's name is the fold's digest, and its first entry says which fold and which
//! engine made it: what one of them kept no other can take for its own, and a file of another is begun anew. They are made by who folds, when so much was folded since the last that a state is worth its bytes.
//! Invariant: a snapshot is a cache. It is used where the index still says what it said when the snapshot was made: the
//! event it ends with has the same revision and offset, the first event the same offset, and the log begins before that. Of several
//! topics that holds for each log, and no other event is among its own (`locate/nearest.rs`).
//! What cannot be read back, by its checksum or by the fold, is as if it were not there.
//! An answer says whether it began with one; some of these are folded again without (`check.rs`), and a file that told
//! something else is thrown away.
//! Left out: what a snapshot hides on purpose is that a record below it was damaged since: who asks without them is told.

mod account;
mod check;
mod entry;

use std::collections::BTreeMap;
use std::hash::{Hash, Hasher};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use annals_segment_log::{Beside, Partition};
use rustc_hash::{FxHashMap, FxHashSet, FxHasher};

pub(crate) use self::account::{Account, LogAccount};
pub(crate) use self::check::Checks;
pub(crate) use self::entry::Snapshot;
use crate::fold::{AnyFold, FoldId};
use crate::index::PartitionIndex;

/// Events between two snapshots of an aggregate, at least: to fold so many takes about as long as to read a snapshot.
pub(crate) const EVENTS_MIN: u64 = 64;
/// Bytes of events folded since the last snapshot, for each byte of a state that is kept: so the states of a
/// fold take at most a quarter of what the events do that it folds.
const BYTES_OF_EVENTS: u64 = 4;
/// Snapshots in a file, about 50 bytes of memory each; a file that has so many begins anew.
const SNAPSHOTS_MAX: usize = 1_000_000;
/// Bytes of a file that begins anew.
const FILE_BYTES_MAX: u64 = 4 << 30;
/// Bytes of a state that is too large to keep.
const STATE_BYTES_MAX: usize = 16 << 20;
/// Logs that a snapshot tells of, about 100 bytes each; the events of an aggregate may be in all of a fold's.
const LOGS_MAX: usize = 1_024;
/// Hexadecimal digits of a fold's digest in a file's name.
const NAME_DIGITS: usize = 32;
const NAME_PREFIX: &str = "fold-";
/// How states are made and kept: raised when the same fold would make another state of the same events, or keep it in other
/// bytes. What another engine kept is of no use.
const ENGINE: u32 = 5;

/// What became of snapshots since the store was made: what [`EventStore::snapshot_figures`](crate::EventStore::snapshot_figures)
/// tells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SnapshotFigures {
    /// Kept.
    pub kept: u64,
    /// Answers that began with one.
    pub used: u64,
    /// Answers that were folded again without, to compare.
    pub checked: u64,
    /// Of these, the ones that were not the same.
    pub wrong: u64,
    /// Snapshots, and ends of files, whose bytes were not those that were written.
    pub damaged: u64,
}

#[derive(Default)]
pub(crate) struct Counts {
    kept: AtomicU64,
    used: AtomicU64,
    checked: AtomicU64,
    wrong: AtomicU64,
    damaged: AtomicU64,
}

impl Counts {
    fn add(count: &AtomicU64) {
        count.fetch_add(1, Ordering::Relaxed);
    }
}

/// The files of a store.
#[derive(Default)]
pub(crate) struct Snapshots {
    files: RwLock<FxHashMap<Place, Arc<Slot>>>,
    counts: Arc<Counts>,
}

/// A file that is opened by who asks for it first, while others ask for other files; nothing where it cannot be.
type Slot = OnceLock<Option<Arc<File>>>;

/// Which fold's, and which index's log.
pub(crate) type Place = ([u8; 32], u64);

impl Snapshots {
    pub(crate) fn figures(&self) -> SnapshotFigures {
        let of = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let counts = &self.counts;
        SnapshotFigures {
            kept: of(&counts.kept),
            used: of(&counts.used),
            checked: of(&counts.checked),
            wrong: of(&counts.wrong),
            damaged: of(&counts.damaged),
        }
    }

    /// The snapshots of a fold in a partition; nothing when its file cannot be opened. `others` are the digests of the
    /// other folds that there are: files of folds that are none of these go when one is made.
    pub(crate) fn of(
        &self,
        fold: &dyn AnyFold,
        partition: &PartitionIndex,
        others: impl Fn() -> Vec<FoldId>,
    ) -> Option<Arc<File>> {
        if !fold.keeps_snapshots() {
            return None;
        }
        let place = (fold.id().digest, partition.id);
        let known = self
            .files
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&place)
            .cloned();
        let slot = known.unwrap_or_else(|| {
            let mut files = self.files.write().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(files.entry(place).or_default())
        });
        let opened = slot.get_or_init(|| {
            sweep(fold.id(), &partition.log, &others());
            // A disk that refuses is not asked again: answers are the same without.
            let opened = File::open(fold.id(), &partition.log, SNAPSHOTS_MAX, &self.counts);
            opened.ok().map(Arc::new)
        });
        opened.clone()
    }

    /// Throws a fold's snapshots in a partition away: one of them was wrong.
    fn discard(&self, fold: &FoldId, partition: &PartitionIndex) {
        let mut files = self.files.write().unwrap_or_else(PoisonError::into_inner);
        let before = files.insert((fold.digest, partition.id), Arc::new(Slot::from(None)));
        before.iter().for_each(|slot| close(slot));
        let _ = partition.log.remove_beside(&file_name(fold));
    }

    /// Closes the files of folds and logs that are not there any more.
    pub(crate) fn keep_only(&self, there: &FxHashSet<Place>) {
        let mut files = self.files.write().unwrap_or_else(PoisonError::into_inner);
        files.retain(|place, slot| {
            let is_there = there.contains(place);
            if !is_there {
                close(slot);
            }
            is_there
        });
    }
}

/// Whoever still has the file keeps nothing in it any more: it may be opened again.
fn close(slot: &Slot) {
    if let Some(Some(file)) = slot.get() {
        let mut held = file.held.write().unwrap_or_else(PoisonError::into_inner);
        held.is_closed = true;
    }
}

/// What the first entry of a fold's file says.
fn title(fold: &FoldId) -> Vec<u8> {
    let engine = env!("CARGO_PKG_VERSION");
    format!("annals snapshots, engine {ENGINE} of {engine}, fold {fold:?}").into_bytes()
}

fn file_name(fold: &FoldId) -> String {
    let digest = fold.digest_hex();
    format!("{NAME_PREFIX}{}", digest.get(..NAME_DIGITS).unwrap_or(&digest))
}

/// Removes the files of folds that are not there any more, when a fold is about to begin its own.
fn sweep(fold: &FoldId, log: &Partition, others: &[FoldId]) {
    let Ok(there) = log.all_beside() else { return };
    let mine = file_name(fold);
    if there.contains(&mine) {
        return;
    }
    let others: Vec<String> = others.iter().map(file_name).collect();
    let gone = there
        .iter()
        .filter(|name| name.starts_with(NAME_PREFIX) && !others.contains(name));
    for name in gone {
        let _ = log.remove_beside(name);
    }
}

/// Which snapshot: by the hash of its key, its last revision, and of which first events it is.
type Which = (u64, u64, u64);

/// The snapshots of one fold in one partition.
pub(crate) struct File {
    log: Arc<Partition>,
    name: String,
    /// The first entry.
    title: Vec<u8>,
    held: RwLock<Held>,
    /// Snapshots with which it begins anew.
    snapshots_max: usize,
    counts: Arc<Counts>,
}

struct Held {
    beside: Beside,
    /// It is another's by now.
    is_closed: bool,
    /// Where a snapshot is.
    places: BTreeMap<Which, u64>,
}

impl File {
    fn open(
        fold: &FoldId,
        log: &Arc<Partition>,
        snapshots_max: usize,
        counts: &Arc<Counts>,
    ) -> std::io::Result<File> {
        let (name, title) = (file_name(fold), title(fold));
        let (held, is_whole) = Held::open(log, &name, &title)?;
        if !is_whole {
            Counts::add(&counts.damaged);
        }
        Ok(File {
            log: Arc::clone(log),
            name,
            title,
            held: RwLock::new(held),
            snapshots_max,
            counts: Arc::clone(counts),
        })
    }

    /// The last snapshot of a key that has no more than so many events; of those of one event more, the last before this one.
    pub(crate) fn before(&self, key: &[u8], (events, of): (u64, u64)) -> Option<Snapshot> {
        let hash = hash(key);
        let held = self.held.read().unwrap_or_else(PoisonError::into_inner);
        let mut before = held.places.range((hash, 0, 0)..(hash, events, of));
        let (place, position) = before.next_back()?;
        let place = *place;
        let read = held.beside.read(*position).ok()?;
        drop(held);
        let snapshot = read.and_then(|bytes| Snapshot::decode(&bytes));
        if snapshot.is_none() {
            self.forget(place);
        }
        // Another key of the same hash; or another entry, where two processes wrote the file.
        snapshot.filter(|snapshot| snapshot.key == key && snapshot.stage() < (events, of))
    }

    /// A snapshot that is none: the one before it is found from now on, and another may take its place.
    fn forget(&self, place: Which) {
        let mut held = self.held.write().unwrap_or_else(PoisonError::into_inner);
        if held.places.remove(&place).is_some() {
            Counts::add(&self.counts.damaged);
        }
    }

    /// Keeps one. A disk that refuses costs only the time of those who ask later.
    pub(crate) fn keep(&self, snapshot: &Snapshot) {
        let mut held = self.held.write().unwrap_or_else(PoisonError::into_inner);
        let (revision, of) = snapshot.stage();
        let place = (hash(&snapshot.key), revision, of);
        let is_told = snapshot.account.logs.len() <= LOGS_MAX;
        if held.is_closed || !is_told || held.places.contains_key(&place) {
            return;
        }
        if held.places.len() >= self.snapshots_max || held.beside.bytes() >= FILE_BYTES_MAX {
            let anew = self
                .log
                .remove_beside(&self.name)
                .and_then(|()| Held::open(&self.log, &self.name, &self.title));
            match anew {
                Ok((anew, _)) => *held = anew,
                Err(_) => return,
            }
        }
        if held.beside.bytes() == 0 && held.beside.append(&self.title).is_err() {
            return;
        }
        if let Ok(position) = held.beside.append(&snapshot.encode()) {
            held.places.insert(place, position);
            Counts::add(&self.counts.kept);
        }
    }

    /// Notes that an answer began with one.
    pub(crate) fn note_used(&self) {
        Counts::add(&self.counts.used);
    }
}

impl Held {
    /// Opens a file with this title; one with another is begun anew. Says whether all of it was as it was written.
    fn open(log: &Partition, name: &str, title: &[u8]) -> std::io::Result<(Held, bool)> {
        let (mut places, mut is_mine) = (BTreeMap::new(), true);
        let (beside, lost) = log.beside(name, &mut |position, bytes| {
            if position == 0 {
                is_mine = bytes == title;
            } else if let Some((key, (revision, of))) = Snapshot::name(bytes).filter(|_| is_mine) {
                places.insert((hash(key), revision, of), position);
            }
        })?;
        let beside = match is_mine {
            true => beside,
            false => {
                log.remove_beside(name)?;
                log.beside(name, &mut |_, _| {})?.0
            }
        };
        let held = Held {
            beside,
            is_closed: false,
            places,
        };
        Ok((held, is_mine && lost == 0))
    }
}

/// Two keys of one hash hide each other's snapshots, and no more: a snapshot says its key.
fn hash(key: &[u8]) -> u64 {
    let mut hasher = FxHasher::default();
    key.hash(&mut hasher);
    hasher.finish()
}

/// When the next snapshot of a folding is due.
#[derive(Default)]
pub(crate) struct Pace {
    events: u64,
    bytes: u64,
    /// Bytes of events that are to be folded before a state is looked at again.
    bytes_due: u64,
}

impl Pace {
    /// An event of so many bytes was folded; says whether a state may be worth keeping now.
    pub(crate) fn folded(&mut self, bytes: usize) -> bool {
        self.events += 1;
        self.bytes += bytes as u64;
        self.events >= EVENTS_MIN && self.bytes >= self.bytes_due
    }

    /// Whether a snapshot of so many bytes is worth them; then it is the one that is counted from.
    pub(crate) fn is_worth(&mut self, bytes: usize) -> bool {
        self.bytes_due = BYTES_OF_EVENTS.saturating_mul(bytes as u64);
        if bytes > STATE_BYTES_MAX || self.bytes < self.bytes_due {
            return false;
        }
        (self.events, self.bytes) = (0, 0);
        true
    }
}

#[cfg(test)]
mod tests {
    use annals_segment_log::{LogConfig, LogDir, PartitionConfig};

    use super::*;
    use crate::folding::{Latest, Spot};

    fn snapshot(key: &str, revision: u64) -> Snapshot {
        let spot = Spot {
            offset: 7,
            revision,
            place: 0,
        };
        let recorded_ms = 0;
        Snapshot {
            key: key.into(),
            first: 0,
            last: Latest { spot, recorded_ms },
            account: Account::default(),
            state: b"state".to_vec(),
        }
    }

    #[test]
    fn a_file_that_is_full_begins_anew() {
        let place = tempfile::tempdir().unwrap();
        let dir = LogDir::open(place.path(), LogConfig::default(), 0).unwrap();
        let log = dir.partition("t/x/0", PartitionConfig::default()).unwrap();
        let fold = FoldId::new("till", 1, [], "");
        let counts = Arc::default();
        let file = File::open(&fold, &log, 3, &counts).unwrap();
        for revision in [9, 19, 29] {
            file.keep(&snapshot("a", revision));
            file.keep(&snapshot("a", revision));
        }
        let before = |file: &File, events| Some(file.before(b"a", (events, 0))?.last.spot.revision);
        assert_eq!(
            [9, 10, 20, 29, 30, 99].map(|events| before(&file, events)),
            [None, Some(9), Some(19), Some(19), Some(29), Some(29)]
        );
        assert!(file.before(b"b", (99, 0)).is_none());
        let full = file.held.read().unwrap().beside.bytes();
        file.keep(&snapshot("b", 5));
        assert!(file.before(b"a", (99, 0)).is_none() && file.before(b"b", (99, 0)).is_some());
        assert!(file.held.read().unwrap().beside.bytes() < full);
        // And so it is found again.
        let again = File::open(&fold, &log, 3, &counts).unwrap();
        assert!(again.before(b"a", (99, 0)).is_none() && again.before(b"b", (99, 0)).is_some());
    }

    #[test]
    fn a_snapshot_tells_of_so_many_logs() {
        let place = tempfile::tempdir().unwrap();
        let dir = LogDir::open(place.path(), LogConfig::default(), 0).unwrap();
        let log = dir.partition("t/x/0", PartitionConfig::default()).unwrap();
        let file = File::open(&FoldId::new("till", 1, [], ""), &log, 3, &Arc::default()).unwrap();
        let check = |revision: u64, logs: usize, is_kept: bool| {
            let mut snapshot = snapshot("a", revision);
            let log = LogAccount {
                log: "x/0".parse().unwrap(),
                topic_id: None,
                place: 0,
                first: 0,
                reached: Default::default(),
                applied: Default::default(),
            };
            snapshot.account.logs = vec![log; logs];
            file.keep(&snapshot);
            let found = file.before(b"a", (revision + 1, 0));
            assert_eq!(
                found.is_some_and(|found| found.account.logs.len() == logs),
                is_kept
            );
        };
        check(9, LOGS_MAX, true);
        check(19, LOGS_MAX + 1, false);
    }

    /// Whatever its name says, a file that another fold or another engine made is begun anew, and that is counted.
    #[test]
    fn a_file_of_another_fold_or_engine_is_refused() {
        let place = tempfile::tempdir().unwrap();
        let dir = LogDir::open(place.path(), LogConfig::default(), 0).unwrap();
        let log = dir.partition("t/x/0", PartitionConfig::default()).unwrap();
        let fold = FoldId::new("till", 1, [], "");
        let check = |first: Option<&[u8]>, is_kept: bool| {
            log.remove_beside(&file_name(&fold)).unwrap();
            let (beside, _) = log.beside(&file_name(&fold), &mut |_, _| {}).unwrap();
            first.map(|first| beside.append(first).unwrap());
            beside.append(&snapshot("a", 9).encode()).unwrap();
            let counts = Arc::default();
            let file = File::open(&fold, &log, 3, &counts).unwrap();
            assert_eq!(file.before(b"a", (99, 0)).is_some(), is_kept, "{first:?}");
            assert_eq!(counts.damaged.load(Ordering::Relaxed), u64::from(!is_kept));
            file.keep(&snapshot("b", 9));
            let again = File::open(&fold, &log, 3, &counts).unwrap();
            assert_eq!(again.before(b"a", (99, 0)).is_some(), is_kept, "{first:?}");
            assert!(again.before(b"b", (99, 0)).is_some());
        };
        check(Some(&title(&fold)), true);
        check(Some(&title(&FoldId::new("till", 2, [], ""))), false);
        let other_engine = String::from_utf8(title(&fold))
            .unwrap()
            .replace(&format!("engine {ENGINE}"), "engine 1");
        check(Some(other_engine.as_bytes()), false);
        check(None, false);
    }

    #[test]
    fn a_state_is_kept_when_enough_was_folded_for_its_bytes() {
        let check = |event_bytes: usize, state_bytes: usize, wanted: &[u64]| {
            let mut pace = Pace::default();
            let kept = (1..=2_000u64).filter(|_| pace.folded(event_bytes) && pace.is_worth(state_bytes));
            assert_eq!(kept.take(wanted.len()).collect::<Vec<_>>(), wanted);
        };
        check(100, 0, &[64, 128, 192]);
        check(100, 1_600, &[64, 128, 192]);
        check(100, 2_500, &[100, 200, 300]);
        check(100, STATE_BYTES_MAX + 1, &[]);
    }
}
