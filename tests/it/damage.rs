//! A log with a flipped bit, and a full disk, as a person meets them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::{Value, json};

use crate::server::{Server, binary};

/// `annals log ARGS` on a data folder.
fn log(data_dir: &Path, args: &[&str]) -> (i32, String) {
    let Output {
        status,
        stdout,
        stderr,
    } = Command::new(binary())
        .arg("log")
        .args(args)
        .arg("--data-dir")
        .arg(data_dir)
        .output()
        .unwrap();
    let text = [stdout, stderr].concat();
    (status.code().unwrap(), String::from_utf8(text).unwrap())
}

/// The largest log file of a topic.
fn largest(data_dir: &Path) -> PathBuf {
    let mut due = vec![data_dir.join("log/t")];
    let mut found = Vec::new();
    while let Some(path) = due.pop() {
        if path.is_dir() {
            due.extend(fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()));
        } else if path.extension().is_some_and(|extension| extension == "log") {
            found.push((path.metadata().unwrap().len(), path));
        }
    }
    found.into_iter().max().unwrap().1
}

#[test]
fn a_flipped_bit_is_shown_served_around_and_mended() {
    let place = tempfile::tempdir().unwrap();
    let data_dir = place.path();
    let (code, text) = log(data_dir, &["check"]);
    assert!(code == 5 && text.contains("holds no log"), "{code}: {text}");
    Server::start_in(data_dir, &["--demo"]).stop();
    let (code, text) = log(data_dir, &["check"]);
    assert!(
        code == 0 && text.contains("orders/0") && text.contains("sound"),
        "{code}: {text}"
    );

    let file = largest(data_dir);
    flip(&file);
    let bytes = fs::read(&file).unwrap();
    let (code, text) = log(data_dir, &["check", "-o", "json"]);
    let checked: Value = serde_json::from_str(&text).unwrap();
    assert_eq!((code, &checked["sound"]), (3, &json!(false)), "{text}");
    let sick = |partition: &&Value| partition["damage"] != json!([]);
    let sick: Vec<&Value> = checked["partitions"]
        .as_array()
        .unwrap()
        .iter()
        .filter(sick)
        .collect();
    assert_eq!(sick.len(), 1, "{text}");
    let name = sick[0]["partition"].as_str().unwrap();
    assert_eq!(fs::read(&file).unwrap(), bytes, "a check writes nothing");

    let server = Server::start_in(data_dir, &["--demo"]);
    assert_eq!(server.get("/readyz"), json!({"status": "ok", "damaged": [name]}));
    let page = ureq::get(format!("{}/console", server.http)).call().unwrap();
    let page = page.into_body().read_to_string().unwrap();
    let alert = page
        .find(&format!("{name} is damaged"))
        .expect("the first thing on the page");
    assert!(alert < page.find("Aggregates</h2>").unwrap(), "{page}");
    let metrics = ureq::get(format!("{}/metrics", server.http)).call().unwrap();
    let metrics = metrics.into_body().read_to_string().unwrap();
    assert!(metrics.contains("annals_log_damaged_partitions 1\n"), "{metrics}");
    let (code, text) = log(data_dir, &["check"]);
    assert!(
        code == 1 && text.contains("in use by another process"),
        "{code}: {text}"
    );
    server.stop();

    let (code, text) = log(data_dir, &["repair"]);
    assert!(code == 0 && text.contains(".damaged-1"), "{code}: {text}");
    let (code, text) = log(data_dir, &["check"]);
    assert_eq!(code, 0, "{text}");
    let (code, text) = log(data_dir, &["repair"]);
    assert!(code == 0 && text.contains("nothing to mend"), "{code}: {text}");
    a_key_index_of_other_bytes_is_shown_and_discarded(&file, data_dir);
    let server = Server::start_in(data_dir, &[]);
    assert_eq!(server.get("/readyz"), json!({"status": "ok"}));
    server.stop();
}

/// What is beside a log for questions is told apart from its records: nothing is lost with it.
fn a_key_index_of_other_bytes_is_shown_and_discarded(log_file: &Path, data_dir: &Path) {
    let index = log_file.with_extension("keys");
    fs::write(&index, [1; 5_000]).unwrap();
    let name = index.file_name().unwrap().to_str().unwrap();
    let (code, text) = log(data_dir, &["check"]);
    assert!(
        code == 0 && text.contains(&format!("{name} is not as it was")),
        "{code}: {text}"
    );
    let (code, text) = log(data_dir, &["repair"]);
    assert!(
        code == 0 && text.contains(&format!("{name} was not as it was")),
        "{code}: {text}"
    );
    assert!(!index.exists());
}

/// Flips a bit in the middle of a file.
fn flip(file: &Path) {
    let mut bytes = fs::read(file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 4;
    fs::write(file, &bytes).unwrap();
}

#[test]
fn a_derived_file_is_made_anew_and_a_lost_name_is_told() {
    let place = tempfile::tempdir().unwrap();
    let data_dir = place.path();
    let server = Server::start_in(data_dir, &[]);
    let created = server.annals(&["topic", "create", "events"]);
    assert!(created.status.success(), "{created:?}");
    server.stop();

    flip(&data_dir.join("log/CHECKPOINT"));
    let server = Server::start_in(data_dir, &[]);
    assert_eq!(server.get("/readyz"), json!({"status": "ok"}));
    server.stop();
    assert_eq!(log(data_dir, &["check"]).0, 0, "it was written anew");

    let meta = data_dir.join("log/meta/0/00000000000000000000.log");
    let mut bytes = fs::read(&meta).unwrap();
    let name = bytes.windows(6).position(|bytes| bytes == b"events").unwrap();
    bytes[name] ^= 1;
    fs::write(&meta, bytes).unwrap();
    let started = Command::new(binary())
        .args([
            "serve",
            "--http-listen",
            "127.0.0.1:0",
            "--kafka-listen",
            "127.0.0.1:0",
        ])
        .arg("--data-dir")
        .arg(data_dir)
        .output()
        .unwrap();
    let text = String::from_utf8(started.stderr).unwrap();
    assert!(
        !started.status.success() && text.contains("annals log repair"),
        "{text}"
    );
    let (code, text) = log(data_dir, &["repair"]);
    assert!(
        code == 0 && text.contains("is no topic any more: its name is lost"),
        "{code}: {text}"
    );
    let (code, text) = log(data_dir, &["repair", "-o", "json"]);
    let repaired: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(
        (code, repaired["nameless"][0]["partitions"].as_u64()),
        (0, Some(1)),
        "{text}"
    );
    let server = Server::start_in(data_dir, &[]);
    assert_eq!(server.get("/readyz"), json!({"status": "ok"}));
    server.stop();
}
