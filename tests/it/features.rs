//! What a user's crate has to build for what it asks for: no more crates than stand here.

use std::collections::BTreeSet;
use std::process::Command;

use crate::tidy::root;

/// What is asked for, and how many crates that is at most, with our own.
const CRATES_MAX: &[(&str, &str, usize)] = &[
    ("annals-schema-model", "avro", 12),
    ("annals-event-store", "", 56),
    ("annals-event-store", "declarative", 110),
    ("annals-event-store", "avro-files", 107),
    ("annals-event-store", "http", 115),
    ("annals-event-store", "json", 145),
    ("annals-event-store", "projections", 152),
    ("annals-event-store", "remote", 66),
];

#[test]
fn a_users_crate_builds_what_it_asks_for() {
    let mut faults = Vec::new();
    for (package, features, max) in CRATES_MAX {
        let out = Command::new(env!("CARGO"))
            .args(["tree", "--offline", "--edges", "normal", "--prefix", "none"])
            .args(["--format", "{p}", "--no-default-features"])
            .args(["--package", package, "--features", features])
            .current_dir(root())
            .output()
            .unwrap();
        assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
        let tree = String::from_utf8(out.stdout).unwrap();
        let crates: BTreeSet<&str> = tree.lines().map(|line| line.trim_end_matches(" (*)")).collect();
        if crates.len() > *max {
            faults.push(format!(
                "{package} with [{features}] builds {} crates, at most {max}: {crates:#?}",
                crates.len()
            ));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}
