//! The order that went wrong, for an auditor to find.
//!
//! A customer calls to have a parcel sent elsewhere. Jane enters the right address, opens the form a second time and
//! saves a wrong one, within a minute. The parcel comes back. Jane gives the money back, and slips by one digit:
//! ten times what was paid. She enters it hours after she promised it, which the two times of the record show.

use crate::events::shop::orders::{Address, Channel, OrderItem, RefundReason};
use crate::events::shop::packages::package_event::Event;
use crate::events::shop::packages::{FailureReason, PackageReturned};

use super::group::Packer;
use super::record::money;
use super::rng::Rng;
use super::story::{DAY, HOUR, MINUTE, Placed, SECOND, Story};
use super::{FIRST_ORDER, catalogue};

/// The order that went wrong.
pub const MISTAKE_ORDER: &str = "991337";
/// Who made both mistakes.
pub const MISTAKE_ACTOR: &str = "jane";
/// Time between the two changes of the address, in milliseconds.
pub const MISTAKE_WINDOW_MS: i64 = 38_000;
/// What the customer paid.
pub const MISTAKE_PAID: &str = "453.80";
/// What was given back.
pub const MISTAKE_REFUNDED: &str = "4538.00";

/// The order's place in the history.
pub(super) const INDEX: u32 = 991_337 - FIRST_ORDER;
const PAID: i64 = 45_380;

/// Writes the order and its package.
pub(super) fn write(rng: &mut Rng, placed_ms: i64, packer: &mut Packer<'_>) {
    let placed = Placed {
        order_id: MISTAKE_ORDER.to_owned(),
        customer_id: "c-0042",
        placed_ms,
        items: items(),
        address: &address("Lindenstraße 7"),
    };
    let mut story = Story::begin(&placed, (Channel::Web, "web"), None, packer.records);
    story.paid(rng, PAID, true, placed_ms + 12 * MINUTE);
    let confirmed = placed_ms + 2 * HOUR;
    story.confirmed(confirmed);
    let called = confirmed + 90 * MINUTE;
    let (right, wrong) = (address("Kirchweg 21"), address("Kirchweg 121"));
    story.address_changed(&right, Some("asked for by phone"), MISTAKE_ACTOR, called);
    story.address_changed(&wrong, None, MISTAKE_ACTOR, called + MISTAKE_WINDOW_MS);
    let mut at = called + 16 * HOUR;
    let picked: Vec<_> = placed
        .items
        .iter()
        .map(|item| {
            at += 4 * MINUTE;
            story.picked(item, catalogue::warehouse(rng), at, 20 * SECOND)
        })
        .collect();

    let (package, sent_ms, carrier) = packer.sent(rng, &picked, &wrong);
    let mut at = sent_ms;
    for attempt in 1..=2 {
        at += DAY;
        packer.failed(&package, carrier, attempt, FailureReason::WrongAddress, at);
    }
    at += 2 * DAY;
    packer.tell(
        &package,
        Event::Returned(PackageReturned { attempts: 2 }),
        carrier,
        at,
        MINUTE,
    );

    let mut story = Story::resume(&placed, packer.records);
    story.refunded(
        rng,
        10 * PAID,
        RefundReason::Other,
        MISTAKE_ACTOR,
        at + DAY,
        3 * HOUR,
    );
}

fn items() -> Vec<OrderItem> {
    [
        ("Monitor 27", 32_900, 5_400),
        ("Webcam", 7_490, 162),
        ("USB-C hub", 4_990, 88),
    ]
    .into_iter()
    .zip(1..)
    .map(|((product, cents, weight_grams), number)| OrderItem {
        item_id: format!("{MISTAKE_ORDER}-{number}"),
        product: product.to_owned(),
        price: money(cents),
        weight_grams,
    })
    .collect()
}

fn address(street: &str) -> Address {
    Address {
        street: street.to_owned(),
        postal_code: "52062".to_owned(),
        city: "Aachen".to_owned(),
        country: "DE".to_owned(),
    }
}
