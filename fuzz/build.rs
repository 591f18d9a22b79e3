//! The types of the target `generated`: those that codegen is tested with.

fn main() -> Result<(), annals_codegen::Error> {
    annals_codegen::configure()
        .schemas("../codegen/tests/sets")
        .compile()
}
