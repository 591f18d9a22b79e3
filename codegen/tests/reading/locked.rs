//! What `annals gen pull` wrote, built and run where no registry is: events have the ids of the lock, and are read by them.
//! The folder is what the command writes: `what_is_locked_is_what_codegen_is_tested_with` pulls it from a server.

use std::path::Path;

use annals_codegen::lock::Lock;
use annals_registry_client::Client;
use annals_schema_model::envelope::SchemaKey;
use annals_schema_model::{DecodeError, SchemaId, Seen, Timestamp, Unresolved};

use generated::shop::parcels::{ParcelLost, ParcelSent, parcel_lost::Claim};
use generated::shop::{Address, Channel, Money, OrderItem, OrderPlaced};
use generated::{OrdersEvent, ParcelsEvent, SCHEMAS};

#[allow(unreachable_pub)]
pub(crate) mod generated {
    include!("../golden/locked.rs.txt");
}

pub(crate) fn order() -> OrderPlaced {
    let item = |product: &str, price: &str| OrderItem {
        product: product.to_owned(),
        price: price.parse().unwrap(),
    };
    OrderPlaced {
        order_id: "990001".to_owned(),
        event_id: "01234567-89ab-cdef-0123-456789abcdef".parse().unwrap(),
        placed_at: Timestamp::from_millis(1_558_336_067_001),
        items: vec![
            item("lamp", "49.90"),
            item("bulb", "4.95"),
            item("cable", "-0.01"),
        ],
        total: "54.84".parse().unwrap(),
        deliver_to: Address {
            street: "Elm Street 4".to_owned(),
            postal_code: "1010".to_owned(),
            city: "Wien".to_owned(),
        },
        channel: Channel::App,
        gift_note: Some("for you".to_owned()),
    }
}

/// An order of version 1: it has no id of the event, another name for where it goes, no channel and no note.
pub(crate) const VERSION_1: &[u8] = &[2, b'7', 0, 2, 2, b'x', 2, 5, 0, 2, 5, 2, b's', 0, 2, b'c'];

fn parcels() -> [ParcelsEvent; 2] {
    let money = || Money {
        currency: "EUR".to_owned(),
        cents: 495,
    };
    let sent = ParcelSent {
        parcel_id: "p".to_owned(),
        postage: Some(money()),
    };
    let lost = ParcelLost {
        parcel_id: "q".to_owned(),
        claim: Some(Claim { value: Some(money()) }),
    };
    [sent.into(), lost.into()]
}

fn id(number: u32) -> SchemaId {
    SchemaId::new(number).unwrap()
}

#[test]
fn events_are_written_and_read_with_the_ids_of_the_lock() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/locked");
    let lock = Lock::read(&folder).unwrap();
    let locked = |subject: &str, version: u32| lock.get(subject, version).unwrap().id.to_be_bytes();
    let client = Client::offline(SCHEMAS);

    let order = OrdersEvent::from(order());
    let record = order.to_record(&client).unwrap();
    assert_eq!((record[0], &record[1..5]), (0, &locked("orders-value", 2)[..]));
    assert_eq!(OrdersEvent::from_record(&record, &client), Ok(Seen::Known(order)));

    // Behind the id is which message of the file it is: the first in one byte, others by their place.
    for (event, indexes) in parcels().into_iter().zip([&[0][..], &[2, 2]]) {
        let record = event.to_record(&client).unwrap();
        assert_eq!((record[0], &record[1..5]), (0, &locked("parcels-value", 1)[..]));
        assert!(record[5..].starts_with(indexes), "{record:?}");
        assert_eq!(OrdersEvent::from_record(&record, &client), Ok(Seen::UnknownKind));
        assert_eq!(
            ParcelsEvent::from_record(&record, &client),
            Ok(Seen::Known(event))
        );
    }
}

#[test]
fn an_older_writer_is_known_offline_and_an_unknown_one_is_said() {
    let client = Client::offline(SCHEMAS);
    let mut record = [&[0, 0, 0, 0, 2][..], VERSION_1].concat();
    let read = OrdersEvent::from_record(&record, &client).unwrap();
    let Seen::Known(OrdersEvent::OrderPlaced(order)) = read else {
        panic!("{read:?}");
    };
    let default = OrderPlaced::default();
    assert_eq!((&*order.order_id, &*order.deliver_to.city), ("7", "c"));
    assert_eq!(order.event_id, default.event_id);
    assert_eq!((order.channel, order.gift_note), (Channel::Unknown, None));

    record[4] = 9;
    let unknown = DecodeError::Schema {
        schema: SchemaKey::Id(id(9)),
        why: Unresolved::Unregistered,
    };
    assert_eq!(OrdersEvent::from_record(&record, &client), Err(unknown));
}
