//! What the log has lost and a chunk still has: it is read from there, and comes back with a repair.

use annals_kafka_wire::batch::{TimestampType, stamp_append_time};
use bytes::BytesMut;

use super::*;
use crate::clustered::Unreadable;
use crate::offline::OfflineLog;
use crate::{PartitionCheck, Remedy};

/// A world with many segments, whose chunks are made, that was closed: some records have no key, some batches cannot be read,
/// some were aborted; or where the log gives the times, all of a batch have one.
fn copied(log_time: bool) -> World {
    let mut world = World::new(plain(Durability::Fsync));
    for number in 0..90u8 {
        let rows = [(number % 9, 3, 1), (2, 1, 0), (9, 1, 1), (4, 9, 3)];
        if log_time {
            let mut bytes = BytesMut::from(&built(BatchBuilder::new(), &rows, number)[..]);
            stamp_append_time(&mut bytes, i64::from(number / 2));
            world.append(&parsed(bytes.to_vec()));
            continue;
        }
        world.run(Op::Plain(rows.to_vec(), usize::from(number) % 5));
        if number % 7 == 3 {
            world.run(Op::Write(1, vec![(1, 2, 0), (9, 1, 0)]));
            world.run(Op::Plain(vec![(9, 2, 0)], 0));
            world.run(Op::End(1, number % 2 == 0));
        }
    }
    world.run(Op::Commit);
    world.run(Op::Cluster);
    world.restart(true);
    world
}

fn opened(disk: &SimDisk, config: &PartitionConfig) -> (LogDir, Arc<Partition>) {
    let log = open(disk).unwrap();
    let partition = log.partition(PATH, config.clone()).unwrap();
    partition.set_copy_sizes(SIZES.0, SIZES.1);
    (log, partition)
}

fn offline(disk: &SimDisk) -> OfflineLog {
    OfflineLog::on(Arc::new(disk.clone()), None).unwrap()
}

fn found(disk: &SimDisk) -> PartitionCheck {
    offline(disk).check(PATH).unwrap()
}

/// The second of several log files.
fn sealed(disk: &SimDisk) -> String {
    let mut names = disk.names(PATH);
    names.retain(|name| name.ends_with(".log"));
    assert!(names.len() > 2, "{names:?}");
    format!("{PATH}/{}", names[1])
}

/// The disk with bytes of a log file changed, with or without its key indexes.
fn spoiled(world: &World, log: &str, keyed: bool, change: impl Fn(&mut [u8])) -> SimDisk {
    let disk = world.disk.reboot(Survives::Nothing);
    let mut bytes = disk.bytes(log);
    change(&mut bytes);
    disk.put(log, &bytes);
    for name in disk.names(PATH) {
        if name.ends_with(".keys") && !keyed {
            disk.put(&format!("{PATH}/{name}"), b"");
        }
    }
    disk
}

/// Whether times are the log's, of every record of a partition.
fn times(partition: &Partition) -> bool {
    partition.keys().has_producer_time(i64::MAX).unwrap()
}

#[test]
fn what_the_log_loses_is_read_from_its_chunk_whoever_has_noticed() {
    for log_time in [false, true] {
        let world = copied(log_time);
        let whole = expected(&world.partition);
        let chunks = chunk_files(&world.disk);
        let name = &sealed(&world.disk);
        for at in (0..world.disk.bytes(name).len()).step_by(37) {
            for keyed in [true, false] {
                let disk = spoiled(&world, name, keyed, |bytes| bytes[at] ^= 4);
                let (_log, partition) = opened(&disk, &world.config);
                // Nobody has read there when this is asked first.
                for _ in 0..2 {
                    assert_eq!(together(&ranges(&partition)), whole, "byte {at}");
                    assert_eq!(expected(&partition), whole, "byte {at}");
                    assert_eq!(
                        partition.keys().unreadable(i64::MAX, 99).unwrap(),
                        [],
                        "byte {at}"
                    );
                    assert_eq!(
                        partition.keys().unreadable_count(i64::MAX).unwrap(),
                        0,
                        "byte {at}"
                    );
                    assert_eq!(times(&partition), !log_time, "byte {at}");
                }
                let told: Vec<_> = partition
                    .damage()
                    .iter()
                    .map(|one| (one.offset, one.end_offset))
                    .collect();
                let checked = found(&disk).damage;
                let checked: Vec<_> = checked.iter().map(|one| (one.offset, one.end_offset)).collect();
                assert_eq!(told, checked, "byte {at}: a reader tells what a check tells");
                assert_eq!(told.len(), 1, "byte {at}");
                check(&partition);
                // Nothing is to be made anew.
                assert_eq!(partition.cluster().unwrap(), 0, "byte {at}");
                assert_eq!(chunk_files(&disk), chunks, "byte {at}");
            }
        }
    }
}

#[test]
fn what_has_no_chunk_or_a_damaged_one_is_lost_and_told() {
    let world = copied(false);
    let chunks = chunk_files(&world.disk);
    let name = &sealed(&world.disk);
    for at in (0..world.disk.bytes(name).len()).step_by(71) {
        for keyed in [true, false] {
            let disk = spoiled(&world, name, keyed, |bytes| bytes[at] ^= 4);
            let [lost] = &found(&disk).damage[..] else {
                panic!("one place, byte {at}");
            };
            for (name, bytes) in &chunks {
                let mut bytes = bytes.clone();
                bytes[0] ^= 1;
                disk.put(name, &bytes);
            }
            let (_log, partition) = opened(&disk, &world.config);
            let _ = ranges(&partition);
            for offset in lost.offset..lost.end_offset {
                assert!(partition.read(offset, 0).is_err(), "byte {at}");
            }
            let places = partition.keys().unreadable(i64::MAX, 99).unwrap();
            let is_lost = |place: &(i64, i64)| place.0 <= lost.offset && lost.end_offset - 1 <= place.1;
            assert!(places.iter().any(is_lost), "byte {at}: {places:?}");
        }
    }
}

#[test]
fn a_repair_takes_back_what_chunks_have() {
    for log_time in [false, true] {
        let world = copied(log_time);
        let whole = expected(&world.partition);
        let name = &sealed(&world.disk);
        let length = world.disk.bytes(name).len();
        // One byte; several batches; all of the segment.
        let ranges_of = |at: usize| [at..at + 1, at..(at + 300).min(length), 0..length];
        for at in (0..length).step_by(83) {
            for range in ranges_of(at) {
                let disk = spoiled(&world, name, false, |bytes| bytes[range.clone()].fill(0xee));
                let what = format!("bytes {range:?}");
                let mended = offline(&disk).repair(PATH).unwrap();
                let [mended] = &mended[..] else {
                    // It was what stands there.
                    assert!(mended.is_empty(), "{what}: {mended:?}");
                    continue;
                };
                assert!(
                    matches!(
                        mended.remedy,
                        Remedy::Recovered(_) | Remedy::Restored | Remedy::Emptied
                    ),
                    "{what}: {mended:?}"
                );
                assert_eq!(found(&disk).damage, [], "{what}");
                let (_log, partition) = opened(&disk, &world.config);
                assert_eq!(expected(&partition), whole, "{what}");
                assert_eq!(times(&partition), !log_time, "{what}");
                check(&partition);
                partition.cluster().unwrap();
                check(&partition);
                assert_eq!(expected(&partition), whole, "{what}");
            }
        }
    }
}

#[test]
fn wherever_the_power_goes_in_a_repair_nothing_more_is_lost() {
    let world = copied(false);
    let whole = expected(&world.partition);
    let name = &sealed(&world.disk);
    for step in 1.. {
        let disk = spoiled(&world, name, true, |bytes| bytes[200..400].fill(0));
        disk.cut_at(step);
        let _ = offline(&disk).repair(PATH);
        if !disk.is_cut() {
            assert!(step > 5);
            break;
        }
        for survives in [Survives::Nothing, Survives::Half, Survives::Sectors(step)] {
            let disk = disk.reboot(survives);
            {
                let (log, partition) = opened(&disk, &world.config);
                assert_eq!(expected(&partition), whole, "after step {step}");
                let _ = log.close();
            }
            let disk = disk.reboot(Survives::Nothing);
            offline(&disk).repair(PATH).unwrap();
            let (_log, partition) = opened(&disk, &world.config);
            assert_eq!(expected(&partition), whole, "after step {step}");
            check(&partition);
        }
    }
}

#[test]
fn of_a_damaged_chunk_a_repair_takes_what_can_be_read_and_sets_it_aside() {
    let world = copied(false);
    let whole = expected(&world.partition);
    let name = &sealed(&world.disk);
    let (mut some, mut none) = (0, 0);
    for block in [0, 150, 300, 450] {
        let disk = spoiled(&world, name, false, |bytes| bytes[200..400].fill(0));
        let chunks = chunk_files(&disk);
        for (name, bytes) in &chunks {
            let mut bytes = bytes.clone();
            let at = block % bytes.len();
            bytes[at] ^= 1;
            disk.put(name, &bytes);
        }
        let mended = offline(&disk).repair(PATH).unwrap();
        let [mended] = &mended[..] else {
            panic!("one place: {mended:?}");
        };
        match mended.remedy {
            Remedy::Recovered(_) => some += 1,
            _ => none += 1,
        }
        let aside = disk.names(PATH);
        assert!(
            aside.iter().any(|name| name.contains(".clustered.damaged-")),
            "{aside:?}"
        );
        let (_log, partition) = opened(&disk, &world.config);
        let rest = expected(&partition);
        let (from, end) = (mended.damage.offset, mended.damage.end_offset);
        assert!(rest.iter().all(|one| whole.contains(one)));
        let lost = whole.iter().filter(|one| !rest.contains(one));
        assert!(lost.clone().count() > 0 && lost.clone().all(|one| (from..end).contains(&one.1)));
        check(&partition);
    }
    assert!(some > 0, "{some} of {}", some + none);
}

/// The records of a damaged place that a reader of keys gets.
fn read_at(partition: &Partition, damage: &crate::Damage) -> BTreeMap<i64, Told> {
    let mut found = BTreeMap::new();
    for offset in damage.offset..damage.end_offset {
        let Some(bytes) = partition.recovered(damage, offset) else {
            continue;
        };
        let all = annals_kafka_wire::batch::batches(&bytes);
        let records = all.flat_map(|batch| batch.unwrap().records(1 << 20).unwrap());
        let record = records.map(Result::unwrap).find(|record| record.offset == offset);
        found.insert(offset, told(record.expect("the record with that offset")));
    }
    found
}

#[test]
fn where_log_and_chunk_are_damaged_what_can_be_read_stays_and_is_told_to_everybody() {
    let world = copied(false);
    let whole = expected(&world.partition);
    let name = &sealed(&world.disk);
    let mut some = 0;
    for block in [0, 50, 100, 150] {
        let disk = spoiled(&world, name, true, |bytes| bytes[200..400].fill(0));
        for (name, bytes) in chunk_files(&disk) {
            let mut bytes = bytes;
            let at = block % bytes.len();
            bytes[at] ^= 1;
            disk.put(&name, &bytes);
        }
        let before = chunk_files(&disk);
        let (log, partition) = opened(&disk, &world.config);
        let Err(ReadError::Damaged(damage)) = partition.read(partition_offset(&disk), 0) else {
            panic!("it is damaged");
        };
        let first = read_at(&partition, &damage);
        let is_right = |(_, told): (&i64, &Told)| whole.contains(told);
        assert!(first.iter().all(is_right));
        some += first.len();
        // Whoever has noticed what, and though the upkeep makes what can be made.
        let _ = ranges(&partition);
        assert_eq!(read_at(&partition, &damage), first);
        partition.cluster().unwrap();
        assert_eq!(read_at(&partition, &damage), first);
        let kept = chunk_files(&disk);
        let over = |files: &[(String, Vec<u8>)]| -> Vec<(String, Vec<u8>)> {
            let is_over = |(name, _): &&(String, Vec<u8>)| {
                let from: i64 = name[PATH.len() + 1..PATH.len() + 21].parse().unwrap();
                (damage.offset - 11..damage.end_offset).contains(&from)
            };
            files.iter().filter(is_over).cloned().collect()
        };
        assert_eq!(over(&kept), over(&before), "they stay");
        assert!(kept != before, "others are made anew");
        partition.keys().unreadable(i64::MAX, 99).unwrap();
        log.close().unwrap();
        let disk = disk.reboot(Survives::Everything);
        let (_log, partition) = opened(&disk, &world.config);
        assert_eq!(read_at(&partition, &damage), first, "after a restart");
        let mended = offline(&disk.reboot(Survives::Everything)).repair(PATH).unwrap();
        let recovered = match mended[0].remedy {
            Remedy::Recovered(records) => records,
            _ => 0,
        };
        assert_eq!(recovered, first.len() as u64, "a repair finds the same");
    }
    assert!(some > 0);
}

/// An offset that the damage of [`spoiled`] logs holds.
fn partition_offset(disk: &SimDisk) -> i64 {
    let [damage] = &found(disk).damage[..] else {
        panic!("one place");
    };
    damage.offset
}

#[test]
fn whose_the_times_are_is_known_of_what_is_recovered() {
    let world = copied(true);
    let chunks = world.partition.clustered().unwrap();
    let (batches, records) = chunks[1]
        .batches(chunks[1].first()..chunks[1].end(), 7, Unreadable::Fails)
        .unwrap();
    let mut count = 0;
    for bytes in &batches {
        let batch = Batch::parse(bytes, 0).unwrap().0.verified().unwrap();
        assert_eq!(batch.partition_leader_epoch(), 7);
        if batch.count() > 0 {
            assert_eq!(batch.timestamp_type(), TimestampType::LogAppendTime);
        }
        count += u64::from(batch.count().unsigned_abs());
    }
    assert!(batches.len() > 1 && count == records && records > 5, "{records}");
}
