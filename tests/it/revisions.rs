//! Folds that change, by the commands: what a changed one would make of history, and revisions side by side.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::server::Server;
use crate::tidy::root;

/// What a command ends with, and says.
fn check(server: &Server, args: &[&str], code: i32, says: &str) -> String {
    let out = server.annals(args);
    let said = String::from_utf8(out.stdout).unwrap() + &String::from_utf8(out.stderr).unwrap();
    assert_eq!(out.status.code(), Some(code), "{args:?}: {said}");
    assert!(said.contains(says), "{args:?} does not say {says:?}: {said}");
    said
}

fn json(server: &Server, args: &[&str]) -> Value {
    let out = server.annals(&[args, &["-o", "json"]].concat());
    serde_json::from_slice(&out.stdout).unwrap_or_else(|e| panic!("{args:?}: {e}"))
}

/// The fold of the demo with another condition, in the next revision.
fn changed(folder: &Path) -> String {
    let text = fs::read_to_string(root().join("examples/folds/order.yaml")).unwrap();
    let condition = "if: state.status == 'placed'";
    assert!(text.contains(condition));
    // Most have paid by the time they are confirmed.
    let text = text.replace(condition, "if: state.status != 'cancelled'");
    let file = folder.join("order.yaml");
    fs::write(&file, text.replace("rev: 1", "rev: 2")).unwrap();
    file.to_str().unwrap().to_owned()
}

#[test]
fn a_changed_fold_is_compared_loaded_and_asked_beside_the_one_before() {
    let folder = tempfile::tempdir().unwrap();
    let data = tempfile::tempdir().unwrap();
    let server = Server::start_in(data.path(), &["--demo"]);
    let file = changed(folder.path());
    let said = check(&server, &["fold", "diff", &file], 3, "revision 1 (");
    check(
        &server,
        &["fold", "diff", &file, "--at", "yesterday"],
        2,
        "RFC 3339",
    );
    check(
        &server,
        &["fold", "diff", &file, "--at", "2001-01-01"],
        0,
        "0 of 0 order differ",
    );
    let whole = json(&server, &["fold", "diff", &file]);
    let differing = whole["items"].as_array().unwrap();
    assert!(
        !differing.is_empty() && whole.get("compared").is_none(),
        "{whole}"
    );
    for one in differing {
        assert!(said.contains(one["id"].as_str().unwrap()), "{one}");
        assert_eq!(one["changes"][0]["path"], "/status", "{one}");
    }
    let id = differing[0]["id"].as_str().unwrap();
    let since = differing[0]["since"]["revision"].as_u64().unwrap();

    let text = fs::read_to_string(&file).unwrap();
    let bad = folder.path().join("bad.yaml");
    fs::write(&bad, text.replace("event.order_id", "event.order_idd")).unwrap();
    for command in ["diff", "load"] {
        let said = check(
            &server,
            &["fold", command, bad.to_str().unwrap()],
            1,
            "event has no field `order_idd`",
        );
        assert!(
            said.contains("bad.yaml:9:21") && said.contains("help: it has order_id"),
            "{said}"
        );
    }
    check(
        &server,
        &["fold", "diff", "/does/not/exist.yaml"],
        1,
        "exist.yaml",
    );

    let before = json(&server, &["state", &format!("order/{id}")]);
    check(
        &server,
        &["fold", "load", &file],
        0,
        "order runs: fold order of revision 2",
    );
    check(&server, &["fold", "load", &file], 0, "order runs already");
    let other = folder.path().join("other.yaml");
    fs::write(&other, text.replace("!= 'cancelled'", "!= 'refunded'")).unwrap();
    check(
        &server,
        &["fold", "load", other.to_str().unwrap()],
        1,
        "raise `rev`",
    );
    let package = fs::read_to_string(root().join("examples/folds/package.yaml")).unwrap();
    let elsewhere = folder.path().join("elsewhere.yaml");
    let named = package
        .replace("name: package", "name: order")
        .replace("rev: 1", "rev: 3");
    fs::write(&elsewhere, named).unwrap();
    check(
        &server,
        &["fold", "load", elsewhere.to_str().unwrap()],
        1,
        "order@2 is of orders, and this fold of packages",
    );
    check(&server, &["fold", "diff", &file], 0, "0 of ");
    let side_by_side = |server: &Server| {
        let (new, old) = (
            json(server, &["state", &format!("order/{id}")]),
            json(server, &["state", &format!("order@1/{id}")]),
        );
        assert_eq!((&old["state"], &old["fold"]), (&before["state"], &before["fold"]));
        assert_eq!(
            (&old["aggregate"], &new["aggregate"]),
            (&"order@1".into(), &"order".into())
        );
        assert_eq!(new["state"]["status"], differing[0]["changes"][0]["after"]);
        assert_eq!(old["state"]["status"], differing[0]["changes"][0]["before"]);
        if let Some(earlier) = since.checked_sub(1) {
            let at = format!("revision:{earlier}");
            let of =
                |name: &str| json(server, &["state", &format!("{name}/{id}"), "--at", &at])["state"].clone();
            assert_eq!(of("order"), of("order@1"));
        }
        check(server, &["fold", "list"], 0, "order@1");
    };
    side_by_side(&server);
    server.stop();
    let server = Server::start_in(data.path(), &[]);
    side_by_side(&server);
}
