//! Kafka's rules one by one, and producers that crash, come back and are late, at random.

use proptest::prelude::*;

use super::*;

mod epochs;

const TIMEOUT_MS: i32 = 60_000;

fn place(name: &str) -> BTreeSet<Place> {
    BTreeSet::from([(name.to_owned(), 0)])
}

fn end_of(producer: Producer, outcome: Outcome, fresh_id: Option<i64>) -> Event {
    Event::End {
        ticket: Ticket(0),
        producer,
        outcome,
        fresh_id,
    }
}

/// Drives one id by hand; stores and markers succeed at once.
#[derive(Default)]
struct Desk {
    transaction: Transaction,
    now_ms: i64,
    ids: i64,
    /// Every marker that was written.
    markers: Vec<(Producer, Outcome, BTreeSet<Place>)>,
}

impl Desk {
    fn on(&mut self, event: Event) -> Option<Result<Producer, ErrorCode>> {
        let mut due = self.transaction.on(event, self.now_ms);
        let mut answer = None;
        while !due.is_empty() {
            let more = match due.remove(0) {
                Effect::Answer(_, told) => {
                    answer = Some(told);
                    continue;
                }
                Effect::Store(store, _) => Event::Stored {
                    store,
                    is_stored: true,
                },
                Effect::Mark(producer, outcome, places) => {
                    self.markers.push((producer, outcome, places));
                    Event::Marked
                }
            };
            due.extend(self.transaction.on(more, self.now_ms));
        }
        answer
    }

    fn init(&mut self, known: Option<Producer>) -> Result<Producer, ErrorCode> {
        self.ids += 1;
        let init = Event::Init {
            ticket: Ticket(0),
            timeout_ms: TIMEOUT_MS,
            known,
            fresh_id: self.ids,
        };
        self.on(init).unwrap()
    }

    fn add(&mut self, producer: Producer, name: &str) -> Result<Producer, ErrorCode> {
        self.on(Event::Add(Ticket(0), producer, place(name))).unwrap()
    }

    fn end(&mut self, producer: Producer, outcome: Outcome) -> Result<Producer, ErrorCode> {
        self.on(end_of(producer, outcome, None)).unwrap()
    }

    /// Ends, and goes on as the producer that is given (KIP-890).
    fn end_and_go_on(&mut self, producer: Producer, outcome: Outcome) -> Result<Producer, ErrorCode> {
        self.on(end_of(producer, outcome, Some(99))).unwrap()
    }
}

#[test]
fn a_transaction_is_marked_where_it_wrote_and_nowhere_else() {
    let mut desk = Desk::default();
    let producer = desk.init(None).unwrap();
    assert_eq!(producer, Producer { id: 1, epoch: 0 });
    assert_eq!(
        desk.end(producer, Outcome::Commit),
        Err(ErrorCode::InvalidTxnState),
        "nothing is open"
    );
    desk.add(producer, "a").unwrap();
    desk.add(producer, "b").unwrap();
    desk.add(producer, "a").unwrap();
    assert_eq!(desk.transaction.check_open_in(producer, &("b".into(), 0)), Ok(()));
    assert_eq!(
        desk.transaction.check_open_in(producer, &("c".into(), 0)),
        Err(ErrorCode::InvalidTxnState)
    );
    desk.end(producer, Outcome::Commit).unwrap();
    let both: BTreeSet<Place> = place("a").union(&place("b")).cloned().collect();
    assert_eq!(desk.markers, [(producer, Outcome::Commit, both)]);
    assert_eq!(
        desk.transaction.check_open_in(producer, &("b".into(), 0)),
        Err(ErrorCode::InvalidTxnState)
    );
    // Asked again it is said again; the other end is refused.
    assert_eq!(desk.end(producer, Outcome::Commit), Ok(producer));
    assert_eq!(
        desk.end(producer, Outcome::Abort),
        Err(ErrorCode::InvalidTxnState)
    );
    assert_eq!(desk.markers.len(), 1);
    desk.add(producer, "c").unwrap();
    desk.end(producer, Outcome::Abort).unwrap();
    assert_eq!(desk.markers[1], (producer, Outcome::Abort, place("c")));
}

#[test]
fn who_comes_again_fences_the_one_before_and_aborts_what_it_had_open() {
    let mut desk = Desk::default();
    let first = desk.init(None).unwrap();
    desk.add(first, "a").unwrap();
    assert_eq!(desk.init(None), Err(ErrorCode::ConcurrentTransactions));
    let fenced = Producer { id: 1, epoch: 1 };
    assert_eq!(
        desk.markers,
        [(fenced, Outcome::Abort, place("a"))],
        "under the epoch that fences"
    );
    let second = desk.init(None).unwrap();
    assert_eq!(second, Producer { id: 1, epoch: 2 });
    for refused in [
        desk.add(first, "a"),
        desk.end(first, Outcome::Commit),
        desk.init(Some(first)),
    ] {
        assert_eq!(refused, Err(ErrorCode::ProducerFenced));
    }
    let stranger = Producer { id: 99, epoch: 0 };
    assert_eq!(desk.add(stranger, "a"), Err(ErrorCode::InvalidProducerIdMapping));
    desk.add(second, "a").unwrap();
}

#[test]
fn a_producer_asks_for_its_next_epoch_itself_also_twice() {
    let mut desk = Desk::default();
    let first = desk.init(None).unwrap();
    let next = desk.init(Some(first)).unwrap();
    assert_eq!(next, Producer { id: 1, epoch: 1 });
    // The answer got lost.
    assert_eq!(desk.init(Some(first)), Ok(next));
    assert_eq!(desk.init(Some(next)), Ok(Producer { id: 1, epoch: 2 }));
    assert_eq!(desk.init(Some(first)), Err(ErrorCode::ProducerFenced));
}

#[test]
fn a_transaction_that_takes_too_long_is_aborted_and_its_producer_fenced() {
    let mut desk = Desk::default();
    let producer = desk.init(None).unwrap();
    desk.add(producer, "a").unwrap();
    assert_eq!(desk.transaction.deadline_ms(), Some(60_000));
    desk.now_ms = 59_999;
    desk.on(Event::Tick);
    assert!(desk.markers.is_empty());
    // More partitions buy no time.
    desk.add(producer, "b").unwrap();
    desk.now_ms = 60_000;
    desk.on(Event::Tick);
    assert_eq!((desk.markers.len(), desk.transaction.deadline_ms()), (1, None));
    assert_eq!(
        desk.end(producer, Outcome::Commit),
        Err(ErrorCode::ProducerFenced)
    );
}

#[test]
fn when_there_are_no_epochs_left_there_is_another_producer() {
    let state = |epoch, phase| State {
        producer: Producer { id: 7, epoch },
        last: None,
        next_id: None,
        timeout_ms: TIMEOUT_MS,
        phase,
    };
    let mut desk = Desk {
        transaction: Transaction::restored(state(EPOCH_MAX, Phase::Empty), 0),
        ..Desk::default()
    };
    let last = Producer {
        id: 7,
        epoch: EPOCH_MAX,
    };
    desk.add(last, "a").unwrap();
    assert_eq!(desk.init(None), Err(ErrorCode::ConcurrentTransactions));
    assert_eq!(desk.markers[0].0.epoch, i16::MAX, "the last is for fencing");
    assert_eq!(desk.init(None), Ok(Producer { id: 2, epoch: 0 }));
}

#[test]
fn nothing_counts_before_it_is_stored_and_what_is_decided_comes_about_after_a_restart() {
    let mut transaction = Transaction::default();
    let init = Event::Init {
        ticket: Ticket(1),
        timeout_ms: TIMEOUT_MS,
        known: None,
        fresh_id: 5,
    };
    let stored = transaction.on(init.clone(), 0);
    assert!(matches!(stored[..], [Effect::Store(1, _)]));
    let concurrent = |ticket| {
        vec![Effect::Answer(
            Ticket(ticket),
            Err(ErrorCode::ConcurrentTransactions),
        )]
    };
    let again = Event::Init {
        ticket: Ticket(2),
        timeout_ms: TIMEOUT_MS,
        known: None,
        fresh_id: 6,
    };
    assert_eq!(transaction.on(again, 0), concurrent(2));
    let failed = transaction.on(
        Event::Stored {
            store: 1,
            is_stored: false,
        },
        0,
    );
    assert_eq!(
        failed,
        [Effect::Answer(Ticket(1), Err(ErrorCode::CoordinatorNotAvailable))]
    );
    assert!(transaction.state().is_none());

    let producer = Producer { id: 5, epoch: 0 };
    let decided = State {
        producer,
        last: None,
        next_id: None,
        timeout_ms: TIMEOUT_MS,
        phase: Phase::Preparing {
            places: place("a"),
            outcome: Outcome::Commit,
        },
    };
    let transaction = Transaction::restored(decided, 0);
    assert_eq!(
        transaction.resume(),
        [Effect::Mark(producer, Outcome::Commit, place("a"))]
    );
}

#[derive(Debug, Clone, Copy)]
enum Step {
    Init(usize),
    Add(usize, u8),
    End(usize, bool),
    /// The oldest store or markers under way succeed, or a store fails.
    Settle(bool),
    Pass(i64),
    /// The broker is killed: what was stored is there.
    Restart,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let producer = || 0..3usize;
    let step = prop_oneof![
        3 => producer().prop_map(Step::Init),
        6 => (producer(), 0..4u8).prop_map(|(producer, place)| Step::Add(producer, place)),
        4 => (producer(), any::<bool>()).prop_map(|(producer, commits)| Step::End(producer, commits)),
        12 => prop::bool::weighted(0.9).prop_map(Step::Settle),
        2 => (1..90_000i64).prop_map(Step::Pass),
        1 => Just(Step::Restart),
    ];
    prop::collection::vec(step, 1..120)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases, failure_persistence: None, ..ProptestConfig::default() })]

    /// A transaction that was told to be committed is never marked as aborted, nor the other way round; epochs rise;
    /// and whatever happens, it comes to an end.
    #[test]
    fn a_decision_stands(steps in steps()) {
        let mut transaction = Transaction::default();
        let mut disk: Option<State> = None;
        let mut producers: [Option<Producer>; 3] = [None; 3];
        let mut under_way: Vec<Effect> = Vec::new();
        let (mut tickets, mut now_ms, mut highest) = (0, 0, (0i64, -1i16));
        let mut asked: std::collections::HashMap<Ticket, (usize, Option<Outcome>)> = Default::default();
        // What was answered, by the producer whose transaction it was, until its markers are all written.
        let mut promised: Option<(Producer, Outcome)> = None;
        for step in steps {
            tickets += 1;
            let ticket = Ticket(tickets);
            let event = match step {
                Step::Init(who) => {
                    asked.insert(ticket, (who, None));
                    Event::Init { ticket, timeout_ms: TIMEOUT_MS, known: None, fresh_id: tickets as i64 }
                }
                Step::Add(who, at) => {
                    let Some(producer) = producers[who] else { continue };
                    Event::Add(ticket, producer, place(&at.to_string()))
                }
                Step::End(who, commits) => {
                    let Some(producer) = producers[who] else { continue };
                    let outcome = if commits { Outcome::Commit } else { Outcome::Abort };
                    asked.insert(ticket, (who, Some(outcome)));
                    Event::End { ticket, producer, outcome, fresh_id: None }
                }
                Step::Settle(is_stored) => match under_way.is_empty() {
                    true => continue,
                    false => match under_way.remove(0) {
                        Effect::Store(store, state) => {
                            if is_stored {
                                disk = Some(state);
                            }
                            Event::Stored { store, is_stored }
                        }
                        Effect::Mark(producer, outcome, _) => {
                            if let Some((whose, promise)) = promised.take_if(|(whose, _)| *whose == producer) {
                                prop_assert_eq!(promise, outcome, "{:?}", whose);
                            }
                            Event::Marked
                        }
                        Effect::Answer(..) => unreachable!(),
                    },
                },
                Step::Pass(ms) => {
                    now_ms += ms;
                    Event::Tick
                }
                Step::Restart => {
                    under_way.clear();
                    transaction = disk
                        .clone()
                        .map(|state| Transaction::restored(state, 0))
                        .unwrap_or_default();
                    under_way.extend(transaction.resume());
                    continue;
                }
            };
            for effect in transaction.on(event, now_ms) {
                match effect {
                    Effect::Answer(ticket, Ok(producer)) => match asked.remove(&ticket) {
                        Some((who, None)) => {
                            prop_assert!((producer.id, producer.epoch) > highest, "{producer:?} after {highest:?}");
                            highest = (producer.id, producer.epoch);
                            producers[who] = Some(producer);
                        }
                        Some((_, Some(outcome))) if matches!(disk, Some(State { phase: Phase::Preparing { .. }, .. })) => {
                            promised = Some((producer, outcome));
                        }
                        _ => {}
                    },
                    Effect::Answer(..) => {}
                    other => under_way.push(other),
                }
            }
        }
        for _ in 0..10 {
            now_ms += i64::from(TIMEOUT_MS);
            under_way.extend(transaction.on(Event::Tick, now_ms));
            while !under_way.is_empty() {
                let event = match under_way.remove(0) {
                    Effect::Store(store, _) => Event::Stored { store, is_stored: true },
                    Effect::Mark(..) => Event::Marked,
                    Effect::Answer(..) => continue,
                };
                under_way.extend(transaction.on(event, now_ms));
            }
        }
        let rests = transaction.state().is_none_or(|state| matches!(state.phase, Phase::Empty | Phase::Completed(_)));
        prop_assert!(rests, "{:?}", transaction);
    }
}

#[test]
fn what_cannot_be_stored_is_tried_again_after_a_pause_and_marked_once() {
    let mut desk = Desk::default();
    let producer = desk.init(None).unwrap();
    desk.add(producer, "a").unwrap();
    let fails = |desk: &mut Desk, event| {
        let effects = desk.transaction.on(event, desk.now_ms);
        let [Effect::Store(store, _)] = effects[..] else {
            panic!("{effects:?}");
        };
        let is_stored = false;
        desk.transaction
            .on(Event::Stored { store, is_stored }, desk.now_ms)
    };
    // Its time is over, and the disk is full.
    desk.now_ms = 60_000;
    assert_eq!(fails(&mut desk, Event::Tick), []);
    assert_eq!(desk.transaction.deadline_ms(), Some(61_000));
    desk.now_ms = 61_000;
    let effects = desk.transaction.on(Event::Tick, desk.now_ms);
    let [Effect::Store(store, _)] = effects[..] else {
        panic!("{effects:?}");
    };
    let marked = desk.transaction.on(
        Event::Stored {
            store,
            is_stored: true,
        },
        desk.now_ms,
    );
    assert!(matches!(marked[..], [Effect::Mark(..)]));
    assert_eq!(fails(&mut desk, Event::Marked), [], "the markers are there");
    assert_eq!(desk.transaction.deadline_ms(), Some(62_000));
    desk.now_ms = 62_000;
    desk.on(Event::Tick);
    assert_eq!((desk.markers.len(), desk.transaction.deadline_ms()), (0, None));
    assert!(matches!(
        desk.transaction.state().unwrap().phase,
        Phase::Completed(Outcome::Abort)
    ));
}

/// The marker of the transaction before is never written: who waits for its turn is not left waiting for ever.
#[test]
fn who_waits_for_its_turn_is_told_to_come_again_after_a_while() {
    let mut desk = Desk::default();
    let producer = desk.init(None).unwrap();
    desk.add(producer, "a").unwrap();
    let decided = desk.transaction.on(end_of(producer, Outcome::Commit, None), 0);
    let [Effect::Store(store, _)] = decided[..] else {
        panic!("{decided:?}");
    };
    let is_stored = true;
    desk.transaction.on(Event::Stored { store, is_stored }, 0);
    assert_eq!(desk.transaction.deadline_ms(), None);
    for (ticket, now_ms) in [(1, 10), (2, 20)] {
        let waits = desk
            .transaction
            .on(Event::Add(Ticket(ticket), producer, place("b")), now_ms);
        assert_eq!(waits, []);
    }
    for ticket in [1, 2] {
        let until_ms = desk.transaction.deadline_ms().expect("a deadline");
        assert_eq!(desk.transaction.on(Event::Tick, until_ms - 1), []);
        assert_eq!(
            desk.transaction.on(Event::Tick, until_ms),
            [Effect::Answer(
                Ticket(ticket),
                Err(ErrorCode::ConcurrentTransactions)
            )]
        );
    }
    assert_eq!(desk.transaction.deadline_ms(), None);
}
