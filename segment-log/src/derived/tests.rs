//! Transactions against a plain list of what happened, and the snapshot.

use proptest::prelude::*;

use super::*;

const PRODUCERS: i64 = 4;

/// What a producer appends.
#[derive(Debug, Clone, Copy)]
enum Step {
    Records {
        producer: i64,
        records: i64,
    },
    Outside {
        producer: i64,
    },
    End {
        producer: i64,
        committed: bool,
    },
    /// Everything so far is synced.
    Sync,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let producer = || 0..PRODUCERS;
    let step = prop_oneof![
        6 => (producer(), 1..4i64).prop_map(|(producer, records)| Step::Records { producer, records }),
        1 => producer().prop_map(|producer| Step::Outside { producer }),
        4 => (producer(), any::<bool>()).prop_map(|(producer, committed)| Step::End { producer, committed }),
        3 => Just(Step::Sync),
    ];
    prop::collection::vec(step, 1..60)
}

/// One batch of the plain list: whose, where, and what became of it.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Line {
    producer: i64,
    base: i64,
    end: i64,
    transactional: bool,
    /// The marker's offset, and whether it was an abort.
    ended: Option<(i64, bool)>,
}

#[derive(Default)]
struct Story {
    lines: Vec<Line>,
    sequences: [i32; PRODUCERS as usize],
    end: i64,
    durable_end: i64,
}

impl Story {
    fn is_open(&self, producer: i64) -> bool {
        let of = |line: &&Line| line.producer == producer && line.transactional && line.ended.is_none();
        self.lines.iter().any(|line| of(&line))
    }

    fn last_stable_offset(&self) -> i64 {
        let unsettled = |line: &&Line| {
            line.transactional && line.ended.is_none_or(|(marker, _)| marker >= self.durable_end)
        };
        let first = self.lines.iter().find(unsettled).map(|line| line.base);
        first.map_or(self.durable_end, |first| first.min(self.durable_end))
    }

    fn apply(&mut self, derived: &mut Derived, step: Step) {
        let (producer_id, content, records) = match step {
            Step::Sync => {
                self.durable_end = self.end;
                return;
            }
            Step::Records { producer, records } => (producer, Some(true), records),
            Step::Outside { producer } => (producer, Some(false), 1),
            Step::End { producer, .. } => (producer, None, 1),
        };
        let first_sequence = self.sequences[producer_id as usize];
        let claim = Claim {
            producer_id,
            epoch: 0,
            content: match (content, step) {
                (Some(transactional), _) => Content::Records {
                    sequences: Some((first_sequence, first_sequence + records as i32 - 1)),
                    transactional,
                },
                (None, Step::End { committed, .. }) => Content::Marker { committed },
                (None, _) => Content::Control,
            },
        };
        let refused = content == Some(false) && self.is_open(producer_id);
        let checked = derived.check(&claim);
        assert_eq!(checked.is_err(), refused, "{step:?}: {checked:?}");
        if refused {
            return;
        }
        let (base, end) = (self.end, self.end + records);
        let stored = Stored {
            base_offset: base,
            last_offset: end - 1,
            ms: 0,
        };
        derived.apply(&claim, stored, self.durable_end);
        self.end = end;
        if let Step::End { committed, .. } = step {
            let open =
                |line: &&mut Line| line.producer == producer_id && line.transactional && line.ended.is_none();
            for line in self.lines.iter_mut().filter(|line| open(line)) {
                line.ended = Some((base, !committed));
            }
        } else {
            self.sequences[producer_id as usize] += records as i32;
            let transactional = content == Some(true);
            self.lines.push(Line {
                producer: producer_id,
                base,
                end,
                transactional,
                ended: None,
            });
        }
    }

    /// What a reader of committed records does with the answers, against what became of each batch.
    fn check_reading(&self, derived: &Derived, from: i64, to: i64) {
        let aborted = derived.transactions.aborted_in(from, to);
        for line in self
            .lines
            .iter()
            .filter(|line| line.base >= from && line.end <= to)
        {
            let passed_over = line.transactional
                && aborted.iter().any(|aborted| {
                    aborted.producer_id == line.producer
                        && (aborted.first_offset..aborted.last_offset).contains(&line.base)
                });
            let is_aborted = matches!(line.ended, Some((_, true)));
            assert_eq!(passed_over, is_aborted, "{line:?} in {from}..{to} of {aborted:?}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn readers_of_committed_records_see_what_was_committed(steps in steps()) {
        let mut derived = Derived::new(100);
        let mut story = Story::default();
        for step in steps {
            story.apply(&mut derived, step);
            let stable = derived.transactions.last_stable_offset(story.durable_end);
            assert_eq!(stable, story.last_stable_offset(), "after {step:?}");
            for from in 0..stable {
                story.check_reading(&derived, from, stable);
            }
            let file = snapshot::encode(&derived, story.end);
            let back = snapshot::decode(&file, story.end, 100).expect("a good file");
            assert_eq!(snapshot::encode(&back, story.end), file);
            // What is read after a restart is durable.
            let undecided = derived.transactions.open().map(|(_, first)| first).min();
            let stable = back.transactions.last_stable_offset(story.end);
            assert_eq!(stable, undecided.unwrap_or(story.end), "after {step:?} and a restart");
        }
    }
}

#[test]
fn no_more_transactions_are_open_than_may_be() {
    let mut derived = Derived::new(2);
    let begins = |producer_id| Claim {
        producer_id,
        epoch: 0,
        content: Content::Records {
            sequences: Some((0, 0)),
            transactional: true,
        },
    };
    let at = |offset| Stored {
        base_offset: offset,
        last_offset: offset,
        ms: 0,
    };
    derived.apply(&begins(1), at(0), 0);
    derived.apply(&begins(2), at(1), 0);
    let third = derived.check(&begins(3));
    assert!(
        matches!(third, Err(AppendError::TooManyTransactions { max: 2 })),
        "{third:?}"
    );
    let ends = Claim {
        producer_id: 1,
        epoch: 0,
        content: Content::Marker { committed: true },
    };
    derived.apply(&ends, at(2), 0);
    assert!(derived.check(&begins(3)).is_ok());
}

#[test]
fn a_snapshot_is_for_its_offset_alone_and_the_first_version_is_read() {
    let mut derived = Derived::new(10);
    let claim = Claim {
        producer_id: 7,
        epoch: 3,
        content: Content::Records {
            sequences: Some((0, 4)),
            transactional: false,
        },
    };
    derived.apply(
        &claim,
        Stored {
            base_offset: 10,
            last_offset: 14,
            ms: 42,
        },
        0,
    );
    let file = snapshot::encode(&derived, 15);
    assert!(snapshot::decode(&file, 16, 10).is_none());
    assert!(snapshot::decode(&[], 15, 10).is_none());
    let body = crate::format::unframe(b"ANNALSPR", 2, &file).expect("a framed file");
    // Version 1 had neither of the two counts that end this one.
    let first = crate::format::frame(b"ANNALSPR", 1, &body[..body.len() - 8]);
    let back = snapshot::decode(&first, 15, 10).expect("a file of the first version");
    assert_eq!(snapshot::encode(&back, 15), file);
}
