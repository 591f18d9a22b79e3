//! `annals gen pull | update | check`: a folder of schemas beside a registry that goes on without it.

use std::fs;
use std::path::PathBuf;

use serde_json::{Value, json};

use crate::server::Server;
use crate::tidy::root;

const MONEY: &str =
    r#"{"type":"record","name":"Money","namespace":"shop","fields":[{"name":"cents","type":"long"}]}"#;

fn order(more: &str) -> String {
    format!(
        r#"{{"type":"record","name":"Order","namespace":"shop","fields":[{{"name":"total","type":"Money"}}{more}]}}"#
    )
}

struct Folder<'a> {
    server: &'a Server,
    folder: tempfile::TempDir,
}

impl Folder<'_> {
    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join("schemas").join(name)
    }

    fn write(&self, name: &str, text: &str) {
        fs::create_dir_all(self.at(name).parent().unwrap()).unwrap();
        fs::write(self.at(name), text).unwrap();
    }

    /// Runs a command, and answers what it printed.
    fn check(&self, args: &[&str], code: i32, says: &str) -> String {
        let schemas = self.folder.path().join("schemas");
        let schemas = ["--schemas", schemas.to_str().unwrap()];
        let out = self.server.annals(&[&["gen"], args, &schemas].concat());
        let said = String::from_utf8(out.stdout).unwrap() + &String::from_utf8(out.stderr).unwrap();
        assert_eq!(out.status.code(), Some(code), "{args:?}: {said}");
        assert!(said.contains(says), "{args:?} does not say {says:?}: {said}");
        said
    }

    /// The state of each version, by `annals gen check`.
    fn states(&self, code: i32) -> Vec<(String, u64, String)> {
        let said = self.check(&["check", "-o", "json"], code, "schemas");
        let said: Value = serde_json::from_str(&said).unwrap();
        assert_eq!(said["ok"], code == 0, "{said}");
        let rows = said["schemas"].as_array().unwrap().iter().map(|row| {
            let text = |key: &str| row[key].as_str().unwrap().to_owned();
            (text("subject"), row["version"].as_u64().unwrap(), text("state"))
        });
        rows.collect()
    }
}

fn register(server: &Server, subject: &str, text: &str, references: Value) {
    let body = json!({"schema": text, "references": references});
    server.post(&format!("/subjects/{subject}/versions"), &body);
}

fn row(subject: &str, version: u64, state: &str) -> (String, u64, String) {
    (subject.to_owned(), version, state.to_owned())
}

/// A folder into which an order was pulled, with what it refers to.
fn pulled(server: &Server) -> Folder<'_> {
    let folder = Folder {
        server,
        folder: tempfile::tempdir().unwrap(),
    };
    fs::create_dir(folder.at("")).unwrap();
    register(server, "shop%2Fmoney", MONEY, json!([]));
    register(server, "orders-value", &order(""), money());
    folder.check(&["pull", "orders-value"], 0, "orders-value");
    folder
}

fn money() -> Value {
    json!([{"name": "shop.Money", "subject": "shop/money", "version": 1}])
}

const DEFAULT: &str = r#",{"name":"note","type":"string","default":""}"#;

#[test]
fn what_is_pulled_is_what_is_registered() {
    let server = Server::start(&[]);
    let empty = Folder {
        server: &server,
        folder: tempfile::tempdir().unwrap(),
    };
    empty.check(&["pull"], 2, "annals gen pull orders-value");
    empty.check(&["pull", "orders-value"], 5, "orders-value");
    empty.check(&["pull", "--topic", "orders"], 5, "topic orders");

    // What a schema refers to comes with it.
    let folder = pulled(&server);
    let lock = fs::read_to_string(folder.at("annals.lock")).unwrap();
    assert!(
        lock.contains("name = \"shop.Money\", subject = \"shop/money\", version = 1"),
        "{lock}"
    );
    assert_eq!(
        fs::read_to_string(folder.at("shop%2Fmoney/v1.avsc")).unwrap(),
        MONEY
    );
    let same = [row("orders-value", 1, "same"), row("shop/money", 1, "same")];
    assert_eq!(folder.states(0), same);
    folder.check(&["pull"], 0, "unchanged");
    assert_eq!(
        fs::read_to_string(folder.at("annals.lock")).unwrap(),
        lock,
        "the same makes the same"
    );
}

#[test]
fn a_change_of_ones_own_is_asked_about() {
    let server = Server::start(&[]);
    let folder = pulled(&server);
    let same = [row("orders-value", 1, "same"), row("shop/money", 1, "same")];
    // A change of one's own: welcome, refused, and in a subject nobody registered yet.
    folder.write("orders-value/v2.avsc", &order(DEFAULT));
    folder.write("refunds-value/v1.avsc", &order(""));
    let new = [
        &same[..],
        &[row("orders-value", 2, "new"), row("refunds-value", 1, "new")],
    ]
    .concat();
    assert_eq!(folder.states(0), new);
    folder.write(
        "orders-value/v2.avsc",
        &order(&DEFAULT.replace(",\"default\":\"\"", "")),
    );
    let out = folder.check(&["check"], 3, "READER_FIELD_MISSING_DEFAULT_VALUE");
    assert!(out.contains("refused"), "{out}");
}

/// A registered name without a suffix is asked about as it is.
#[test]
fn a_subject_that_is_called_as_nothing_else_is_itself() {
    let server = Server::start(&[]);
    let folder = pulled(&server);
    register(&server, "bare", MONEY, json!([]));
    folder.check(&["pull", "bare"], 0, "bare");
    let same = [
        row("bare", 1, "same"),
        row("orders-value", 1, "same"),
        row("shop/money", 1, "same"),
    ];
    assert_eq!(folder.states(0), same);
    folder.write("bare/v2.avsc", &MONEY.replace("\"long\"", "\"string\""));
    let refused = [&same[..], &[row("bare", 2, "refused")]].concat();
    assert_eq!(folder.states(3), refused);
}

#[test]
fn a_registry_goes_on() {
    let server = Server::start(&[]);
    let folder = pulled(&server);
    register(&server, "orders-value", &order(DEFAULT), money());
    folder.write(
        "orders-value/v2.avsc",
        &order(&DEFAULT.replace(",\"default\":\"\"", "")),
    );
    folder.check(&["update"], 1, "orders-value/v2.avsc is there");
    // A number that another text has, and a text that has another number.
    folder.write("orders-value/v2.avsc", &order(&DEFAULT.replace("note", "remark")));
    assert!(folder.states(3).contains(&row("orders-value", 2, "differs")));
    fs::remove_file(folder.at("orders-value/v2.avsc")).unwrap();
    folder.write("orders-value/v3.avsc", &order(DEFAULT));
    folder.check(&["check"], 3, "the registry has this text as v2");
    fs::remove_file(folder.at("orders-value/v3.avsc")).unwrap();
    folder.write("orders-value/v2.avsc", &order(DEFAULT).replace(',', ",\n"));
    assert!(
        folder.states(0).contains(&row("orders-value", 2, "same")),
        "it is registered"
    );
    assert!(folder.states(0).contains(&row("orders-value", 1, "behind")));
    folder.check(&["check"], 0, "the registry has v2; `annals gen update` takes it");
    folder.check(&["check", "--latest"], 3, "behind");
    folder.check(&["update", "orders-value"], 0, "v1");
    assert_eq!(
        fs::read_to_string(folder.at("orders-value/v2.avsc")).unwrap(),
        order(DEFAULT)
    );
    folder.check(&["update", "nobody"], 5, "annals gen pull nobody");
    let locked = [
        row("orders-value", 1, "same"),
        row("orders-value", 2, "same"),
        row("shop/money", 1, "same"),
    ];
    assert_eq!(folder.states(0), locked);

    // Another level, an edited file, a version that is gone.
    let body = json!({"compatibility": "FULL"});
    let url = format!("{}/config/orders-value", server.http);
    ureq::put(&url).send_json(&body).unwrap();
    folder.check(
        &["check"],
        3,
        "the subject's level: FULL there, BACKWARD in annals.lock",
    );
    folder.check(&["pull"], 0, "");
    folder.states(0);
    folder.write("orders-value/v1.avsc", "{}");
    folder.check(&["check"], 3, "is no longer the text that annals.lock has");
    folder.check(&["pull"], 0, "changed");
    folder.states(0);
    ureq::delete(format!("{}/subjects/orders-value/versions/1", server.http))
        .call()
        .unwrap();
    folder.check(&["check"], 3, "the registry does not have it");
    let kept = fs::read_to_string(folder.at("orders-value/v1.avsc"));
    assert_eq!(kept.unwrap(), order(""), "nothing is taken away");
}

#[test]
fn what_is_gone_is_put_back_and_what_is_between_comes_along() {
    let server = Server::start(&[]);
    let folder = pulled(&server);
    let field = |name: &str| DEFAULT.replace("note", name);
    for more in ["b", "c", "d"] {
        register(&server, "orders-value", &order(&field(more)), money());
    }
    // A level may ask about each of them, so none is left out.
    folder.check(&["update"], 0, "v4");
    let versions: Vec<u64> = folder.states(0).iter().map(|(_, version, _)| *version).collect();
    assert_eq!(versions, [1, 2, 3, 4, 1]);
    folder.check(&["check", "--latest"], 0, "same");

    // What is locked of a subject and is not there as it was is put back with whatever is asked for of it.
    for (args, name) in [
        (&["pull", "orders-value"][..], "orders-value/v2.avsc"),
        (&["pull", "orders-value:3"], "orders-value/v1.avsc"),
        (&["update", "orders-value"], "orders-value/v3.avsc"),
        (&["pull", "orders-value"], "shop%2Fmoney/v1.avsc"),
        (&["pull"], "orders-value/v1.avsc"),
    ] {
        let text = fs::read_to_string(folder.at(name)).unwrap();
        fs::remove_file(folder.at(name)).unwrap();
        folder.states(3);
        folder.check(args, 0, name.rsplit('/').next().unwrap());
        assert_eq!(fs::read_to_string(folder.at(name)).unwrap(), text, "{args:?}");
        folder.states(0);
    }

    // Two sides of a merge: said, and nothing is written over.
    let lock = fs::read_to_string(folder.at("annals.lock")).unwrap();
    let conflict = format!("<<<<<<< HEAD\n{lock}=======\n{lock}>>>>>>> theirs\n");
    folder.write("annals.lock", &conflict);
    for args in [&["pull"][..], &["pull", "orders-value"], &["update"], &["check"]] {
        folder.check(args, 1, "keep the stanzas of both");
    }
    assert_eq!(fs::read_to_string(folder.at("annals.lock")).unwrap(), conflict);
}

#[test]
fn what_is_referred_to_is_of_the_referrers_context() {
    let server = Server::start(&[]);
    let folder = Folder {
        server: &server,
        folder: tempfile::tempdir().unwrap(),
    };
    fs::create_dir(folder.at("")).unwrap();
    // The same names in the default context are other schemas, or none.
    register(&server, "money-value", &MONEY.replace("shop", "other"), json!([]));
    register(&server, ":.eu:money-value", MONEY, json!([]));
    let money = json!([{"name": "shop.Money", "subject": "money-value", "version": 1}]);
    register(&server, ":.eu:orders-value", &order(""), money);
    folder.check(&["pull", ":.eu:orders-value"], 0, ":.eu:money-value");
    let pulled = fs::read_to_string(folder.at("%3A.eu%3Amoney-value/v1.avsc"));
    assert_eq!(pulled.unwrap(), MONEY);

    let file = folder.folder.path().join("order.avsc");
    fs::write(&file, order(DEFAULT)).unwrap();
    let subject = [":.eu:orders-value", file.to_str().unwrap()];
    let refers = ["--ref", "shop.Money=:.eu:money-value:1"];
    let out = server.annals(&[&["schema", "check"], &subject[..], &refers].concat());
    let said = String::from_utf8(out.stdout).unwrap() + &String::from_utf8(out.stderr).unwrap();
    assert_eq!(out.status.code(), Some(0), "{said}");
}

#[test]
fn subjects_of_one_folder_are_not_pulled_together() {
    let server = Server::start(&[]);
    let folder = pulled(&server);
    register(&server, "Orders-value", MONEY, json!([]));
    let lock = fs::read_to_string(folder.at("annals.lock")).unwrap();
    folder.check(
        &["pull", "Orders-value"],
        1,
        "orders-value and Orders-value differ by case alone",
    );
    assert_eq!(fs::read_to_string(folder.at("annals.lock")).unwrap(), lock);
    assert!(!folder.at("Orders-value").exists());
}

#[test]
fn whoever_generates_is_told_what_a_build_tells() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let write = |name: &str, text: &str| {
        fs::create_dir_all(at(name).parent().unwrap()).unwrap();
        fs::write(at(name), text).unwrap();
    };
    let money = MONEY.replace("long", "string");
    write("schemas/orders-value/v1.avsc", &money);
    write("schemas/orders-value/v2.avsc", &money.replace("cents", "units"));
    write("schemas/paid.json", "{}");
    write("crates/events/Cargo.toml", "[package]\nname = \"events\"\n");
    let run = |args: &[&str], code: i32| {
        let out = std::process::Command::new(crate::server::binary())
            .args([&["gen"], args].concat())
            .current_dir(folder.path())
            .output()
            .unwrap();
        let said = [out.stdout, out.stderr].map(|bytes| String::from_utf8(bytes).unwrap());
        assert_eq!(out.status.code(), Some(code), "{args:?}: {said:?}");
        said
    };
    let finding = "READER_FIELD_MISSING_DEFAULT_VALUE]: not BACKWARD compatible with orders-value v1\n \
                   --> schemas/orders-value/v2.avsc:1:";
    let rust = ["rust", "--out", "crates/events/src"];
    for args in [
        &rust[..],
        &["typescript", "--out", "events.ts"],
        &["python", "--out", "events.py"],
        &["asyncapi"],
        &["asyncapi", "--out", "asyncapi.yaml", "-o", "json"],
    ] {
        let [_, said] = run(args, 1);
        assert!(said.contains(&format!("error[{finding}")), "{args:?}: {said}");
        assert!(said.contains("  = help: "), "{args:?}: {said}");
        assert!(
            said.contains("warning: schemas/paid.json: is JSON Schema"),
            "{args:?}: {said}"
        );
    }
    let [listed, _] = run(&[&rust[..], &["-o", "json"]].concat(), 1);
    let listed: Value = serde_json::from_str(&listed).unwrap();
    let first = &listed["diagnostics"][0];
    assert_eq!(
        (&first["is_error"], &first["line"]),
        (&json!(true), &json!(1)),
        "{listed}"
    );
    assert_eq!(first["file"], "schemas/orders-value/v2.avsc");

    let warn = [
        &rust[..],
        &["--incompatible", "warn", "--borrowed", ".", "-o", "json"],
    ]
    .concat();
    let [listed, said] = run(&warn, 0);
    assert!(said.contains(&format!("warning[{finding}")), "{said}");
    assert!(said.contains("needs the crate annals-schema-model"), "{said}");
    let listed: Value = serde_json::from_str(&listed).unwrap();
    assert_eq!(listed["files"][0]["state"], "written");
    let weights = listed["diagnostics"].as_array().unwrap().iter();
    assert!(
        weights.clone().count() >= 3 && weights.clone().all(|said| said["is_error"] == false),
        "{listed}"
    );
    let text = fs::read_to_string(at("crates/events/src/events.rs")).unwrap();
    assert!(text.contains("pub struct MoneyRef<"), "{text}");
    assert!(
        text.contains("../../schemas/orders-value/v2.avsc"),
        "texts are named from the crate"
    );

    write("schemas/orders-value/v2.avsc", &money);
    let [document, said] = run(&["asyncapi", "-o", "json"], 0);
    assert!(said.contains("warning: schemas/paid.json"), "{said}");
    assert!(serde_json::from_str::<Value>(&document).unwrap()["channels"].is_object());
}

#[test]
fn a_topics_subjects_are_pulled_and_generated_from_without_a_server() {
    let server = Server::start(&[]);
    let folder = Folder {
        server: &server,
        folder: tempfile::tempdir().unwrap(),
    };
    let record =
        |name: &str| format!(r#"{{"type":"record","name":"{name}","namespace":"shop","fields":[]}}"#);
    for (subject, name) in [
        ("orders-shop.Placed", "Placed"),
        ("orders-shop.Paid", "Paid"),
        ("orders-key", "Key"),
        ("orders-eu-value", "Other"),
    ] {
        register(&server, subject, &record(name), json!([]));
    }
    fs::create_dir(folder.at("")).unwrap();
    folder.check(&["pull", "--topic", "orders"], 0, "orders-shop.Placed");
    assert!(!folder.at("orders-eu-value").exists(), "another topic's");
    folder.check(
        &["pull", "orders-eu-value:all", "orders-shop.Paid:1"],
        0,
        "orders-eu-value",
    );
    let (schemas, folder) = (folder.at(""), folder.folder);
    server.stop();
    let out = std::process::Command::new(crate::server::binary())
        .args(["gen", "typescript", "--out", "events.ts", "--schemas"])
        .arg(&schemas)
        .current_dir(folder.path())
        .output()
        .unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    let text = fs::read_to_string(folder.path().join("events.ts")).unwrap();
    assert!(text.contains("OrdersEvent") && text.contains("OrdersEuEvent") && text.contains("Key"));
}

/// The folder that codegen's tests read events by: what it holds, registered with the ids it has, is pulled as it is.
#[test]
fn what_is_locked_is_what_codegen_is_tested_with() {
    let server = Server::start(&[]);
    let locked = root().join("codegen/tests/locked");
    let text = |name: &str| fs::read_to_string(locked.join(name)).unwrap();
    let refers = |name: &str, subject: &str| json!([{"name": name, "subject": subject, "version": 1}]);
    let address = || refers("shop.Address", "shop/address");
    let money = || refers("shop/money.proto", "shop/money.proto");
    for (subject, file, references) in [
        ("shop%2Faddress", "shop%2Faddress/v1.avsc", json!([])),
        ("orders-value", "orders-value/v1.avsc", address()),
        ("orders-value", "orders-value/v2.avsc", address()),
        ("shop%2Fmoney.proto", "shop%2Fmoney.proto/v1.proto", json!([])),
        ("parcels-value", "parcels-value/v1.proto", money()),
    ] {
        let kind = if file.ends_with(".proto") {
            "PROTOBUF"
        } else {
            "AVRO"
        };
        let body = json!({"schema": text(file), "schemaType": kind, "references": references});
        server.post(&format!("/subjects/{subject}/versions"), &body);
    }
    let folder = Folder {
        server: &server,
        folder: tempfile::tempdir().unwrap(),
    };
    fs::create_dir(folder.at("")).unwrap();
    folder.check(&["pull", "orders-value:all", "parcels-value"], 0, "orders-value");
    for name in [
        "annals.lock",
        "orders-value/v1.avsc",
        "orders-value/v2.avsc",
        "parcels-value/v1.proto",
    ] {
        assert_eq!(fs::read_to_string(folder.at(name)).unwrap(), text(name), "{name}");
    }
}
