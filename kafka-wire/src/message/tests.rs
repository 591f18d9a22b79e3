//! Every message in every version, against the `kafka-protocol` crate, by one harness that knows only bytes:
//! a value → our bytes → its value → its bytes, equal to ours → our value, equal to the first.
//!
//! The oracle stops at Kafka 4.1 and leaves out what was unstable then. Versions beyond it are read back by ourselves
//! only, and their bytes stand in [`newest`].

mod faults;
mod newest;
mod oracle;

use std::collections::BTreeMap;

use bytes::Bytes;
use kafka_protocol::protocol::{Decodable, Encodable, Message as Known};

use super::{
    Message, Request,
    field::{At, Field},
};
use crate::{
    api_key::ApiKey,
    primitives::{Float64, Reader, Writer},
};

/// The bytes a value is made from. When they run out, all that follows is zero, so a shorter list is a simpler value
/// and proptest can shrink.
pub(crate) struct Entropy(std::vec::IntoIter<u8>);

impl Entropy {
    pub(crate) fn new(bytes: Vec<u8>) -> Self {
        Self(bytes.into_iter())
    }

    fn next(&mut self) -> u8 {
        self.0.next().unwrap_or(0)
    }

    /// Small numbers, extremes, and anything.
    fn number(&mut self) -> i64 {
        match self.next() {
            0..64 => i64::from(self.next() as i8),
            64..80 => i64::MIN,
            80..96 => i64::MAX,
            _ => i64::from_be_bytes(std::array::from_fn(|_| self.next())),
        }
    }

    pub(crate) fn bool(&mut self) -> bool {
        self.next() & 1 == 1
    }

    pub(crate) fn i8(&mut self) -> i8 {
        self.number() as i8
    }

    pub(crate) fn i16(&mut self) -> i16 {
        self.number() as i16
    }

    pub(crate) fn u16(&mut self) -> u16 {
        self.number() as u16
    }

    pub(crate) fn f64(&mut self) -> Float64 {
        Float64(f64::from_bits(self.number() as u64))
    }

    pub(crate) fn i32(&mut self) -> i32 {
        self.number() as i32
    }

    pub(crate) fn i64(&mut self) -> i64 {
        self.number()
    }

    /// How many elements: few, so that values end; now and then enough for a count of two bytes.
    pub(crate) fn count(&mut self) -> usize {
        match self.next() {
            255 => 130,
            small => usize::from(small % 4),
        }
    }

    pub(crate) fn text(&mut self) -> String {
        (0..self.count()).map(|_| char::from(self.next())).collect()
    }
}

/// What fields declare, by their path, over all versions.
#[derive(Default)]
pub(crate) struct Survey {
    path: Vec<&'static str>,
    /// Arrays that may have any number of elements.
    pub(crate) unbounded: Vec<String>,
    /// Whether the type of a field has a null, and whether any version does.
    nulls: BTreeMap<String, (bool, bool)>,
}

impl Survey {
    pub(crate) fn within(&mut self, field: &'static str, look: impl FnOnce(&mut Self)) {
        self.path.push(field);
        look(self);
        self.path.pop();
    }

    pub(crate) fn unbounded(&mut self, version: i16) {
        self.unbounded.push(format!("v{version} {}", self.path.join(".")));
    }

    pub(crate) fn null(&mut self, has: bool, may: bool) {
        let (_, ever) = self.nulls.entry(self.path.join(".")).or_insert((has, false));
        *ever |= may;
    }

    /// Fields that have a null and may never be it, or may be null and have none: no sample would show that.
    pub(crate) fn mistaken_nulls(&self) -> Vec<&str> {
        let mistaken = self.nulls.iter().filter(|(_, (has, may))| has != may);
        mistaken.map(|(path, _)| path.as_str()).collect()
    }
}

fn at<M: Message>(version: i16) -> At {
    At {
        version,
        most: usize::MAX,
        tagged: false,
        flexible: version >= M::FLEXIBLE_FROM,
    }
}

fn encoded<M: Message>(message: &M, version: i16) -> Bytes {
    let mut w = Writer::new();
    message.encode(&mut w, version).unwrap();
    w.into_bytes()
}

/// The harness, for one message and its counterpart.
fn round_trip<M, O>(entropy: &[u8])
where
    M: Message + Field + PartialEq + std::fmt::Debug,
    O: Decodable + Encodable + Known + std::fmt::Debug,
{
    for version in M::VERSIONS {
        let value = M::sample(&mut Entropy::new(entropy.to_vec()), at::<M>(version), false);
        let ours = encoded(&value, version);
        assert!(ours.len() >= M::bytes_min(at::<M>(version)), "v{version}");
        let read = M::decode(&mut Reader::new(ours.clone()), version).unwrap();
        assert_eq!(read, value, "v{version}");
        if version > O::VERSIONS.max {
            continue;
        }

        let mut left = ours.clone();
        let theirs = O::decode(&mut left, version).unwrap_or_else(|e| panic!("v{version}: {e}\n{value:#?}"));
        assert!(
            left.is_empty(),
            "v{version}: the oracle left {} bytes of {value:#?}",
            left.len()
        );
        let mut again = Vec::new();
        theirs.encode(&mut again, version).unwrap();
        assert_eq!(ours, again, "v{version}: {value:#?}\n{theirs:#?}");
    }
}

/// Decoding cut, flipped and arbitrary bytes ends in a value or an error; what it makes of them can be written.
fn survives<M: Message + Field>(entropy: &[u8], noise: &[u8], cut: usize) {
    for version in M::VERSIONS {
        let value = M::sample(&mut Entropy::new(entropy.to_vec()), at::<M>(version), false);
        let mut bytes = encoded(&value, version).to_vec();
        let len = bytes.len();
        let short = Bytes::copy_from_slice(&bytes[..cut % len.max(1)]);
        assert!(
            M::decode(&mut Reader::new(short), version).is_err() || len == 0,
            "v{version}: a cut message was read"
        );
        for (i, noise) in noise.iter().enumerate() {
            if let Some(byte) = bytes.get_mut((cut + 7 * i) % len.max(1)) {
                *byte ^= noise;
            }
        }
        for bytes in [bytes, noise.to_vec()] {
            if let Ok(value) = M::decode(&mut Reader::new(bytes.into()), version) {
                encoded(&value, version);
            }
        }
    }
}

/// A request and its response answer to the same key and versions, whatever the request counts is bounded, and what
/// may be null can be.
fn checks_out<M>(key: ApiKey)
where
    M: Request<Response: Field> + Field,
{
    assert_eq!((M::KEY, M::Response::KEY), (key, key));
    assert_eq!(M::VERSIONS, M::Response::VERSIONS);
    let (mut request, mut response) = (Survey::default(), Survey::default());
    for version in M::VERSIONS {
        M::survey(&mut request, at::<M>(version));
        M::Response::survey(&mut response, at::<M>(version));
    }
    assert_eq!(
        request.unbounded, [""; 0],
        "{key}: these do not say how many elements they may have"
    );
    assert_eq!(
        request.mistaken_nulls(),
        [""; 0],
        "{key}: these may be null, or may not"
    );
    assert_eq!(
        response.mistaken_nulls(),
        [""; 0],
        "{key}: these may be null, or may not"
    );
}

/// Bytes written as hexadecimal digits, in groups as a layout has them.
pub(crate) fn hex(digits: &str) -> Bytes {
    let digits: Vec<u32> = digits.chars().filter_map(|digit| digit.to_digit(16)).collect();
    digits
        .chunks(2)
        .map(|pair| (pair[0] << 4 | pair[1]) as u8)
        .collect()
}
