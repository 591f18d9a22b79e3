//! The headers of a record: checked when the record is read, and read when somebody asks for one.
//!
//! Invariant: the bytes are as many headers as were counted, each a name in UTF-8 and a value, and nothing else. So most
//! records, whose headers nobody looks at, cost no memory for them.

use std::fmt;

use bytes::Bytes;

use super::cursor::{Cursor, Header};
use crate::batch::build::nullable;
use crate::primitives::Writer;

/// The headers of a record, in their order; names may repeat.
///
/// ```
/// use annals_kafka_wire::batch::Headers;
///
/// let headers: Headers = [("actor", Some("ada")), ("actor", Some("bob")), ("note", None)].into_iter().collect();
/// assert_eq!(headers.len(), 3);
/// assert_eq!(headers.last("actor"), Some(Some(&b"bob"[..])));
/// assert_eq!(headers.last("note"), Some(None));
/// assert_eq!(headers.last("Note"), None);
/// assert_eq!(headers.iter().next(), Some(("actor", Some(&b"ada"[..]))));
/// ```
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Headers {
    /// As they stand in a batch, behind their count.
    bytes: Bytes,
    count: usize,
}

/// No headers.
pub static NO_HEADERS: Headers = Headers {
    bytes: Bytes::new(),
    count: 0,
};

impl Headers {
    /// Those that were checked.
    pub(super) fn new(bytes: Bytes, count: usize) -> Headers {
        Headers { bytes, count }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Their bytes as they stand in a batch, behind the count.
    pub(in crate::batch) fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// Name and value of each.
    pub fn iter(&self) -> impl Iterator<Item = (&str, Option<&[u8]>)> {
        // That a name is a text was checked.
        self.each()
            .map(|(name, value)| (std::str::from_utf8(name).unwrap_or_default(), value))
    }

    /// The value of the last one with this name, which may be null; nothing where there is none.
    pub fn last(&self, name: &str) -> Option<Option<&[u8]>> {
        // Folds ask this of every event.
        let mut from = Cursor::new(&self.bytes, 0);
        let mut last = None;
        for _ in 0..self.count {
            let Ok((found, value)) = from.header() else { break };
            if found.len() == name.len() && found == name.as_bytes() {
                last = Some(value);
            }
        }
        last
    }

    fn each(&self) -> impl Iterator<Item = Header<'_>> {
        let mut from = Cursor::new(&self.bytes, 0);
        (0..self.count).map_while(move |_| from.header().ok())
    }
}

impl<N: AsRef<str>, V: AsRef<[u8]>> FromIterator<(N, Option<V>)> for Headers {
    fn from_iter<I: IntoIterator<Item = (N, Option<V>)>>(headers: I) -> Headers {
        let (mut out, mut count) = (Writer::new(), 0);
        for (name, value) in headers {
            nullable(&mut out, Some(name.as_ref().as_bytes()));
            nullable(&mut out, value.as_ref().map(AsRef::as_ref));
            count += 1;
        }
        Headers::new(out.into_bytes(), count)
    }
}

impl fmt::Debug for Headers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown =
            |(name, value): (&str, Option<&[u8]>)| format!("{name}={:?}", value.map(<[u8]>::escape_ascii));
        f.debug_list().entries(self.iter().map(shown)).finish()
    }
}
