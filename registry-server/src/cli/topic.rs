//! `annals topic list | create`: over the Kafka protocol, so they work against any broker.

use std::collections::BTreeMap;

use annals_kafka_client::Client;
use clap::Subcommand;
use serde_json::json;

use super::Global;
use super::exit::{Exit, Failure};
use super::output::{self, Format};

/// Whose time records have: Kafka's name of the setting.
const TIMESTAMP_TYPE: &str = "message.timestamp.type";

#[derive(Debug, Subcommand)]
pub(crate) enum Topic {
    /// The topics of the broker
    #[command(after_help = "Example:\n  annals topic list -o json")]
    List,
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
}

fn key_value(text: &str) -> Result<(String, String), String> {
    let (key, value) = text
        .split_once('=')
        .ok_or("expected KEY=VALUE, such as annals.value.guard=full")?;
    Ok((key.trim().to_owned(), value.trim().to_owned()))
}

impl Topic {
    pub(crate) fn run(self, global: &Global) -> Result<Exit, Failure> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        runtime.block_on(async {
            let client = Client::connect(&global.brokers).await.map_err(|e| {
                Failure::new(Exit::Failed, format!("no broker at {}: {e}", global.brokers))
                    .help("is `annals serve` running? --brokers names another address")
            })?;
            match self {
                Self::List => list(client, global).await,
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
            }
        })
    }
}

async fn list(mut client: Client, global: &Global) -> Result<Exit, Failure> {
    let topics = client
        .topics()
        .await
        .map_err(|e| Failure::new(Exit::Failed, e.to_string()))?;
    if global.output == Format::Json {
        let topics: Vec<_> = topics
            .iter()
            .map(|t| json!({"name": t.name, "partitions": t.partitions}))
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
