//! What was written, in the pieces it is made of: those that are shared with others are written as they are.
//!
//! Invariant: no piece is empty; one that was taken is let go at once.

use std::collections::VecDeque;
use std::io::IoSlice;

use bytes::{Buf, Bytes};

/// Pieces that follow each other.
#[derive(Debug, Clone, Default)]
pub struct Pieces {
    pieces: VecDeque<Bytes>,
    bytes: usize,
}

impl Pieces {
    pub(super) fn push(&mut self, piece: Bytes) {
        if !piece.is_empty() {
            self.bytes += piece.len();
            self.pieces.push_back(piece);
        }
    }

    /// All of them in one: a copy, unless it is one.
    #[must_use]
    pub fn into_bytes(mut self) -> Bytes {
        match self.pieces.pop_front() {
            Some(only) if self.pieces.is_empty() => only,
            Some(first) => {
                self.pieces.push_front(first);
                self.copy_to_bytes(self.bytes)
            }
            None => Bytes::new(),
        }
    }
}

impl Buf for Pieces {
    fn remaining(&self) -> usize {
        self.bytes
    }

    fn chunk(&self) -> &[u8] {
        self.pieces.front().map_or(&[], |first| first)
    }

    fn chunks_vectored<'a>(&'a self, out: &mut [IoSlice<'a>]) -> usize {
        let each = out.iter_mut().zip(&self.pieces);
        each.map(|(out, piece)| *out = IoSlice::new(piece)).count()
    }

    /// # Panics
    /// When there are not as many, as [`Buf`] wants it.
    fn advance(&mut self, mut count: usize) {
        assert!(count <= self.bytes, "{count} bytes of {}", self.bytes);
        self.bytes -= count;
        while let Some(first) = self.pieces.front_mut() {
            if count < first.len() {
                return first.advance(count);
            }
            count -= first.len();
            self.pieces.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::primitives::Writer;

    /// Short and long bytes by turns, as a writer puts them, and the same in one piece.
    fn sample() -> (Pieces, Vec<u8>) {
        let (mut writer, mut expected) = (Writer::new(), Vec::new());
        for (fill, bytes) in [
            (1u8, 0),
            (2, 5),
            (3, 4096),
            (4, 4095),
            (5, 70_000),
            (6, 4096),
            (7, 1),
        ] {
            let part = Bytes::from(vec![fill; bytes]);
            writer.shared_bytes(Some(&part)).unwrap();
            expected.extend((bytes as u32).to_be_bytes());
            expected.extend(part);
        }
        assert_eq!(writer.len(), expected.len());
        (writer.into_pieces(), expected)
    }

    #[test]
    fn what_was_written_is_the_same_in_pieces_and_in_one() {
        let (pieces, expected) = sample();
        assert_eq!(pieces.pieces.len(), 3 + 3 + 1);
        assert_eq!(pieces.remaining(), expected.len());
        assert_eq!(pieces.into_bytes(), expected);
    }

    #[test]
    fn long_bytes_are_shared_and_let_go_when_they_were_taken() {
        let long = Bytes::from(vec![1; 4096]);
        let mut writer = Writer::new();
        writer.compact_shared_bytes(Some(&long)).unwrap();
        let mut pieces = writer.into_pieces();
        assert!(pieces.pieces.iter().any(|piece| piece.as_ptr() == long.as_ptr()));
        assert!(!long.is_unique());
        pieces.advance(pieces.remaining());
        assert!(long.is_unique() && !pieces.has_remaining());
    }

    #[test]
    fn pieces_are_taken_in_any_steps() {
        for step in [1, 3, 4096, 5000, 100_000] {
            let (mut pieces, expected) = sample();
            let mut taken = Vec::new();
            while pieces.has_remaining() {
                let mut slices = [IoSlice::new(&[]); 4];
                let count = pieces.chunks_vectored(&mut slices);
                let before = taken.len();
                let seen = slices[..count].iter().flat_map(|slice| slice.iter().copied());
                taken.extend(seen.take(step));
                pieces.advance(taken.len() - before);
            }
            assert!(taken == expected, "in steps of {step}");
        }
    }
}
