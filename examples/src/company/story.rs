//! The story of one order: what happens to it between the click and the last reminder.
//!
//! Invariant: causes come before their effects, and no story repeats what [`super::mistake`] is about: an address
//! changes at most once, and never more is given back than was paid.

use crate::events::OrdersEvent;
use crate::events::shop::orders::{
    Address, AddressChanged, BankTransfer, CardPayment, Channel, ItemOutOfStock, ItemPicked, ItemReordered,
    OrderCancelled, OrderConfirmed, OrderItem, OrderPaid, OrderPaidMethod, OrderPlaced, OrderRefunded,
    PaymentReminderSent, RefundReason,
};

use super::record::{DemoRecord, Stamp, cents, money, order, placed_without_channel, time};
use super::rng::Rng;
use super::{CHANNELS_SINCE_MS, catalogue};

pub(super) const SECOND: i64 = 1_000;
pub(super) const MINUTE: i64 = 60 * SECOND;
pub(super) const HOUR: i64 = 60 * MINUTE;
pub(super) const DAY: i64 = 24 * HOUR;

/// An item that waits to be packed.
#[derive(Clone, Debug)]
pub(super) struct Picked {
    pub(super) order_id: String,
    pub(super) item_id: String,
    pub(super) weight_grams: i64,
    pub(super) picked_ms: i64,
}

/// What is known of an order from the start.
pub(super) struct Placed<'a> {
    pub(super) order_id: String,
    pub(super) customer_id: &'a str,
    pub(super) placed_ms: i64,
    pub(super) items: Vec<OrderItem>,
    pub(super) address: &'a Address,
}

/// Writes down what happens to one order.
pub(super) struct Story<'a> {
    order_id: String,
    records: &'a mut Vec<DemoRecord>,
}

impl<'a> Story<'a> {
    /// Begins with the order being placed. Before the shop knew channels, the channel is only known as the actor.
    pub(super) fn begin(
        placed: &Placed<'_>,
        (channel, actor): (Channel, &str),
        gift_note: Option<String>,
        records: &'a mut Vec<DemoRecord>,
    ) -> Story<'a> {
        let at = placed.placed_ms;
        let event = OrderPlaced {
            order_id: placed.order_id.clone(),
            customer_id: placed.customer_id.to_owned(),
            placed_at: time(at),
            total: money(placed.items.iter().map(|item| cents(item.price.clone())).sum()),
            items: placed.items.clone(),
            currency: "EUR".to_owned(),
            deliver_to: placed.address.clone(),
            channel,
            gift_note,
        };
        let stamp = Stamp {
            actor,
            business_ms: at,
            recorded_ms: at + 120,
        };
        records.push(if at < CHANNELS_SINCE_MS {
            placed_without_channel(event, stamp)
        } else {
            order(&placed.order_id, event, stamp)
        });
        Story {
            order_id: placed.order_id.clone(),
            records,
        }
    }

    /// Goes on with an order placed before.
    pub(super) fn resume(placed: &Placed<'_>, records: &'a mut Vec<DemoRecord>) -> Story<'a> {
        Story {
            order_id: placed.order_id.clone(),
            records,
        }
    }

    /// Something happened, and the log heard of it some time later.
    pub(super) fn tell(&mut self, event: impl Into<OrdersEvent>, actor: &str, at: i64, late: i64) {
        let stamp = Stamp {
            actor,
            business_ms: at,
            recorded_ms: at + late,
        };
        self.records.push(order(&self.order_id, event, stamp));
    }

    pub(super) fn confirmed(&mut self, at: i64) {
        let event = OrderConfirmed {
            order_id: self.order_id.clone(),
            confirmed_at: time(at),
        };
        self.tell(event, "shop", at, 40);
    }

    pub(super) fn picked(&mut self, item: &OrderItem, actor: &str, at: i64, late: i64) -> Picked {
        let (order_id, item_id) = (self.order_id.clone(), item.item_id.clone());
        let event = ItemPicked {
            order_id: order_id.clone(),
            item_id: item_id.clone(),
            picked_at: time(at),
        };
        self.tell(event, actor, at, late);
        Picked {
            order_id,
            item_id,
            weight_grams: item.weight_grams,
            picked_ms: at + late,
        }
    }

    pub(super) fn paid(&mut self, rng: &mut Rng, amount: i64, by_card: bool, at: i64) {
        let method = if by_card {
            let scheme = rng.pick(&["visa", "mastercard"], "visa").to_owned();
            let last_digits = format!("{:04}", rng.range(0, 9_999));
            OrderPaidMethod::CardPayment(CardPayment { scheme, last_digits })
        } else {
            OrderPaidMethod::BankTransfer(BankTransfer {
                reference: format!("ORDER {}", self.order_id),
            })
        };
        let event = OrderPaid {
            order_id: self.order_id.clone(),
            payment_id: rng.uuid(),
            amount: money(amount),
            currency: "EUR".to_owned(),
            method,
            paid_at: time(at),
        };
        self.tell(event, "psp", at, rng.range(200, 3 * SECOND));
    }

    pub(super) fn address_changed(&mut self, address: &Address, reason: Option<&str>, actor: &str, at: i64) {
        let event = AddressChanged {
            order_id: self.order_id.clone(),
            address: address.clone(),
            reason: reason.map(str::to_owned),
            changed_at: time(at),
        };
        self.tell(event, actor, at, 2 * SECOND);
    }

    pub(super) fn refunded(
        &mut self,
        rng: &mut Rng,
        amount: i64,
        reason: RefundReason,
        actor: &str,
        at: i64,
        late: i64,
    ) {
        let event = OrderRefunded {
            order_id: self.order_id.clone(),
            refund_id: rng.uuid(),
            amount: money(amount),
            currency: "EUR".to_owned(),
            reason,
            refunded_at: time(at),
        };
        self.tell(event, actor, at, late);
    }

    /// An item that may be missing from its shelf, once or twice.
    fn fetched(&mut self, rng: &mut Rng, item: &OrderItem, from: i64) -> Picked {
        let mut at = from + rng.range(20 * MINUTE, 30 * HOUR);
        let mut percent = 15;
        while rng.percent(percent) {
            percent = 20;
            let (order_id, item_id) = (self.order_id.clone(), item.item_id.clone());
            let missing = ItemOutOfStock {
                order_id: order_id.clone(),
                item_id: item_id.clone(),
                noticed_at: time(at),
            };
            self.tell(
                missing,
                catalogue::warehouse(rng),
                at,
                rng.range(SECOND, 90 * SECOND),
            );
            at += rng.range(HOUR, 20 * HOUR);
            let supplier = catalogue::supplier(rng);
            let reordered = ItemReordered {
                order_id,
                item_id,
                supplier,
                reordered_at: time(at),
            };
            self.tell(reordered, "purchasing", at, rng.range(SECOND, 5 * MINUTE));
            at += rng.range(DAY, 6 * DAY);
        }
        let (actor, late) = (catalogue::warehouse(rng), rng.range(SECOND, 90 * SECOND));
        self.picked(item, actor, at, late)
    }

    /// Reminds until the customer pays, and answers when.
    fn reminded(&mut self, rng: &mut Rng, from: i64) -> i64 {
        let mut at = from;
        for reminder_number in 1..=3 {
            at += 10 * DAY + rng.range(0, 4 * HOUR);
            let order_id = self.order_id.clone();
            self.tell(
                PaymentReminderSent {
                    order_id,
                    reminder_number,
                    sent_at: time(at),
                },
                "dunning",
                at,
                500,
            );
            if rng.percent(60) {
                break;
            }
        }
        at + rng.range(6 * HOUR, 8 * DAY)
    }
}

/// Writes an order's whole story; answers what is to be packed, and where it goes in the end.
pub(super) fn write(
    rng: &mut Rng,
    placed: &Placed<'_>,
    records: &mut Vec<DemoRecord>,
) -> (Vec<Picked>, Address) {
    let origin = match rng.range(0, 9) {
        0..=5 => (Channel::Web, "web"),
        6..=8 => (Channel::App, "app"),
        _ => (Channel::Phone, catalogue::care(rng)),
    };
    let gift_note = catalogue::gift_note(rng);
    let total: i64 = placed.items.iter().map(|item| cents(item.price.clone())).sum();
    let mut story = Story::begin(placed, origin, gift_note, records);
    let mut address = placed.address.clone();

    let by_card = rng.percent(70);
    let mut paid_at = placed.placed_ms + rng.range(MINUTE, 20 * MINUTE);
    if by_card {
        story.paid(rng, total, true, paid_at);
    }
    let confirmed = placed.placed_ms + rng.range(30 * MINUTE, 6 * HOUR);
    story.confirmed(confirmed);
    if rng.percent(2) {
        cancel(rng, &mut story, confirmed, by_card.then_some(total));
        return (Vec::new(), address);
    }
    if rng.percent(4) {
        address = catalogue::address(rng);
        let by_customer = rng.percent(50);
        let actor = if by_customer { "web" } else { catalogue::care(rng) };
        let reason = (!by_customer).then_some("asked for by phone");
        story.address_changed(
            &address,
            reason,
            actor,
            confirmed + rng.range(5 * MINUTE, 15 * MINUTE),
        );
    }
    let picked: Vec<Picked> = placed
        .items
        .iter()
        .map(|item| story.fetched(rng, item, confirmed))
        .collect();
    if !by_card {
        paid_at = if rng.percent(45) {
            story.reminded(rng, confirmed)
        } else {
            placed.placed_ms + rng.range(DAY, 9 * DAY)
        };
        story.paid(rng, total, false, paid_at);
    }
    if rng.percent(3)
        && let (Some(item), Some(last)) = (
            placed.items.first(),
            picked.iter().map(|item| item.picked_ms).max(),
        )
    {
        let at = last.max(paid_at) + rng.range(7 * DAY, 20 * DAY);
        let (actor, late) = (catalogue::care(rng), rng.range(5 * SECOND, 4 * HOUR));
        story.refunded(
            rng,
            cents(item.price.clone()),
            RefundReason::Returned,
            actor,
            at,
            late,
        );
    }
    (picked, address)
}

/// The order is called off before anything is picked; what was paid goes back.
fn cancel(rng: &mut Rng, story: &mut Story<'_>, confirmed: i64, paid: Option<i64>) {
    let at = confirmed + rng.range(5 * MINUTE, 12 * HOUR);
    let actor = catalogue::care(rng);
    let reason = rng
        .pick(
            &["changed their mind", "ordered twice", "found it cheaper"],
            "changed their mind",
        )
        .to_owned();
    let order_id = story.order_id.clone();
    story.tell(
        OrderCancelled {
            order_id,
            reason,
            cancelled_at: time(at),
        },
        actor,
        at,
        3 * SECOND,
    );
    if let Some(amount) = paid {
        let refunded_at = at + rng.range(HOUR, 2 * DAY);
        let late = rng.range(5 * SECOND, 2 * MINUTE);
        story.refunded(rng, amount, RefundReason::Cancelled, actor, refunded_at, late);
    }
}
