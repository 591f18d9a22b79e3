//! `--demo`: the example company's history, played through the front doors.
//!
//! Schemas are registered by REST and events produced by the Kafka protocol, as any client would; nothing is written
//! behind the server's back. The schema that evolves is registered in its new version when the history reaches it.
//! It is played once: topics that hold records are left as they are.

use std::collections::BTreeMap;
use std::collections::HashMap;
use std::path::Path;

use annals_broker::Broker;
use annals_examples::company::{self, DemoRecord};
use annals_kafka_client::{Client, NewRecord, Producer};
use annals_registry_client::Client as Registry;
use annals_schema_model::{SchemaId, envelope};
use anyhow::{Context as _, bail};

/// The history is the same on every machine.
const SEED: u64 = 2026;
/// Topic and partitions.
const TOPICS: [(&str, i32); 2] = [("orders", 3), ("packages", 2)];

/// The example's folds, by file name.
const FOLDS: [(&str, &str); 2] = [
    ("order.yaml", annals_examples::ORDER_FOLD),
    ("package.yaml", annals_examples::PACKAGE_FOLD),
];

/// What became of `--demo`.
pub enum Played {
    /// It was played now.
    Now {
        /// Orders placed.
        orders: usize,
        /// Events of all topics.
        events: usize,
    },
    /// It is there from an earlier start.
    Before {
        /// Events of all topics.
        events: usize,
    },
    /// The topics hold something else, or half of it.
    Elsewise {
        /// Records there are.
        found: usize,
        /// Records the demo has.
        wanted: usize,
    },
}

/// Play the history to the server at these addresses, unless it has been.
///
/// # Errors
/// When a schema or an event is refused, which is a bug here, or the server goes away.
pub async fn play(broker: &Broker, kafka: &str, http: &str, folds: &Path) -> anyhow::Result<Played> {
    let history: Vec<DemoRecord> = company::history(SEED).collect();
    let found = records(broker);
    if found == history.len() {
        write_folds(folds)?;
        return Ok(Played::Before { events: found });
    }
    if found > 0 {
        return Ok(Played::Elsewise {
            found,
            wanted: history.len(),
        });
    }
    let mut client = Client::connect(kafka).await?;
    // The history is told long after it happened: its times are the company's, not the log's.
    let config = BTreeMap::from([("message.timestamp.type".to_owned(), "CreateTime".to_owned())]);
    for (topic, partitions) in TOPICS {
        if broker.topic(topic).is_none() {
            client.create_topic(topic, partitions, &config).await?;
        }
    }
    let mut player = Player {
        registry: Registry::new(http),
        ids: HashMap::new(),
        producer: Producer::new(client, Default::default()).await?,
    };
    let events = history.len();
    let orders = player.play(history).await?;
    // Last, because a fold cannot be loaded before the schemas it names are registered.
    write_folds(folds)?;
    Ok(Played::Now { orders, events })
}

fn records(broker: &Broker) -> usize {
    let topics = TOPICS.iter().filter_map(|(name, _)| broker.topic(name));
    let ends = topics.flat_map(|t| {
        t.partitions
            .iter()
            .map(|p| p.high_watermark())
            .collect::<Vec<_>>()
    });
    usize::try_from(ends.sum::<i64>()).unwrap_or(usize::MAX)
}

/// The example's folds, unless files of these names are there.
fn write_folds(folder: &Path) -> anyhow::Result<()> {
    std::fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    for (name, text) in FOLDS {
        let path = folder.join(name);
        if !path.exists() {
            std::fs::write(&path, text).with_context(|| path.display().to_string())?;
        }
    }
    Ok(())
}

struct Player {
    registry: Registry,
    /// What has been registered so far, by subject and version.
    ids: HashMap<(String, u32), SchemaId>,
    producer: Producer,
}

impl Player {
    async fn play(&mut self, history: Vec<DemoRecord>) -> anyhow::Result<usize> {
        let mut orders = 0;
        for record in history {
            orders += usize::from(record.record_name.ends_with(".OrderPlaced"));
            let id = self.schema_id(&record).await?;
            let mut value = Vec::with_capacity(5 + record.body.len());
            envelope::write(id, &mut value);
            value.extend_from_slice(&record.body);
            let headers = record
                .headers
                .into_iter()
                .map(|(name, text)| (name.to_owned(), text.into()));
            let new = NewRecord {
                key: Some(record.partition_key.into()),
                value: Some(value.into()),
                headers: headers.collect(),
                timestamp_ms: record.timestamp_ms,
            };
            self.producer.send(record.topic, None, new).await?;
        }
        for delivery in self.producer.flush().await? {
            if let Err(refused) = delivery.outcome {
                bail!("a demo event of topic {} was refused: {refused}", delivery.topic);
            }
        }
        Ok(orders)
    }

    async fn schema_id(&mut self, record: &DemoRecord) -> anyhow::Result<SchemaId> {
        let key = (record.subject.to_owned(), record.schema_version);
        if let Some(id) = self.ids.get(&key) {
            return Ok(*id);
        }
        let listed = company::SCHEMAS
            .iter()
            .find(|listed| listed.subject == key.0 && listed.version == key.1)
            .with_context(|| format!("the example has no {} v{}", key.0, key.1))?;
        let registry = self.registry.clone();
        let registered = tokio::task::spawn_blocking(move || {
            registry.register(listed.subject, listed.schema_type, listed.text, &[])
        });
        let id = registered.await?;
        let id = id.with_context(|| format!("{} v{} cannot be registered", key.0, key.1))?;
        self.ids.insert(key, id);
        Ok(id)
    }
}
