//! Turns `schemas/` into `events.rs`.

fn main() -> Result<(), annals_codegen::Error> {
    annals_codegen::configure().schemas("../schemas").compile()
}
