//! The printed Rust, compared with the file in `tests/golden`. `UPDATE=1` writes the file anew.

use annals_codegen::Build;

const GOLDEN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/events.rs.txt");

fn build() -> Build {
    Build::new("tests/schemas/annals.toml").keep("zoo-park.zoo.Everything", 1)
}

fn printed() -> String {
    build().generate().unwrap_or_else(|wrong| {
        panic!(
            "{}",
            wrong
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>()
                .join("\n")
        )
    })
}

#[test]
fn printed_rust_is_the_golden_file() {
    let printed = printed();
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(GOLDEN, &printed).unwrap();
    }
    let golden = std::fs::read_to_string(GOLDEN).unwrap_or_default();
    let differing = printed
        .lines()
        .zip(golden.lines())
        .enumerate()
        .find(|(_, (new, old))| new != old);
    assert!(
        printed == golden,
        "generated Rust has changed, first in line {:?}; look at it, then write it with UPDATE=1",
        differing.map(|(line, (new, old))| (line + 1, new.to_owned(), old.to_owned()))
    );
}

#[test]
fn the_same_schemas_print_the_same_rust() {
    assert_eq!(printed(), printed());
}
