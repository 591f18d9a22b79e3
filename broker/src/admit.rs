//! One batch on its way into a partition: every check, in order, and the append.
//!
//! Order and its reasons: shape and checksum (are these the bytes the producer sent), header (may a producer send
//! this), sequence *without changing it* (a retry of an acknowledged batch is answered with its first offset before
//! anyone judges it again), records and timestamps, the guard, and only then the append, which checks the sequence
//! once more under the partition's lock. So a refused batch leaves no trace and its producer goes on.
//!
//! Every batch is opened, whoever may want to see its records: what nobody could read is not acknowledged, and times
//! are those of the records, whatever the header says. Where the header is wrong about them it is written anew. A record
//! of a compacted topic has a key: without one nothing would ever take its place.

mod expected;
mod rejection;

use std::ops::ControlFlow;

use annals_kafka_wire::batch::{Batch, BatchError, Compression, NO_TIMESTAMP, Records, Seen, TimestampType};
use annals_kafka_wire::error::ErrorCode;
use annals_segment_log::{AppendError, Conditions, Partition, Sequence};
use bytes::Bytes;

use crate::broker::Shared;
use crate::dead_letter;
use crate::guard::{CannotJudge, Refusal};
use crate::table::Caller;
use crate::topic::Topic;

pub(crate) use rejection::Rejection;
use rejection::{TOLD_MAX, by_rule};

/// The first version of Produce whose clients know zstd.
const ZSTD_SINCE: i16 = 7;

/// What a batch is checked against besides its topic.
pub(crate) struct Rules<'a> {
    pub(crate) shared: &'a Shared,
    pub(crate) caller: &'a Caller,
    /// The version of the Produce request.
    pub(crate) version: i16,
    pub(crate) now_ms: i64,
}

/// Where an appended batch is, or its first copy when it was a retry.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Admitted {
    pub(crate) base_offset: i64,
    pub(crate) last_offset: i64,
    /// When it was appended, in a topic whose time is the log's; else -1.
    pub(crate) append_time_ms: i64,
}

/// What the checks of a batch come to.
pub(crate) enum Judged {
    /// It is in the log already.
    Stored(Admitted),
    /// It may be appended.
    Fit(Fit),
}

/// A batch that may be appended.
pub(crate) struct Fit {
    batch: Batch,
    /// Under what conditions, if any.
    conditions: Option<Conditions>,
    /// What its topic only wants to be told.
    warnings: Vec<Refusal>,
}

/// Checks the records of one partition of a Produce request, all but what the partition's lock is needed for.
pub(crate) fn judge(
    rules: &Rules<'_>,
    topic: &Topic,
    (number, partition): (i32, &Partition),
    records: Option<&Bytes>,
) -> Result<Judged, Rejection> {
    let batch = whole_batch(records, rules.version)?;
    check_header(rules, topic, &batch)?;
    if let Sequence::Duplicate {
        base_offset,
        last_offset,
    } = partition.check(&batch).map_err(not_appended)?
    {
        return Ok(Judged::Stored(stored_before(partition, base_offset, last_offset)));
    }
    // Decompressed whole only for a guard, or for what a record expects, from the first on that does; else every record is
    // passed over as it comes out of the codec.
    let unpack = || {
        batch
            .records(partition.decompressed_bytes_max())
            .map_err(unreadable)
    };
    let is_guarded = rules.shared.guard.admits(topic);
    let mut unpacked = is_guarded.then(unpack).transpose()?;
    let mut look = look_over(rules, topic, partition, &batch, unpacked.as_ref())?;
    if look.is_conditional && unpacked.is_none() {
        let records = unpack()?;
        look = look_over(rules, topic, partition, &batch, Some(&records))?;
        unpacked = Some(records);
    }
    let (batch, is_conditional) = look.passed(batch)?;
    let (mut conditions, mut warnings) = (None, Vec::new());
    if let Some(records) = unpacked {
        if is_conditional {
            conditions = expected::conditions(topic, records.clone())?;
        }
        if is_guarded {
            warnings = ask_guard(rules, topic, number, &batch, records)?;
        }
    }
    Ok(Judged::Fit(Fit {
        batch,
        conditions,
        warnings,
    }))
}

/// Asks the guard about a batch whose records have been read to their end: what it warns of is the answer.
fn ask_guard(
    rules: &Rules<'_>,
    topic: &Topic,
    number: i32,
    batch: &Batch,
    records: Records,
) -> Result<Vec<Refusal>, Rejection> {
    let shared = rules.shared;
    let judged = shared
        .guard
        .judge(topic, rules.caller, &mut records.map_while(Result::ok));
    // A code after which clients send the batch again.
    let mut refusals = judged.map_err(|CannotJudge(why)| Rejection::new(ErrorCode::RequestTimedOut, why))?;
    if refusals.iter().all(|refusal| refusal.is_warning) {
        return Ok(refusals);
    }
    // Nothing of the batch is let in, so nobody needs to be warned.
    refusals.retain(|refusal| !refusal.is_warning);
    let told = &shared.refusals;
    told.note(&topic.name, number, rules.caller, rules.now_ms, &refusals);
    dead_letter::keep(shared, topic, number, batch, &refusals);
    Err(Rejection::of_records(ErrorCode::InvalidRecord, refusals))
}

/// Appends a batch that was judged, and counts it.
pub(crate) fn append(
    rules: &Rules<'_>,
    topic: &Topic,
    (number, partition): (i32, &Partition),
    fit: &Fit,
) -> Result<Admitted, Rejection> {
    let Fit {
        batch,
        conditions,
        warnings,
    } = fit;
    let appended = match conditions {
        Some(conditions) => partition.append_if(batch, rules.now_ms, conditions),
        None => partition.append(batch, rules.now_ms),
    };
    let appended = appended.map_err(not_appended)?;
    let (base_offset, last_offset) = (appended.base_offset, appended.last_offset);
    if appended.duplicate {
        return Ok(stored_before(partition, base_offset, last_offset));
    }
    topic
        .counts
        .appended(last_offset - base_offset + 1, batch.bytes().len());
    if !warnings.is_empty() {
        for (rule, records) in by_rule(warnings) {
            topic.counts.warned(rule, records);
        }
        let told = &rules.shared.refusals;
        told.note(&topic.name, number, rules.caller, rules.now_ms, warnings);
    }
    Ok(Admitted {
        base_offset,
        last_offset,
        append_time_ms: match partition.timestamp_type() {
            TimestampType::CreateTime => NO_TIMESTAMP,
            TimestampType::LogAppendTime => rules.now_ms,
        },
    })
}

/// The answer to a retry: where the first copy is, and which time the log gave it.
fn stored_before(partition: &Partition, base_offset: i64, last_offset: i64) -> Admitted {
    let append_time_ms = match partition.timestamp_type() {
        TimestampType::CreateTime => Ok(NO_TIMESTAMP),
        TimestampType::LogAppendTime => partition
            .batch_at(base_offset)
            .map(|stored| stored.max_timestamp()),
    };
    Admitted {
        base_offset,
        last_offset,
        append_time_ms: append_time_ms.unwrap_or_else(|error| {
            tracing::warn!(%error, partition = partition.path(), base_offset, "a stored batch cannot be read");
            NO_TIMESTAMP
        }),
    }
}

/// Exactly one whole batch, with the checksum its bytes have.
fn whole_batch(records: Option<&Bytes>, version: i16) -> Result<Batch, Rejection> {
    let invalid = |what: &str| {
        let sentence = format!("Produce requests with version {version} must have {what} per partition");
        Rejection::new(ErrorCode::InvalidRecord, sentence)
    };
    let bytes = records
        .filter(|bytes| !bytes.is_empty())
        .ok_or_else(|| invalid("at least one record batch"))?;
    let (batch, end) = Batch::parse(bytes, 0).map_err(unreadable)?;
    if end != bytes.len() {
        return Err(invalid("exactly one record batch"));
    }
    let batch = batch.verified().map_err(unreadable)?;
    batch.check_produced().map_err(unreadable)?;
    if batch.compression() == Compression::Zstd && version < ZSTD_SINCE {
        let sentence = format!("Produce requests with version {version} may not use zstd");
        return Err(Rejection::new(ErrorCode::UnsupportedCompressionType, sentence));
    }
    Ok(batch)
}

fn unreadable(error: BatchError) -> Rejection {
    Rejection::new(error.code(), error.to_string())
}

/// What a header may say.
fn check_header(rules: &Rules<'_>, topic: &Topic, batch: &Batch) -> Result<(), Rejection> {
    let size = batch.bytes().len();
    let max = topic
        .settings
        .message_bytes_max
        .unwrap_or(rules.shared.config.message_bytes_max);
    if size > max {
        let sentence = format!(
            "The batch has {size} bytes; topic '{}' takes at most {max}",
            topic.name
        );
        return Err(Rejection::new(ErrorCode::MessageTooLarge, sentence));
    }
    let count = usize::try_from(batch.count()).unwrap_or(0);
    if count > rules.shared.config.batch_records_max {
        // Clients answer this code by splitting the batch.
        let max = rules.shared.config.batch_records_max;
        let sentence = format!("The batch has {count} records; this broker takes at most {max} at once");
        return Err(Rejection::new(ErrorCode::MessageTooLarge, sentence));
    }
    let identified = batch.producer_id() >= 0;
    let sequenced = batch.base_sequence() >= 0 && batch.producer_epoch() >= 0;
    if identified && !sequenced {
        let sentence = format!(
            "Producer {} sent sequence {} of epoch {}: neither may be negative",
            batch.producer_id(),
            batch.base_sequence(),
            batch.producer_epoch()
        );
        return Err(Rejection::new(ErrorCode::InvalidRecord, sentence));
    }
    Ok(())
}

/// What reading over the records of a batch comes to.
struct Look<'a> {
    rules: &'a Rules<'a>,
    topic: &'a Topic,
    /// Whether times are the producer's to give.
    by_producer: bool,
    max_timestamp: i64,
    headers: usize,
    /// Whether a record expects a revision.
    is_conditional: bool,
    /// Records without a key, where each needs one.
    keyless: Vec<Refusal>,
    /// Records whose time is out of the topic's bounds.
    untimely: Vec<Refusal>,
}

impl Look<'_> {
    fn see(&mut self, seen: Seen) {
        self.max_timestamp = self.max_timestamp.max(seen.timestamp_ms);
        self.headers += seen.headers;
        self.is_conditional |= seen.has_sought;
        if self.topic.settings.compacts && !seen.has_key {
            let sentence = || "Compacted topic cannot accept message without key".to_owned();
            blame(&mut self.keyless, "NO_KEY", seen.index, sentence);
        }
        if self.by_producer
            && let Some((earliest, latest)) = out_of_bounds(self.rules, self.topic, seen.timestamp_ms)
        {
            blame(&mut self.untimely, "TIMESTAMP_OUT_OF_RANGE", seen.index, || {
                format!(
                    "Timestamp {} is out of range: it should be within [{earliest}, {latest}]",
                    seen.timestamp_ms
                )
            });
        }
    }

    /// The batch with the times its records have, and whether any expects a revision: no more headers than a batch may have,
    /// a key where the topic is compacted, every timestamp within the topic's bounds where it is the producer's to give.
    fn passed(self, batch: Batch) -> Result<(Batch, bool), Rejection> {
        for (code, faults) in [
            (ErrorCode::InvalidRecord, self.keyless),
            (ErrorCode::InvalidTimestamp, self.untimely),
        ] {
            if !faults.is_empty() {
                return Err(Rejection::of_records(code, faults));
            }
        }
        let (headers, headers_max) = (self.headers, self.rules.shared.config.batch_headers_max);
        if headers > headers_max {
            let sentence = format!(
                "The batch has {headers} record headers; this broker takes at most {headers_max} at once"
            );
            return Err(Rejection::new(ErrorCode::MessageTooLarge, sentence));
        }
        let batch = match self.by_producer {
            true => batch.with_max_timestamp(self.max_timestamp),
            // The log's own time is written over it.
            false => batch,
        };
        Ok((batch, self.is_conditional))
    }
}

fn blame(faults: &mut Vec<Refusal>, code: &'static str, index: i32, sentence: impl FnOnce() -> String) {
    let told = faults.len() < TOLD_MAX;
    let sentence = if told { sentence() } else { String::new() };
    faults.push(Refusal::new(index, code, sentence));
}

/// Reads every record: none malformed. Of a batch that is not unpacked, up to the first that expects a revision.
fn look_over<'a>(
    rules: &'a Rules<'a>,
    topic: &'a Topic,
    partition: &Partition,
    batch: &Batch,
    unpacked: Option<&Records>,
) -> Result<Look<'a>, Rejection> {
    if batch.timestamp_type() == TimestampType::LogAppendTime {
        let sentence = "A producer may not set the timestamp type to LogAppendTime";
        return Err(Rejection::new(ErrorCode::InvalidTimestamp, sentence));
    }
    let mut look = Look {
        rules,
        topic,
        by_producer: partition.timestamp_type() == TimestampType::CreateTime,
        max_timestamp: NO_TIMESTAMP,
        headers: 0,
        is_conditional: false,
        keyless: Vec::new(),
        untimely: Vec::new(),
    };
    let mut see = |seen: Seen| {
        look.see(seen);
        match seen.has_sought && unpacked.is_none() {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        }
    };
    match unpacked {
        Some(records) => records.check(expected::HEADER, &mut see),
        None => batch.check_records(partition.decompressed_bytes_max(), expected::HEADER, &mut see),
    }
    .map_err(unreadable)?;
    Ok(look)
}

/// The topic's bounds, when a timestamp is out of them; -1 means the record has none.
fn out_of_bounds(rules: &Rules<'_>, topic: &Topic, timestamp_ms: i64) -> Option<(i64, i64)> {
    let settings = &topic.settings;
    let earliest = rules.now_ms.saturating_sub(settings.timestamp_before_max_ms);
    let latest = rules.now_ms.saturating_add(settings.timestamp_after_max_ms);
    let within = timestamp_ms == NO_TIMESTAMP || (earliest..=latest).contains(&timestamp_ms);
    (!within).then_some((earliest, latest))
}

/// What the log's refusal means to a client.
fn not_appended(error: AppendError) -> Rejection {
    let code = match &error {
        AppendError::Condition(conditions) => return expected::not_held(conditions),
        AppendError::OutOfOrderSequence { .. } => ErrorCode::OutOfOrderSequenceNumber,
        AppendError::InvalidProducerEpoch { .. } => ErrorCode::InvalidProducerEpoch,
        AppendError::OutsideTransaction { .. } => ErrorCode::InvalidTxnState,
        AppendError::TooManyTransactions { .. } => ErrorCode::PolicyViolation,
        AppendError::Corrupt(cause) => cause.code(),
        AppendError::TooLarge { .. } => ErrorCode::RecordListTooLarge,
        AppendError::Removed => ErrorCode::UnknownTopicOrPartition,
        AppendError::LogFailed(_) | AppendError::Io { .. } | AppendError::Damaged(_) => {
            ErrorCode::KafkaStorageError
        }
        AppendError::TimedOut { .. } => ErrorCode::RequestTimedOut,
        _ => ErrorCode::UnknownServerError,
    };
    Rejection::new(code, error.to_string())
}
