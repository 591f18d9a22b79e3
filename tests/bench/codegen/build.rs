//! Generates the order event.
fn main() {
    annals_codegen::Build::new("schemas/annals.toml")
        .keep("orders-shop.OrderPlaced", 1)
        .run();
}
