//! What is forgotten, and when, as seen by the coordinators over a log; and that the log is told.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};

use annals_kafka_wire::error::ErrorCode;
use tokio::sync::watch;
use uuid::Uuid;

use super::sweep;
use crate::broker::{Broker, Shared};
use crate::config::BrokerConfig;
use crate::consumer_group::{GOES, Heartbeat, JOINS, Parts};
use crate::group::Identity;
use crate::groups::{self, Committed, Who};
use crate::guard::OpenGate;
use crate::internal;
use crate::topics::NewTopic;
use crate::transaction::{Event, Outcome, Producer};
use crate::transactions;

const WEEK_MS: i64 = 7 * 24 * 60 * 60 * 1000;

fn open(dir: &Path, clock: fn() -> i64) -> Arc<Shared> {
    let config = BrokerConfig {
        clock,
        ..BrokerConfig::default()
    };
    let broker = Broker::open(dir, config, Arc::new(OpenGate)).expect("a broker");
    let shared = Arc::clone(&broker.shared);
    internal::make(&shared, internal::OFFSETS).expect("a topic");
    internal::make(&shared, internal::TRANSACTIONS).expect("a topic");
    for name in ["orders", "payments"] {
        make(&shared, name);
    }
    shared
}

/// Makes a topic, if it is not there.
fn make(shared: &Shared, name: &str) {
    let new = NewTopic {
        name: name.to_owned(),
        partitions: 1,
        config: BTreeMap::new(),
    };
    if shared.topics.now().named(name).is_none() {
        shared.topics.create(&new, 0).expect("a topic");
    }
}

fn close(shared: &Shared) {
    shared.log.clone().close().expect("a clean end");
}

async fn commit(shared: &Arc<Shared>, topic: &str, member_id: &str, epoch: i32) {
    assert_eq!(try_commit(shared, topic, member_id, epoch).await, Ok(()));
}

/// Of the topic that has the name now.
async fn try_commit(shared: &Arc<Shared>, topic: &str, member_id: &str, epoch: i32) -> Result<(), ErrorCode> {
    let id = shared.topics.now().named(topic).map(|topic| topic.id);
    commit_to(shared, (topic, id.unwrap_or_default()), member_id, epoch).await
}

/// What was looked up as this topic; whether it is still that one is told as an error.
async fn commit_to(
    shared: &Arc<Shared>,
    (topic, topic_id): (&str, Uuid),
    member_id: &str,
    epoch: i32,
) -> Result<(), ErrorCode> {
    let identity = Identity {
        member_id: member_id.to_owned(),
        instance_id: None,
    };
    let who = Who {
        identity: &identity,
        epoch,
        knows_epochs: true,
    };
    let committed = Committed {
        topic_id,
        offset: 5,
        leader_epoch: -1,
        metadata: String::new(),
        commit_ms: shared.now_ms(),
    };
    let offsets = vec![((topic.to_owned(), 0), committed)];
    match groups::commit(shared, "g", &who, offsets).await {
        Ok(gone) if gone.contains(&topic_id) => Err(ErrorCode::UnknownTopicId),
        stored => stored.map(drop),
    }
}

fn kept(shared: &Shared) -> Vec<String> {
    let places = shared.groups.cells.look("g", |entry| entry.offsets.places());
    places
        .unwrap_or_default()
        .into_iter()
        .map(|(topic, _)| topic)
        .collect()
}

async fn beat(shared: &Arc<Shared>, epoch: i32) -> i32 {
    let heartbeat = Heartbeat {
        member_id: "m".to_owned(),
        fresh_id: String::new(),
        instance_id: None,
        client_id: String::new(),
        client_host: String::new(),
        rack_id: None,
        epoch,
        rebalance_timeout_ms: Some(1_000),
        topics: Some(BTreeSet::from(["orders".to_owned()])),
        regex: None,
        assignor: None,
        classic: None,
        owned: Some(Parts::new()),
    };
    let asked = groups::heartbeat(shared, "g", heartbeat).expect("a group");
    let (_stop, stopped) = watch::channel(false);
    asked
        .told_epoch(stopped)
        .await
        .expect("an answer")
        .expect("a member")
        .epoch
}

#[tokio::test(flavor = "multi_thread")]
async fn offsets_are_kept_for_a_week_after_the_last_who_wanted_them() {
    static NOW_MS: AtomicI64 = AtomicI64::new(1_800_000_000_000);
    let clock = || NOW_MS.load(Ordering::Relaxed);
    let pass = |ms| {
        NOW_MS.fetch_add(ms, Ordering::Relaxed);
    };
    let dir = tempfile::tempdir().expect("a directory");
    let shared = open(dir.path(), clock);
    let epoch = beat(&shared, JOINS).await;
    for topic in ["orders", "payments"] {
        commit(&shared, topic, "m", epoch).await;
    }
    pass(WEEK_MS - 1);
    sweep(&shared);
    assert_eq!(kept(&shared), ["orders", "payments"]);
    // Nobody wants payments, and somebody orders.
    pass(1);
    sweep(&shared);
    assert_eq!(kept(&shared), ["orders"]);
    pass(WEEK_MS);
    sweep(&shared);
    assert_eq!(kept(&shared), ["orders"]);
    beat(&shared, GOES).await;
    pass(WEEK_MS - 1);
    sweep(&shared);
    assert_eq!(kept(&shared), ["orders"]);
    pass(1);
    sweep(&shared);
    assert_eq!(shared.groups.cells.look("g", |_| ()), None);
    close(&shared);
    let shared = open(dir.path(), clock);
    assert_eq!(shared.groups.cells.ids(), Vec::<String>::new());
    close(&shared);
}

#[tokio::test(flavor = "multi_thread")]
async fn offsets_of_somebody_who_takes_no_part_are_kept_for_a_week_after_the_commit() {
    static NOW_MS: AtomicI64 = AtomicI64::new(1_800_000_000_000);
    let clock = || NOW_MS.load(Ordering::Relaxed);
    let pass = |ms| {
        NOW_MS.fetch_add(ms, Ordering::Relaxed);
    };
    let dir = tempfile::tempdir().expect("a directory");
    let shared = open(dir.path(), clock);
    commit(&shared, "orders", "", -1).await;
    pass(WEEK_MS / 2);
    commit(&shared, "payments", "", -1).await;
    pass(WEEK_MS / 2);
    sweep(&shared);
    assert_eq!(kept(&shared), ["payments"]);
    close(&shared);
    // A restart makes nothing younger.
    pass(WEEK_MS / 2);
    let shared = open(dir.path(), clock);
    assert_eq!(kept(&shared), ["payments"]);
    sweep(&shared);
    assert_eq!(shared.groups.cells.look("g", |_| ()), None);
    close(&shared);
}

#[tokio::test(flavor = "multi_thread")]
async fn transactional_ids_are_forgotten_when_nothing_is_open() {
    static NOW_MS: AtomicI64 = AtomicI64::new(1_800_000_000_000);
    let clock = || NOW_MS.load(Ordering::Relaxed);
    let dir = tempfile::tempdir().expect("a directory");
    let shared = open(dir.path(), clock);
    let (_stop, stopped) = watch::channel(false);
    let ask = async |shared: &Arc<Shared>, id: &str, event: &dyn Fn(crate::ticket::Ticket) -> Event| {
        let asked = transactions::ask(shared, id, true, stopped.clone(), event);
        asked.await.expect("well")
    };
    let begin = |fresh_id| {
        move |ticket| Event::Init {
            ticket,
            timeout_ms: i32::MAX,
            known: None,
            fresh_id,
        }
    };
    let mut producers: Vec<Producer> = Vec::new();
    for (id, fresh_id) in [("unused", 1), ("open", 2)] {
        producers.push(ask(&shared, id, &begin(fresh_id)).await);
    }
    let places = BTreeSet::from([(internal::OFFSETS.to_owned(), 0)]);
    ask(&shared, "open", &|ticket| {
        Event::Add(ticket, producers[1], places.clone())
    })
    .await;
    sweep(&shared);
    assert_eq!(shared.transactions.ids(), ["open", "unused"]);
    close(&shared);
    NOW_MS.fetch_add(WEEK_MS, Ordering::Relaxed);
    let shared = open(dir.path(), clock);
    sweep(&shared);
    assert_eq!(shared.transactions.ids(), ["open"]);
    // Whoever comes with it begins anew.
    let ends = |ticket| Event::End {
        ticket,
        producer: producers[0],
        outcome: Outcome::Commit,
        fresh_id: None,
    };
    let unknown = transactions::ask(&shared, "unused", false, stopped.clone(), ends).await;
    assert_eq!(unknown, Err(ErrorCode::InvalidProducerIdMapping));
    close(&shared);
    let shared = open(dir.path(), clock);
    assert_eq!(shared.transactions.ids(), ["open"]);
    close(&shared);
}

/// Whether the member may say 3500 bytes about itself.
fn has_room(shared: &Shared, member_id: &str) -> bool {
    let who = Identity {
        member_id: member_id.to_owned(),
        instance_id: None,
    };
    groups::have_room(shared, "g", &who, 3_500)
}

#[tokio::test(flavor = "multi_thread")]
async fn members_of_all_groups_share_their_room() {
    let dir = tempfile::tempdir().expect("a directory");
    let config = BrokerConfig {
        members_bytes_max: 4_000,
        ..BrokerConfig::default()
    };
    let broker = Broker::open(dir.path(), config, Arc::new(OpenGate)).expect("a broker");
    let shared = Arc::clone(&broker.shared);
    internal::make(&shared, internal::OFFSETS).expect("a topic");
    assert!(has_room(&shared, "another"));
    let epoch = beat(&shared, JOINS).await;
    assert!(!has_room(&shared, "another"));
    // Who is in takes its part already.
    assert!(has_room(&shared, "m"));
    beat(&shared, epoch).await;
    beat(&shared, GOES).await;
    assert!(has_room(&shared, "another"));
    close(&shared);
}

#[tokio::test(flavor = "multi_thread")]
async fn offsets_go_with_their_topic_also_when_there_was_no_time_to_say_so() {
    let dir = tempfile::tempdir().expect("a directory");
    let shared = open(dir.path(), || 0);
    for topic in ["orders", "payments"] {
        commit(&shared, topic, "", -1).await;
    }
    let orders = shared.topics.now().named("orders").expect("a topic").id;
    // Where the broker is killed before it has forgotten them.
    shared
        .topics
        .delete("orders", None, 0, || ())
        .expect("a deletion");
    // Who was let in before the deletion, and comes to the group behind it.
    let late = commit_to(&shared, ("orders", orders), "", -1).await;
    assert_eq!(late, Err(ErrorCode::UnknownTopicId));
    // And another topic has its name by then.
    make(&shared, "orders");
    let late = commit_to(&shared, ("orders", orders), "", -1).await;
    assert_eq!(late, Err(ErrorCode::UnknownTopicId));
    close(&shared);
    for _ in 0..2 {
        let shared = open(dir.path(), || 0);
        assert_eq!(kept(&shared), ["payments"]);
        close(&shared);
    }
    // The name is nobody's else until they are forgotten.
    let shared = open(dir.path(), || 0);
    commit(&shared, "orders", "", -1).await;
    shared.delete_topic("orders", None).expect("a deletion");
    assert_eq!(kept(&shared), ["payments"]);
    close(&shared);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_offset_is_never_another_topics_of_the_same_name() {
    const LIVES: usize = 30;
    let dir = tempfile::tempdir().expect("a directory");
    let shared = open(dir.path(), || 0);
    let id_now = |shared: &Shared| shared.topics.now().named("orders").map(|topic| topic.id);
    let committed = |shared: &Shared| {
        let looked = shared
            .groups
            .cells
            .look("g", |entry| entry.offsets.get("orders", 0).cloned());
        looked.flatten().map(|committed| committed.topic_id)
    };
    let lives = Arc::new(Mutex::new(vec![id_now(&shared).expect("a topic")]));
    let remade = {
        let (shared, lives) = (Arc::clone(&shared), Arc::clone(&lives));
        tokio::task::spawn_blocking(move || {
            for _ in 1..LIVES {
                shared.delete_topic("orders", None).expect("a deletion");
                make(&shared, "orders");
                lives
                    .lock()
                    .expect("a lock")
                    .push(id_now(&shared).expect("a topic"));
            }
        })
    };
    // Whoever has looked the topic up in any of its lives comes with that.
    let (mut kept, mut refused) = (0, 0);
    while !remade.is_finished() || kept == 0 {
        let known = lives.lock().expect("a lock").clone();
        for id in known.iter().rev().take(2) {
            match commit_to(&shared, ("orders", *id), "", -1).await {
                Ok(()) => kept += 1,
                Err(code) => {
                    assert_eq!(code, ErrorCode::UnknownTopicId);
                    refused += 1;
                }
            }
            let before = id_now(&shared);
            let found = committed(&shared);
            let number = |id: Option<Uuid>| id.and_then(|id| known.iter().position(|known| *known == id));
            // What the list does not have yet is younger than all it has.
            if let (Some(before), Some(found)) = (number(before), number(found)) {
                assert!(found >= before, "life {found} is taken for life {before}");
            }
        }
    }
    remade.await.expect("topics");
    assert!(refused > 0);
    let last = id_now(&shared);
    assert_eq!(lives.lock().expect("a lock").last().copied(), last);
    assert_eq!(committed(&shared).filter(|id| Some(*id) != last), None);
    let before = committed(&shared);
    close(&shared);
    let shared = open(dir.path(), || 0);
    assert_eq!(committed(&shared), before);
    close(&shared);
}
