//! What a batch says about its events: their keys and times.

use std::ops::Range;

use annals_kafka_wire::batch::{Batch, BatchError, Compression, Skim, TimestampType};
use bytes::Bytes;

use super::{KeyOf, OtherKey};

/// An event of a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Event {
    pub(super) offset: i64,
    pub(super) ms: i64,
    /// Where its key is among the bytes of the reading.
    key: Option<Range<usize>>,
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
    /// Offsets of those of which nobody can say whose they are.
    pub(super) hidden: Vec<i64>,
    /// Whether all of it is so for ever.
    pub(super) is_sure: bool,
    /// What has the keys: the batch, or of a compressed one nothing but them.
    bytes: Bytes,
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
            hidden: Vec::new(),
            is_sure: true,
            bytes: Bytes::new(),
        }
    }

    /// Of a batch stored at `base`, whose keys are known. It tells no times.
    pub(crate) fn of_keys<'a>(
        batch: &Batch,
        base: i64,
        keys: impl Iterator<Item = (i64, &'a [u8])>,
    ) -> Reading {
        let mut bytes = Vec::new();
        let event = |(offset, key): (i64, &[u8])| Event {
            offset,
            ms: 0,
            key: Some(added(&mut bytes, key)),
        };
        Reading {
            base,
            end: base + i64::from(batch.last_offset_delta()) + 1,
            events: keys.map(event).collect(),
            bytes: bytes.into(),
            ..Reading::nothing(batch)
        }
    }

    /// Of a batch of what copies have of a damaged place: all that it had with a key, unless records had gone from it before.
    /// It is not kept: the log may be mended.
    pub(crate) fn recovered(batch: &Batch, limit: usize, is_compacted: bool) -> Reading {
        let reading = Reading::of(batch, limit);
        Reading {
            gapped: reading.gapped && is_compacted,
            is_sure: false,
            ..reading
        }
    }

    /// Of a batch of events, by keys that are not their own.
    ///
    /// # Errors
    /// Why the key of one cannot be found out now.
    pub(crate) fn by(batch: &Batch, limit: usize, by: &dyn KeyOf) -> Result<Reading, String> {
        let mut reading = Reading::before_records(batch);
        let mut keys = Vec::new();
        let unread = |reading: Reading| Reading {
            gapped: true,
            events: Vec::new(),
            hidden: Vec::new(),
            ..reading
        };
        let Ok(records) = batch.records(limit) else {
            return Ok(unread(reading));
        };
        for record in records {
            // Who reads it gets nothing of it either.
            let Ok(record) = record else {
                return Ok(unread(reading));
            };
            let key = match by.key(&record)? {
                OtherKey::Is(key) => Some(added(&mut keys, &key)),
                OtherKey::None => None,
                hidden => {
                    reading.is_sure &= hidden != OtherKey::Unsure;
                    reading.hidden.push(record.offset);
                    None
                }
            };
            reading.events.push(Event {
                offset: record.offset,
                ms: record.timestamp_ms,
                key,
            });
        }
        reading.bytes = keys.into();
        Ok(reading)
    }

    fn before_records(batch: &Batch) -> Reading {
        Reading {
            gapped: i64::from(batch.count()) != i64::from(batch.last_offset_delta()) + 1,
            ..Reading::nothing(batch)
        }
    }

    /// Of a batch of events. `limit` is the most bytes its records may take decompressed.
    pub(crate) fn of(batch: &Batch, limit: usize) -> Reading {
        let mut reading = Reading::before_records(batch);
        let read = batch
            .records(limit)
            .and_then(|records| reading.take(records.skim(), batch.compression()));
        if read.is_err() {
            // Who reads it gets nothing of it either.
            reading.events.clear();
            reading.gapped = true;
        }
        reading
    }

    fn take(&mut self, mut skim: Skim, codec: Compression) -> Result<(), BatchError> {
        // The bytes that were decompressed would be held for their keys.
        let mut keys = Vec::new();
        let unpacked = skim.bytes().clone();
        self.events.reserve(skim.left_max());
        for record in skim.by_ref() {
            let record = record?;
            let key = record.key.map(|key| match codec {
                Compression::None => key,
                _ => added(&mut keys, unpacked.get(key).unwrap_or_default()),
            });
            self.events.push(Event {
                offset: record.offset,
                ms: record.timestamp_ms,
                key,
            });
        }
        self.bytes = match codec {
            Compression::None => unpacked,
            _ => keys.into(),
        };
        Ok(())
    }

    /// The key of one of its events.
    pub(super) fn key(&self, event: &Event) -> Option<&[u8]> {
        self.bytes.get(event.key.clone()?)
    }

    /// Offset and key of each event that has one.
    pub(super) fn keys(&self) -> impl Iterator<Item = (i64, &[u8])> {
        let keyed = self.events.iter();
        keyed.filter_map(|event| Some((event.offset, self.key(event)?)))
    }
}

/// Adds a key; answers where it is.
fn added(keys: &mut Vec<u8>, key: &[u8]) -> Range<usize> {
    let from = keys.len();
    keys.extend_from_slice(key);
    from..keys.len()
}

#[cfg(test)]
mod tests {
    use annals_kafka_wire::batch::BatchBuilder;

    use super::*;

    #[test]
    fn of_a_compressed_batch_nothing_but_keys_is_held() {
        for (codec, held) in [(Compression::Zstd, 6), (Compression::None, 2_000)] {
            let mut builder = BatchBuilder::new().compression(codec);
            for key in ["one", "two"] {
                builder.push(1, Some(key.as_bytes()), Some(&[0; 1_000]), &[]);
            }
            let (batch, _) = Batch::parse(&builder.build(), 0).unwrap();
            let reading = Reading::of(&batch, 1 << 20);
            let keys: Vec<_> = reading.keys().collect();
            assert_eq!(keys, [(0, &b"one"[..]), (1, b"two")]);
            assert!((held..held + 50).contains(&reading.bytes.len()), "{codec}");
        }
    }
}
