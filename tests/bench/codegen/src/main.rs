//! The order event, by generated code and by others: nanoseconds of the thread's own time, medians, and ratios.
//!
//! Every encoder of Avro gives the same bytes. The others' types have plain fields (text for the uuid, a number for the
//! time, bytes for the decimals), which is less work than ours do. Samples are interleaved, so that what else the machine
//! does is in all of them.

/// Printed by the build script, drawn from here.
#[allow(dead_code)]
mod corpus;
mod draw;
mod java;
mod measure;
mod peers;
mod second;

use std::cell::RefCell;
use std::hint::black_box;

use annals_schema_model::avro::{Datum, Exact, Plan, Schema, Timestamp, Uuid, Walk, wire::Writer};
use annals_schema_model::{self as model, SchemaId};
use java::Java;
use measure::compare;

/// Generated from `schemas/`.
#[allow(missing_docs, dead_code)]
pub mod events {
    include!(concat!(env!("OUT_DIR"), "/events.rs"));
}

use events::shop::{Address, Channel, LineItem, OrderPlaced, OrderPlacedRef, v1};

const EVENTS: usize = 256;
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
        channel: order.channel,
        currency: order.currency.clone(),
        total: order.total.clone(),
        deliver_to: order.deliver_to.clone(),
        items: order.items.clone(),
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
            bodies: orders
                .iter()
                .map(|order| order.encode().expect("of the schema"))
                .collect(),
            old_bodies: orders
                .iter()
                .map(|order| older(order).encode().expect("of the schema"))
                .collect(),
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
            let borrowed = OrderPlacedRef::decode(body).map(OrderPlaced::from);
            assert_eq!(borrowed, OrderPlaced::decode(body), "borrowed");
            assert_eq!(&self.fast.decode::<peers::Order>(body), order, "serde_avro_fast");
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

/// Avro Java's SpecificRecord, with its fast reader.
fn beside<'a>(java: Option<&'a RefCell<Java>>, what: &'static str) -> Option<measure::Case<'a>> {
    let java = java?;
    Some(measure::sampled("Avro Java, SpecificRecord", move || {
        java.borrow_mut().sample(what)
    }))
}

/// A case of each event.
fn case<'a>(name: &'static str, run: impl FnMut(usize) + 'a) -> measure::Case<'a> {
    measure::case(name, EVENTS, run)
}

fn schema(text: &str) -> Schema {
    Schema::parse(text, &[]).expect("it was generated from")
}

fn writer(text: &str, id: u32) -> model::Writer {
    model::Writer::new(SchemaId::new(id).expect("an id"), model::Schema::Avro(schema(text)))
}

fn encode(corpus: &Corpus, java: Option<&RefCell<Java>>) {
    let Corpus {
        orders,
        peers,
        messages,
        apache,
        fast,
        ..
    } = corpus;
    let (mut ours, mut apaches, mut fasts, mut prosts) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    compare("encode, reused buffer", || {
        let mut cases = vec![
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
        ];
        cases.extend(beside(java, "encode"));
        cases
    });
    compare("encode, new buffer", || {
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
        ]
    });
}

fn decode(corpus: &Corpus, java: Option<&RefCell<Java>>, same: &model::Writer, old: &model::Writer) {
    let Corpus {
        bodies,
        old_bodies,
        proto,
        apache,
        fast,
        ..
    } = corpus;
    let reader = OrderPlaced::reader();
    compare("decode owned, same writer", || {
        let mut cases = vec![
            case("generated", |n| drop(black_box(OrderPlaced::decode(&bodies[n])))),
            case("generated, writer asked for by id", |n| {
                drop(black_box(reader.decode_from::<OrderPlaced>(same, &bodies[n])));
            }),
            case("apache-avro serde", |n| {
                drop(black_box(apache.decode(&bodies[n])))
            }),
            case("serde_avro_fast", |n| {
                drop(black_box(fast.decode::<peers::Order>(&bodies[n])));
            }),
            case("prost", |n| {
                drop(black_box(<peers::Message as prost::Message>::decode(&*proto[n])));
            }),
        ];
        cases.extend(beside(java, "decode"));
        cases
    });
    compare("decode borrowed, same writer", || {
        vec![
            case("generated", |n| {
                drop(black_box(OrderPlacedRef::decode(&bodies[n])))
            }),
            case("generated, older writer", |n| {
                drop(black_box(OrderPlacedRef::decode_from(old, &old_bodies[n])));
            }),
            case("apache-avro serde, owned", |n| {
                drop(black_box(apache.decode(&bodies[n])))
            }),
            case("serde_avro_fast, borrowed", |n| {
                drop(black_box(fast.decode::<peers::OrderRef<'_>>(&bodies[n])));
            }),
        ]
    });
    compare(
        "decode owned, older writer (promotion, default, removed field)",
        || {
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
            ]
        },
    );
    let walk = Walk::new(&schema(OrderPlaced::SCHEMA));
    compare("validate without building", || {
        vec![
            case("walk", |n| drop(black_box(walk.check(&bodies[n])))),
            case("apache-avro, Value", |n| {
                drop(black_box(apache.value(&bodies[n])))
            }),
        ]
    });
}

fn main() {
    let corpus = Corpus::new();
    let (same, old) = (writer(OrderPlaced::SCHEMA, 1), writer(v1::OrderPlaced::SCHEMA, 2));
    corpus.check(&old);
    let mean = |bodies: &[Vec<u8>]| bodies.iter().map(Vec::len).sum::<usize>() / EVENTS;
    println!(
        "an order event of {} bytes ({} as Protobuf), medians",
        mean(&corpus.bodies),
        mean(&corpus.proto)
    );
    let java = Java::start(&corpus.bodies).map(RefCell::new);
    encode(&corpus, java.as_ref());
    decode(&corpus, java.as_ref(), &same, &old);
    let (v1, v2) = (schema(v1::OrderPlaced::SCHEMA), schema(OrderPlaced::SCHEMA));
    compare("a plan for a writer", || {
        vec![case("resolve", |_| drop(black_box(Plan::lenient(&v1, &v2))))]
    });
    second::table();
}
