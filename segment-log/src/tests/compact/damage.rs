//! A compacted log of which a byte is flipped, or an end torn: what is wrong is never served, nothing is cut without a
//! word, and what can be made anew is.

use super::*;
use crate::{OfflineLog, ReadError};

/// What stands at each offset.
type Good = Vec<Vec<u8>>;

/// Segments that were compacted, with a producer, transactions and tombstones in them, and an active one; and its disk as
/// it was when the log was closed.
fn compacted() -> (World, SimDisk) {
    let mut world = World::new(compacting(0));
    for round in 0..6 {
        for key in 0..8 {
            world.write(Some((1, false)), &[(key, Some(round))]).unwrap();
        }
        world
            .write(Some((10, true)), &[(20 + round as u8, Some(round))])
            .unwrap();
        world.end_transaction(10, round % 2 == 0).unwrap();
        world
            .write(None, &[(30 + round as u8, Some(round)), (6, None)])
            .unwrap();
        world.commit();
    }
    world.maintain(41);
    world.maintain(1);
    for key in 40..43 {
        world.write(Some((2, false)), &[(key, Some(9))]).unwrap();
    }
    world.commit();
    world.log.take().unwrap().close().unwrap();
    let closed = world.disk.reboot(Survives::Nothing);
    world.restart(closed.revive(), world.durable);
    world.check();
    (world, closed)
}

fn good(partition: &Partition) -> Good {
    let offsets = partition.log_start_offset()..partition.high_watermark();
    offsets
        .map(|offset| partition.read(offset, 0).unwrap().to_vec())
        .collect()
}

/// Holds what is served to what it was; answers at how many offsets something is missing.
fn check_served(partition: &Partition, good: &Good, what: &str) -> usize {
    let start = partition.log_start_offset();
    let end = start + good.len() as i64;
    assert_eq!(
        (start, partition.high_watermark()),
        (0, end),
        "{what}: {:?}",
        partition.recovery()
    );
    let mut missing = 0;
    for (offset, good) in (start..).zip(good) {
        match partition.read(offset, 0) {
            Ok(read) => assert!(read == good[..], "{what}: offset {offset} is another"),
            Err(ReadError::Damaged(damage)) => {
                missing += 1;
                // A reader need not know how far it reaches.
                let is_there = damage.offset <= offset && what.starts_with(&damage.file);
                assert!(is_there, "{what}, offset {offset}: {damage}");
            }
            Err(other) => panic!("{what}, offset {offset}: {other}"),
        }
    }
    assert_eq!(
        missing > 0,
        !partition.damage().is_empty(),
        "{what}: damage is named"
    );
    missing
}

/// The log files, and where the batches of each begin and end.
fn files(disk: &SimDisk) -> Vec<(String, Vec<(usize, usize)>)> {
    let names = disk.names("a/0").into_iter();
    let file = |name: String| {
        let path = format!("a/0/{name}");
        let bytes = disk.bytes(&path).into();
        let (mut places, mut at) = (Vec::new(), 0);
        while let Ok((_, end)) = Batch::parse(&bytes, at) {
            places.push((at, end));
            at = end;
        }
        (path, places)
    };
    let logs = names.filter(|name| name.ends_with(".log")).map(file);
    logs.filter(|(_, places)| !places.is_empty()).collect()
}

/// Opens a log of which a file was changed behind its back: with its marks and indexes, or from the log files alone.
fn opened(closed: &SimDisk, (path, bad): (&str, &[u8]), knows: bool) -> (LogDir, Arc<Partition>) {
    let disk = closed.revive();
    disk.put(path, bad);
    if !knows {
        let derived = |name: &String| !name.ends_with(".log");
        for name in disk.names("a/0").into_iter().filter(derived) {
            disk.remove(&format!("a/0/{name}")).unwrap();
        }
    }
    let log = open(&disk).unwrap();
    let partition = log.partition("a/0", compacting(0)).unwrap();
    (log, partition)
}

/// The bytes of a file with what stands there changed.
fn spoilt(whole: &[u8], change: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut bad = whole.to_vec();
    change(&mut bad);
    bad
}

#[test]
fn a_flipped_bit_of_any_head_or_of_the_last_batches_is_never_served() {
    let (world, closed) = compacted();
    let (good, files) = (good(&world.partition), files(&closed));
    assert!(files.len() >= 3, "{files:?}");
    let mut flipped = 0;
    for (path, places) in &files {
        let whole = closed.bytes(path);
        for (number, (begin, end)) in places.iter().enumerate() {
            let is_last = number + 2 >= places.len();
            let end = if is_last { *end } else { begin + 61 };
            for byte in *begin..end {
                let bad = spoilt(&whole, |bad| bad[byte] ^= 1 << (byte % 8));
                let what = format!("{path}, byte {} of batch {number}", byte - begin);
                for knows in [true, false] {
                    let (_log, partition) = opened(&closed, (path, &bad), knows);
                    let missing = check_served(&partition, &good, &what);
                    assert!(missing > 0, "{what}: it is noticed");
                }
                flipped += 1;
            }
        }
    }
    assert!(flipped > 1_000, "{flipped}");
    assert_eq!(check_served(&world.partition, &good, "as it was"), 0);
}

/// The epoch is guarded by its order alone: where one batch is read, another that the log has had is served. Who reads
/// everything finds it: the batch behind has an earlier one.
#[test]
fn an_epoch_that_is_another_one_there_was_is_found_by_a_check() {
    let (_, closed) = compacted();
    // After an unclean start there are two.
    drop(open(&closed).unwrap());
    let (path, places) = files(&closed).swap_remove(0);
    let bad = spoilt(&closed.bytes(&path), |bad| bad[places[1].0 + 15] ^= 1);
    closed.put(&path, &bad);
    let check = OfflineLog::on(Arc::new(closed), None)
        .unwrap()
        .check("a/0")
        .unwrap();
    assert_eq!(check.damage[0].file, path);
}

#[test]
fn a_segment_torn_at_any_length_is_never_silently_cut() {
    let (world, closed) = compacted();
    let good = good(&world.partition);
    for (path, _) in &files(&closed) {
        let whole = closed.bytes(path);
        for length in 0..whole.len() {
            let short = spoilt(&whole, |bad| bad.truncate(length));
            // Sectors that never came read as zeros.
            let zeros = spoilt(&whole, |bad| bad[length..].fill(0));
            let both = [("cut", short), ("zeros", zeros)];
            for (how, bad) in both.into_iter().filter(|(_, bad)| *bad != whole) {
                let what = format!("{path}, {how} at byte {length}");
                for knows in [true, false] {
                    let (_log, partition) = opened(&closed, (path, &bad), knows);
                    let missing = check_served(&partition, &good, &what);
                    assert!(missing > 0, "{what}: it is noticed");
                    assert_eq!(partition.recovery().truncated_at, None, "{what}");
                }
            }
        }
    }
}

#[test]
fn a_pass_neither_copies_nor_loses_what_is_damaged() {
    let (world, closed) = compacted();
    let good = good(&world.partition);
    let (path, places) = files(&closed).swap_remove(0);
    let whole = closed.bytes(&path);
    for (begin, _) in places {
        for byte in (begin..begin + 61).step_by(2) {
            let bad = spoilt(&whole, |bad| bad[byte] ^= 1 << (byte % 8));
            let what = format!("{path}, byte {byte}");
            // In a server that runs, and has not looked since.
            let disk = closed.revive();
            let log = open(&disk).unwrap();
            let partition = log.partition("a/0", compacting(0)).unwrap();
            disk.put(&path, &bad);
            for round in 0..3 {
                for key in 0..6 {
                    let written = Wrote::Records {
                        producer: None,
                        sequence: -1,
                        records: vec![(key, Some(100 + round))],
                    };
                    let batch = written.batch(world.now_ms);
                    partition.append(&batch, world.now_ms).unwrap();
                }
                commit(&log);
                log.maintain(world.now_ms + i64::from(round) * 100);
            }
            assert!(!log.damage().is_empty(), "{what}: it is named");
            for (offset, good) in (0..).zip(&good) {
                let read = partition.read(offset, 0);
                let is_good = read.as_ref().map_or(true, |read| *read == good[..]);
                assert!(is_good, "{what}, offset {offset}: {read:?}");
            }
            assert_eq!(disk.bytes(&path), bad, "{what}: it stays for whoever mends it");
            log.close().unwrap();
        }
    }
}

#[test]
fn a_spoilt_snapshot_or_index_costs_nothing() {
    let (mut world, closed) = compacted();
    let names = closed.names("a/0").into_iter();
    let names = names.filter(|name| name.ends_with(".snap") || name.ends_with(".idx"));
    let names: Vec<String> = names.map(|name| format!("a/0/{name}")).collect();
    assert!(names.len() >= 4, "{names:?}");
    for name in names {
        let whole = closed.bytes(&name);
        for byte in 0..whole.len() {
            for bad in [
                spoilt(&whole, |bad| bad[byte] ^= 1 << (byte % 8)),
                spoilt(&whole, |bad| bad.truncate(byte)),
                spoilt(&whole, |bad| bad[byte..].fill(0)),
            ] {
                let disk = closed.revive();
                disk.put(&name, &bad);
                world.restart(disk, world.durable);
                world.check_state();
                world.check_duplicates();
            }
        }
    }
}
