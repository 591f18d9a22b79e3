//! The order of keys: that of their bytes.
//!
//! What all keys of a log begin with tells nothing, and the eight bytes behind it decide most comparisons without a look at
//! the keys.

/// The first eight bytes as a number that orders as they do; keys that end before count as if zeros followed.
pub(crate) fn leading(bytes: &[u8]) -> u64 {
    let mut first = [0; 8];
    let taken = bytes.len().min(8);
    first[..taken].copy_from_slice(&bytes[..taken]);
    u64::from_be_bytes(first)
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
