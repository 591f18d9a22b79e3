//! How an aggregate's id, which is a record key and so any bytes, is written as text.
//!
//! A key that is UTF-8 stands as it is; any other is `hex:` and its digits. A UTF-8 key that itself begins with
//! `hex:` is written in digits too, so that two keys never share a text, and so are those that no URL keeps: clients and servers
//! take `.` and `..` for folders, and an empty step for none, however they are encoded.

use std::borrow::Cow;

use crate::hex::hex;

/// The text of a key.
///
/// ```
/// use annals_event_store::key::{key_bytes, key_text};
///
/// assert_eq!(key_text(b"a-1"), "a-1");
/// assert_eq!(key_text(&[0xff, 0x00]), "hex:ff00");
/// assert_eq!(key_bytes("hex:ff00"), [0xff, 0x00]);
/// ```
pub fn key_text(key: &[u8]) -> String {
    match std::str::from_utf8(key) {
        Ok(text) if !text.starts_with("hex:") => path_id(text).into_owned(),
        _ => in_hex(key),
    }
}

/// The key a text stands for, as [`key_text`] wrote it. Digits that are none stand for themselves, and so for a key that does not exist.
pub fn key_bytes(text: &str) -> Vec<u8> {
    text.strip_prefix("hex:")
        .and_then(from_hex)
        .unwrap_or_else(|| text.as_bytes().to_vec())
}

/// An id that somebody wrote, as it stands in the path of a URL before it is percent-encoded.
///
/// ```
/// use annals_event_store::key::path_id;
/// assert_eq!(path_id("990001"), "990001");
/// assert_eq!(path_id(".."), "hex:2e2e");
/// ```
pub fn path_id(id: &str) -> Cow<'_, str> {
    match id {
        "" | "." | ".." => Cow::Owned(in_hex(id.as_bytes())),
        id => Cow::Borrowed(id),
    }
}

fn in_hex(key: &[u8]) -> String {
    format!("hex:{}", hex(key))
}

fn from_hex(digits: &str) -> Option<Vec<u8>> {
    if !digits.is_ascii() || !digits.len().is_multiple_of(2) {
        return None;
    }
    let digits = digits.as_bytes().chunks(2);
    digits
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn texts() {
        assert_eq!(key_text(b"990001"), "990001");
        assert_eq!(key_text(b"caf\xc3\xa9"), "café");
        assert_eq!(key_text(b"\xff\x00"), "hex:ff00");
        assert_eq!(key_text(b"hex:ff"), "hex:6865783a6666");
        assert_eq!(key_bytes("hex:zz"), b"hex:zz");
        assert_eq!(
            [&b""[..], b".", b"..", b"..."].map(key_text),
            ["hex:", "hex:2e", "hex:2e2e", "..."]
        );
    }

    #[test]
    fn an_id_in_a_path_is_the_same_id() {
        for id in ["", ".", "..", "...", "a", "hex:2e"] {
            assert_eq!(key_bytes(&path_id(id)), key_bytes(id), "{id}");
        }
    }

    proptest! {
        #[test]
        fn every_key_reads_back(key in proptest::collection::vec(any::<u8>(), 0..20)) {
            prop_assert_eq!(key_bytes(&key_text(&key)), key);
        }
    }
}
