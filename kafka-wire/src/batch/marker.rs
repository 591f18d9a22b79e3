//! Transaction markers: the one record of the control batch that ends a producer's transaction in a partition.
//!
//! ```text
//! key:   version i16 = 0, type i16 (0 abort, 1 commit)
//! value: version i16 = 0, coordinator epoch i32
//! ```
//!
//! Invariant: what [`Marker::build`] gives, [`Batch::marker`] reads back. A marker takes one offset, has no sequence
//! number and is not compressed.
//!
//! Left out on purpose: the other control records, which only metadata quorums write.

use bytes::Bytes;

use super::{Batch, BatchBuilder, BatchError, DECOMPRESSED_BYTES_MAX};
use crate::{error::WireError, primitives::Reader};

/// The version of key and value, the only one there is.
const VERSION: i16 = 0;
const ABORT: i16 = 0;
const COMMIT: i16 = 1;

/// How a transaction ended, and who said so.
///
/// ```
/// use annals_kafka_wire::batch::{Batch, Marker};
///
/// let marker = Marker { committed: true, coordinator_epoch: 4 };
/// let (batch, _) = Batch::parse(&marker.build(1_700_000_000_000, 9, 3), 0)?;
/// assert_eq!((batch.producer_id(), batch.producer_epoch()), (9, 3));
/// assert_eq!(batch.marker()?, Some(marker));
/// # Ok::<(), annals_kafka_wire::batch::BatchError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Marker {
    /// Whether it was committed, or else aborted.
    pub committed: bool,
    /// The epoch of the coordinator that ended it.
    pub coordinator_epoch: i32,
}

impl Marker {
    /// The control batch that ends the transaction of a producer.
    pub fn build(self, timestamp_ms: i64, producer_id: i64, producer_epoch: i16) -> Bytes {
        let kind = if self.committed { COMMIT } else { ABORT };
        let key = [VERSION.to_be_bytes(), kind.to_be_bytes()].concat();
        let value = [&VERSION.to_be_bytes()[..], &self.coordinator_epoch.to_be_bytes()].concat();
        let mut batch = BatchBuilder::new()
            .producer(producer_id, producer_epoch, -1)
            .transactional()
            .control();
        batch.push(timestamp_ms, Some(&key), Some(&value), &[]);
        batch.build()
    }
}

impl Batch {
    /// The marker of a control batch; `None` for a batch of records, and for a control batch that compaction has
    /// emptied. A control batch that is no transaction marker, or one of another version, is an error.
    pub fn marker(&self) -> Result<Option<Marker>, BatchError> {
        if !self.is_control() || self.count() == 0 {
            return Ok(None);
        }
        let broken = |reason: String| BatchError::Record { index: 0, reason };
        let mut records = self.records(DECOMPRESSED_BYTES_MAX)?;
        let (Some(record), None) = (records.next().transpose()?, records.next()) else {
            let count = self.count();
            return Err(broken(format!("a control batch has one record, not {count}")));
        };
        let (Some(key), Some(value)) = (record.key, record.value) else {
            return Err(broken("a control record needs a key and a value".into()));
        };
        let fields =
            fields(key, value).map_err(|e| broken(format!("a control record cannot be read: {e}")))?;
        let committed = match fields {
            (VERSION, ABORT, VERSION, _) => false,
            (VERSION, COMMIT, VERSION, _) => true,
            (key, kind, value, _) => {
                return Err(broken(format!(
                    "a control record of type {kind}, its key of version {key} and its value of version {value}, \
                     is no transaction marker: use type 0 or 1 and version 0"
                )));
            }
        };
        Ok(Some(Marker {
            committed,
            coordinator_epoch: fields.3,
        }))
    }
}

/// The key's version and type, the value's version and coordinator epoch.
fn fields(key: Bytes, value: Bytes) -> Result<(i16, i16, i16, i32), WireError> {
    let (mut key, mut value) = (Reader::new(key), Reader::new(value));
    let fields = (key.i16()?, key.i16()?, value.i16()?, value.i32()?);
    key.finish()?;
    value.finish()?;
    Ok(fields)
}
