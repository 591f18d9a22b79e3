//! The tutorial is true: its code is that of the example, and the example does what it says.

// Tests say what went wrong by panicking.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::Path;

#[allow(dead_code)]
#[path = "../../examples/orders.rs"]
mod orders;

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
    let (tutorial, example) = (read("../docs/tutorial.md"), read("examples/orders.rs"));
    let example = lines(&example);
    let mut blocks = 0;
    for block in tutorial.split("```rust\n").skip(1) {
        let block = lines(block.split("```").next().unwrap());
        let is_there = example.windows(block.len()).any(|part| part == block);
        assert!(
            is_there,
            "this is not in examples/orders.rs:\n{}",
            block.join("\n")
        );
        blocks += 1;
    }
    assert!(blocks >= 5, "only {blocks} blocks were found");
}

#[test]
fn the_example_runs_and_runs_again() {
    orders::the_logic_is_right().unwrap();
    let folder = tempfile::tempdir().unwrap();
    orders::run(folder.path()).unwrap();
    // All its commands are known by now.
    orders::run(folder.path()).unwrap();
}
