//! The tutorial is true: its code is that of the example, and the example does what it says.

// Tests say what went wrong by panicking.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::Path;

#[allow(dead_code)]
#[path = "../../examples/orders.rs"]
mod orders;

#[allow(dead_code)]
#[path = "../../examples/spending.rs"]
mod spending;

fn read(file: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).unwrap()
}

/// Lines that say something, without their indentation.
fn lines(text: &str) -> Vec<&str> {
    text.lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .collect()
}

#[test]
fn its_code_is_the_examples() {
    let tutorial = read("../docs/tutorial.md");
    let example = read("examples/orders.rs") + &read("examples/spending.rs");
    let example = lines(&example);
    let mut blocks = 0;
    for block in tutorial.split("```rust\n").skip(1) {
        let block = lines(block.split("```").next().unwrap());
        let is_there = example.windows(block.len()).any(|part| part == block);
        assert!(is_there, "this is in no example:\n{}", block.join("\n"));
        blocks += 1;
    }
    assert!(blocks >= 5, "only {blocks} blocks were found");
}

#[test]
fn the_examples_run_and_run_again() {
    orders::the_logic_is_right().unwrap();
    let folder = tempfile::tempdir().unwrap();
    orders::run(folder.path()).unwrap();
    // All its commands are known by now.
    orders::run(folder.path()).unwrap();
    let database = tempfile::tempdir().unwrap();
    let database = format!("sqlite:{}/spending.db", database.path().display());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let wanted = [
        "c-0001: 1 order(s), 20.00",
        "of 3 events up to ",
        "0 offsets behind",
    ];
    let runtime = runtime.unwrap();
    for _ in 0..2 {
        let lines = runtime.block_on(spending::run(folder.path(), &database)).unwrap();
        assert_eq!(lines[0], wanted[0]);
        assert!(
            lines[1].starts_with(wanted[1]) && lines[1].ends_with(wanted[2]),
            "{lines:?}"
        );
    }
}
