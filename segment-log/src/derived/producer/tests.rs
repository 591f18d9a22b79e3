//! The rules as a table, and the bound.

use super::*;

fn claim(producer_id: i64, epoch: i16, first: i32, last: i32) -> Claim {
    Claim {
        producer_id,
        epoch,
        content: Content::Records {
            sequences: Some((first, last)),
            transactional: false,
        },
    }
}

fn stored(base_offset: i64, last_offset: i64, ms: i64) -> Stored {
    Stored {
        base_offset,
        last_offset,
        ms,
    }
}

impl Producers {
    fn take(&mut self, claim: &Claim, stored: Stored) {
        self.apply(claim, stored, &|_| false);
    }
}

/// What `check` answers, in words: "next", "dup 10..12", "order 5" (5 is expected), "epoch 3" (3 is current).
fn answer(producers: &Producers, claim: Claim) -> String {
    match producers.check(&claim) {
        Ok(Sequence::Next) => "next".into(),
        Ok(Sequence::Duplicate {
            base_offset,
            last_offset,
        }) => format!("dup {base_offset}..{last_offset}"),
        Err(AppendError::OutOfOrderSequence { expected, .. }) => format!("order {expected}"),
        Err(AppendError::InvalidProducerEpoch { current, .. }) => format!("epoch {current}"),
        Err(other) => panic!("{other}"),
    }
}

/// Stores the batches (epoch, first, last) one behind the other, then asks about one more.
fn check(before: &[(i16, i32, i32)], asked: (i16, i32, i32), expected: &str) {
    let mut producers = Producers::new(10);
    let mut offset = 0;
    for &(epoch, first, last) in before {
        let claim = claim(7, epoch, first, last);
        assert_eq!(answer(&producers, claim), "next", "storing {claim:?}");
        let records = i64::from(last.wrapping_sub(first) & i32::MAX) + 1;
        producers.take(&claim, stored(offset, offset + records - 1, 0));
        offset += records;
    }
    let (epoch, first, last) = asked;
    assert_eq!(
        answer(&producers, claim(7, epoch, first, last)),
        expected,
        "{before:?} then {asked:?}"
    );
}

#[test]
fn the_window() {
    const MAX: i32 = i32::MAX;
    let six = [(0, 0, 0), (0, 1, 1), (0, 2, 2), (0, 3, 3), (0, 4, 4), (0, 5, 5)];
    // Unknown producers.
    check(&[], (0, 0, 0), "next");
    check(&[], (0, 17, 19), "next");
    check(&[], (3, 17, 19), "next");
    // The same epoch.
    check(&[(0, 0, 2)], (0, 3, 3), "next");
    check(&[(0, 0, 2)], (0, 0, 2), "dup 0..2");
    check(&[(0, 0, 2)], (0, 4, 4), "order 3");
    check(&[(0, 0, 2)], (0, 0, 1), "order 3");
    check(&[(0, 0, 2)], (0, 1, 2), "order 3");
    check(&[(0, 10, 12), (0, 13, 13)], (0, 10, 12), "dup 0..2");
    // Five are remembered, the sixth is not.
    check(&six, (0, 5, 5), "dup 5..5");
    check(&six, (0, 1, 1), "dup 1..1");
    check(&six, (0, 0, 0), "order 6");
    check(&six, (0, 6, 9), "next");
    // Epochs.
    check(&[(2, 0, 2)], (1, 3, 3), "epoch 2");
    check(&[(2, 0, 2)], (1, 0, 2), "epoch 2");
    check(&[(2, 0, 2)], (3, 0, 2), "next");
    check(&[(2, 0, 2)], (3, 3, 3), "order 0");
    check(&[(2, 0, 2), (3, 0, 0)], (3, 0, 2), "order 1");
    check(&[(2, 0, 2), (3, 0, 0)], (3, 0, 0), "dup 3..3");
    check(&[(2, 0, 2), (3, 0, 0)], (2, 3, 3), "epoch 3");
    // Sequences wrap.
    check(&[(0, MAX - 1, MAX)], (0, 0, 4), "next");
    check(&[(0, MAX - 1, MAX)], (0, 1, 1), "order 0");
    check(&[(0, MAX - 1, 2)], (0, 3, 3), "next");
    check(&[(0, MAX - 1, 2)], (0, MAX - 1, 2), "dup 0..4");
    check(&[(0, MAX, MAX), (0, 0, 0)], (0, MAX, MAX), "dup 0..0");
}

#[test]
fn control_batches_carry_an_epoch_and_no_sequence() {
    let mut producers = Producers::new(10);
    producers.take(&claim(7, 1, 0, 3), stored(0, 3, 0));
    let marker = |epoch| Claim {
        producer_id: 7,
        epoch,
        content: Content::Control,
    };
    assert_eq!(answer(&producers, marker(0)), "epoch 1");
    assert_eq!(answer(&producers, marker(1)), "next");
    producers.take(&marker(1), stored(4, 4, 0));
    assert_eq!(answer(&producers, claim(7, 1, 4, 4)), "next");
    producers.take(&marker(2), stored(5, 5, 0));
    assert_eq!(answer(&producers, claim(7, 1, 4, 4)), "epoch 2");
    assert_eq!(answer(&producers, claim(7, 2, 0, 0)), "next");
    assert_eq!(answer(&producers, claim(7, 2, 4, 4)), "order 0");
}

#[test]
fn the_longest_silent_are_forgotten_when_there_are_too_many() {
    let mut producers = Producers::new(100);
    for id in 0..1_000 {
        producers.take(&claim(id, 0, 0, 0), stored(id, id, 0));
        assert!(producers.known.len() <= 100);
        assert_eq!(answer(&producers, claim(id, 0, 0, 0)), format!("dup {id}..{id}"));
    }
    assert!(producers.known.len() > 80);
    assert!((0..900).all(|id| !producers.known.contains_key(&id)));
    let mut one = Producers::new(1);
    for id in 0..3 {
        one.take(&claim(id, 0, 0, 0), stored(id, id, 0));
        assert_eq!(one.known.len(), 1);
    }
}

#[test]
fn idle_producers_expire() {
    let mut producers = Producers::new(10);
    producers.take(&claim(1, 0, 0, 0), stored(0, 0, 1_000));
    producers.take(&claim(2, 0, 0, 0), stored(1, 1, 2_000));
    producers.expire(2_500, 1_000, &|_| false);
    assert_eq!(producers.known.keys().collect::<Vec<_>>(), [&2]);
}

#[test]
fn who_has_a_transaction_open_is_not_forgotten() {
    let mut producers = Producers::new(8);
    let open = |id: i64| id == 0;
    for id in 0..100 {
        producers.apply(&claim(id, 0, 0, 0), stored(id, id, id), &open);
        assert_eq!(answer(&producers, claim(0, 0, 0, 0)), "dup 0..0", "after {id}");
    }
    producers.expire(1_000, 10, &open);
    assert_eq!(producers.known.keys().collect::<Vec<_>>(), [&0]);
}
