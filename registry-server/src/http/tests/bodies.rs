//! What every endpoint answers when all is well.

use serde_json::json;

use super::App;

/// A record, the same with a field that has a default, and with one that has none.
const TEXTS: &[(&str, &str)] = &[
    (
        "ORDER",
        r#"{"type":"record","name":"Order","fields":[{"name":"id","type":"long"}]}"#,
    ),
    (
        "SPACED",
        r#"{"type": "record", "name": "Order", "fields": [{"name": "id", "type": "long"}]}"#,
    ),
    (
        "NOTED",
        r#"{"type":"record","name":"Order","fields":[{"name":"id","type":"long"},{"name":"note","type":"string","default":""}]}"#,
    ),
    (
        "STRICT",
        r#"{"type":"record","name":"Order","fields":[{"name":"id","type":"long"},{"name":"note","type":"string"}]}"#,
    ),
    (
        "MONEY",
        r#"{"type":"record","name":"Money","fields":[{"name":"cents","type":"long"}]}"#,
    ),
    (
        "LINE",
        r#"{"type":"record","name":"Line","fields":[{"name":"price","type":"Money"}]}"#,
    ),
    (
        "PROTO",
        "syntax = \"proto3\";\npackage p;\nmessage M { int32 a = 1; }\n",
    ),
];

#[tokio::test]
async fn the_server_about_itself() {
    let app = App::new().await;
    let script = r#"
        GET /
        200 {}
        POST /
        200 {}
        GET /schemas/types
        200 ["JSON", "PROTOBUF", "AVRO"]
        GET /contexts
        200 ["."]
        GET /mode
        200 {"mode": "READWRITE"}
        GET /mode/s?defaultToGlobal=true
        200 {"mode": "READWRITE"}
        GET /v1/metadata/id
        200 {"scope": {"path": [], "clusters": {"kafka-cluster": "cluster-1", "schema-registry-cluster": "annals"}}, "id": ""}
        GET /v1/metadata/version
        200 {"version": "8.2.0", "commitId": "~annals-"}
        GET /v1/metadata/deployment
        200 {"attributes": []}
    "#;
    app.play(&[], script).await;
}

#[tokio::test]
async fn health() {
    let app = App::new().await;
    let check = async |path: &str, status: u16, wanted: serde_json::Value| {
        let answered = app.get(path).await;
        assert_eq!(
            (answered.status.as_u16(), answered.content_type(), answered.json()),
            (status, "application/json", wanted),
            "{path}"
        );
    };
    let (ok, starting) = (json!({"status": "ok"}), json!({"status": "starting"}));
    check("/healthz", 200, ok.clone()).await;
    check("/readyz", 503, starting.clone()).await;
    check("/_health", 503, starting).await;
    check("/master_available", 200, json!({"master_available": false})).await;
    app.ready.set(true);
    check("/readyz", 200, ok.clone()).await;
    check("/_health", 200, ok).await;
    check("/master_available", 200, json!({"master_available": true})).await;
}

#[tokio::test]
async fn registering_and_looking_up() {
    let app = App::new().await;
    let script = r#"
        POST /subjects/orders-value/versions {"schema": $ORDER }
        200 {"id": 1, "version": 1, "guid": "*", "schemaType": "AVRO", "schema": $ORDER }
        POST /subjects/orders-value/versions {"schema": $ORDER }
        200 {"id": 1, "version": 1, "guid": "*", "schemaType": "AVRO", "schema": $ORDER }
        # What is unknown is ignored, an id of -1 is none.
        POST /subjects/orders-value/versions {"schema": $NOTED , "schemaType": "AVRO", "references": null, "id": -1, "unknown": 1}
        200 {"id": 2, "version": 2, "guid": "*", "schemaType": "AVRO", "schema": $NOTED }
        POST /subjects/a%2Fb.avsc/versions?normalize=False {"schema": $SPACED }
        200 {"id": 1, "version": 1, "guid": "*", "schemaType": "AVRO", "schema": $ORDER }
        POST /subjects/orders-value {"schema": $SPACED }
        200 {"subject": "orders-value", "version": 1, "id": 1, "guid": "*", "schemaType": "AVRO", "schema": $ORDER , "ts": 1700000000000, "deleted": false}
        POST /subjects/orders-value?normalize=true {"schema": $NOTED }
        200 {"subject": "orders-value", "version": 2, "id": 2, "guid": "*", "schemaType": "AVRO", "schema": $NOTED , "ts": 1700000000000, "deleted": false}
    "#;
    app.play(TEXTS, script).await;
}

#[tokio::test]
async fn reading_subjects() {
    let app = App::new().await;
    let script = r#"
        GET /subjects/
        200 []
        POST /subjects/orders-value/versions {"schema": $ORDER }
        200 "*"
        POST /subjects/orders-value/versions {"schema": $NOTED }
        200 "*"
        POST /subjects/a%2Fb.avsc/versions {"schema": $ORDER }
        200 "*"
        GET /subjects
        200 ["a/b.avsc", "orders-value"]
        GET /subjects?subjectPrefix=ord
        200 ["orders-value"]
        GET /subjects?subjectPrefix=:*:&deleted=true
        200 ["a/b.avsc", "orders-value"]
        GET /subjects?offset=1&limit=5
        200 ["orders-value"]
        GET /subjects/orders-value/versions
        200 [1, 2]
        GET /subjects/orders-value/versions/1
        200 {"subject": "orders-value", "version": 1, "id": 1, "guid": "*", "schemaType": "AVRO", "schema": $ORDER , "ts": 1700000000000, "deleted": false}
        GET /subjects/a%2Fb.avsc/versions/latest
        200 {"subject": "a/b.avsc", "version": 1, "id": 1, "guid": "*", "schemaType": "AVRO", "schema": $ORDER , "ts": 1700000000000, "deleted": false}
        GET /subjects/orders-value/versions/-1/?deleted=true
        200 {"subject": "orders-value", "version": 2, "id": 2, "guid": "*", "schemaType": "AVRO", "schema": $NOTED , "ts": 1700000000000, "deleted": false}
        GET /subjects/a%2Fb.avsc/versions/latest/schema
        200 {"type": "record", "name": "Order", "fields": [{"name": "id", "type": "long"}]}
    "#;
    app.play(TEXTS, script).await;
}

#[tokio::test]
async fn reading_schemas() {
    let app = App::new().await;
    let script = r#"
        POST /subjects/orders-value/versions {"schema": $ORDER }
        200 "*"
        POST /subjects/orders-value/versions {"schema": $NOTED }
        200 "*"
        POST /subjects/a/versions {"schema": $ORDER }
        200 "*"
        GET /schemas/ids/1
        200 {"schemaType": "AVRO", "schema": $ORDER , "guid": "*", "ts": 1700000000000, "deleted": false}
        GET /schemas/ids/1?format=unheard-of
        200 {"schemaType": "AVRO", "schema": $ORDER , "guid": "*", "ts": 1700000000000, "deleted": false}
        GET /schemas/ids/1?subject=orders-value
        200 {"subject": "orders-value", "version": 1, "schemaType": "AVRO", "schema": $ORDER , "guid": "*", "ts": 1700000000000, "deleted": false}
        GET /schemas/ids/1?fetchMaxId=true
        200 {"schemaType": "AVRO", "schema": $ORDER , "guid": "*", "maxId": 2, "ts": 1700000000000, "deleted": false}
        GET /schemas/ids/1/schema
        200 {"type": "record", "name": "Order", "fields": [{"name": "id", "type": "long"}]}
        GET /schemas/ids/1/subjects
        200 ["a", "orders-value"]
        GET /schemas/ids/1/subjects?subject=orders-value
        200 ["orders-value"]
        GET /schemas/ids/1/versions
        200 [{"subject": "a", "version": 1}, {"subject": "orders-value", "version": 1}]
        GET /schemas/ids/1/versions?limit=1
        200 [{"subject": "a", "version": 1}]
        GET /schemas?latestOnly=true&subjectPrefix=orders
        200 [{"subject": "orders-value", "version": 2, "id": 2, "guid": "*", "schemaType": "AVRO", "schema": $NOTED , "ts": 1700000000000, "deleted": false}]
        GET /schemas?offset=1&limit=1
        200 [{"subject": "orders-value", "version": 1, "id": 1, "guid": "*", "schemaType": "AVRO", "schema": $ORDER , "ts": 1700000000000, "deleted": false}]
        GET /schemas
        200 ["*", "*", "*"]
    "#;
    app.play(TEXTS, script).await;
}

#[tokio::test]
async fn guids_are_the_hash_of_the_content() {
    let app = App::new().await;
    // MD5 of `"string"` with its quotes.
    let script = r#"
        POST /subjects/s/versions {"schema": "{\"type\": \"string\"}"}
        200 {"id": 1, "version": 1, "guid": "095d71cf-1255-6b9d-5e33-0ad575b3df5d", "schemaType": "AVRO", "schema": "\"string\""}
        GET /schemas/guids/095d71cf-1255-6b9d-5e33-0ad575b3df5d
        200 {"schemaType": "AVRO", "schema": "\"string\"", "guid": "095d71cf-1255-6b9d-5e33-0ad575b3df5d", "ts": 1700000000000, "deleted": false}
        GET /schemas/guids/095D71CF12556B9D5E330AD575B3DF5D/ids
        200 [{"context": ".", "id": 1}]
    "#;
    app.play(&[], script).await;
}

#[tokio::test]
async fn references_metadata_and_rules_come_back() {
    let app = App::new().await;
    let script = r#"
        POST /subjects/money/versions {"schema": $MONEY }
        200 "*"
        POST /subjects/line/versions {"schema": $LINE , "references": [{"name": "Money", "subject": "money", "version": -1}], "metadata": {"properties": {"owner": "x"}}, "ruleSet": {"domainRules": [{"name": "r", "type": "CEL", "expr": "true"}]}}
        200 {"id": 2, "version": 1, "guid": "*", "schemaType": "AVRO", "schema": $LINE , "references": [{"name": "Money", "subject": "money", "version": 1}], "metadata": {"properties": {"owner": "x"}}, "ruleSet": {"domainRules": [{"name": "r", "kind": "TRANSFORM", "mode": "WRITEREAD", "type": "CEL", "expr": "true", "disabled": false}]}}
        GET /schemas/ids/2
        200 {"schemaType": "AVRO", "schema": $LINE , "references": [{"name": "Money", "subject": "money", "version": 1}], "metadata": {"properties": {"owner": "x"}}, "ruleSet": "*", "guid": "*", "ts": 1700000000000, "deleted": false}
        GET /subjects/money/versions/1/referencedby
        200 [2]
        GET /subjects/line/versions/latest/referencedby
        200 []
    "#;
    app.play(TEXTS, script).await;
}

#[tokio::test]
async fn protobuf() {
    let app = App::new().await;
    let script = r#"
        POST /subjects/packages-value/versions {"schemaType": "PROTOBUF", "schema": $PROTO }
        200 {"id": 1, "version": 1, "guid": "*", "schemaType": "PROTOBUF", "schema": "~message M"}
        POST /subjects/packages-value {"schemaType": "PROTOBUF", "schema": $PROTO }
        200 {"subject": "packages-value", "version": 1, "id": 1, "guid": "*", "schemaType": "PROTOBUF", "schema": "~message M", "ts": 1700000000000, "deleted": false}
        # A file descriptor begins with its name, field 1.
        GET /schemas/ids/1?format=serialized
        200 {"schemaType": "PROTOBUF", "schema": "*", "guid": "*", "ts": 1700000000000, "deleted": false}
        GET /subjects/packages-value/versions/1?format=serialized
        200 {"subject": "packages-value", "version": 1, "id": 1, "guid": "*", "schemaType": "PROTOBUF", "schema": "*", "ts": 1700000000000, "deleted": false}
        GET /schemas/ids/1?format=unheard-of
        200 {"schemaType": "PROTOBUF", "schema": "~message M", "guid": "*", "ts": 1700000000000, "deleted": false}
        POST /subjects/packages-value/versions {"schema": "\"string\""}
        409 {"error_code": 40901, "message": "~different schema type"}
    "#;
    app.play(TEXTS, script).await;
}

#[tokio::test]
async fn compatibility() {
    let app = App::new().await;
    let script = r#"
        # There is nothing to be incompatible with.
        POST /compatibility/subjects/s/versions/latest {"schema": $ORDER }
        200 {"is_compatible": true}
        POST /compatibility/subjects/s/versions {"schema": $ORDER }
        200 {"is_compatible": true}
        POST /subjects/s/versions {"schema": $ORDER }
        200 "*"
        POST /subjects/s/versions {"schema": $NOTED }
        200 "*"
        POST /compatibility/subjects/s/versions/latest?verbose=true {"schema": $ORDER }
        200 {"is_compatible": true, "messages": []}
        POST /compatibility/subjects/s/versions/1 {"schema": $STRICT }
        200 {"is_compatible": false}
        POST /compatibility/subjects/s/versions/1?verbose=true {"schema": $STRICT }
        200 {"is_compatible": false, "messages": ["~{errorType:'READER_FIELD_MISSING_DEFAULT_VALUE', description:'", "{oldSchemaVersion: 1}", "~{oldSchema: '{\"type\":\"record\"", "{validateFields: 'false', compatibility: 'BACKWARD'}"]}
        # What else this server knows, for who asks.
        POST /compatibility/subjects/s/versions/1?explain=true {"schema": $STRICT }
        200 {"is_compatible": false, "findings": [{"rule": "READER_FIELD_MISSING_DEFAULT_VALUE", "path": "/fields/1", "line": 1, "column": "*", "direction": "BACKWARD", "description": "~default value", "old": "*", "new": "~note", "version": 1, "hint": "*", "help": "*"}], "policies": {"confluent": false, "strict": false, "wire": false}}
        POST /compatibility/subjects/s/versions/1?explain=true&verbose=true {"schema": $ORDER }
        200 {"is_compatible": true, "messages": [], "findings": [], "policies": {"confluent": true, "strict": true, "wire": true}}
        POST /compatibility/subjects/s/versions/latest?verbose=true {"schema": "{"}
        200 {"is_compatible": false, "messages": ["~Invalid schema"]}
        PUT /config/s {"compatibility": "NONE"}
        200 {"compatibility": "NONE"}
        POST /compatibility/subjects/s/versions {"schema": "\"int\""}
        200 {"is_compatible": true}
        # A transitive level looks at every version, unless one is named.
        PUT /config/s {"compatibility": "backward_transitive"}
        200 {"compatibility": "BACKWARD_TRANSITIVE"}
        POST /compatibility/subjects/s/versions {"schema": $STRICT }
        200 {"is_compatible": false}
        POST /compatibility/subjects/s/versions/latest {"schema": $STRICT }
        200 {"is_compatible": true}
    "#;
    app.play(TEXTS, script).await;
}

#[tokio::test]
async fn configuration() {
    let app = App::new().await;
    let script = r#"
        GET /config
        200 {"compatibilityLevel": "BACKWARD"}
        GET /config/s?defaultToGlobal=true
        200 {"compatibilityLevel": "BACKWARD"}
        PUT /config {"compatibility": "full"}
        200 {"compatibility": "FULL"}
        GET /config
        200 {"compatibilityLevel": "FULL"}
        GET /config/s?defaultToGlobal=true
        200 {"compatibilityLevel": "FULL"}
        PUT /config/s {"compatibility": "NONE", "alias": "t"}
        200 {"compatibility": "NONE", "alias": "t"}
        PUT /config/s {"normalize": true, "alias": null, "unknown": 1}
        200 {"compatibility": "NONE", "normalize": true}
        GET /config/s
        200 {"compatibilityLevel": "NONE", "normalize": true}
        PUT /config/s {"normalize": null}
        200 {"compatibility": "NONE"}
        DELETE /config/s
        200 {"compatibilityLevel": "NONE"}
        DELETE /config
        200 {"compatibilityLevel": "FULL"}
        GET /config
        200 {"compatibilityLevel": "BACKWARD"}
    "#;
    app.play(&[], script).await;
}

#[tokio::test]
async fn the_document_and_its_page_are_served() {
    let app = App::new().await;
    let document = app.get("/openapi.json").await;
    assert_eq!(
        (document.content_type(), document.json()["openapi"].as_str()),
        ("application/json", Some("3.1.0"))
    );
    let page = app.get("/docs/").await;
    assert!(
        String::from_utf8_lossy(&page.body).contains("<title>Annals</title>"),
        "{:?}",
        page.status
    );
    let header = |name: &str| {
        page.headers
            .get(name)
            .map(|value| value.to_str().unwrap().to_owned())
    };
    assert_eq!(header("x-content-type-options").as_deref(), Some("nosniff"));
    assert!(
        header("content-security-policy")
            .unwrap()
            .contains("default-src 'none'")
    );
}
