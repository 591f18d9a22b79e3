//! The command line as a script sees it: exit codes, both output forms, help with an example everywhere.

use std::fs;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::server::{Server, binary};

fn file(dir: &tempfile::TempDir, name: &str, text: &str) -> String {
    let path = dir.path().join(name);
    fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn exit_codes_and_outputs() {
    let server = Server::start(&["--demo"]);
    let dir = tempfile::tempdir().unwrap();
    let v1 = file(
        &dir,
        "v1.avsc",
        r#"{"type":"record","name":"R","fields":[{"name":"a","type":"long"}]}"#,
    );
    let good = file(
        &dir,
        "good.avsc",
        r#"{"type":"record","name":"R","fields":[{"name":"a","type":"long"},{"name":"b","type":"string","default":""}]}"#,
    );
    let bad = file(
        &dir,
        "bad.avsc",
        "{\"type\":\"record\",\"name\":\"R\",\"fields\":[\n  {\"name\":\"a\",\"type\":\"long\"},\n  {\"name\":\"b\",\"type\":\"string\"}]}",
    );
    let odd = file(&dir, "odd.avsc", r#"{"type":"record","name":"xé","fields":[]}"#);
    let broken = file(&dir, "broken.avsc", "{\"type\":\"record\"");
    let id = server.get("/v1/aggregates/order?limit=1")["items"][0]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let order = format!("order/{id}");

    let check = |args: &[&str], code: i32, says: &str| {
        let out = server.annals(args);
        let said = String::from_utf8(out.stdout).unwrap() + &String::from_utf8(out.stderr).unwrap();
        assert_eq!(out.status.code(), Some(code), "{args:?}: {said}");
        assert!(said.contains(says), "{args:?} does not say {says:?}: {said}");
    };
    check(&["topic", "list"], 0, "orders");
    check(
        &[
            "topic",
            "create",
            "t1",
            "--partitions",
            "2",
            "--config",
            "annals.value.guard=off",
        ],
        0,
        "t1",
    );
    check(&["topic", "create", "t1"], 1, "t1");
    check(
        &["topic", "create", "t2", "--config", "annals.value.guard=maybe"],
        1,
        "off, warn, id, subject or full",
    );
    check(&["schema", "list"], 0, "packages-value");
    check(&["schema", "get", "packages-value"], 0, "PackageEvent");
    check(&["schema", "get", "nobody"], 5, "nobody");
    check(&["schema", "check", "t1-value", &v1], 0, "no version yet");
    check(&["schema", "register", "t1-value", &v1], 0, "v1");
    check(&["schema", "check", "t1-value", &good], 0, "compatible");
    check(
        &["schema", "check", "t1-value", &bad],
        3,
        "READER_FIELD_MISSING_DEFAULT_VALUE",
    );
    check(&["schema", "check", "t1-value", &bad], 3, "bad.avsc:3:");
    check(&["schema", "register", "t1-value", &bad], 1, "incompatible");
    check(&["schema", "register", "t1-value", &broken], 1, "");
    for command in ["check", "register"] {
        check(&["schema", command, "odd-value", &odd], 1, "xé");
    }
    check(
        &["schema", "check", "t1-value", &v1, "--type", "thrift"],
        2,
        "THRIFT",
    );
    check(
        &["schema", "check", "t1-value", "/does/not/exist.avsc"],
        1,
        "exist.avsc",
    );
    check(&["state", &order], 0, "status");
    check(&["history", &order], 0, "OrderPlaced");
    let source = server.get(&format!("/v1/aggregates/order/{id}"))["time"].clone();
    let clock = format!("clock of: {}", source.as_str().unwrap());
    check(&["history", &order], 0, &clock);
    check(&["diff", &order, "--from", "revision:0"], 0, &clock);
    check(
        &["state", &order],
        0,
        &format!("time {}", source.as_str().unwrap()),
    );
    check(
        &["diff", &order, "--from", "revision:0", "--to", "revision:1"],
        0,
        "~",
    );
    check(&["state", "order/nobody"], 5, "nobody");
    check(&["state", "nothing/1"], 5, "order");
    for command in ["state", "history"] {
        for at in ["yesterday", "-2y", "offset:x", "2026-13-01", "12"] {
            check(&[command, &order, "--at", at], 2, "RFC 3339");
        }
        check(&[command, &order, "--at", "9=1"], 2, "no 9");
        check(
            &[command, &order, "--at", "2999-01-01"],
            0,
            "is taken for 2999-01-01T23:59:59.999Z",
        );
        check(
            &[command, &order, "--at", "2999-01-01 12:00"],
            0,
            "is taken for 2999-01-01T12:00:00.000Z",
        );
        check(&[command, &order, "--at", "now"], 0, "now is taken for 2");
    }
    check(&["diff", &order, "--from", "yesterday"], 2, "RFC 3339");
    check(
        &["diff", &order, "--from", "revision:0", "--to", "tomorrow"],
        2,
        "RFC 3339",
    );
    check(&["state", &order, "--at", "-1000w"], 5, "");
    check(&["state", "no-slash"], 2, "TYPE/ID");
    check(&["state", &order, "--explain"], 0, "(line ");
    check(&["list", "order", "--limit", "1"], 0, "order_id");
    let paid = "state.status == 'paid' && state.total > decimal('10')";
    check(
        &[
            "list",
            "order",
            "--where",
            paid,
            "--select",
            "total,address.city",
            "--order",
            "-total",
        ],
        0,
        "address.city",
    );
    check(
        &["list", "order", "--sum", "total", "--count", "--limit", "1"],
        0,
        "sum of total: ",
    );
    check(
        &["list", "order", "--where", "state.totall > 1"],
        2,
        "nothing sets state.totall",
    );
    check(
        &["list", "order", "--at", "2999-01-01"],
        0,
        "at: 2999-01-01T23:59:59.999Z (cut 0=",
    );
    check(
        &["list", "order", "--at", "0=9"],
        0,
        "the cut 0=9 has nothing of partitions 1, 2, because",
    );
    check(
        &["list", "order", "--order", "-total", "--format", "csv"],
        0,
        "id,partition",
    );
    check(
        &["list", "order", "--select", "items[first].status"],
        2,
        "brackets hold an index",
    );
    check(&["list", "nobody"], 5, "order, package");
    check(&["changes", "--actor", "nobody"], 0, "AGGREGATE");
    // What happened on a day is since that day.
    check(
        &["changes", "order", "--since", "1970-01-02"],
        0,
        "from: 1970-01-01T23:59:59.999Z (cut 0=-1",
    );
    let cuts = ["--since", "0=9", "--until", "0=10,1=10"];
    check(
        &[&["changes", "order"], &cuts[..]].concat(),
        0,
        "the cut 0=10,1=10 has nothing of partitions 2, because",
    );
    check(
        &[
            "changes",
            "order",
            "--kind",
            "AddressChanged",
            "--field",
            "address.street",
        ],
        0,
        "~ /address/street",
    );
    check(&["changes", "order", "--field", "a..b"], 2, "no place in a state");
    check(
        &["diff", "order", "--from", "2999-01-01"],
        0,
        "from: 2999-01-01T23:59:59.999Z",
    );
    check(&["diff", "nobody", "--from", "-1d"], 5, "order, package");
    check(&["diff", "order/", "--from", "-1d"], 2, "TYPE/ID");
    check(&["fold", "list"], 0, "packages-value v1");
    check(&["fold", "update", "order"], 0, "newest versions already");
    check(&["fold", "update", "nobody"], 5, "order, package");
    check(&["fly"], 2, "fly");

    let json = |args: &[&str]| -> Value {
        let out = server.annals(&[args, &["-o", "json"]].concat());
        serde_json::from_slice(&out.stdout).unwrap_or_else(|e| panic!("{args:?}: {e}"))
    };
    assert!(json(&["topic", "list"]).as_array().unwrap().len() >= 3);
    let time = "message.timestamp.type";
    assert_eq!(json(&["topic", "create", "t3"])["config"][time], "LogAppendTime");
    let by_producer = format!("{time}=CreateTime");
    let created = json(&["topic", "create", "t4", "--config", &by_producer]);
    assert_eq!(created["config"][time], "CreateTime");
    assert_eq!(
        json(&["schema", "check", "t1-value", &bad])["findings"][0]["line"],
        3
    );
    assert_eq!(json(&["schema", "get", "t1-value"])["version"], 1);
    assert_eq!(json(&["state", &order])["id"], Value::String(id));
    assert!(
        json(&["state", &order, "--explain"])["explanation"]["leaves"]
            .as_array()
            .unwrap()
            .len()
            > 9
    );
    let listed = json(&["list", "order", "--count", "--select", "status"]);
    let count = listed["items"].as_array().unwrap().len();
    assert_eq!(
        (&listed["matched"], &listed["total"]),
        (&count.into(), &count.into())
    );
    assert!(listed["items"][0]["state"]["status"].is_string());
    let csv = server
        .annals(&["list", "order", "--format", "csv", "--select", "status"])
        .stdout;
    let csv = String::from_utf8(csv).unwrap();
    assert_eq!(
        csv.lines().next(),
        Some("id,partition,events,revision,offset,recorded,halted,status")
    );
    assert_eq!(csv.lines().count(), count + 1);
    let lines = server
        .annals(&["list", "order", "--format", "ndjson", "--limit", "3"])
        .stdout;
    assert_eq!(String::from_utf8(lines).unwrap().lines().count(), 3);
    let changes = json(&[
        "changes",
        "order",
        "--field",
        "address.street",
        "--kind",
        "AddressChanged",
    ]);
    assert_eq!(changes["entries"][0]["changes"][0]["path"], "/address/street");
    let appeared = json(&["diff", "order", "--from", "1970-01-01"]);
    assert_eq!(appeared["items"].as_array().unwrap().len(), count);
    assert_eq!(appeared["items"][0]["kind"], "appeared");
    assert_eq!(json(&["fold", "list"])["running"][0]["name"], "order");
    assert_eq!(
        json(&["fold", "update", "package"])["readers"][0]["event"],
        "shop.packages.PackageEvent"
    );
    fs::write(server.data_dir().join("folds/new.yaml"), "name: new\nrev: one\n").unwrap();
    let since = Instant::now();
    while server.annals(&["fold", "list"]).status.success() {
        assert!(
            since.elapsed() < Duration::from_secs(60),
            "the new file is not seen"
        );
    }
    check(&["fold", "list"], 1, "new.yaml, line 2");
    check(&["state", "new/1"], 5, "line 2");
    check(&["fold", "update", "new"], 1, "line 2");
    let listed = server.annals(&["fold", "list", "-o", "json"]);
    let listed: Value = serde_json::from_slice(&listed.stdout).unwrap();
    assert_eq!(listed["not_loaded"][0]["line"], 2, "{listed}");
    assert!(json(&["history", &order])["entries"].as_array().is_some());
    assert!(
        json(&["diff", &order, "--from", "revision:0"])["changes"]
            .as_array()
            .is_some()
    );
}

#[test]
fn questions_that_fit_nothing_are_refused_and_all_types_are_one_document() {
    let server = Server::start(&["--demo"]);
    let check = |args: &[&str], code: i32, says: &str| {
        let out = server.annals(args);
        let said = String::from_utf8(out.stdout).unwrap() + &String::from_utf8(out.stderr).unwrap();
        assert_eq!(out.status.code(), Some(code), "{args:?}: {said}");
        assert!(said.contains(says), "{args:?} does not say {says:?}: {said}");
    };
    check(&["changes", "--kind", "Nothing"], 2, "knows no such event");
    check(&["changes", "order", "--actor", ""], 2, "it is empty");
    check(
        &["changes", "order", "--field", "totall"],
        2,
        "nothing sets state.totall",
    );
    check(&["changes", "--since", "offset:1"], 2, "name a type");
    let backwards = ["--since", "2026-02-01", "--until", "2026-01-01"];
    check(
        &[&["changes"], &backwards[..]].concat(),
        2,
        "the earlier point first",
    );
    check(
        &[&["changes", "order"], &backwards[..]].concat(),
        2,
        "the earlier point first",
    );
    for command in [
        &["state", "order/1", "--at", ""][..],
        &["list", "order", "--at", " "],
        &["diff", "order", "--from", ""],
        &["changes", "--until", ""],
    ] {
        check(command, 2, "it is empty");
    }
    check(
        &["list", "order", "--at", "revision:1"],
        2,
        "not of all; give a time, or a full cut",
    );
    // What fits into no URL is said to be too long, and nothing panics.
    let long = "x".repeat(66_000);
    let too_long = "66000 bytes in the URL of the request, and that may have 65534 in all";
    check(&["state", &format!("order/{long}")], 2, too_long);
    check(&["history", &format!("order/{long}")], 2, too_long);
    check(&["list", "order", "--where", &long], 2, too_long);
    check(
        &["list", "order", "--where", &long, "--format", "csv"],
        2,
        too_long,
    );
    check(&["list", &long], 2, too_long);
    check(&["changes", "order", "--actor", &long], 2, too_long);
    check(&["list", "order", "--select", ""], 2, "names nothing");
    check(&["list", "order", "--order", "items"], 2, "has no order");
    check(
        &["list", "order", "--count", "--format", "csv"],
        2,
        "no place for a count",
    );
    check(&["state", "order/.."], 5, "`hex:2e2e` does not exist");
    check(&["state", "order/hex:"], 5, "`hex:` does not exist");
    check(&["state", "order/a\u{1b}[2J"], 5, "`a\\u{1b}[2J` does not exist");

    let out = server.annals(&["changes", "--kind", "AddressChanged", "-o", "json"]);
    let said = String::from_utf8(out.stderr).unwrap();
    assert!(
        said.contains("package is left out: kind `AddressChanged`"),
        "{said}"
    );
    let all: Value = serde_json::from_slice(&out.stdout).unwrap();
    let types = all["aggregates"].as_array().unwrap();
    assert_eq!((types.len(), &types[0]["aggregate"]), (1, &"order".into()));
    let all = server
        .annals(&["changes", "--actor", "nobody", "-o", "json"])
        .stdout;
    let all: Value = serde_json::from_slice(&all).unwrap();
    assert_eq!(all["aggregates"].as_array().unwrap().len(), 2, "{all}");
}

#[test]
fn every_command_has_help_with_an_example() {
    for command in [
        "serve",
        "state",
        "history",
        "diff",
        "list",
        "changes",
        "schema list",
        "schema get",
        "fold list",
        "fold check",
        "fold test",
        "fold diff",
        "fold load",
        "fold update",
        "gen rust",
        "gen typescript",
        "gen python",
        "gen asyncapi",
        "gen pull",
        "gen update",
        "gen check",
        "schema register",
        "schema check",
        "registry export",
        "registry import",
        "registry diff",
        "registry sync",
        "topic list",
        "topic create",
        "topic describe",
        "topic alter",
        "topic delete",
        "produce",
        "consume",
        "group list",
        "group describe",
        "group reset",
        "group delete",
    ] {
        let out = Command::new(binary())
            .args(command.split(' '))
            .arg("--help")
            .output()
            .unwrap();
        let help = String::from_utf8(out.stdout).unwrap();
        assert!(
            out.status.success() && help.contains(&format!("  annals {command}")),
            "{command}: {help}"
        );
    }
    let check = |command: &str, names: bool, form: &str| {
        let out = Command::new(binary()).args([command, "--help"]).output().unwrap();
        let help = String::from_utf8(out.stdout).unwrap();
        assert_eq!(help.contains(form), names, "{command} and {form}: {help}");
    };
    for (command, revision) in [
        ("state", true),
        ("history", true),
        ("diff", true),
        ("list", false),
        ("changes", false),
    ] {
        check(command, true, "RFC 3339");
        check(command, true, "`offset:N`");
        check(command, revision, "`revision:N`");
    }
    let out = Command::new(binary())
        .args(["state", "a/b", "--server", "http://127.0.0.1:1"])
        .output()
        .unwrap();
    assert_eq!(out.status.code(), Some(1));
    assert!(String::from_utf8(out.stderr).unwrap().contains("--server"));
}
