//! What the README shows is what happens: its commands are run against the demo and their output compared.
//!
//! A block whose first line is `$ annals …` is run as it stands. The lines that `serve --demo` prints are compared
//! with their figures (ports, time, memory) blanked out. `UPDATE=1` prints the blocks as they should be.

use std::fs;
use std::path::Path;

use crate::server::Server;

#[test]
fn the_first_screen_is_true() {
    let readme = Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap()
        .join("README.md");
    let text = fs::read_to_string(readme).unwrap();
    let server = Server::start(&["--demo"]);
    let (mut compared, mut faults) = (0, Vec::new());
    for block in blocks(&text) {
        let (shown, real) = match block.first().and_then(|line| line.strip_prefix("$ annals ")) {
            Some(command) => {
                let args: Vec<&str> = command.split_whitespace().collect();
                let out = server.annals(&args);
                let real = String::from_utf8(out.stdout).unwrap() + &String::from_utf8(out.stderr).unwrap();
                (block[1..].join("\n"), real.lines().collect::<Vec<_>>().join("\n"))
            }
            None if block
                .iter()
                .any(|line| line.starts_with("annals ") && line.contains(" ready in ")) =>
            {
                (without_figures(&block), without_figures(&server.banner))
            }
            None => continue,
        };
        compared += 1;
        let real = real.trim_end().to_owned();
        if shown.trim_end() != real {
            faults.push(format!("README:\n{shown}\n\nreal:\n{real}\n"));
        }
    }
    assert!(compared >= 3, "only {compared} blocks were found");
    assert!(faults.is_empty(), "{}", faults.join("\n----\n"));
}

/// Blocks indented by four spaces.
fn blocks(text: &str) -> Vec<Vec<String>> {
    let mut blocks = vec![Vec::new()];
    for line in text.lines() {
        match line.strip_prefix("    ") {
            Some(code) if code.starts_with("$ ") => blocks.push(vec![code.to_owned()]),
            Some(code) => blocks.last_mut().unwrap().push(code.to_owned()),
            None => blocks.push(Vec::new()),
        }
    }
    blocks.retain(|block| !block.is_empty());
    blocks
}

/// Runs of digits become `#`, the data folder `DIR`, and runs of spaces one space.
fn without_figures(lines: &[String]) -> String {
    let mut out = String::new();
    for line in lines {
        let line = line.split(", data in ").next().unwrap();
        let mut digits = false;
        for word in line.split_whitespace() {
            for c in word.chars() {
                if !(c.is_ascii_digit() && digits) {
                    out.push(if c.is_ascii_digit() { '#' } else { c });
                }
                digits = c.is_ascii_digit();
            }
            digits = false;
            out.push(' ');
        }
        out.push('\n');
    }
    out
}
