//! What a batch says about keys.

use annals_kafka_wire::batch::{Batch, Compression};
use bytes::Bytes;

/// The keys of one batch.
#[derive(Debug)]
pub(crate) struct Reading {
    pub(crate) base: i64,
    /// One behind its last offset.
    pub(crate) end: i64,
    /// Records that were there once are gone from it, or nobody can read them.
    pub(super) gapped: bool,
    /// Offset and key of each record that has one.
    pub(super) keys: Vec<(i64, Bytes)>,
}

impl Reading {
    /// Of a batch without events: control records, or those of an aborted transaction.
    pub(crate) fn nothing(batch: &Batch) -> Reading {
        Reading {
            base: batch.base_offset(),
            end: batch.last_offset() + 1,
            gapped: false,
            keys: Vec::new(),
        }
    }

    /// Of a batch stored at `base`, whose keys are known.
    pub(crate) fn of_keys(batch: &Batch, base: i64, keys: Vec<(i64, Bytes)>) -> Reading {
        Reading {
            base,
            end: base + i64::from(batch.last_offset_delta()) + 1,
            keys,
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
                Ok(record) => {
                    let key = record.key.map(owned);
                    reading.keys.extend(key.map(|key| (record.offset, key)));
                }
                // Who reads it gets nothing of it either.
                Err(_) => {
                    reading.keys.clear();
                    reading.gapped = true;
                    break;
                }
            }
        }
        reading
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
        assert_eq!(reading.keys, [(0, "one".into()), (1, "two".into())]);
        assert!(reading.keys.iter().all(|(_, key)| key.is_unique()));
    }
}
