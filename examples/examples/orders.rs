//! An order from its first event to the audit: `orders [FOLDER]` keeps its log in a folder, and nothing else runs.
//!
//! `docs/tutorial.md` explains it piece by piece.

use std::error::Error;
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use annals_event_store::testing::Given;
use annals_event_store::{
    AsOf, At, Cause, Decide, Decision, EventStore, Fold, Halt, HandleError, Listed, Repository, Source,
    canonical, typed,
};
use annals_examples::events::shop::orders::{
    Address, BankTransfer, Channel, OrderPaid, OrderPaidMethod, OrderPlaced, OrderRefunded, RefundReason,
};
use annals_examples::events::{OrdersEvent, SCHEMAS};
use annals_schema_model::{Decimal, Exact, Timestamp};
use annals_segment_log::{LogConfig, LogDir, PartitionConfig};
use serde::Serialize;
use uuid::Uuid;

/// Money as the schemas have it: twelve digits, two of them after the point.
type Money = Exact<12, 2>;

// What an order is.

/// The state of an order, as auditors see it.
#[derive(Debug, Serialize)]
struct Order {
    customer: String,
    #[serde(with = "canonical::decimal")]
    total: Decimal,
    #[serde(with = "canonical::decimal")]
    paid: Decimal,
    #[serde(with = "canonical::timestamp")]
    changed: Timestamp,
    changed_by: Option<String>,
}

struct OrderFold;

impl Fold for OrderFold {
    const NAME: &'static str = "order";
    const REV: u32 = 1;
    type State = Order;
    type Event = OrdersEvent;

    fn begin(event: OrdersEvent, at: &At<'_>) -> Result<Order, Halt> {
        let OrdersEvent::OrderPlaced(placed) = event else {
            return Err(Halt::new("an order begins by being placed"));
        };
        Ok(Order {
            customer: placed.customer_id,
            total: placed.total.get(),
            paid: Decimal::new(0, 2),
            changed: at.recorded(),
            changed_by: at.actor().map(str::to_owned),
        })
    }

    fn evolve(order: &mut Order, event: OrdersEvent, at: &At<'_>) -> Result<(), Halt> {
        match event {
            OrdersEvent::OrderPlaced(_) => return Err(Halt::new("the order is placed already")),
            OrdersEvent::OrderPaid(paid) => order.paid = sum(&order.paid, &paid.amount)?,
            OrdersEvent::OrderRefunded(refunded) => {
                let back = Decimal::new(0, 2).checked_sub(&refunded.amount);
                order.paid = sum(&order.paid, &back.ok_or_else(too_large)?)?;
            }
            // This fold knows them, and they change nothing that it tells.
            _ => {}
        }
        order.changed = at.recorded();
        order.changed_by = at.actor().map(str::to_owned);
        Ok(())
    }
}

fn sum(one: &Decimal, other: &Decimal) -> Result<Decimal, Halt> {
    one.checked_add(other).ok_or_else(too_large)
}

fn too_large() -> Halt {
    Halt::new("the amount has too many digits")
}

// What can be asked of it.

/// Why a command is not carried out.
#[derive(Debug, PartialEq, thiserror::Error)]
enum Rejected {
    #[error("there is no such order")]
    Missing,
    #[error("the order is placed already")]
    Placed,
    #[error("only {paid} was paid")]
    NotPaid { paid: Decimal },
    #[error(transparent)]
    Halt(#[from] Halt),
}

struct Place {
    order_id: String,
    customer: String,
    total: Money,
}

impl Decide<Place> for OrderFold {
    type Reject = Rejected;

    fn decide(place: &Place, order: &mut Decision<'_, OrderFold>) -> Result<(), Rejected> {
        if order.state().is_some() {
            return Err(Rejected::Placed);
        }
        order.emit(OrderPlaced {
            order_id: place.order_id.clone(),
            customer_id: place.customer.clone(),
            placed_at: order.now(),
            items: Vec::new(),
            total: place.total.clone(),
            currency: "EUR".to_owned(),
            deliver_to: Address {
                street: "Am Markt 1".to_owned(),
                postal_code: "52062".to_owned(),
                city: "Aachen".to_owned(),
                country: "DE".to_owned(),
            },
            channel: Channel::Web,
            gift_note: None,
        })?;
        Ok(())
    }
}

struct Pay {
    order_id: String,
    amount: Money,
}

impl Decide<Pay> for OrderFold {
    type Reject = Rejected;

    fn decide(pay: &Pay, order: &mut Decision<'_, OrderFold>) -> Result<(), Rejected> {
        let total = order.state().ok_or(Rejected::Missing)?.total.clone();
        order.emit(OrderPaid {
            order_id: pay.order_id.clone(),
            payment_id: Uuid::nil(),
            amount: pay.amount.clone(),
            currency: "EUR".to_owned(),
            method: OrderPaidMethod::BankTransfer(BankTransfer {
                reference: order.cause().command().to_owned(),
            }),
            paid_at: order.now(),
        })?;
        // The state has the payment by now: what is too much goes back at once.
        let paid = order.state().map(|state| state.paid.clone());
        let excess = paid.and_then(|paid| paid.checked_sub(&total));
        match excess.filter(|excess| *excess > Decimal::new(0, 2)) {
            Some(excess) => Ok(order.emit(refund(&pay.order_id, excess, order.now())?)?),
            None => Ok(()),
        }
    }
}

struct Refund {
    order_id: String,
    amount: Money,
}

impl Decide<Refund> for OrderFold {
    type Reject = Rejected;

    fn decide(command: &Refund, order: &mut Decision<'_, OrderFold>) -> Result<(), Rejected> {
        let paid = order.state().ok_or(Rejected::Missing)?.paid.clone();
        if *command.amount > paid {
            return Err(Rejected::NotPaid { paid });
        }
        order.emit(refund(
            &command.order_id,
            command.amount.clone().get(),
            order.now(),
        )?)?;
        Ok(())
    }
}

fn refund(order_id: &str, amount: Decimal, now: Timestamp) -> Result<OrderRefunded, Halt> {
    Ok(OrderRefunded {
        order_id: order_id.to_owned(),
        refund_id: Uuid::nil(),
        amount: Money::new(amount).ok_or_else(too_large)?,
        currency: "EUR".to_owned(),
        reason: RefundReason::Other,
        refunded_at: now,
    })
}

// What it must do, without a log.

pub(crate) fn the_logic_is_right() -> Result<(), Box<dyn Error>> {
    let pay = |amount: &str| -> Result<Pay, Box<dyn Error>> {
        Ok(Pay {
            order_id: "o-1".to_owned(),
            amount: money(amount)?,
        })
    };
    let place = Place {
        order_id: "o-1".to_owned(),
        customer: "c-1".to_owned(),
        total: money("20.00")?,
    };
    let now = Timestamp::from_millis(0);
    let back = refund("o-1", "5.00".parse()?, now)?;
    let paid = |amount: &str| -> Result<OrdersEvent, Box<dyn Error>> {
        let method = OrderPaidMethod::BankTransfer(BankTransfer {
            reference: "given".to_owned(),
        });
        Ok(OrdersEvent::from(OrderPaid {
            order_id: "o-1".to_owned(),
            payment_id: Uuid::nil(),
            amount: money(amount)?,
            currency: "EUR".to_owned(),
            method,
            paid_at: now,
        }))
    };
    Given::<OrderFold>::nothing()
        .when(&pay("1.00")?)
        .then_rejected(&Rejected::Missing);
    Given::<OrderFold>::nothing()
        .when(&place)
        .then_done()
        .when(&pay("25.00")?)
        .then([paid("25.00")?, back.into()]);
    Ok(())
}

fn money(text: &str) -> Result<Money, Box<dyn Error>> {
    Ok(text.parse()?)
}

// A log, a repository, an audit.

/// The one place that looks at a clock.
fn now() -> Result<Timestamp, Box<dyn Error>> {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?;
    Ok(Timestamp::from_millis(since.as_millis().try_into()?))
}

pub(crate) fn run(folder: &Path) -> Result<(), Box<dyn Error>> {
    let log = LogDir::open(folder, LogConfig::default(), now()?.as_millis())?;
    let schemas = Arc::new(Listed::new(SCHEMAS)?);
    let store = EventStore::new(schemas.clone());
    let source = Source::open(&log, OrdersEvent::TOPIC, 3, &PartitionConfig::default())?;
    store.add_aggregate(Box::new(typed::<OrderFold>(OrdersEvent::TOPIC)), source)?;
    let orders: Repository<OrderFold, _> = Repository::new(store.log("order")?, schemas);

    let order_id = "990001".to_owned();
    let place = Place {
        order_id: order_id.clone(),
        customer: "c-0001".to_owned(),
        total: money("20.00")?,
    };
    let done = orders.handle(
        &order_id,
        &place,
        &Cause::new("place-990001", now()?).actor("web"),
    )?;
    println!("placed: {done:?}");

    let pay = Pay {
        order_id: order_id.clone(),
        amount: money("25.00")?,
    };
    for _ in 0..2 {
        // The second time it is known: the same command, by the same id.
        let done = orders.handle(&order_id, &pay, &Cause::new("payment-17", now()?).actor("bank"))?;
        println!("paid: {done:?}");
    }

    let refund = Refund {
        order_id: order_id.clone(),
        amount: money("99.00")?,
    };
    match orders.handle(&order_id, &refund, &Cause::new("refund-3", now()?).actor("jane")) {
        Err(HandleError::Rejected(why)) => println!("no refund: {why}"),
        other => println!("refunded: {:?}", other?),
    }

    for at in [AsOf::Revision(0), AsOf::Revision(1), AsOf::Head] {
        let answer = store.reconstruct("order", &order_id, &at)?;
        println!(
            "at {at}: {} by offsets {:?}",
            answer.state, answer.offsets_applied.ranges
        );
    }
    log.close()?;
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    the_logic_is_right()?;
    let folder = std::env::args().nth(1).unwrap_or_else(|| "orders-log".to_owned());
    run(Path::new(&folder))
}
