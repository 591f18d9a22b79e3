//! Turns `schemas/` into `events.rs`. Version 1 of `OrderPlaced` is kept, because the company wrote it for months.

fn main() {
    annals_codegen::Build::new("../schemas/annals.toml")
        .keep("orders-shop.orders.OrderPlaced", 1)
        .out("events.rs")
        .run();
}
