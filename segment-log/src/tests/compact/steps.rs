//! Compaction one thing at a time: what becomes small, what stays for how long, and a crash at every step of it.

use std::sync::Barrier;

use super::*;
use crate::OfflineLog;
use crate::disk::sim::Survives;

/// Keys 0 to 5, again and again, committed.
fn fill(world: &mut World, rounds: u32) {
    for round in 0..rounds {
        for key in 0..6 {
            world.write(None, &[(key, Some(round))]).unwrap();
        }
        world.commit();
    }
}

fn logs(world: &World) -> Vec<String> {
    let names = world.disk.names("a/0").into_iter();
    names.filter(|name| name.ends_with(".log")).collect()
}

#[test]
fn what_is_written_again_and_again_becomes_small() {
    let mut world = World::new(compacting(0));
    fill(&mut world, 100);
    let before = (world.partition.size_bytes(), logs(&world).len());
    for _ in 0..3 {
        world.maintain(41);
    }
    let after = (world.partition.size_bytes(), logs(&world).len());
    assert!(before.0 > 40_000 && before.1 > 60, "{before:?}");
    assert!(after.0 < 1_500 && after.1 <= 3, "{after:?}");
    world.check();
    // Nothing is new: nothing is done.
    let mark = world.disk.bytes(&format!("a/0/{}", logs(&world)[0]));
    world.maintain(1);
    assert_eq!(world.disk.bytes(&format!("a/0/{}", logs(&world)[0])), mark);
    world.restart(world.disk.reboot(Survives::Nothing), world.durable);
    assert_eq!(world.check(), after.0 as usize);
    assert_eq!(world.partition.recovery().rebuilt_indexes, 0);
}

/// The log may start within a batch of an open transaction: nothing of that is decided, whatever came before it is gone.
#[test]
fn an_open_transaction_is_not_compacted_though_its_first_records_were_deleted() {
    let mut world = World::new(compacting(0));
    let records = [(3, Some(1)), (0, Some(2)), (0, None)];
    world.write(Some((10, true)), &records).unwrap();
    fill(&mut world, 20);
    world.partition.delete_before(1).unwrap();
    for _ in 0..3 {
        world.maintain(41);
    }
    world.check();
}

#[test]
fn little_that_is_new_waits_for_more_or_for_its_time() {
    let mut how = compacting(0);
    how.compaction = Some(Compaction {
        min_dirty_ratio: 0.5,
        max_lag_ms: Some(1_000),
        ..how.compaction.unwrap()
    });
    let mut world = World::new(how);
    for key in 0..60 {
        world.write(None, &[(key, Some(0))]).unwrap();
    }
    world.maintain(41);
    world.maintain(1);
    let whole = world.partition.size_bytes();
    for key in 0..9 {
        world.write(None, &[(key, Some(1))]).unwrap();
    }
    for _ in 0..3 {
        world.maintain(41);
    }
    let more = world.partition.size_bytes();
    assert!(more > whole + 700, "a seventh is new: {more} after {whole}");
    world.maintain(1_000);
    world.maintain(1);
    let less = world.partition.size_bytes();
    assert!(
        less < whole + 200,
        "it has waited for long enough: {less} after {whole}"
    );
    world.check();
}

#[test]
fn tombstones_and_markers_stay_for_their_time() {
    let mut world = World::new(compacting(0));
    world.write(Some((10, true)), &[(1, Some(1))]).unwrap();
    world.end_transaction(10, false).unwrap();
    world.write(Some((11, true)), &[(2, Some(1))]).unwrap();
    world.end_transaction(11, true).unwrap();
    world.write(None, &[(2, None)]).unwrap();
    world.write(Some((11, true)), &[(3, Some(1))]).unwrap();
    world.end_transaction(11, true).unwrap();
    world.write(Some((10, true)), &[(4, Some(1))]).unwrap();
    world.end_transaction(10, true).unwrap();
    let kept = |world: &World| {
        let mut kept = Vec::new();
        let mut offset = 0;
        while offset < world.partition.high_watermark() {
            let (batch, _) = Batch::parse(&world.partition.read(offset, 0).unwrap(), 0).unwrap();
            if batch.count() > 0 {
                kept.push((batch.base_offset(), batch.delete_horizon()));
            }
            offset = batch.last_offset() + 1;
        }
        kept
    };
    world.maintain(41);
    let at = world.now_ms;
    world.maintain(0);
    let horizon = Some(at + DELETE_RETENTION_MS);
    // The aborted record and the overwritten one have gone, their markers and the tombstone have a horizon.
    let rest = [(5, None), (6, None), (7, None), (8, None)];
    let mut expected = vec![(1, horizon), (3, horizon), (4, horizon)];
    expected.extend(rest);
    assert_eq!(kept(&world), expected);
    world.check();
    world.maintain(DELETE_RETENTION_MS);
    assert_eq!(kept(&world), expected, "not behind it yet");
    world.maintain(1);
    assert_eq!(kept(&world), rest);
    world.check();
    world.drop_derived();
    world.restart(world.disk.clone(), world.durable);
    world.check();
    world.check_duplicates();
}

#[test]
fn what_is_held_or_damaged_is_not_compacted() {
    let mut world = World::new(PartitionConfig {
        is_held: true,
        ..compacting(0)
    });
    fill(&mut world, 20);
    let bytes = world.partition.size_bytes();
    world.maintain(100);
    world.maintain(100);
    assert_eq!(world.partition.size_bytes(), bytes);
    world.partition.reconfigure(compacting(0));
    let name = format!("a/0/{}", logs(&world)[1]);
    let mut bad = world.disk.bytes(&name);
    bad[80] ^= 1;
    world.disk.put(&name, &bad);
    for _ in 0..3 {
        world.maintain(100);
    }
    assert_eq!(world.partition.damage().len(), 1);
    assert_eq!(
        world.disk.bytes(&name),
        bad,
        "damage is named, and stays for whoever mends it"
    );
}

#[test]
fn a_full_disk_ends_a_pass_and_nothing_else() {
    for room in (0..1_600).step_by(200) {
        let mut world = World::new(compacting(0));
        fill(&mut world, 20);
        world.maintain(41);
        fill(&mut world, 3);
        world.disk.set_room(room);
        world.log.as_ref().unwrap().maintain(world.now_ms + 41);
        world.check();
        assert_eq!(world.log.as_ref().unwrap().failed(), None);
        world.disk.set_room(1 << 30);
        world.disk.pass(std::time::Duration::from_secs(2));
        world.maintain(41);
        world.maintain(41);
        world.check();
        assert!(
            world.partition.size_bytes() < 2_000,
            "{room}: {}",
            world.partition.size_bytes()
        );
        world.restart(world.disk.reboot(Survives::Nothing), world.durable);
        world.check();
    }
}

/// Whoever sets a hold, or ends compaction, while a pass is under way: what was not renamed by then stays.
#[test]
fn a_hold_stops_a_pass_that_is_under_way() {
    let hold = PartitionConfig {
        is_held: true,
        ..compacting(0)
    };
    for how in [hold, config(SEGMENT_BYTES)] {
        let mut world = World::new(compacting(0));
        fill(&mut world, 20);
        world.maintain(41);
        fill(&mut world, 3);
        let partition = world.partition.clone();
        partition.seal(world.now_ms).unwrap();
        let before = logs(&world);
        world.disk.freeze();
        std::thread::scope(|scope| {
            let log = world.log.as_ref().unwrap();
            scope.spawn(|| log.maintain(world.now_ms));
            // The new segment is synced before it gets its name.
            world.disk.wait_frozen();
            partition.reconfigure(how);
            world.disk.thaw();
        });
        assert_eq!(logs(&world), before);
        assert!(!world.disk.names("a/0").iter().any(|name| name.contains("swap")));
        world.check();
    }
}

#[test]
fn readers_go_on_while_segments_change_places() {
    let mut world = World::new(compacting(0));
    fill(&mut world, 30);
    let (partition, begun) = (world.partition.clone(), Arc::new(Barrier::new(2)));
    let (end, ready) = (partition.high_watermark(), begun.clone());
    let reader = std::thread::spawn(move || {
        ready.wait();
        for _ in 0..40 {
            let mut offset = 0;
            while offset < end {
                let read = partition.read(offset, 300).unwrap();
                for batch in split(&read) {
                    let batch = batch.unwrap();
                    assert!((batch.base_offset()..=batch.last_offset()).contains(&offset));
                    offset = batch.last_offset() + 1;
                }
            }
        }
    });
    begun.wait();
    for _ in 0..4 {
        world.maintain(41);
    }
    reader.join().unwrap();
    world.check();
}

/// A busy life with compaction in it; stops at the first error.
fn live(world: &mut World) -> Result<(), AppendError> {
    for round in 0..5 {
        for key in 0..4 {
            world.write(Some((1, false)), &[(key, Some(round)), (key + 1, Some(round))])?;
        }
        let producer = 10 + i64::from(round % 2);
        world.write(Some((producer, true)), &[(1, Some(round)), (2, None)])?;
        world.write(None, &[(5, Some(round)), (3, None)])?;
        if round != 1 {
            world.end_transaction(producer, round % 2 == 0)?;
        }
        world.maintain(41);
        if round == 3 {
            let _ = world.partition.delete_before(9);
        }
    }
    world.maintain(60);
    Ok(())
}

#[test]
fn a_crash_at_every_step_leaves_the_old_segments_or_the_new() {
    // Another outcome each time, so that all come up at all kinds of steps.
    let outcomes = [
        Survives::Everything,
        Survives::Half,
        Survives::Sectors(1),
        Survives::Sectors(2),
        Survives::Sectors(3),
    ];
    let mut swaps = 0;
    for step in 20.. {
        let mut world = World::new(compacting(0));
        world.disk.cut_at(step);
        let lived = live(&mut world);
        if lived.is_ok() && !world.disk.is_cut() {
            assert!(step > 400 && swaps > 10, "{step} steps, {swaps} swaps");
            break;
        }
        // What the last commit did not finish is not known to be durable.
        let dark = world.disk.clone();
        for survives in [Survives::Nothing, outcomes[step as usize % outcomes.len()]] {
            let disk = dark.reboot(survives);
            swaps += usize::from(disk.names("a/0").iter().any(|name| name.ends_with(".swap")));
            if step % 7 == 0 {
                let offline = OfflineLog::on(Arc::new(disk.clone()), None).unwrap();
                let told = world.partition.high_watermark();
                let damage = offline.check("a/0").unwrap().damage;
                assert!(
                    damage.iter().all(|damage| damage.offset >= told),
                    "step {step}, {survives:?}: {damage:?}"
                );
            }
            if step % 3 == 0 {
                disk.cut_at(1 + step % 11);
                if let Ok(log) = open(&disk) {
                    let _ = log.partition("a/0", compacting(0));
                }
            }
            after_crash(&world, disk.reboot(survives), step);
        }
    }
}

/// What was told before the crash is as it was, and life goes on.
fn after_crash(before: &World, disk: SimDisk, step: u64) {
    let told = (
        before.partition.log_start_offset(),
        before.partition.high_watermark(),
    );
    let log = open(&disk).unwrap();
    let partition = log.partition("a/0", compacting(0)).unwrap();
    if !partition.takes_records() {
        // A hole in what nobody was told of.
        assert!(
            partition.damage().iter().all(|damage| damage.offset >= told.1),
            "step {step}: {partition:?}"
        );
        return;
    }
    let end = partition.high_watermark();
    assert!(
        partition.log_start_offset() >= told.0 && end >= told.1,
        "step {step}: {partition:?}, {told:?}"
    );
    let stray = |name: &String| {
        name.contains("swap") || name.ends_with(".tmp") && !name.contains(".snap") && !name.contains(".idx")
    };
    assert!(
        !disk.names("a/0").iter().any(stray),
        "step {step}: {:?}",
        disk.names("a/0")
    );
    let kept = before.wrote.partition_point(|(base, _)| *base < end);
    let mut world = World {
        disk: disk.clone(),
        log: Some(log),
        partition,
        how: compacting(0),
        now_ms: before.now_ms,
        wrote: before.wrote[..kept].to_vec(),
        durable: kept,
        sequences: BTreeMap::new(),
    };
    assert_eq!(world.end(), end, "step {step}");
    world.check();
    world.check_duplicates();
    world.write(None, &[(0, Some(77)), (9, Some(78))]).unwrap();
    for _ in 0..3 {
        world.maintain(60);
    }
    world.check();
}

#[test]
fn a_horizon_counts_from_the_pass_that_set_it_and_waits_for_nothing_new() {
    let mut how = compacting(0);
    how.compaction = Some(Compaction {
        min_dirty_ratio: 0.9,
        ..how.compaction.unwrap()
    });
    let mut world = World::new(how);
    world.write(None, &[(1, Some(1)), (2, Some(1))]).unwrap();
    world.write(None, &[(2, None)]).unwrap();
    world.maintain(41);
    let set = world.now_ms;
    // Too little for a pass of its own.
    world.write(None, &[(3, Some(1))]).unwrap();
    world.maintain(41);
    let tombstone = |world: &World| Batch::parse(&world.partition.read(2, 0).unwrap(), 0).unwrap().0;
    assert_eq!(
        tombstone(&world).delete_horizon(),
        Some(set + DELETE_RETENTION_MS)
    );
    world.maintain(DELETE_RETENTION_MS - 40);
    assert_eq!(tombstone(&world).count(), 0);
    world.check();
}

#[test]
fn an_expired_tombstone_goes_after_a_restart_without_new_records() {
    let mut world = World::new(compacting(0));
    world.write(None, &[(1, None)]).unwrap();
    world.write(None, &[(2, Some(1))]).unwrap();
    world.maintain(41);
    world.maintain(0);
    let count = |world: &World| {
        let read = world.partition.read(0, 0).unwrap();
        Batch::parse(&read, 0).unwrap().0.count()
    };
    assert_eq!(count(&world), 1);
    world.restart(world.disk.reboot(Survives::Nothing), world.durable);
    world.maintain(DELETE_RETENTION_MS + 1);
    assert_eq!(count(&world), 0);
    world.check();
}

/// What an index was read from is gone, whatever the new segment is called.
#[test]
fn a_segment_that_takes_others_places_leaves_none_of_their_key_indexes() {
    let mut world = World::new(compacting(0));
    fill(&mut world, 20);
    world.check();
    let keys = |world: &World| {
        let names = world.disk.names("a/0").into_iter();
        names.filter(|name| name.ends_with(".keys")).count()
    };
    assert!(keys(&world) > 5);
    for _ in 0..3 {
        world.maintain(41);
    }
    assert_eq!(keys(&world), 0);
    world.check();
}
