//! Typed events through rdkafka: `typed BOOTSTRAP REGISTRY` writes one and reads the topic.

use annals_registry_client::Client as Registry;
use annals_schema_model::{Seen, Timestamp};
use events::{OrdersEvent, shop::orders::OrderConfirmed};
use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::Message;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};

mod events {
    include!(concat!(env!("OUT_DIR"), "/events.rs"));
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args: Vec<String> = std::env::args().collect();
    let registry = Registry::builder(&args[2]).auto_register().build();
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", &args[1]).set("group.id", "typed");
    config.set("auto.offset.reset", "earliest");

    let event = OrdersEvent::from(OrderConfirmed {
        order_id: "990001".to_owned(),
        confirmed_at: Timestamp::from_millis(1_767_600_000_000),
    });
    let value = event.to_record(&registry)?;
    let producer: BaseProducer = config.create()?;
    let record = BaseRecord::to(OrdersEvent::TOPIC).key("990001").payload(&value);
    producer.send(record).map_err(|(error, _)| error)?;
    producer.flush(std::time::Duration::from_secs(30))?;
    let consumer: BaseConsumer = config.create()?;
    consumer.subscribe(&[OrdersEvent::TOPIC])?;
    let message = consumer.iter().next().ok_or("the consumer ended")??;
    match OrdersEvent::from_record(message.payload().unwrap_or_default(), &registry)? {
        Seen::Known(read) if read == event => Ok(println!("client rdkafka 0.39.0, typed | {read:?}")),
        other => Err(format!("{other:?}").into()),
    }
}
