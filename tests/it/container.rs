//! Topics to Avro container files and back: what others read of ours, and what of theirs becomes records.

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::server::{Server, binary, clients, given};

const V1: &str = r#"{"type":"record","name":"Price","namespace":"shop","fields":[
    {"name":"item","type":"string"},{"name":"cents","type":"int"}]}"#;
const V2: &str = r#"{"type":"record","name":"Price","namespace":"shop","fields":[
    {"name":"cents","type":"long"},{"name":"note","type":["null","string"],"default":null},
    {"name":"item","type":"string"}]}"#;

/// A topic with records of two versions of its schema, many blocks of them, and one without a value.
fn prices(server: &Server, dir: &Path, topic: &str) -> Vec<Value> {
    let annals = |args: &[&str]| {
        let out = server.annals(args);
        assert!(
            out.status.success(),
            "{args:?}: {}",
            String::from_utf8_lossy(&out.stderr)
        );
    };
    let file = |name: &str, text: &str| {
        let path = dir.join(name);
        fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    annals(&["topic", "create", topic, "--partitions", "1"]);
    let mut wanted = Vec::new();
    let subject = format!("{topic}-value");
    for (version, text) in [(1, V1), (2, V2)] {
        annals(&["schema", "register", &subject, &file("price.avsc", text)]);
        let mut lines = String::new();
        for index in 0..4_000i64 {
            let item = format!("é{index}");
            let cents = index << (20 * (version - 1));
            lines += &json!({"item": item, "cents": cents}).to_string();
            lines.push('\n');
            wanted.push(json!({"item": item, "cents": cents, "note": null}));
        }
        annals(&["produce", topic, "--file", &file("lines.jsonl", &lines)]);
    }
    annals(&[
        "produce",
        topic,
        "--key",
        "k",
        "--tombstones",
        "--file",
        &file("empty.txt", "\n"),
    ]);
    wanted
}

fn lines(text: &str) -> Vec<Value> {
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// A program that reads a file, or writes one with a codec.
type Other = Box<dyn Fn(&[&str]) -> String>;

/// What a program prints; too long to be shown.
fn quiet(command: &mut Command) -> String {
    let out = command.output().unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    String::from_utf8(out.stdout).unwrap()
}

/// Who else knows container files, and the codecs each has here.
fn others() -> Vec<(&'static str, &'static [&'static str], Other)> {
    let mut others: Vec<(&'static str, &'static [&'static str], Other)> = Vec::new();
    if let Some(classpath) = given("container files of Avro Java", "ANNALS_AVRO_CLASSPATH") {
        let program = clients().join("java/Container.java");
        let java = move |args: &[&str]| {
            let mut command = Command::new("java");
            quiet(command.arg("-cp").arg(&classpath).arg(&program).args(args))
        };
        others.push(("java", &["null", "deflate", "snappy"], Box::new(java)));
    }
    if let Some(python) = given("container files of fastavro", "ANNALS_PYTHON") {
        let program = clients().join("python/container.py");
        let fastavro = move |args: &[&str]| quiet(Command::new(&python).arg(&program).args(args));
        others.push(("fastavro", &["null", "deflate"], Box::new(fastavro)));
    }
    others
}

#[test]
fn topics_go_to_container_files_and_back() {
    let server = Server::start(&[]);
    let dir = tempfile::tempdir().unwrap();
    let wanted = prices(&server, dir.path(), "prices");
    let path = |name: String| -> PathBuf { dir.path().join(name) };
    let others = others();
    for codec in ["null", "deflate", "snappy"] {
        let ours = path(format!("ours.{codec}.avro"));
        let ours = ours.to_str().unwrap();
        let out = server.annals(&["consume", "prices", "--avro", ours, "--codec", codec]);
        let said = String::from_utf8(out.stderr).unwrap();
        assert!(out.status.success() && out.stdout.is_empty(), "{said}");
        assert!(
            said.contains("schema of prices-value v2") && said.contains("wrote 8000 record(s)"),
            "{said}"
        );
        assert!(said.contains("1 record(s) have no value"), "{said}");
        for (name, codecs, other) in &others {
            if !codecs.contains(&codec) {
                continue;
            }
            assert_eq!(lines(&other(&["read", ours])), wanted, "{name} {codec}");
            let theirs = path(format!("{name}.{codec}.avro"));
            let theirs = theirs.to_str().unwrap();
            other(&["write", ours, codec, theirs]);
            back(&server, theirs, &format!("from-{name}-{codec}"), &wanted);
        }
        back(&server, ours, &format!("from-ours-{codec}"), &wanted);
    }
}

/// A file becomes the records of a topic, whose schema has the fields in another order.
fn back(server: &Server, file: &str, topic: &str, wanted: &[Value]) {
    let schema = format!("{topic}-value");
    server.annals(&["topic", "create", topic, "--partitions", "1"]);
    let answer = server.post(
        &format!("/subjects/{schema}/versions"),
        &json!({"schema": V1.replace("\"int\"", "\"long\"")}),
    );
    assert!(answer["id"].is_number(), "{answer}");
    let out = server.annals(&["produce", topic, "--file", file, "--key", "k"]);
    assert!(
        out.status.success(),
        "{file}: {}",
        String::from_utf8_lossy(&out.stderr)
    );
    let out = server.annals(&["consume", topic, "-o", "json"]);
    let read: Vec<Value> = lines(&String::from_utf8(out.stdout).unwrap());
    assert_eq!(read.len(), wanted.len(), "{file}");
    for (record, wanted) in read.iter().zip(wanted) {
        assert_eq!(record["key"], "k");
        assert_eq!(
            (&record["value"]["item"], &record["value"]["cents"]),
            (&wanted["item"], &wanted["cents"]),
            "{file}"
        );
    }
}

/// Runs a command, which ends with a code and says something.
fn says_at_the_end(server: &Server, args: &[&str], code: i32, says: &str) {
    let out = server.annals(args);
    let said = String::from_utf8(out.stderr).unwrap();
    assert_eq!(out.status.code(), Some(code), "{args:?}: {said}");
    assert!(said.contains(says), "{args:?} does not say {says:?}: {said}");
}

#[test]
fn what_is_no_container_file_or_no_topic_of_one_is_said() {
    let server = Server::start(&[]);
    let dir = tempfile::tempdir().unwrap();
    prices(&server, dir.path(), "prices");
    let path = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    let check = |args: &[&str], code, says| says_at_the_end(&server, args, code, says);
    let file = path("prices.avro");
    check(&["consume", "prices", "--avro", &file], 0, "wrote 8000");
    check(
        &["consume", "prices", "--avro", &file, "--codec", "lz"],
        2,
        "null, deflate or snappy",
    );
    check(
        &["consume", "prices", "--avro", &file, "--subject", "nobody"],
        5,
        "there is no subject nobody",
    );
    check(
        &["consume", "prices", "--avro", "/does/not/exist.avro"],
        1,
        "exist.avro",
    );
    check(&["topic", "create", "bare"], 0, "");
    check(
        &["produce", "bare", "--file", &file],
        2,
        "no Avro schema to write it with",
    );
    check(
        &["produce", "prices", "--file", &file, "--key-separator", "|"],
        2,
        "--key gives all of them one",
    );
    let whole = fs::read(&file).unwrap();
    fs::write(path("cut.avro"), &whole[..whole.len() - 5]).unwrap();
    check(
        &["produce", "prices", "--file", &path("cut.avro")],
        1,
        "the file is cut off",
    );
    // A record of another kind.
    let raw = path("raw.txt");
    fs::write(&raw, "no envelope\n").unwrap();
    check(
        &["topic", "create", "loose", "--config", "annals.value.guard=off"],
        0,
        "",
    );
    check(&["produce", "loose", "--raw", "--file", &raw], 0, "");
    check(
        &["consume", "loose", "--avro", &file, "--subject", "prices-value"],
        1,
        "offset 0: ",
    );
    assert_eq!(
        fs::read(&file).unwrap(),
        whole,
        "what cannot be written takes nobody's place"
    );
}

#[test]
fn whoever_stops_reading_a_container_file_ends_it_quietly() {
    let server = Server::start(&[]);
    let dir = tempfile::tempdir().unwrap();
    prices(&server, dir.path(), "prices");
    // Some hundred bytes of many blocks, and nothing at all.
    for read in [100, 0] {
        let mut child = Command::new(binary())
            .args(["consume", "prices", "--avro", "-", "--codec", "null"])
            .env("ANNALS_SERVER", &server.http)
            .env("ANNALS_BROKERS", &server.kafka)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut start = vec![0; read];
        let mut stdout = child.stdout.take().unwrap();
        stdout.read_exact(&mut start).unwrap();
        drop(stdout);
        let out = child.wait_with_output().unwrap();
        let said = String::from_utf8(out.stderr).unwrap();
        assert_eq!(out.status.code(), Some(0), "{said}");
    }
}

#[test]
fn a_container_file_has_its_name_when_it_is_whole() {
    let server = Server::start(&[]);
    let dir = tempfile::tempdir().unwrap();
    prices(&server, dir.path(), "prices");
    let path = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    let check = |args: &[&str], code, says| says_at_the_end(&server, args, code, says);
    // What was committed to a group is lost with its file.
    let of_group = path("group.avro");
    let args = ["consume", "prices", "--group", "g", "--avro", &of_group];
    check(&args, 0, "wrote 8000");
    assert!(!dir.path().join("group.avro.unfinished").exists());
    let whole = fs::read(&of_group).unwrap();
    check(&args, 1, "group.avro is there already");
    assert_eq!(fs::read(&of_group).unwrap(), whole);
    fs::rename(&of_group, path("group.avro.unfinished")).unwrap();
    check(&args, 1, "group.avro.unfinished is there already");
    // A device is no file to be replaced.
    check(&["consume", "prices", "--avro", "/dev/null"], 0, "wrote 8000");
    // What goes on until it is ended is whole then.
    let followed = path("followed.avro");
    let mut child = Command::new(binary())
        .args(["consume", "prices", "-f", "--avro", &followed])
        .env("ANNALS_SERVER", &server.http)
        .env("ANNALS_BROKERS", &server.kafka)
        .spawn()
        .unwrap();
    let unfinished = dir.path().join("followed.avro.unfinished");
    let begun = Instant::now();
    while fs::metadata(&unfinished).map_or(0, |file| file.len()) < 2_000 {
        assert!(begun.elapsed() < Duration::from_secs(60), "nothing is written");
        check(&["topic", "list"], 0, "");
    }
    let killed = Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status();
    assert!(killed.unwrap().success() && child.wait().unwrap().success());
    assert!(!unfinished.exists());
    check(&["produce", "prices", "--file", &followed], 0, "");
}

#[test]
fn rows_of_a_question_are_read_by_others() {
    let server = Server::start(&["--demo"]);
    let list = |format: &str| {
        let select = "status,total,address.city,items,placed_at";
        let out = server.annals(&["list", "order", "--select", select, "--format", format]);
        let said = String::from_utf8_lossy(&out.stderr);
        assert!(out.status.success(), "{said}");
        assert!(
            said.contains("folded at cut 0=") && said.contains(" by order@"),
            "{said}"
        );
        out.stdout
    };
    let wanted: Vec<Value> = lines(&String::from_utf8(list("ndjson")).unwrap())
        .into_iter()
        .map(|mut row| {
            let state = row["state"].take();
            let (city, items) = (&state["address.city"], state["items"].as_array().unwrap().len());
            json!([
                row["id"],
                row["revision"],
                state["status"],
                state["total"],
                city,
                items
            ])
        })
        .collect();
    assert_eq!(wanted.len(), 2_000);
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("orders.avro");
    fs::write(&file, list("avro")).unwrap();
    for (name, _, other) in others() {
        let read = lines(&other(&["read", file.to_str().unwrap()]));
        let read = read.into_iter().map(|row| {
            let items = row["items"].as_array().unwrap().len();
            json!([
                row["id"],
                row["revision"],
                row["status"],
                row["total"],
                row["address_city"],
                items
            ])
        });
        assert_eq!(read.collect::<Vec<_>>(), wanted, "{name}");
    }
}
