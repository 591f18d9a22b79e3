//! The order fold, event by event.

use annals_event_store::{At, Fold};
use annals_schema_model::Exact;

use super::*;
use crate::events::shop::orders::{
    Address as NewAddress, AddressChanged, CardPayment, Channel, ItemOutOfStock, ItemPicked, ItemReordered,
    OrderCancelled, OrderConfirmed, OrderItem, OrderPaid, OrderPaidMethod, OrderPlaced, OrderRefunded,
    PaymentReminderSent, RefundReason,
};

const ID: &str = "990001";

fn money(text: &str) -> Exact<12, 2> {
    Exact::new(text.parse().unwrap()).unwrap()
}

fn time(second: i64) -> Timestamp {
    Timestamp::from_millis(1_000 * second)
}

fn address(city: &str) -> NewAddress {
    let text = str::to_owned;
    NewAddress {
        street: text("Am Markt 1"),
        postal_code: text("52062"),
        city: text(city),
        country: text("DE"),
    }
}

fn placed() -> OrdersEvent {
    let item = |item_id: &str, price: &str| OrderItem {
        item_id: item_id.to_owned(),
        product: "Mouse".to_owned(),
        price: money(price),
        weight_grams: 96,
    };
    OrderPlaced {
        order_id: ID.to_owned(),
        customer_id: "c-0001".to_owned(),
        placed_at: time(1),
        items: vec![item("a", "10.00"), item("b", "5.50")],
        total: money("15.50"),
        currency: "EUR".to_owned(),
        deliver_to: address("Aachen"),
        channel: Channel::App,
        gift_note: None,
    }
    .into()
}

fn paid(amount: &str) -> OrdersEvent {
    let method = OrderPaidMethod::CardPayment(CardPayment {
        scheme: "visa".to_owned(),
        last_digits: "0001".to_owned(),
    });
    OrderPaid {
        order_id: ID.to_owned(),
        payment_id: uuid::Uuid::nil(),
        amount: money(amount),
        currency: "EUR".to_owned(),
        method,
        paid_at: time(3),
    }
    .into()
}

fn refunded(amount: &str) -> OrdersEvent {
    OrderRefunded {
        order_id: ID.to_owned(),
        refund_id: uuid::Uuid::nil(),
        amount: money(amount),
        currency: "EUR".to_owned(),
        reason: RefundReason::Other,
        refunded_at: time(9),
    }
    .into()
}

fn confirmed() -> OrdersEvent {
    OrderConfirmed {
        order_id: ID.to_owned(),
        confirmed_at: time(2),
    }
    .into()
}

/// Folds events, recorded second by second from 100 on.
fn fold(events: Vec<OrdersEvent>) -> Result<Order, Halt> {
    let headers = [("actor", Some("jane"))].into_iter().collect();
    let at = |revision: u64| At {
        partition: 0,
        offset: 0,
        revision,
        recorded_ms: 100_000 + 1_000 * i64::try_from(revision).unwrap(),
        headers: &headers,
    };
    let mut events = events.into_iter().zip(0..);
    let (first, revision) = events.next().unwrap();
    let mut order = OrderFold::begin(first, &at(revision))?;
    for (event, revision) in events {
        OrderFold::evolve(&mut order, event, &at(revision))?;
    }
    Ok(order)
}

#[test]
fn status_follows_money_and_words() {
    let check = |events: Vec<OrdersEvent>, status: Status| {
        assert_eq!(
            fold([vec![placed()], events.clone()].concat()).unwrap().status,
            status,
            "{events:?}"
        );
    };
    let cancelled: OrdersEvent = OrderCancelled {
        order_id: ID.to_owned(),
        reason: "twice".to_owned(),
        cancelled_at: time(4),
    }
    .into();
    check(vec![], Status::Placed);
    check(vec![confirmed()], Status::Confirmed);
    check(vec![paid("15.50"), confirmed()], Status::Paid);
    check(vec![confirmed(), paid("15.49")], Status::Confirmed);
    check(vec![confirmed(), paid("15.49"), paid("0.01")], Status::Paid);
    check(vec![paid("15.50"), refunded("5.50")], Status::Paid);
    check(
        vec![paid("15.50"), refunded("5.50"), refunded("10.00")],
        Status::Refunded,
    );
    check(vec![paid("15.50"), refunded("155.00")], Status::Refunded);
    check(vec![confirmed(), cancelled.clone()], Status::Cancelled);
    check(
        vec![paid("15.50"), cancelled, refunded("15.50")],
        Status::Refunded,
    );
}

#[test]
fn items_have_the_status_the_warehouse_last_gave_them() {
    let (order_id, item_id) = (ID.to_owned(), "b".to_owned());
    let missing = ItemOutOfStock {
        order_id: order_id.clone(),
        item_id: item_id.clone(),
        noticed_at: time(5),
    };
    let supplier = Some("Casa Luz".to_owned());
    let reordered = ItemReordered {
        order_id: order_id.clone(),
        item_id,
        supplier,
        reordered_at: time(6),
    };
    let unknown = ItemPicked {
        order_id,
        item_id: "x".to_owned(),
        picked_at: time(7),
    };
    let order = fold(vec![placed(), missing.into(), reordered.into(), unknown.into()]).unwrap();
    let items: Vec<_> = order
        .items
        .iter()
        .map(|item| (item.item_id.as_str(), item.status))
        .collect();
    assert_eq!(
        items,
        [("a", None), ("b", Some("reordered")), ("x", Some("picked"))]
    );
    assert_eq!(order.out_of_stock, 1);
    assert!(order.items[2].product.is_none());
}

#[test]
fn the_state_shows_in_canonical_form() {
    let changed: OrdersEvent = AddressChanged {
        order_id: ID.to_owned(),
        address: address("Lyon"),
        reason: None,
        changed_at: time(8),
    }
    .into();
    let reminder: OrdersEvent = PaymentReminderSent {
        order_id: ID.to_owned(),
        reminder_number: 1,
        sent_at: time(8),
    }
    .into();
    let order = fold(vec![
        placed(),
        confirmed(),
        reminder,
        changed,
        paid("15.50"),
        refunded("5.50"),
    ])
    .unwrap();
    let shown = canonical::sorted(serde_json::to_value(&order).unwrap());
    let address = r#"{"city":"Lyon","country":"DE","postal_code":"52062","street":"Am Markt 1"}"#;
    let items = [("a", "10.00"), ("b", "5.50")].map(|(id, price)| {
        format!(r#"{{"item_id":"{id}","price":"{price}","product":"Mouse","weight_grams":96}}"#)
    });
    let expected = [
        format!(r#"{{"address":{address},"address_changes":1,"cancel_reason":null,"channel":"APP","#),
        r#""confirmed_at":"1970-01-01T00:00:02.000Z","currency":"EUR","customer_id":"c-0001","#.to_owned(),
        format!(r#""gift_note":null,"items":[{}],"#, items.join(",")),
        r#""last_actor":"jane","last_changed":"1970-01-01T00:01:45.000Z","order_id":"990001","#.to_owned(),
        r#""out_of_stock":0,"paid":"15.50","paid_at":"1970-01-01T00:00:03.000Z","#.to_owned(),
        r#""placed_at":"1970-01-01T00:00:01.000Z","refunded":"5.50","reminders":1,"status":"paid","#
            .to_owned(),
        r#""total":"15.50"}"#.to_owned(),
    ];
    assert_eq!(shown.to_string(), expected.concat());
}

#[test]
fn an_order_is_placed_first_and_once() {
    assert_eq!(
        fold(vec![confirmed()]).unwrap_err(),
        Halt::new("an order begins with OrderPlaced, not with shop.orders.OrderConfirmed")
    );
    assert_eq!(
        fold(vec![placed(), placed()]).unwrap_err(),
        Halt::new("the order is placed a second time")
    );
}
