//! The order of keys: that of their bytes.
//!
//! What all keys of a log begin with tells nothing, and the sixteen bytes behind it decide most comparisons without a look at
//! the keys.

/// Bytes that [`leading`] tells.
pub(crate) const LEADING_BYTES: usize = 16;

/// The first bytes as numbers that order as they do; keys that end before count as if zeros followed.
pub(crate) fn leading(bytes: &[u8]) -> [u64; 2] {
    let mut first = [0; LEADING_BYTES];
    let taken = bytes.len().min(LEADING_BYTES);
    first[..taken].copy_from_slice(&bytes[..taken]);
    let all = u128::from_be_bytes(first);
    [(all >> 64) as u64, all as u64]
}

/// How many bytes all keys begin with.
pub(crate) fn shared_prefix<'a>(mut keys: impl Iterator<Item = &'a [u8]>) -> usize {
    let Some(first) = keys.next() else { return 0 };
    let mut shared = first.len();
    for key in keys {
        shared = common(&first[..shared], key);
    }
    shared
}

/// How many bytes two keys begin with alike.
pub(crate) fn common(one: &[u8], other: &[u8]) -> usize {
    one.iter()
        .zip(other)
        .take_while(|(one, other)| one == other)
        .count()
}
