//! Torn tails of every length are cut, damage of every byte is named.

use std::sync::Arc;

use annals_kafka_wire::batch::Batch;

use super::support::{batch, batches, body, commit, config, one, open, try_batches};
use crate::disk::sim::{SimDisk, Survives};
use crate::{AppendError, Damage, Partition, ReadError};

const LOG: &str = "a/0/00000000000000000000.log";

/// Where each batch of a log begins, and where the last ends.
fn boundaries(partition: &Partition) -> Vec<usize> {
    let sizes = batches(partition).into_iter().map(|batch| batch.bytes().len());
    [0].into_iter()
        .chain(sizes.scan(0, |end, size| {
            *end += size;
            Some(*end)
        }))
        .collect()
}

/// Five batches of one record; the checkpoint knows of the first three, all are synced.
fn five(value_bytes: usize) -> (SimDisk, Vec<usize>) {
    let disk = SimDisk::new();
    let log = open(&disk).unwrap();
    let partition = log.partition("a/0", config(1 << 20)).unwrap();
    for n in 0..5 {
        partition.append(&batch(None, &[n], value_bytes), n).unwrap();
        commit(&log);
        if n == 2 {
            log.shared().save(false).unwrap();
        }
    }
    let at = boundaries(&partition);
    (disk.reboot(Survives::Nothing), at)
}

/// What opening says: "5" batches, "4 cut N bytes at offset", "damaged at offset O, position P".
fn opened(disk: &SimDisk) -> String {
    let log = open(disk).unwrap();
    let partition = log.partition("a/0", config(1 << 20)).unwrap();
    if let Some(first) = partition.damage().first() {
        assert_eq!(first.file, LOG);
        let refused = partition.append(&one(9), 9);
        assert!(matches!(refused, Err(AppendError::Damaged(_))), "{refused:?}");
        return format!("damaged at offset {}, position {}", first.offset, first.position);
    }
    let recovery = partition.recovery();
    let cut = recovery
        .truncated_at
        .map(|at| format!(" cut {} at {at}", recovery.truncated_bytes));
    format!("{}{}", batches(&partition).len(), cut.unwrap_or_default())
}

/// The first damage of the partition, which is opened all the same.
fn damaged(disk: &SimDisk) -> (Arc<Partition>, Damage) {
    let partition = open(disk).unwrap().partition("a/0", config(400)).unwrap();
    let damage = partition.damage().first().cloned().expect("damage");
    (partition, damage)
}

#[test]
fn a_tail_torn_at_any_length() {
    let (disk, at) = five(40);
    let whole = disk.bytes(LOG);
    for len in 0..=whole.len() {
        let disk = disk.reboot(Survives::Everything);
        disk.put(LOG, &whole[..len]);
        let kept = at.iter().rposition(|start| *start <= len).unwrap();
        let expected = match kept {
            0..3 => format!("damaged at offset {kept}, position {}", at[kept]),
            _ if at[kept] == len => kept.to_string(),
            _ => format!("{kept} cut {} at {kept}", len - at[kept]),
        };
        assert_eq!(opened(&disk), expected, "{len} bytes of {}", whole.len());
        if kept >= 3 {
            assert_eq!(disk.bytes(LOG), whole[..at[kept]], "{len} bytes");
        } else {
            assert_eq!(disk.bytes(LOG), whole[..len], "damage changes nothing");
        }
    }
}

#[test]
fn garbage_behind_the_last_batch_is_cut() {
    let (disk, at) = five(40);
    let whole = disk.bytes(LOG);
    for garbage in [
        vec![0; 1],
        vec![0; 5_000],
        vec![0xff; 700],
        whole[..at[1] - 1].to_vec(),
    ] {
        let disk = disk.reboot(Survives::Everything);
        disk.put(LOG, &[&whole[..], &garbage].concat());
        assert_eq!(opened(&disk), format!("5 cut {} at 5", garbage.len()));
    }
}

#[test]
fn a_whole_batch_in_the_wrong_place_is_no_tear() {
    let (disk, at) = five(40);
    let whole = disk.bytes(LOG);
    disk.put(LOG, &[&whole[..], &whole[..at[1]]].concat());
    assert_eq!(opened(&disk), format!("damaged at offset 5, position {}", at[5]));
}

#[test]
fn any_flipped_bit_is_reported() {
    let (disk, at) = five(20);
    let whole = disk.bytes(LOG);
    for byte in 0..whole.len() {
        let disk = disk.reboot(Survives::Everything);
        let mut bad = whole.clone();
        bad[byte] ^= 1 << (byte % 8);
        disk.put(LOG, &bad);
        let hit = at.iter().rposition(|start| *start <= byte).unwrap();
        // Base offset, length, epoch, magic and the checksum itself but for its bits.
        let in_head = byte - at[hit] < 17;
        let expected = match hit {
            // Nothing intact follows, and the mark is before it: not to be told from a torn tail.
            4 if !in_head => format!("4 cut {} at 4", whole.len() - at[4]),
            _ => format!("damaged at offset {hit}, position {}", at[hit]),
        };
        assert_eq!(opened(&disk), expected, "byte {byte}");
    }
}

#[test]
fn zeros_with_intact_batches_behind_are_damage_also_behind_the_mark() {
    let (disk, at) = five(2_000);
    let whole = disk.bytes(LOG);
    for sector in 0..whole.len() / 512 {
        let disk = disk.reboot(Survives::Everything);
        let mut bad = whole.clone();
        bad[sector * 512..(sector + 1) * 512].fill(0);
        disk.put(LOG, &bad);
        let hit = at
            .iter()
            .rposition(|start| *start < (sector + 1) * 512 && *start <= sector * 512)
            .unwrap();
        let intact_behind = at[..5].iter().any(|start| *start >= (sector + 1) * 512);
        let expected = match intact_behind || hit < 3 {
            true => format!("damaged at offset {hit}, position {}", at[hit]),
            false => format!("{hit} cut {} at {hit}", whole.len() - at[hit]),
        };
        assert_eq!(opened(&disk), expected, "sector {sector}");
    }
}

/// What stands before and behind the damage is served, the damaged offsets are named, also by the next reader.
#[test]
fn around_a_damaged_batch_everything_is_readable() {
    let (disk, at) = five(40);
    let whole = disk.bytes(LOG);
    for (hit, byte) in [(0, 70), (2, 3), (2, 70), (3, 9), (3, 13), (4, 5)] {
        let disk = disk.reboot(Survives::Everything);
        let mut bad = whole.clone();
        bad[at[hit] + byte] ^= 1;
        disk.put(LOG, &bad);
        let log = open(&disk).unwrap();
        let partition = log.partition("a/0", config(1 << 20)).unwrap();
        let what = format!("batch {hit}, byte {byte}: {:?}", partition.damage());
        let known_end = hit < 4;
        assert_eq!(
            partition.high_watermark(),
            if known_end { 5 } else { 4 },
            "{what}"
        );
        for offset in 0..partition.high_watermark() {
            match partition.read(offset, 1) {
                Ok(read) => assert_eq!(
                    read[16..],
                    whole[at[offset as usize] + 16..at[offset as usize + 1]]
                ),
                Err(ReadError::Damaged(damage)) => {
                    assert_eq!((offset, damage.position), (hit as i64, at[hit] as u64), "{what}");
                }
                Err(other) => panic!("{other}"),
            }
            assert_eq!(
                partition.read(offset, 1).is_err(),
                offset == hit as i64,
                "{what}, offset {offset}"
            );
        }
        assert!(!partition.takes_records());
        assert_eq!(log.damage(), [("a/0".to_owned(), partition.damage())]);
        assert_eq!(disk.bytes(LOG), bad);
    }
}

/// A log of several sealed segments, closed, and the names of its files.
fn many_segments() -> (SimDisk, Vec<String>) {
    let disk = SimDisk::new();
    let log = open(&disk).unwrap();
    let partition = log.partition("a/0", config(400)).unwrap();
    for n in 0..12 {
        partition
            .append(&batch(Some((7, 0, n)), &[i64::from(n)], 40), 0)
            .unwrap();
        commit(&log);
    }
    log.close().unwrap();
    let names = disk.names("a/0");
    (disk, names)
}

#[test]
fn a_missing_or_damaged_sidecar_is_rebuilt() {
    let (disk, names) = many_segments();
    for name in names.iter().filter(|name| !name.ends_with(".log")) {
        for lost in [true, false] {
            let disk = disk.reboot(Survives::Nothing);
            let path = format!("a/0/{name}");
            let before = disk.bytes(&path);
            let mut bad = before.clone();
            bad[before.len() / 2] ^= 1;
            if lost {
                crate::disk::Disk::remove(&disk, &path).unwrap()
            } else {
                disk.put(&path, &bad)
            }
            let log = open(&disk).unwrap();
            let partition = log.partition("a/0", config(400)).unwrap();
            assert_eq!(batches(&partition).len(), 12, "{name}");
            if name.ends_with(".idx") {
                assert_eq!(
                    (partition.recovery().rebuilt_indexes, disk.bytes(&path)),
                    (1, before)
                );
            }
            let again = partition.append(&batch(Some((7, 0, 11)), &[11], 40), 0).unwrap();
            assert!(again.duplicate && again.base_offset == 11, "{name}");
        }
    }
}

#[test]
fn a_sealed_segment_cut_short_is_damage_even_behind_the_mark() {
    let (disk, names) = many_segments();
    for name in names.iter().filter(|name| name.ends_with(".idx")) {
        for divisor in [2, 1_000] {
            let disk = disk.reboot(Survives::Nothing);
            crate::disk::Disk::remove(&disk, "CHECKPOINT").unwrap();
            let log = format!("a/0/{}", name.replace(".idx", ".log"));
            let whole = disk.bytes(&log);
            let kept = whole.len() / divisor;
            disk.put(&log, &whole[..kept]);
            assert_eq!(damaged(&disk).1.file, log);
        }
    }
}

#[test]
fn without_a_checkpoint_sealed_segments_are_read_too() {
    let (disk, _) = many_segments();
    crate::disk::Disk::remove(&disk, "CHECKPOINT").unwrap();
    let log = open(&disk.reboot(Survives::Everything)).unwrap();
    let partition = log.partition("a/0", config(400)).unwrap();
    assert_eq!(partition.recovery().scanned_bytes, partition.size_bytes());
    let mut bad = disk.bytes(LOG);
    bad[70] ^= 1;
    disk.put(LOG, &bad);
    assert_eq!(damaged(&disk).1.offset, 0);
}

#[test]
fn intact_batches_in_a_later_segment_tell_damage_from_a_tear() {
    let disk = SimDisk::new();
    let log = open(&disk).unwrap();
    let partition = log.partition("a/0", config(500)).unwrap();
    for n in 0..7 {
        partition.append(&one(n), n).unwrap();
    }
    drop((partition, log)); // killed before any commit: no index, no mark
    let whole = disk.bytes(LOG);
    let last = whole.len() / 4 * 3; // four batches of one size
    let damage = |change: &dyn Fn(&mut [u8])| {
        let disk = disk.revive();
        let mut bad = whole.clone();
        change(&mut bad[last..]);
        disk.put(LOG, &bad);
        opened(&disk)
    };
    assert!(damage(&|bytes| bytes[90] ^= 1).starts_with("damaged at offset 3"));
    assert!(damage(&|bytes| bytes.fill(0)).starts_with("damaged at offset 3"));
    // A length that promises more than the file has is no torn tail when the rest of the batch is whole.
    assert!(damage(&|bytes| bytes[10] ^= 1).starts_with("damaged at offset 3"));
    let disk = disk.revive();
    disk.put(LOG, &whole[..last + 30]);
    assert!(
        opened(&disk).starts_with("3 cut"),
        "a file only gets short when its writes are lost"
    );
}

#[test]
fn a_lost_segment_is_noticed() {
    let (disk, names) = many_segments();
    let logs: Vec<_> = names.iter().filter(|name| name.ends_with(".log")).collect();
    assert!(logs.len() > 3);
    for name in logs {
        let disk = disk.reboot(Survives::Nothing);
        crate::disk::Disk::remove(&disk, &format!("a/0/{name}")).unwrap();
        let (partition, damage) = damaged(&disk);
        for offset in 0..12 {
            let lost = (damage.offset..damage.end_offset).contains(&offset);
            assert_eq!(
                partition.read(offset, 1).is_err(),
                lost,
                "{name}, offset {offset}: {damage}"
            );
        }
        assert_eq!(
            (partition.log_start_offset(), partition.high_watermark()),
            (0, 12),
            "{name}"
        );
    }
    let disk = disk.reboot(Survives::Nothing);
    for name in &names {
        crate::disk::Disk::remove(&disk, &format!("a/0/{name}")).unwrap();
    }
    let (partition, damage) = damaged(&disk);
    assert_eq!((damage.offset, damage.end_offset), (0, 12));
    assert!(matches!(partition.read(3, 1), Err(ReadError::Damaged(_))));
}

/// No bit of a sealed segment can flip and be served: the index knows what its own checksums leave out.
#[test]
fn no_flipped_bit_of_a_sealed_segment_is_served() {
    let (disk, _) = many_segments();
    let log = open(&disk).unwrap();
    let partition = log.partition("a/0", config(400)).unwrap();
    let whole = disk.bytes(LOG);
    let good: Vec<_> = (0..12).map(|offset| partition.read(offset, 1).unwrap()).collect();
    let last = good.iter().scan(0, |end, batch| {
        *end += batch.len();
        Some(*end)
    });
    let last = last.take_while(|end| *end <= whole.len()).count() as i64 - 1;
    for bit in 0..whole.len() * 8 {
        let mut bad = whole.clone();
        bad[bit / 8] ^= 1 << (bit % 8);
        disk.put(LOG, &bad);
        for offset in 0..=last {
            match partition.read(offset, 1) {
                Ok(read) => assert_eq!(read, good[offset as usize], "bit {bit}, offset {offset}"),
                Err(ReadError::Damaged(damage)) => assert_eq!(damage.file, LOG, "bit {bit}"),
                Err(other) => panic!("bit {bit}, offset {offset}: {other}"),
            }
        }
        let read = partition.read(0, 10_000);
        assert!(
            read.is_err() || read.is_ok_and(|read| read.len() < whole.len()),
            "bit {bit}"
        );
        assert!(partition.offset_for_time(last).is_err(), "bit {bit}");
    }
    assert!(!log.damage().is_empty(), "what readers come upon is remembered");
    assert!(partition.takes_records());
}

#[test]
fn damage_in_a_sealed_segment_is_found_when_it_is_read() {
    let (disk, _) = many_segments();
    let log = open(&disk).unwrap();
    let partition = log.partition("a/0", config(400)).unwrap();
    let mut bad = disk.bytes(LOG);
    let second = batches(&partition)[0].bytes().len();
    bad[second + 70] ^= 4;
    disk.put(LOG, &bad);
    let read = partition.read(0, 10_000).unwrap();
    assert_eq!(read.len(), second, "the good batch before it is handed out");
    match partition.read(1, 10_000) {
        Err(ReadError::Damaged(Damage {
            file,
            position,
            offset,
            ..
        })) => {
            assert_eq!((file.as_str(), position, offset), (LOG, second as u64, 1));
        }
        other => panic!("{other:?}"),
    }
    assert!(try_batches(&partition).is_err());
    assert!(
        partition.log_end_offset() > 4 && disk.bytes(LOG).len() > second * 2,
        "three batches and more"
    );
    for offset in [2, 4] {
        let behind = partition.read(offset, 1).unwrap();
        let (found, _) = Batch::parse(&behind, 0).unwrap();
        assert_eq!(found.base_offset(), offset, "what is behind is served");
    }
}

/// The key index tells of damage alike whether it had read the place before or not.
#[test]
fn what_was_damaged_since_is_told_with_what_cannot_be_read() {
    let (disk, _) = many_segments();
    let log = open(&disk).unwrap();
    let partition = log.partition("a/0", config(400)).unwrap();
    let end = partition.last_stable_offset();
    assert_eq!(partition.keys().unreadable(end, 9).unwrap(), []);
    let mut bad = disk.bytes(LOG);
    let second = batches(&partition)[0].bytes().len();
    bad[second + 70] ^= 4;
    disk.put(LOG, &bad);
    assert_eq!(
        partition.keys().unreadable_count(end).unwrap(),
        0,
        "nobody has read it"
    );
    assert!(try_batches(&partition).is_err());
    let found = partition.keys().unreadable(end, 9).unwrap();
    assert_eq!(found, [(1, 1)]);
    assert_eq!(partition.keys().unreadable_count(end).unwrap(), 1);
    assert_eq!(partition.keys().unreadable(1, 9).unwrap(), []);
    drop((partition, log));
    // And so it is told by who has no index of before.
    let disk = disk.reboot(Survives::Everything);
    for name in disk.names("a/0").iter().filter(|name| name.ends_with(".keys")) {
        disk.put(&format!("a/0/{name}"), b"");
    }
    let log = open(&disk).unwrap();
    let partition = log.partition("a/0", config(400)).unwrap();
    assert_eq!(partition.keys().unreadable(end, 9).unwrap(), found);
    assert_eq!(partition.keys().unreadable_count(end).unwrap(), 1);
}

#[test]
fn what_was_found_after_a_kill_is_synced_before_it_is_served() {
    let disk = SimDisk::new();
    let log = open(&disk).unwrap();
    let partition = log.partition("a/0", config(300)).unwrap();
    let sent: Vec<_> = (0..7).map(one).collect();
    sent.iter()
        .for_each(|batch| assert!(partition.append(batch, 0).is_ok()));
    // Killed: nothing was synced, the page cache has it all.
    drop((partition, log));
    let log = open(&disk).unwrap();
    let served = log.partition("a/0", config(300)).unwrap().high_watermark();
    assert_eq!(served, 7);
    let disk = disk.reboot(Survives::Nothing);
    let partition = open(&disk).unwrap().partition("a/0", config(300)).unwrap();
    assert_eq!(
        batches(&partition).iter().map(body).collect::<Vec<_>>(),
        sent.iter().map(body).collect::<Vec<_>>()
    );
}
