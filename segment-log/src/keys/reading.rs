//! What a batch says about its events: their keys and times.

use annals_kafka_wire::batch::{Batch, Compression, TimestampType};
use bytes::Bytes;

/// An event of a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Event {
    pub(super) offset: i64,
    pub(super) ms: i64,
    pub(super) key: Option<Bytes>,
}

/// What one batch says.
#[derive(Debug)]
pub(crate) struct Reading {
    pub(crate) base: i64,
    /// One behind its last offset.
    pub(crate) end: i64,
    /// Records that were there once are gone from it, or nobody can read them.
    pub(super) gapped: bool,
    /// Whether its times are its producer's.
    pub(super) by_producer: bool,
    pub(super) events: Vec<Event>,
}

impl Reading {
    /// Of a batch without events: control records, or those of an aborted transaction.
    pub(crate) fn nothing(batch: &Batch) -> Reading {
        Reading {
            base: batch.base_offset(),
            end: batch.last_offset() + 1,
            gapped: false,
            by_producer: batch.timestamp_type() == TimestampType::CreateTime,
            events: Vec::new(),
        }
    }

    /// Of a batch stored at `base`, whose keys are known. It tells no times.
    pub(crate) fn of_keys(batch: &Batch, base: i64, keys: impl Iterator<Item = (i64, Bytes)>) -> Reading {
        let event = |(offset, key)| Event {
            offset,
            ms: 0,
            key: Some(key),
        };
        Reading {
            base,
            end: base + i64::from(batch.last_offset_delta()) + 1,
            events: keys.map(event).collect(),
            ..Reading::nothing(batch)
        }
    }

    /// Of a batch of events. `limit` is the most bytes its records may take decompressed.
    pub(crate) fn of(batch: &Batch, limit: usize) -> Reading {
        let mut reading = Reading::nothing(batch);
        reading.gapped = i64::from(batch.count()) != i64::from(batch.last_offset_delta()) + 1;
        let Ok(records) = batch.records(limit) else {
            reading.gapped = true;
            return reading;
        };
        // A slice of what was decompressed would hold all of that.
        let owned = |key: Bytes| match batch.compression() {
            Compression::None => key,
            _ => Bytes::copy_from_slice(&key),
        };
        for record in records {
            match record {
                Ok(record) => reading.events.push(Event {
                    offset: record.offset,
                    ms: record.timestamp_ms,
                    key: record.key.map(owned),
                }),
                // Who reads it gets nothing of it either.
                Err(_) => {
                    reading.events.clear();
                    reading.gapped = true;
                    break;
                }
            }
        }
        reading
    }

    /// Offset and key of each event that has one.
    pub(super) fn keys(&self) -> impl Iterator<Item = (i64, &Bytes)> {
        let keyed = self.events.iter();
        keyed.filter_map(|event| Some((event.offset, event.key.as_ref()?)))
    }
}

#[cfg(test)]
mod tests {
    use annals_kafka_wire::batch::BatchBuilder;

    use super::*;

    #[test]
    fn a_key_of_a_compressed_batch_holds_nothing_but_itself() {
        let mut builder = BatchBuilder::new().compression(Compression::Zstd);
        for key in ["one", "two"] {
            builder.push(1, Some(key.as_bytes()), Some(&[0; 1_000]), &[]);
        }
        let (batch, _) = Batch::parse(&builder.build(), 0).unwrap();
        let reading = Reading::of(&batch, 1 << 20);
        let keys: Vec<_> = reading.keys().collect();
        assert_eq!(keys, [(0, &"one".into()), (1, &"two".into())]);
        assert!(keys.iter().all(|(_, key)| key.is_unique()));
    }
}
