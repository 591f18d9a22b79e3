//! Dead letters: what a guard refuses is kept in another topic, for those whose client hides why it was refused.
//!
//! A topic names the other one (`annals.dead.letter.topic`), which must be there. Each refused record goes there as it
//! came, with headers that say where it was to go and why; a header without a value gets an empty one. The producer is
//! told all the same, and waits for nothing: a dead letter is written before its answer and synced with the next group.
//!
//! Invariants: no guard is asked about a dead letter, so none enters a topic that judges its records, or one that keeps
//! only the last of a key: it would be a way past their guard. None has a dead letter itself, so there are no loops. A
//! batch leaves [`LETTERS_MAX`] of them at most, and one that is sent again as it was leaves no more while it is
//! remembered. What finds no place is told now and then, and never keeps a producer from its answer.

use std::collections::{BTreeMap, HashSet, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Mutex, MutexGuard, PoisonError};

use annals_kafka_wire::batch::{Batch, BatchBuilder, Record};

use crate::broker::Shared;
use crate::guard::{Refusal, SENTENCES_MAX};
use crate::internal;
use crate::refusals::Lines;
use crate::topic::Topic;
use crate::topic_config::clipped;

/// The setting that names the topic of a topic's dead letters.
pub(crate) const SETTING: &str = "annals.dead.letter.topic";

/// How many dead letters a batch leaves: those whose sentence is known.
const LETTERS_MAX: usize = SENTENCES_MAX;

/// How many refused batches are remembered, so that they are not kept again.
const REMEMBERED_MAX: usize = 4_096;

/// Bytes of a batch's head: its checksum, its producer and where it stands in its sequence.
const HEAD_BYTES: usize = 61;

/// What stands before the names of our headers; those of an earlier refusal go.
const PREFIX: &str = "__annals.errors.";

/// The refused batches that have left their dead letters, and how often it was told that some could not.
#[derive(Debug, Default)]
pub(crate) struct Remembered(Mutex<Memory>);

#[derive(Debug, Default)]
struct Memory {
    known: HashSet<u64>,
    in_order: VecDeque<u64>,
    lines: Lines,
}

impl Remembered {
    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn knows(&self, batch: u64) -> bool {
        self.memory().known.contains(&batch)
    }

    fn remember(&self, batch: u64) {
        let mut memory = self.memory();
        if !memory.known.insert(batch) {
            return;
        }
        memory.in_order.push_back(batch);
        if memory.in_order.len() > REMEMBERED_MAX
            && let Some(oldest) = memory.in_order.pop_front()
        {
            memory.known.remove(&oldest);
        }
    }

    /// Tells the log, but not too often, what kept dead letters from their place.
    fn tell(&self, topic: &Topic, name: &str, now_ms: i64, why: &str) {
        if let Some(left_out) = self.memory().lines.line(now_ms) {
            tracing::warn!(topic = %topic.name, dead_letter_topic = name, why, left_out, "dead letters were lost");
        }
    }
}

/// Why no dead letter may enter a topic.
fn unfit(shared: &Shared, target: &Topic) -> Option<&'static str> {
    if shared.guard.admits(target) {
        return Some(
            "the topic judges its own records, and dead letters are not judged: name one that judges none",
        );
    }
    let why = "the topic is compacted, so dead letters would take the place of other records";
    target.settings.compacts.then_some(why)
}

/// Checks that a topic's dead letters have a place.
///
/// # Errors
/// A sentence for whoever sets it.
pub(crate) fn check(shared: &Shared, topic: &str, config: &BTreeMap<String, String>) -> Result<(), String> {
    let name = match config.get(SETTING).map(|name| name.trim()) {
        None | Some("") => return Ok(()),
        Some(name) => name,
    };
    let refused = |why: &str| Err(format!("{SETTING} = {:?} is not accepted: {why}.", clipped(name)));
    if name == topic {
        return refused("a topic is not the place of its own dead letters");
    }
    if internal::is_internal(name) {
        return refused("the topic is the broker's own");
    }
    match shared.topics.now().named(name) {
        Some(target) => unfit(shared, target).map_or(Ok(()), refused),
        None => refused("there is no such topic; create it first"),
    }
}

/// Keeps the records of a batch that were refused, if their topic wants that.
pub(crate) fn keep(shared: &Shared, topic: &Topic, partition: i32, batch: &Batch, refusals: &[Refusal]) {
    let Some(name) = topic.settings.dead_letter_topic.as_deref() else {
        return;
    };
    let mut hasher = DefaultHasher::new();
    (&topic.name, partition, batch.bytes().get(..HEAD_BYTES)).hash(&mut hasher);
    let hash = hasher.finish();
    if shared.dead_letters.knows(hash) {
        return;
    }
    let mut why: BTreeMap<i32, &Refusal> = BTreeMap::new();
    for refusal in refusals.iter().take(LETTERS_MAX) {
        why.entry(refusal.index).or_insert(refusal);
    }
    let lost = refusals.len().saturating_sub(LETTERS_MAX);
    let why_lost = match append(shared, topic, name, partition, batch, &why) {
        Ok(too_large) => {
            shared.dead_letters.remember(hash);
            let lost = lost + too_large;
            (lost > 0).then(|| format!("{lost} of a batch were too many or too large"))
        }
        Err(error) => Some(error),
    };
    if let Some(why) = why_lost {
        shared.dead_letters.tell(topic, name, shared.now_ms(), &why);
    }
}

/// Writes the dead letters; how many were too large is the answer.
fn append(
    shared: &Shared,
    topic: &Topic,
    name: &str,
    partition: i32,
    batch: &Batch,
    why: &BTreeMap<i32, &Refusal>,
) -> Result<usize, String> {
    let target = shared.topics.now().named(name).cloned();
    let target = target.ok_or("there is no such topic")?;
    // Its settings, and what is registered for it, may be other ones than when it was named.
    if let Some(why) = unfit(shared, &target) {
        return Err(why.to_owned());
    }
    let count = i32::try_from(target.partitions.len()).unwrap_or(i32::MAX);
    let into = target.partition(partition % count.max(1));
    let into = into.ok_or("the topic has no partition")?;
    let bytes_max = target.settings.message_bytes_max;
    let bytes_max = bytes_max.unwrap_or(shared.config.message_bytes_max);
    let now_ms = shared.now_ms();
    let flush = |builder: BatchBuilder| -> Result<(), String> {
        if builder.is_empty() {
            return Ok(());
        }
        let (letters, _) = Batch::parse(&builder.build(), 0).map_err(|error| error.to_string())?;
        into.append(&letters, now_ms).map_err(|error| error.to_string())?;
        Ok(())
    };
    let limit = topic
        .partition(partition)
        .map_or(0, |partition| partition.decompressed_bytes_max());
    let records = batch.records(limit).map_err(|error| error.to_string())?;
    let (mut builder, mut too_large) = (BatchBuilder::new(), 0);
    for record in records.map_while(Result::ok) {
        let Some(refusal) = why.get(&record.index) else {
            continue;
        };
        let letter = Letter::of(&topic.name, partition, now_ms, &record, refusal);
        let size = letter.bytes_len(&record);
        if size > bytes_max {
            too_large += 1;
            continue;
        }
        if builder.bytes_len() + size > bytes_max {
            flush(std::mem::replace(&mut builder, BatchBuilder::new()))?;
        }
        if !letter.push(&mut builder, &record) {
            too_large += 1;
        }
    }
    flush(builder)?;
    Ok(too_large)
}

/// The headers of a dead letter: the record's own, then ours.
struct Letter<'a>(Vec<(&'a str, std::borrow::Cow<'a, [u8]>)>);

impl<'a> Letter<'a> {
    fn of(
        topic: &'a str,
        partition: i32,
        now_ms: i64,
        record: &'a Record,
        refusal: &'a Refusal,
    ) -> Letter<'a> {
        let own = record
            .headers
            .iter()
            .filter(|(name, _)| !name.starts_with(PREFIX));
        let own = own.map(|(name, value)| (name, value.unwrap_or_default().into()));
        let number = |number: i64| number.to_string().into_bytes().into();
        let mut headers: Vec<_> = own.collect();
        headers.extend([
            ("__annals.errors.topic", topic.as_bytes().into()),
            ("__annals.errors.partition", number(i64::from(partition))),
            ("__annals.errors.code", refusal.code.as_bytes().into()),
            ("__annals.errors.message", refusal.sentence.as_bytes().into()),
            ("__annals.errors.timestamp", number(now_ms)),
        ]);
        if let Some(id) = refusal.schema_id {
            headers.push(("__annals.errors.schema.id", number(i64::from(id))));
        }
        Letter(headers)
    }

    /// More than it takes in a batch.
    fn bytes_len(&self, record: &Record) -> usize {
        let headers = self.0.iter().map(|(name, value)| name.len() + value.len() + 10);
        let body = [&record.key, &record.value]
            .into_iter()
            .flatten()
            .map(|bytes| bytes.len());
        headers.chain(body).sum::<usize>() + 2 * HEAD_BYTES
    }

    fn push(&self, builder: &mut BatchBuilder, record: &Record) -> bool {
        let headers: Vec<(&str, &[u8])> = self
            .0
            .iter()
            .map(|(name, value)| (*name, value.as_ref()))
            .collect();
        builder.push(
            record.timestamp_ms,
            record.key.as_deref(),
            record.value.as_deref(),
            &headers,
        )
    }
}
