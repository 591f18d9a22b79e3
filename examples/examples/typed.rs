//! Typed events through the bundled client: `typed BOOTSTRAP REGISTRY` writes one and reads the topic.

use annals_examples::events::{OrdersEvent, shop::orders::OrderConfirmed};
use annals_kafka_client::{Client, NewRecord, Producer};
use annals_registry_client::Client as Registry;
use annals_schema_model::{Seen, Timestamp};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args: Vec<String> = std::env::args().collect();
    let (bootstrap, topic) = (&args[1], OrdersEvent::TOPIC);
    // It blocks when it meets a schema for the first time, and not again.
    let registry = Registry::builder(&args[2]).auto_register().build();

    let event = OrdersEvent::from(OrderConfirmed {
        order_id: "990001".to_owned(),
        confirmed_at: Timestamp::from_millis(1_767_600_000_000),
    });
    let record = NewRecord {
        key: Some("990001".into()),
        value: Some(event.to_record(&registry)?.into()),
        ..NewRecord::default()
    };
    let mut client = Client::connect(bootstrap).await?;
    client.create_topic(topic, 1, &Default::default()).await?;
    let mut producer = Producer::new(client, Default::default()).await?;
    producer.send(topic, None, record).await?;
    producer.flush().await?;

    let mut client = Client::connect(bootstrap).await?;
    let fetched = client.fetch(topic, 0, 0, std::time::Duration::ZERO).await?;
    for value in fetched.records.iter().filter_map(|record| record.value.as_ref()) {
        match OrdersEvent::from_record(value, &registry)? {
            Seen::Known(OrdersEvent::OrderConfirmed(event)) => println!("{} is confirmed", event.order_id),
            other => println!("{other:?}"),
        }
    }
    Ok(())
}
