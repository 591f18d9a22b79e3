//! The package fold, event by event.

use annals_event_store::{At, Fold, NO_HEADERS};

use super::*;
use crate::events::shop::packages::{
    DeliveryFailed, FailureReason, PackageCreated, PackageDelivered, PackageEvent, PackageReturned,
    PackageSent,
};

/// Folds events that happen second by second, each recorded a minute later.
fn fold(events: Vec<Event>) -> Result<Package, Halt> {
    let event = |event: Event, second: i64| {
        let at = Some(prost_types::Timestamp {
            seconds: second,
            nanos: 500_000_000,
        });
        PackagesEvent::new(
            event,
            PackageEvent {
                package_id: "660001".to_owned(),
                at,
                event: None,
            },
        )
    };
    let at = |second: i64| At {
        partition: 0,
        offset: second,
        revision: 0,
        recorded_ms: 60_000 + 1_000 * second,
        headers: &NO_HEADERS,
    };
    let mut events = events.into_iter().zip(0..);
    let (first, second) = events.next().unwrap();
    let mut package = PackageFold::begin(event(first, second), &at(second))?;
    for (next, second) in events {
        PackageFold::evolve(&mut package, event(next, second), &at(second))?;
    }
    Ok(package)
}

fn created() -> Event {
    let item = crate::events::shop::packages::PackedItem {
        order_id: "1".to_owned(),
        item_id: "1-1".to_owned(),
    };
    Event::Created(PackageCreated {
        items: vec![item],
        weight_grams: 7,
    })
}

fn failed(attempt: u32, reason: FailureReason) -> Event {
    Event::DeliveryFailed(DeliveryFailed {
        attempt,
        reason: reason.into(),
    })
}

#[test]
fn a_package_is_followed_to_the_door() {
    let sent = PackageSent {
        carrier: "gls".to_owned(),
        tracking_number: "1".to_owned(),
        destination: "x".to_owned(),
    };
    let delivered = PackageDelivered {
        received_by: Some("neighbour".to_owned()),
    };
    let events = vec![
        created(),
        Event::Sent(sent),
        failed(1, FailureReason::Refused),
        Event::Delivered(delivered),
    ];
    let package = fold(events).unwrap();
    let shown = canonical::sorted(serde_json::to_value(&package).unwrap());
    let expected = concat!(
        r#"{"carrier":"gls","delivered_at":"1970-01-01T00:00:03.500Z","destination":"x","failed_attempts":1,"#,
        r#""items":[{"item_id":"1-1","order_id":"1"}],"last_actor":null,"last_changed":"1970-01-01T00:01:03.000Z","#,
        r#""last_failure":"FAILURE_REASON_REFUSED","package_id":"660001","packed_at":"1970-01-01T00:00:00.500Z","#,
        r#""received_by":"neighbour","status":"delivered","tracking_number":"1","weight_grams":7}"#,
    );
    assert_eq!(shown.to_string(), expected);
}

#[test]
fn a_package_may_come_back() {
    let returned = Event::Returned(PackageReturned { attempts: 2 });
    let wrong = FailureReason::WrongAddress;
    let package = fold(vec![created(), failed(1, wrong), failed(2, wrong), returned]).unwrap();
    assert_eq!((package.status, package.failed_attempts), (Status::Returned, 2));
}

#[test]
fn a_package_is_created_first_and_once() {
    let returned = Event::Returned(PackageReturned { attempts: 0 });
    assert_eq!(
        fold(vec![returned]).unwrap_err(),
        Halt::new("a package begins with its creation")
    );
    assert_eq!(
        fold(vec![created(), created()]).unwrap_err(),
        Halt::new("the package is created a second time")
    );
}
