//! Aggregates of several topics against a model that knows the rule of their order and nothing else.

pub(crate) mod world;

use std::collections::BTreeMap;

use annals_event_store::{AsOf, Cut, DifferenceKind, LogName, Page, Sought, StoreError};
use proptest::prelude::*;

use world::{Ends, Event, KEYS, TOPICS, World, cut_of, ends, id, state, steps};

proptest! {
    #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases / 8, ..ProptestConfig::default() })]

    #[test]
    fn any_cut_of_several_topics(
        steps in steps(), cuts in proptest::collection::vec(ends(), 3), time in -1i64..13, are_copied: bool,
    ) {
        let world = World::of(&steps);
        if are_copied {
            world.cluster();
        }
        any_cut(&world, &cuts, time)?;
    }

    /// An answer at a cut is the same to the byte, whatever has come behind the cut.
    #[test]
    fn what_comes_later_changes_no_answer(steps in steps(), before in any::<prop::sample::Index>()) {
        comes_later(&World::of(&steps[..=before.index(steps.len())]), &World::of(&steps))?;
    }

    #[test]
    fn two_cuts_of_several_topics(steps in steps(), cuts in [ends(), ends()], key in 0..KEYS) {
        two_cuts(&World::of(&steps), cuts, key)?;
    }
}

/// Answers at a cut are the same where more has come behind it.
pub(crate) fn comes_later(early: &World, late: &World) -> Result<(), TestCaseError> {
    let at = AsOf::Cut(early.head());
    for key in 0..KEYS {
        let told = |world: &World| -> Option<[String; 3]> {
            let (store, id) = (&world.store, id(key));
            let state = store.explain("whole", &id, &at).ok()?;
            let history = store.history("whole", &id, &at, Page::default()).unwrap();
            let diff = store
                .diff("whole", &id, &AsOf::Cut(Cut::default()), &at, Page::default())
                .unwrap();
            Some([
                serde_json::to_string(&state).unwrap(),
                serde_json::to_string(&history).unwrap(),
                serde_json::to_string(&diff).unwrap(),
            ])
        };
        prop_assert_eq!(told(early), told(late));
    }
    Ok(())
}

/// Every answer at the head, at a time, and at some cuts, and that the order within one is that within any larger one.
pub(crate) fn any_cut(world: &World, cuts: &[Ends], time: i64) -> Result<(), TestCaseError> {
    let head = world.head();
    world.check(&AsOf::Head, &head)?;
    world.check(
        &AsOf::Time(time),
        &world.cut(&mut |event| event.latest_ms <= time),
    )?;
    for lasts in cuts {
        let asked = cut_of(lasts);
        world.check(&AsOf::Cut(asked), &world.taken(lasts))?;
    }
    // The order within a cut is the restriction of that within any larger one.
    for key in 0..KEYS {
        let all = world.within(key, &head);
        for lasts in cuts {
            let cut = cut_of(lasts);
            let some = world.within(key, &cut);
            let restricted: Vec<Event> = all.iter().filter(|event| some.contains(event)).copied().collect();
            prop_assert_eq!(some, restricted);
        }
        for (revision, _) in all.iter().enumerate() {
            let at = AsOf::Revision(revision as u64);
            let answer = world.store.reconstruct("whole", &id(key), &at).unwrap();
            prop_assert_eq!(&answer.state, &state(&all[..=revision]));
            let by_cut = world
                .store
                .reconstruct("whole", &id(key), &AsOf::Cut(answer.cut.clone()))
                .unwrap();
            prop_assert_eq!(by_cut.state, answer.state);
        }
    }
    Ok(())
}

/// What happened between two cuts.
pub(crate) fn two_cuts(world: &World, cuts: [Ends; 2], key: u8) -> Result<(), TestCaseError> {
    trail(world, cuts)?;
    let cuts = cuts.map(|lasts| cut_of(&lasts));
    differences(world, cuts.clone())?;
    diff(world, cuts, key)
}

fn differences(world: &World, cuts: [Cut; 2]) -> Result<(), TestCaseError> {
    let [from, to] = cuts.clone().map(AsOf::Cut);
    let [before, after] = cuts.map(|cut| move |key: u8| world.within(key, &cut));
    let page = world.store.differences("whole", &from, &to, 100, None).unwrap();
    let told: BTreeMap<String, DifferenceKind> =
        page.items.iter().map(|one| (one.id.clone(), one.kind)).collect();
    let mut wanted = BTreeMap::new();
    for key in 0..KEYS {
        match (before(key), after(key)) {
            (before, after) if before == after => continue,
            (before, _) if before.is_empty() => wanted.insert(id(key), DifferenceKind::Appeared),
            (_, after) if after.is_empty() => wanted.insert(id(key), DifferenceKind::Gone),
            _ => wanted.insert(id(key), DifferenceKind::Changed),
        };
    }
    prop_assert_eq!(told, wanted);
    Ok(())
}

fn trail(world: &World, ends: [Ends; 2]) -> Result<(), TestCaseError> {
    let cuts = ends.map(|lasts| cut_of(&lasts));
    let [from, to] = cuts.clone().map(AsOf::Cut);
    let sought = Sought::default();
    let sorted = [0, 1, 2].map(|topic| [0, 1].map(|number| ends.map(|lasts| lasts[topic][number])));
    if sorted.as_flattened().iter().any(|[from, to]| from > to) {
        let refused = world.store.trail("whole", &sought, &from, &to, 1_000, None);
        prop_assert!(
            matches!(refused, Err(StoreError::Backwards { .. })),
            "{:?}",
            refused
        );
        let of_each =
            |which: fn(i64, i64) -> i64| sorted.map(|topic| topic.map(|[one, other]| which(one, other)));
        return trail(world, [of_each(i64::min), of_each(i64::max)]);
    }
    let [before, after] = cuts.map(|cut| move |key: u8| world.within(key, &cut));
    let trail = world
        .store
        .trail("whole", &sought, &from, &to, 1_000, None)
        .unwrap();
    let told: Vec<_> = trail
        .entries
        .iter()
        .map(|deed| {
            (
                deed.id.clone(),
                deed.by.revision,
                deed.by.log.clone(),
                deed.by.offset,
            )
        })
        .collect();
    let mut wanted = Vec::new();
    for key in 0..KEYS {
        let before = before(key);
        let done = after(key)
            .into_iter()
            .zip(0..)
            .filter(|(event, _)| !before.contains(event));
        wanted.extend(done.map(|(event, revision)| (id(key), revision, Some(event.log()), event.offset)));
    }
    let in_log_order = |one: &(String, u64, Option<LogName>, i64)| {
        let log = one.2.clone().unwrap();
        (
            TOPICS.iter().position(|topic| *topic == log.topic),
            log.partition,
            one.3,
        )
    };
    wanted.sort_by_key(in_log_order);
    prop_assert_eq!(told, wanted);
    for deed in &trail.entries {
        let seen = deed
            .changes
            .iter()
            .find(|change| change.path.starts_with("/seen"));
        let place = match deed.by.revision {
            0 => "/seen".to_owned(),
            revision => format!("/seen/{revision}"),
        };
        prop_assert_eq!(&seen.unwrap().path, &place);
    }
    Ok(())
}

fn diff(world: &World, cuts: [Cut; 2], key: u8) -> Result<(), TestCaseError> {
    let [from, to] = cuts.clone().map(AsOf::Cut);
    let [before, after] = cuts.map(|cut| move |key: u8| world.within(key, &cut));
    let (before, after) = (before(key), after(key));
    if before.is_empty() && after.is_empty() {
        return Ok(());
    }
    let diff = world
        .store
        .diff("whole", &id(key), &from, &to, Page::default())
        .unwrap();
    prop_assert_eq!(diff.total == 0, before == after);
    prop_assert_eq!(diff.from.log, before.last().map(Event::log));
    prop_assert_eq!(diff.to.log, after.last().map(Event::log));
    // A change that is put down to an event is put down to one behind the earlier point.
    for by in diff.changes.iter().filter_map(|change| change.by.as_ref()) {
        let event = after[by.revision as usize];
        prop_assert_eq!((&by.log, by.offset), (&Some(event.log()), event.offset));
        prop_assert!(!before.contains(&event));
    }
    if let Some(last) = after.last() {
        let answer = world.store.explain("whole", &id(key), &to).unwrap();
        let leaves = answer.explanation.unwrap().leaves;
        let of_last = leaves.iter().find(|leaf| leaf.path == "/last").unwrap();
        prop_assert_eq!(
            (&of_last.by.log, of_last.by.offset),
            (&Some(last.log()), last.offset)
        );
        for (at, event) in after.iter().enumerate() {
            let leaf = leaves
                .iter()
                .find(|leaf| leaf.path == format!("/seen/{at}"))
                .unwrap();
            prop_assert_eq!((&leaf.by.log, leaf.by.offset), (&Some(event.log()), event.offset));
        }
    }
    Ok(())
}
