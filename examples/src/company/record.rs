//! From events to records as a producer sends them.

use annals_schema_model::{Exact, Timestamp};

use crate::events::shop::orders::{OrderPlaced, v1};
use crate::events::{OrdersEvent, PackagesEvent};

/// A record before it has a schema id and an offset.
#[derive(Clone, Debug, PartialEq)]
pub struct DemoRecord {
    /// The topic.
    pub topic: &'static str,
    /// The record's key: the order's or the package's id.
    pub partition_key: String,
    /// Full name of the record or message.
    pub record_name: &'static str,
    /// The subject of the writer's schema.
    pub subject: &'static str,
    /// Its version there.
    pub schema_version: u32,
    /// The payload without magic byte and id; in Protobuf it begins with the message indexes.
    pub body: Vec<u8>,
    /// When the log took it, in milliseconds since the epoch.
    pub timestamp_ms: i64,
    /// `actor`, who caused it, and `business-time`, when it happened.
    pub headers: Vec<(&'static str, String)>,
}

/// Who, when in the business, and when in the log.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stamp<'a> {
    pub(super) actor: &'a str,
    pub(super) business_ms: i64,
    pub(super) recorded_ms: i64,
}

/// The record of an order's event.
pub(super) fn order(order_id: &str, event: impl Into<OrdersEvent>, stamp: Stamp<'_>) -> DemoRecord {
    let event = event.into();
    let origin = (OrdersEvent::TOPIC, event.name(), event.subject(), event.version());
    record(origin, order_id, event.body(), stamp)
}

/// The record of an order as it was written before there were channels.
pub(super) fn placed_without_channel(placed: OrderPlaced, stamp: Stamp<'_>) -> DemoRecord {
    let items = placed.items.into_iter().map(|item| v1::OrderItem {
        item_id: item.item_id,
        product: item.product,
        price: item.price,
        weight_grams: i32::try_from(item.weight_grams).unwrap_or(i32::MAX),
    });
    let old = v1::OrderPlaced {
        order_id: placed.order_id,
        customer_id: placed.customer_id,
        placed_at: placed.placed_at,
        items: items.collect(),
        total: placed.total,
        currency: placed.currency,
        ship_to: placed.deliver_to,
    };
    let origin = (
        OrdersEvent::TOPIC,
        v1::OrderPlaced::NAME,
        v1::OrderPlaced::SUBJECT,
        v1::OrderPlaced::VERSION,
    );
    record(origin, &old.order_id, old.encode(), stamp)
}

/// The record of a package's event.
pub(super) fn package(event: &PackagesEvent, stamp: Stamp<'_>) -> DemoRecord {
    let origin = (
        PackagesEvent::TOPIC,
        PackagesEvent::NAME,
        PackagesEvent::SUBJECT,
        PackagesEvent::VERSION,
    );
    record(origin, &event.message.package_id, event.body(), stamp)
}

fn record(
    (topic, record_name, subject, schema_version): (&'static str, &'static str, &'static str, u32),
    key: &str,
    body: Vec<u8>,
    stamp: Stamp<'_>,
) -> DemoRecord {
    DemoRecord {
        topic,
        partition_key: key.to_owned(),
        record_name,
        subject,
        schema_version,
        body,
        timestamp_ms: stamp.recorded_ms,
        headers: vec![
            ("actor", stamp.actor.to_owned()),
            ("business-time", time(stamp.business_ms).to_string()),
        ],
    }
}

/// A time of the history.
pub(super) fn time(ms: i64) -> Timestamp {
    Timestamp::from_millis(ms)
}

/// Cents as money; no price of the company comes near ten digits.
pub(super) fn money(cents: i64) -> Exact<12, 2> {
    Exact::from_unscaled(i128::from(cents)).unwrap_or_default()
}

/// Money as cents.
pub(super) fn cents(money: Exact<12, 2>) -> i64 {
    money
        .unscaled()
        .and_then(|cents| i64::try_from(cents).ok())
        .unwrap_or(i64::MAX)
}
