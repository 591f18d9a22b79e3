//! Keys are counted from the log's start, wherever in a segment that is; and by who asks once, whatever comes meanwhile.

use proptest::prelude::*;

use super::super::support::{commit, config, open};
use super::{plain, read_all};
use crate::Partition;
use crate::disk::sim::SimDisk;

fn check(partition: &Partition) {
    for end in (0..=partition.high_watermark()).chain([i64::MAX]) {
        let wanted = read_all(partition, end).len() as u64;
        let start = partition.log_start_offset();
        assert_eq!(
            partition.keys().keys_begun(end).unwrap(),
            wanted,
            "{start}..{end}"
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases / 4, ..ProptestConfig::default() })]

    /// Whether records are deleted before or behind what was counted, in the segment that is written or in a sealed one.
    #[test]
    fn keys_are_counted_from_the_logs_start(
        steps in proptest::collection::vec((proptest::collection::vec(0u8..5, 1..4), any::<bool>(), 0i64..4), 1..14),
        segment_bytes in prop_oneof![Just(60_000u64), Just(400)],
    ) {
        let disk = SimDisk::new();
        let log = open(&disk).unwrap();
        let partition = log.partition("a/0", config(segment_bytes)).unwrap();
        for (keys, counts, deleted) in steps {
            partition.append(&plain(&keys), 0).unwrap();
            commit(&log);
            if counts {
                check(&partition);
            }
            let start = partition.log_start_offset() + deleted;
            partition.delete_before(start.min(partition.high_watermark())).unwrap();
        }
        check(&partition);
    }
}

/// Counting ends with what there was when it was asked for, and when nobody waits any more.
#[test]
fn counting_chases_no_end() {
    let disk = SimDisk::new();
    let log = open(&disk).unwrap();
    let partition = log.partition("a/0", config(60_000)).unwrap();
    let append = |key: u8| {
        partition.append(&plain(&[key]), 0).unwrap();
        commit(&log);
    };
    append(1);
    let mut more = 2..9;
    let mut goes_on = || {
        more.next().map(append);
        true
    };
    assert_eq!(
        partition.keys().keys_begun_while(i64::MAX, &mut goes_on).unwrap(),
        Some(1)
    );
    append(8);
    assert_eq!(
        partition
            .keys()
            .keys_begun_while(i64::MAX, &mut || false)
            .unwrap(),
        None
    );
    assert_eq!(partition.keys().keys_begun(i64::MAX).unwrap(), 3);
}
