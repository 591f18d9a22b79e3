//! Buffers of long frames that were handled, kept for those to come.
//!
//! Memory fresh from the system costs a page fault every 4 KiB and comes cold; under load that is a good part of what a
//! record costs. Invariant: no more than [`SPARE_BYTES_MAX`] are kept, and who takes a buffer gets none that is much
//! longer than what it is for, so what connections hold is what they have room for (see [`crate::budget`]), or twice
//! that.

use std::sync::{Mutex, PoisonError};

use bytes::Bytes;

/// The most bytes kept: the frames of a few producers.
const SPARE_BYTES_MAX: usize = 8 * 1024 * 1024;

/// The shortest buffer kept: an allocator has smaller ones at hand.
const BUFFER_BYTES_MIN: usize = 32 * 1024;

/// The longest: what a producer sends at most by default, and a bit.
const BUFFER_BYTES_MAX: usize = 2 * 1024 * 1024;

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Spare {
    buffers: Mutex<Vec<Vec<u8>>>,
}

impl Spare {
    /// An empty buffer for so many bytes, if there is one that fits.
    pub(crate) fn take(&self, size: usize) -> Option<Vec<u8>> {
        let mut buffers = self.buffers.lock().unwrap_or_else(PoisonError::into_inner);
        let fits = |buffer: &Vec<u8>| (size..=2 * size).contains(&buffer.capacity());
        let at = buffers.iter().rposition(fits)?;
        Some(buffers.swap_remove(at))
    }

    /// A frame that was handled. Its buffer is kept unless somebody still reads in it, or there are enough.
    pub(crate) fn give(&self, frame: Bytes) {
        if !(BUFFER_BYTES_MIN..=BUFFER_BYTES_MAX).contains(&frame.len()) {
            return;
        }
        let Ok(frame) = frame.try_into_mut() else {
            return;
        };
        let mut buffer = Vec::from(frame);
        buffer.clear();
        let mut buffers = self.buffers.lock().unwrap_or_else(PoisonError::into_inner);
        buffers.push(buffer);
        let mut kept: usize = buffers.iter().map(Vec::capacity).sum();
        let too_many = buffers.iter().take_while(|oldest| {
            let is_too_much = kept > SPARE_BYTES_MAX;
            kept -= oldest.capacity();
            is_too_much
        });
        let too_many = too_many.count();
        buffers.drain(..too_many);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(size: usize) -> Bytes {
        Bytes::from(vec![7; size])
    }

    fn kept(spare: &Spare) -> usize {
        spare.buffers.lock().unwrap().iter().map(Vec::capacity).sum()
    }

    #[test]
    fn a_buffer_is_taken_for_what_fills_half_of_it_or_more() {
        for (size, wanted, fits) in [
            (BUFFER_BYTES_MIN, BUFFER_BYTES_MIN, true),
            (BUFFER_BYTES_MIN, BUFFER_BYTES_MIN + 1, false),
            (100_000, 50_000, true),
            (100_000, 49_999, false),
            (BUFFER_BYTES_MAX, BUFFER_BYTES_MAX, true),
            (BUFFER_BYTES_MIN - 1, BUFFER_BYTES_MIN - 1, false),
            (BUFFER_BYTES_MAX + 1, BUFFER_BYTES_MAX + 1, false),
        ] {
            let spare = Spare::default();
            spare.give(frame(size));
            let taken = spare.take(wanted);
            assert_eq!(taken.is_some(), fits, "{size} for {wanted}");
            assert!(taken.is_none_or(|buffer| buffer.is_empty() && buffer.capacity() == size));
            assert!(!fits || spare.take(wanted).is_none(), "given twice");
        }
    }

    #[test]
    fn what_is_still_read_is_not_given_away() {
        let (spare, sent) = (Spare::default(), frame(100_000));
        let reader = sent.slice(10..20);
        spare.give(sent);
        assert!(spare.take(100_000).is_none());
        assert_eq!(reader, [7; 10][..]);
    }

    #[test]
    fn the_oldest_go_when_there_are_too_many() {
        let spare = Spare::default();
        spare.give(frame(BUFFER_BYTES_MIN));
        for _ in 0..20 {
            spare.give(frame(1_000_000));
            assert!(kept(&spare) <= SPARE_BYTES_MAX);
        }
        assert!(kept(&spare) > SPARE_BYTES_MAX - 1_000_000);
        assert!(spare.take(BUFFER_BYTES_MIN).is_none());
    }
}
