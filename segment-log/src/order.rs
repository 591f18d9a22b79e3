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
    let words = one.as_chunks::<8>().0.iter().zip(other.as_chunks::<8>().0);
    let mut shared = 0;
    for (word, other) in words {
        let differs = u64::from_le_bytes(*word) ^ u64::from_le_bytes(*other);
        if differs != 0 {
            return shared + (differs.trailing_zeros() / 8) as usize;
        }
        shared += 8;
    }
    let rest = one.iter().zip(other).skip(shared);
    shared + rest.take_while(|(one, other)| one == other).count()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_common(one in prop::collection::vec(0..2u8, 0..20), other in prop::collection::vec(0..2u8, 0..20), same in 0..20usize) {
            let same = &[7; 20][..same];
            let (one, other) = ([same, &one].concat(), [same, &other].concat());
            let wanted = one.iter().zip(&other).take_while(|(one, other)| one == other).count();
            prop_assert_eq!(common(&one, &other), wanted);
        }
    }
}
