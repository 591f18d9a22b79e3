//! Folds that are sent: revisions run side by side, survive a restart, and what a changed one would make is told before.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::running::{NOTE, Running, TOTAL, begin, fold, record};

/// The fold of a topic in another revision, with another state.
fn revision(topic: &str, rev: u32, field: &str) -> String {
    fold(topic)
        .replace("rev: 1", &format!("rev: {rev}"))
        .replace("note: event.note", &format!("{field}: event.note"))
}

/// What each name gives: the field that holds the note, and the revision; nothing where no fold answers.
fn check(server: &Running, names: &[(&str, Option<(&str, u32)>)]) {
    for (name, expected) in names {
        let (status, answer) = server.get(&format!("/v1/aggregates/{name}/1"));
        match expected {
            None => assert_eq!(status, 404, "{name}: {answer}"),
            Some((field, rev)) => {
                assert_eq!(status, 200, "{name}: {answer}");
                assert_eq!(answer["aggregate"], json!(name));
                assert_eq!(answer["fold"]["rev"], json!(rev), "{name}");
                assert_eq!(answer["state"][*field], json!("hello"), "{name}: {answer}");
            }
        }
    }
}

fn listed(server: &Running) -> Vec<String> {
    let (_, all) = server.get("/v1/aggregates");
    let all = all["aggregates"].as_array().unwrap().iter();
    all.map(|one| one["name"].as_str().unwrap().to_owned()).collect()
}

fn files(data: &Path) -> Vec<String> {
    let mut files: Vec<String> = fs::read_dir(data.join("folds"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    files.sort();
    files
}

#[test]
fn revisions_run_side_by_side_and_after_a_restart() {
    let data = tempfile::tempdir().unwrap();
    let server = Running::start(data.path());
    begin(&server, "order");
    let (status, loaded) = server.send_fold("/v1/folds", &fold("order"));
    assert_eq!(status, 200, "{loaded}");
    assert_eq!(
        (&loaded["name"], &loaded["file"], &loaded["new"]),
        (&json!("order"), &json!("order@1.yaml"), &json!(true)),
    );
    assert_eq!(loaded["readers"][0]["event"], "shop.Placed", "{loaded}");
    check(
        &server,
        &[("order", Some(("note", 1))), ("order@1", Some(("note", 1)))],
    );

    let third = revision("order", 3, "words");
    let (_, loaded) = server.send_fold("/v1/folds", &third);
    assert_eq!((&loaded["name"], &loaded["new"]), (&json!("order"), &json!(true)));
    let (_, loaded) = server.send_fold("/v1/folds", &revision("order", 2, "text"));
    assert_eq!(
        (&loaded["name"], &loaded["new"]),
        (&json!("order@2"), &json!(true))
    );
    let all = [
        ("order", Some(("words", 3))),
        ("order@1", Some(("note", 1))),
        ("order@2", Some(("text", 2))),
        ("order@3", Some(("words", 3))),
        ("order@4", None),
    ];
    check(&server, &all);
    assert_eq!(listed(&server), ["order", "order@1", "order@2"]);
    let kept = files(data.path());
    let both = |rev: u32| [format!("order@{rev}.lock"), format!("order@{rev}.yaml")];
    assert_eq!(kept, [both(1), both(2), both(3)].concat());
    assert_eq!(
        fs::read_to_string(data.path().join("folds/order@3.yaml")).unwrap(),
        third
    );
    let (_, page) = server.ask("GET", "/console/aggregates", None);
    assert!(
        page.contains("/console/aggregates/order%401") && page.contains(">order@1<"),
        "{page}"
    );
    let (status, page) = server.ask("GET", "/console/aggregates/order%401/1", None);
    assert!(status == 200 && page.contains("hello"), "{page}");
    let (_, metrics) = server.ask("GET", "/metrics", None);
    assert!(
        metrics.contains(r#"annals_fold_events{aggregate="order@1"} 1"#),
        "{metrics}"
    );

    // The same again changes nothing, and neither does another layout of it.
    for same in [third.clone(), third.replace("rev: 3", "rev: 3 # the third")] {
        let (status, loaded) = server.send_fold("/v1/folds", &same);
        assert_eq!((status, &loaded["new"]), (200, &json!(false)), "{loaded}");
    }
    let before = server.get("/v1/aggregates");
    server.stop();
    let server = Running::start(data.path());
    check(&server, &all);
    assert_eq!(server.get("/v1/aggregates"), before);

    // An update is of one revision: the newest, or the one that is named.
    for (name, rev) in [("order", 3), ("order@1", 1)] {
        let updated = server.have("POST", &format!("/v1/folds/{name}/update"), Value::Null);
        assert_eq!(
            (&updated["before"]["rev"], &updated["after"]["rev"]),
            (&json!(rev), &json!(rev))
        );
    }
    let (status, said) = server.ask("POST", "/v1/folds/order@9/update", None);
    assert!(status == 404 && said.contains("order@2"), "{said}");

    // One that is taken away is gone, and the others stay; no older one answers for a newest that is broken.
    fs::remove_file(data.path().join("folds/order@2.yaml")).unwrap();
    server.until("/v1/aggregates/order@2/1", |status, _| status == 404);
    fs::write(data.path().join("folds/order@3.yaml"), "rev: [").unwrap();
    let said = server.until("/v1/aggregates/order/1", |status, _| status == 404);
    assert!(said.contains("order@3.yaml"), "{said}");
    check(&server, &[("order@1", Some(("note", 1)))]);
    server.stop();
}

/// What is refused leaves nothing behind.
#[test]
fn what_is_no_fold_or_would_change_one_is_refused() {
    let data = tempfile::tempdir().unwrap();
    let server = Running::start(data.path());
    begin(&server, "order");
    let schema = record("Placed", "", &[NOTE, TOTAL].join(","));
    server.register("other-value", "AVRO", &schema);
    let good = fold("order");
    server.send_fold("/v1/folds", &good);
    fs::write(data.path().join("folds/mine@1.yaml"), "name: else\nrev: 1\n").unwrap();
    server.until("/v1/aggregates", |_, text| text.contains("mine@1.yaml"));
    let kept = files(data.path());
    let refused = |text: &str, status: u16, code: &str, part: &str, place: Option<(u32, u32)>| {
        let (got, problem) = server.send_fold("/v1/folds", text);
        assert_eq!(got, status, "{text}: {problem}");
        assert_eq!(
            problem["type"],
            json!(format!("urn:annals:problem:{code}")),
            "{problem}"
        );
        assert!(problem.to_string().contains(part), "{part}: {problem}");
        let told = &problem["mistakes"][0];
        let told = told["line"]
            .as_u64()
            .map(|line| (line as u32, told["column"].as_u64().unwrap() as u32));
        assert_eq!(told, place, "{problem}");
        assert_eq!(files(data.path()), kept, "{text}");
        check(&server, &[("order", Some(("note", 1)))]);
    };
    let wrong = |from: &str, to: &str, part: &str, place: (u32, u32)| {
        refused(
            &good.replace("rev: 1", "rev: 2").replace(from, to),
            422,
            "bad-fold",
            part,
            Some(place),
        );
    };
    wrong("event.note", "event.nte", "it has note, total", (7, 22));
    wrong("shop.Placed", "shop.Plced", "no schema of record", (5, 3));
    wrong("rev: 2", "rev: [2", "mistakes", (2, 6));
    wrong("name: order", "name: a/b", "no slash", (1, 7));
    wrong("name: order", "name: order@1", "no `@`", (1, 7));
    wrong("name: order", "name: .order", "letters, digits", (1, 1));
    wrong("name: order", "\"name\": order", "line of their own", (1, 1));
    refused("", 422, "bad-fold", "mistakes", Some((1, 1)));
    refused(
        &good.replace("total: event.total", "sum: event.total"),
        409,
        "other-content",
        "raise `rev`",
        None,
    );
    refused(
        &fold("other"),
        409,
        "fold-not-loaded",
        "topic other does not exist",
        None,
    );
    refused(
        &fold("order").replace("name: order", "name: mine"),
        409,
        "in-the-way",
        "mine@1.yaml",
        None,
    );
    let long = format!("{good}#{}", "x".repeat(256 * 1024));
    refused(&long, 413, "body-too-large", "262144 bytes", None);
    let (status, said) = server.send_fold("/v1/folds?force=true", &good);
    assert!(status == 400 && said.to_string().contains("force"), "{said}");
    // Two mistakes are both told.
    let (_, problem) = server.send_fold(
        "/v1/folds/diff",
        &good
            .replace("event.note", "event.nte")
            .replace("event.total", "event.totl"),
    );
    assert_eq!(problem["mistakes"].as_array().unwrap().len(), 2, "{problem}");
    let bytes = &problem["mistakes"][0]["bytes"];
    let (from, to) = (
        bytes[0].as_u64().unwrap() as usize,
        bytes[1].as_u64().unwrap() as usize,
    );
    assert_eq!(&good.replace("event.note", "event.nte")[from..to], "event.nte");
    server.stop();
}

#[test]
fn of_many_that_load_at_once_each_revision_has_one_content() {
    let data = tempfile::tempdir().unwrap();
    let server = Running::start(data.path());
    begin(&server, "order");
    let loads: Vec<(u32, String)> = (0..24)
        .map(|load| (1 + load % 4, format!("field_{load}")))
        .collect();
    let answers: Vec<(u16, Value)> = std::thread::scope(|scope| {
        let threads: Vec<_> = loads
            .iter()
            .map(|(rev, field)| {
                let server = &server;
                scope.spawn(move || server.send_fold("/v1/folds", &revision("order", *rev, field)))
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let mut won = Vec::new();
    for ((rev, field), (status, answer)) in loads.iter().zip(&answers) {
        match status {
            200 => won.push((*rev, field.as_str())),
            _ => assert_eq!(answer["type"], "urn:annals:problem:other-content", "{answer}"),
        }
    }
    won.sort_unstable();
    assert_eq!(won.iter().map(|(rev, _)| *rev).collect::<Vec<_>>(), [1, 2, 3, 4]);
    let all = |server: &Running| {
        for (rev, field) in &won {
            check(server, &[(&format!("order@{rev}"), Some((field, *rev)))]);
        }
    };
    all(&server);
    server.stop();
    let server = Running::start(data.path());
    all(&server);
    server.stop();
}

#[test]
fn there_is_room_for_so_many_revisions() {
    let data = tempfile::tempdir().unwrap();
    let server = Running::start(data.path());
    begin(&server, "order");
    let load = |text: &str, status: u16, part: &str| {
        let (got, said) = server.send_fold("/v1/folds", text);
        assert!(
            got == status && said.to_string().contains(part),
            "{status}, {part}: {said}"
        );
    };
    let named = |name: &str| fold("order").replace("name: order", &format!("name: {name}"));
    let (longest, longer) = ("n".repeat(200), "n".repeat(201));
    load(&named(&longest), 200, "@1.yaml");
    load(&named(&longer), 422, "at most 200");
    // A revision that does not load is one, too.
    for rev in 1..100 {
        let text = format!("name: order\nrev: {rev}\n");
        fs::write(data.path().join(format!("folds/order@{rev}.yaml")), text).unwrap();
    }
    load(&revision("order", 100, "note"), 200, "true");
    load(&revision("order", 101, "note"), 409, "at most 100 revisions");
    load(&revision("order", 100, "note"), 200, "false");
    for file in 101..1_000 {
        fs::write(data.path().join(format!("folds/f{file:04}.yaml")), "").unwrap();
    }
    load(&named("more"), 409, "at most 1000 folds");
    server.stop();
}

#[test]
fn what_would_be_otherwise_is_told_and_nothing_is_changed() {
    let data = tempfile::tempdir().unwrap();
    let server = Running::start(data.path());
    begin(&server, "order");
    let (status, said) = server.send_fold("/v1/folds/diff", &fold("order"));
    assert!(
        status == 404 && said["type"] == "urn:annals:problem:unknown-aggregate",
        "{said}"
    );
    server.send_fold("/v1/folds", &fold("order"));
    let kept = files(data.path());
    for path in ["/v1/folds", "/v1/folds/diff"] {
        let (status, said) = server.ask("POST", path, Some(&json!({"name": "order"})));
        assert!(
            status == 415 && said.contains("application/yaml"),
            "{path}: {said}"
        );
    }
    let (status, page) = server.send_fold("/v1/folds/diff", &revision("order", 2, "words"));
    assert_eq!(status, 200, "{page}");
    assert_eq!(
        (&page["total"], &page["compared"], &page["next_cursor"]),
        (&json!(1), &json!(1), &Value::Null)
    );
    assert_eq!(
        (&page["before"]["rev"], &page["after"]["rev"]),
        (&json!(1), &json!(2))
    );
    let one = &page["items"][0];
    assert_eq!(
        (&one["id"], &one["since"]["revision"], &one["since"]["event"]),
        (&json!("1"), &json!(0), &json!("shop.Placed"))
    );
    assert_eq!(
        one["changes"],
        json!([
            {"path": "/note", "kind": "removed", "before": "hello"},
            {"path": "/words", "kind": "added", "after": "hello"},
        ]),
    );
    // The same revision, which nobody could load, and at a point before everything.
    let (_, page) = server.send_fold("/v1/folds/diff", &revision("order", 1, "words"));
    assert_eq!(page["items"].as_array().unwrap().len(), 1, "{page}");
    let (_, page) = server.send_fold("/v1/folds/diff?at=0%3D-1", &revision("order", 2, "words"));
    assert_eq!((&page["total"], &page["items"]), (&json!(0), &json!([])));
    let (_, page) = server.send_fold("/v1/folds/diff", &fold("order"));
    assert_eq!(page["items"], json!([]), "{page}");
    for (query, code) in [
        ("at=yesterday", "bad-point"),
        ("limit=0", "bad-limit"),
        ("cursor=x", "bad-cursor"),
        ("to=1", "bad-query"),
    ] {
        let (status, said) = server.send_fold(&format!("/v1/folds/diff?{query}"), &fold("order"));
        assert!(
            status == 400 && said["type"] == format!("urn:annals:problem:{code}"),
            "{said}"
        );
    }
    assert_eq!(files(data.path()), kept);
    assert_eq!(listed(&server), ["order"]);
    server.stop();
}
