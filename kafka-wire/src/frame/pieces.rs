//! A frame in pieces, so that records need not be copied to stand in it.

use std::collections::VecDeque;
use std::io::IoSlice;

use bytes::{Buf, Bytes, BytesMut};

/// Bytes that stand one behind the other, but not in one place: a frame as its sender writes it.
///
/// ```
/// use annals_kafka_wire::frame::Pieces;
/// use bytes::{Buf, Bytes};
///
/// let mut pieces: Pieces = [Bytes::from("ab"), Bytes::from("cde")].into_iter().collect();
/// pieces.advance(1);
/// assert_eq!((pieces.remaining(), pieces.chunk()), (4, &b"b"[..]));
/// assert_eq!(pieces.into_bytes(), "bcde");
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pieces {
    /// None of them empty.
    pieces: VecDeque<Bytes>,
    bytes: usize,
}

impl Pieces {
    /// All of it in one place; copied if it is not.
    pub fn into_bytes(mut self) -> Bytes {
        if self.pieces.len() == 1 {
            return self.pieces.pop_front().unwrap_or_default();
        }
        let mut whole = BytesMut::with_capacity(self.bytes);
        self.pieces
            .iter()
            .for_each(|piece| whole.extend_from_slice(piece));
        whole.freeze()
    }
}

impl FromIterator<Bytes> for Pieces {
    fn from_iter<T: IntoIterator<Item = Bytes>>(pieces: T) -> Self {
        let pieces: VecDeque<Bytes> = pieces.into_iter().filter(|piece| !piece.is_empty()).collect();
        Pieces {
            bytes: pieces.iter().map(Bytes::len).sum(),
            pieces,
        }
    }
}

impl Buf for Pieces {
    fn remaining(&self) -> usize {
        self.bytes
    }

    fn chunk(&self) -> &[u8] {
        self.pieces.front().map_or(&[], |piece| &piece[..])
    }

    fn chunks_vectored<'a>(&'a self, slices: &mut [IoSlice<'a>]) -> usize {
        let filled = slices.iter_mut().zip(&self.pieces);
        filled.map(|(slice, piece)| *slice = IoSlice::new(piece)).count()
    }

    fn advance(&mut self, mut count: usize) {
        assert!(count <= self.bytes, "advanced past the end");
        self.bytes -= count;
        while let Some(front) = self.pieces.front_mut().filter(|_| count > 0) {
            let step = count.min(front.len());
            front.advance(step);
            count -= step;
            if front.is_empty() {
                self.pieces.pop_front();
            }
        }
    }
}
