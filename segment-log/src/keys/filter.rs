//! Which keys a run cannot have: a Bloom filter in lines that are asked one by one.
//!
//! ```text
//! n lines of 64 bytes:
//!   0 60  bits, the lowest of each byte first
//!  60  4  CRC-32C of them
//! ```
//!
//! A key is looked for in one line, by its hash; all lines are checked when they are read. Invariant: a key that was put in is found; of others, about one in a
//! hundred is.

use crc_fast::{CrcAlgorithm, checksum};

use crate::format::crc;

const LINE_BYTES: usize = 64;
const SUM_BYTES: usize = 4;
const LINE_BITS: u64 = ((LINE_BYTES - SUM_BYTES) * 8) as u64;

/// Bits for a key: enough for one wrong answer in a hundred.
const KEY_BITS: u64 = 10;

/// Bits set for a key, as many as are best for [`KEY_BITS`].
const PROBES: u32 = 6;

/// The hash of a key, the same for ever: it is in files.
pub(super) fn hash(key: &[u8]) -> u64 {
    // A CRC tells keys apart but keeps their likeness; what follows mixes its bits (the finaliser of MurmurHash3).
    let mut bits = checksum(CrcAlgorithm::Crc64Nvme, key);
    bits = (bits ^ (bits >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    bits = (bits ^ (bits >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    bits ^ (bits >> 33)
}

/// How many bytes a filter of so many keys has.
pub(super) fn bytes_for(keys: u64) -> usize {
    (keys * KEY_BITS).div_ceil(LINE_BITS).max(1) as usize * LINE_BYTES
}

/// The filter of keys with these hashes.
pub(super) fn encode(keys: u64, hashes: impl Iterator<Item = u64>) -> Vec<u8> {
    let mut lines = vec![0; bytes_for(keys)];
    for hash in hashes {
        let start = line_of(hash, lines.len());
        probes(hash, |byte, bit| lines[start + byte] |= bit);
    }
    for line in lines.chunks_exact_mut(LINE_BYTES) {
        let (bits, sum) = line.split_at_mut(LINE_BYTES - SUM_BYTES);
        sum.copy_from_slice(&crc(bits).to_be_bytes());
    }
    lines
}

/// Whether these are lines as they were written: they are looked at when they are read, and not each time they are asked.
pub(super) fn is_whole(lines: &[u8]) -> bool {
    let (lines, rest) = lines.as_chunks::<LINE_BYTES>();
    let is_right = |line: &[u8; LINE_BYTES]| {
        let (bits, sum) = line.split_at(LINE_BYTES - SUM_BYTES);
        sum == crc(bits).to_be_bytes()
    };
    rest.is_empty() && !lines.is_empty() && lines.iter().all(is_right)
}

/// Whether the key with this hash may be there, by lines that are whole.
pub(super) fn may_have(lines: &[u8], hash: u64) -> bool {
    let start = line_of(hash, lines.len());
    let Some(line) = lines.get(start..start + LINE_BYTES) else {
        return true;
    };
    let mut all = true;
    probes(hash, |byte, bit| all &= line[byte] & bit != 0);
    all
}

/// Where the line of a hash begins.
fn line_of(hash: u64, bytes: usize) -> usize {
    let lines = (bytes / LINE_BYTES) as u64;
    (((hash >> 32) * lines) >> 32) as usize * LINE_BYTES
}

fn probes(hash: u64, mut probe: impl FnMut(usize, u8)) {
    // The line has the upper half; two numbers from the lower one make all places.
    let step = (hash & 0xffff) | 1;
    let mut place = (hash >> 16) & 0xffff;
    for _ in 0..PROBES {
        let bit = place % LINE_BITS;
        probe((bit / 8) as usize, 1 << (bit % 8));
        place += step;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_in_files_stays_what_it_is() {
        assert_eq!(hash(b""), 0);
        assert_eq!(hash(b"order-990001"), 2_580_290_852_614_675_642);
    }

    #[test]
    fn keys_that_are_there_are_found_and_few_others() {
        for keys in [0u64, 1, 47, 48, 49, 10_000] {
            let named = |name: &str, n: u64| hash(format!("{name}-{n}").as_bytes());
            let lines = encode(keys, (0..keys).map(|n| named("order", n)));
            assert_eq!(lines.len(), bytes_for(keys));
            for n in 0..keys {
                assert!(may_have(&lines, named("order", n)));
            }
            let others = 10_000;
            let wrong = (0..others).filter(|n| may_have(&lines, named("other", *n)));
            let wrong = wrong.count();
            assert!(wrong < others as usize / 30, "{keys} keys: {wrong}");
        }
    }

    #[test]
    fn a_flipped_bit_is_noticed() {
        let good = encode(50, [hash(b"key")].into_iter());
        assert!(is_whole(&good) && !is_whole(&good[1..]) && !is_whole(&[]));
        for bit in 0..good.len() * 8 {
            let mut bad = good.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            assert!(!is_whole(&bad), "bit {bit}");
        }
    }
}
