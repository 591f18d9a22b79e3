//! The rules as a table, the bound, and the snapshot.

use super::*;

fn claim(producer_id: i64, epoch: i16, first: i32, last: i32) -> Claim {
    Claim {
        producer_id,
        epoch,
        sequences: Some((first, last)),
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
fn check(stored: &[(i16, i32, i32)], asked: (i16, i32, i32), expected: &str) {
    let mut producers = Producers::new(10);
    let mut offset = 0;
    for &(epoch, first, last) in stored {
        let claim = claim(7, epoch, first, last);
        assert_eq!(answer(&producers, claim), "next", "storing {claim:?}");
        let records = i64::from(last.wrapping_sub(first) & i32::MAX) + 1;
        producers.apply(&claim, offset, offset + records - 1, 0);
        offset += records;
    }
    let (epoch, first, last) = asked;
    assert_eq!(
        answer(&producers, claim(7, epoch, first, last)),
        expected,
        "{stored:?} then {asked:?}"
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
    check(&[], (0, -1, -1), "order 0");
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
    producers.apply(&claim(7, 1, 0, 3), 0, 3, 0);
    let marker = |epoch| Claim {
        producer_id: 7,
        epoch,
        sequences: None,
    };
    assert_eq!(answer(&producers, marker(0)), "epoch 1");
    assert_eq!(answer(&producers, marker(1)), "next");
    producers.apply(&marker(1), 4, 4, 0);
    assert_eq!(answer(&producers, claim(7, 1, 4, 4)), "next");
    producers.apply(&marker(2), 5, 5, 0);
    assert_eq!(answer(&producers, claim(7, 1, 4, 4)), "epoch 2");
    assert_eq!(answer(&producers, claim(7, 2, 0, 0)), "next");
    assert_eq!(answer(&producers, claim(7, 2, 4, 4)), "order 0");
}

#[test]
fn the_longest_silent_are_forgotten_when_there_are_too_many() {
    let mut producers = Producers::new(100);
    for id in 0..1_000 {
        producers.apply(&claim(id, 0, 0, 0), id, id, 0);
        assert!(producers.known.len() <= 100);
        assert_eq!(answer(&producers, claim(id, 0, 0, 0)), format!("dup {id}..{id}"));
    }
    assert!(producers.known.len() > 80);
    assert!((0..900).all(|id| !producers.known.contains_key(&id)));
    let mut one = Producers::new(1);
    for id in 0..3 {
        one.apply(&claim(id, 0, 0, 0), id, id, 0);
        assert_eq!(one.known.len(), 1);
    }
}

#[test]
fn idle_producers_expire() {
    let mut producers = Producers::new(10);
    producers.apply(&claim(1, 0, 0, 0), 0, 0, 1_000);
    producers.apply(&claim(2, 0, 0, 0), 1, 1, 2_000);
    producers.expire(2_500, 1_000);
    assert_eq!(producers.known.keys().collect::<Vec<_>>(), [&2]);
}

#[test]
fn the_snapshot_gives_the_state_back() {
    let mut producers = Producers::new(100);
    for id in 0..20 {
        for sequence in 0..id as i32 {
            producers.apply(
                &claim(id, 3, sequence, sequence),
                id * 100 + i64::from(sequence),
                id * 100,
                42,
            );
        }
    }
    let file = snapshot::encode(&producers, 2_000);
    let back = snapshot::decode(&file, 2_000, 100).expect("a good file");
    assert_eq!(back.known, producers.known);
    assert!(snapshot::decode(&file, 2_001, 100).is_none());
    assert!(
        snapshot::decode(&file, 2_000, 5)
            .expect("a good file")
            .known
            .len()
            <= 5
    );
    assert!(snapshot::decode(&[], 2_000, 100).is_none());
}
