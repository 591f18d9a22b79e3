//! A damaged CHECKPOINT: it is derived, so everything is served, and nothing behind the sealed segments is believed.

use super::support::{batch, batches, body, commit, config, one, open, open_running};
use crate::disk::sim::{SimDisk, Survives};
use crate::offline::OfflineLog;

/// Ten batches in several segments, after two unclean starts; killed.
fn written() -> SimDisk {
    let disk = SimDisk::new();
    for run in 0..3 {
        let log = open(&disk).unwrap();
        let partition = log.partition("a/0", config(500)).unwrap();
        assert_eq!(partition.leader_epoch(), run);
        for n in 0..[3, 3, 4][run as usize] {
            partition.append(&one(n), n).unwrap();
            commit(&log);
        }
        log.shared().save(false).unwrap();
    }
    disk
}

fn flipped(disk: &SimDisk, bit: usize) -> SimDisk {
    let disk = disk.revive();
    let mut bad = disk.bytes("CHECKPOINT");
    bad[bit / 8] ^= 1 << (bit % 8);
    disk.put("CHECKPOINT", &bad);
    disk
}

#[test]
fn no_flipped_bit_of_the_checkpoint_keeps_the_log_from_being_served() {
    let written = written();
    let text = written.bytes("CHECKPOINT");
    let all: Vec<_> = {
        let log = open(&written.revive()).unwrap();
        batches(&log.partition("a/0", config(500)).unwrap())
    };
    assert_eq!(all.len(), 10);
    let epoch_at = text.windows(6).position(|bytes| bytes == b"epoch ").unwrap();
    for bit in 0..(text.len() - 1) * 8 {
        let disk = flipped(&written, bit);
        let log = open(&disk).unwrap();
        let partition = log.partition("a/0", config(500)).unwrap();
        assert_eq!(partition.damage(), [], "bit {bit}");
        assert_eq!(batches(&partition), all, "bit {bit}");
        assert_eq!(
            partition.recovery().scanned_bytes,
            partition.size_bytes(),
            "bit {bit}"
        );
        // A wrong epoch may be greater; the log itself holds batches of epoch 2.
        let said = (epoch_at..epoch_at + 8).contains(&(bit / 8));
        assert!(
            partition.leader_epoch() == 3 || (said && partition.leader_epoch() > 3),
            "bit {bit}"
        );
        assert_eq!(partition.append(&one(9), 9).unwrap().base_offset, 10, "bit {bit}");
        log.close().unwrap();
        let log = open(&disk).unwrap();
        assert_eq!(
            batches(&log.partition("a/0", config(500)).unwrap()).len(),
            11,
            "bit {bit}"
        );
    }
}

#[test]
fn a_start_that_is_killed_before_it_has_looked_knows_no_more_than_before() {
    let disk = flipped(&written(), 5);
    drop(open(&disk).unwrap());
    let log = open(&disk).unwrap();
    let partition = log.partition("a/0", config(500)).unwrap();
    assert_eq!((partition.damage(), partition.high_watermark()), (vec![], 10));
    assert_eq!(partition.recovery().scanned_bytes, partition.size_bytes());
}

#[test]
fn what_the_page_cache_alone_has_is_written_again() {
    let disk = SimDisk::new();
    let log = open(&disk).unwrap();
    let partition = log.partition("a/0", config(1 << 20)).unwrap();
    let sent = [batch(None, &[1], 40), batch(None, &[2], 40)];
    partition.append(&sent[0], 0).unwrap();
    commit(&log);
    log.shared().save(false).unwrap();
    disk.fail_next_sync();
    partition.append(&sent[1], 0).unwrap();
    commit(&log);
    assert!(log.failed().is_some());
    drop((partition, log));
    let disk = flipped(&disk, 40);
    let log = open_running(&disk);
    let served = batches(&log.partition("a/0", config(1 << 20)).unwrap());
    assert_eq!(served.len(), 2);
    let disk = disk.reboot(Survives::Nothing);
    let log = open(&disk).unwrap();
    let kept = batches(&log.partition("a/0", config(1 << 20)).unwrap());
    assert_eq!(
        kept.iter().map(body).collect::<Vec<_>>(),
        sent.iter().map(body).collect::<Vec<_>>()
    );
}

#[test]
fn a_check_says_that_it_is_damaged() {
    let disk = flipped(&written(), 100);
    let log = OfflineLog::on(std::sync::Arc::new(disk), None).unwrap();
    assert!(log.checkpoint_fault().unwrap().contains("CHECKPOINT is damaged"));
}
