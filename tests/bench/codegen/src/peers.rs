//! The same event for the others.

use std::cell::RefCell;

use apache_avro::reader::datum::GenericDatumReader;
use apache_avro::types::Value;
use apache_avro::writer::datum::GenericDatumWriter;
use serde::{Deserialize, Serialize};
use serde_avro_fast::ser::SerializerConfig;
use serde_bytes::{ByteBuf, Bytes};

use crate::events::shop::{self, OrderPlaced};

/// The schema without logical types, which writes the same bytes.
fn plain(text: &str) -> String {
    let without = [
        r#", "logicalType": "uuid""#,
        r#", "logicalType": "timestamp-millis""#,
        r#", "logicalType": "decimal", "precision": 12, "scale": 2"#,
    ];
    without
        .iter()
        .fold(text.to_owned(), |text, property| text.replace(property, ""))
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename = "OrderPlaced")]
pub struct Order {
    event_id: String,
    order_id: String,
    customer_id: i64,
    sequence: i64,
    placed_at: i64,
    channel: Channel,
    currency: String,
    total: ByteBuf,
    coupon: Option<String>,
    deliver_to: Address,
    items: Vec<LineItem>,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
enum Channel {
    Web,
    App,
    Phone,
    Partner,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Address {
    street: String,
    postal_code: String,
    city: String,
    country: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct LineItem {
    sku: String,
    title: String,
    quantity: i32,
    price: ByteBuf,
}

impl From<&OrderPlaced> for Order {
    fn from(order: &OrderPlaced) -> Order {
        let order = order.clone();
        Order {
            event_id: order.event_id.to_string(),
            order_id: order.order_id,
            customer_id: order.customer_id,
            sequence: order.sequence,
            placed_at: order.placed_at.as_millis(),
            channel: match order.channel {
                shop::Channel::Web => Channel::Web,
                shop::Channel::App => Channel::App,
                shop::Channel::Phone => Channel::Phone,
                shop::Channel::Partner => Channel::Partner,
                shop::Channel::Unknown(symbol) => unreachable!("{symbol} is drawn by nobody"),
            },
            currency: order.currency,
            total: ByteBuf::from(order.total.to_be_bytes()),
            coupon: order.coupon,
            deliver_to: Address {
                street: order.deliver_to.street,
                postal_code: order.deliver_to.postal_code,
                city: order.deliver_to.city,
                country: order.deliver_to.country,
            },
            items: order
                .items
                .into_iter()
                .map(|item| LineItem {
                    price: ByteBuf::from(item.price.to_be_bytes()),
                    sku: item.sku,
                    title: item.title,
                    quantity: item.quantity,
                })
                .collect(),
        }
    }
}

/// The event with what it borrows from its bytes.
#[derive(Debug, PartialEq, Deserialize)]
pub struct OrderRef<'a> {
    event_id: &'a str,
    order_id: &'a str,
    customer_id: i64,
    sequence: i64,
    placed_at: i64,
    channel: Channel,
    currency: &'a str,
    #[serde(borrow)]
    total: &'a Bytes,
    coupon: Option<&'a str>,
    #[serde(borrow)]
    deliver_to: AddressRef<'a>,
    #[serde(borrow)]
    items: Vec<LineItemRef<'a>>,
}

#[derive(Debug, PartialEq, Deserialize)]
struct AddressRef<'a> {
    street: &'a str,
    postal_code: &'a str,
    city: &'a str,
    country: &'a str,
}

#[derive(Debug, PartialEq, Deserialize)]
struct LineItemRef<'a> {
    sku: &'a str,
    title: &'a str,
    quantity: i32,
    #[serde(borrow)]
    price: &'a Bytes,
}

/// The event as Protobuf has it.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Message {
    #[prost(string, tag = "1")]
    event_id: String,
    #[prost(string, tag = "2")]
    order_id: String,
    #[prost(int64, tag = "3")]
    customer_id: i64,
    #[prost(int64, tag = "4")]
    sequence: i64,
    #[prost(int64, tag = "5")]
    placed_at: i64,
    #[prost(int32, tag = "6")]
    channel: i32,
    #[prost(string, tag = "7")]
    currency: String,
    #[prost(int64, tag = "8")]
    total: i64,
    #[prost(string, optional, tag = "9")]
    coupon: Option<String>,
    #[prost(message, optional, tag = "10")]
    deliver_to: Option<AddressMessage>,
    #[prost(message, repeated, tag = "11")]
    items: Vec<LineItemMessage>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct AddressMessage {
    #[prost(string, tag = "1")]
    street: String,
    #[prost(string, tag = "2")]
    postal_code: String,
    #[prost(string, tag = "3")]
    city: String,
    #[prost(string, tag = "4")]
    country: String,
}

#[derive(Clone, PartialEq, prost::Message)]
struct LineItemMessage {
    #[prost(string, tag = "1")]
    sku: String,
    #[prost(string, tag = "2")]
    title: String,
    #[prost(int32, tag = "3")]
    quantity: i32,
    #[prost(int64, tag = "4")]
    price: i64,
}

impl From<&OrderPlaced> for Message {
    fn from(order: &OrderPlaced) -> Message {
        let cents = |decimal: &annals_schema_model::Decimal| decimal.unscaled().unwrap_or_default() as i64;
        let order = order.clone();
        Message {
            event_id: order.event_id.to_string(),
            order_id: order.order_id,
            customer_id: order.customer_id,
            sequence: order.sequence,
            placed_at: order.placed_at.as_millis(),
            channel: shop::Channel::ALL
                .iter()
                .position(|channel| *channel == order.channel)
                .map_or(-1, |index| index as i32),
            currency: order.currency,
            total: cents(&order.total),
            coupon: order.coupon,
            deliver_to: Some(AddressMessage {
                street: order.deliver_to.street,
                postal_code: order.deliver_to.postal_code,
                city: order.deliver_to.city,
                country: order.deliver_to.country,
            }),
            items: order
                .items
                .into_iter()
                .map(|item| LineItemMessage {
                    price: cents(&item.price),
                    sku: item.sku,
                    title: item.title,
                    quantity: item.quantity,
                })
                .collect(),
        }
    }
}

/// apache-avro, with everything prepared that can be.
pub struct Apache {
    writer: GenericDatumWriter<'static>,
    reader: GenericDatumReader<'static>,
    resolving: GenericDatumReader<'static>,
}

impl Apache {
    pub fn new(newest: &str, older: &str) -> Apache {
        let leaked = |text: &str| -> &'static apache_avro::Schema {
            let schema = apache_avro::Schema::parse_str(&plain(text)).expect("it is a schema");
            Box::leak(Box::new(schema))
        };
        let (newest, older) = (leaked(newest), leaked(older));
        Apache {
            writer: GenericDatumWriter::builder(newest).build().expect("it resolves"),
            reader: GenericDatumReader::builder(newest).build().expect("it resolves"),
            resolving: GenericDatumReader::builder(older)
                .reader_schema(newest)
                .build()
                .expect("it resolves"),
        }
    }

    pub fn encode(&self, order: &Order, mut buffer: Vec<u8>) -> Vec<u8> {
        self.writer
            .write_ser(&mut buffer, order)
            .expect("it is of the schema");
        buffer
    }

    pub fn decode(&self, mut body: &[u8]) -> Order {
        self.reader.read_deser(&mut body).expect("it is of the schema")
    }

    pub fn value(&self, mut body: &[u8]) -> Value {
        self.reader.read_value(&mut body).expect("it is of the schema")
    }

    pub fn resolve(&self, mut body: &[u8]) -> Value {
        self.resolving.read_value(&mut body).expect("it is of the schema")
    }
}

/// `serde_avro_fast`, likewise.
pub struct Fast {
    schema: &'static serde_avro_fast::Schema,
    config: RefCell<SerializerConfig<'static>>,
}

impl Fast {
    pub fn new(text: &str) -> Fast {
        let schema: serde_avro_fast::Schema = plain(text).parse().expect("it is a schema");
        let schema: &'static serde_avro_fast::Schema = Box::leak(Box::new(schema));
        Fast {
            schema,
            config: RefCell::new(SerializerConfig::new(schema)),
        }
    }

    pub fn encode<T: Serialize>(&self, value: &T, buffer: Vec<u8>) -> Vec<u8> {
        serde_avro_fast::to_datum(value, buffer, &mut self.config.borrow_mut()).expect("it is of the schema")
    }

    pub fn decode<'a, T: Deserialize<'a>>(&self, body: &'a [u8]) -> T {
        serde_avro_fast::from_datum_slice(body, self.schema).expect("it is of the schema")
    }
}
