//! What has become of an order, as a fold over the events of topic `orders`.
//!
//! Invariant: `folds/order.yaml` says the same, rule for rule, and gives the same canonical JSON. The fold believes its
//! events: it does not refuse a refund larger than the payment, it makes it visible.

use annals_event_store::{At, Fold, Halt, canonical};
use annals_schema_model::{Decimal, Timestamp};
use serde::Serialize;

use crate::events::OrdersEvent;
use crate::events::shop::orders as schema;

/// No money, at the scale of all amounts.
const NOTHING: Decimal = Decimal::new(0, 2);

/// How far an order is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// The customer placed it.
    Placed,
    /// The shop will fulfil it.
    Confirmed,
    /// At least its total was paid.
    Paid,
    /// At least what was paid was given back.
    Refunded,
    /// It will not be fulfilled.
    Cancelled,
}

/// The state of an order.
#[derive(Clone, Debug, Serialize)]
pub struct Order {
    /// Its id, the key of its records.
    pub order_id: String,
    /// Who ordered.
    pub customer_id: String,
    /// How it reached the shop.
    pub channel: &'static str,
    /// How far it is.
    pub status: Status,
    /// What was ordered.
    pub items: Vec<Item>,
    /// Sum of all item prices.
    #[serde(with = "canonical::decimal")]
    pub total: Decimal,
    /// What was paid so far.
    #[serde(with = "canonical::decimal")]
    pub paid: Decimal,
    /// What was given back so far.
    #[serde(with = "canonical::decimal")]
    pub refunded: Decimal,
    /// ISO 4217 code of all amounts.
    pub currency: String,
    /// Where it goes.
    pub address: Address,
    /// How often the address was changed.
    pub address_changes: u32,
    /// Text for the card, when the order is a gift.
    pub gift_note: Option<String>,
    /// Payment reminders sent.
    pub reminders: u32,
    /// How often an item was not on its shelf.
    pub out_of_stock: u32,
    /// When the customer placed it.
    #[serde(with = "canonical::timestamp")]
    pub placed_at: Timestamp,
    /// When the shop confirmed it.
    #[serde(with = "canonical::timestamp_option")]
    pub confirmed_at: Option<Timestamp>,
    /// When the last payment arrived.
    #[serde(with = "canonical::timestamp_option")]
    pub paid_at: Option<Timestamp>,
    /// Why it was cancelled.
    pub cancel_reason: Option<String>,
    /// When the log took its latest event.
    #[serde(with = "canonical::timestamp")]
    pub last_changed: Timestamp,
    /// Who caused its latest event.
    pub last_actor: Option<String>,
}

/// An item of an order. What an event tells of an item the order never had is kept as well.
#[derive(Clone, Debug, Serialize)]
pub struct Item {
    /// Its id.
    pub item_id: String,
    /// What it is, and what it costs and weighs.
    #[serde(flatten)]
    pub product: Option<Product>,
    /// Where it is: `picked`, `out_of_stock` or `reordered`; nothing before the first word from the warehouse.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<&'static str>,
}

/// What was said of an item when it was ordered.
#[derive(Clone, Debug, Serialize)]
pub struct Product {
    /// What it is.
    pub product: String,
    /// Its price.
    #[serde(with = "canonical::decimal")]
    pub price: Decimal,
    /// Its weight in grams.
    pub weight_grams: i64,
}

/// Where parcels go.
#[derive(Clone, Debug, Serialize)]
pub struct Address {
    /// Street and house number.
    pub street: String,
    /// Postal code.
    pub postal_code: String,
    /// City or town.
    pub city: String,
    /// ISO 3166-1 alpha-2 code.
    pub country: String,
}

impl From<schema::Address> for Address {
    fn from(address: schema::Address) -> Address {
        let schema::Address {
            street,
            postal_code,
            city,
            country,
        } = address;
        Address {
            street,
            postal_code,
            city,
            country,
        }
    }
}

impl From<schema::OrderItem> for Item {
    fn from(item: schema::OrderItem) -> Item {
        let schema::OrderItem {
            item_id,
            product,
            price,
            weight_grams,
        } = item;
        Item {
            item_id,
            product: Some(Product {
                product,
                price: price.get(),
                weight_grams,
            }),
            status: None,
        }
    }
}

/// The fold.
#[derive(Debug)]
pub struct OrderFold;

impl Fold for OrderFold {
    const NAME: &'static str = "order";
    const REV: u32 = 1;
    type State = Order;
    type Event = OrdersEvent;

    fn begin(event: OrdersEvent, at: &At<'_>) -> Result<Order, Halt> {
        let OrdersEvent::OrderPlaced(placed) = event else {
            return Err(Halt::new(format!(
                "an order begins with OrderPlaced, not with {}",
                event.name()
            )));
        };
        Ok(Order {
            order_id: placed.order_id,
            customer_id: placed.customer_id,
            channel: placed.channel.as_str(),
            status: Status::Placed,
            items: placed.items.into_iter().map(Item::from).collect(),
            total: placed.total.get(),
            paid: NOTHING,
            refunded: NOTHING,
            currency: placed.currency,
            address: placed.deliver_to.into(),
            address_changes: 0,
            gift_note: placed.gift_note,
            reminders: 0,
            out_of_stock: 0,
            placed_at: placed.placed_at,
            confirmed_at: None,
            paid_at: None,
            cancel_reason: None,
            last_changed: at.recorded(),
            last_actor: at.actor().map(str::to_owned),
        })
    }

    fn evolve(order: &mut Order, event: OrdersEvent, at: &At<'_>) -> Result<(), Halt> {
        let last_changed = at.recorded();
        match event {
            OrdersEvent::OrderPlaced(_) => return Err(Halt::new("the order is placed a second time")),
            OrdersEvent::OrderConfirmed(confirmed) => {
                // Most have paid by then.
                if order.status == Status::Placed {
                    order.status = Status::Confirmed;
                }
                order.confirmed_at = Some(confirmed.confirmed_at);
            }
            OrdersEvent::ItemPicked(picked) => order.note(picked.item_id, "picked"),
            OrdersEvent::ItemOutOfStock(missing) => {
                order.note(missing.item_id, "out_of_stock");
                order.out_of_stock += 1;
            }
            OrdersEvent::ItemReordered(reordered) => order.note(reordered.item_id, "reordered"),
            OrdersEvent::PaymentReminderSent(_) => order.reminders += 1,
            OrdersEvent::OrderPaid(payment) => {
                order.paid = sum(&order.paid, &payment.amount)?;
                order.paid_at = Some(payment.paid_at);
                if order.paid >= order.total {
                    order.status = Status::Paid;
                }
            }
            OrdersEvent::AddressChanged(changed) => {
                order.address = changed.address.into();
                order.address_changes += 1;
            }
            OrdersEvent::OrderRefunded(refund) => {
                order.refunded = sum(&order.refunded, &refund.amount)?;
                if order.refunded >= order.paid {
                    order.status = Status::Refunded;
                }
            }
            OrdersEvent::OrderCancelled(cancelled) => {
                order.status = Status::Cancelled;
                order.cancel_reason = Some(cancelled.reason);
            }
        }
        order.last_changed = last_changed;
        order.last_actor = at.actor().map(str::to_owned);
        Ok(())
    }
}

impl Order {
    /// Sets the status of an item.
    fn note(&mut self, item_id: String, status: &'static str) {
        match self.items.iter_mut().find(|item| item.item_id == item_id) {
            Some(item) => item.status = Some(status),
            None => self.items.push(Item {
                item_id,
                product: None,
                status: Some(status),
            }),
        }
    }
}

fn sum(a: &Decimal, b: &Decimal) -> Result<Decimal, Halt> {
    a.checked_add(b)
        .ok_or_else(|| Halt::new(format!("the sum of {a} and {b} has too many digits")))
}

#[cfg(test)]
mod tests;
