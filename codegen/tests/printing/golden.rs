//! The printed Rust, compared with the file in `tests/golden`. `UPDATE=1` writes the file anew.

use annals_codegen::{Build, DateTimes, Decimals, configure};

/// What is generated, and the file of it.
fn goldens() -> [(Build, &'static str); 7] {
    [
        (
            configure()
                .schemas("tests/schemas")
                .borrowed("park.zoo.Everything"),
            "events.rs.txt",
        ),
        (
            configure()
                .schemas("tests/sets")
                .borrowed(".l")
                .borrowed("Kinds")
                .borrowed("Paid")
                .borrowed("samples-value")
                .borrowed("Defaults"),
            "sets.rs.txt",
        ),
        (configure().schemas("tests/proto"), "proto.rs.txt"),
        // As `annals gen pull` wrote it, its lock too.
        (
            configure().schemas("tests/locked").borrowed("shop.OrderPlaced"),
            "locked.rs.txt",
        ),
        // What `random_proto` once made.
        (configure().schemas("tests/random"), "random.rs.txt"),
        (
            configure()
                .schemas("tests/choices")
                .date_times(DateTimes::Chrono)
                .serde()
                .decimals(Decimals::RustDecimal),
            "chrono.rs.txt",
        ),
        (
            configure()
                .schemas("tests/choices")
                .date_times(DateTimes::Time)
                .decimals(Decimals::BigDecimal),
            "time.rs.txt",
        ),
    ]
}

fn printed(build: &Build) -> String {
    build.generate().unwrap_or_else(|wrong| panic!("{wrong}"))
}

/// Compares what was printed with a file in `tests/golden`.
pub(crate) fn compare(name: &str, printed: &str) {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/golden")
        .join(name);
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, printed).unwrap();
    }
    let golden = std::fs::read_to_string(&path).unwrap_or_default();
    let differing = printed
        .lines()
        .zip(golden.lines())
        .enumerate()
        .find(|(_, (new, old))| new != old);
    assert!(
        printed == golden,
        "generated {name} has changed, first in line {:?}; look at it, then write it with UPDATE=1",
        differing.map(|(line, (new, old))| (line + 1, new.to_owned(), old.to_owned()))
    );
}

#[test]
fn printed_rust_is_the_golden_file() {
    for (build, name) in goldens() {
        compare(name, &printed(&build));
    }
}

#[test]
fn the_same_schemas_print_the_same_rust() {
    for (build, _) in goldens() {
        assert_eq!(printed(&build), printed(&build));
    }
}
