//! What an order's event is, by its revision: placed, paid, confirmed, and then what happens to items, addresses and money.
//!
//! Invariant: the fold takes every one of them, and a state stays small however long its story is.

use annals_examples::events::OrdersEvent;
use annals_examples::events::shop::orders::{
    Address, AddressChanged, BankTransfer, CardPayment, Channel, ItemOutOfStock, ItemPicked, ItemReordered,
    OrderConfirmed, OrderItem, OrderPaid, OrderPaidMethod, OrderPlaced, PaymentReminderSent,
};
use annals_schema_model::Timestamp;
use annals_schema_model::avro::{Exact, Uuid};

use crate::rng::Rng;
use crate::shape::{Moment, id};

const PRODUCTS: [&str; 6] = [
    "Reading light",
    "Tablet stand",
    "Notebook sleeve",
    "Wireless headphones",
    "Mechanical keyboard",
    "USB-C hub",
];
const STREETS: [&str; 4] = ["Lindenstraße", "Rue des Lilas", "Via Garibaldi", "Station Road"];
const CITIES: [&str; 4] = ["Leipzig", "Lyon", "Torino", "Cork"];

/// An event, who caused it, and when it happened.
pub struct Told {
    pub event: OrdersEvent,
    pub actor: &'static str,
    pub business_time: Timestamp,
}

fn items(aggregate: u32) -> u32 {
    1 + aggregate % 4
}

/// The event of an aggregate with this revision.
pub fn event(moment: &Moment, revision: u32, rng: &mut Rng) -> Told {
    let business_time = Timestamp::from_millis(moment.ms - 20 - rng.below(5_000) as i64);
    let (order_id, at) = (id(moment.aggregate), business_time);
    let item_id = format!("{order_id}-{}", 1 + rng.below(u64::from(items(moment.aggregate))));
    let (event, actor) = match (revision, rng.below(100)) {
        (0, _) => (placed(moment, rng, at), "web"),
        (1, _) => (paid(order_id, rng, at), "psp"),
        (2, _) => (
            OrderConfirmed {
                order_id,
                confirmed_at: at,
            }
            .into(),
            "shop",
        ),
        (_, 0..55) => (
            ItemPicked {
                order_id,
                item_id,
                picked_at: at,
            }
            .into(),
            "warehouse-2",
        ),
        (_, 55..68) => (
            ItemOutOfStock {
                order_id,
                item_id,
                noticed_at: at,
            }
            .into(),
            "warehouse-1",
        ),
        (_, 68..80) => (reordered(order_id, item_id, rng, at), "purchasing"),
        (_, 80..90) => (
            PaymentReminderSent {
                order_id,
                reminder_number: 1,
                sent_at: at,
            }
            .into(),
            "dunning",
        ),
        (_, 90..95) => (
            AddressChanged {
                order_id,
                address: address(rng),
                reason: None,
                changed_at: at,
            }
            .into(),
            "jane",
        ),
        _ => (paid(order_id, rng, at), "psp"),
    };
    Told {
        event,
        actor,
        business_time,
    }
}

fn placed(moment: &Moment, rng: &mut Rng, at: Timestamp) -> OrdersEvent {
    let order_id = id(moment.aggregate);
    let item = |number: u32, rng: &mut Rng| OrderItem {
        item_id: format!("{order_id}-{number}"),
        product: rng.pick(&PRODUCTS).to_owned(),
        price: cents(1_000 + rng.below(60_000)),
        weight_grams: 50 + rng.below(3_000) as i64,
    };
    let event = OrderPlaced {
        customer_id: format!("c-{:06}", rng.below(200_000)),
        placed_at: at,
        items: (1..=items(moment.aggregate))
            .map(|number| item(number, rng))
            .collect(),
        total: cents(1_000 + rng.below(100_000)),
        currency: "EUR".to_owned(),
        deliver_to: address(rng),
        channel: Channel::Web,
        gift_note: None,
        order_id,
    };
    event.into()
}

fn paid(order_id: String, rng: &mut Rng, at: Timestamp) -> OrdersEvent {
    let method = if rng.below(10) < 7 {
        OrderPaidMethod::CardPayment(CardPayment {
            scheme: "visa".to_owned(),
            last_digits: format!("{:04}", rng.below(10_000)),
        })
    } else {
        OrderPaidMethod::BankTransfer(BankTransfer {
            reference: format!("ORDER {order_id}"),
        })
    };
    let event = OrderPaid {
        order_id,
        payment_id: Uuid::from_u128(u128::from(rng.next()) << 64 | u128::from(rng.next())),
        amount: cents(rng.below(50_000)),
        currency: "EUR".to_owned(),
        method,
        paid_at: at,
    };
    event.into()
}

fn reordered(order_id: String, item_id: String, rng: &mut Rng, at: Timestamp) -> OrdersEvent {
    let event = ItemReordered {
        order_id,
        item_id,
        supplier: (rng.below(10) < 7).then(|| "Nordlicht GmbH".to_owned()),
        reordered_at: at,
    };
    event.into()
}

fn address(rng: &mut Rng) -> Address {
    Address {
        street: format!("{} {}", rng.pick(&STREETS), 1 + rng.below(120)),
        postal_code: format!("{:05}", rng.below(100_000)),
        city: rng.pick(&CITIES).to_owned(),
        country: "DE".to_owned(),
    }
}

fn cents(cents: u64) -> Exact<12, 2> {
    Exact::from_unscaled(i128::from(cents)).unwrap_or_default()
}
