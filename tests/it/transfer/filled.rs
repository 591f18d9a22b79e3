//! A server filled with something of everything a registry can hold.

use serde_json::{Value, json};
use ureq::http::Request;

use crate::server::Server;

pub(super) fn send(server: &Server, method: &str, path: &str, body: &Value) -> (u16, String) {
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .allow_non_standard_methods(true)
        .build()
        .into();
    let request = Request::builder()
        .method(method)
        .uri(format!("{}{path}", server.http))
        .header("content-type", "application/json");
    let answer = match method {
        "GET" | "DELETE" => agent.run(request.body(()).unwrap()),
        _ => agent.run(request.body(body.to_string()).unwrap()),
    };
    let mut answer = answer.unwrap();
    (
        answer.status().as_u16(),
        answer.body_mut().read_to_string().unwrap(),
    )
}

pub(super) fn done(server: &Server, method: &str, path: &str, body: Value) -> Value {
    let (status, text) = send(server, method, path, &body);
    assert_eq!(status, 200, "{method} {path}: {text}");
    serde_json::from_str(&text).unwrap()
}

pub(super) fn register(server: &Server, subject: &str, body: Value) -> Value {
    done(server, "POST", &format!("/subjects/{subject}/versions"), body)
}

pub(super) fn record(name: &str, fields: &[&str]) -> String {
    let field = |(place, kind): (usize, &&str)| json!({"name": format!("f{place}"), "type": kind});
    let fields: Vec<Value> = fields.iter().enumerate().map(field).collect();
    json!({"type": "record", "name": name, "namespace": "shop", "fields": fields}).to_string()
}

/// Something of everything a registry can hold.
pub(super) fn fill(server: &Server) {
    let money = record("Money", &["long", "string"]);
    let to_money = json!([{"name": "shop.Money", "subject": "money-value", "version": 1}]);
    register(server, "money-value", json!({"schema": money}));
    register(server, "copies-value", json!({"schema": money}));
    register(
        server,
        "orders-value",
        json!({"schema": record("Order", &["shop.Money"]), "references": to_money}),
    );
    let rules = json!({
        "domainRules": [{"name": "positive", "kind": "CONDITION", "mode": "WRITE", "type": "CEL", "expr": "f0 > 0",
            "tags": ["PII"], "params": {"a": "b"}, "onFailure": "DLQ"}],
        "migrationRules": [{"name": "up", "mode": "UPGRADE", "type": "JSONATA", "expr": "$", "disabled": true}],
    });
    let metadata =
        json!({"properties": {"owner": "anna", "z": "1"}, "tags": {"**.f0": ["PII"]}, "sensitive": ["z"]});
    done(
        server,
        "PUT",
        "/config/orders-value",
        json!({"compatibility": "NONE"}),
    );
    register(
        server,
        "orders-value",
        json!({"schema": record("Order", &["shop.Money", "int"]), "references": to_money, "metadata": metadata,
            "ruleSet": rules}),
    );
    // Gone for good, soft-deleted, live.
    done(
        server,
        "PUT",
        "/config/notes-value",
        json!({"compatibility": "NONE"}),
    );
    for fields in [&["int"][..], &["string"], &["bytes"]] {
        register(server, "notes-value", json!({"schema": record("Note", fields)}));
    }
    done(server, "DELETE", "/subjects/notes-value/versions/1", json!(null));
    done(
        server,
        "DELETE",
        "/subjects/notes-value/versions/1?permanent=true",
        json!(null),
    );
    done(server, "DELETE", "/subjects/notes-value/versions/2", json!(null));
    register(server, "gone-value", json!({"schema": record("Gone", &["int"])}));
    done(server, "DELETE", "/subjects/gone-value", json!(null));
    // A soft-deleted version with the id of a later live one: it stays because a deleted version refers to it.
    register(server, "base-value", json!({"schema": record("Base", &["int"])}));
    register(
        server,
        "user-value",
        json!({"schema": record("User", &["shop.Base"]),
            "references": [{"name": "shop.Base", "subject": "base-value", "version": 1}]}),
    );
    done(server, "DELETE", "/subjects/user-value", json!(null));
    done(server, "DELETE", "/subjects/base-value", json!(null));
    register(server, "base-value", json!({"schema": record("Base", &["int"])}));
    assert_eq!(
        server.get("/subjects/base-value/versions?deletedAsNegative=true"),
        json!([-1, 2])
    );
    let proto = "syntax = \"proto3\";\npackage shop;\n\nmessage Price {\n  int64 cents = 1;\n}\n";
    register(
        server,
        "shop%2Fprice.proto",
        json!({"schemaType": "PROTOBUF", "schema": proto}),
    );
    let offer = "syntax = \"proto3\";\npackage shop;\n\nimport \"shop/price.proto\";\n\nmessage Offer {\n  Price price = 1;\n}\n";
    register(
        server,
        "offers-value",
        json!({"schemaType": "PROTOBUF", "schema": offer,
            "references": [{"name": "shop/price.proto", "subject": "shop/price.proto", "version": 1}]}),
    );
    let person = json!({"$id": "https://example.org/person.json", "type": "object", "properties": {"name": {"type": "string"}}});
    register(
        server,
        "people-value",
        json!({"schemaType": "JSON", "schema": person.to_string()}),
    );
    fill_contexts(server);
    fill_settings(server);
}

fn fill_contexts(server: &Server) {
    register(
        server,
        ":.eu:orders-value",
        json!({"schema": record("Other", &["int"])}),
    );
    // Across contexts, and within this one without naming it.
    register(
        server,
        ":.eu:carts-value",
        json!({"schema": record("Cart", &["shop.Money", "shop.Other"]), "references": [
            {"name": "shop.Money", "subject": ":.:money-value", "version": 1},
            {"name": "shop.Other", "subject": "orders-value", "version": 1}]}),
    );
    done(server, "PUT", "/mode/:.far:", json!({"mode": "IMPORT"}));
    let imported = json!({"schema": "{\"type\": \"string\"}", "id": 77, "version": 5});
    register(server, ":.far:names-value", imported);
    // Taken as it is sent, so a live version may refer to a soft-deleted one.
    let base = json!({"schema": record("Base", &["int"]), "id": 80, "version": 1});
    register(server, ":.far:base-value", base);
    done(server, "DELETE", "/subjects/:.far:base-value", json!(null));
    let user = json!({"schema": record("User", &["shop.Base"]), "id": 81, "version": 1,
        "references": [{"name": "shop.Base", "subject": "base-value", "version": 1}]});
    register(server, ":.far:user-value", user);
}

fn fill_settings(server: &Server) {
    let put = |path: &str, body: Value| drop(done(server, "PUT", path, body));
    put("/config", json!({"compatibility": "FULL"}));
    put(
        "/config/:.__GLOBAL:",
        json!({"normalize": true, "compatibility": "FORWARD"}),
    );
    put(
        "/config/:.eu:",
        json!({"compatibility": "FULL_TRANSITIVE", "compatibilityGroup": "major"}),
    );
    put(
        "/config/orders-value",
        json!({"compatibility": "BACKWARD_TRANSITIVE", "defaultMetadata": {"properties": {"team": "a"}},
            "overrideRuleSet": {"domainRules": [{"name": "o", "type": "CEL", "expr": "true"}]}}),
    );
    put("/config/gone-value", json!({"normalize": true}));
    put("/config/money-alias", json!({"alias": "money-value"}));
    put("/mode/notes-value", json!({"mode": "READONLY"}));
    put("/mode/:.eu:", json!({"mode": "READONLY"}));
    put("/mode", json!({"mode": "READWRITE"}));
}
