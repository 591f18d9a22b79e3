//! Dumps of a `_schemas` topic in the forms of the usual tools, and broken ones.

use std::fs;

use serde_json::{Value, json};

use super::filled::send;
use super::{annals, path_in};
use crate::server::Server;

/// The records of a topic as a Kafka-backed registry writes them: key and value.
fn topic() -> Vec<(Value, Value)> {
    let key = |subject: &str, version: u32| json!({"keytype": "SCHEMA", "subject": subject, "version": version, "magic": 1});
    let value = |subject: &str, version: u32, id: u32, schema: &str, deleted: bool| {
        json!({"subject": subject, "version": version, "id": id, "schema": schema, "deleted": deleted,
            "metadata": null, "ruleSet": null, "md5": "AAAA", "schemaType": null, "references": []})
    };
    let schema = |subject: &str, version, id, schema: &str, deleted| {
        (
            key(subject, version),
            value(subject, version, id, schema, deleted),
        )
    };
    vec![
        (json!({"keytype": "NOOP", "magic": 0}), Value::Null),
        (
            json!({"keytype": "CONFIG", "subject": null, "magic": 0}),
            json!({"compatibilityLevel": "FULL"}),
        ),
        schema("a", 1, 10, "\"string\"", true),
        schema("a", 2, 11, "\"bytes\"", false),
        // One id in two live versions.
        schema("a", 4, 11, "\"bytes\"", false),
        schema("b", 1, 11, "\"bytes\"", false),
        schema("b", 2, 12, "\"int\"", false),
        schema("b", 3, 13, "\"long\"", false),
        (
            json!({"keytype": "DELETE_SUBJECT", "subject": "b", "magic": 0}),
            json!({"subject": "b", "version": 2}),
        ),
        schema("gone", 1, 14, "\"float\"", true),
        (key("gone", 1), Value::Null),
        schema(":.eu:c", 1, 1, "\"int\"", true),
        (
            json!({"keytype": "CLEAR_SUBJECT", "subject": ":.eu:c", "magic": 0}),
            json!({"subject": ":.eu:c"}),
        ),
        schema(
            ":.eu:d",
            3,
            2,
            "{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"tab\",\"type\":\"int\",\"doc\":\"a\\tb\"}]}",
            false,
        ),
        (
            json!({"keytype": "CONFIG", "subject": "a", "magic": 0}),
            json!({"subject": "a", "compatibilityLevel": "NONE", "alias": null}),
        ),
        (
            json!({"keytype": "CONFIG", "subject": "b", "magic": 0}),
            json!({"subject": "b", "compatibilityLevel": "NONE"}),
        ),
        (
            json!({"keytype": "CONFIG", "subject": "b", "magic": 0}),
            Value::Null,
        ),
        (
            json!({"keytype": "MODE", "subject": ":.eu:", "magic": 0}),
            json!({"subject": ":.eu:", "mode": "READONLY"}),
        ),
        (
            json!({"keytype": "MODE", "subject": "a", "magic": 0}),
            json!({"mode": "READONLY"}),
        ),
        (
            json!({"keytype": "MODE", "subject": "a", "magic": 0}),
            Value::Null,
        ),
        (
            json!({"keytype": "CONTEXT", "tenant": "default", "context": ".eu", "magic": 0}),
            json!({"context": ".eu"}),
        ),
    ]
}

#[test]
fn a_topic_dump_is_read_in_three_forms() {
    let server = Server::start(&[]);
    let dir = tempfile::tempdir().unwrap();
    let write = |name: &str, line: &dyn Fn(&(Value, Value)) -> String| {
        let lines: Vec<String> = topic().iter().map(line).collect();
        let path = path_in(dir.path(), name);
        fs::write(&path, lines.join("\n") + "\n\n").unwrap();
        path
    };
    let objects = write("objects", &|(key, value)| {
        json!({"key": key, "value": value}).to_string()
    });
    let tabs = write("tabs", &|(key, value)| {
        format!("CreateTime:1700000000000\t{key}\t{value}")
    });
    let kcat = write("kcat", &|(key, value)| {
        let payload = if value.is_null() {
            Value::Null
        } else {
            value.to_string().into()
        };
        json!({"topic": "_schemas", "partition": 0, "offset": 1, "key": key.to_string(), "payload": payload})
            .to_string()
    });
    let quoted = write("quoted", &|(key, value)| {
        json!({"key": key.to_string(), "value": value.to_string()}).to_string()
    });
    for other in [&tabs, &kcat, &quoted] {
        annals(&server, &["diff", &objects, other], 0);
    }
    let said = annals(&server, &["import", &tabs], 0);
    assert!(
        said.contains("registered 7 versions, soft-deleted 3, wrote 2 configs and"),
        "{said}"
    );
    annals(&server, &["diff", "--from", &kcat], 0);
    assert_eq!(server.get("/subjects"), json!(["a", "b", ":.eu:d"]));
    assert_eq!(
        server.get("/subjects/a/versions?deletedAsNegative=true"),
        json!([-1, 2, 4])
    );
    assert_eq!(
        server.get("/subjects/b/versions?deletedAsNegative=true"),
        json!([-1, -2, 3])
    );
    assert_eq!(server.get("/schemas/ids/10")["schema"], "\"string\"");
    let escaped = server.get("/schemas/ids/2?subject=:.eu:");
    assert!(escaped["schema"].as_str().unwrap().contains("\\t"));
    assert_eq!(server.get("/config")["compatibilityLevel"], "FULL");
    assert_eq!(server.get("/mode/:.eu:")["mode"], "READONLY");
    for path in [
        "/config/b",
        "/mode/a",
        "/mode/b",
        "/subjects/gone/versions?deleted=true",
    ] {
        assert_eq!(send(&server, "GET", path, &Value::Null).0, 404, "{path}");
    }
    assert!(annals(&server, &["import", &objects], 0).contains("nothing was changed"));
}

#[test]
fn what_the_server_cannot_read_is_brought_and_said() {
    let server = Server::start(&[]);
    let dir = tempfile::tempdir().unwrap();
    let dump = |id: u32| {
        let record = json!({
            "key": {"keytype": "SCHEMA", "subject": format!("s{id}"), "version": 1, "magic": 1},
            "value": {"id": id, "schema": format!("no schema {id}")},
        });
        let path = path_in(dir.path(), &id.to_string());
        fs::write(&path, record.to_string()).unwrap();
        path
    };
    let why = "taken as it is, but this server cannot read it: ";
    let said = annals(&server, &["import", &dump(8)], 0);
    assert!(said.contains(&format!("warning: s8 v1 (id 8): {why}")), "{said}");
    let said = annals(&server, &["import", &dump(9), "-o", "json"], 0);
    let said: Value = serde_json::from_str(&said).unwrap();
    let warning = &said["done"]["warnings"][0];
    assert_eq!(warning["what"], "s9 v1 (id 9)", "{said}");
    assert!(warning["why"].as_str().unwrap().starts_with(why), "{said}");
}

#[test]
fn broken_dumps_are_refused_by_line() {
    let server = Server::start(&[]);
    let dir = tempfile::tempdir().unwrap();
    let good = json!({"key": {"keytype": "SCHEMA", "subject": "a", "version": 1, "magic": 1}, "value": {"id": 1, "schema": "\"int\""}});
    let check = |text: &str, says: &str| {
        let path = path_in(dir.path(), "broken");
        fs::write(&path, text).unwrap();
        let said = annals(&server, &["import", &path], 1);
        assert!(said.contains(says), "{text}: {said}");
        assert_eq!(server.get("/subjects"), json!([]));
    };
    check("", "no records");
    check("\n\n", "no records");
    check("hello", "line 1: it is not JSON");
    check(&format!("{good}\n{{\"key\":"), "line 2: it is not JSON");
    check(&format!("{good}\n\n{{\"a\":1}}"), "line 3: it is no record");
    check(
        "{\"keytype\":\"SCHEMA\"}\t{\"id\"",
        "line 1: its value is not JSON",
    );
    check("{\"key\":\"x\",\"value\":null}", "its key is not JSON");
    check(
        "{\"key\":{\"keytype\":\"SCHEMA\",\"subject\":\"a\",\"version\":1}}",
        "the value null",
    );
    let with = |key: Value, value: Value| json!({"key": key, "value": value}).to_string();
    let key = |version: i64| json!({"keytype": "SCHEMA", "subject": "a", "version": version});
    check(
        &with(key(0), json!({"id": 1, "schema": "\"int\""})),
        "a version is a number",
    );
    check(
        &with(key(1), json!({"id": -1, "schema": "\"int\""})),
        "-1 is not a schema id",
    );
    check(&with(key(1), json!({"schema": "\"int\""})), "missing field `id`");
    check(
        &with(key(1), json!({"id": 1, "schema": "x", "schemaType": "XML"})),
        "XML is unknown",
    );
    check(&with(key(1), json!([1])), "object or null");
    check(
        &with(json!({"keytype": "SCHEMA", "version": 1}), json!(null)),
        "names no subject",
    );
    check(
        &with(json!({"keytype": "SECRET", "subject": "a"}), json!({})),
        "SECRET",
    );
    check(
        &with(
            json!({"keytype": "MODE", "subject": "a"}),
            json!({"mode": "MAYBE"}),
        ),
        "MAYBE",
    );
    check(
        &with(json!({"keytype": "DELETE_SUBJECT", "subject": "a"}), json!({})),
        "no version",
    );
    let header = |version: u32, records: u32| json!({"annals": "registry export", "version": version, "records": records});
    check(&format!("{}\n{good}", header(1, 2)), "cut short");
    check(&format!("{}\n{good}", header(2, 1)), "take a newer one");
    check(
        &format!("{good}\n{}", header(1, 1)),
        "line 2: an export begins here",
    );
    check("{\"annals\":\"diary\"}", "something else");
    check(&"x".repeat((16 << 20) + 2), "longer than");
    fs::write(path_in(dir.path(), "bytes"), b"\xff\xfe").unwrap();
    assert!(annals(&server, &["import", &path_in(dir.path(), "bytes")], 1).contains("UTF-8"));
    assert!(annals(&server, &["import", "/does/not/exist"], 1).contains("/does/not/exist"));
    // What the server refuses is told, and the rest is there.
    let refused = with(
        json!({"keytype": "SCHEMA", "subject": "b", "version": 1}),
        json!({"id": 1, "schema": "\"long\""}),
    );
    let path = path_in(dir.path(), "refused");
    fs::write(&path, format!("{good}\n{refused}")).unwrap();
    let said = annals(&server, &["import", &path], 3);
    assert!(
        said.contains("refused: ") && said.contains("registered 1 versions"),
        "{said}"
    );
}
