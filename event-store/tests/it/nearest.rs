//! Snapshots of aggregates of several topics tell nothing that the events do not, whatever has come between them.

use annals_event_store::{AsOf, EventStore, Member, Question, Reconstruction, Source, declarative};
use proptest::prelude::*;

use crate::merged::world::{FOLD, Kind, PARTITIONS, Step, TOPICS, World, cut_of, id};

/// Two aggregates, so that each has many events.
const KEYS: u8 = 2;

/// A fold with a small state that tells in which order the events were folded.
fn mixing(by_field: bool) -> String {
    let topics = match by_field {
        true => "topics:\n  - orders\n  - {topic: packages, by: of}\n  - {topic: bills, by: whose.id}",
        false => "topics: [orders, packages, bills]",
    };
    let begin = "      - set: { mixed: event.n, last: at.recorded }\n";
    let on = "      - set: { mixed: (state.mixed * 31 + event.n) % 1000003, last: at.recorded }\n";
    let mut text = FOLD.lines().take(3).collect::<Vec<_>>().join("\n");
    text = text.replace("whole", "mixing") + "\n" + topics + "\nevents:\n";
    for record in ["t.Ordered", "t.Packed", "t.Billed"] {
        text += &format!("  {record}:\n    begin:\n{begin}    on:\n{on}");
    }
    text
}

/// The topics as their broker has them, each with this id.
fn sources(world: &World, topic_id: Option<&str>) -> Vec<Source> {
    let source = |topic_id: Option<&str>, source: Source| Source {
        topic_id: topic_id.map(str::to_owned),
        ..source
    };
    world
        .logs
        .iter()
        .map(|logs| source(topic_id, logs.source()))
        .collect()
}

fn store(world: &World, by_field: bool, topic_id: Option<&str>) -> EventStore {
    let store = EventStore::new(world.table.clone());
    let fold = declarative::load(&mixing(by_field), &*world.table).unwrap();
    store
        .add_merged(Box::new(fold), sources(world, topic_id))
        .unwrap();
    store
}

/// Asks with snapshots and without, and says at which revision the snapshot was that the answer began with.
fn ask(store: &EventStore, key: u8, at: &AsOf) -> Option<u64> {
    let with = store.reconstruct("mixing", &id(key), at);
    let without = store.without_snapshots().reconstruct("mixing", &id(key), at);
    let (with, without) = match (with, without) {
        (Ok(with), Ok(without)) => (with, without),
        (with, without) => {
            let (with, without) = (with.err().unwrap(), without.err().unwrap());
            assert_eq!(with.to_string(), without.to_string());
            return None;
        }
    };
    assert!(without.snapshot.is_none());
    let used = with.snapshot.clone().map(|snapshot| snapshot.revision);
    assert!(used.is_none_or(|used| Some(used) <= with.revision));
    let with = Reconstruction {
        snapshot: None,
        ..with
    };
    assert_eq!(
        serde_json::to_string(&with).unwrap(),
        serde_json::to_string(&without).unwrap()
    );
    used
}

/// All aggregates at a cut: from copies of the logs, where they are of records' own keys.
fn all(store: &EventStore, at: &AsOf) -> Vec<Member> {
    let mut members = Vec::new();
    let rows = store.rows("mixing", at, &Question::default()).unwrap();
    let given = rows.each(None, &mut |member| {
        members.push(member);
        Ok(())
    });
    given.unwrap();
    members
}

/// What is asked: up to where in each log, or so many events, or a time.
fn point() -> impl Strategy<Value = AsOf> {
    let last = -1i64..90;
    let lasts = proptest::array::uniform3(proptest::array::uniform2(last));
    prop_oneof![
        2 => lasts.prop_map(|lasts| AsOf::Cut(cut_of(&lasts))),
        2 => (0u64..200).prop_map(AsOf::Revision),
        1 => (-1i64..41).prop_map(AsOf::Time),
        1 => Just(AsOf::Head),
    ]
}

fn steps(by_field: bool) -> impl Strategy<Value = Vec<Step>> {
    let others = match by_field {
        true => vec![Kind::Nobodys, Kind::Bare, Kind::Aborted],
        false => vec![Kind::Bare, Kind::Aborted],
    };
    let kind = prop_oneof![40 => Just(Kind::Event), 1 => proptest::sample::select(others)];
    let step = (kind, 0..TOPICS.len(), 0..PARTITIONS, 0..KEYS, 0i64..40);
    let step = step.prop_map(|(kind, topic, partition, key, ms)| Step {
        kind,
        topic,
        partition,
        key,
        ms,
    });
    proptest::collection::vec(step, 200..500)
}

fn any_point(by_field: bool, mut steps: Vec<Step>, asked: &[(u8, AsOf)], is_late: bool, restarted: usize) {
    if !is_late {
        // As clocks are: they go on, and are a little apart.
        let count = steps.len() as i64;
        for (step, n) in steps.iter_mut().zip(0..) {
            step.ms = n * 40 / count + step.ms % 3;
        }
    }
    let world = match by_field {
        true => World::by_field(&steps),
        false => World::of(&steps),
    };
    world.cluster();
    let mut one = store(&world, by_field, Some("a"));
    for (number, (key, at)) in asked.iter().enumerate() {
        if number == restarted {
            one = store(&world, by_field, Some("a"));
        }
        ask(&one, *key, at);
        if number % 3 == 0 && matches!(at, AsOf::Cut(_) | AsOf::Head) {
            assert_eq!(all(&one, at), all(&one.without_snapshots(), at));
        }
    }
    assert_eq!(one.snapshot_figures().wrong, 0);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases / 16, ..ProptestConfig::default() })]

    #[test]
    fn any_point_with_any_snapshots_is_the_point_without(
        steps in steps(false), asked in proptest::collection::vec((0..KEYS, point()), 1..8), is_late: bool, restarted in 0usize..8,
    ) {
        any_point(false, steps, &asked, is_late, restarted);
    }

    #[test]
    fn and_so_by_a_field(
        steps in steps(true), asked in proptest::collection::vec((0..KEYS, point()), 1..8), is_late: bool, restarted in 0usize..8,
    ) {
        any_point(true, steps, &asked, is_late, restarted);
    }
}

/// So many events of one aggregate, one in each topic after the other, a millisecond apart.
fn one_by_one(count: i64) -> Vec<Step> {
    let topics = (0..TOPICS.len()).cycle();
    let step = |(ms, topic)| Step {
        kind: Kind::Event,
        topic,
        partition: 0,
        key: 1,
        ms,
    };
    (0..count).zip(topics).map(step).collect()
}

#[test]
fn a_snapshot_serves_whatever_comes_behind_it_and_nothing_with_others_before() {
    let check = |steps: &[Step], used: Option<u64>, what: &str| {
        let world = World::of(steps);
        let one = store(&world, false, Some("a"));
        // The first 210 events, which leave snapshots behind.
        let early = AsOf::Cut("orders/0=69,packages/0=69,bills/0=69".parse().unwrap());
        assert_eq!(ask(&one, 1, &early), None, "{what}");
        let kept = one.snapshot_figures().kept;
        assert!(kept >= 3, "{what}: {kept}");
        let found = ask(&one, 1, &AsOf::Head);
        assert_eq!(found.is_some(), used.is_some(), "{what}: {found:?}");
        if let (Some(found), Some(used)) = (found, used) {
            assert!(found < used && used - found <= 70, "{what}: {found}");
        }
        // Revisions are those within the head.
        assert_eq!(ask(&one, 1, &AsOf::Revision(30)), None, "{what}");
        assert!(
            ask(&one, 1, &AsOf::Head).is_some(),
            "{what}: the order of the head has its own"
        );
        assert!(
            ask(&one, 1, &early).is_some(),
            "{what}: and the other has not lost its own"
        );
        ask(&one, 1, &AsOf::Revision(150));
        ask(&one, 1, &AsOf::Revision(205));
    };
    let steps = one_by_one(240);
    check(&steps, Some(210), "what comes later");
    let with = |ms: i64| {
        let late = Step { ms, ..steps[1] };
        // In a log of its own: in the one with others it could not count as recorded before them.
        let late = Step { partition: 1, ..late };
        [steps.as_slice(), &[late]].concat()
    };
    check(&with(150), Some(150), "one that was recorded amid the others");
    check(&with(209), Some(210), "one of the time of the last");
    check(&with(-1), None, "one that was recorded before all");
}

/// The snapshots of logs that are not told apart are of no use, nor those of others.
#[test]
fn only_the_same_logs_snapshots_are_used() {
    let world = World::of(&one_by_one(240));
    let used = |topic_id: Option<&str>| {
        let one = store(&world, false, topic_id);
        (
            ask(&one, 1, &AsOf::Head).is_some(),
            one.snapshot_figures().kept > 0,
        )
    };
    assert_eq!(used(None), (false, false));
    assert_eq!(used(Some("a")), (false, true));
    assert_eq!(used(Some("a")), (true, false));
    assert_eq!(used(Some("b")), (false, true));
    assert_eq!(used(Some("b")), (true, false));
    assert_eq!(used(Some("a")), (true, false));
    assert_eq!(used(None), (false, false));
    // What was deleted is missing, snapshot or not.
    world.logs[1].partitions[0].delete_before(3).unwrap();
    assert!(!used(Some("a")).0);
}
