//! What an auditor asks, by whatever door: the same answer in the API, on the command line and on the pages.

use std::fs;

use serde_json::Value;

use crate::server::Server;

/// A fold that takes an order's placing and does not accept a second change of its address.
const STOPPING: &str = "
name: stopping
rev: 1
topic: orders
events:
  shop.orders.OrderPlaced:
    begin:
      - set: { channel: event.channel }
  shop.orders.AddressChanged:
    begin:
      - set: { channel: \"'none'\" }
";
/// Jane changed its address, and had not begun it.
const ORDER: &str = "991337";

fn page(server: &Server, path: &str) -> String {
    let url = format!("{}{path}", server.http);
    let mut answer = ureq::get(&url)
        .call()
        .unwrap_or_else(|e| panic!("GET {url}: {e}"));
    answer.body_mut().read_to_string().unwrap()
}

#[test]
fn a_fold_that_stopped_is_told_everywhere() {
    let data = tempfile::tempdir().unwrap();
    fs::create_dir_all(data.path().join("folds")).unwrap();
    fs::write(data.path().join("folds/stopping.yaml"), STOPPING).unwrap();
    let server = Server::start_in(data.path(), &["--demo"]);
    let path = format!("/v1/aggregates/stopping/{ORDER}");
    let halted = server.get(&path)["halted"].clone();
    let (offset, reason) = (&halted["offset"], halted["reason"].as_str().unwrap());
    assert!(!reason.is_empty());
    let sentence = format!("the fold stopped at offset {offset}: {reason}");
    // Between points about the place, before it and behind it.
    for (from, to, tells) in [(0, 8, true), (0, 1, false), (6, 8, true)] {
        let diff = server.get(&format!("{path}/diff?from=revision:{from}&to=revision:{to}"));
        let wanted = if tells { &halted } else { &Value::Null };
        assert_eq!(&diff["halted"], wanted, "{from} to {to}");
    }
    let (one, cursor) = listed(&server);
    assert_eq!(one["halted"], halted);

    let order = format!("stopping/{ORDER}");
    let commands: [&[&str]; 5] = [
        &["state", &order],
        &["history", &order],
        &["history", &order, "--at", "revision:7"],
        &["diff", &order, "--from", "revision:0"],
        &["diff", &order, "--from", "revision:6", "--to", "revision:8"],
    ];
    for command in commands {
        for output in ["table", "json"] {
            let out = server.annals(&[command, &["-o", output]].concat());
            let said = String::from_utf8(out.stderr).unwrap();
            assert_eq!(out.status.code(), Some(1), "{command:?} in {output}: {said}");
            assert!(said.contains(&sentence), "{command:?} in {output}: {said}");
            if output == "json" {
                let answer: Value = serde_json::from_slice(&out.stdout).unwrap();
                assert_eq!(answer["halted"], halted, "{command:?}");
            }
        }
    }
    // Who lists them is told which, and how many of those that are counted.
    let out = server.annals(&["list", "stopping", "--count"]);
    let said = String::from_utf8(out.stderr).unwrap();
    let table = String::from_utf8(out.stdout).unwrap();
    assert!(table.contains(&sentence), "{table}");
    let all = server.get("/v1/aggregates/stopping?count=true&limit=1")["halted"].clone();
    assert!(all.as_u64().unwrap() > 0);
    for told in [
        format!("the end of the cut for {all} of those shown"),
        format!("the end of the cut for {all} of these"),
    ] {
        assert!(said.contains(&told), "{told}: {said}");
    }
    let fine: [&[&str]; 2] = [
        &["diff", &order, "--from", "revision:0", "--to", "revision:1"],
        &["history", &order, "--at", "revision:1"],
    ];
    for command in fine {
        assert_eq!(server.annals(command).status.code(), Some(0), "{command:?}");
    }
    for query in ["", "?limit=1", "?at=revision:7&limit=3"] {
        assert_eq!(
            server.get(&format!("{path}/history{query}"))["halted"],
            halted,
            "{query}"
        );
    }
    let before = server.get(&format!("{path}/history?at=revision:1"));
    assert_eq!(before["halted"], Value::Null);

    let told = format!("fold stopped at offset {offset}:");
    for path in [
        format!("/console/aggregates/stopping/{ORDER}"),
        format!("/console/aggregates/stopping/{ORDER}?revision=6"),
        // The state is one before it, and the list of events has it all the same.
        format!("/console/aggregates/stopping/{ORDER}?revision=0"),
        format!("/console/aggregates/stopping?cursor={cursor}"),
    ] {
        let html = page(&server, &path);
        assert!(html.contains(&told), "{path}: {html}");
    }
}

/// Annals' own API. What Confluent's clients ask below `/v1/metadata` passes over what it does not know, as theirs does.
fn is_own(path: &str) -> bool {
    path.starts_with("/v1/") && !path.starts_with("/v1/metadata/")
}

/// Whatever the route, a parameter it does not know is named and not passed over.
#[test]
fn an_unknown_query_parameter_is_a_mistake_on_every_route() {
    let server = Server::start(&[]);
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .build()
        .into();
    let document = server.get("/openapi.json");
    let mut asked = 0;
    for (path, methods) in document["paths"].as_object().unwrap() {
        for method in methods.as_object().unwrap().keys().filter(|_| is_own(path)) {
            let path = path.replace("{name}", "order").replace("{id}", "1");
            let url = format!("{}{path}?att=now", server.http);
            let mut answer = match method.as_str() {
                "get" => agent.get(&url).call(),
                "post" => agent.post(&url).send_empty(),
                other => panic!("{other} {path} is asked by no test yet"),
            }
            .unwrap();
            let said = answer.body_mut().read_to_string().unwrap();
            assert_eq!(answer.status().as_u16(), 400, "{method} {url}: {said}");
            assert!(
                said.contains("unknown query parameter `att`"),
                "{method} {url}: {said}"
            );
            asked += 1;
        }
    }
    assert!(asked >= 5, "{asked} routes");
}

/// The order in the list of all, and the cursor of the page that begins with it, escaped for a query.
fn listed(server: &Server) -> (Value, String) {
    let escaped = |cursor: &str| cursor.replace('=', "%3D").replace(',', "%2C").replace(';', "%3B");
    // All cursors of a walk begin alike.
    let first = server.get("/v1/aggregates/stopping?limit=1");
    let walk = first["next_cursor"].as_str().unwrap().split(';').next().unwrap();
    let mut query = "?limit=1000".to_owned();
    let mut before = String::new();
    loop {
        let page = server.get(&format!("/v1/aggregates/stopping{query}"));
        for item in page["items"].as_array().unwrap() {
            if item["id"] == ORDER {
                return (item.clone(), escaped(&before));
            }
            let text = |value: &Value| value.as_str().unwrap().to_owned();
            before = format!(
                "{walk};{};{};{}",
                text(&page["cut"]),
                item["partition"],
                text(&item["id"])
            );
        }
        query = format!(
            "?limit=1000&cursor={}",
            escaped(page["next_cursor"].as_str().unwrap())
        );
    }
}
