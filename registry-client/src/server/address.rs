//! Where servers are, and who asks there.
//!
//! Invariant: a name and a password that stand in an address are in nothing that is shown.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use ureq::http::HeaderValue;

/// Where a server is.
pub(super) struct Address {
    /// Without a name and a password, so that it may be shown.
    pub(super) url: String,
    /// Who asks there, where the address said so.
    pub(super) authorization: Option<HeaderValue>,
}

impl Address {
    pub(super) fn new(address: &str) -> Address {
        let (url, caller) = parted(address);
        Address {
            url: url.trim_end_matches('/').to_owned(),
            authorization: caller.and_then(|caller| secret(&pair(&unescape(caller)))),
        }
    }
}

/// The addresses of a list of them.
pub(super) fn each(addresses: &str) -> impl Iterator<Item = &str> {
    addresses
        .split(',')
        .map(str::trim)
        .filter(|address| !address.is_empty())
}

/// Addresses without the names and passwords in them.
#[must_use]
pub fn shown(addresses: &str) -> Vec<String> {
    each(addresses).map(|address| parted(address).0).collect()
}

/// An address, and the name and password that stood in it.
fn parted(address: &str) -> (String, Option<&str>) {
    let (scheme, rest) = address.split_once("://").unwrap_or(("", address));
    // The last one: whoever wrote a `/` or an `@` into a password as it is does not want to see it, either.
    let is_port = |port: &str| port.bytes().all(|byte| byte.is_ascii_digit());
    let parts = rest.rsplit_once('@').filter(|(caller, _)| {
        let before_path = caller.split_once('/').map(|(host, _)| host);
        before_path.is_none_or(|host| {
            host.contains('@') || host.rsplit_once(':').is_some_and(|(_, port)| !is_port(port))
        })
    });
    match parts {
        Some((caller, host)) if scheme.is_empty() => (host.to_owned(), Some(caller)),
        Some((caller, host)) => (format!("{scheme}://{host}"), Some(caller)),
        None => (address.to_owned(), None),
    }
}

/// A name and a password as they are sent.
pub(super) fn pair(caller: &[u8]) -> String {
    format!("Basic {}", BASE64_STANDARD.encode(caller))
}

pub(super) fn secret(value: &str) -> Option<HeaderValue> {
    // A token with a line break in it is sent nowhere, and the server says that it misses one.
    let mut value = HeaderValue::from_str(value).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// The bytes of what is percent-encoded; what is not stays as it is.
fn unescape(text: &str) -> Vec<u8> {
    let hex = |byte: u8| {
        char::from(byte)
            .to_digit(16)
            .and_then(|digit| u8::try_from(digit).ok())
    };
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let [first, behind @ ..] = rest {
        let escaped = match (first, behind) {
            (b'%', [high, low, behind @ ..]) => hex(*high).zip(hex(*low)).map(|both| (both, behind)),
            _ => None,
        };
        let (byte, left) = escaped.map_or((*first, behind), |((high, low), left)| (high << 4 | low, left));
        bytes.push(byte);
        rest = left;
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_asks_is_taken_out_of_an_address() {
        let check = |address, url: &str, caller: Option<&str>| {
            let (found, by) = parted(address);
            let by = by.map(|by| String::from_utf8(unescape(by)).unwrap_or_default());
            assert_eq!((found.as_str(), by.as_deref()), (url, caller), "{address}");
        };
        check("http://h:1/at", "http://h:1/at", None);
        check("http://h:1/a@b", "http://h:1/a@b", None);
        check("http://h/a@b", "http://h/a@b", None);
        check("http://me:s%40%C3%A4@h:1/p", "http://h:1/p", Some("me:s@ä"));
        check("http://me:s%4@[::1]:1", "http://[::1]:1", Some("me:s%4"));
        check("http://me:s/e+c@r@h", "http://h", Some("me:s/e+c@r"));
        check("me:secret@h", "h", Some("me:secret"));
    }
}
