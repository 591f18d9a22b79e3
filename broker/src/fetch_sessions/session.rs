//! One fetch session: the partitions a consumer reads, in the order in which they are read next, and what it was told of
//! each.
//!
//! Invariant: every partition stands in the order once. One that gave records goes to its end, so that an answer that
//! has room for a few partitions gives all of them their turn.

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;

use super::{Ends, Found, Place, TopicKey, Wanted};

/// What a partition takes in memory, its topic's name aside.
const PLACE_BYTES: usize = 256;

/// What a session takes besides.
const SESSION_BYTES: usize = 512;

/// The epoch of a session's first incremental request.
pub(super) const FIRST_EPOCH: i32 = 1;

/// See the module.
#[derive(Debug)]
pub(super) struct Session {
    /// The connection that it was opened on.
    pub(super) opened_by: SocketAddr,
    /// Whether its consumer names topics by id.
    pub(super) by_id: bool,
    /// What its next request must say.
    pub(super) epoch: i32,
    pub(super) opened_ms: i64,
    pub(super) used_ms: i64,
    /// By turn.
    order: BTreeMap<u64, Read>,
    turns: HashMap<Place, u64>,
    next_turn: u64,
    bytes: usize,
}

/// A partition, and what its consumer was last told of it: nothing, when it must hear of it in any case.
#[derive(Debug)]
struct Read {
    wanted: Wanted,
    told: Option<Ends>,
}

impl Session {
    pub(super) fn new(opened_by: SocketAddr, by_id: bool, now_ms: i64) -> Session {
        Session {
            opened_by,
            by_id,
            epoch: FIRST_EPOCH,
            opened_ms: now_ms,
            used_ms: now_ms,
            order: BTreeMap::new(),
            turns: HashMap::new(),
            next_turn: 0,
            bytes: SESSION_BYTES,
        }
    }

    /// How many partitions it holds.
    pub(super) fn len(&self) -> usize {
        self.order.len()
    }

    /// What it takes in memory.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// What it reads, in order.
    pub(super) fn wanted(&self) -> Vec<Wanted> {
        self.order.values().map(|read| read.wanted.clone()).collect()
    }

    /// One more partition, or another place in one that it reads.
    pub(super) fn put(&mut self, wanted: Wanted) {
        let place = wanted.place();
        if let Some(read) = self.turns.get(&place).and_then(|turn| self.order.get_mut(turn)) {
            read.wanted.asked = wanted.asked;
            return;
        }
        self.bytes += place_bytes(&place);
        self.push(place, Read { wanted, told: None });
    }

    pub(super) fn forget(&mut self, place: &Place) {
        if let Some(turn) = self.turns.remove(place) {
            self.order.remove(&turn);
            self.bytes -= place_bytes(place);
        }
    }

    /// Its next request says the next number; they go round.
    pub(super) fn advance(&mut self, now_ms: i64) {
        self.epoch = self.epoch.checked_add(1).unwrap_or(FIRST_EPOCH);
        self.used_ms = now_ms;
    }

    /// Takes in what was found of each partition, in order: which of them the consumer must hear of. From here on it
    /// knows them.
    pub(super) fn tell(&mut self, found: &[Found]) -> Vec<bool> {
        let mut given = Vec::new();
        let reads = self.order.iter_mut().zip(found);
        let told = reads.map(|((turn, read), found)| {
            if found.has_records {
                given.push(*turn);
            }
            let is_new = read.told != Some(found.ends);
            read.told = (!found.is_urgent).then_some(found.ends);
            found.has_records || found.is_urgent || is_new
        });
        let told = told.collect();
        for turn in given {
            if let Some(read) = self.order.remove(&turn) {
                self.push(read.wanted.place(), read);
            }
        }
        told
    }

    fn push(&mut self, place: Place, read: Read) {
        self.turns.insert(place, self.next_turn);
        self.order.insert(self.next_turn, read);
        self.next_turn += 1;
    }
}

fn place_bytes((topic, _): &Place) -> usize {
    let name_bytes = match topic {
        TopicKey::Name(name) => name.len(),
        TopicKey::Id(_) => 0,
    };
    PLACE_BYTES + name_bytes
}
