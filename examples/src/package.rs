//! Where a package is, as a fold over the events of topic `packages`.
//!
//! Invariant: `folds/package.yaml` says the same, rule for rule, and gives the same canonical JSON.

use annals_event_store::{At, Fold, Halt, canonical};
use annals_schema_model::Timestamp;
use serde::Serialize;

use crate::events::PackagesEvent;
use crate::events::shop::packages::package_event::Event;

/// How far a package is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Its items are in it.
    Packed,
    /// The carrier has it.
    Sent,
    /// The carrier could not hand it over.
    DeliveryFailed,
    /// It was handed over.
    Delivered,
    /// It is back in the warehouse.
    Returned,
}

/// The state of a package.
#[derive(Clone, Debug, Serialize)]
pub struct Package {
    /// Its id, the key of its records.
    pub package_id: String,
    /// How far it is.
    pub status: Status,
    /// What is in it.
    pub items: Vec<PackedItem>,
    /// Its weight in grams.
    pub weight_grams: i64,
    /// Who carries it.
    pub carrier: Option<String>,
    /// The carrier's own number for it.
    pub tracking_number: Option<String>,
    /// Where it goes, as printed on the label.
    pub destination: Option<String>,
    /// Attempts to deliver that failed.
    pub failed_attempts: u32,
    /// Why the latest one failed.
    pub last_failure: Option<&'static str>,
    /// Who took it.
    pub received_by: Option<String>,
    /// When it was packed.
    #[serde(with = "canonical::timestamp_option")]
    pub packed_at: Option<Timestamp>,
    /// When it was handed over.
    #[serde(with = "canonical::timestamp_option")]
    pub delivered_at: Option<Timestamp>,
    /// When the log took its latest event.
    #[serde(with = "canonical::timestamp")]
    pub last_changed: Timestamp,
    /// Who caused its latest event.
    pub last_actor: Option<String>,
}

/// An item in a package.
#[derive(Clone, Debug, Serialize)]
pub struct PackedItem {
    /// The order it was ordered with.
    pub order_id: String,
    /// The item.
    pub item_id: String,
}

/// The fold.
#[derive(Debug)]
pub struct PackageFold;

impl Fold for PackageFold {
    const NAME: &'static str = "package";
    const REV: u32 = 1;
    type State = Package;
    type Event = PackagesEvent;

    fn begin(event: PackagesEvent, at: &At<'_>) -> Result<Package, Halt> {
        let packed_at = happened(&event)?;
        let Event::Created(created) = event.event else {
            return Err(Halt::new("a package begins with its creation"));
        };
        let items = created.items.into_iter();
        Ok(Package {
            package_id: event.message.package_id,
            status: Status::Packed,
            items: items
                .map(|item| PackedItem {
                    order_id: item.order_id,
                    item_id: item.item_id,
                })
                .collect(),
            weight_grams: created.weight_grams,
            carrier: None,
            tracking_number: None,
            destination: None,
            failed_attempts: 0,
            last_failure: None,
            received_by: None,
            packed_at,
            delivered_at: None,
            last_changed: at.recorded(),
            last_actor: at.actor().map(str::to_owned),
        })
    }

    fn evolve(package: &mut Package, event: PackagesEvent, at: &At<'_>) -> Result<(), Halt> {
        let (happened, last_changed) = (happened(&event)?, at.recorded());
        match event.event {
            Event::Created(_) => return Err(Halt::new("the package is created a second time")),
            Event::Sent(sent) => {
                package.status = Status::Sent;
                package.carrier = Some(sent.carrier);
                package.tracking_number = Some(sent.tracking_number);
                package.destination = Some(sent.destination);
            }
            Event::DeliveryFailed(failed) => {
                package.status = Status::DeliveryFailed;
                package.failed_attempts += 1;
                package.last_failure = Some(failed.reason().as_str_name());
            }
            Event::Delivered(delivered) => {
                package.status = Status::Delivered;
                package.received_by = delivered.received_by;
                package.delivered_at = happened;
            }
            Event::Returned(_) => package.status = Status::Returned,
        }
        package.last_changed = last_changed;
        package.last_actor = at.actor().map(str::to_owned);
        Ok(())
    }
}

/// When the event says it happened.
fn happened(event: &PackagesEvent) -> Result<Option<Timestamp>, Halt> {
    let Some(at) = &event.message.at else {
        return Ok(None);
    };
    let time = u32::try_from(at.nanos).ok();
    let time = time.and_then(|nanos| Timestamp::new(at.seconds, nanos));
    time.map(Some)
        .ok_or_else(|| Halt::new(format!("{} nanoseconds are no part of a second", at.nanos)))
}

#[cfg(test)]
mod tests;
