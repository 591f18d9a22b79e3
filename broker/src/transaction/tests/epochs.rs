//! Transactions with an epoch each (KIP-890): what comes late from one that has ended enters no other.

use super::*;

fn next(producer: Producer) -> Producer {
    Producer {
        epoch: producer.epoch + 1,
        ..producer
    }
}

#[test]
fn every_end_gives_another_epoch_under_which_its_markers_stand() {
    let mut desk = Desk::default();
    let first = desk.init(None).unwrap();
    assert_eq!(
        desk.end_and_go_on(first, Outcome::Commit),
        Err(ErrorCode::InvalidTxnState),
        "nothing is open"
    );
    desk.add(first, "a").unwrap();
    let second = next(first);
    assert_eq!(desk.end_and_go_on(first, Outcome::Commit), Ok(second));
    assert_eq!(desk.markers, [(second, Outcome::Commit, place("a"))]);
    // Asked again it is said again; the other end is refused, and so is what comes late.
    assert_eq!(desk.end_and_go_on(first, Outcome::Commit), Ok(second));
    assert_eq!(
        desk.end_and_go_on(first, Outcome::Abort),
        Err(ErrorCode::InvalidTxnState)
    );
    assert_eq!(desk.add(first, "a"), Err(ErrorCode::ProducerFenced));
    desk.add(second, "a").unwrap();
    assert_eq!(desk.add(first, "b"), Err(ErrorCode::ProducerFenced));
    assert_eq!(
        desk.transaction.check_open_in(first, &("a".into(), 0)),
        Err(ErrorCode::ProducerFenced)
    );
    assert_eq!(
        desk.end_and_go_on(first, Outcome::Commit),
        Err(ErrorCode::ProducerFenced),
        "another one is open"
    );
    // The client does not know whether anything was opened.
    let third = desk.end_and_go_on(second, Outcome::Abort).unwrap();
    assert_eq!(desk.end_and_go_on(third, Outcome::Abort), Ok(next(third)));
    assert_eq!(desk.markers.len(), 3);
    assert_eq!(desk.markers[2], (next(third), Outcome::Abort, BTreeSet::new()));
}

#[test]
fn a_client_of_before_keeps_its_epoch_and_its_late_records_enter_the_next_transaction() {
    let mut desk = Desk::default();
    let producer = desk.init(None).unwrap();
    desk.add(producer, "a").unwrap();
    assert_eq!(desk.end(producer, Outcome::Commit), Ok(producer));
    assert_eq!(desk.add(producer, "late"), Ok(producer));
    // And who was it before it began anew is nobody to ask about its end.
    desk.end(producer, Outcome::Abort).unwrap();
    let anew = desk.init(Some(producer)).unwrap();
    desk.add(anew, "a").unwrap();
    desk.end(anew, Outcome::Commit).unwrap();
    assert_eq!(
        desk.end_and_go_on(producer, Outcome::Commit),
        Err(ErrorCode::ProducerFenced)
    );
}

#[test]
fn without_epochs_left_it_goes_on_as_another_producer() {
    let last = Producer {
        id: 7,
        epoch: EPOCH_MAX,
    };
    let state = State {
        producer: last,
        last: None,
        next_id: None,
        timeout_ms: TIMEOUT_MS,
        phase: Phase::Empty,
    };
    let mut desk = Desk {
        transaction: Transaction::restored(state, 0),
        ..Desk::default()
    };
    desk.add(last, "a").unwrap();
    let fresh = Producer { id: 99, epoch: 0 };
    assert_eq!(desk.end_and_go_on(last, Outcome::Commit), Ok(fresh));
    assert_eq!(
        desk.markers,
        [(
            Producer {
                id: 7,
                epoch: i16::MAX
            },
            Outcome::Commit,
            place("a")
        )]
    );
    assert_eq!(desk.end_and_go_on(last, Outcome::Commit), Ok(fresh));
    desk.add(fresh, "b").unwrap();
    assert_eq!(desk.add(last, "b"), Err(ErrorCode::InvalidProducerIdMapping));
}

#[test]
fn who_adds_while_the_transaction_before_ends_waits_for_its_end() {
    let mut desk = Desk::default();
    let first = desk.init(None).unwrap();
    desk.add(first, "a").unwrap();
    let second = next(first);
    let mut under_way = desk.transaction.on(end_of(first, Outcome::Commit, Some(99)), 0);
    // One of the last comes late, and the next one's first as soon as the end is answered.
    let add = |ticket, producer| Event::Add(Ticket(ticket), producer, place("b"));
    under_way.extend(desk.transaction.on(add(2, first), 0));
    let stored = Event::Stored {
        store: desk.transaction.stores,
        is_stored: true,
    };
    under_way.remove(0);
    under_way.extend(desk.transaction.on(stored, 0));
    for ticket in [1, 3] {
        under_way.extend(desk.transaction.on(add(ticket, second), 0));
    }
    let mut answers = Vec::new();
    while !under_way.is_empty() {
        let event = match under_way.remove(0) {
            Effect::Store(store, _) => Event::Stored {
                store,
                is_stored: true,
            },
            Effect::Mark(..) => Event::Marked,
            Effect::Answer(ticket, answer) => {
                answers.push((ticket.0, answer));
                continue;
            }
        };
        under_way.extend(desk.transaction.on(event, 0));
    }
    let fenced = Err(ErrorCode::ProducerFenced);
    answers.sort_by_key(|(ticket, _)| *ticket);
    assert_eq!(
        answers,
        [(0, Ok(second)), (1, Ok(second)), (2, fenced), (3, Ok(second))]
    );
    assert_eq!(desk.transaction.check_open_in(second, &("b".into(), 0)), Ok(()));
}

/// What a producer of the new kind and its network do.
#[derive(Debug, Clone, Copy)]
enum Move {
    /// It sends a record of its transaction.
    Send(u8),
    /// One that was sent arrives, perhaps long after.
    Arrive(prop::sample::Index),
    /// It ends its transaction; the answer may be lost, and then it asks again.
    End {
        commits: bool,
        is_lost: bool,
    },
    /// A store or the markers under way come about, or a store fails.
    Settle(bool),
    Restart,
}

fn moves() -> impl Strategy<Value = Vec<Move>> {
    let one = prop_oneof![
        6 => (0..3u8).prop_map(Move::Send),
        6 => any::<prop::sample::Index>().prop_map(Move::Arrive),
        4 => (any::<bool>(), prop::bool::weighted(0.3)).prop_map(|(commits, is_lost)| Move::End { commits, is_lost }),
        14 => prop::bool::weighted(0.9).prop_map(Move::Settle),
        1 => Just(Move::Restart),
    ];
    prop::collection::vec(one, 1..150)
}

/// A record under way: of which transaction it is, by how many had ended when it was sent.
#[derive(Debug, Clone, Copy)]
struct Sent {
    producer: Producer,
    transaction: usize,
    place: u8,
}

proptest! {
    #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_late_record_of_an_ended_transaction_enters_the_next(moves in moves()) {
        let mut desk = Desk::default();
        let mut producer = desk.init(None).unwrap();
        let mut disk = desk.transaction.state().cloned();
        let mut on_the_way: Vec<Sent> = Vec::new();
        let mut under_way: Vec<Effect> = Vec::new();
        // Of the client: how many it knows to have ended, and the end it asks for until it is told.
        let (mut known_ends, mut ending): (usize, Option<Outcome>) = (0, None);
        // Of the broker: how many were decided for good.
        let mut decided = 0;
        for step in moves {
            let mut told = Vec::new();
            match step {
                Move::Send(place) if ending.is_none() => {
                    on_the_way.push(Sent { producer, transaction: known_ends, place });
                }
                Move::Arrive(which) if !on_the_way.is_empty() => {
                    let at = which.index(on_the_way.len());
                    let sent = on_the_way[at];
                    let into = (sent.place.to_string(), 0);
                    if desk.transaction.check_open_in(sent.producer, &into).is_ok() {
                        prop_assert_eq!(sent.transaction, decided, "{:?} entered another transaction", sent);
                        on_the_way.remove(at);
                    } else {
                        // It opens its transaction there, if it may, and comes again.
                        told = desk.transaction.on(
                            Event::Add(Ticket(1), sent.producer, place(&into.0)),
                            0,
                        );
                    }
                }
                Move::End { commits, is_lost } => {
                    let outcome = *ending.get_or_insert(if commits { Outcome::Commit } else { Outcome::Abort });
                    told = desk.transaction.on(end_of(producer, outcome, Some(99)), 0);
                    for effect in &told {
                        if let Effect::Answer(_, Err(ErrorCode::InvalidTxnState)) = effect {
                            ending = None;
                        }
                        if let (Effect::Answer(_, Ok(next)), false) = (effect, is_lost) {
                            (producer, ending) = (*next, None);
                            known_ends += 1;
                        }
                    }
                }
                Move::Settle(is_stored) if !under_way.is_empty() => match under_way.remove(0) {
                    Effect::Store(store, state) => {
                        if is_stored {
                            let decides = matches!(state.phase, Phase::Preparing { .. });
                            decided += usize::from(decides);
                            disk = Some(state);
                        }
                        told = desk.transaction.on(Event::Stored { store, is_stored }, 0);
                    }
                    Effect::Mark(..) => told = desk.transaction.on(Event::Marked, 0),
                    Effect::Answer(..) => {}
                },
                Move::Restart => {
                    under_way.clear();
                    desk.transaction = Transaction::restored(disk.clone().unwrap(), 0);
                    told = desk.transaction.resume();
                }
                _ => {}
            }
            under_way.extend(told.into_iter().filter(|effect| !matches!(effect, Effect::Answer(..))));
            prop_assert!(known_ends <= decided);
        }
    }
}
