//! Changes that fail half way, and changes of names that have moved on.

use std::path::Path;

use annals_segment_log::LogConfig;

use super::files::partition_path;
use super::*;

fn open(dir: &Path) -> (LogDir, Topics) {
    let log = LogDir::open(dir, LogConfig::default(), 0).unwrap();
    let topics = Topics::open(&log, 100, 0).unwrap();
    (log, topics)
}

fn orders() -> NewTopic {
    NewTopic {
        name: "orders".to_owned(),
        partitions: 2,
        config: BTreeMap::new(),
    }
}

/// A creation that is durable, before its files are made.
fn created(topics: &Topics) -> Uuid {
    let NewTopic { name, config, .. } = orders();
    let id = Uuid::new_v4();
    let record = MetaRecord::TopicCreated {
        name,
        id,
        partitions: 2,
        config,
    };
    topics.meta.append(&record, 0).unwrap();
    id
}

/// The ids of all topics there are.
fn ids(topics: &Topics) -> Vec<Uuid> {
    topics.now().by_id.keys().copied().collect()
}

#[test]
fn a_failed_creation_that_could_not_be_taken_back_is_the_topic_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let (log, topics) = open(dir.path());
    let id = created(&topics);
    log.close().unwrap(); // nothing can be written
    topics.give_up(&orders(), id, 0);
    assert!(topics.now().named("orders").is_none());
    drop(topics);

    let (log, topics) = open(dir.path());
    assert_eq!(ids(&topics), [id]);
    assert!(matches!(topics.create(&orders(), 0), Err(TopicError::Exists(_))));
    log.close().unwrap();
}

#[test]
fn who_creates_a_topic_again_takes_the_failed_creation_back_first() {
    let dir = tempfile::tempdir().unwrap();
    let (log, topics) = open(dir.path());
    let failed = created(&topics);
    // As it is when the deletion could not be written, and then there is room again.
    lock(&topics.failed).insert("orders".to_owned(), (failed, 2));
    let id = topics.create(&orders(), 0).unwrap().id;
    assert_ne!(id, failed);
    assert!(matches!(topics.create(&orders(), 0), Err(TopicError::Exists(_))));
    log.close().unwrap();
    drop(topics);

    let (log, topics) = open(dir.path());
    assert_eq!(ids(&topics), [id]);
    assert_eq!(topics.now().named("orders").unwrap().id, id);
    log.close().unwrap();
}

#[test]
fn a_failed_creation_leaves_nothing_behind_when_it_is_taken_back() {
    let dir = tempfile::tempdir().unwrap();
    let (log, topics) = open(dir.path());
    let id = created(&topics);
    open_topic(&log, &orders(), id).unwrap();
    topics.give_up(&orders(), id, 0);
    assert!(lock(&topics.failed).is_empty());
    let left = std::fs::read_dir(dir.path().join(TOPICS_DIR)).map_or(0, Iterator::count);
    assert_eq!(left, 0);
    log.close().unwrap();
    drop(topics);
    let (log, topics) = open(dir.path());
    assert!(ids(&topics).is_empty());
    log.close().unwrap();
}

#[test]
fn a_topic_that_is_meant_by_its_id_is_deleted_alone() {
    let dir = tempfile::tempdir().unwrap();
    let (log, topics) = open(dir.path());
    let first = topics.create(&orders(), 0).unwrap().id;
    topics.delete("orders", Some(first), 0, || ()).unwrap();
    let second = topics.create(&orders(), 0).unwrap().id;
    // Looked up before the first was deleted, and deleted after the second was created.
    let refused = topics.delete("orders", Some(first), 0, || ());
    assert!(matches!(refused, Err(TopicError::Unknown(_))), "{refused:?}");
    assert_eq!(ids(&topics), [second]);
    assert_eq!(topics.delete("orders", None, 0, || ()).unwrap().id, second);
    log.close().unwrap();
}

#[test]
fn the_later_of_two_creations_of_one_name_is_the_topic() {
    // The order of random ids is none: either would win now and then.
    for _ in 0..8 {
        let dir = tempfile::tempdir().unwrap();
        let (log, topics) = open(dir.path());
        let first = created(&topics);
        open_topic(&log, &orders(), first).unwrap();
        let second = created(&topics);
        log.close().unwrap();
        drop(topics);

        let (log, topics) = open(dir.path());
        assert_eq!(ids(&topics), [second]);
        assert_eq!(topics.now().named("orders").unwrap().id, second);
        let path = dir.path().join(partition_path(first, 0));
        assert!(path.is_dir(), "what may have records is kept");
        log.close().unwrap();
    }
}

/// Whoever publishes a change still has its name; else the end of its claim could be that of another's.
#[test]
fn who_asks_again_for_what_is_under_way_is_not_told_that_there_is_no_room() {
    let dir = tempfile::tempdir().unwrap();
    let (log, topics) = open(dir.path());
    let max = i32::try_from(topics.partitions_max).unwrap();
    let large = NewTopic {
        name: "orders".to_owned(),
        partitions: max,
        config: BTreeMap::new(),
    };
    let claim = topics.claim("orders", |_| Ok(topics.partitions_max)).unwrap();
    topics.check(&large).unwrap();
    let other = NewTopic {
        name: "packages".to_owned(),
        partitions: 1,
        ..large
    };
    assert!(matches!(
        topics.check(&other),
        Err(TopicError::TooManyPartitions { .. })
    ));
    drop(claim);
    log.close().unwrap();
}

#[test]
fn a_claim_is_ended_by_its_holder_alone() {
    let dir = tempfile::tempdir().unwrap();
    let (log, topics) = open(dir.path());
    let claim = topics.claim("orders", |_| Ok(2)).unwrap();
    assert_eq!(lock(&topics.claims).get("orders"), Some(&2));
    claim.publish(|_| {});
    assert_eq!(
        lock(&topics.claims).get("orders"),
        Some(&0),
        "its partitions are the topic's"
    );
    drop(claim);
    assert!(lock(&topics.claims).is_empty());
    log.close().unwrap();
}

#[test]
fn partitions_that_could_not_be_made_are_taken_back() {
    let dir = tempfile::tempdir().unwrap();
    let (log, topics) = open(dir.path());
    let id = topics.create(&orders(), 0).unwrap().id;
    // Where the fourth is to be there is something else.
    let in_the_way = dir.path().join(partition_path(id, 3));
    std::fs::write(&in_the_way, "").unwrap();
    assert!(matches!(topics.grow("orders", 4, 0), Err(TopicError::Log(_))));
    let count = |topics: &Topics| topics.now().named("orders").unwrap().partitions.len();
    assert_eq!(count(&topics), 2);
    log.close().unwrap();
    drop(topics);

    let (log, topics) = open(dir.path());
    assert_eq!(count(&topics), 2);
    topics.grow("orders", 3, 0).unwrap();
    assert_eq!(count(&topics), 3);
    log.close().unwrap();
    drop(topics);
    assert_eq!(count(&open(dir.path()).1), 3);
}
