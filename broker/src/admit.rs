//! One batch on its way into a partition: every check, in order, and the append.
//!
//! Order and its reasons: shape and checksum (are these the bytes the producer sent), header (may a producer send
//! this), sequence *without changing it* (a retry of an acknowledged batch is answered with its first offset before
//! anyone judges it again), records and timestamps, the guard, and only then the append, which checks the sequence
//! once more under the partition's lock. So a refused batch leaves no trace and its producer goes on.
//!
//! A compressed batch is opened only when the guard wants to see it. Left out: keyless checks (no compaction yet).

use annals_kafka_wire::batch::{Batch, Compression, Record, TimestampType};
use annals_kafka_wire::error::ErrorCode;
use annals_segment_log::{AppendError, Partition, Sequence};
use bytes::Bytes;

use crate::config::BrokerConfig;
use crate::guard::{Guard, Refusal};
use crate::topic::Topic;

/// The first version of Produce whose clients know zstd.
const ZSTD_SINCE: i16 = 7;

/// How many refused records are told why; the others are only listed.
const SENTENCES_MAX: usize = 32;

/// The longest sentence about one record, in characters.
const SENTENCE_CHARS_MAX: usize = 200;

/// What a batch is checked against besides its topic.
pub(crate) struct Rules<'a> {
    pub(crate) config: &'a BrokerConfig,
    pub(crate) guard: &'a dyn Guard,
    /// The version of the Produce request.
    pub(crate) version: i16,
    pub(crate) now_ms: i64,
}

/// Where an appended batch is, or its first copy when it was a retry.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Admitted {
    pub(crate) base_offset: i64,
    pub(crate) last_offset: i64,
}

/// Why a batch was not appended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Rejection {
    pub(crate) code: ErrorCode,
    pub(crate) sentence: String,
    /// Every record at fault by index, the first of them with their reason.
    pub(crate) records: Vec<(i32, Option<String>)>,
}

impl Rejection {
    pub(crate) fn new(code: ErrorCode, sentence: impl Into<String>) -> Rejection {
        Rejection {
            code,
            sentence: sentence.into(),
            records: Vec::new(),
        }
    }

    /// Of records: the batch gets the first one's sentence.
    fn of_records(code: ErrorCode, mut refusals: Vec<Refusal>) -> Rejection {
        refusals.sort_by_key(|refusal| refusal.index);
        refusals.dedup_by_key(|refusal| refusal.index);
        let mut records: Vec<(i32, Option<String>)> = Vec::with_capacity(refusals.len());
        for Refusal { index, sentence } in refusals {
            let told = records.len() < SENTENCES_MAX;
            records.push((
                index,
                told.then(|| sentence.chars().take(SENTENCE_CHARS_MAX).collect()),
            ));
        }
        let sentence = records
            .first()
            .and_then(|first| first.1.clone())
            .unwrap_or_default();
        Rejection {
            code,
            sentence,
            records,
        }
    }
}

/// Checks the records of one partition of a Produce request and appends them.
pub(crate) fn admit(
    rules: &Rules<'_>,
    topic: &Topic,
    partition: &Partition,
    records: Option<&Bytes>,
) -> Result<Admitted, Rejection> {
    let batch = whole_batch(records, rules.version)?;
    check_header(rules, topic, &batch)?;
    if let Sequence::Duplicate {
        base_offset,
        last_offset,
    } = partition.check(&batch).map_err(not_appended)?
    {
        return Ok(Admitted {
            base_offset,
            last_offset,
        });
    }
    let judged = rules.guard.admits(topic);
    let mut records = Vec::new();
    if judged || batch.compression() == Compression::None {
        records = opened(rules, &batch)?;
    }
    check_times(rules, topic, &batch, &records)?;
    if judged {
        let refusals = rules.guard.judge(topic, &mut records.iter());
        if !refusals.is_empty() {
            return Err(Rejection::of_records(ErrorCode::InvalidRecord, refusals));
        }
    }
    let appended = partition.append(&batch, rules.now_ms).map_err(not_appended)?;
    Ok(Admitted {
        base_offset: appended.base_offset,
        last_offset: appended.last_offset,
    })
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
    let unreadable =
        |error: annals_kafka_wire::batch::BatchError| Rejection::new(error.code(), error.to_string());
    let (batch, end) = Batch::parse(bytes, 0).map_err(unreadable)?;
    if end != bytes.len() {
        return Err(invalid("exactly one record batch"));
    }
    batch.verify_crc().map_err(unreadable)?;
    batch.check_produced().map_err(unreadable)?;
    if batch.compression() == Compression::Zstd && version < ZSTD_SINCE {
        let sentence = format!("Produce requests with version {version} may not use zstd");
        return Err(Rejection::new(ErrorCode::UnsupportedCompressionType, sentence));
    }
    Ok(batch)
}

/// What a header may say.
fn check_header(rules: &Rules<'_>, topic: &Topic, batch: &Batch) -> Result<(), Rejection> {
    let size = batch.bytes().len();
    let max = topic
        .settings
        .message_bytes_max
        .unwrap_or(rules.config.message_bytes_max);
    if size > max {
        let sentence = format!(
            "The batch has {size} bytes; topic '{}' takes at most {max}",
            topic.name
        );
        return Err(Rejection::new(ErrorCode::MessageTooLarge, sentence));
    }
    let count = usize::try_from(batch.count()).unwrap_or(0);
    if count > rules.config.batch_records_max {
        // Clients answer this code by splitting the batch.
        let max = rules.config.batch_records_max;
        let sentence = format!("The batch has {count} records; this broker takes at most {max} at once");
        return Err(Rejection::new(ErrorCode::MessageTooLarge, sentence));
    }
    if batch.is_transactional() {
        let sentence = "This broker has no transactions: produce without a transactional id";
        return Err(Rejection::new(ErrorCode::InvalidTxnState, sentence));
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

/// The records, decompressed within limits, and none malformed.
fn opened(rules: &Rules<'_>, batch: &Batch) -> Result<Vec<Record>, Rejection> {
    let limit = rules.config.batch_decompressed_bytes_max;
    batch
        .records(limit)
        .and_then(Iterator::collect)
        .map_err(|error: annals_kafka_wire::batch::BatchError| {
            Rejection::new(error.code(), error.to_string())
        })
}

/// Timestamps within the topic's bounds: of every record in hand, and of the header, which time lookups go by.
fn check_times(rules: &Rules<'_>, topic: &Topic, batch: &Batch, records: &[Record]) -> Result<(), Rejection> {
    let invalid = |sentence: String| Rejection::new(ErrorCode::InvalidTimestamp, sentence);
    if batch.timestamp_type() == TimestampType::LogAppendTime {
        return Err(invalid(
            "A producer may not set the timestamp type to LogAppendTime".to_owned(),
        ));
    }
    let fault_of = |record: &Record| {
        let sentence = time_fault(rules, topic, record.timestamp_ms)?;
        Some(Refusal {
            index: record.index,
            sentence,
        })
    };
    let faults: Vec<Refusal> = records.iter().filter_map(fault_of).collect();
    if !faults.is_empty() {
        return Err(Rejection::of_records(ErrorCode::InvalidTimestamp, faults));
    }
    time_fault(rules, topic, batch.max_timestamp()).map_or(Ok(()), |sentence| Err(invalid(sentence)))
}

/// Why a timestamp is out of the topic's bounds; -1 means the record has none.
fn time_fault(rules: &Rules<'_>, topic: &Topic, timestamp_ms: i64) -> Option<String> {
    let settings = &topic.settings;
    let earliest = rules.now_ms.saturating_sub(settings.timestamp_before_max_ms);
    let latest = rules.now_ms.saturating_add(settings.timestamp_after_max_ms);
    if timestamp_ms == -1 || (earliest..=latest).contains(&timestamp_ms) {
        return None;
    }
    Some(format!(
        "Timestamp {timestamp_ms} is out of range: it should be within [{earliest}, {latest}]"
    ))
}

/// What the log's refusal means to a client.
fn not_appended(error: AppendError) -> Rejection {
    let code = match &error {
        AppendError::OutOfOrderSequence { .. } => ErrorCode::OutOfOrderSequenceNumber,
        AppendError::InvalidProducerEpoch { .. } => ErrorCode::InvalidProducerEpoch,
        AppendError::Corrupt(cause) => cause.code(),
        AppendError::TooLarge { .. } => ErrorCode::RecordListTooLarge,
        AppendError::LogFailed(_) | AppendError::Io(_) => ErrorCode::KafkaStorageError,
        AppendError::TimedOut { .. } => ErrorCode::RequestTimedOut,
        _ => ErrorCode::UnknownServerError,
    };
    Rejection::new(code, error.to_string())
}
