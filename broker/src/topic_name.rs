//! What a topic may be called: Kafka's rules, word for word.
//!
//! A name is only ever a key in memory and a string in the metadata log; no file is ever named after it.

/// Longest topic name, in bytes: Kafka's limit.
pub const TOPIC_NAME_BYTES_MAX: usize = 249;

/// Checks a topic name.
///
/// # Errors
/// The sentence Kafka users know, telling what is wrong with the name.
pub(crate) fn check(name: &str) -> Result<(), String> {
    let clipped: String = name.chars().take(60).collect();
    if name.is_empty() {
        return Err("Topic name is invalid: the empty string is not allowed".to_owned());
    }
    if name == "." || name == ".." {
        return Err(format!("Topic name is invalid: '{name}' is not allowed"));
    }
    if name.len() > TOPIC_NAME_BYTES_MAX {
        return Err(format!(
            "Topic name is invalid: the length of '{clipped}…' is longer than the max allowed length {TOPIC_NAME_BYTES_MAX}"
        ));
    }
    if !name
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
    {
        return Err(format!(
            "Topic name is invalid: '{clipped}' contains one or more characters other than ASCII alphanumerics, '.', '_' and '-'"
        ));
    }
    Ok(())
}

/// Whether two different names would be one in metric names, where `.` and `_` are the same.
pub(crate) fn collide(a: &str, b: &str) -> bool {
    let folded = |c: u8| if c == b'.' { b'_' } else { c };
    a != b && a.len() == b.len() && a.bytes().map(folded).eq(b.bytes().map(folded))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_kafkas_rules() {
        let longest = "x".repeat(TOPIC_NAME_BYTES_MAX);
        for good in ["a", "orders", "a.b_c-D9", "...", "__internal", longest.as_str()] {
            assert_eq!(check(good), Ok(()), "{good}");
        }
        let long = "x".repeat(TOPIC_NAME_BYTES_MAX + 1);
        for bad in ["", ".", "..", "a/b", "a b", "ä", "a\0", "../etc", long.as_str()] {
            assert!(check(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn dots_and_underscores_collide() {
        assert!(collide("a.b", "a_b"));
        assert!(!collide("a.b", "a.b"));
        assert!(!collide("a.b", "a-b"));
    }
}
