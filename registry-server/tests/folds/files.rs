//! Fold files are followed, and say why they do not load.

use std::fs;

use serde_json::{Value, json};

use crate::running::{NOTE, Running, TOTAL, begin, fold, record};

#[test]
fn fold_files_are_followed_and_say_why_they_do_not_load() {
    let data = tempfile::tempdir().unwrap();
    let folds = data.path().join("folds");
    let server = Running::start(data.path());
    begin(&server, "order");
    let path = "/v1/aggregates/order/1";
    let write = |name: &str, text: &str| fs::write(folds.join(name), text).unwrap();
    let good = fold("order");
    write("order.yaml", &good);
    server.until(path, |status, _| status == 200);

    // A second file with the name, and neither is taken for the other.
    write("copy.yaml", &good);
    let said = server.until(path, |status, _| status == 404);
    assert!(
        said.contains("copy.yaml") && said.contains("order.yaml"),
        "{said}"
    );
    let (_, listed) = server.get("/v1/aggregates");
    let told: Vec<(&str, &Value)> = listed["not_loaded"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (one["file"].as_str().unwrap(), &one["line"]))
        .collect();
    assert_eq!(
        told,
        [("copy.yaml", &json!(1)), ("order.yaml", &json!(1))],
        "{listed}"
    );
    let (status, said) = server.ask("POST", "/v1/folds/order/update", None);
    assert!(
        status == 409 && said.contains("copy.yaml and order.yaml"),
        "{said}"
    );
    fs::remove_file(folds.join("copy.yaml")).unwrap();
    server.until(path, |status, _| status == 200);

    // Broken, whichever way, and mended.
    let broken = [
        (good.replace("event.note", "event.nte"), "line 7"),
        (good.replace("shop.Placed", "shop.Plced"), "line 5"),
        (good.replace("topic: order", "topic: nowhere"), "nowhere"),
        (good.replace("rev: 1", "rev: [1"), "order.yaml"),
    ];
    for (text, part) in broken {
        write("order.yaml", &text);
        let said = server.until(path, |status, text| status == 404 && text.contains(part));
        assert!(said.contains("does not load"), "{said}");
        for page in ["/console", "/console/aggregates", "/v1/aggregates"] {
            let (_, text) = server.ask("GET", page, None);
            assert!(
                text.contains(part) || text.contains("\"line\":7") || text.contains("\"line\":5"),
                "{page}: {text}"
            );
        }
        write("order.yaml", &good);
        server.until(path, |status, _| status == 200);
    }

    // What does not run is not updated, and leaves no lock behind.
    let schema = record("Placed", "", &[NOTE, TOTAL].join(","));
    server.register("other-value", "AVRO", &schema);
    write("other.yaml", &fold("other"));
    server.until("/v1/aggregates", |_, text| {
        text.contains("topic other does not exist")
    });
    let (status, said) = server.ask("POST", "/v1/folds/other/update", None);
    assert!(
        status == 409 && said.contains("topic other does not exist") && said.contains("nothing was changed"),
        "{status}: {said}"
    );
    assert!(!folds.join("other.lock").exists());
    fs::remove_file(folds.join("other.yaml")).unwrap();

    // Changed and taken away.
    write(
        "order.yaml",
        &good.replace("note: event.note", "words: event.note"),
    );
    server.until(path, |status, text| status == 200 && text.contains("words"));
    write("order.lock", "shop.Placed: [");
    let said = server.until(path, |status, _| status == 404);
    assert!(
        said.contains("order.lock") && said.contains("annals fold update order"),
        "{said}"
    );
    server.have("POST", "/v1/folds/order/update", Value::Null);
    server.until(path, |status, _| status == 200);
    fs::remove_file(folds.join("order.yaml")).unwrap();
    let said = server.until(path, |status, _| status == 404);
    assert!(said.contains("there are: none"), "{said}");

    // A fold that comes when its schemas are soft-deleted reads with them all the same.
    fs::remove_file(folds.join("order.lock")).unwrap();
    server.have("DELETE", "/subjects/order-value", Value::Null);
    write("order.yaml", &good);
    server.until(path, |status, _| status == 200);

    // A folder that is gone is no fold that nobody knows.
    fs::remove_dir_all(&folds).unwrap();
    let (status, said) = server.ask("POST", "/v1/folds/order/update", None);
    assert!(
        status == 500 && said.contains("cannot be read"),
        "{status}: {said}"
    );
    server.stop();
}
