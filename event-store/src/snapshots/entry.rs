//! A snapshot's bytes.
//!
//! ```text
//!   1 version, 2
//!   8 revision of the last event it includes | 8 of which first events it is, where they are in several logs, else 0
//!   8 its offset | 8 its recorded time | 8 offset of the key's first event
//!   4 bytes of the key | the key
//!   account:
//!     8 events applied | 8 the first's offset | 8 the last's
//!     2 ranges | for each: 8 first | 8 last
//!     2 bytes of the hash's own state | the hash's own state
//!     4 schemas | for each: 4 id
//!     2 logs, where there are several | for each:
//!       4 bytes of its topic | its topic | 4 partition | 4 bytes of the topic's id, 0 for none | the id
//!       8 offset of the first event | 8 events fed | 8 the last's offset | 8 the time it counts as recorded at
//!       8 offset of the last applied | 2 ranges | for each: 8 first | 8 last
//!     8 unknown events | 2 of them shown | for each:
//!       8 offset | 4 schema id | 4 bytes of its name | its name | 2 which of the logs, 65535 for none
//!   state: what the fold froze, up to the end
//! ```
//! Numbers are big-endian. The file around it has the checksum (`annals-segment-log`, `beside.rs`).

use std::hash::{Hash, Hasher};

use annals_schema_model::SchemaId;
use bytes::{Buf, BufMut};
use rustc_hash::FxHasher;
use sha2::Sha256;
use sha2::digest::common::hazmat::{SerializableState, SerializedState};

use super::account::{Account, LogAccount, Runs};
use crate::cut::CutLog;
use crate::folding::{Latest, Spot, Unknown, UnknownEvent};
use crate::lanes::Reached;
use crate::merged::LogName;
use crate::reconstruct::OffsetRange;

const VERSION: u8 = 2;
/// In the place of a log.
const NO_LOG: u16 = u16::MAX;

/// A state after one of an aggregate's events, and the account of how it came about.
pub(crate) struct Snapshot {
    pub(crate) key: Vec<u8>,
    /// Offset of the key's first event; of several logs each has its own, and here is -1.
    pub(crate) first: i64,
    /// The last event it includes.
    pub(crate) last: Latest,
    pub(crate) account: Account,
    /// What the fold froze.
    pub(crate) state: Vec<u8>,
}

impl Snapshot {
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(256 + self.key.len() + self.state.len());
        out.put_u8(VERSION);
        let (revision, of) = self.stage();
        out.put_u64(revision);
        out.put_u64(of);
        out.put_i64(self.last.spot.offset);
        out.put_i64(self.last.recorded_ms);
        out.put_i64(self.first);
        put(&mut out, &self.key);
        let account = &self.account;
        out.put_u64(account.applied);
        out.put_i64(account.first.unwrap_or(-1));
        put_runs(&mut out, &account.runs);
        let hash = account.hash.serialize();
        out.put_u16(hash.len() as u16);
        out.put_slice(&hash);
        out.put_u32(account.schemas.len() as u32);
        for id in &account.schemas {
            out.put_u32(id.get());
        }
        out.put_u16(account.logs.len() as u16);
        for log in &account.logs {
            put_log(&mut out, log);
        }
        out.put_u64(account.unknown.events);
        out.put_u16(account.unknown.first.len() as u16);
        for event in &account.unknown.first {
            out.put_i64(event.offset);
            out.put_u32(event.schema_id);
            put(&mut out, event.event.as_bytes());
            let is_of = |log: &LogAccount| event.log.as_ref() == name_of(&log.log).as_ref();
            let log = event
                .log
                .as_ref()
                .and_then(|_| account.logs.iter().position(is_of));
            out.put_u16(log.map_or(NO_LOG, |log| log as u16));
        }
        out.put_slice(&self.state);
        out
    }

    /// Its last revision, and of which first events it is: of one log they are the same whatever comes later, of several not.
    pub(crate) fn stage(&self) -> (u64, u64) {
        let mut hasher = FxHasher::default();
        for log in &self.account.logs {
            (
                &log.log,
                &log.topic_id,
                log.first,
                log.reached.events,
                log.reached.last,
            )
                .hash(&mut hasher);
        }
        (self.last.spot.revision, hasher.finish())
    }

    /// Key and stage of a snapshot, without reading the rest.
    pub(super) fn name(mut bytes: &[u8]) -> Option<(&[u8], (u64, u64))> {
        let input = &mut bytes;
        if input.try_get_u8().ok()? != VERSION {
            return None;
        }
        let stage = (input.try_get_u64().ok()?, input.try_get_u64().ok()?);
        take(input, 3 * 8)?;
        Some((take_long(input)?, stage))
    }

    pub(super) fn decode(mut bytes: &[u8]) -> Option<Snapshot> {
        let input = &mut bytes;
        if input.try_get_u8().ok()? != VERSION {
            return None;
        }
        let (revision, _) = (input.try_get_u64().ok()?, input.try_get_u64().ok()?);
        let offset = input.try_get_i64().ok()?;
        let last = Latest {
            spot: Spot {
                offset,
                revision,
                place: 0,
            },
            recorded_ms: input.try_get_i64().ok()?,
        };
        let first = input.try_get_i64().ok()?;
        let key = take_long(input)?.to_vec();
        let account = account(input)?;
        Some(Snapshot {
            key,
            first,
            last,
            account,
            state: input.to_vec(),
        })
    }
}

fn account(input: &mut &[u8]) -> Option<Account> {
    let applied = input.try_get_u64().ok()?;
    let offset = |offset: i64| (offset >= 0).then_some(offset);
    let first = offset(input.try_get_i64().ok()?);
    let runs = runs(input)?;
    let length = usize::from(input.try_get_u16().ok()?);
    let hash = SerializedState::<Sha256>::try_from(take(input, length)?).ok()?;
    let hash = Sha256::deserialize(&hash).ok()?;
    let mut schemas = Vec::new();
    for _ in 0..input.try_get_u32().ok()? {
        schemas.push(SchemaId::new(input.try_get_u32().ok()?)?);
    }
    let mut logs = Vec::new();
    for _ in 0..input.try_get_u16().ok()? {
        logs.push(log(input)?);
    }
    let mut unknown = Unknown {
        events: input.try_get_u64().ok()?,
        first: Vec::new(),
    };
    for _ in 0..input.try_get_u16().ok()? {
        let (offset, schema_id) = (input.try_get_i64().ok()?, input.try_get_u32().ok()?);
        let event = String::from_utf8(take_long(input)?.to_vec()).ok()?;
        let log = match input.try_get_u16().ok()? {
            NO_LOG => None,
            log => name_of(&logs.get(usize::from(log))?.log),
        };
        unknown.first.push(UnknownEvent {
            offset,
            log,
            event,
            schema_id,
        });
    }
    Some(Account {
        applied,
        first,
        runs,
        hash,
        schemas,
        unknown,
        logs,
    })
}

fn put_runs(out: &mut Vec<u8>, runs: &Runs) {
    out.put_i64(runs.last.unwrap_or(-1));
    // At most 64 are shown.
    out.put_u16(runs.ranges.len() as u16);
    for range in &runs.ranges {
        out.put_i64(range.first);
        out.put_i64(range.last);
    }
}

fn runs(input: &mut &[u8]) -> Option<Runs> {
    let last = input.try_get_i64().ok()?;
    let mut ranges = Vec::new();
    for _ in 0..input.try_get_u16().ok()? {
        ranges.push(OffsetRange {
            first: input.try_get_i64().ok()?,
            last: input.try_get_i64().ok()?,
        });
    }
    let last = (last >= 0).then_some(last);
    Some(Runs { ranges, last })
}

fn put_log(out: &mut Vec<u8>, log: &LogAccount) {
    put(out, log.log.topic.as_deref().unwrap_or_default().as_bytes());
    out.put_u32(log.log.partition);
    put(out, log.topic_id.as_deref().unwrap_or_default().as_bytes());
    let Reached { events, last } = log.reached;
    let (offset, ms) = last.unwrap_or_default();
    out.put_i64(log.first);
    out.put_u64(events as u64);
    out.put_i64(offset);
    out.put_i64(ms);
    put_runs(out, &log.applied);
}

fn log(input: &mut &[u8]) -> Option<LogAccount> {
    let text = |input: &mut &[u8]| String::from_utf8(take_long(input)?.to_vec()).ok();
    let topic = text(input)?;
    let log = CutLog {
        topic: Some(topic.into()),
        partition: input.try_get_u32().ok()?,
    };
    let topic_id = Some(text(input)?).filter(|id| !id.is_empty());
    let first = input.try_get_i64().ok()?;
    let events = usize::try_from(input.try_get_u64().ok()?).ok()?;
    let last = Some((input.try_get_i64().ok()?, input.try_get_i64().ok()?));
    Some(LogAccount {
        log,
        topic_id,
        place: 0,
        first,
        reached: Reached { events, last },
        applied: runs(input)?,
    })
}

/// What answers call it.
fn name_of(log: &CutLog) -> Option<LogName> {
    Some(LogName {
        topic: log.topic.as_ref()?.to_string(),
        partition: log.partition,
    })
}

fn put(out: &mut Vec<u8>, bytes: &[u8]) {
    out.put_u32(bytes.len() as u32);
    out.put_slice(bytes);
}

fn take<'b>(input: &mut &'b [u8], length: usize) -> Option<&'b [u8]> {
    let (taken, rest) = input.split_at_checked(length)?;
    *input = rest;
    Some(taken)
}

fn take_long<'b>(input: &mut &'b [u8]) -> Option<&'b [u8]> {
    let length = input.try_get_u32().ok()?;
    take(input, usize::try_from(length).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn snapshot(offsets: &[i64], key: Vec<u8>, unknown: u64, state: Vec<u8>) -> Snapshot {
        let mut account = Account::default();
        let mut spot = Spot::default();
        for (offset, revision) in offsets.iter().zip(0..) {
            spot = Spot {
                offset: *offset,
                revision,
                place: 0,
            };
            account.apply(spot, SchemaId::new(1 + revision as u32 % 3).unwrap());
        }
        account.unknown.events = unknown;
        account.unknown.first = (0..unknown.min(16) as i64)
            .map(|offset| UnknownEvent {
                offset,
                log: None,
                event: format!("e{offset}"),
                schema_id: 9,
            })
            .collect();
        Snapshot {
            key,
            first: offsets[0],
            last: Latest {
                spot,
                recorded_ms: spot.offset * 3 - 5,
            },
            account,
            state,
        }
    }

    proptest! {
        /// It is read back as it was written, goes on as the account would have, and nothing else reads.
        #[test]
        fn what_was_kept_goes_on_as_if_nothing_had_been(
            offsets in proptest::collection::btree_set(0i64..5_000, 2..200),
            key in proptest::collection::vec(any::<u8>(), 0..40),
            unknown in 0u64..40,
            state in proptest::collection::vec(any::<u8>(), 0..100),
            cut in any::<prop::sample::Index>(),
        ) {
            let offsets: Vec<i64> = offsets.into_iter().collect();
            let (before, after) = offsets.split_at(1 + cut.index(offsets.len() - 1));
            let bytes = snapshot(before, key.clone(), unknown, state.clone()).encode();
            prop_assert_eq!(Snapshot::name(&bytes), Some((&key[..], (before.len() as u64 - 1, 0))));
            let mut read = Snapshot::decode(&bytes).unwrap();
            prop_assert_eq!((&read.key, &read.state, read.first), (&key, &state, before[0]));
            prop_assert_eq!(read.encode(), bytes.clone());
            for (offset, revision) in after.iter().zip(before.len() as u64..) {
                let spot = Spot { offset: *offset, revision, place: 0 };
                read.account.apply(spot, SchemaId::new(1 + revision as u32 % 3).unwrap());
            }
            let whole = snapshot(&offsets, key, unknown, Vec::new()).account;
            prop_assert_eq!(read.account.offsets(), whole.offsets());
            prop_assert_eq!(&read.account.schemas, &whole.schemas);
            prop_assert_eq!(read.account.unknown.first, whole.unknown.first);
            for length in 0..bytes.len() - state.len() {
                prop_assert!(Snapshot::decode(&bytes[..length]).is_none());
            }
        }
    }
}
