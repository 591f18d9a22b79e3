//! What the company sells, to whom, and where they live.

use crate::events::shop::orders::{Address, OrderItem};

use super::record::money;
use super::rng::Rng;

/// Name, price in cents and weight in grams.
struct Product(&'static str, i64, i64);

const PRODUCTS: &[Product] = &[
    Product("Reading light", 2_990, 310),
    Product("Phone 5", 64_900, 171),
    Product("Phone 5 mini", 49_900, 132),
    Product("Tablet 11", 47_900, 440),
    Product("Tablet stand", 3_999, 620),
    Product("Notebook 14", 124_900, 1_380),
    Product("Notebook sleeve", 2_450, 190),
    Product("Wireless headphones", 19_999, 254),
    Product("Earbuds", 8_999, 48),
    Product("E-reader", 13_900, 174),
    Product("Smart watch", 27_900, 53),
    Product("Watch strap", 1_995, 22),
    Product("Mechanical keyboard", 11_900, 980),
    Product("Mouse", 3_490, 96),
    Product("Monitor 27", 32_900, 5_400),
    Product("Webcam", 7_490, 162),
    Product("USB-C hub", 4_990, 88),
    Product("Charger 65 W", 4_495, 112),
    Product("Network drive", 38_900, 2_240),
    Product("Router", 12_900, 510),
];

const STREETS: &[&str] = &[
    "Lindenstraße",
    "Kirchweg",
    "Rue des Lilas",
    "Via Garibaldi",
    "Calle Mayor",
    "Prinsengracht",
    "Am Markt",
    "Station Road",
    "Skolgatan",
    "Bahnhofstrasse",
    "Rua Augusta",
    "Ulica Długa",
];

/// City, country, and the first digits of its postal codes.
struct City(&'static str, &'static str, i64);

const CITIES: &[City] = &[
    City("Aachen", "DE", 52_000),
    City("Leipzig", "DE", 4_100),
    City("Lyon", "FR", 69_000),
    City("Torino", "IT", 10_100),
    City("Zaragoza", "ES", 50_000),
    City("Utrecht", "NL", 3_500),
    City("Cork", "IE", 12_000),
    City("Uppsala", "SE", 75_200),
    City("Basel", "CH", 4_000),
    City("Porto", "PT", 4_000),
    City("Gdańsk", "PL", 80_000),
];

const SUPPLIERS: &[&str] = &["Nordlicht GmbH", "Elettra SpA", "Vanderhoek BV", "Casa Luz"];
const CARRIERS: &[&str] = &["dhl", "gls", "postnl", "dpd"];
const RECEIVERS: &[&str] = &["receiver", "neighbour", "front desk", "parcel locker"];
const GIFT_NOTES: &[&str] = &[
    "Happy birthday!",
    "Many thanks for everything",
    "Get well soon",
    "Congratulations",
];
const CARE: &[&str] = &["jane", "omar", "lena"];
const WAREHOUSE: &[&str] = &["warehouse-1", "warehouse-2", "warehouse-3", "warehouse-4"];

/// A customer's id; a fifth of them orders most of the time.
pub(super) fn customer(rng: &mut Rng) -> String {
    let number = if rng.percent(60) {
        rng.range(1, 160)
    } else {
        rng.range(161, 800)
    };
    format!("c-{number:04}")
}

pub(super) fn address(rng: &mut Rng) -> Address {
    let street = rng.pick(STREETS, "Am Markt");
    let City(city, country, postal) = &CITIES[rng.next() as usize % CITIES.len()];
    Address {
        street: format!("{street} {}", rng.range(1, 120)),
        postal_code: format!("{:05}", postal + rng.range(0, 99)),
        city: (*city).to_owned(),
        country: (*country).to_owned(),
    }
}

/// So many items of an order, the first of them with this id.
pub(super) fn items(rng: &mut Rng, order: u32, count: u32) -> Vec<OrderItem> {
    let mut items = Vec::new();
    for number in 1..=count {
        let Product(product, cents, weight_grams) = &PRODUCTS[rng.next() as usize % PRODUCTS.len()];
        items.push(OrderItem {
            item_id: format!("{order}-{number}"),
            product: (*product).to_owned(),
            price: money(*cents),
            weight_grams: *weight_grams,
        });
    }
    items
}

pub(super) fn supplier(rng: &mut Rng) -> Option<String> {
    rng.percent(70)
        .then(|| rng.pick(SUPPLIERS, "Casa Luz").to_owned())
}

pub(super) fn carrier(rng: &mut Rng) -> &'static str {
    rng.pick(CARRIERS, "dhl")
}

pub(super) fn receiver(rng: &mut Rng) -> Option<String> {
    rng.percent(80)
        .then(|| rng.pick(RECEIVERS, "receiver").to_owned())
}

pub(super) fn gift_note(rng: &mut Rng) -> Option<String> {
    rng.percent(6)
        .then(|| rng.pick(GIFT_NOTES, "Get well soon").to_owned())
}

/// Someone of customer care.
pub(super) fn care(rng: &mut Rng) -> &'static str {
    rng.pick(CARE, "jane")
}

/// A scanner in the warehouse.
pub(super) fn warehouse(rng: &mut Rng) -> &'static str {
    rng.pick(WAREHOUSE, "warehouse-1")
}
