//! What the server answers is what its description says: the examples in it are sent as they are, and schemathesis makes
//! up other requests from `/openapi.json`.
//!
//! Both meet a server with the demo, so that there is something to answer. The requests are the same in every run, and
//! bounded in number. No answer may be a 5xx, nor have a status, a media type or a shape that the description does not
//! name.

use std::cmp::Reverse;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::server::Server;

const CHECKS: &str =
    "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance";
/// Made-up requests per operation, beside those that the parameters' own limits give.
const EXAMPLES: &str = "6";

#[test]
fn made_up_requests_are_answered_as_described() {
    let Some(python) = std::env::var_os("ANNALS_PYTHON") else {
        println!(
            "skipped: requests made up from the description: ANNALS_PYTHON is not set (./test.sh sets it)"
        );
        return;
    };
    let server = Server::start(&["--demo"]);
    // It leaves files where it runs.
    let folder = tempfile::tempdir().unwrap();
    let out = Command::new(Path::new(&python).with_file_name("schemathesis"))
        .args(["run", &format!("{}/openapi.json", server.http)])
        .args(["--checks", CHECKS, "--max-examples", EXAMPLES])
        .args([
            "--generation-deterministic",
            "--suppress-health-check",
            "filter_too_much",
        ])
        .args(["--continue-on-failure", "--warnings", "off", "--no-color"])
        .current_dir(folder.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&out.stdout);
    assert!(out.status.success(), "{said}");
    let count = said
        .lines()
        .find(|line| line.contains(" generated"))
        .unwrap_or("");
    println!("schemathesis and the description: {}", count.trim());
}

/// One operation of the description, filled in as its page does it.
struct Example<'a> {
    method: &'a str,
    path: String,
    body: Option<&'a Value>,
    responses: &'a Value,
}

impl Example<'_> {
    fn of<'a>(template: &str, method: &'a str, operation: &'a Value) -> Example<'a> {
        let what = format!("{method} {template}");
        let (mut path, mut query) = (template.to_owned(), Vec::new());
        for parameter in operation["parameters"].as_array().into_iter().flatten() {
            let name = parameter["name"].as_str().unwrap();
            let value = match &parameter["example"] {
                Value::Null => {
                    assert_eq!(
                        parameter["in"], "query",
                        "{what}: an example of {name} is missing"
                    );
                    continue;
                }
                Value::String(text) => text.clone(),
                Value::Array(items) => items.first().and_then(Value::as_str).unwrap().to_owned(),
                other => other.to_string(),
            };
            match parameter["in"].as_str().unwrap() {
                "path" => path = path.replace(&format!("{{{name}}}"), &value),
                "query" => query.push(format!("{name}={value}")),
                other => panic!("{what}: a parameter in {other}"),
            }
        }
        if !query.is_empty() {
            path = format!("{path}?{}", query.join("&"));
        }
        let body = operation.get("requestBody").map(|body| {
            let mut given = body["content"]
                .as_object()
                .unwrap()
                .values()
                .map(|content| &content["example"]);
            let first = given.next().unwrap();
            assert!(!first.is_null(), "{what}: an example of its body is missing");
            assert!(given.all(|other| other == first), "{what}: examples differ");
            first
        });
        Example {
            method,
            path,
            body,
            responses: &operation["responses"],
        }
    }

    /// Sends it; the answer must be a success of a status and a shape that are described.
    fn check(&self, server: &Server, components: &Value) {
        let what = format!("{} {}", self.method, self.path);
        let (status, kind, text) = send(server, self.method, &self.path, self.body);
        assert!((200..300).contains(&status), "{what}: {status} {text}");
        let described = &self.responses[status.to_string()];
        assert!(described.is_object(), "{what}: {status} is not described");
        let Some(contents) = described["content"].as_object() else {
            assert_eq!(text, "", "{what}: nothing is described");
            return;
        };
        let Some(content) = contents.get(&kind) else {
            panic!("{what}: {kind} is not described");
        };
        let answer: Value = match serde_json::from_str(&text) {
            Ok(answer) if content["schema"]["type"] != "string" => answer,
            _ => json!(text),
        };
        let schema = json!({"allOf": [content["schema"]], "components": components});
        let validator = jsonschema::draft202012::new(&schema).unwrap();
        let faults: Vec<String> = validator
            .iter_errors(&answer)
            .map(|fault| fault.to_string())
            .collect();
        assert!(faults.is_empty(), "{what}: {faults:#?}\n{text}");
    }
}

/// What a page of another site makes a browser send is refused, and that is described.
fn check_from_another_site(server: &Server, example: &Example<'_>) {
    let what = format!("{} {}", example.method, example.path);
    let agent = ureq::Agent::from(ureq::Agent::config_builder().http_status_as_error(false).build());
    let request = ureq::http::Request::builder()
        .method(example.method.to_uppercase().as_str())
        .uri(format!("{}{}", server.http, example.path))
        .header("origin", "http://elsewhere.example");
    let answer = agent.run(request.body(()).unwrap()).unwrap();
    assert_eq!(answer.status().as_u16(), 403, "{what}");
    let is_described = |status: &str| example.responses[status].is_object();
    assert!(
        is_described("403") || is_described("4XX"),
        "{what}: 403 is not described"
    );
}

/// Status, media type and body of an answer.
fn send(server: &Server, method: &str, path: &str, body: Option<&Value>) -> (u16, String, String) {
    let agent = ureq::Agent::from(ureq::Agent::config_builder().http_status_as_error(false).build());
    let request = ureq::http::Request::builder()
        .method(method.to_uppercase().as_str())
        .uri(format!("{}{path}", server.http));
    let answer = match body {
        Some(body) => {
            // What is no JSON is described as a text, and there is YAML alone.
            let (kind, body) = match body {
                Value::String(text) => ("application/yaml", text.clone()),
                body => ("application/json", body.to_string()),
            };
            let request = request.header("content-type", kind);
            agent.run(request.body(body).unwrap())
        }
        None => agent.run(request.body(()).unwrap()),
    };
    let mut answer = answer.unwrap();
    let status = answer.status().as_u16();
    let kind = answer.headers().get("content-type");
    let kind = kind.map_or("", |kind| kind.to_str().unwrap()).to_owned();
    (status, kind, answer.body_mut().read_to_string().unwrap())
}

#[test]
fn every_example_works_as_it_is() {
    let server = Server::start(&["--demo"]);
    let document = server.get("/openapi.json");
    // The demo has no context that could be removed.
    let body = json!({"schema": "\"int\""});
    assert_eq!(
        send(&server, "post", "/subjects/:.eu:s/versions", Some(&body)).0,
        200
    );
    for path in ["/subjects/:.eu:s", "/subjects/:.eu:s?permanent=true"] {
        assert_eq!(send(&server, "delete", path, None).0, 200);
    }
    let mut examples = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            examples.push((path, Example::of(path, method, operation)));
        }
    }
    // What is deleted cannot be read any more, and a version goes before its subject.
    let order = ["get", "post", "put", "delete"];
    examples.sort_by_key(|(path, example)| {
        let turn = order.iter().position(|method| *method == example.method).unwrap();
        (turn, Reverse(path.len()))
    });
    for (_, example) in &examples {
        if example.method != "get" {
            check_from_another_site(&server, example);
        }
        example.check(&server, &document["components"]);
    }
    println!(
        "{} operations answered their examples as described",
        examples.len()
    );
}
