//! A whole registry moved between servers and files by `annals registry`, and every answer compared afterwards.

mod dumps;
mod filled;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};

use crate::server::{Server, binary};
use filled::{done, fill, record, register, send};

fn annals(server: &Server, args: &[&str], wanted_code: i32) -> String {
    checked(&server.annals(&[&["registry"], args].concat()), args, wanted_code)
}

fn checked(out: &Output, args: &[&str], wanted_code: i32) -> String {
    let stdout = String::from_utf8(out.stdout.clone()).unwrap();
    let stderr = String::from_utf8(out.stderr.clone()).unwrap();
    assert_eq!(
        out.status.code(),
        Some(wanted_code),
        "{args:?}: {stdout}\n{stderr}"
    );
    stdout + &stderr
}

/// Every path whose answer tells something about what is registered.
fn paths(server: &Server) -> BTreeSet<String> {
    let mut paths: BTreeSet<String> = [
        "/subjects",
        "/subjects?deleted=true",
        "/subjects?deletedOnly=true",
        "/contexts",
        "/config",
        "/mode",
        "/schemas?subjectPrefix=:*:",
        "/schemas?subjectPrefix=:*:&deleted=true&aliases=true",
        "/config/:.__GLOBAL:",
        "/config/:.:",
        "/mode/:.:",
        "/config/money-alias",
        "/subjects/money-alias/versions",
        "/mode/:.__GLOBAL:",
    ]
    .map(str::to_owned)
    .into();
    for version in server
        .get("/schemas?subjectPrefix=:*:&deleted=true")
        .as_array()
        .unwrap()
    {
        let subject = version["subject"].as_str().unwrap();
        let context = subject
            .strip_prefix(':')
            .map_or(".", |rest| rest.split(':').next().unwrap());
        let escaped = subject.replace('/', "%2F");
        let (number, id, guid) = (
            &version["version"],
            &version["id"],
            version["guid"].as_str().unwrap(),
        );
        paths.extend([
            format!("/config/{escaped}"),
            format!("/mode/{escaped}"),
            format!("/config/{escaped}?defaultToGlobal=true"),
            format!("/config/:{context}:"),
            format!("/mode/:{context}:"),
            format!("/subjects/{escaped}/versions"),
            format!("/subjects/{escaped}/versions?deletedAsNegative=true"),
            format!("/subjects/{escaped}/versions/latest"),
            format!("/subjects/{escaped}/versions/{number}"),
            format!("/subjects/{escaped}/versions/{number}?deleted=true"),
            format!("/subjects/{escaped}/versions/{number}/schema?deleted=true"),
            format!("/subjects/{escaped}/versions/{number}/referencedby?deleted=true"),
            format!("/schemas/ids/{id}?subject=:{context}:"),
            format!("/schemas/ids/{id}?subject={escaped}"),
            format!("/schemas/ids/{id}/schema?subject=:{context}:"),
            format!("/schemas/ids/{id}/versions?subject=:{context}:&deleted=true"),
            format!("/schemas/ids/{id}/subjects?subject=:{context}:"),
            format!("/schemas/guids/{guid}"),
            format!("/schemas/guids/{guid}/ids"),
        ]);
    }
    paths
}

/// An answer without its times of registration, which are the one thing that is not moved.
fn timeless(mut answer: String) -> String {
    while let Some(start) = answer.find("\"ts\":") {
        let end = answer[start + 5..].find(|c: char| !c.is_ascii_digit()).unwrap() + start + 5;
        answer.replace_range(start..end, "");
    }
    answer
}

fn assert_same_answers(old: &Server, new: &Server) -> usize {
    let paths = paths(old);
    assert_eq!(paths, self::paths(new));
    for path in &paths {
        let [old, new] = [old, new].map(|server| {
            let (status, text) = send(server, "GET", path, &Value::Null);
            (status, timeless(text))
        });
        assert_eq!(old, new, "{path}");
    }
    paths.len()
}

fn path_in(dir: &Path, name: &str) -> String {
    dir.join(name).to_str().unwrap().to_owned()
}

#[test]
fn a_whole_registry_moves_through_a_file() {
    let (old, new) = (Server::start(&[]), Server::start(&[]));
    fill(&old);
    let dir = tempfile::tempdir().unwrap();
    let file = path_in(dir.path(), "all.jsonl");
    annals(&old, &["export", "--to", &file], 0);
    assert!(annals(&new, &["diff", "--from", &file], 3).contains("orders-value"));
    let said = annals(&new, &["import", &file], 0);
    assert!(said.contains("holds everything"), "{said}");
    assert!(annals(&new, &["diff", "--from", &old.http], 0).contains("versions"));
    let compared = assert_same_answers(&old, &new);
    assert!(compared > 150, "only {compared} answers");

    // Again: nothing changes, and it says so.
    let exported = annals(&new, &["export"], 0);
    let said = annals(&new, &["import", &file], 0);
    assert!(said.contains("nothing was changed"), "{said}");
    let report: Value = {
        let out = new.annals(&["registry", "import", &file, "-o", "json"]);
        serde_json::from_slice(&out.stdout).unwrap()
    };
    assert_eq!(
        (&report["changed"], &report["verify"]["same"]),
        (&json!(false), &json!(true))
    );
    assert_eq!(report["verify"]["counts"]["versions"]["missing"], 0);
    assert_eq!(exported, annals(&new, &["export"], 0));
    // Both work on alike: the same next id and version.
    let next = |server: &Server| {
        register(
            server,
            "copies-value",
            json!({"schema": record("Money", &["long", "string", "null"])}),
        )
    };
    for server in [&old, &new] {
        done(
            server,
            "PUT",
            "/config/copies-value",
            json!({"compatibility": "NONE"}),
        );
    }
    assert_eq!(next(&old), next(&new));
}

#[test]
fn what_is_missing_is_synced() {
    for old in [Server::start(&[]), Server::start(&["--registry-api-shape", "7"])] {
        let new = Server::start(&[]);
        fill(&old);
        let sync = |code| annals(&new, &["sync", "--from", &old.http], code);
        assert!(sync(0).contains("holds everything"));
        annals(&new, &["diff", "--from", &old.http], 0);
        assert!(sync(0).contains("nothing was changed"));
        // More versions, one that is deleted with one that refers to it, a mode and settings, in subjects with modes and
        // an alias of their own.
        done(&old, "PUT", "/mode/notes-value", json!({"mode": "READWRITE"}));
        register(&old, "notes-value", json!({"schema": record("Note", &["float"])}));
        done(&old, "PUT", "/mode/notes-value", json!({"mode": "READONLY"}));
        done(&old, "DELETE", "/subjects/orders-value/versions/1", json!(null));
        done(&old, "DELETE", "/subjects/offers-value", json!(null));
        done(&old, "DELETE", "/subjects/shop%2Fprice.proto", json!(null));
        done(
            &old,
            "PUT",
            "/config/orders-value",
            json!({"compatibility": null, "defaultMetadata": null}),
        );
        let said = sync(0);
        assert!(
            said.contains("registered 1 versions, soft-deleted 3, wrote 1 configs"),
            "{said}"
        );
        annals(&new, &["diff", "--from", &old.http], 0);
        // What only the new one has stays.
        register(&new, "mine-value", json!({"schema": "\"int\""}));
        assert!(sync(0).contains("nothing was changed"));
        assert!(annals(&new, &["diff", "--from", &old.http], 3).contains("mine-value"));
        // What is there otherwise stays as well, and is told.
        register(&old, "mine-value", json!({"schema": "\"long\""}));
        let said = sync(3);
        assert!(
            said.contains("mine-value") && said.contains("is not as"),
            "{said}"
        );
        let report = new.annals(&["registry", "diff", "--from", &old.http, "-o", "json"]);
        let report: Value = serde_json::from_slice(&report.stdout).unwrap();
        let text = json!({"kind": "version", "of": "mine-value", "version": 1, "part": "text",
            "left": "\"long\"", "right": "\"int\""});
        assert!(
            report["differences"].as_array().unwrap().contains(&text),
            "{report:#}"
        );
    }
}

/// Starts an import of many schemas and returns when the first are there.
fn begun(server: &Server, file: &str) -> std::process::Child {
    let child = Command::new(binary())
        .args(["registry", "import", file, "--server", &server.http])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    while server.get("/schemas?limit=1").as_array().unwrap().is_empty() {
        std::thread::yield_now();
    }
    child
}

#[test]
fn an_interrupted_import_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let file = path_in(dir.path(), "many");
    let line = |(subject, version): (u32, u32)| {
        let references = match subject {
            0 => json!([]),
            _ => json!([{"name": "shop.R", "subject": format!("s{}", subject - 1), "version": version}]),
        };
        let value = json!({"id": subject * 10 + version, "schema": record(&format!("R{subject}"), &["int"].repeat(version as usize)),
            "references": references, "deleted": version == 2});
        json!({"key": {"keytype": "SCHEMA", "subject": format!("s{subject}"), "version": version}, "value": value}).to_string()
    };
    // The last first: a version stands before what it refers to.
    let lines: Vec<String> = (0..400)
        .rev()
        .flat_map(|s| (1..=5).map(move |v| (s, v)))
        .map(line)
        .collect();
    fs::write(&file, lines.join("\n")).unwrap();
    let modes = |server: &Server| {
        let answers =
            (0..400).map(|subject| send(server, "GET", &format!("/mode/s{subject}"), &Value::Null).0);
        answers.filter(|status| *status == 200).count()
    };

    let server = Server::start(&[]);
    let mut child = begun(&server, &file);
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(
        server
            .get("/schemas?deleted=true&offset=999")
            .as_array()
            .unwrap()
            .len()
            < 1_000
    );
    let said = annals(&server, &["import", &file], 0);
    assert!(said.contains("holds everything"), "{said}");
    annals(&server, &["diff", "--from", &file], 0);
    assert_eq!(modes(&server), 0);

    // Interrupted by the user, it puts the modes right before it ends.
    let server = Server::start(&[]);
    let child = begun(&server, &file);
    let sent = Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status()
        .unwrap();
    assert!(sent.success());
    let said = checked(&child.wait_with_output().unwrap(), &["interrupted import"], 1);
    assert!(
        said.contains("interrupted") && said.contains("same command"),
        "{said}"
    );
    assert_eq!(modes(&server), 0);
    annals(&server, &["import", &file], 0);
    annals(&server, &["diff", "--from", &file], 0);
}
