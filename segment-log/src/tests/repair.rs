//! Checking and repairing a directory that nobody serves: what is lost, and that nothing else is.

use std::sync::Arc;

use annals_kafka_wire::batch::Batch;

use super::support::{batch, batches, body, commit, config, open};
use crate::disk::sim::{SimDisk, Survives};
use crate::offline::OfflineLog;
use crate::{PartitionCheck, Remedy};

const LOG: &str = "a/0/00000000000000000000.log";
const SEGMENT_BYTES_MAX: u64 = 600;

pub(super) fn offline(disk: &SimDisk) -> OfflineLog {
    OfflineLog::on(Arc::new(disk.clone()), None).unwrap()
}

fn check(disk: &SimDisk) -> PartitionCheck {
    offline(disk).check("a/0").unwrap()
}

/// Twelve batches of two records in several segments, closed.
fn written() -> (SimDisk, Vec<Batch>) {
    let disk = SimDisk::new();
    let log = open(&disk).unwrap();
    let partition = log.partition("a/0", config(SEGMENT_BYTES_MAX)).unwrap();
    for n in 0..12 {
        let sent = batch(Some((7, 0, n * 2)), &[i64::from(n), 5], 30);
        partition.append(&sent, 0).unwrap();
        commit(&log);
    }
    let all = batches(&partition);
    log.close().unwrap();
    (disk.reboot(Survives::Nothing), all)
}

/// The batches after a start, those without records left out.
fn found(disk: &SimDisk) -> Vec<Batch> {
    let log = open(disk).unwrap();
    let partition = log.partition("a/0", config(SEGMENT_BYTES_MAX)).unwrap();
    assert_eq!(partition.damage(), [], "mended");
    assert_eq!(partition.high_watermark(), 24, "offsets are never given twice");
    let again = partition.append(&batch(None, &[1], 10), 0).unwrap();
    assert_eq!(again.base_offset, 24);
    let found = batches(&partition);
    found.into_iter().filter(|batch| batch.count() > 0).collect()
}

#[test]
fn a_sound_log_is_left_alone() {
    let (disk, all) = written();
    let log = offline(&disk);
    assert_eq!(log.partitions().unwrap(), ["a/0"]);
    let check = check(&disk);
    assert_eq!((check.batches, check.records), (12, 24));
    assert_eq!((check.log_start, check.log_end), (0, 24));
    assert_eq!((check.damage, check.torn, check.stale), (vec![], None, vec![]));
    let names = disk.names("a/0");
    assert_eq!(offline(&disk).repair("a/0").unwrap(), []);
    assert_eq!(disk.names("a/0"), names);
    assert_eq!(found(&disk), all);
}

#[test]
fn every_flipped_bit_is_mended_and_costs_its_own_batch_at_most() {
    let (disk, all) = written();
    let whole = disk.bytes(LOG);
    let mut start = 0;
    let first = all.iter().take_while(|batch| {
        start += batch.bytes().len();
        start <= whole.len()
    });
    let ends: Vec<usize> = first
        .scan(0, |end, batch| {
            *end += batch.bytes().len();
            Some(*end)
        })
        .collect();
    for bit in 0..whole.len() * 8 {
        let disk = disk.reboot(Survives::Nothing);
        let mut bad = whole.clone();
        bad[bit / 8] ^= 1 << (bit % 8);
        disk.put(LOG, &bad);
        let hit = ends.iter().position(|end| bit / 8 < *end).unwrap();
        let at = bit / 8 - if hit == 0 { 0 } else { ends[hit - 1] };
        let checked = check(&disk);
        assert_eq!(checked.damage.len(), 1, "bit {bit}: {checked:?}");
        let (offset, end) = (checked.damage[0].offset, checked.damage[0].end_offset);
        assert_eq!((offset, end), (hit as i64 * 2, hit as i64 * 2 + 2), "bit {bit}");
        assert_eq!(disk.bytes(LOG), bad, "a check writes nothing");

        let mended = offline(&disk).repair("a/0").unwrap();
        let expected = if at < 17 {
            Remedy::Restored
        } else {
            Remedy::Emptied
        };
        assert_eq!((mended.len(), mended[0].remedy), (1, expected), "bit {bit}");
        assert_eq!(disk.bytes(mended[0].copy.as_ref().unwrap()), bad, "the copy");
        assert_eq!(check(&disk).damage, [], "bit {bit}");
        let kept = all.iter().enumerate().filter(|(n, _)| at < 17 || *n != hit);
        let kept: Vec<_> = kept.map(|(_, batch)| batch.clone()).collect();
        assert_eq!(found(&disk), kept, "bit {bit}");
    }
}

#[test]
fn lost_files_and_cut_ends_leave_their_offsets_behind() {
    let (disk, all) = written();
    let logs: Vec<_> = disk
        .names("a/0")
        .into_iter()
        .filter(|name| name.ends_with(".log"))
        .collect();
    assert!(logs.len() > 2, "{logs:?}");
    for name in &logs {
        for kept in [None, Some(0), Some(100)] {
            let disk = disk.reboot(Survives::Nothing);
            let path = format!("a/0/{name}");
            match kept {
                None => crate::disk::Disk::remove(&disk, &path).unwrap(),
                Some(len) => disk.put(&path, &disk.bytes(&path)[..len]),
            }
            let checked = check(&disk);
            assert_eq!(checked.damage.len(), 1, "{name} {kept:?}: {checked:?}");
            let damage = &checked.damage[0];
            let lost = |batch: &&Batch| (damage.offset..damage.end_offset).contains(&batch.base_offset());
            offline(&disk).repair("a/0").unwrap();
            assert_eq!(check(&disk).damage, [], "{name} {kept:?}");
            let rest: Vec<_> = all.iter().filter(|batch| !lost(batch)).map(body).collect();
            assert!(rest.len() < all.len());
            let found: Vec<_> = found(&disk).iter().map(body).collect();
            assert_eq!(found[..rest.len()], rest, "{name} {kept:?}");
        }
    }
    for name in disk.names("a/0") {
        crate::disk::Disk::remove(&disk, &format!("a/0/{name}")).unwrap();
    }
    crate::disk::Disk::remove(&disk, "a/0").unwrap();
    assert_eq!(
        check(&disk).damage.len(),
        1,
        "the checkpoint tells of what was there"
    );
    assert_eq!(offline(&disk).discard("a/0").unwrap(), Vec::<String>::new());
    let mended = offline(&disk).repair("a/0").unwrap();
    assert_eq!(mended[0].remedy, Remedy::Advanced);
    assert_eq!(found(&disk), []);
}

#[test]
fn a_torn_tail_is_told_and_left_to_the_start() {
    let (disk, _) = written();
    let last = disk
        .names("a/0")
        .into_iter()
        .rfind(|name| name.ends_with(".log"))
        .unwrap();
    let path = format!("a/0/{last}");
    disk.put(&path, &[&disk.bytes(&path)[..], &[0; 40]].concat());
    let checked = check(&disk);
    assert_eq!((checked.damage, checked.torn.unwrap().bytes), (vec![], 40));
    assert_eq!(offline(&disk).repair("a/0").unwrap(), []);
}

#[test]
fn a_damaged_checkpoint_is_set_aside() {
    let (disk, all) = written();
    let mut bad = disk.bytes("CHECKPOINT");
    bad[30] ^= 1;
    disk.put("CHECKPOINT", &bad);
    let mut log = offline(&disk);
    assert!(log.checkpoint_fault().unwrap().contains("checksum"));
    assert_eq!(log.check("a/0").unwrap().damage, []);
    let aside = log.set_checkpoint_aside().unwrap().unwrap();
    assert_eq!(disk.bytes(&aside), bad);
    assert_eq!(found(&disk), all);
}

#[test]
fn derived_files_of_other_bytes_are_found_and_removed() {
    let (disk, all) = written();
    {
        let log = open(&disk).unwrap();
        let partition = log.partition("a/0", config(SEGMENT_BYTES_MAX)).unwrap();
        let (beside, _) = partition.beside("states", &mut |_, _| ()).unwrap();
        beside.append(b"one").unwrap();
        beside.append(b"another").unwrap();
        log.close().unwrap();
    }
    let disk = disk.reboot(Survives::Everything);
    assert_eq!(check(&disk).damaged_sidecars, Vec::<String>::new());
    let mut names = disk.names("a/0");
    names.retain(|name| name.ends_with(".snap") || name.ends_with(".beside"));
    assert!(names.len() > 2, "{names:?}");
    for name in names {
        let path = format!("a/0/{name}");
        let whole = disk.bytes(&path);
        for byte in 0..whole.len() {
            let disk = disk.reboot(Survives::Everything);
            let mut bad = whole.clone();
            bad[byte] ^= 1 << (byte % 8);
            disk.put(&path, &bad);
            let damaged = [path.clone()];
            assert_eq!(check(&disk).damaged_sidecars, damaged, "{name}, byte {byte}");
            assert_eq!(check(&disk).damage, [], "no record is lost");
            assert_eq!(offline(&disk).discard("a/0").unwrap(), damaged);
            assert_eq!(
                disk.names("a/0").contains(&name),
                name.ends_with(".beside"),
                "it is cut"
            );
            assert_eq!(check(&disk).damaged_sidecars, Vec::<String>::new());
            assert_eq!(found(&disk), all, "{name}, byte {byte}");
        }
    }
}
