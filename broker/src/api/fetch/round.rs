//! Reading the partitions of a Fetch, in the order asked: clients and sessions turn the order so that all get their
//! share.
//!
//! Whoever keeps up reads what is still in memory, on the thread that serves its connection; what lies on the disk may
//! block, and is read elsewhere, a piece at a time.

use std::sync::Arc;

use annals_kafka_wire::batch::batches;
use annals_kafka_wire::error::ErrorCode;
use annals_kafka_wire::message::fetch::{AbortedTransaction, EpochEndOffset, FetchPartition, PartitionData};
use annals_segment_log::{Aborted, Partition, ReadError};
use bytes::Bytes;
use tokio::task::JoinError;

use super::asked::{Asked, partition_of};
use super::epoch_error;
use crate::broker::Shared;

/// Partitions looked at, and bytes read, in one go: then it is somebody else's turn.
pub(super) const PIECE_PARTITIONS: usize = 64;
const PIECE_BYTES: usize = 1024 * 1024;

/// What has been read.
#[derive(Default)]
pub(super) struct Round {
    /// Of every partition, as far as this has come.
    pub(super) partitions: Vec<PartitionData>,
    /// Bytes of records.
    pub(super) bytes: usize,
    /// Whether some partition has an error.
    pub(super) failed: bool,
    /// Whether some partition has more than could be given: then there is nothing to wait for.
    pub(super) full: bool,
    /// The bytes of the first batch, when there was no room for it: then nothing was read.
    pub(super) first_bytes: Option<usize>,
}

/// Where a read may go for what it reads.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    /// Not further than memory: this thread serves connections.
    Memory,
    Disk,
}

/// Reads every partition asked for. No more than `most` is read.
pub(super) async fn read_all(
    shared: &Arc<Shared>,
    asked: &Arc<Asked>,
    most: usize,
) -> Result<Round, JoinError> {
    let mut round = Round::default();
    loop {
        let before = round.partitions.len();
        round.read_piece(shared, asked, most, Reach::Memory);
        if round.is_over(asked) {
            return Ok(round);
        }
        if round.partitions.len() > before {
            tokio::task::yield_now().await;
            continue;
        }
        let (reading, asked) = (Arc::clone(shared), Arc::clone(asked));
        let piece = shared.look_up(move || {
            round.read_piece(&reading, &asked, most, Reach::Disk);
            round
        });
        round = piece.await?;
    }
}

impl Round {
    fn is_over(&self, asked: &Asked) -> bool {
        self.first_bytes.is_some() || self.partitions.len() >= asked.wanted.len()
    }

    /// Reads the next partitions, up to one that is out of reach.
    pub(super) fn read_piece(&mut self, shared: &Shared, asked: &Asked, most: usize, reach: Reach) {
        let topics = shared.topics.now();
        let bytes_max = asked.bytes_max(shared).min(most);
        let enough = self.bytes + PIECE_BYTES;
        let next = asked.wanted.iter().skip(self.partitions.len());
        for wanted in next.take(PIECE_PARTITIONS) {
            if self.bytes >= enough {
                return;
            }
            let one = &wanted.asked;
            let partition = match partition_of(&topics, wanted) {
                Ok(partition) => partition,
                Err(error) => {
                    self.failed = true;
                    self.partitions.push(refused(one, error));
                    continue;
                }
            };
            let end = asked.end(partition);
            let is_behind = one.fetch_offset < end;
            if reach == Reach::Memory && is_on_disk(partition, one, is_behind) {
                return;
            }
            let first_bytes = match is_behind {
                true => first_bytes(partition, one),
                false => 0,
            };
            if self.bytes == 0 && first_bytes > most {
                self.first_bytes = Some(first_bytes);
                return;
            }
            let left = bytes_max.saturating_sub(self.bytes);
            let limit = usize::try_from(one.partition_max_bytes).unwrap_or(0).min(left);
            // The first records found are given whatever the limits; the others wait for the next request.
            let too_many = self.bytes > 0 && first_bytes > limit;
            let read = if too_many {
                given(asked, partition, one, Bytes::new(), &[])
            } else {
                read_one(asked, partition, one, limit)
            };
            let records = read.records.as_ref().filter(|records| !records.is_empty());
            self.full |= too_many || records.is_some_and(|records| end_of(records) < end);
            self.failed |= read.error_code != ErrorCode::None.code() || read.diverging_epoch.epoch >= 0;
            self.bytes += records.map_or(0, Bytes::len);
            self.partitions.push(read);
        }
    }
}

/// Whether reading a partition may mean reading from the disk.
fn is_on_disk(partition: &Partition, asked: &FetchPartition, is_behind: bool) -> bool {
    asked.last_fetched_epoch >= 0 || is_behind && !partition.is_in_memory(asked.fetch_offset)
}

/// What the batch at the offset asked for weighs; nothing, when there is none or the read will say what is wrong.
fn first_bytes(partition: &Partition, asked: &FetchPartition) -> usize {
    partition.batch_bytes(asked.fetch_offset).unwrap_or(0)
}

/// The offset behind the last of some batches.
fn end_of(records: &Bytes) -> i64 {
    let last = batches(records).filter_map(Result::ok).last();
    last.map_or(i64::MAX, |last| last.last_offset() + 1)
}

fn read_one(request: &Asked, partition: &Partition, asked: &FetchPartition, most: usize) -> PartitionData {
    // Here whatever is below 0 is none.
    if let Some(error) = epoch_error(partition, asked.current_leader_epoch.max(-1)) {
        return refused(asked, error);
    }
    match read_records(request, partition, asked, most) {
        Ok(data) => data,
        Err(ReadError::OutOfRange { .. }) => refused(asked, ErrorCode::OffsetOutOfRange),
        // The log has said so; a client that is told does not ask for the same bytes for ever.
        Err(ReadError::Damaged(_)) => refused(asked, ErrorCode::CorruptMessage),
        Err(error) => {
            tracing::error!(%error, partition = asked.partition, "a partition could not be read");
            refused(asked, ErrorCode::KafkaStorageError)
        }
    }
}

fn read_records(
    request: &Asked,
    partition: &Partition,
    asked: &FetchPartition,
    most: usize,
) -> Result<PartitionData, ReadError> {
    if let Some(diverging_epoch) = parted(partition, asked)? {
        return Ok(PartitionData {
            diverging_epoch,
            ..given(request, partition, asked, Bytes::new(), &[])
        });
    }
    let mut offset = asked.fetch_offset;
    loop {
        let (records, aborted) = if request.is_committed_only() {
            let read = partition.read_committed(offset, most)?;
            (read.bytes, read.aborted)
        } else {
            (partition.read(offset, most)?, Vec::new())
        };
        match behind_the_empty(&records) {
            Some(next) if next < request.end(partition) && partition.batch_bytes(next)? <= most => {
                offset = next
            }
            _ => return Ok(given(request, partition, asked, records, &aborted)),
        }
    }
}

/// The offset behind batches of which compaction left no record. librdkafka takes an answer of nothing else for a sign
/// that a record is too large for it: what stands behind is given instead, where it fits.
fn behind_the_empty(records: &Bytes) -> Option<i64> {
    let mut next = None;
    for batch in batches(records).map_while(Result::ok) {
        if batch.count() > 0 {
            return None;
        }
        next = Some(batch.last_offset() + 1);
    }
    next
}

/// Where the log of a client parted from this one: its last record is of an epoch that ended before the offset it asks
/// for. An epoch that this log cannot tell the end of is answered as an offset it does not have, as with Kafka.
fn parted(partition: &Partition, asked: &FetchPartition) -> Result<Option<EpochEndOffset>, ReadError> {
    let epoch = asked.last_fetched_epoch;
    if epoch < 0 {
        return Ok(None);
    }
    let (start, high_watermark) = (partition.log_start_offset(), partition.high_watermark());
    let out_of_range = ReadError::OutOfRange {
        start,
        end: high_watermark,
    };
    let Some(end) = partition
        .epoch_end(epoch)?
        .filter(|_| asked.fetch_offset >= start)
    else {
        return Err(out_of_range);
    };
    let is_parted = end.epoch < epoch || end.end_offset < asked.fetch_offset;
    Ok(is_parted.then_some(EpochEndOffset {
        epoch: end.epoch,
        end_offset: end.end_offset,
    }))
}

fn given(
    request: &Asked,
    partition: &Partition,
    asked: &FetchPartition,
    records: Bytes,
    aborted: &[Aborted],
) -> PartitionData {
    let aborted = aborted.iter().map(|aborted| AbortedTransaction {
        producer_id: aborted.producer_id,
        first_offset: aborted.first_offset,
    });
    PartitionData {
        partition_index: asked.partition,
        high_watermark: partition.high_watermark(),
        last_stable_offset: partition.last_stable_offset(),
        log_start_offset: partition.log_start_offset(),
        aborted_transactions: request.is_committed_only().then(|| aborted.collect()),
        preferred_read_replica: -1,
        records: Some(records),
        ..PartitionData::default()
    }
}

fn refused(asked: &FetchPartition, error: ErrorCode) -> PartitionData {
    PartitionData {
        partition_index: asked.partition,
        error_code: error.code(),
        high_watermark: -1,
        last_stable_offset: -1,
        log_start_offset: -1,
        preferred_read_replica: -1,
        records: Some(Bytes::new()),
        ..PartitionData::default()
    }
}
