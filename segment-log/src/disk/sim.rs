//! A disk that keeps two images of everything, live and durable, and loses power on command.
//!
//! Every changing call is a step. At the chosen step the power goes: the call fails (a write or rename reached the live
//! image, a sync made nothing durable), and so does every call after it. [`SimDisk::reboot`] then decides what of the
//! unsynced survived. Syncs can also fail, or freeze until they are thawed; the disk can be full, and descriptors run
//! out.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Condvar, Mutex, OnceLock};
use std::time::{Duration, Instant};

use super::{Disk, DiskFile, Entry, Open, Work};
use crate::mutex::lock;

mod bytes;
mod file;
mod survive;

use bytes::FileBytes;
use file::SimFile;
pub(crate) use survive::Survives;
use survive::survivor;

#[derive(Clone)]
enum Node {
    Dir {
        live: BTreeMap<String, usize>,
        durable: BTreeMap<String, usize>,
    },
    File(FileBytes),
}

struct State {
    nodes: Vec<Node>,
    steps: u64,
    cut_at: u64,
    syncs: u64,
    fail_sync_at: u64,
    writes: u64,
    fail_write_at: u64,
    /// Bytes all files may have together.
    room: usize,
    /// Nothing can be opened.
    descriptors_gone: bool,
    frozen: bool,
    waiting: u64,
    /// Time since the disk was made; it passes when a test says so.
    passed: Duration,
}

/// See the module.
#[derive(Clone)]
pub(crate) struct SimDisk {
    state: Arc<(Mutex<State>, Condvar)>,
}

const NEVER: u64 = u64::MAX;

impl SimDisk {
    pub(crate) fn new() -> SimDisk {
        SimDisk::of(vec![Node::Dir {
            live: BTreeMap::new(),
            durable: BTreeMap::new(),
        }])
    }

    fn of(nodes: Vec<Node>) -> SimDisk {
        let state = State {
            nodes,
            steps: 0,
            cut_at: NEVER,
            syncs: 0,
            fail_sync_at: NEVER,
            writes: 0,
            fail_write_at: NEVER,
            room: usize::MAX,
            descriptors_gone: false,
            frozen: false,
            waiting: 0,
            passed: Duration::ZERO,
        };
        SimDisk {
            state: Arc::new((Mutex::new(state), Condvar::new())),
        }
    }

    /// The power goes at the `step`th changing call from now on, counted from 1.
    pub(crate) fn cut_at(&self, step: u64) {
        let mut state = lock(&self.state.0);
        state.cut_at = state.steps + step;
    }

    pub(crate) fn is_cut(&self) -> bool {
        let state = lock(&self.state.0);
        state.steps >= state.cut_at
    }

    /// File syncs so far.
    pub(crate) fn syncs(&self) -> u64 {
        lock(&self.state.0).syncs
    }

    /// The next file sync fails, and only that one: the next says yes, and what was to be written stays unwritten.
    pub(crate) fn fail_next_sync(&self) {
        self.fail_sync(1);
    }

    /// The same of the `nth` file sync from now on, counted from 1.
    pub(crate) fn fail_sync(&self, nth: u64) {
        let mut state = lock(&self.state.0);
        state.fail_sync_at = state.syncs + nth;
    }

    /// The next write puts half of its bytes and fails.
    pub(crate) fn fail_next_write(&self) {
        let mut state = lock(&self.state.0);
        state.fail_write_at = state.writes + 1;
    }

    /// From now on the disk has room for this many more bytes.
    pub(crate) fn set_room(&self, more: usize) {
        let mut state = lock(&self.state.0);
        state.room = state.used().saturating_add(more);
    }

    /// Whether nothing can be opened any more.
    pub(crate) fn set_descriptors_gone(&self, gone: bool) {
        lock(&self.state.0).descriptors_gone = gone;
    }

    /// Time passes.
    pub(crate) fn pass(&self, time: Duration) {
        lock(&self.state.0).passed += time;
    }

    pub(crate) fn now(&self) -> Instant {
        static BEGUN: OnceLock<Instant> = OnceLock::new();
        *BEGUN.get_or_init(Instant::now) + lock(&self.state.0).passed
    }

    /// From now on file syncs wait.
    pub(crate) fn freeze(&self) {
        lock(&self.state.0).frozen = true;
    }

    pub(crate) fn thaw(&self) {
        lock(&self.state.0).frozen = false;
        self.state.1.notify_all();
    }

    /// Waits until a sync is frozen.
    pub(crate) fn wait_frozen(&self) {
        let state = lock(&self.state.0);
        drop(
            self.state
                .1
                .wait_while(state, |state| state.waiting == 0)
                .unwrap(),
        );
    }

    /// The disk after the power came back.
    pub(crate) fn reboot(&self, survives: Survives) -> SimDisk {
        let state = lock(&self.state.0);
        let nodes = state
            .nodes
            .iter()
            .enumerate()
            .map(|(at, node)| survivor(node, survives, at as u64))
            .collect();
        SimDisk::of(nodes)
    }

    /// The same disk after a crash of the process alone: nothing is lost yet, and nothing more is durable.
    pub(crate) fn revive(&self) -> SimDisk {
        SimDisk::of(lock(&self.state.0).nodes.clone())
    }

    /// The live bytes of a file.
    pub(crate) fn bytes(&self, name: &str) -> Vec<u8> {
        let state = lock(&self.state.0);
        match &state.nodes[state.find(name).unwrap()] {
            Node::File(bytes) => bytes.live.clone(),
            Node::Dir { .. } => panic!("{name} is a directory"),
        }
    }

    /// Overwrites a file as if it had always been so.
    pub(crate) fn put(&self, name: &str, bytes: &[u8]) {
        let mut state = lock(&self.state.0);
        let node = state.find(name).unwrap();
        state.nodes[node] = Node::File(FileBytes::settled(bytes.to_vec()));
    }

    pub(crate) fn names(&self, dir: &str) -> Vec<String> {
        self.list(dir)
            .map(|entries| entries.into_iter().map(|entry| entry.name).collect())
            .unwrap_or_default()
    }

    /// A changing call: counts, applies the change, and fails at and after the cut.
    fn step<T>(&self, change: impl FnOnce(&mut State) -> io::Result<T>) -> io::Result<T> {
        let mut state = lock(&self.state.0);
        if state.steps >= state.cut_at {
            return Err(dark());
        }
        state.steps += 1;
        let done = change(&mut state);
        if state.steps >= state.cut_at {
            Err(dark())
        } else {
            done
        }
    }

    /// As `step`, but at the cut nothing happens.
    fn sync_step(&self, change: impl FnOnce(&mut State) -> io::Result<()>) -> io::Result<()> {
        self.step(|state| {
            if state.steps >= state.cut_at {
                Ok(())
            } else {
                change(state)
            }
        })
    }

    fn look<T>(&self, look: impl FnOnce(&State) -> io::Result<T>) -> io::Result<T> {
        let state = lock(&self.state.0);
        if state.steps >= state.cut_at {
            Err(dark())
        } else {
            look(&state)
        }
    }
}

fn dark() -> io::Error {
    io::Error::other("the power is gone")
}

fn missing() -> io::Error {
    io::ErrorKind::NotFound.into()
}

impl State {
    fn find(&self, name: &str) -> io::Result<usize> {
        name.split('/')
            .filter(|part| !part.is_empty())
            .try_fold(0, |dir, part| match &self.nodes[dir] {
                Node::Dir { live, .. } => live.get(part).copied().ok_or_else(missing),
                Node::File(_) => Err(missing()),
            })
    }

    /// The live names of the directory of `name`, and the last part of it.
    fn names_of<'n>(&mut self, name: &'n str) -> io::Result<(&mut BTreeMap<String, usize>, &'n str)> {
        let dir = self.find(super::parent(name))?;
        let last = name.rsplit('/').next().unwrap_or(name);
        match &mut self.nodes[dir] {
            Node::Dir { live, .. } => Ok((live, last)),
            Node::File(_) => Err(missing()),
        }
    }

    fn add(&mut self, name: &str, node: Node) -> io::Result<usize> {
        let at = self.nodes.len();
        let (names, last) = self.names_of(name)?;
        if names.contains_key(last) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        names.insert(last.to_owned(), at);
        self.nodes.push(node);
        Ok(at)
    }

    fn file(&mut self, node: usize) -> &mut FileBytes {
        match &mut self.nodes[node] {
            Node::File(bytes) => bytes,
            Node::Dir { .. } => panic!("a directory was opened as a file"),
        }
    }
}

impl State {
    /// Bytes of all files that have a name.
    fn used(&self) -> usize {
        let mut due = vec![0];
        let mut used = 0;
        while let Some(node) = due.pop() {
            match &self.nodes[node] {
                Node::File(bytes) => used += bytes.live.len(),
                Node::Dir { live, .. } => due.extend(live.values()),
            }
        }
        used
    }

    fn may_open(&self) -> io::Result<()> {
        match self.descriptors_gone {
            true => Err(io::Error::from_raw_os_error(24)),
            false => Ok(()),
        }
    }
}

impl Disk for SimDisk {
    fn open(&self, name: &str, how: Open) -> io::Result<Arc<dyn DiskFile>> {
        self.look(State::may_open)?;
        let found = self.look(|state| Ok(state.find(name).ok()))?;
        let node = match (found, how) {
            (Some(node), Open::Existing) => node,
            (None, Open::Existing) => return Err(missing()),
            (Some(node), Open::Create) => self.step(|state| {
                state.file(node).set_len(0);
                Ok(node)
            })?,
            (None, Open::Create) => self.step(|state| state.add(name, Node::File(FileBytes::default())))?,
        };
        Ok(Arc::new(SimFile {
            disk: self.clone(),
            node,
        }))
    }

    fn list(&self, dir: &str) -> io::Result<Vec<Entry>> {
        self.look(State::may_open)?;
        self.look(|state| match &state.nodes[state.find(dir)?] {
            Node::Dir { live, .. } => {
                let is_dir = |node: &usize| matches!(state.nodes[*node], Node::Dir { .. });
                let entry = |(name, node): (&String, &usize)| Entry {
                    name: name.clone(),
                    is_dir: is_dir(node),
                };
                Ok(live.iter().map(entry).collect())
            }
            Node::File(_) => Err(missing()),
        })
    }

    fn create_dir(&self, dir: &str) -> io::Result<()> {
        let node = Node::Dir {
            live: BTreeMap::new(),
            durable: BTreeMap::new(),
        };
        self.step(|state| state.add(dir, node).map(|_| ()))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.step(|state| {
            let (names, last) = state.names_of(from)?;
            let node = names.remove(last).ok_or_else(missing)?;
            let (names, last) = state.names_of(to)?;
            names.insert(last.to_owned(), node);
            Ok(())
        })
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        let found = self.look(|state| state.find(name))?;
        self.step(|state| {
            if let Node::Dir { live, .. } = &state.nodes[found]
                && !live.is_empty()
            {
                return Err(io::ErrorKind::DirectoryNotEmpty.into());
            }
            let (names, last) = state.names_of(name)?;
            names.remove(last);
            Ok(())
        })
    }

    fn reserve(&self) -> io::Result<()> {
        self.look(State::may_open)
    }

    /// One after the other, so that a test finds the same each time; in the one order or the other.
    fn together(&self, mut work: Vec<Work>) {
        if lock(&self.state.0).steps % 2 == 1 {
            work.reverse();
        }
        work.into_iter().for_each(|work| work());
    }

    fn sync_dir(&self, dir: &str) -> io::Result<()> {
        self.look(State::may_open)?;
        self.sync_step(|state| {
            let node = state.find(dir)?;
            if let Node::Dir { live, durable } = &mut state.nodes[node] {
                durable.clone_from(live);
            }
            Ok(())
        })
    }
}
