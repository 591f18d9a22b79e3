//! The URL of a request: an address, the steps of a path and a query, percent-encoded.
//!
//! Invariant: one that is longer than any server reads is refused before it is sent, with what makes it so long.

use super::NoAnswer;

/// Longest URL, in bytes: what HTTP clients and servers in Rust, this one's too, take for one.
pub(super) const URL_BYTES_MAX: usize = 65_534;
/// Characters that are shown of a step that is too long.
const SHOWN_CHARS_MAX: usize = 40;

/// The URL of a path and a query at an address.
pub(super) fn url(address: &str, segments: &[&str], query: &[(&str, &str)]) -> Result<String, NoAnswer> {
    let mut url = address.to_owned();
    let mut longest = (address.len(), "the address".to_owned());
    let mut put = |before: char, name: Option<&str>, text: &str| {
        url.push(before);
        if let Some(name) = name {
            escape(name, &mut url);
            url.push('=');
        }
        let start = url.len();
        escape(text, &mut url);
        let bytes = url.len() - start;
        if bytes > longest.0 {
            let shown = || text.chars().take(SHOWN_CHARS_MAX).collect::<String>();
            let part = name.map_or_else(|| format!("`{}…`", shown()), |name| format!("`{name}`"));
            longest = (bytes, part);
        }
    };
    segments.iter().for_each(|segment| put('/', None, segment));
    for ((name, value), before) in query
        .iter()
        .zip(std::iter::once('?').chain(std::iter::repeat('&')))
    {
        put(before, Some(name), value);
    }
    let (bytes, part) = longest;
    match url.len() > URL_BYTES_MAX {
        true => Err(NoAnswer::TooLong { part, bytes }),
        false => Ok(url),
    }
}

/// Percent-encode everything but RFC 3986 "unreserved" characters.
fn escape(text: &str, into: &mut String) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            into.push(char::from(byte));
        } else {
            into.push('%');
            into.push(char::from(HEX[usize::from(byte >> 4)]));
            into.push(char::from(HEX[usize::from(byte & 15)]));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_and_values_are_escaped() {
        let check = |segments: &[&str], query: &[(&str, &str)], wanted: &str| {
            assert_eq!(
                url("http://h:1", segments, query).unwrap(),
                format!("http://h:1{wanted}")
            );
        };
        check(&["subjects", "a/b c:ä"], &[], "/subjects/a%2Fb%20c%3A%C3%A4");
        check(&["a"], &[("x", "1&2+3"), ("y", "")], "/a?x=1%262%2B3&y=");
    }

    #[test]
    fn what_is_too_long_is_named() {
        let room = URL_BYTES_MAX - "http://h:1/a/".len();
        assert_eq!(
            url("http://h:1", &["a", &"x".repeat(room)], &[]).unwrap().len(),
            URL_BYTES_MAX
        );
        let check = |segments: &[&str], query: &[(&str, &str)], says: &str| {
            let error = url("http://h:1", segments, query).unwrap_err().to_string();
            assert!(error.starts_with(says), "{error}");
        };
        let long = "x".repeat(room + 1);
        check(
            &["a", &long],
            &[],
            &format!("`{}…` has {} bytes", "x".repeat(40), room + 1),
        );
        check(
            &["a"],
            &[("at", "1"), ("where", &"=".repeat(30_000))],
            "`where` has 90000 bytes",
        );
    }
}
