//! An index by other keys than the records' own, against what a reader makes of the records.

use std::sync::Arc;

use annals_kafka_wire::batch::Record;

use super::*;
use crate::{KeyIndex, KeyOf, KeyedBy, OtherKey};

/// By the times of records: of some of them nobody can say, of others nobody yet.
pub(super) struct ByTime(&'static str);

fn of_time(ms: i64) -> OtherKey {
    match ms % 7 {
        0 => OtherKey::Unreadable,
        1 => OtherKey::None,
        2 => OtherKey::Unsure,
        rest => OtherKey::Is(vec![b'm'; rest as usize]),
    }
}

impl KeyOf for ByTime {
    fn name(&self) -> &str {
        self.0
    }

    fn key(&self, record: &Record) -> Result<OtherKey, String> {
        Ok(of_time(record.timestamp_ms))
    }
}

pub(super) fn by(partition: &Arc<Partition>, name: &'static str) -> KeyedBy {
    partition.keyed_by(Arc::new(ByTime(name))).expect("a plain name")
}

/// Holds such an index to what a reader finds.
pub(super) fn check_index(partition: &Partition, index: KeyIndex<'_>) {
    let all = records(partition);
    let stable = partition.last_stable_offset();
    for end in [0, 1, stable / 2, stable, stable + 5] {
        let within = || all.iter().filter(|one| one.0 < end);
        let mut wanted: BTreeMap<Vec<u8>, Vec<i64>> = BTreeMap::new();
        for (offset, ms, _) in within() {
            if let OtherKey::Is(key) = of_time(*ms) {
                wanted.entry(key).or_default().push(*offset);
            }
        }
        let all_keys = index.keys_after(None, 0..end, 99).expect("keys");
        let found = all_keys.iter().map(|entry| {
            let offsets = index
                .key_offsets(&entry.key, end, 0, usize::MAX)
                .expect("offsets");
            assert_eq!(
                index.key_count(&entry.key, end).expect("a count"),
                offsets.len() as u64
            );
            (entry.key.to_vec(), offsets)
        });
        assert_eq!(found.collect::<BTreeMap<_, _>>(), wanted, "before {end}");
        assert_eq!(index.keys_begun(end).expect("keys"), wanted.len() as u64);
        let told = index.unreadable(end, usize::MAX).expect("places");
        for (offset, ms, _) in within() {
            let is_told = told.iter().any(|(first, last)| (*first..=*last).contains(offset));
            let is_hidden = matches!(of_time(*ms), OtherKey::Unreadable | OtherKey::Unsure);
            // A batch of which records are gone is told of as a whole.
            assert!(is_told || !is_hidden, "{offset} of {told:?}");
        }
        assert!(told.len() as u64 <= index.unreadable_count(end).expect("a count"));
    }
    assert_eq!(index.key_facts().end, stable);
}

/// Of an index that somebody else may have.
pub(in crate::tests) fn check(partition: &Arc<Partition>) {
    check_index(partition, by(partition, "time-1").index());
}

fn names(world: &World, what: &str) -> Vec<String> {
    let names = world.disk.names("a/0").into_iter();
    names.filter(|name| name.contains(what)).collect()
}

fn filled(keys: &[u8]) -> World {
    let mut world = World::new(Durability::Fsync);
    for _ in 0..40 {
        world.run(Op::Plain(keys.to_vec(), false));
        world.run(Op::Commit);
    }
    world
}

#[test]
fn what_rests_on_all_that_is_known_is_kept_and_the_rest_found_out_again() {
    // Of times of which all is known.
    let mut world = filled(&[4, 4]);
    check(&world.partition);
    let kept = names(&world, ".time-1.keys");
    assert!(kept.len() > 5 && names(&world, ".unsure.").is_empty());
    world.restart(true);
    for name in &kept {
        let log = format!("a/0/{}", name.replace(".time-1.keys", ".log"));
        world.disk.put(&log, &vec![0; world.disk.bytes(&log).len()]);
    }
    let index = by(&world.partition, "time-1");
    assert_eq!(index.index().keys_begun(i64::MAX).unwrap(), 1, "no log is read");

    // Of 303 nobody knows yet.
    let mut world = filled(&[3, 4]);
    check(&world.partition);
    assert!(names(&world, ".time-1.keys").is_empty() && names(&world, ".time-1.unsure.keys").len() > 5);
    world.log.maintain(0);
    check(&world.partition);
    struct Known;
    impl KeyOf for Known {
        fn name(&self) -> &'static str {
            "time-1"
        }
        fn key(&self, _: &Record) -> Result<OtherKey, String> {
            Ok(OtherKey::Is(b"k".to_vec()))
        }
    }
    world.restart(true);
    let known = world.partition.keyed_by(Arc::new(Known)).unwrap();
    assert_eq!(known.index().key_count(b"k", i64::MAX).unwrap(), 80);
    assert!(names(&world, ".unsure.").is_empty() && names(&world, ".time-1.keys").len() > 5);
}

#[test]
fn files_by_what_nobody_has_go_when_others_are_made() {
    let world = filled(&[4]);
    let own = || names(&world, "0.keys").len() + names(&world, "1.keys").len();
    world.partition.keys().keys_begun(i64::MAX).unwrap();
    let had = own();
    let [one, two] = ["time-1", "time-2"].map(|name| by(&world.partition, name));
    for index in [&one, &two] {
        check_index(&world.partition, index.index());
    }
    assert!(!names(&world, "time-1").is_empty() && !names(&world, "time-2").is_empty());
    drop(one);
    let three = by(&world.partition, "time-3");
    check_index(&world.partition, three.index());
    assert!(names(&world, "time-1").is_empty() && !names(&world, "time-2").is_empty());
    assert_eq!(own(), had);
}

#[test]
fn files_go_with_the_segments_they_are_beside() {
    let world = filled(&[3, 4]);
    let index = by(&world.partition, "time-1");
    check_index(&world.partition, index.index());
    let bases = || {
        let names = names(&world, ".time-1.").into_iter();
        names.map(|name| name[..20].parse::<i64>().unwrap()).min()
    };
    assert_eq!(bases(), Some(0));
    world.partition.delete_before(50).unwrap();
    world.log.maintain(0);
    assert!(bases().unwrap() > 30);
    check_index(&world.partition, index.index());
}

#[test]
fn what_cannot_be_found_out_now_is_asked_again() {
    struct Later(std::sync::atomic::AtomicBool);
    impl KeyOf for Later {
        fn name(&self) -> &'static str {
            "later"
        }
        fn key(&self, _: &Record) -> Result<OtherKey, String> {
            match self.0.swap(true, std::sync::atomic::Ordering::Relaxed) {
                true => Ok(OtherKey::Is(b"k".to_vec())),
                false => Err("nobody answers".to_owned()),
            }
        }
    }
    let world = filled(&[4]);
    let later = world.partition.keyed_by(Arc::new(Later(false.into()))).unwrap();
    let error = later.index().key_count(b"k", i64::MAX).unwrap_err();
    assert!(error.to_string().ends_with("nobody answers"), "{error}");
    assert_eq!(later.index().key_count(b"k", i64::MAX).unwrap(), 40);
    assert!(world.partition.keyed_by(Arc::new(ByTime("no/name"))).is_err());
}
