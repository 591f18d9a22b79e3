//! A broker to try real clients against: `cargo run --example serve -- DIR [HOST:PORT]`.
//!
//! Topics created with `example.json=on` take only values that are JSON, to show a guard at work. Ctrl-C stops.

use std::sync::Arc;

use annals_broker::{
    Advertised, Broker, BrokerConfig, Caller, CannotJudge, Guard, GuardSetting, Refusal, Standing, Topic,
};
use annals_kafka_wire::batch::Record;
use tokio::net::TcpListener;

/// Lets in values that are JSON.
struct Json;

impl Guard for Json {
    fn admits(&self, topic: &Topic) -> bool {
        topic.config.get("example.json").is_some_and(|mode| mode == "on")
    }

    fn judge(
        &self,
        _: &Topic,
        _: &Caller,
        records: &mut dyn Iterator<Item = Record>,
    ) -> Result<Vec<Refusal>, CannotJudge> {
        let judge = |record: Record| {
            let value = record.value.as_ref()?;
            let error = serde_json::from_slice::<serde_json::Value>(value).err()?;
            let sentence = format!("the value is not JSON: {error}");
            Some(Refusal::new(record.index, "NOT_JSON", sentence))
        };
        Ok(records.filter_map(judge).collect())
    }

    fn settings(&self) -> &'static [GuardSetting] {
        &[GuardSetting {
            name: "example.json",
            standing: Standing::Own {
                default: "off",
                is_list: false,
            },
            means: |value| ["on", "off"].into_iter().find(|word| *word == value),
            wants: "on or off",
            meaning: "Whether values must be JSON.",
        }]
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let filter = tracing_subscriber::EnvFilter::try_from_default_env().unwrap_or_else(|_| "info".into());
    tracing_subscriber::fmt().with_env_filter(filter).init();
    let mut args = std::env::args().skip(1);
    let dir = args.next().ok_or("give a data directory")?;
    let addr = args.next().unwrap_or_else(|| "127.0.0.1:9092".to_owned());
    let broker = Broker::open(dir.as_ref(), BrokerConfig::default(), Arc::new(Json))?;
    let listener = TcpListener::bind(&addr).await?;
    println!("serving Kafka clients on {}", listener.local_addr()?);
    let stop = async { tokio::signal::ctrl_c().await.unwrap_or(()) };
    broker.serve(listener, Advertised::default(), stop).await?;
    Ok(broker.close()?)
}
