//! The whole line with the demo in: from the front doors to the auditor's answer, over a restart and a kill.

use std::process::Command;

use crate::server::{Server, binary};

fn status(url: &str) -> u16 {
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .build()
        .into();
    agent.get(url).call().unwrap().status().as_u16()
}

#[test]
fn one_orders_life() {
    let server = Server::start(&["--demo"]);
    for path in [
        "/readyz",
        "/healthz",
        "/",
        "/subjects",
        "/docs/",
        "/openapi.json",
        "/console",
        "/v1/aggregates",
    ] {
        assert_eq!(status(&format!("{}{path}", server.http)), 200, "{path}");
    }
    let aggregates = server.get("/v1/aggregates");
    let names: Vec<&str> = aggregates["aggregates"]
        .as_array()
        .unwrap()
        .iter()
        .map(|a| a["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["order", "package"]);

    let first = server.get("/v1/aggregates/order?limit=1");
    let id = first["items"][0]["id"].as_str().unwrap().to_owned();
    let state = server.get(&format!("/v1/aggregates/order/{id}"));
    assert_eq!(state["snapshot"], serde_json::Value::Null);
    assert!(state["fold"]["digest"].as_str().unwrap().len() == 64, "{state}");
    let applied = &state["offsets_applied"];
    assert_eq!(
        applied["count"].as_u64().unwrap(),
        state["revision"].as_u64().unwrap() + 1
    );

    // Whatever way a point is named, it is the same point.
    let history = server.get(&format!("/v1/aggregates/order/{id}/history"));
    let last = history["entries"][1]["offset"].to_string();
    let by_offset = server.get(&format!("/v1/aggregates/order/{id}?at=offset:{last}"));
    let by_revision = server.get(&format!("/v1/aggregates/order/{id}?at=revision:1"));
    assert_eq!(by_offset["state"], by_revision["state"]);
    let cut = by_offset["cut"].clone();
    let cut = cut
        .as_str()
        .map_or_else(|| panic!("a cut is a text, not {cut}"), str::to_owned);
    let by_cut = server.get(&format!("/v1/aggregates/order/{id}?at={cut}"));
    assert_eq!(by_offset["state"], by_cut["state"]);

    let page = format!("{}/console/aggregates/order/{id}?revision=1", server.http);
    let html = ureq::get(&page)
        .call()
        .unwrap()
        .body_mut()
        .read_to_string()
        .unwrap();
    assert!(
        html.contains("State after") && html.contains("type=\"range\""),
        "{html}"
    );
    assert_eq!(
        status(&format!("{}/console/aggregates/order/nobody", server.http)),
        404
    );
}

#[test]
fn nothing_is_lost_by_a_stop_or_a_kill() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start_in(data.path(), &["--demo"]);
    let before = server.get("/v1/aggregates/order?limit=1000");
    let subjects = server.get("/subjects");
    assert!(server.stop().contains("stopped"), "no word of goodbye");

    let server = Server::start_in(data.path(), &[]);
    assert_eq!(server.get("/v1/aggregates/order?limit=1000"), before);
    assert_eq!(server.get("/subjects"), subjects);
    server.kill();

    let server = Server::start_in(data.path(), &["--demo"]);
    assert!(
        server.banner.iter().any(|line| line.contains("already there")),
        "{:?}",
        server.banner
    );
    assert_eq!(server.get("/v1/aggregates/order?limit=1000"), before);
}

#[test]
fn a_taken_port_and_a_taken_folder_are_named() {
    let server = Server::start(&[]);
    let serve = |args: &[&str]| {
        let out = Command::new(binary()).arg("serve").args(args).output().unwrap();
        assert_eq!(out.status.code(), Some(1));
        String::from_utf8(out.stderr).unwrap()
    };
    let said = serve(&["--kafka-listen", &server.kafka, "--http-listen", "127.0.0.1:0"]);
    let port = server.kafka.rsplit(':').next().unwrap();
    assert!(said.contains(port) && said.contains("--kafka-listen"), "{said}");
    let http = server.http.trim_start_matches("http://");
    let said = serve(&["--kafka-listen", "127.0.0.1:0", "--http-listen", http]);
    assert!(said.contains("--http-listen"), "{said}");
    let folder = server.data_dir().to_str().unwrap();
    let said = serve(&[
        "--kafka-listen",
        "127.0.0.1:0",
        "--http-listen",
        "127.0.0.1:0",
        "--data-dir",
        folder,
    ]);
    assert!(said.contains("another process"), "{said}");
}

#[test]
fn listening_on_every_address_needs_one_to_tell_clients() {
    let folder = tempfile::tempdir().unwrap();
    let serve = |listen: &str, more: &[&str]| {
        let out = Command::new(binary())
            .args(["serve", "--http-listen", "127.0.0.1:0", "--kafka-listen", listen])
            .arg("--data-dir")
            .arg(folder.path())
            .args(more)
            .output()
            .unwrap();
        assert_eq!(out.status.code(), Some(2), "{listen}");
        String::from_utf8(out.stderr).unwrap()
    };
    for listen in ["0.0.0.0:0", "A://127.0.0.1:0,B://0.0.0.0:0"] {
        let said = serve(listen, &[]);
        assert!(said.contains("--kafka-advertised"), "{said}");
    }
    let said = serve("127.0.0.1:0", &["--kafka-advertised", "0.0.0.0:9092"]);
    assert!(said.contains("leads clients nowhere"), "{said}");
    assert_eq!(
        folder.path().read_dir().unwrap().count(),
        0,
        "nothing was touched"
    );
}
