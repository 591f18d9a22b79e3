//! The same events in `cqrs-es` on PostgreSQL, as its users keep them: JSON in its table of events, folded by its `apply`. Only
//! the head can be asked for there.

use std::collections::HashMap;
use std::io::Write as _;
use std::path::Path;

use annals_kafka_wire::batch::batches;
use annals_schema_model::avro::Reading;
use annals_schema_model::{Opened, Schema, Value};
use cqrs_es::persist::PersistedEventStore;
use cqrs_es::{Aggregate, AggregateContext, DomainEvent, EventStore};
use postgres::{Client, NoTls};
use postgres_es::{PostgresEventRepository, default_postgress_pool};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::Fault;
use crate::corpus::{self, Corpus, Known};
use crate::measure::Samples;
use crate::registry::Registry;
use crate::rng::Rng;

/// What the events say, as far as the state rests on it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum Event {
    OrderPlaced(Placed),
    OrderConfirmed { confirmed_at: String },
    ItemPicked { item_id: String },
    ItemOutOfStock { item_id: String },
    ItemReordered { item_id: String },
    PaymentReminderSent {},
    OrderPaid { amount: String, paid_at: String },
    AddressChanged { address: serde_json::Value },
    OrderRefunded { amount: String },
    OrderCancelled { reason: String },
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Placed {
    order_id: String,
    customer_id: String,
    channel: String,
    items: Vec<Item>,
    total: String,
    currency: String,
    deliver_to: serde_json::Value,
    gift_note: Option<String>,
    placed_at: String,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Item {
    item_id: String,
    product: Option<String>,
    price: Option<String>,
    weight_grams: Option<i64>,
    status: Option<String>,
}

impl DomainEvent for Event {
    fn event_type(&self) -> String {
        String::new()
    }

    fn event_version(&self) -> String {
        "1.0".to_owned()
    }
}

#[derive(Default, Serialize, Deserialize)]
struct Order {
    placed: Option<Placed>,
    status: String,
    paid_cents: i64,
    refunded_cents: i64,
    address: serde_json::Value,
    address_changes: u32,
    reminders: u32,
    out_of_stock: u32,
    confirmed_at: Option<String>,
    paid_at: Option<String>,
    cancel_reason: Option<String>,
}

fn cents(amount: &str) -> i64 {
    amount.replace('.', "").parse().unwrap_or(0)
}

impl Order {
    fn note(&mut self, item_id: String, status: &str) {
        let Some(placed) = &mut self.placed else { return };
        let status = Some(status.to_owned());
        match placed.items.iter_mut().find(|item| item.item_id == item_id) {
            Some(item) => item.status = status,
            None => placed.items.push(Item {
                item_id,
                status,
                ..Item::default()
            }),
        }
    }
}

impl Aggregate for Order {
    const TYPE: &'static str = "order";
    type Command = ();
    type Event = Event;
    type Error = std::fmt::Error;
    type Services = ();

    async fn handle(
        &mut self,
        (): (),
        (): &(),
        _: &cqrs_es::event_sink::EventSink<Self>,
    ) -> Result<(), std::fmt::Error> {
        Ok(())
    }

    fn apply(&mut self, event: Event) {
        match event {
            Event::OrderPlaced(placed) => {
                self.address = placed.deliver_to.clone();
                self.status = "placed".to_owned();
                self.placed = Some(placed);
            }
            Event::OrderConfirmed { confirmed_at } => {
                if self.status == "placed" {
                    self.status = "confirmed".to_owned();
                }
                self.confirmed_at = Some(confirmed_at);
            }
            Event::ItemPicked { item_id } => self.note(item_id, "picked"),
            Event::ItemOutOfStock { item_id } => {
                self.note(item_id, "out_of_stock");
                self.out_of_stock += 1;
            }
            Event::ItemReordered { item_id } => self.note(item_id, "reordered"),
            Event::PaymentReminderSent {} => self.reminders += 1,
            Event::OrderPaid { amount, paid_at } => {
                self.paid_cents += cents(&amount);
                self.paid_at = Some(paid_at);
                let total = self.placed.as_ref().map_or(0, |placed| cents(&placed.total));
                if self.paid_cents >= total {
                    self.status = "paid".to_owned();
                }
            }
            Event::AddressChanged { address } => {
                self.address = address;
                self.address_changes += 1;
            }
            Event::OrderRefunded { amount } => {
                self.refunded_cents += cents(&amount);
                if self.refunded_cents >= self.paid_cents {
                    self.status = "refunded".to_owned();
                }
            }
            Event::OrderCancelled { reason } => {
                self.status = "cancelled".to_owned();
                self.cancel_reason = Some(reason);
            }
        }
    }
}

/// Fills its table with the log, and loads aggregates.
pub fn run(data: &Path, url: &str) -> Result<(), Fault> {
    let corpus = corpus::read(data)?;
    fill(&mut Client::connect(url, NoTls)?, data)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let pool = runtime.block_on(default_postgress_pool(url));
    let store: PersistedEventStore<PostgresEventRepository, Order> =
        PersistedEventStore::new_event_store(PostgresEventRepository::new(pool));
    let latency = |task: &str, some: &[Known], count: usize| -> Result<(), Fault> {
        let (mut rng, mut samples) = (Rng::new(11), Samples::default());
        for round in 0..count + count / 10 {
            let known = &some[rng.below(some.len() as u64) as usize];
            let load = || -> Result<(), Fault> {
                let mut loaded = runtime.block_on(store.load_aggregate(&known.id))?;
                serde_json::to_value(loaded.aggregate())?;
                Ok(())
            };
            if round < count / 10 {
                load()?;
            } else {
                samples.take(load)?;
            }
        }
        samples.print(&format!("cqrs-es: {task} (CPU: the client's)"), (f64::NAN, f64::NAN));
        Ok(())
    };
    let Corpus { tens, thousands, giants, .. } = &corpus;
    latency("10 events, at the head", tens, 5_000)?;
    latency("1,000 events", thousands, 100)?;
    latency("100,000 events", giants, 5)
}

fn fill(client: &mut Client, data: &Path) -> Result<(), Fault> {
    client.batch_execute(
        "drop table if exists events; create table events (aggregate_type text not null, aggregate_id text not null, \
         sequence bigint check (sequence >= 0) not null, event_type text not null, event_version text not null, \
         payload json not null, metadata json not null)",
    )?;
    let registry = Registry::new()?;
    let (log, source) = corpus::open(data)?;
    let [partition] = &source.partitions[..] else {
        return Err("one partition".into());
    };
    let (mut readings, mut versions) = (HashMap::new(), HashMap::<Vec<u8>, i64>::new());
    let mut writer = client.copy_in("copy events from stdin")?;
    let (mut offset, end) = (0, partition.log_end_offset());
    while offset < end {
        for batch in batches(&partition.read(offset, 1 << 20)?) {
            let batch = batch?;
            for record in batch.records(partition.decompressed_bytes_max())? {
                let record = record?;
                let (key, value) = (record.key.unwrap_or_default(), record.value.unwrap_or_default());
                let opened = Opened::new(None, &value, &registry)?;
                let Schema::Avro(schema) = &opened.writer.schema else {
                    return Err("not Avro".into());
                };
                let id = opened.writer.id;
                let reading = readings.entry(id).or_insert_with(|| Reading::of(schema));
                let event = reading.read(&opened.body)?;
                let Value::Record { name, .. } = &event else {
                    return Err("no record".into());
                };
                let kind = name.rsplit('.').next().unwrap_or_default().to_owned();
                let payload = json!({ &kind: event.to_json() });
                let version = versions.entry(key.to_vec()).or_default();
                *version += 1;
                let key = std::str::from_utf8(&key)?;
                // A backslash and what parts columns and rows are written otherwise in a text of COPY.
                let payload = payload.to_string().replace('\\', "\\\\");
                writeln!(writer, "order\t{key}\t{version}\t{kind}\t1.0\t{payload}\t{{}}")?;
            }
            offset = batch.last_offset() + 1;
        }
    }
    writer.finish()?;
    client.batch_execute("alter table events add primary key (aggregate_type, aggregate_id, sequence)")?;
    client.batch_execute("vacuum analyze events")?;
    Ok(log.close()?)
}
