//! Reading allocates as often as the value owns something. How often that is a clone says: once for each text and vector that is
//! not empty, and for the nodes of maps, whose entries are in a vector of their own before. Vectors may have more room than a
//! clone's; they grow only where their items take more memory than there are bytes, which a count from outside does not reserve.

use allocation_counter::measure;
use annals_registry_client::Client;
use annals_schema_model::{Resolve, SchemaId};

use crate::events::park::zoo::{Everything, EverythingRef};
use crate::locked::generated::SCHEMAS;
use crate::locked::generated::shop::{OrderPlaced, OrderPlacedRef};
use crate::locked::{VERSION_1, order};
use crate::round_trip::everything;

/// How often memory is asked for.
fn taken(run: impl FnOnce()) -> u64 {
    measure(run).count_total
}

/// What reading takes, and what a clone of the value takes.
macro_rules! taken {
    ($type:ident, $body:expr) => {{
        let body: &[u8] = $body;
        // What is made once for the process.
        let value = $type::decode(body).unwrap();
        let read = taken(|| {
            std::hint::black_box($type::decode(body)).unwrap();
        });
        let cloned = taken(|| {
            std::hint::black_box(value.clone());
        });
        (read, cloned)
    }};
}

#[test]
fn reading_allocates_what_the_value_owns() {
    let body = order().encode();
    let (read, cloned) = taken!(OrderPlaced, &body);
    assert_eq!(read, cloned);
    // Order, three products, three lines of the address and the note are texts; the items are a vector.
    assert_eq!(read, 9);
    // By a plan as well.
    let writer = Client::offline(SCHEMAS)
        .writer(SchemaId::new(2).unwrap())
        .unwrap();
    let decode = || {
        OrderPlaced::reader()
            .decode_from::<OrderPlaced>(&writer, VERSION_1)
            .unwrap()
    };
    let value = decode();
    let read = taken(|| drop(std::hint::black_box(decode())));
    assert_eq!(read, taken(|| drop(std::hint::black_box(value.clone()))));
    let (read, cloned) = taken!(Everything, &everything().encode().unwrap());
    assert_eq!(
        read,
        cloned + 2,
        "the entries of two maps, before they are in order"
    );
}

#[test]
fn reading_what_borrows_allocates_its_vectors() {
    let body = order().encode();
    let (read, cloned) = taken!(OrderPlacedRef, &body);
    assert_eq!((read, cloned), (1, 1), "the items");
    let mut order = order();
    order.items.clear();
    assert_eq!(taken!(OrderPlacedRef, &order.encode()), (0, 0));
    let (read, cloned) = taken!(EverythingRef, &everything().encode().unwrap());
    assert_eq!(read, cloned);
}

#[test]
fn writing_allocates_the_payload() {
    let order = order();
    // A thread keeps the room that it wrote in.
    let length = order.encode().len();
    let written = taken(|| {
        std::hint::black_box(order.encode());
    });
    assert_eq!(written, 1);
    let mut out = Vec::with_capacity(1_000);
    assert_eq!(taken(|| order.encode_into(&mut out)), 0);
    assert_eq!(out.len(), length);
}
