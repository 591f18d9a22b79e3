//! rdkafka against the server, over the librdkafka that it builds: groups, and records moved in transactions.
//!
//! `rdkafka-client BOOTSTRAP REGISTRY` on an empty server; stops at the first surprise.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, ResourceSpecifier, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::message::{Header, Headers, Message, OwnedHeaders};
use rdkafka::producer::{FutureProducer, FutureRecord, Producer};

const PARTITIONS: i32 = 4;
const WAIT: Duration = Duration::from_secs(60);

struct Annals {
    bootstrap: String,
}

impl Annals {
    fn config(&self, settings: &[(&str, &str)]) -> ClientConfig {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", &self.bootstrap);
        for (name, value) in settings {
            config.set(*name, *value);
        }
        config
    }

    fn admin(&self) -> AdminClient<DefaultClientContext> {
        self.config(&[]).create().unwrap()
    }

    async fn create(&self, topic: &str) {
        let topic = NewTopic::new(topic, PARTITIONS, TopicReplication::Fixed(1));
        let created = self.admin().create_topics([&topic], &AdminOptions::new()).await;
        created.unwrap().remove(0).unwrap();
    }

    async fn produce(&self, producer: &FutureProducer, topic: &str, values: std::ops::Range<i32>) {
        let sent: Vec<_> = values
            .map(|value| {
                let record = FutureRecord::<(), String>::to(topic).partition(value % PARTITIONS);
                let text = value.to_string();
                let header = Header {
                    key: "value",
                    value: Some(&text),
                };
                let headers = OwnedHeaders::new().insert(header);
                producer
                    .send_result(record.headers(headers).payload(&text))
                    .unwrap()
            })
            .collect();
        for delivery in sent {
            delivery.await.unwrap().unwrap();
        }
    }

    fn producer(&self) -> FutureProducer {
        self.config(&[("enable.idempotence", "true"), ("compression.type", "lz4")])
            .create()
            .unwrap()
    }

    fn member(&self, group: &str, topic: &str) -> BaseConsumer {
        let member: BaseConsumer = self
            .config(&[
                ("group.id", group),
                ("auto.offset.reset", "earliest"),
                ("enable.auto.commit", "false"),
                ("isolation.level", "read_committed"),
                ("partition.assignment.strategy", "cooperative-sticky"),
                ("session.timeout.ms", "6000"),
                ("heartbeat.interval.ms", "200"),
            ])
            .create()
            .unwrap();
        member.subscribe(&[topic]).unwrap();
        member
    }

    async fn groups(&self) {
        let topic = "rdkafka-groups";
        self.create(topic).await;
        let producer = self.producer();
        self.produce(&producer, topic, 0..40).await;
        let first = self.member(topic, topic);
        read(&[&first], 0..40);
        let second = self.member(topic, topic);
        let both = [&first, &second];
        share(&both, 2);
        self.produce(&producer, topic, 40..60).await;
        read(&both, 40..60);
        let listed = first.fetch_group_list(Some(topic), WAIT).unwrap();
        assert_eq!(listed.groups()[0].members().len(), 2);
        drop(first);
        share(&[&second], 4);
        self.produce(&producer, topic, 60..80).await;
        read(&[&second], 60..80);
        assert_eq!(committed(&second), [Some(20); 4]);
        drop(second);
        let options = AdminOptions::new();
        self.admin()
            .delete_groups(&[topic], &options)
            .await
            .unwrap()
            .remove(0)
            .unwrap();
        let settings = [ResourceSpecifier::Topic(topic)];
        let described = self
            .admin()
            .describe_configs(&settings, &options)
            .await
            .unwrap()
            .remove(0)
            .unwrap();
        assert!(described.get("retention.ms").is_some(), "{described:?}");
        self.admin()
            .delete_topics(&[topic], &options)
            .await
            .unwrap()
            .remove(0)
            .unwrap();
    }

    /// What is read is written elsewhere, with the offsets, in a transaction; every other one is taken back.
    async fn transactions(&self) {
        let (from, to) = ("rdkafka-from", "rdkafka-to");
        self.create(from).await;
        self.create(to).await;
        self.produce(&self.producer(), from, 0..40).await;
        let producer: FutureProducer = self.config(&[("transactional.id", "rdkafka")]).create().unwrap();
        producer.init_transactions(WAIT).unwrap();
        let member = self.member("rdkafka-move", from);
        let values = numbers(&[&member], 40);
        for commits in [false, true] {
            producer.begin_transaction().unwrap();
            self.produce(&producer, to, 0..i32::try_from(values.len()).unwrap())
                .await;
            let group = member.group_metadata().unwrap();
            let places = member.position().unwrap();
            producer
                .send_offsets_to_transaction(&places, &group, WAIT)
                .unwrap();
            if commits {
                producer.commit_transaction(WAIT).unwrap();
            } else {
                producer.abort_transaction(WAIT).unwrap();
            }
        }
        assert_eq!(committed(&member), [Some(10); 4]);
        read(&[&self.member("rdkafka-check", to)], 0..40);
    }
}

/// Wait until each has so many partitions; nothing is there to be read.
fn share(members: &[&BaseConsumer], count: usize) {
    until("a share for each", || {
        for member in members {
            assert!(
                member.poll(Duration::from_millis(20)).is_none(),
                "nothing was written"
            );
        }
        members
            .iter()
            .all(|member| member.assignment().unwrap().count() == count)
    });
}

/// So many values by all members together.
fn numbers(members: &[&BaseConsumer], count: usize) -> BTreeSet<i32> {
    let mut found = BTreeSet::new();
    until("values", || {
        for member in members {
            let Some(message) = member.poll(Duration::from_millis(20)) else {
                continue;
            };
            let message = message.unwrap();
            let text = std::str::from_utf8(message.payload().unwrap()).unwrap();
            assert_eq!(message.headers().unwrap().get(0).value, Some(text.as_bytes()));
            assert!(found.insert(text.parse().unwrap()), "{text} was read twice");
        }
        found.len() >= count
    });
    found
}

/// These values by all members together, committed.
fn read(members: &[&BaseConsumer], values: std::ops::Range<i32>) {
    let found = numbers(members, values.len());
    assert_eq!(found, values.collect());
    for member in members {
        member.commit_consumer_state(CommitMode::Sync).unwrap_or(());
    }
}

/// How far the group has read. The list itself must be gone before its member is: librdkafka waits for it.
fn committed(member: &BaseConsumer) -> Vec<Option<i64>> {
    let places = member.committed(WAIT).unwrap();
    places
        .elements()
        .iter()
        .map(|place| place.offset().to_raw())
        .collect()
}

fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let end = Instant::now() + WAIT;
    while !holds() {
        assert!(Instant::now() < end, "{what} within {WAIT:?}");
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let bootstrap = std::env::args().nth(1).unwrap();
    let annals = Annals { bootstrap };
    annals.groups().await;
    annals.transactions().await;
    let (_, library) = rdkafka::util::get_rdkafka_version();
    println!(
        "client rdkafka 0.39.0 (librdkafka {library}) | groups, transactions | idempotent, cooperative-sticky, \
         take-over, offsets in transactions, administration"
    );
}
