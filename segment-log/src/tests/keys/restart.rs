//! When the key index is made, and what is left of it after a restart: its runs tell, and what cannot be told is looked at again.

use super::*;

/// A world with many segments, their runs written.
fn indexed() -> World {
    let mut world = World::new(Durability::Fsync);
    for number in 0..40 {
        world.run(Op::Plain(vec![number % 9, 2, 9], number % 2 == 0));
        world.run(Op::Commit);
    }
    check(&world.partition);
    world
}

#[test]
fn after_a_restart_the_runs_tell_and_no_segment_that_has_one_is_read() {
    let mut world = indexed();
    let told = |partition: &Partition| {
        let spots = (0..9).map(|key| {
            partition
                .keys()
                .key_offsets(&name(key), i64::MAX, 0, 1_000)
                .unwrap()
        });
        let at = partition.keys().offset_recorded_at(500, i64::MAX).unwrap();
        let keys = partition.keys().keys_begun(i64::MAX).unwrap();
        (asked(partition, i64::MAX), spots.collect::<Vec<_>>(), at, keys)
    };
    let before = told(&world.partition);
    world.restart(true);
    let runs = runs(&world.disk);
    assert!(runs.len() > 5);
    for (run, _) in &runs {
        let log = run.replace(".keys", ".log");
        let length = world.disk.bytes(&log).len();
        world.disk.put(&log, &vec![0; length]);
    }
    assert_eq!(told(&world.partition), before);
    assert!(world.partition.damage().is_empty(), "nobody has looked");
}

#[test]
fn damage_is_passed_over_and_told_and_its_segment_gets_no_run() {
    let world = indexed();
    let all = runs(&world.disk);
    let (run, _) = &all[2];
    let log = run.replace(".keys", ".log");
    let base: i64 = log[4..24].parse().unwrap();
    let disk = world.disk.reboot(Survives::Nothing);
    for (name, _) in &all {
        disk.put(name, b"");
    }
    let mut bytes = disk.bytes(&log);
    bytes[80] ^= 1;
    disk.put(&log, &bytes);
    let opened = open(&disk).unwrap();
    let partition = opened.partition("a/0", world.config.clone()).unwrap();
    let sound = world.partition.keys().key_count(&name(2), i64::MAX).unwrap();
    let found = partition.keys().key_count(&name(2), i64::MAX).unwrap();
    assert!(found < sound && found > 30, "{found} of {sound}");
    let [(first, last)] = partition.keys().unreadable(i64::MAX, 9).unwrap()[..] else {
        panic!("one place");
    };
    assert!(first == base && last < base + 6, "{first} to {last}");
    assert_eq!(partition.keys().unreadable_count(base).unwrap(), 0);
    assert_eq!(partition.keys().unreadable_count(i64::MAX).unwrap(), 1);
    assert_eq!(disk.bytes(run), b"", "it is looked at again at the next start");
    assert_eq!(disk.bytes(&all[3].0), all[3].1);
    let refused = partition.append_if(&plain(&[2]), 0, &conditions(&[2], &[(0, 1)]));
    assert!(
        matches!(
            refused,
            Err(AppendError::Condition(ConditionError::NotWhole { .. }))
        ),
        "{refused:?}"
    );
}

#[test]
fn a_run_of_the_first_version_is_made_anew() {
    let mut world = indexed();
    let (name, good) = runs(&world.disk).swap_remove(1);
    // The footer's magic is followed by the version.
    let version = good.windows(8).rposition(|bytes| bytes == b"ANNALSKY").unwrap() + 8;
    let mut old = good.clone();
    old[version..version + 4].copy_from_slice(&1u32.to_be_bytes());
    world.disk.put(&name, &old);
    world.restart(true);
    check(&world.partition);
    assert_eq!(world.disk.bytes(&name), good);
}

#[test]
fn eight_runs_become_one_that_tells_the_same_wherever_the_power_goes() {
    let mut merged = indexed();
    let before = runs(&merged.disk).len();
    merged.log.maintain(0);
    check(&merged.partition);
    let after = runs(&merged.disk);
    assert!(
        before > 8 && after.len() == before - 7,
        "{before} runs, then {}",
        after.len()
    );
    // They are opened as they are: what they are of is not read.
    merged.restart(true);
    for log in merged
        .disk
        .names("a/0")
        .into_iter()
        .filter(|name| name.ends_with(".log"))
    {
        let path = format!("a/0/{log}");
        if after.iter().any(|(run, _)| *run == path.replace(".log", ".keys")) {
            let length = merged.disk.bytes(&path).len();
            merged.disk.put(&path, &vec![0; length]);
        }
    }
    assert_eq!(merged.partition.keys().keys_begun(i64::MAX).unwrap(), 9);
    for step in 1.. {
        let world = indexed();
        world.disk.cut_at(step);
        world.log.maintain(0);
        if !world.disk.is_cut() {
            assert!(step > 10);
            break;
        }
        for survives in [Survives::Nothing, Survives::Sectors(step)] {
            let disk = world.disk.reboot(survives);
            let log = open(&disk).unwrap();
            let partition = log.partition("a/0", world.config.clone()).unwrap();
            check(&partition);
            log.maintain(0);
            check(&partition);
            for (name, bytes) in &after {
                assert_eq!(disk.bytes(name), *bytes, "{name} after step {step}");
            }
        }
    }
}

#[test]
fn what_was_read_of_a_segment_that_is_gone_is_not_taken_for_the_next_ones() {
    let mut world = World::new(Durability::Fsync);
    let more = |world: &mut World, count: u8| {
        for number in 0..count {
            world.run(Op::Plain(vec![number % 9, 2, 9], false));
            world.run(Op::Commit);
        }
    };
    more(&mut world, 3);
    check(&world.partition);
    // Nobody asks while the segment is sealed and goes.
    more(&mut world, 40);
    let middle = world.partition.log_end_offset() / 2;
    world.partition.delete_before(middle).unwrap();
    world.log.maintain(0);
    assert!(
        world
            .disk
            .names("a/0")
            .iter()
            .all(|name| name != "00000000000000000000.log")
    );
    check(&world.partition);
    more(&mut world, 40);
    check(&world.partition);
    world.restart(true);
    check(&world.partition);
}

#[test]
fn nothing_is_built_where_nobody_asks() {
    let mut world = World::new(Durability::Fsync);
    for _ in 0..40 {
        world.run(Op::Plain(vec![1, 2, 9], false));
        world.run(Op::Commit);
    }
    let syncs = world.disk.syncs();
    assert_eq!((runs(&world.disk).len(), world.log.shared().keys.taken()), (0, 0));
    assert_eq!(world.partition.keys().key_count(&name(1), i64::MAX).unwrap(), 40);
    assert!(runs(&world.disk).len() > 3 && world.log.shared().keys.taken() > 0);
    assert!(world.disk.syncs() > syncs);
    let syncs = world.disk.syncs();
    assert_eq!(world.partition.keys().key_count(&name(2), i64::MAX).unwrap(), 40);
    assert_eq!(
        world.disk.syncs(),
        syncs,
        "what is written is used, not written again"
    );
    let keys = world.log.shared().keys.clone();
    drop(world);
    assert_eq!(keys.taken(), 0, "what is let go of takes nothing");
}
