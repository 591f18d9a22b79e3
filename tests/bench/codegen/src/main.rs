//! The order event, by generated code and by others: nanoseconds of the thread's own time, medians, and ratios.
//!
//! Every encoder of Avro gives the same bytes. The others' types have plain fields (text for the uuid, a number for the
//! time, bytes for the decimals), which is less work than ours do. Samples are interleaved, so that what else the machine
//! does is in all of them.

mod peers;

use std::hint::black_box;

use annals_schema_model::avro::{Datum, Exact, Plan, Schema, Timestamp, Uuid, Walk, wire::Writer};
use annals_schema_model::{self as model, SchemaId};
use rustix::time::{ClockId, clock_gettime};

/// Generated from `schemas/`.
#[allow(missing_docs, dead_code)]
pub mod events {
    include!(concat!(env!("OUT_DIR"), "/events.rs"));
}

use events::shop::{Address, Channel, LineItem, OrderPlaced, v1};

const EVENTS: usize = 256;
const SAMPLES: usize = 25;
const SAMPLE_NANOS: u64 = 8_000_000;

fn thread_nanos() -> u64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

/// A case: its name, and what is done with the event of a number.
struct Case<'a> {
    name: &'static str,
    run: Box<dyn FnMut(usize) + 'a>,
    samples: Vec<f64>,
    rounds: usize,
}

fn case<'a>(name: &'static str, run: impl FnMut(usize) + 'a) -> Case<'a> {
    Case {
        name,
        run: Box::new(run),
        samples: Vec::new(),
        rounds: 1,
    }
}

impl Case<'_> {
    fn time(&mut self) -> u64 {
        let start = thread_nanos();
        for _ in 0..self.rounds {
            (0..EVENTS).for_each(&mut self.run);
        }
        thread_nanos() - start
    }

    fn warm_up(&mut self) {
        while self.time() < SAMPLE_NANOS {
            self.rounds *= 2;
        }
    }

    fn sample(&mut self) {
        let nanos = self.time();
        self.samples.push(nanos as f64 / (self.rounds * EVENTS) as f64);
    }

    fn median(&mut self) -> f64 {
        self.samples.sort_by(f64::total_cmp);
        self.samples[self.samples.len() / 2]
    }
}

/// A line for each case: nanoseconds, and how many times as fast as each of the others the first one is.
fn compare(title: &str, mut cases: Vec<Case<'_>>) {
    let wanted: Vec<String> = std::env::args().skip(1).collect();
    if wanted.first().is_some_and(|wanted| !title.contains(wanted.as_str())) {
        return;
    }
    if let Some(wanted) = wanted.get(1) {
        cases.retain(|case| case.name == wanted);
    }
    cases.iter_mut().for_each(Case::warm_up);
    for _ in 0..SAMPLES {
        cases.iter_mut().for_each(Case::sample);
    }
    let ours = cases[0].median();
    println!("\n{title}");
    for case in &mut cases {
        let (name, median) = (case.name, case.median());
        println!("  {name:<44}{median:>8.0} ns{:>8.2} x", median / ours);
    }
}

fn order(number: u64) -> OrderPlaced {
    let mix = |salt: u64| {
        number
            .wrapping_mul(0x9e37_79b9_7f4a_7c15)
            .rotate_left(salt as u32)
            >> 8
    };
    let cents = |salt: u64| Exact::from_unscaled(i128::from(mix(salt) % 1_000_000)).unwrap_or_default();
    let item = |salt: u64| LineItem {
        sku: format!("SKU-{:06}", mix(salt) % 1_000_000),
        title: format!("Espresso cup no {}", mix(salt) % 100),
        quantity: (mix(salt) % 9) as i32 + 1,
        price: cents(salt),
    };
    OrderPlaced {
        event_id: Uuid::from_u128(u128::from(mix(3)) << 64 | u128::from(mix(7))),
        order_id: format!("{}", 990_000 + number),
        customer_id: (mix(5) % 10_000_000) as i64,
        sequence: (mix(6) % 100_000) as i64,
        placed_at: Timestamp::from_millis(1_780_000_000_000 + (mix(9) % 10_000_000_000) as i64),
        channel: Channel::ALL[number as usize % 4],
        currency: "EUR".to_owned(),
        total: cents(11),
        coupon: number.is_multiple_of(2).then(|| format!("SPRING{}", number % 50)),
        deliver_to: Address {
            street: format!("Lindenstraße {}", number % 200),
            postal_code: format!("{:05}", mix(13) % 100_000),
            city: "Hamburg".to_owned(),
            country: "DE".to_owned(),
        },
        items: (1..4).map(|salt| item(salt * 5)).collect(),
    }
}

fn older(order: &OrderPlaced) -> v1::OrderPlaced {
    v1::OrderPlaced {
        event_id: order.event_id,
        order_id: order.order_id.clone(),
        customer_id: order.customer_id,
        sequence: order.sequence as i32,
        campaign: "autumn".to_owned(),
        placed_at: order.placed_at,
        channel: v1::Channel::ALL[order.channel as usize],
        currency: order.currency.clone(),
        total: order.total.clone(),
        deliver_to: v1::Address {
            street: order.deliver_to.street.clone(),
            postal_code: order.deliver_to.postal_code.clone(),
            city: order.deliver_to.city.clone(),
            country: order.deliver_to.country.clone(),
        },
        items: order
            .items
            .iter()
            .map(|item| v1::LineItem {
                sku: item.sku.clone(),
                title: item.title.clone(),
                quantity: item.quantity,
                price: item.price.clone(),
            })
            .collect(),
    }
}

/// The events, and what everybody makes of them.
struct Corpus {
    orders: Vec<OrderPlaced>,
    bodies: Vec<Vec<u8>>,
    old_bodies: Vec<Vec<u8>>,
    peers: Vec<peers::Order>,
    messages: Vec<peers::Message>,
    proto: Vec<Vec<u8>>,
    apache: peers::Apache,
    fast: peers::Fast,
}

impl Corpus {
    fn new() -> Corpus {
        let orders: Vec<OrderPlaced> = (0..EVENTS as u64).map(order).collect();
        let messages: Vec<peers::Message> = orders.iter().map(peers::Message::from).collect();
        Corpus {
            bodies: orders.iter().map(OrderPlaced::encode).collect(),
            old_bodies: orders.iter().map(|order| older(order).encode()).collect(),
            peers: orders.iter().map(peers::Order::from).collect(),
            proto: messages.iter().map(prost::Message::encode_to_vec).collect(),
            apache: peers::Apache::new(OrderPlaced::SCHEMA, v1::OrderPlaced::SCHEMA),
            fast: peers::Fast::new(OrderPlaced::SCHEMA),
            messages,
            orders,
        }
    }

    /// Everybody writes and reads the same.
    fn check(&self, old: &model::Writer) {
        for (body, order) in self.bodies.iter().zip(&self.peers) {
            assert_eq!(&self.apache.encode(order, Vec::new()), body, "apache-avro");
            assert_eq!(&self.fast.encode(order, Vec::new()), body, "serde_avro_fast");
            assert_eq!(&self.apache.decode(body), order, "apache-avro");
            assert_eq!(&self.fast.decode(body), order, "serde_avro_fast");
        }
        for (order, body) in self.orders.iter().zip(&self.old_bodies) {
            let read = OrderPlaced::reader().decode_from::<OrderPlaced>(old, body);
            let wanted = OrderPlaced {
                coupon: None,
                ..order.clone()
            };
            assert_eq!(read, Ok(wanted), "an older writer");
        }
    }
}

fn schema(text: &str) -> Schema {
    Schema::parse(text, &[]).expect("it was generated from")
}

fn writer(text: &str, id: u32) -> model::Writer {
    model::Writer {
        id: SchemaId::new(id).expect("an id"),
        schema: model::Schema::Avro(schema(text)),
        fingerprint: [0; 32],
    }
}

fn encode(corpus: &Corpus) {
    let Corpus {
        orders,
        peers,
        messages,
        apache,
        fast,
        ..
    } = corpus;
    let (mut ours, mut apaches, mut fasts, mut prosts) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    compare(
        "encode, reused buffer",
        vec![
            case("generated", |n| {
                ours.clear();
                let mut to = Writer::append_to(std::mem::take(&mut ours));
                orders[n].write(&mut to);
                ours = black_box(to.into_bytes());
            }),
            case("apache-avro serde", |n| {
                apaches.clear();
                apaches = black_box(apache.encode(&peers[n], std::mem::take(&mut apaches)));
            }),
            case("serde_avro_fast", |n| {
                fasts.clear();
                fasts = black_box(fast.encode(&peers[n], std::mem::take(&mut fasts)));
            }),
            case("prost", |n| {
                prosts.clear();
                prost::Message::encode(black_box(&messages[n]), &mut prosts).expect("there is room");
            }),
        ],
    );
    compare(
        "encode, new buffer",
        vec![
            case("generated", |n| drop(black_box(orders[n].encode()))),
            case("apache-avro serde", |n| {
                drop(black_box(apache.encode(&peers[n], Vec::new())))
            }),
            case("serde_avro_fast", |n| {
                drop(black_box(fast.encode(&peers[n], Vec::new())))
            }),
            case("prost", |n| {
                drop(black_box(prost::Message::encode_to_vec(&messages[n])))
            }),
        ],
    );
}

fn decode(corpus: &Corpus, same: &model::Writer, old: &model::Writer) {
    let Corpus {
        bodies,
        old_bodies,
        proto,
        apache,
        fast,
        ..
    } = corpus;
    let reader = OrderPlaced::reader();
    compare(
        "decode owned, same writer",
        vec![
            case("generated", |n| drop(black_box(OrderPlaced::decode(&bodies[n])))),
            case("generated, writer asked for by id", |n| {
                drop(black_box(reader.decode_from::<OrderPlaced>(same, &bodies[n])));
            }),
            case("apache-avro serde", |n| {
                drop(black_box(apache.decode(&bodies[n])))
            }),
            case("serde_avro_fast", |n| drop(black_box(fast.decode(&bodies[n])))),
            case("prost", |n| {
                drop(black_box(<peers::Message as prost::Message>::decode(&*proto[n])));
            }),
        ],
    );
    compare(
        "decode owned, older writer (promotion, default, removed field)",
        vec![
            case("generated", |n| {
                drop(black_box(reader.decode_from::<OrderPlaced>(old, &old_bodies[n])));
            }),
            case("apache-avro, Value with a reader schema", |n| {
                drop(black_box(apache.resolve(&old_bodies[n])));
            }),
            case("generated, same writer", |n| {
                drop(black_box(OrderPlaced::decode(&bodies[n])))
            }),
        ],
    );
    let walk = Walk::new(&schema(OrderPlaced::SCHEMA));
    compare(
        "validate without building",
        vec![
            case("walk", |n| drop(black_box(walk.check(&bodies[n])))),
            case("apache-avro, Value", |n| {
                drop(black_box(apache.value(&bodies[n])))
            }),
        ],
    );
}

fn main() {
    let corpus = Corpus::new();
    let (same, old) = (writer(OrderPlaced::SCHEMA, 1), writer(v1::OrderPlaced::SCHEMA, 2));
    corpus.check(&old);
    let mean = |bodies: &[Vec<u8>]| bodies.iter().map(Vec::len).sum::<usize>() / EVENTS;
    println!(
        "an order event of {} bytes ({} as Protobuf), {SAMPLES} samples, medians",
        mean(&corpus.bodies),
        mean(&corpus.proto)
    );
    encode(&corpus);
    decode(&corpus, &same, &old);
    let (v1, v2) = (schema(v1::OrderPlaced::SCHEMA), schema(OrderPlaced::SCHEMA));
    compare(
        "a plan for a writer",
        vec![case("resolve", |_| drop(black_box(Plan::lenient(&v1, &v2))))],
    );
}
