//! The files of chunks: when they are made and removed, and what becomes of them when the power goes or bytes are flipped.

use std::time::Duration;

use super::*;
use crate::clustered::COPIES_BYTES_MAX;

/// A world with many segments, whose chunks are made.
fn copied() -> World {
    let mut world = World::new(plain(Durability::Fsync));
    for number in 0..60 {
        world.run(Op::Plain(vec![(number % 9, 3, 1), (2, 1, 0), (9, 1, 1)], 0));
        world.run(Op::Commit);
    }
    world.run(Op::Cluster);
    world
}

#[test]
fn nothing_is_made_where_nobody_asks_and_the_upkeep_makes_it_where_somebody_does() {
    let mut world = World::new(plain(Durability::Fsync));
    let more = |world: &mut World| {
        for _ in 0..60 {
            world.run(Op::Plain(vec![(1, 3, 1), (2, 1, 0)], 0));
        }
        world.run(Op::Commit);
        world.run(Op::Maintain);
    };
    more(&mut world);
    assert_eq!(chunk_files(&world.disk).len(), 0);
    assert_eq!(world.partition.clustered().unwrap().len(), 0);
    world.run(Op::Maintain);
    let made = chunk_files(&world.disk).len();
    assert!(made > 5, "{made}");
    assert_eq!(world.partition.clustered().unwrap().len(), made);
    assert_eq!(world.partition.cluster().unwrap(), 0, "there is no more to do");
    // What nobody asks for in a while is given back, and no more is made.
    let taken = || world.log.shared().keys.taken();
    let before = taken();
    world.disk.pass(Duration::from_secs(600));
    world.log.maintain(0);
    assert!(before > 0 && taken() == 0);
    more(&mut world);
    assert_eq!(chunk_files(&world.disk).len(), made);
    check(&world.partition);
    world.run(Op::Maintain);
    assert!(chunk_files(&world.disk).len() > made);
    check(&world.partition);
    let keys = world.log.shared().keys.clone();
    drop(world);
    assert_eq!(keys.taken(), 0, "what is let go of takes nothing");
}

#[test]
fn a_round_of_the_upkeep_makes_only_so_many_copies() {
    let mut world = World::new(plain(Durability::Fsync));
    for _ in 0..600 {
        world.run(Op::Plain(vec![(1, 3, 1), (2, 1, 0)], 0));
    }
    world.run(Op::Commit);
    world.partition.clustered().unwrap();
    let mut made = Vec::new();
    while made.last() != Some(&chunk_files(&world.disk).len()) {
        made.push(chunk_files(&world.disk).len());
        world.run(Op::Maintain);
    }
    assert_eq!(made[..2], [0, 64]);
    assert!(made[2] > 64 && made.len() < 5, "{made:?}");
    check(&world.partition);
}

#[test]
fn copies_take_no_more_memory_than_half_of_what_indexes_may() {
    let world = copied();
    let chunks = world.partition.clustered().unwrap().len();
    let keys = world.log.shared().keys.clone();
    let own = keys.taken();
    world.disk.pass(Duration::from_secs(600));
    world.log.maintain(0);
    keys.take(COPIES_BYTES_MAX - own);
    let few = world.partition.clustered().unwrap().len();
    assert!(0 < few && few <= chunks, "{few} of {chunks}");
    check(&world.partition);
    world.disk.pass(Duration::from_secs(600));
    world.log.maintain(0);
    keys.take(own);
    assert_eq!(world.partition.clustered().unwrap().len(), 0);
    check(&world.partition);
    assert_eq!(
        world.partition.cluster().unwrap(),
        0,
        "they are there, though not used"
    );
}

#[test]
fn a_chunk_with_any_bit_flipped_or_torn_anywhere_is_noticed_and_made_anew() {
    let world = copied();
    let files = chunk_files(&world.disk);
    let (path, good) = &files[1];
    let chunk = Arc::clone(&world.partition.clustered().unwrap()[1]);
    let whole = scanned(&chunk, b"", 0, 0);
    for byte in 0..good.len() {
        let mut flipped = good.clone();
        flipped[byte] ^= 1 << (byte % 8);
        // Opened before, its blocks are read again; opened afterwards, all of it.
        world.disk.put(path, &flipped);
        let chunks = world.partition.clustered().unwrap();
        let read = |chunk: &Arc<Chunk>| try_scanned(chunk, b"", 0, 0);
        for chunk in chunks.iter().filter(|one| one.first() == chunk.first()) {
            // What the directory says is in memory.
            if let Ok(found) = read(chunk) {
                assert_eq!(found, whole, "byte {byte}");
            }
        }
        let disk = world.disk.reboot(Survives::Nothing);
        disk.put(path, &flipped);
        let log = open(&disk).unwrap();
        let partition = log.partition(PATH, world.config.clone()).unwrap();
        partition.set_copy_sizes(SIZES.0, SIZES.1);
        let chunks = partition.clustered().unwrap();
        let opened = chunks.iter().find(|one| one.first() == chunk.first());
        let read = opened.map(read);
        assert!(!matches!(read, Some(Ok(_))), "byte {byte}: nobody noticed");
        check(&partition);
        assert_eq!(partition.cluster().unwrap(), 1, "byte {byte}");
        assert_eq!(disk.bytes(path), *good, "byte {byte}: it was made anew");
        // As it was.
        world.disk.put(path, good);
        world.partition.cluster().unwrap();
    }
    for torn in [0, 1, good.len() / 2, good.len() - 1] {
        let disk = world.disk.reboot(Survives::Nothing);
        disk.put(path, &good[..torn]);
        let log = open(&disk).unwrap();
        let partition = log.partition(PATH, world.config.clone()).unwrap();
        partition.set_copy_sizes(SIZES.0, SIZES.1);
        check(&partition);
        assert_eq!(partition.cluster().unwrap(), 1, "{torn} bytes");
        assert_eq!(disk.bytes(path), *good);
    }
}

#[test]
fn wherever_the_power_goes_there_is_a_chunk_or_none() {
    let after = chunk_files(&copied().disk);
    for step in 1.. {
        let mut world = World::new(plain(Durability::Fsync));
        for number in 0..60 {
            world.run(Op::Plain(vec![(number % 9, 3, 1), (2, 1, 0), (9, 1, 1)], 0));
            world.run(Op::Commit);
        }
        world.disk.cut_at(step);
        let _ = world.partition.cluster();
        if !world.disk.is_cut() {
            assert!(step > 10);
            break;
        }
        for survives in [Survives::Nothing, Survives::Half, Survives::Sectors(step)] {
            let disk = world.disk.reboot(survives);
            let log = open(&disk).unwrap();
            let partition = log.partition(PATH, world.config.clone()).unwrap();
            partition.set_copy_sizes(SIZES.0, SIZES.1);
            check(&partition);
            partition.cluster().unwrap();
            check(&partition);
            assert_eq!(chunk_files(&disk), after, "after step {step}");
        }
    }
}

#[test]
fn wherever_the_power_goes_in_an_upkeep_that_compacts_no_old_chunk_is_believed() {
    let filled = || {
        let mut world = World::new(compacting());
        for number in 0..20 {
            world.run(Op::Plain(vec![(number % 4, 3, 1), (5, 1, 0)], 0));
        }
        world.run(Op::Commit);
        world.partition.clustered().unwrap();
        world.run(Op::Cluster);
        world
    };
    for step in 1.. {
        let mut world = filled();
        let before = chunk_files(&world.disk);
        world.disk.cut_at(step);
        world.run(Op::Maintain);
        if !world.disk.is_cut() {
            assert!(step > 20 && chunk_files(&world.disk) != before);
            break;
        }
        let disk = world.disk.reboot(Survives::Sectors(step));
        let log = open(&disk).unwrap();
        let partition = log.partition(PATH, world.config.clone()).unwrap();
        partition.set_copy_sizes(SIZES.0, SIZES.1);
        check(&partition);
        partition.cluster().unwrap();
        check(&partition);
    }
}

#[test]
fn on_a_real_disk_chunks_are_found_again() {
    let place = tempfile::tempdir().unwrap();
    let open = || {
        let log = LogDir::open(place.path(), crate::LogConfig::default(), 0).unwrap();
        let partition = log.partition(PATH, plain(Durability::Fsync)).unwrap();
        partition.set_copy_sizes(SIZES.0, SIZES.1);
        (log, partition)
    };
    let (log, partition) = open();
    for salt in 0..60 {
        let rows = [(salt % 9, 3, 1), (2, 1, 0)];
        partition
            .append(&parsed(built(BatchBuilder::new(), &rows, salt)), 0)
            .unwrap();
    }
    partition.wait_durable(119, Duration::from_secs(60)).unwrap();
    let made = partition.cluster().unwrap();
    check(&partition);
    log.close().unwrap();
    let (log, partition) = open();
    assert_eq!(partition.clustered().unwrap().len(), made);
    assert_eq!(partition.cluster().unwrap(), 0);
    check(&partition);
    log.close().unwrap();
}

#[test]
fn a_chunk_goes_with_its_segment_and_a_topic_of_the_same_name_has_none() {
    let mut world = copied();
    let before = chunk_files(&world.disk);
    world.run(Op::Delete(50));
    check(&world.partition);
    world.run(Op::Maintain);
    let start = world.partition.log_start_offset();
    let first = |name: &str| name[PATH.len() + 1..PATH.len() + 21].parse::<i64>().unwrap();
    let after = chunk_files(&world.disk);
    let first_segment = world
        .disk
        .names(PATH)
        .into_iter()
        .find(|name| name.ends_with(".log"));
    let base: i64 = first_segment.unwrap()[..20].parse().unwrap();
    assert!(after.len() < before.len() && after.iter().all(|(name, _)| first(name) >= base));
    // The one in which the log starts now begins there.
    world.run(Op::Cluster);
    let after = chunk_files(&world.disk);
    assert!(after.iter().all(|(name, _)| first(name) >= start));
    check(&world.partition);
    world.log.remove(PATH).unwrap();
    let again = world.log.partition(PATH, world.config.clone()).unwrap();
    assert_eq!(chunk_files(&world.disk).len(), 0);
    // A file of the old one is not believed.
    for (name, bytes) in &after {
        use crate::disk::{Disk, Open};
        world.disk.open(name, Open::Create).unwrap();
        world.disk.put(name, bytes);
    }
    for _ in 0..60 {
        again
            .append(&parsed(built(BatchBuilder::new(), &[(1, 2, 0), (3, 1, 1)], 7)), 0)
            .unwrap();
        commit(&world.log);
    }
    assert_eq!(again.clustered().unwrap().len(), 0);
    check(&again);
}

#[test]
fn a_full_disk_gets_no_copies_and_a_failed_sync_ends_all_writing() {
    let mut world = World::new(plain(Durability::Fsync));
    for _ in 0..60 {
        world.run(Op::Plain(vec![(1, 3, 1), (2, 1, 0)], 0));
    }
    world.run(Op::Commit);
    world.disk.set_room(100);
    assert_eq!(world.partition.cluster().unwrap(), 0);
    assert_eq!(chunk_files(&world.disk).len(), 0, "and nothing is left of it");
    assert_eq!(world.log.refusing(), None, "appends go on");
    check(&world.partition);
    world.disk.set_room(usize::MAX);
    assert_eq!(
        world.partition.cluster().unwrap(),
        0,
        "it is left in peace for a while"
    );
    world.disk.pass(Duration::from_secs(600));
    assert!(world.partition.cluster().unwrap() > 5);
    check(&world.partition);
    for (name, _) in chunk_files(&world.disk) {
        world.disk.put(&name, b"");
    }
    world.restart(true);
    world.partition.clustered().unwrap();
    world.disk.fail_next_sync();
    assert_eq!(world.partition.cluster().unwrap(), 0);
    assert!(world.log.failed().is_some());
    check(&world.partition);
}
