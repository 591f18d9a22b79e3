//! What texts are in the form of: the functions that Confluent's data contracts add to CEL, such as `isEmail`.
//!
//! Each reads its text once and keeps nothing of it. Forms are those of the standards, where clients of different languages
//! differ: nobody is asked whether a name, an address or a resource exists.

use std::net::{Ipv4Addr, Ipv6Addr};

/// A form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// `local@domain` of RFC 5321, without quotes, with a domain of two labels or more.
    Email,
    /// Labels of letters, digits and hyphens (RFC 1123); the last is no number, so that no address is a name.
    Hostname,
    /// Four numbers, none with a leading zero.
    Ipv4,
    /// Of RFC 4291, without a zone.
    Ipv6,
    /// Of RFC 3986, with a scheme.
    Uri,
    /// The same, or relative to one.
    UriRef,
    /// Hexadecimal digits in groups of 8, 4, 4, 4 and 12.
    Uuid,
}

const LABEL_BYTES_MAX: usize = 63;
const HOSTNAME_BYTES_MAX: usize = 253;
const LOCAL_BYTES_MAX: usize = 64;

/// What RFC 3986 calls `unreserved` and `sub-delims`, besides letters and digits.
const PLAIN: &[u8] = b"-._~!$&'()*+,;=";

impl Format {
    /// Whether the text is in this form.
    pub(super) fn fits(self, text: &str) -> bool {
        match self {
            Format::Email => is_email(text),
            Format::Hostname => is_hostname(text),
            Format::Ipv4 => text.parse::<Ipv4Addr>().is_ok(),
            Format::Ipv6 => text.parse::<Ipv6Addr>().is_ok(),
            Format::Uri => is_uri(text, false),
            Format::UriRef => is_uri(text, true),
            Format::Uuid => is_uuid(text),
        }
    }
}

fn is_email(text: &str) -> bool {
    let Some((local, domain)) = text.rsplit_once('@') else {
        return false;
    };
    let is_atom = |atom: &str| {
        let mut bytes = atom.bytes();
        !atom.is_empty()
            && bytes.all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&byte))
    };
    local.len() <= LOCAL_BYTES_MAX
        && local.split('.').all(is_atom)
        && domain.contains('.')
        && !domain.ends_with('.')
        && is_hostname(domain)
}

fn is_hostname(text: &str) -> bool {
    // The dot behind the last label names the root.
    let name = text.strip_suffix('.').unwrap_or(text);
    let is_label = |label: &str| {
        let mut bytes = label.bytes();
        (1..=LABEL_BYTES_MAX).contains(&label.len())
            && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let last = name.rsplit('.').next().unwrap_or_default();
    name.len() <= HOSTNAME_BYTES_MAX
        && name.split('.').all(is_label)
        && !last.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_uuid(text: &str) -> bool {
    let hyphens = [8, 13, 18, 23];
    text.len() == 36
        && text
            .bytes()
            .enumerate()
            .all(|(at, byte)| match hyphens.contains(&at) {
                true => byte == b'-',
                false => byte.is_ascii_hexdigit(),
            })
}

/// The parts of RFC 3986, taken off one after the other.
fn is_uri(text: &str, may_be_relative: bool) -> bool {
    let before_path = text.split(['/', '?', '#']).next().unwrap_or_default();
    let rest = match before_path.split_once(':') {
        Some((scheme, _)) if is_scheme(scheme) => &text[scheme.len() + 1..],
        None if may_be_relative => text,
        _ => return false,
    };
    let (rest, fragment) = rest.split_once('#').unwrap_or((rest, ""));
    let (hierarchy, query) = rest.split_once('?').unwrap_or((rest, ""));
    let path = match hierarchy.strip_prefix("//") {
        None => hierarchy,
        Some(behind) => {
            let (authority, path) = behind.split_at(behind.find('/').unwrap_or(behind.len()));
            if !is_authority(authority) {
                return false;
            }
            path
        }
    };
    is_made_of(path, b":@/") && is_made_of(query, b":@/?") && is_made_of(fragment, b":@/?")
}

fn is_scheme(text: &str) -> bool {
    let mut bytes = text.bytes();
    bytes.next().is_some_and(|first| first.is_ascii_alphabetic())
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
}

fn is_authority(text: &str) -> bool {
    let (user, host_and_port) = text.rsplit_once('@').unwrap_or(("", text));
    let behind_host = match host_and_port.strip_prefix('[') {
        None => {
            let host = host_and_port.split(':').next().unwrap_or_default();
            is_made_of(host, b"").then(|| &host_and_port[host.len()..])
        }
        Some(literal) => {
            let literal = literal.split_once(']');
            literal.and_then(|(address, behind)| is_literal(address).then_some(behind))
        }
    };
    let is_port = |behind: &str| match behind.strip_prefix(':') {
        Some(port) => port.bytes().all(|byte| byte.is_ascii_digit()),
        None => behind.is_empty(),
    };
    is_made_of(user, b":") && behind_host.is_some_and(is_port)
}

/// An address in brackets: of version 6, or `v` and the number of a later one.
fn is_literal(address: &str) -> bool {
    let later = address
        .strip_prefix(['v', 'V'])
        .and_then(|later| later.split_once('.'));
    match later {
        Some((version, address)) => {
            let is_hex = !version.is_empty() && version.bytes().all(|byte| byte.is_ascii_hexdigit());
            is_hex && !address.is_empty() && !address.contains('%') && is_made_of(address, b":")
        }
        None => address.parse::<Ipv6Addr>().is_ok(),
    }
}

/// Whether all of it may stand as it is, or is a byte as `%` and two hexadecimal digits.
fn is_made_of(text: &str, besides: &[u8]) -> bool {
    let mut bytes = text.bytes();
    let is_hex = |byte: Option<u8>| byte.is_some_and(|byte| byte.is_ascii_hexdigit());
    while let Some(byte) = bytes.next() {
        let is_right = match byte {
            b'%' => is_hex(bytes.next()) && is_hex(bytes.next()),
            byte => byte.is_ascii_alphanumeric() || PLAIN.contains(&byte) || besides.contains(&byte),
        };
        if !is_right {
            return false;
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(format: Format, fits: &[&str], others: &[&str]) {
        for text in fits {
            assert!(format.fits(text), "{format:?}: {text}");
        }
        for text in others {
            assert!(!format.fits(text), "{format:?}: {text}");
        }
    }

    #[test]
    fn names_of_hosts_and_addresses_of_people() {
        let label = "a".repeat(63);
        let longest = format!("{label}.{label}.{label}.{}", "a".repeat(61));
        let (longer_label, longer) = (format!("{label}a"), format!("{longest}a"));
        let others = "|.|a..b|-a|a-|a_b|1.2.3.4|7|ä.de|a b".split('|');
        let others: Vec<&str> = others.chain([longer_label.as_str(), longer.as_str()]).collect();
        let fits = [
            "a",
            "example.com",
            "example.com.",
            "1.a",
            "x-1.y",
            &label,
            &longest,
        ];
        check(Format::Hostname, &fits, &others);

        let local = format!("{}@b.c", "l".repeat(64));
        let longer = format!("l{local}");
        let others =
            "|@|a@|@b.c|a@b|a@b.c.|a.@b.c|.a@b.c|a..b@b.c|a b@b.c|a@b@c.d|\"a\"@b.c|ä@b.c".split('|');
        let others: Vec<&str> = others.chain([longer.as_str()]).collect();
        check(
            Format::Email,
            &["a@b.c", "first.last+tag@example.com", &local],
            &others,
        );
    }

    #[test]
    fn numbers_of_machines_and_of_anything() {
        let others = [
            "",
            "1.2.3",
            "1.2.3.4.5",
            "256.1.1.1",
            "01.1.1.1",
            "1.2.3.4 ",
            "::1",
        ];
        check(Format::Ipv4, &["0.0.0.0", "255.255.255.255"], &others);
        let fits = ["::", "::1", "2001:db8::7", "::ffff:1.2.3.4"];
        let others = [
            "",
            "1.2.3.4",
            "[::1]",
            ":::",
            "1:2:3:4:5:6:7:8:9",
            "fe80::1%eth0",
            "g::",
        ];
        check(Format::Ipv6, &fits, &others);
        let others = [
            "",
            "0123456789abcdefabcdef0123456789",
            "01234567-89ab-cdef-ABCD-EF012345678g",
            "{01234567-89ab-cdef-ABCD-EF01234567}",
        ];
        check(Format::Uuid, &["01234567-89ab-cdef-ABCD-EF0123456789"], &others);
    }

    #[test]
    fn uris_are_those_of_the_standard() {
        let absolute = [
            "http://example.com",
            "https://user:pw@example.com:8080/a/b?c=d&e#f",
            "urn:isbn:0451450523",
            "mailto:a@b.c",
            "file:///etc/hosts",
            "http://[2001:db8::7]:80/",
            "http://[v1.a:b]/",
            "a:",
            "http://h/%7Ea",
            "http://h:/",
            "ldap://h?x?y",
        ];
        let relative = ["", "/a", "a/b", "//host/a", "?q", "#f", "./a:b", "a%20b"];
        let neither = [
            "1http://a",
            "http://a b",
            "http://h/%7",
            "http://h/%zz",
            "http://[::1",
            "http://[1.2.3.4]/",
            "http://h:8o/",
            "a:b#c#d",
            "http://ä/",
            ":a",
            "http://a\\b",
            "http://h/<x>",
            "http://[v.a]/",
            "a b:c",
        ];
        for text in absolute {
            assert!(Format::Uri.fits(text) && Format::UriRef.fits(text), "{text}");
        }
        for text in relative {
            assert!(!Format::Uri.fits(text) && Format::UriRef.fits(text), "{text}");
        }
        for text in neither {
            assert!(!Format::Uri.fits(text) && !Format::UriRef.fits(text), "{text}");
        }
    }
}
