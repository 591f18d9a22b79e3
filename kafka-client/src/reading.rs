//! Reading: where partitions begin and end, and their records.

use std::collections::BTreeMap;
use std::time::Duration;

use annals_kafka_wire::batch::{BatchError, Record, batches};
use annals_kafka_wire::message::fetch::{
    AbortedTransaction, FetchPartition, FetchRequest, FetchTopic, PartitionData,
};
use annals_kafka_wire::message::list_offsets::{ListOffsetsPartition, ListOffsetsRequest, ListOffsetsTopic};
use bytes::Bytes;

use crate::{ANSWER_TIMEOUT, Client, ClientError, ErrorCode, accepted, unexpected};

/// How much one fetch asks for, in bytes.
const FETCH_BYTES_MAX: i32 = 4 * 1024 * 1024;

/// Which records are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Isolation {
    /// All, those of open and aborted transactions among them.
    Uncommitted,
    /// Only what is committed for good.
    #[default]
    Committed,
}

/// A place to ask the offset of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// The first record that is still there.
    Start,
    /// Behind the last record that may be read.
    End,
    /// The first record of this time or later, in milliseconds since 1970.
    Time(i64),
}

/// Records of one partition.
#[derive(Debug, Clone, PartialEq)]
pub struct Fetched {
    /// The offset after the last durable record of the partition.
    pub high_watermark: i64,
    /// The records from the offset asked for; empty at the end.
    pub records: Vec<Record>,
}

/// What one fetch gave of one of several partitions.
#[derive(Debug, Clone, PartialEq)]
pub struct Portion {
    /// The partition.
    pub partition: i32,
    /// Its records: no markers of transactions, and none that may not be read.
    pub records: Vec<Record>,
    /// Where to read on.
    pub next_offset: i64,
}

impl Client {
    /// The offset of the first record of this time (milliseconds since 1970) or later; -1 asks for the end of the
    /// partition, -2 for its start. `None` when there is no such record.
    ///
    /// # Errors
    /// [`ClientError::Broker`] with the broker's reason.
    pub async fn offset_for_time(
        &mut self,
        topic: &str,
        partition: i32,
        timestamp: i64,
    ) -> Result<Option<i64>, ClientError> {
        let found = self
            .list_offsets(topic, &[partition], timestamp, Isolation::Uncommitted)
            .await?;
        Ok(found.get(&partition).copied().flatten())
    }

    /// The offset of a place in each of these partitions; `None` where no record is so late.
    ///
    /// # Errors
    /// [`ClientError::Broker`] with the broker's reason.
    pub async fn offsets_at(
        &mut self,
        topic: &str,
        partitions: &[i32],
        place: Place,
        isolation: Isolation,
    ) -> Result<BTreeMap<i32, Option<i64>>, ClientError> {
        let timestamp = match place {
            Place::Start => -2,
            Place::End => -1,
            // Negative times are the protocol's special ones.
            Place::Time(ms) => ms.max(0),
        };
        self.list_offsets(topic, partitions, timestamp, isolation).await
    }

    async fn list_offsets(
        &mut self,
        topic: &str,
        partitions: &[i32],
        timestamp: i64,
        isolation: Isolation,
    ) -> Result<BTreeMap<i32, Option<i64>>, ClientError> {
        let asked = |partition: &i32| ListOffsetsPartition {
            partition_index: *partition,
            timestamp,
            ..ListOffsetsPartition::default()
        };
        let request = ListOffsetsRequest {
            replica_id: -1,
            isolation_level: i8::from(isolation == Isolation::Committed),
            topics: vec![ListOffsetsTopic {
                name: topic.to_owned(),
                partitions: partitions.iter().map(asked).collect(),
            }],
            ..ListOffsetsRequest::default()
        };
        let found = self.call(&request).await?.topics.into_iter().next();
        let found = found.ok_or_else(|| unexpected("no topic in it"))?;
        let mut offsets = BTreeMap::new();
        for partition in found.partitions {
            accepted(partition.error_code, None)?;
            let offset = Some(partition.offset).filter(|offset| *offset >= 0);
            offsets.insert(partition.partition_index, offset);
        }
        match partitions.iter().all(|partition| offsets.contains_key(partition)) {
            true => Ok(offsets),
            false => Err(unexpected("a partition is missing")),
        }
    }

    /// Records of one partition from `offset` on, markers of transactions included; at the end, waits for one up to
    /// `wait_max`.
    ///
    /// # Errors
    /// [`ClientError::Broker`] with OFFSET_OUT_OF_RANGE beyond the ends, [`ClientError::Records`] when what came
    /// cannot be read.
    pub async fn fetch(
        &mut self,
        topic: &str,
        partition: i32,
        offset: i64,
        wait_max: Duration,
    ) -> Result<Fetched, ClientError> {
        let from = BTreeMap::from([(partition, offset)]);
        let answered = self.ask_for_records(topic, &from, Isolation::Uncommitted, wait_max, FETCH_BYTES_MAX);
        let found = answered.await?.into_iter().next();
        let found = found.ok_or_else(|| unexpected("no partition in it"))?;
        accepted(found.error_code, None)?;
        let records = records_from(&found.records.unwrap_or_default(), offset);
        Ok(Fetched {
            high_watermark: found.high_watermark,
            records: records.map_err(unreadable(topic, partition, offset))?,
        })
    }

    /// Records of several partitions, each from its offset on; when there are none, waits for one up to `wait_max`.
    ///
    /// # Errors
    /// As [`Client::fetch`].
    pub async fn fetch_all(
        &mut self,
        topic: &str,
        from: &BTreeMap<i32, i64>,
        isolation: Isolation,
        wait_max: Duration,
    ) -> Result<Vec<Portion>, ClientError> {
        let mut portions = Vec::new();
        let answered = self.ask_for_records(topic, from, isolation, wait_max, FETCH_BYTES_MAX);
        for found in answered.await? {
            let partition = found.partition_index;
            accepted(found.error_code, None)?;
            let Some(offset) = from.get(&partition).copied() else {
                return Err(unexpected("a partition in it was not asked for"));
            };
            let portion = portion(found, offset, isolation);
            portions.push(portion.map_err(unreadable(topic, partition, offset))?);
        }
        Ok(portions)
    }

    /// The record at an offset and what comes with it: those behind it in its batch, and in others within so many bytes.
    ///
    /// # Errors
    /// As [`Client::fetch`].
    pub async fn fetch_at(
        &mut self,
        topic: &str,
        partition: i32,
        offset: i64,
        bytes_max: i32,
    ) -> Result<Vec<Record>, ClientError> {
        let from = BTreeMap::from([(partition, offset)]);
        let answered = self.ask_for_records(topic, &from, Isolation::Uncommitted, Duration::ZERO, bytes_max);
        let found = answered.await?.into_iter().next();
        let found = found.ok_or_else(|| unexpected("no partition in it"))?;
        accepted(found.error_code, None)?;
        let portion = portion(found, offset, Isolation::Uncommitted);
        Ok(portion.map_err(unreadable(topic, partition, offset))?.records)
    }

    async fn ask_for_records(
        &mut self,
        topic: &str,
        from: &BTreeMap<i32, i64>,
        isolation: Isolation,
        wait_max: Duration,
        bytes_max: i32,
    ) -> Result<Vec<PartitionData>, ClientError> {
        let asked = |(partition, offset): (&i32, &i64)| FetchPartition {
            partition: *partition,
            fetch_offset: *offset,
            partition_max_bytes: bytes_max,
            ..FetchPartition::default()
        };
        let request = FetchRequest {
            max_wait_ms: i32::try_from(wait_max.as_millis()).unwrap_or(i32::MAX),
            min_bytes: 1,
            max_bytes: bytes_max,
            isolation_level: i8::from(isolation == Isolation::Committed),
            topics: vec![FetchTopic {
                topic: topic.to_owned(),
                partitions: from.iter().map(asked).collect(),
                ..FetchTopic::default()
            }],
            ..FetchRequest::default()
        };
        let version = self.link.version::<FetchRequest>()?;
        let answer = self
            .link
            .call(&request, version, ANSWER_TIMEOUT + wait_max)
            .await?;
        accepted(answer.error_code, None)?;
        let topic = answer.responses.into_iter().next();
        Ok(topic.map(|topic| topic.partitions).unwrap_or_default())
    }
}

impl ClientError {
    /// Whether an offset asked for is not there: the partition begins behind it by now, or ends before.
    #[must_use]
    pub fn is_out_of_range(&self) -> bool {
        let code = ErrorCode::OffsetOutOfRange;
        matches!(self, ClientError::Broker { code: told, .. } if *told == code)
    }
}

fn unreadable(topic: &str, partition: i32, offset: i64) -> impl FnOnce(BatchError) -> ClientError {
    let topic = topic.to_owned();
    move |cause| ClientError::Records {
        topic,
        partition,
        offset,
        cause,
    }
}

/// The most a batch may give when decompressed, in bytes: 256 MiB. What brokers take is bounded by their own settings,
/// which a client does not know; this bounds what a hostile one costs.
const UNPACKED_BYTES_MAX: usize = 256 << 20;

/// The records of whole batches, those before `offset` left out.
fn records_from(bytes: &Bytes, offset: i64) -> Result<Vec<Record>, BatchError> {
    let mut records = Vec::new();
    for batch in batches(bytes) {
        let batch = batch?;
        batch.verify_crc()?;
        for record in batch.records(UNPACKED_BYTES_MAX)? {
            records.extend(Some(record?).filter(|record| record.offset >= offset));
        }
    }
    Ok(records)
}

/// What an answer gives of a partition, and where to read on. What comes last may have been cut off: brokers send as
/// many bytes as were asked for.
fn portion(found: PartitionData, offset: i64, isolation: Isolation) -> Result<Portion, BatchError> {
    let bytes = found.records.unwrap_or_default();
    let mut aborted = match isolation {
        Isolation::Committed => found.aborted_transactions.unwrap_or_default(),
        Isolation::Uncommitted => Vec::new(),
    };
    let mut portion = Portion {
        partition: found.partition_index,
        records: Vec::new(),
        next_offset: offset,
    };
    for batch in batches(&bytes) {
        let batch = match batch {
            Err(BatchError::Truncated { .. }) if portion.next_offset > offset => break,
            batch => batch?,
        };
        batch.verify_crc()?;
        portion.next_offset = portion.next_offset.max(batch.last_offset() + 1);
        if batch.is_control() {
            // A marker ends the producer's transaction: what it writes behind it is another one's.
            let ended = |of: &AbortedTransaction| {
                of.producer_id == batch.producer_id() && of.first_offset <= batch.base_offset()
            };
            if let Some(index) = first_by_offset(&aborted, ended) {
                aborted.swap_remove(index);
            }
            continue;
        }
        let is_aborted = batch.is_transactional()
            && aborted
                .iter()
                .any(|of| of.producer_id == batch.producer_id() && of.first_offset <= batch.base_offset());
        if is_aborted {
            continue;
        }
        for record in batch.records(UNPACKED_BYTES_MAX)? {
            let record = record?;
            portion
                .records
                .extend(Some(record).filter(|record| record.offset >= offset));
        }
    }
    Ok(portion)
}

/// The place of the earliest transaction of these.
fn first_by_offset(
    aborted: &[AbortedTransaction],
    is_meant: impl Fn(&AbortedTransaction) -> bool,
) -> Option<usize> {
    let meant = aborted.iter().enumerate().filter(|(_, of)| is_meant(of));
    Some(meant.min_by_key(|(_, of)| of.first_offset)?.0)
}

#[cfg(test)]
mod tests {
    use annals_kafka_wire::batch::{Batch, BatchBuilder, Marker};

    use super::*;

    /// What one fetch gives of a log of these batches, each moved behind the one before.
    fn log(batches: &[Bytes]) -> Bytes {
        let mut log = Vec::new();
        let mut next = 0;
        for batch in batches {
            let batch = Batch::with_head(batch, next, 0).unwrap();
            next = batch.last_offset() + 1;
            log.extend_from_slice(batch.bytes());
        }
        log.into()
    }

    fn of(producer: i64, value: &str) -> Bytes {
        let mut batch = BatchBuilder::new().producer(producer, 0, 0).transactional();
        batch.push(0, None, Some(value.as_bytes()), &[]);
        batch.build()
    }

    fn ends(producer: i64, committed: bool) -> Bytes {
        let marker = Marker {
            committed,
            coordinator_epoch: 0,
        };
        marker.build(0, producer, 0)
    }

    #[test]
    fn aborted_records_and_markers_are_passed_over() {
        let records = log(&[
            of(7, "aborted"),         // 0
            of(8, "beside it"),       // 1
            ends(7, false),           // 2
            of(7, "after it"),        // 3
            ends(7, true),            // 4
            ends(8, true),            // 5
            of(7, "aborted as well"), // 6
            ends(7, false),           // 7
        ]);
        let aborted = |first_offset| AbortedTransaction {
            producer_id: 7,
            first_offset,
        };
        let check = |from: i64, bytes: Bytes, isolation, wanted: &[&str], next: i64| {
            let found = PartitionData {
                records: Some(bytes),
                aborted_transactions: Some(vec![aborted(6), aborted(0)]),
                ..PartitionData::default()
            };
            let portion = portion(found, from, isolation).unwrap();
            let values = portion.records.iter().map(|record| record.value.clone().unwrap());
            assert_eq!(values.collect::<Vec<_>>(), wanted, "{isolation:?} from {from}");
            assert_eq!(portion.next_offset, next, "{isolation:?} from {from}");
        };
        let all = ["aborted", "beside it", "after it", "aborted as well"];
        check(0, records.clone(), Isolation::Uncommitted, &all, 8);
        check(
            0,
            records.clone(),
            Isolation::Committed,
            &["beside it", "after it"],
            8,
        );
        check(2, records.clone(), Isolation::Committed, &["after it"], 8);
        // The last batch is cut off, as brokers do.
        let cut = records.slice(..records.len() - 1);
        check(0, cut, Isolation::Committed, &["beside it", "after it"], 7);
        let (first, _) = Batch::parse(&records, 0).unwrap();
        let half = first.bytes().slice(..40);
        let found = PartitionData {
            records: Some(half),
            ..PartitionData::default()
        };
        assert!(
            portion(found, 0, Isolation::Committed).is_err(),
            "nothing whole came"
        );
    }
}
