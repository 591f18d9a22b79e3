//! `annals topic list | create | describe | alter | delete`: over the Kafka protocol, so they work against any broker.

use std::collections::BTreeMap;

use annals_kafka_client::{Client, Isolation, Setting};
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::super::Global;
use super::super::exit::{Exit, Failure};
use super::super::output::{self, Format};
use super::place::Bounds;
use super::{confirm, key_value, topic_named, with_client};

/// Whose time records have: Kafka's name of the setting.
const TIMESTAMP_TYPE: &str = "message.timestamp.type";

#[derive(Debug, Subcommand)]
pub(crate) enum Topic {
    /// The topics of the broker
    #[command(after_help = "Example:\n  annals topic list -o json")]
    List {
        /// The broker's own topics too
        #[arg(long)]
        all: bool,
    },
    /// Create a topic, whose records have the log's own time unless told otherwise
    ///
    /// A time that its producer gives is only as right as the producer. Where that time is wanted, as for records that
    /// are written long after they happened, say --config message.timestamp.type=CreateTime.
    #[command(
        after_help = "Example:\n  annals topic create orders --partitions 3 --config annals.value.guard=full"
    )]
    Create {
        name: String,
        #[arg(long, default_value_t = 1)]
        partitions: i32,
        /// A topic setting; may be given several times
        #[arg(long = "config", value_name = "KEY=VALUE", value_parser = key_value)]
        configs: Vec<(String, String)>,
    },
    /// A topic's partitions, with what they hold, and its settings
    #[command(after_help = "Examples:
  annals topic describe orders
  annals topic describe orders --all       every setting, with its default")]
    Describe {
        name: String,
        /// Settings that have their default too
        #[arg(long)]
        all: bool,
    },
    /// Change a topic's settings, or give it more partitions
    Alter(Alter),
    /// Delete a topic with all its records; asks first
    #[command(after_help = "Example:\n  annals topic delete orders --yes")]
    Delete {
        name: String,
        /// Do it without asking
        #[arg(long, short)]
        yes: bool,
    },
}

/// `annals topic alter orders --set retention.ms=86400000`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  annals topic alter orders --set retention.ms=86400000 --unset max.message.bytes
  annals topic alter orders --partitions 6

Partitions become more, never fewer; keys may go to other partitions from then on.")]
pub(crate) struct Alter {
    name: String,
    /// Give a setting a value; may be given several times
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = key_value)]
    set: Vec<(String, String)>,
    /// Give a setting its default back; may be given several times
    #[arg(long = "unset", value_name = "KEY")]
    unset: Vec<String>,
    /// How many partitions it is to have
    #[arg(long, value_name = "N")]
    partitions: Option<i32>,
}

impl Topic {
    pub(crate) fn run(self, global: &Global) -> Result<Exit, Failure> {
        with_client(global, async |mut client| match self {
            Self::List { all } => list(client, global, all).await,
            Self::Create {
                name,
                partitions,
                configs,
            } => {
                let mut config: BTreeMap<_, _> = configs.into_iter().collect();
                config
                    .entry(TIMESTAMP_TYPE.to_owned())
                    .or_insert_with(|| "LogAppendTime".to_owned());
                create(client, global, &name, partitions, config).await
            }
            Self::Describe { name, all } => describe(client, global, &name, all).await,
            Self::Alter(alter) => alter.run(client, global).await,
            Self::Delete { name, yes } => delete(&mut client, global, &name, yes).await,
        })
    }
}

async fn list(mut client: Client, global: &Global, all: bool) -> Result<Exit, Failure> {
    let topics = client.topics().await?.into_iter();
    let topics: Vec<_> = topics.filter(|topic| all || !topic.is_internal).collect();
    if global.output == Format::Json {
        let topics: Vec<_> = topics
            .iter()
            .map(|t| json!({"name": t.name, "partitions": t.partitions, "internal": t.is_internal}))
            .collect();
        output::json(&json!(topics))?;
    } else {
        let rows = topics
            .iter()
            .map(|t| vec![t.name.clone(), t.partitions.to_string()]);
        output::table(&["TOPIC", "PARTITIONS"], rows)?;
    }
    Ok(Exit::Done)
}

async fn create(
    mut client: Client,
    global: &Global,
    name: &str,
    partitions: i32,
    config: BTreeMap<String, String>,
) -> Result<Exit, Failure> {
    client
        .create_topic(name, partitions, &config)
        .await
        .map_err(|e| Failure::new(Exit::Failed, format!("topic {name} was not created: {e}")))?;
    if global.output == Format::Json {
        output::json(&json!({"name": name, "partitions": partitions, "config": config}))?;
    } else {
        output::line(&format!("created topic {name} with {partitions} partition(s)"))?;
    }
    Ok(Exit::Done)
}

async fn describe(mut client: Client, global: &Global, name: &str, all: bool) -> Result<Exit, Failure> {
    let topic = topic_named(&mut client, name).await?;
    let bounds = bounds(&mut client, name, topic.partitions).await?;
    let settings: Vec<Setting> = client.topic_settings(name).await?;
    let shown = settings.iter().filter(|setting| all || setting.source == "topic");
    let ends = |partition: &i32| bounds.end.get(partition).copied().unwrap_or(0);
    if global.output == Format::Json {
        let partitions: Vec<Value> = bounds
            .start
            .iter()
            .map(|(n, start)| json!({"partition": n, "start": start, "end": ends(n)}))
            .collect();
        let settings: Vec<Value> = shown
            .map(|s| json!({"name": s.name, "value": s.value, "source": s.source}))
            .collect();
        output::json(&json!({
            "name": name, "id": topic.id, "internal": topic.is_internal,
            "partitions": partitions, "settings": settings,
        }))?;
        return Ok(Exit::Done);
    }
    output::line(&format!(
        "{name}, {} partition(s), id {}\n",
        topic.partitions, topic.id
    ))?;
    let rows = bounds.start.iter().map(|(n, start)| {
        vec![
            n.to_string(),
            start.to_string(),
            ends(n).to_string(),
            (ends(n) - start).to_string(),
        ]
    });
    output::table(&["PARTITION", "START", "END", "OFFSETS"], rows)?;
    let rows: Vec<Vec<String>> = shown
        .map(|s| {
            let value = s.value.clone().unwrap_or_else(|| "-".to_owned());
            vec![s.name.clone(), value, s.source.to_owned()]
        })
        .collect();
    match rows.is_empty() {
        true => output::line("\nevery setting has its default; --all shows them")?,
        false => {
            output::line("")?;
            output::table(&["SETTING", "VALUE", "FROM"], rows)?;
        }
    }
    Ok(Exit::Done)
}

impl Alter {
    async fn run(self, mut client: Client, global: &Global) -> Result<Exit, Failure> {
        let Alter {
            name,
            set,
            unset,
            partitions,
        } = self;
        if set.is_empty() && unset.is_empty() && partitions.is_none() {
            return Err(Failure::new(Exit::Usage, "there is nothing to change")
                .help("--set KEY=VALUE, --unset KEY or --partitions N says what"));
        }
        topic_named(&mut client, &name).await?;
        let refused = |e: annals_kafka_client::ClientError| {
            Failure::new(Exit::Failed, format!("topic {name} was not altered: {e}"))
                .help("`annals topic describe --all` shows the settings there are")
        };
        let changes: Vec<(String, Option<String>)> = set
            .iter()
            .map(|(key, value)| (key.clone(), Some(value.clone())))
            .chain(unset.iter().map(|key| (key.clone(), None)))
            .collect();
        if !changes.is_empty() {
            client.alter_topic(&name, &changes).await.map_err(refused)?;
        }
        if let Some(partitions) = partitions {
            client.grow_topic(&name, partitions).await.map_err(refused)?;
        }
        if global.output == Format::Json {
            let set: BTreeMap<_, _> = set.into_iter().collect();
            output::json(&json!({"name": name, "set": set, "unset": unset, "partitions": partitions}))?;
        } else {
            output::line(&format!("altered topic {name}"))?;
        }
        Ok(Exit::Done)
    }
}

async fn delete(client: &mut Client, global: &Global, name: &str, yes: bool) -> Result<Exit, Failure> {
    let topic = topic_named(client, name).await?;
    let bounds = bounds(client, name, topic.partitions).await?;
    let records: i64 = bounds.end.values().sum::<i64>() - bounds.start.values().sum::<i64>();
    let (partitions, records) = (topic.partitions, records.max(0));
    confirm(
        &format!("Delete topic {name} with {partitions} partition(s) and up to {records} record(s)?"),
        yes,
    )?;
    client
        .delete_topic(name)
        .await
        .map_err(|e| Failure::new(Exit::Failed, format!("topic {name} was not deleted: {e}")))?;
    if global.output == Format::Json {
        output::json(&json!({"name": name, "partitions": partitions, "records_max": records}))?;
    } else {
        output::line(&format!("deleted topic {name}"))?;
    }
    Ok(Exit::Done)
}

async fn bounds(client: &mut Client, topic: &str, partitions: i32) -> Result<Bounds, Failure> {
    let partitions: Vec<i32> = (0..partitions).collect();
    Bounds::of(client, topic, &partitions, Isolation::Uncommitted).await
}
