//! The company's events, as any crate has them.

fn main() -> Result<(), annals_codegen::Error> {
    annals_codegen::configure().schemas("../../../schemas").compile()
}
