//! The order of object keys: RFC 8785 (3.2.3) has that of their UTF-16 code units, which is found here in their bytes.
//!
//! It is the order of the bytes, and of code points, but for this: what is beyond U+FFFF are surrogates in UTF-16, which come before
//! U+E000. Those begin with the bytes F0 to F4, and what is from U+E000 to U+FFFF with EE or EF, which no other place of a
//! text has.

use std::cmp::Ordering;

/// Which of two texts, or of what they begin with, comes first.
pub(super) fn compare(one: &[u8], other: &[u8]) -> Ordering {
    let differing = one.iter().zip(other).find(|(one, other)| one != other);
    match differing {
        Some((one, other)) => rank(*one).cmp(&rank(*other)),
        None => one.len().cmp(&other.len()),
    }
}

/// The place of a byte in the order.
#[inline]
pub(super) fn rank(byte: u8) -> u8 {
    match byte {
        0xee | 0xef => byte + 0x10,
        byte => byte,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LETTERS: &str =
        "[\0a\u{7f}\u{80}\u{7ff}\u{800}\u{d7ff}\u{e000}\u{fb33}\u{ffff}\u{10000}\u{1f600}\u{10ffff}]{0,4}";

    proptest! {
        #[test]
        fn the_order_is_that_of_utf_16(one in LETTERS, other in LETTERS, any in any::<String>()) {
            let check = |one: &str, other: &str| {
                let wanted = one.encode_utf16().cmp(other.encode_utf16());
                assert_eq!(compare(one.as_bytes(), other.as_bytes()), wanted, "{one:?} {other:?}");
            };
            check(&one, &other);
            check(&one, &any);
            check(&any, &one);
            check(&one, &one);
        }
    }
}
