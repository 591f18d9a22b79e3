//! The protocol's numbers, strings and lengths, over [`bytes`](bytes::Bytes).
//!
//! Invariant: a [`Reader`] never reads past its bytes and never believes a length: what a length asks for is
//! compared with what is left before anything is reserved, and byte fields are slices of the input.
//! A [`Writer`] refuses what the protocol cannot express instead of wrapping it.
//!
//! Left out on purpose: which of the encodings a field uses; that is declared in [`crate::message`].

mod pieces;
mod reader;
mod writer;

#[cfg(test)]
mod tests;

pub use pieces::Pieces;
pub use reader::Reader;
pub use writer::Writer;

/// The longest string the protocol carries, in bytes: a signed 16-bit length, kept for compact strings too,
/// as Kafka does.
pub const STRING_BYTES_MAX: usize = i16::MAX as usize;

/// A number with a fraction. Equal is what has the same bits, so that every message can be compared.
#[derive(Debug, Clone, Copy, Default)]
pub struct Float64(pub f64);

impl PartialEq for Float64 {
    fn eq(&self, other: &Self) -> bool {
        self.0.to_bits() == other.0.to_bits()
    }
}

impl Eq for Float64 {}
