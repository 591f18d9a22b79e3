//! Query parameters that have no other place: forms of texts and references, searching metadata, forcing.

use super::App;

const TEXTS: &[(&str, &str)] = &[
    ("MONEY", r#"{"type":"record","name":"Money","fields":[]}"#),
    (
        "LINE",
        r#"{"type":"record","name":"Line","fields":[{"name":"price","type":"Money"}]}"#,
    ),
    (
        "JSON",
        r#"{"type":"object","properties":{"a":{"type":"string"}}}"#,
    ),
];

#[tokio::test]
async fn forms_of_references() {
    let app = App::new().await;
    let script = r#"
        POST /subjects/:.eu:money/versions {"schema": $MONEY }
        200 "*"
        POST /subjects/:.eu:line/versions {"schema": $LINE , "references": [{"name": "Money", "subject": "money", "version": -1}]}
        200 "*"
        GET /subjects/:.eu:line/versions/1
        200 {"subject": ":.eu:line", "version": 1, "id": 2, "guid": "*", "schemaType": "AVRO", "references": [{"name": "Money", "subject": "money", "version": 1}], "schema": $LINE , "ts": 1700000000000, "deleted": false}
        GET /subjects/:.eu:line/versions/1?referenceFormat=qualified
        200 {"subject": ":.eu:line", "version": 1, "id": 2, "guid": "*", "schemaType": "AVRO", "references": [{"name": "Money", "subject": ":.eu:money", "version": 1}], "schema": $LINE , "ts": 1700000000000, "deleted": false}
        GET /schemas/ids/2?subject=:.eu:&referenceFormat=QUALIFIED
        200 {"schemaType": "AVRO", "references": [{"name": "Money", "subject": ":.eu:money", "version": 1}], "schema": $LINE , "guid": "*", "ts": 1700000000000, "deleted": false}
        # What is spelt otherwise is unknown, and ignored.
        GET /subjects/:.eu:line/versions/1?reference_format=qualified&deleted_only=true
        200 {"subject": ":.eu:line", "version": 1, "id": 2, "guid": "*", "schemaType": "AVRO", "references": [{"name": "Money", "subject": "money", "version": 1}], "schema": $LINE , "ts": 1700000000000, "deleted": false}
    "#;
    app.play(TEXTS, script).await;
}

#[tokio::test]
async fn searching_metadata() {
    let app = App::new().await;
    let script = r#"
        POST /subjects/s/versions {"schema": "\"int\"", "metadata": {"properties": {"app.version": "1", "owner": "x"}}}
        200 "*"
        POST /subjects/s/versions {"schema": "\"int\"", "metadata": {"properties": {"app.version": "2", "owner": "x"}}}
        200 "*"
        GET /subjects/s/metadata?deleted=false&key=app.version&value=1&key=owner&value=x
        200 {"subject": "s", "version": 1, "id": 1, "guid": "*", "schemaType": "AVRO", "metadata": {"properties": {"app.version": "1", "owner": "x"}}, "schema": "\"int\"", "ts": 1700000000000, "deleted": false}
        GET /subjects/s/metadata?key=owner&value=x&format=
        200 {"subject": "s", "version": 2, "id": 2, "guid": "*", "schemaType": "AVRO", "metadata": "*", "schema": "\"int\"", "ts": 1700000000000, "deleted": false}
        DELETE /subjects/s/versions/2
        200 2
        GET /subjects/s/metadata?key=app.version&value=2
        404 {"error_code": 40403, "message": "*"}
        GET /subjects/s/metadata?key=app.version&value=2&deleted=true
        200 {"subject": "s", "version": 2, "id": 2, "guid": "*", "schemaType": "AVRO", "metadata": "*", "schema": "\"int\"", "ts": 1700000000000, "deleted": true}
    "#;
    app.play(TEXTS, script).await;
}

#[tokio::test]
async fn forcing_and_rules() {
    let app = App::new().await;
    let script = r#"
        POST /subjects/s/versions {"schema": "\"int\""}
        200 "*"
        POST /subjects/s/versions {"schema": "\"string\""}
        409 {"error_code": 40901, "message": "*"}
        POST /subjects/s/versions?force=True {"schema": "\"string\"", "ruleSet": {"domainRules": [{"name": "r", "type": "CEL", "expr": "true"}]}}
        200 {"id": 2, "version": 2, "guid": "*", "schemaType": "AVRO", "schema": "\"string\"", "ruleSet": "*"}
        GET /schemas?ruleType=CEL
        200 [{"subject": "s", "version": 2, "id": 2, "guid": "*", "schemaType": "AVRO", "ruleSet": "*", "schema": "\"string\"", "ts": 1700000000000, "deleted": false}]
        GET /schemas?ruleType=ENCRYPT
        200 []
        # Without a schema the newest one's is meant; version -1 has its number noted.
        POST /subjects/s/versions {"metadata": {"properties": {"a": "b"}}, "version": -1}
        200 {"id": 3, "version": 3, "guid": "*", "schemaType": "AVRO", "schema": "\"string\"", "metadata": {"properties": {"a": "b", "confluent:version": "3"}}, "ruleSet": "*"}
    "#;
    app.play(TEXTS, script).await;
}

#[tokio::test]
async fn json_schema() {
    let app = App::new().await;
    let script = r#"
        POST /subjects/j/versions {"schemaType": "JSON", "schema": $JSON }
        200 {"id": 1, "version": 1, "guid": "*", "schemaType": "JSON", "schema": "*"}
        GET /schemas/ids/1?format=serialized
        200 {"schemaType": "JSON", "schema": "*", "guid": "*", "ts": 1700000000000, "deleted": false}
        POST /subjects/j {"schemaType": "JSON", "schema": $JSON }
        200 {"subject": "j", "version": 1, "id": 1, "guid": "*", "schemaType": "JSON", "schema": "*", "ts": 1700000000000, "deleted": false}
    "#;
    app.play(TEXTS, script).await;
}
