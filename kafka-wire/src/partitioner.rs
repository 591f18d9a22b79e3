//! Which partition a key belongs to, by the rule of Kafka's Java client: murmur2 of the key, modulo partitions.
//!
//! Producers in any language that follow it put one aggregate's events into one partition.

/// The partition of a key among `partitions` (0 when there are none).
///
/// ```
/// assert_eq!(annals_kafka_wire::partitioner::partition_for_key(b"order-1", 1), 0);
/// ```
#[must_use]
pub fn partition_for_key(key: &[u8], partitions: i32) -> i32 {
    if partitions < 1 {
        return 0;
    }
    // Kafka's "to positive" drops the sign bit.
    (murmur2(key) & 0x7fff_ffff).cast_signed() % partitions
}

/// MurmurHash2, 32 bits, with the seed Kafka uses.
fn murmur2(data: &[u8]) -> u32 {
    const SEED: u32 = 0x9747_b28c;
    const M: u32 = 0x5bd1_e995;
    const R: u32 = 24;
    // Lengths beyond 32 bits wrap, as the Java int would.
    let mut hash = SEED ^ data.len() as u32;
    let mut words = data.chunks_exact(4);
    for word in &mut words {
        let mut k = word
            .iter()
            .rev()
            .fold(0, |k, byte| k << 8 | u32::from(*byte))
            .wrapping_mul(M);
        k = (k ^ k >> R).wrapping_mul(M);
        hash = hash.wrapping_mul(M) ^ k;
    }
    let rest = words.remainder();
    if !rest.is_empty() {
        hash ^= rest.iter().rev().fold(0, |k, byte| k << 8 | u32::from(*byte));
        hash = hash.wrapping_mul(M);
    }
    hash = (hash ^ hash >> 13).wrapping_mul(M);
    hash ^ hash >> 15
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_those_of_kafkas_own_tests() {
        for (key, hash) in [
            ("21", -973_932_308),
            ("foobar", -790_332_482),
            ("a-little-bit-long-string", -985_981_536),
            ("a-little-bit-longer-string", -1_486_304_829),
            ("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58_897_971),
            ("abc", 479_470_107),
        ] {
            assert_eq!(murmur2(key.as_bytes()).cast_signed(), hash, "{key}");
        }
    }

    #[test]
    fn partitions_are_in_range() {
        for partitions in [-1, 0, 1, 7, 12] {
            let partition = partition_for_key(b"21", partitions);
            assert!((0..partitions.max(1)).contains(&partition));
        }
    }
}
