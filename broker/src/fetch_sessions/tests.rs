//! Sessions against a model of a consumer, and the rules of who may have one.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicI32, Ordering};

use proptest::prelude::*;

use super::cache::{PER_CONNECTION, STALE_MS};
use super::*;

const ROOMY: Limits = Limits {
    sessions_max: 3,
    bytes_max: 1 << 20,
    places_max: 100,
};

fn peer(number: u16) -> SocketAddr {
    ([127, 0, 0, 1], number).into()
}

fn place(number: u8) -> Place {
    let names = ["a", "b"];
    (
        TopicKey::Name(names[usize::from(number % 2)].into()),
        i32::from(number / 2),
    )
}

fn wanted(number: u8, fetch_offset: i64) -> Wanted {
    let (topic, partition) = place(number);
    let asked = FetchPartition {
        partition,
        fetch_offset,
        ..FetchPartition::default()
    };
    Wanted { topic, asked }
}

fn ask(session_id: i32, epoch: i32, wanted: Vec<Wanted>) -> Ask {
    Ask {
        session_id,
        epoch,
        by_id: false,
        wanted,
        forgotten: Vec::new(),
        peer: peer(1),
    }
}

/// The next number: no two sessions have one id.
fn draw() -> i32 {
    static NEXT: AtomicI32 = AtomicI32::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// A session of the partitions with these numbers, if there is one.
fn open(cache: &mut Cache, peer: SocketAddr, places: u8, now_ms: i64) -> Option<i32> {
    let all = (0..places).map(|number| wanted(number, 0)).collect();
    let ask = Ask {
        peer,
        ..ask(0, 0, all)
    };
    let (part, all) = cache.begin(ask, now_ms, draw).unwrap();
    assert_eq!(all.len(), usize::from(places));
    assert!(cache.is_sound());
    match part {
        Part::Opened(id) => Some(id),
        _ => None,
    }
}

fn goes_on(cache: &mut Cache, id: i32, epoch: i32, now_ms: i64) -> Result<Vec<Wanted>, ErrorCode> {
    let begun = cache.begin(ask(id, epoch, Vec::new()), now_ms, draw);
    begun.map(|(_, wanted)| wanted)
}

/// A partition of the model's broker.
#[derive(Debug, Clone, Copy, Default)]
struct Log {
    start: i64,
    end: i64,
    is_failed: bool,
}

impl Log {
    /// What a whole request is told of it.
    fn shown(self) -> Option<Ends> {
        (!self.is_failed).then_some(Ends {
            log_start_offset: self.start,
            last_stable_offset: self.end,
            high_watermark: self.end,
        })
    }

    fn found(self, offset: i64, room: &mut usize) -> Found {
        let has_records = !self.is_failed && offset < self.end && *room > 0;
        *room -= usize::from(has_records);
        let nowhere = Ends {
            log_start_offset: -1,
            last_stable_offset: -1,
            high_watermark: -1,
        };
        Found {
            has_records,
            is_urgent: self.is_failed,
            ends: self.shown().unwrap_or(nowhere),
        }
    }
}

#[derive(Debug, Clone)]
enum Step {
    Append(u8),
    Trim(u8),
    Fail(u8, bool),
    Read(u8),
    Leave(u8),
    /// A request whose answer has room for the records of so many partitions, and may be lost.
    Fetch {
        room: usize,
        is_lost: bool,
    },
    /// Others open sessions, and time passes.
    Others(u8, i64),
}

const PLACES: u8 = 6;

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        3 => (0..PLACES).prop_map(Step::Append),
        1 => (0..PLACES).prop_map(Step::Trim),
        1 => (0..PLACES, any::<bool>()).prop_map(|(place, is_failed)| Step::Fail(place, is_failed)),
        2 => (0..PLACES).prop_map(Step::Read),
        1 => (0..PLACES).prop_map(Step::Leave),
        8 => (0..4usize, prop::bool::weighted(0.1)).prop_map(|(room, is_lost)| Step::Fetch { room, is_lost }),
        1 => (0..4u8, 0..STALE_MS).prop_map(|(count, ms)| Step::Others(count, ms)),
    ];
    prop::collection::vec(step, 1..120)
}

/// What a consumer knows of a partition it reads.
#[derive(Debug, Clone, Default, PartialEq)]
struct View {
    offset: i64,
    /// Nothing, while it is an error.
    ends: Option<Ends>,
}

/// A consumer that goes by KIP-227.
#[derive(Debug, Default)]
struct Consumer {
    session: i32,
    epoch: i32,
    views: BTreeMap<u8, View>,
    /// What its session does not know yet.
    changed: BTreeSet<u8>,
    left: BTreeSet<u8>,
}

impl Consumer {
    fn ask(&self) -> Ask {
        let asks = |number: &u8| wanted(*number, self.views[number].offset);
        if self.epoch == 0 {
            return ask(self.session, 0, self.views.keys().map(asks).collect());
        }
        Ask {
            forgotten: self.left.iter().map(|number| place(*number)).collect(),
            ..ask(self.session, self.epoch, self.changed.iter().map(asks).collect())
        }
    }

    /// The session cannot be gone on with: the next request ends it and opens another.
    fn begin_anew(&mut self) {
        self.epoch = 0;
    }
}

fn number_of(wanted: &Wanted) -> u8 {
    let found = (0..PLACES).find(|number| place(*number) == wanted.place());
    found.unwrap()
}

fn run(steps: Vec<Step>) -> Result<(), TestCaseError> {
    let mut cache = Cache::new(Limits {
        sessions_max: 5,
        ..ROOMY
    });
    let mut logs = [Log::default(); PLACES as usize];
    let mut consumer = Consumer::default();
    let mut now_ms = 0;
    for step in steps {
        match step {
            Step::Append(place) => logs[usize::from(place)].end += 1,
            Step::Trim(place) => logs[usize::from(place)].start = logs[usize::from(place)].end,
            Step::Fail(place, is_failed) => logs[usize::from(place)].is_failed = is_failed,
            Step::Read(place) => {
                let view = View {
                    offset: logs[usize::from(place)].end,
                    ..consumer.views.get(&place).cloned().unwrap_or_default()
                };
                consumer.views.insert(place, view);
                // A session that was not told that it left would not tell of it again.
                match consumer.left.contains(&place) {
                    true => consumer.begin_anew(),
                    false => drop(consumer.changed.insert(place)),
                }
            }
            Step::Leave(place) => {
                consumer.views.remove(&place);
                consumer.changed.remove(&place);
                consumer.left.insert(place);
            }
            Step::Others(count, ms) => {
                now_ms += ms;
                for other in 0..count {
                    open(&mut cache, peer(100 + u16::from(other)), PLACES, now_ms);
                }
            }
            Step::Fetch { room, is_lost } => fetch(&mut cache, &logs, &mut consumer, room, is_lost, now_ms)?,
        }
        prop_assert!(cache.is_sound());
    }
    Ok(())
}

fn fetch(
    cache: &mut Cache,
    logs: &[Log],
    consumer: &mut Consumer,
    mut room: usize,
    is_lost: bool,
    now_ms: i64,
) -> Result<(), TestCaseError> {
    let is_whole = consumer.epoch == 0;
    let begun = cache.begin(consumer.ask(), now_ms, draw);
    let answer = begun.and_then(|(part, wanted)| {
        let read = |wanted: &Wanted| {
            logs[usize::from(number_of(wanted))].found(wanted.asked.fetch_offset, &mut room)
        };
        let found: Vec<_> = wanted.iter().map(read).collect();
        cache.tell(part, &found).map(|told| (wanted, found, told))
    });
    let Ok((wanted, found, (session, told))) = answer else {
        prop_assert!(!is_whole, "a whole request is always answered");
        consumer.begin_anew();
        return Ok(());
    };
    let reads: BTreeSet<u8> = wanted.iter().map(number_of).collect();
    prop_assert_eq!(reads.len(), wanted.len(), "each once");
    prop_assert_eq!(&reads, &consumer.views.keys().copied().collect::<BTreeSet<_>>());
    if is_lost {
        consumer.begin_anew();
        return Ok(());
    }
    consumer.epoch = if session == 0 { 0 } else { consumer.epoch + 1 };
    consumer.session = session;
    consumer.changed.clear();
    consumer.left.clear();
    for ((wanted, found), told) in wanted.iter().zip(found).zip(told) {
        let number = number_of(wanted);
        let view = consumer.views.get_mut(&number).unwrap();
        prop_assert_eq!(
            wanted.asked.fetch_offset,
            view.offset,
            "the session has the newest offset"
        );
        let shown = (!found.is_urgent).then_some(found.ends);
        if told {
            let is_new = found.has_records || found.is_urgent || view.ends != shown;
            prop_assert!(is_whole || is_new, "nothing new of {}", number);
            view.ends = shown;
        }
        if told && found.has_records {
            view.offset = found.ends.high_watermark;
            consumer.changed.insert(number);
        }
        prop_assert_eq!(
            view.ends,
            logs[usize::from(number)].shown(),
            "as a whole request shows it"
        );
    }
    Ok(())
}

proptest! {
    #[test]
    fn a_consumer_in_a_session_knows_what_whole_requests_show(steps in steps()) {
        run(steps)?;
    }
}

#[test]
fn everybody_gets_a_turn_when_an_answer_has_room_for_one() {
    let mut cache = Cache::new(ROOMY);
    let id = open(&mut cache, peer(1), PLACES, 0).unwrap();
    let ends = Log::default().found(0, &mut 0).ends;
    let mut given = Vec::new();
    for epoch in 1..=2 * i32::from(PLACES) {
        let (part, wanted) = cache.begin(ask(id, epoch, Vec::new()), 0, draw).unwrap();
        let found = |at: usize| Found {
            has_records: at == 0,
            is_urgent: false,
            ends,
        };
        let found: Vec<_> = (0..wanted.len()).map(found).collect();
        given.push(number_of(&wanted[0]));
        cache.tell(part, &found).unwrap();
    }
    let once: Vec<u8> = (0..PLACES).collect();
    assert_eq!(given, [once.clone(), once].concat());
}

#[test]
fn a_session_goes_on_by_its_numbers_alone() {
    let mut cache = Cache::new(ROOMY);
    let id = open(&mut cache, peer(1), 2, 0).unwrap();
    let refused = |cache: &mut Cache, ask: Ask| cache.begin(ask, 0, draw).unwrap_err();
    let error = refused(&mut cache, ask(id + 1, 1, Vec::new()));
    assert_eq!(error, ErrorCode::FetchSessionIdNotFound);
    for epoch in [2, 7, -2, i32::MIN] {
        let error = refused(&mut cache, ask(id, epoch, Vec::new()));
        assert_eq!(error, ErrorCode::InvalidFetchSessionEpoch, "{epoch}");
    }
    let by_id = Ask {
        by_id: true,
        ..ask(id, 1, Vec::new())
    };
    assert_eq!(refused(&mut cache, by_id), ErrorCode::FetchSessionTopicIdError);
    // None of that has changed it.
    assert_eq!(goes_on(&mut cache, id, 1, 0).unwrap().len(), 2);
    assert_eq!(
        goes_on(&mut cache, id, 1, 0),
        Err(ErrorCode::InvalidFetchSessionEpoch)
    );
    // What somebody else goes on with is not told to who came before; nor is what is gone.
    let found = [Log::default().found(0, &mut 0); 2];
    let early = cache.tell(Part::GoesOn(id, 1), &found);
    assert_eq!(early, Err(ErrorCode::InvalidFetchSessionEpoch));
    assert_eq!(cache.tell(Part::GoesOn(id, 2), &found), Ok((id, vec![true; 2])));
    assert_eq!(goes_on(&mut cache, id, 2, 0).unwrap().len(), 2);
    assert_eq!(cache.tell(Part::GoesOn(id, 3), &found), Ok((id, vec![false; 2])));
    // Both kinds of whole requests end it.
    for epoch in [0, -1] {
        let id = open(&mut cache, peer(1), 2, 0).unwrap();
        cache.begin(ask(id, epoch, Vec::new()), 0, draw).unwrap();
        assert_eq!(
            goes_on(&mut cache, id, 1, 0),
            Err(ErrorCode::FetchSessionIdNotFound),
            "{epoch}"
        );
        let gone = cache.tell(Part::GoesOn(id, 1), &found);
        assert_eq!(gone, Err(ErrorCode::FetchSessionIdNotFound));
        assert_eq!(cache.tell(Part::Opened(id + 50), &found), Ok((0, vec![true; 2])));
    }
    // As does leaving its last partition.
    let id = open(&mut cache, peer(1), 1, 0).unwrap();
    let before = cache.len();
    let last = Ask {
        forgotten: vec![place(0)],
        ..ask(id, 1, Vec::new())
    };
    assert_eq!(cache.begin(last, 0, draw), Ok((Part::Alone, Vec::new())));
    assert_eq!(cache.len(), before - 1);
}

#[test]
fn epochs_go_round() {
    let mut session = session::Session::new(peer(1), false, 0);
    session.epoch = i32::MAX;
    session.advance(0);
    assert_eq!(session.epoch, session::FIRST_EPOCH);
}

#[test]
fn who_makes_way_for_whom() {
    /// Three sessions of two, three and four partitions, used last at these times: which of them makes way for one of
    /// `places` at `now_ms`.
    fn check(used_ms: [i64; 3], now_ms: i64, places: u8, expected: Option<usize>) {
        let mut cache = Cache::new(ROOMY);
        let ids: Vec<_> = (0..3u8)
            .map(|at| open(&mut cache, peer(u16::from(at)), at + 2, 0).unwrap())
            .collect();
        for (id, used_ms) in ids.iter().zip(used_ms) {
            goes_on(&mut cache, *id, 1, used_ms).unwrap();
        }
        let opened = open(&mut cache, peer(9), places, now_ms);
        assert_eq!(opened.is_some(), expected.is_some(), "{used_ms:?} at {now_ms}");
        let is_gone = |id: &i32| goes_on(&mut cache, *id, 2, now_ms).is_err();
        let gone: Vec<_> = ids.iter().map(is_gone).collect();
        assert_eq!(
            gone.iter().position(|gone| *gone),
            expected,
            "{used_ms:?} at {now_ms}"
        );
    }
    let late = STALE_MS + 1;
    check([0, 0, 0], STALE_MS, 6, None);
    // The one idle for longest, whatever its size.
    check([1, 0, 1], late, 1, Some(1));
    check([3, 2, 1], late + 1, 1, Some(2));
    // None is idle: the smallest, for a bigger one.
    check([late, late, late], late, 1, None);
    check([late, late, late], late, 2, None);
    check([late, late, late], late, 3, Some(0));
}

#[test]
fn one_connection_has_a_few_sessions() {
    let mut cache = Cache::new(Limits {
        sessions_max: 100,
        ..ROOMY
    });
    let other = open(&mut cache, peer(2), 1, 0).unwrap();
    let ids: Vec<_> = (0..PER_CONNECTION)
        .map(|_| open(&mut cache, peer(1), 1, 1).unwrap())
        .collect();
    goes_on(&mut cache, ids[0], 1, 2).unwrap();
    open(&mut cache, peer(1), 1, 3).unwrap();
    assert_eq!(cache.len(), PER_CONNECTION + 1);
    assert_eq!(
        goes_on(&mut cache, ids[1], 1, 3),
        Err(ErrorCode::FetchSessionIdNotFound)
    );
    assert!(goes_on(&mut cache, ids[0], 2, 3).is_ok() && goes_on(&mut cache, other, 1, 3).is_ok());
}

#[test]
fn what_sessions_hold_is_bounded() {
    let mut cache = Cache::new(Limits {
        sessions_max: 100,
        bytes_max: 2_300,
        places_max: 4,
    });
    // As many partitions as one may have, and one more.
    assert_eq!(open(&mut cache, peer(1), 5, 0), None);
    let id = open(&mut cache, peer(1), 4, 0).unwrap();
    let more = ask(id, 1, vec![wanted(4, 0)]);
    let grown = cache.begin(more, 0, draw);
    assert_eq!(grown, Err(ErrorCode::FetchSessionIdNotFound));
    assert!(cache.is_sound() && cache.len() == 0);
    // As many bytes as all may have, and more.
    let ids: Vec<_> = (0..2).map(|_| open(&mut cache, peer(1), 1, 0).unwrap()).collect();
    assert_eq!(open(&mut cache, peer(1), 1, 0), None);
    let more = ask(ids[0], 1, vec![wanted(1, 0), wanted(2, 0), wanted(3, 0)]);
    let grown = cache.begin(more, 0, draw);
    assert_eq!(grown, Err(ErrorCode::FetchSessionIdNotFound));
    assert!(cache.is_sound() && goes_on(&mut cache, ids[1], 1, 0).is_ok());
    // A name has its weight.
    let name = TopicKey::Name("n".repeat(900).into());
    let long = Wanted {
        topic: name,
        ..wanted(0, 0)
    };
    let (part, _) = cache.begin(ask(0, 0, vec![long]), 0, draw).unwrap();
    assert_eq!(part, Part::Alone);
}
