//! The words that a Kafka user knows, as a script sees them: topics, records written and read, groups.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::server::{Server, binary};

/// How long something that must come may take.
const PATIENCE: Duration = Duration::from_secs(60);

fn said(out: &Output) -> String {
    String::from_utf8_lossy(&out.stdout).into_owned() + &String::from_utf8_lossy(&out.stderr)
}

fn check(server: &Server, args: &[&str], code: i32, says: &[&str]) -> String {
    checked(&server.annals(args), args, code, says)
}

fn checked(out: &Output, args: &[&str], code: i32, says: &[&str]) -> String {
    let said = said(out);
    assert_eq!(out.status.code(), Some(code), "{args:?}: {said}");
    for words in says {
        assert!(said.contains(words), "{args:?} does not say {words:?}: {said}");
    }
    said
}

fn command(server: &Server, args: &[&str]) -> Command {
    let mut command = Command::new(binary());
    command
        .args(args)
        .env("ANNALS_SERVER", &server.http)
        .env("ANNALS_BROKERS", &server.kafka)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// A command that is given lines.
fn feed(server: &Server, args: &[&str], input: impl AsRef<[u8]>) -> Output {
    let mut child = command(server, args).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    // Who stops at a line does not read the others.
    let _ = stdin.write_all(input.as_ref());
    drop(stdin);
    child.wait_with_output().unwrap()
}

fn lines(out: &Output) -> Vec<Value> {
    assert!(out.status.success(), "{}", said(out));
    let text = String::from_utf8(out.stdout.clone()).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn register(server: &Server, subject: &str, kind: &str, schema: &str) {
    let path = format!("/subjects/{subject}/versions");
    server.post(&path, &json!({"schema": schema, "schemaType": kind}));
}

/// What each format's consumers print is what its producers take.
#[test]
fn what_is_consumed_can_be_produced_again() {
    let server = Server::start(&[]);
    let avro = r#"{"type":"record","name":"O","namespace":"shop","fields":[
        {"name":"id","type":"long"},
        {"name":"at","type":{"type":"long","logicalType":"timestamp-millis"}},
        {"name":"total","type":{"type":"bytes","logicalType":"decimal","precision":9,"scale":2}},
        {"name":"note","type":["null","string"],"default":null},
        {"name":"raw","type":"bytes"},
        {"name":"state","type":{"type":"enum","name":"S","symbols":["NEW","PAID"]},"default":"NEW"},
        {"name":"lines","type":{"type":"array","items":{"type":"map","values":"double"}}}]}"#;
    let whole = r#"{"id":9007199254740993,"at":"2026-03-04T12:00:00.250Z","total":"12.50","note":null,"raw":"AP8=","state":"PAID","lines":[{"a":0.5}]}"#;
    let short = r#"{"id":2,"at":0,"total":3,"note":{"string":"x"},"raw":"","lines":[]}"#;
    let filled = r#"{"id":2,"at":"1970-01-01T00:00:00.000Z","total":"3.00","note":"x","raw":"","state":"NEW","lines":[]}"#;
    let proto = "syntax = \"proto3\"; import \"google/protobuf/timestamp.proto\"; message P { int64 id = 1; google.protobuf.Timestamp at = 2; repeated string tags = 3; bytes raw = 4; }";
    let proto_line = r#"{"id":9007199254740993,"at":"2026-03-04T12:00:00.000Z","tags":["a"],"raw":"AP8="}"#;
    let schema = r#"{"type":"object","title":"J","properties":{"id":{"type":"integer"}},"required":["id"]}"#;
    for (topic, kind, schema, name, typed) in [
        (
            "avro",
            "AVRO",
            avro,
            "shop.O",
            vec![(whole, whole), (short, filled)],
        ),
        ("proto", "PROTOBUF", proto, "P", vec![(proto_line, proto_line)]),
        ("json", "JSON", schema, "J", vec![(r#"{"id": 1}"#, r#"{"id":1}"#)]),
    ] {
        register(&server, &format!("{topic}-value"), kind, schema);
        let full = "annals.value.guard=full";
        check(&server, &["topic", "create", topic, "--config", full], 0, &[]);
        let input: String = typed.iter().map(|(line, _)| format!("{line}\n")).collect();
        let wrote = format!("wrote {} record(s)", typed.len());
        let args = ["produce", topic, "--key", "k", "-H", "actor=jane"];
        let subject = format!("{topic}-value v1");
        checked(&feed(&server, &args, &input), &args, 0, &[&wrote, &subject]);
        let read = lines(&server.annals(&["consume", topic, "-o", "json"]));
        assert_eq!(read.len(), typed.len());
        for ((_, wanted), (offset, record)) in typed.iter().zip(read.iter().enumerate()) {
            let wanted: Value = serde_json::from_str(wanted).unwrap();
            assert_eq!(record["value"], wanted, "{record}");
            assert_eq!(record["schema"]["name"], name, "{record}");
            assert_eq!((&record["key"], &record["offset"]), (&json!("k"), &json!(offset)));
            assert_eq!(record["headers"], json!([{"name": "actor", "value": "jane"}]));
        }
        // Again, by what was printed.
        let again: String = read
            .iter()
            .map(|record| format!("{}\n", record["value"]))
            .collect();
        let args = ["produce", topic];
        checked(&feed(&server, &args, &again), &args, 0, &[&wrote]);
        let start = typed.len().to_string();
        let second = lines(&server.annals(&["consume", topic, "--from", &start, "-o", "json"]));
        let values = |records: &[Value]| records.iter().map(|r| r["value"].clone()).collect::<Vec<_>>();
        assert_eq!(values(&second), values(&read));
    }
}

#[test]
fn a_refused_line_is_named_and_the_others_are_as_told() {
    let server = Server::start(&[]);
    register(
        &server,
        "t-value",
        "JSON",
        r#"{"type":"object","required":["id"]}"#,
    );
    register(&server, "t-key", "AVRO", r#""string""#);
    check(&server, &["topic", "create", "t", "--partitions", "2"], 0, &[]);
    let input = "a|{\"id\": 1}\nb|{}\nc|{\"id\": 3}\n";
    let args = ["produce", "t", "-K", "|"];
    let said = checked(
        &feed(&server, &args, input),
        &args,
        3,
        &["line 2 was refused", "t-value v1", "--keep-going"],
    );
    assert!(said.contains("wrote 1 record(s)"), "{said}");
    let args = ["produce", "t", "-K", "|", "--keep-going", "-o", "json"];
    let out = feed(&server, &args, input);
    let answer: Value = serde_json::from_slice(&out.stdout).unwrap();
    assert_eq!(
        (&answer["written"], &answer["refusals"][0]["line"]),
        (&json!(2), &json!(2))
    );
    // What the broker refuses is told in its own words: here text, in a topic whose subject asks for more.
    let args = ["produce", "t", "--raw", "--partition", "1"];
    checked(
        &feed(&server, &args, "text\n"),
        &args,
        3,
        &["line 1 was refused: INVALID_RECORD", "magic byte"],
    );
    let keys: Vec<Value> = lines(&server.annals(&["consume", "t", "-o", "json"]))
        .iter()
        .map(|record| record["key"].clone())
        .collect();
    assert_eq!(keys.len(), 3, "{keys:?}");
    assert!(keys.contains(&json!("c")), "{keys:?}");
    let args = ["produce", "t", "-K", "|", "-Z"];
    checked(&feed(&server, &args, "a|\n"), &args, 0, &["wrote 1 record(s)"]);
    let read = lines(&server.annals(&["consume", "t", "-o", "json"]));
    assert_eq!(read.iter().filter(|record| record["value"].is_null()).count(), 1);
    for (args, code, says) in [
        (vec!["produce", "nobody"], 5, "annals topic create"),
        (
            vec!["produce", "t", "--subject", "nobody"],
            5,
            "annals schema list",
        ),
        (vec!["produce", "t", "--version", "9"], 5, "9"),
        (vec!["produce", "t", "--partition", "2"], 5, "only 0 to 1"),
        (vec!["produce", "t", "--server", "http://127.0.0.1:1"], 1, "--raw"),
    ] {
        checked(&feed(&server, &args, ""), &args, code, &[says]);
    }
}

/// A terminal's table has room for what a topic may hold, and text is bytes where nobody asks for more.
#[test]
fn lines_of_any_bytes_and_length_go_in_and_come_out() {
    let server = Server::start(&[]);
    check(&server, &["topic", "create", "text"], 0, &[]);
    let long = "a".repeat(70_000);
    let input = [b"first\n\xff\xfe\r\n", long.as_bytes(), b"\n"].concat();
    let raw = ["produce", "text", "--raw", "--key", "k"];
    checked(&feed(&server, &raw, &input), &raw, 0, &["wrote 3 record(s)"]);
    check(&server, &["consume", "text"], 0, &["first", &long]);
    let printed = server.annals(&["consume", "text", "--raw"]).stdout;
    assert!(printed == [b"first\n\xff\xfe\n", long.as_bytes(), b"\n"].concat());

    register(&server, "numbers-value", "AVRO", "\"long\"");
    check(&server, &["topic", "create", "numbers"], 0, &[]);
    let typed = ["produce", "numbers", "--keep-going"];
    let out = feed(&server, &typed, b"1\n\xff\n3\n");
    let named = "line 2 was refused: the value is not UTF-8";
    checked(&out, &typed, 3, &[named, "wrote 2 record(s)"]);
}

#[test]
fn a_range_is_what_was_asked_for() {
    let server = Server::start(&[]);
    check(&server, &["topic", "create", "t", "--partitions", "2"], 0, &[]);
    let hundred = |from: u32| (from..from + 100).map(|n| format!("{n}\n")).collect::<String>();
    for (partition, from) in [("0", 0), ("1", 1_000)] {
        let args = ["produce", "t", "--raw", "-p", partition];
        checked(&feed(&server, &args, hundred(from)), &args, 0, &["wrote 100"]);
    }
    let values = |args: &[&str]| -> Vec<u32> {
        let out = server.annals(&[&["consume", "t", "--raw"], args].concat());
        assert!(out.status.success(), "{args:?}: {}", said(&out));
        let text = String::from_utf8(out.stdout).unwrap();
        let mut values: Vec<u32> = text.lines().map(|line| line.parse().unwrap()).collect();
        values.sort_unstable();
        values
    };
    let both = |from: u32, to: u32| -> Vec<u32> { (from..to).chain(1_000 + from..1_000 + to).collect() };
    assert_eq!(values(&[]), both(0, 100));
    assert_eq!(values(&["--from", "end"]), [0u32; 0]);
    assert_eq!(values(&["--from", "90"]), both(90, 100));
    assert_eq!(values(&["--from", "-3"]), both(97, 100));
    assert_eq!(values(&["--from", "10", "--to", "12"]), both(10, 13));
    assert_eq!(values(&["--from", "-1h"]), both(0, 100));
    assert_eq!(values(&["--to", "1970-01-01"]), [0u32; 0]);
    assert_eq!(values(&["--from", "2999-01-01"]), [0u32; 0]);
    assert_eq!(
        values(&["-p", "1", "--max", "5"]),
        (1_000..1_005).collect::<Vec<_>>()
    );
    check(
        &server,
        &["consume", "t", "--from", "yesterday"],
        2,
        &["`beginning`", "RFC 3339"],
    );
    check(&server, &["consume", "t", "-p", "2"], 5, &["only 0 to 1"]);
    check(&server, &["consume", "nobody"], 5, &["annals topic list"]);
    // Nobody reads on: a quiet end.
    let mut child = command(&server, &["consume", "t", "-f"]).spawn().unwrap();
    let mut first = String::new();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    stdout.read_line(&mut first).unwrap();
    assert!(first.starts_with("PARTITION"), "{first}");
    drop(stdout);
    let args = ["produce", "t", "--raw"];
    let deadline = Instant::now() + PATIENCE;
    let status = loop {
        checked(&feed(&server, &args, "more\n"), &args, 0, &[]);
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        assert!(Instant::now() < deadline, "it goes on without a reader");
    };
    assert_eq!(status.code(), Some(0));
}

/// A consumer of a group that runs until it is told to stop.
fn member(server: &Server, group: &str) -> std::process::Child {
    let args = ["consume", "t", "--group", group, "-f", "--raw"];
    let mut command = command(server, &args);
    command
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

fn described(server: &Server, group: &str) -> Value {
    let out = server.annals(&["group", "describe", group, "-o", "json"]);
    serde_json::from_slice(&out.stdout).unwrap_or(Value::Null)
}

fn wait_until(server: &Server, group: &str, is_so: impl Fn(&Value) -> bool) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let group = described(server, group);
        if is_so(&group) {
            return;
        }
        assert!(Instant::now() < deadline, "{group:#}");
    }
}

fn interrupt(mut child: std::process::Child) {
    let sent = Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status();
    assert!(sent.unwrap().success());
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn groups_go_on_where_they_were_and_are_reset_when_nobody_is_there() {
    let server = Server::start(&[]);
    check(&server, &["topic", "create", "t", "--partitions", "2"], 0, &[]);
    for partition in ["0", "1"] {
        let args = ["produce", "t", "--raw", "-p", partition];
        checked(&feed(&server, &args, "a\nb\nc\n"), &args, 0, &[]);
    }
    let read = |args: &[&str]| -> usize {
        let out = server.annals(&[&["consume", "t", "--group", "g", "--raw"], args].concat());
        assert!(out.status.success(), "{}", said(&out));
        String::from_utf8(out.stdout).unwrap().lines().count()
    };
    assert_eq!(read(&["--max", "2"]), 2);
    assert_eq!(described(&server, "g")["lag"], 4, "{}", described(&server, "g"));
    assert_eq!(read(&[]), 4);
    assert_eq!(read(&[]), 0);
    check(&server, &["group", "list"], 0, &["g", "Empty"]);
    check(
        &server,
        &["group", "describe", "g"],
        0,
        &["0 record(s) behind", "COMMITTED"],
    );
    check(
        &server,
        &["group", "describe", "nobody"],
        5,
        &["annals group list"],
    );

    let reset = |more: &[&'static str]| {
        [
            &["group", "reset", "g", "--topic", "t", "--to", "beginning"],
            more,
        ]
        .concat()
    };
    check(&server, &reset(&["--dry-run"]), 0, &["BEFORE", "-3"]);
    check(&server, &reset(&[]), 2, &["--yes"]);
    assert_eq!(described(&server, "g")["lag"], 0);

    // While somebody is there, it stays as it is.
    let first = member(&server, "g");
    wait_until(&server, "g", |group| {
        group["members"]
            .as_array()
            .is_some_and(|members| members.len() == 1)
    });
    check(
        &server,
        &reset(&["--yes"]),
        1,
        &["1 member(s)", "stop its consumers"],
    );
    check(
        &server,
        &["group", "delete", "g", "--yes"],
        1,
        &["stop its consumers"],
    );
    // Two share the partitions.
    let second = member(&server, "g");
    wait_until(&server, "g", |group| {
        let shares = group["members"].as_array().into_iter().flatten();
        shares
            .map(|member| &member["partitions"])
            .eq([&json!(1), &json!(1)])
    });
    interrupt(first);
    interrupt(second);
    wait_until(&server, "g", |group| group["state"] == "Empty");

    check(&server, &reset(&["--yes", "--partition", "1"]), 0, &["AFTER"]);
    assert_eq!(described(&server, "g")["lag"], 3);
    assert_eq!(read(&[]), 3);
    // One that has never been.
    check(
        &server,
        &["group", "reset", "new", "--topic", "t", "--to", "end", "--yes"],
        0,
        &["new"],
    );
    assert_eq!(described(&server, "new")["lag"], 0);
    check(
        &server,
        &["group", "reset", "other", "--to", "end", "--yes"],
        5,
        &["--topic"],
    );
    check(
        &server,
        &["group", "delete", "new", "--topic", "t", "--yes"],
        0,
        &[],
    );
    check(&server, &["group", "delete", "g", "--yes"], 0, &["deleted"]);
    check(&server, &["group", "describe", "g"], 5, &[]);
}

/// DeleteRecords, version 0, of the first partition: as an admin client says it, for which there is no word here.
fn delete_records(server: &Server, topic: &str, before: i64) {
    let (key, version, correlation, no_client) = (21i16, 0i16, 1i32, -1i16);
    let mut frame: Vec<u8> = [key, version].iter().flat_map(|n| n.to_be_bytes()).collect();
    frame.extend(correlation.to_be_bytes());
    frame.extend(no_client.to_be_bytes());
    frame.extend(1i32.to_be_bytes());
    frame.extend(i16::try_from(topic.len()).unwrap().to_be_bytes());
    frame.extend(topic.as_bytes());
    frame.extend([1i32, 0].iter().flat_map(|n| n.to_be_bytes()));
    frame.extend(before.to_be_bytes());
    frame.extend(1_000i32.to_be_bytes());
    let mut stream = std::net::TcpStream::connect(&server.kafka).unwrap();
    let len = i32::try_from(frame.len()).unwrap();
    stream
        .write_all(&[&len.to_be_bytes()[..], &frame].concat())
        .unwrap();
    let mut len = [0; 4];
    stream.read_exact(&mut len).unwrap();
    let mut answer = vec![0; usize::try_from(i32::from_be_bytes(len)).unwrap()];
    stream.read_exact(&mut answer).unwrap();
    assert_eq!(answer[answer.len() - 2..], [0, 0], "{answer:?}");
}

#[test]
fn a_group_goes_on_behind_what_is_gone_and_comes_back_to_where_it_began() {
    let server = Server::start(&[]);
    check(&server, &["topic", "create", "t"], 0, &[]);
    let produce = |lines: &str| {
        let args = ["produce", "t", "--raw"];
        checked(&feed(&server, &args, lines), &args, 0, &[]);
    };
    produce("a\nb\nc\n");
    // Who begins at the end and is killed at once has a place to come back to.
    let mut late = command(
        &server,
        &["consume", "t", "--group", "late", "--from", "end", "-f"],
    );
    let mut late = late.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    wait_until(&server, "late", |group| group["partitions"][0]["committed"] == 3);
    late.kill().unwrap();
    late.wait().unwrap();
    produce("d\ne\n");
    wait_until(&server, "late", |group| group["lag"] == 2);

    let args = ["consume", "t", "--group", "g", "--raw"];
    check(&server, &[&args[..], &["--max", "1"]].concat(), 0, &["a"]);
    let page = ureq::get(format!("{}/console/topics/t", server.http))
        .call()
        .unwrap();
    let page = page.into_body().read_to_string().unwrap();
    let row = r#"<tr><th scope="row">g</th><td>Empty</td><td class="number">0</td><td class="number">4</td>"#;
    assert!(page.contains(row), "{page}");
    delete_records(&server, "t", 3);
    let out = server.annals(&args);
    let gone = "t-0 has no offset 1 any more: going on at 3";
    checked(&out, &args, 0, &[gone]);
    assert_eq!(String::from_utf8(out.stdout).unwrap(), "d\ne\n");
    assert_eq!(described(&server, "g")["lag"], 0);
}

#[test]
fn topics_are_described_altered_and_deleted() {
    let server = Server::start(&[]);
    check(&server, &["topic", "create", "t"], 0, &[]);
    let args = ["produce", "t", "--raw"];
    checked(&feed(&server, &args, "a\nb\n"), &args, 0, &["wrote 2"]);
    check(
        &server,
        &[
            "topic",
            "alter",
            "t",
            "--set",
            "max.message.bytes=2000",
            "--partitions",
            "3",
        ],
        0,
        &["altered"],
    );
    check(
        &server,
        &["topic", "describe", "t"],
        0,
        &["3 partition(s)", "max.message.bytes", "2000"],
    );
    check(
        &server,
        &["topic", "alter", "t", "--unset", "max.message.bytes"],
        0,
        &[],
    );
    let described = |all: bool| -> Value {
        let mut args = vec!["topic", "describe", "t", "-o", "json"];
        args.extend(all.then_some("--all"));
        serde_json::from_slice(&server.annals(&args).stdout).unwrap()
    };
    let short = described(false);
    assert_eq!(
        short["partitions"][0],
        json!({"partition": 0, "start": 0, "end": 2})
    );
    let settings = |answer: &Value| answer["settings"].as_array().unwrap().len();
    assert!(settings(&short) < settings(&described(true)));
    check(&server, &["topic", "alter", "t"], 2, &["--set"]);
    check(
        &server,
        &["topic", "alter", "t", "--set", "no.such=1"],
        1,
        &["no.such"],
    );
    check(
        &server,
        &["topic", "alter", "t", "--partitions", "1"],
        1,
        &["t was not altered"],
    );
    check(
        &server,
        &["topic", "delete", "t"],
        2,
        &["up to 2 record(s)", "--yes"],
    );
    check(&server, &["topic", "delete", "t", "--yes"], 0, &["deleted"]);
    check(&server, &["topic", "describe", "t"], 5, &["annals topic list"]);
}
