//! Orders that are packed together: one order, or two of one customer close after each other.

use crate::events::PackagesEvent;
use crate::events::shop::orders::Address;
use crate::events::shop::packages::package_event::Event;
use crate::events::shop::packages::{
    DeliveryFailed, FailureReason, PackageCreated, PackageDelivered, PackageEvent, PackageReturned,
    PackageSent, PackedItem,
};

use super::record::{DemoRecord, Stamp, package};
use super::rng::Rng;
use super::story::{DAY, HOUR, MINUTE, Picked, Placed, SECOND, write as write_order};
use super::{BEGIN_MS, FIRST_ORDER, ORDERS, catalogue, mistake};

/// Time between two orders.
const STEP_MS: i64 = 290 * DAY / ORDERS as i64;
/// The first package has the id after this.
const PACKAGES_BEFORE: u32 = 660_000;
/// Every so many orders, a customer equips a whole office.
const OFFICE_EVERY: u32 = 190;

/// Writes one or two orders and their packages; answers how many orders.
pub(super) fn write(rng: &mut Rng, index: u32, packages: &mut u32, records: &mut Vec<DemoRecord>) -> u32 {
    let mut carried = Packer { packages, records };
    if index == mistake::INDEX {
        let placed_ms = placed_ms(rng, index);
        mistake::write(rng, placed_ms, &mut carried);
        return 1;
    }
    let together = rng.percent(35) && index + 1 < ORDERS && index + 1 != mistake::INDEX;
    let count = if together { 2 } else { 1 };
    let customer_id = catalogue::customer(rng);
    let address = catalogue::address(rng);
    let mut waiting = Vec::new();
    let mut destination = address.clone();
    for index in index..index + count {
        let order = FIRST_ORDER + index;
        let items = item_count(rng, index);
        let placed = Placed {
            order_id: order.to_string(),
            customer_id: &customer_id,
            placed_ms: placed_ms(rng, index),
            items: catalogue::items(rng, order, items),
            address: &address,
        };
        let (picked, address) = write_order(rng, &placed, carried.records);
        waiting.extend(picked);
        destination = address;
    }
    waiting.sort_by_key(|item| item.picked_ms);
    let per_package = if waiting.len() > 30 { 16 } else { 7 };
    for items in waiting.chunks(per_package) {
        carried.carry(rng, items, &destination);
    }
    count
}

fn placed_ms(rng: &mut Rng, index: u32) -> i64 {
    BEGIN_MS + i64::from(index) * STEP_MS + rng.range(0, STEP_MS * 3 / 4)
}

/// Mostly a few; a dozen for shops and practices; for an office up to a hundred.
fn item_count(rng: &mut Rng, index: u32) -> u32 {
    let count = if index % OFFICE_EVERY == OFFICE_EVERY / 2 {
        rng.range(70, 110)
    } else if rng.percent(5) {
        rng.range(8, 18)
    } else {
        rng.range(1, 4) + rng.range(0, 1)
    };
    u32::try_from(count).unwrap_or(1)
}

/// Packs items and follows the packages.
pub(super) struct Packer<'a> {
    packages: &'a mut u32,
    pub(super) records: &'a mut Vec<DemoRecord>,
}

impl Packer<'_> {
    /// A package in the hands of nobody in particular.
    fn carry(&mut self, rng: &mut Rng, items: &[Picked], destination: &Address) {
        let (id, sent_ms, carrier) = self.sent(rng, items, destination);
        let mut at = sent_ms + rng.range(DAY, 3 * DAY);
        let mut attempt = 0;
        while rng.percent(20) {
            attempt += 1;
            let reason = if rng.percent(80) {
                FailureReason::NobodyHome
            } else {
                FailureReason::Refused
            };
            self.failed(&id, carrier, attempt, reason, at);
            at += DAY + rng.range(-3 * HOUR, 3 * HOUR);
            if attempt == 3 {
                self.tell(
                    &id,
                    Event::Returned(PackageReturned { attempts: attempt }),
                    carrier,
                    at,
                    MINUTE,
                );
                return;
            }
        }
        let received_by = catalogue::receiver(rng);
        self.tell(
            &id,
            Event::Delivered(PackageDelivered { received_by }),
            carrier,
            at,
            rng.range(SECOND, HOUR),
        );
    }

    /// Packs items and hands them over; answers the package's id, when that was, and the carrier.
    pub(super) fn sent(
        &mut self,
        rng: &mut Rng,
        items: &[Picked],
        destination: &Address,
    ) -> (String, i64, &'static str) {
        *self.packages += 1;
        let id = (PACKAGES_BEFORE + *self.packages).to_string();
        let ready = items.iter().map(|item| item.picked_ms).max().unwrap_or(BEGIN_MS);
        let packed = ready + rng.range(30 * MINUTE, 8 * HOUR);
        let weight_grams = 150 + items.iter().map(|item| item.weight_grams).sum::<i64>();
        let contents = items
            .iter()
            .map(|item| PackedItem {
                order_id: item.order_id.clone(),
                item_id: item.item_id.clone(),
            })
            .collect();
        let created = PackageCreated {
            items: contents,
            weight_grams,
        };
        let actor = catalogue::warehouse(rng);
        self.tell(
            &id,
            Event::Created(created),
            actor,
            packed,
            rng.range(SECOND, 90 * SECOND),
        );

        let sent_ms = packed + rng.range(HOUR, 20 * HOUR);
        let carrier = catalogue::carrier(rng);
        let Address {
            street,
            postal_code,
            city,
            country,
        } = destination;
        let sent = PackageSent {
            carrier: carrier.to_owned(),
            tracking_number: format!("{}{:011}", carrier.to_uppercase(), rng.range(0, 99_999_999_999)),
            destination: format!("{street}, {postal_code} {city}, {country}"),
        };
        self.tell(
            &id,
            Event::Sent(sent),
            actor,
            sent_ms,
            rng.range(SECOND, 90 * SECOND),
        );
        (id, sent_ms, carrier)
    }

    pub(super) fn failed(&mut self, id: &str, carrier: &str, attempt: u32, reason: FailureReason, at: i64) {
        let failed = DeliveryFailed {
            attempt,
            reason: reason.into(),
        };
        self.tell(id, Event::DeliveryFailed(failed), carrier, at, MINUTE);
    }

    /// Something happened to a package, and the log heard of it some time later.
    pub(super) fn tell(&mut self, id: &str, event: Event, actor: &str, at: i64, late: i64) {
        let clock = prost_types::Timestamp {
            seconds: at.div_euclid(SECOND),
            nanos: i32::try_from(at.rem_euclid(SECOND) * 1_000_000).unwrap_or(0),
        };
        let message = PackageEvent {
            package_id: id.to_owned(),
            at: Some(clock),
            event: None,
        };
        let stamp = Stamp {
            actor,
            business_ms: at,
            recorded_ms: at + late,
        };
        self.records
            .push(package(&PackagesEvent::new(event, message), stamp));
    }
}
