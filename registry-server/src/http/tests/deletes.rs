//! Deleting, and seeing what is deleted.

use super::App;

const TEXTS: &[(&str, &str)] = &[
    ("MONEY", r#"{"type":"record","name":"Money","fields":[]}"#),
    (
        "LINE",
        r#"{"type":"record","name":"Line","fields":[{"name":"price","type":"Money"}]}"#,
    ),
];

#[tokio::test]
async fn versions() {
    let app = App::new().await;
    let script = r#"
        POST /subjects/s/versions {"schema": "\"int\""}
        200 "*"
        POST /subjects/s/versions {"schema": "\"long\""}
        200 "*"
        DELETE /subjects/s/versions/1?permanent=true
        404 {"error_code": 40407, "message": "~Subject 's' Version 1 was not deleted first"}
        DELETE /subjects/s/versions/1?permanent=false
        200 1
        DELETE /subjects/s/versions/1
        404 {"error_code": 40406, "message": "~Subject 's' Version 1 was soft deleted.Set permanent=true"}
        GET /subjects/s/versions
        200 [2]
        GET /subjects/s/versions?deleted=true
        200 [1, 2]
        GET /subjects/s/versions?deletedOnly=True
        200 [1]
        GET /subjects/s/versions?deletedAsNegative=true
        200 [-1, 2]
        GET /subjects/s/versions/1
        404 {"error_code": 40402, "message": "Version 1 not found."}
        GET /subjects/s/versions/1?deleted=true
        200 {"subject": "s", "version": 1, "id": 1, "guid": "*", "schemaType": "AVRO", "schema": "\"int\"", "ts": 1700000000000, "deleted": true}
        GET /subjects/s/versions/1/schema?deleted=true
        200 "int"
        POST /subjects/s {"schema": "\"int\""}
        404 {"error_code": 40403, "message": "*"}
        POST /subjects/s?deleted=true {"schema": "\"int\""}
        200 {"subject": "s", "version": 1, "id": 1, "guid": "*", "schemaType": "AVRO", "schema": "\"int\"", "ts": 1700000000000, "deleted": true}
        # An id is served as long as anything stands for it.
        GET /schemas/ids/1/schema
        200 "int"
        GET /schemas/ids/1/versions
        200 []
        GET /schemas/ids/1/versions?deleted=true
        200 [{"subject": "s", "version": 1}]
        GET /schemas/ids/1/subjects?deleted=true
        200 ["s"]
        GET /schemas?deleted=true
        200 ["*", "*"]
        DELETE /subjects/s/versions/1?permanent=True
        200 1
        GET /schemas/ids/1
        404 {"error_code": 40403, "message": "Schema 1 not found"}
        DELETE /subjects/s/versions/latest
        200 2
        GET /subjects/s/versions
        404 {"error_code": 40401, "message": "*"}
    "#;
    app.play(TEXTS, script).await;
}

#[tokio::test]
async fn subjects() {
    let app = App::new().await;
    let script = r#"
        POST /subjects/s/versions {"schema": "\"int\""}
        200 "*"
        POST /subjects/t/versions {"schema": "\"int\""}
        200 "*"
        PUT /config/s {"compatibility": "NONE"}
        200 "*"
        DELETE /subjects/s?permanent=true
        404 {"error_code": 40405, "message": "~Subject 's' was not deleted first"}
        DELETE /subjects/s
        200 [1]
        DELETE /subjects/s
        404 {"error_code": 40404, "message": "~Subject 's' was soft deleted.Set permanent=true"}
        GET /subjects
        200 ["t"]
        GET /subjects?deleted=true
        200 ["s", "t"]
        GET /subjects?deletedOnly=true&deleted=false
        200 ["s"]
        DELETE /subjects/s?permanent=true
        200 [1]
        GET /subjects?deleted=true
        200 ["t"]
        GET /config/s
        404 {"error_code": 40408, "message": "*"}
        # The version goes on counting only where something is left; the id comes back.
        POST /subjects/s/versions {"schema": "\"int\""}
        200 {"id": 1, "version": 1, "guid": "*", "schemaType": "AVRO", "schema": "\"int\""}
    "#;
    app.play(TEXTS, script).await;
}

#[tokio::test]
async fn what_others_refer_to_stays() {
    let app = App::new().await;
    let script = r#"
        POST /subjects/money/versions {"schema": $MONEY }
        200 "*"
        POST /subjects/line/versions {"schema": $LINE , "references": [{"name": "Money", "subject": "money", "version": 1}]}
        200 "*"
        GET /subjects/money/versions/1/referencedby
        200 [2]
        DELETE /subjects/money/versions/1
        422 {"error_code": 42206, "message": "~money"}
        DELETE /subjects/money
        422 {"error_code": 42206, "message": "~money"}
        DELETE /subjects/line
        200 [1]
        GET /subjects/money/versions/1/referencedby
        200 []
        GET /subjects/money/versions/1/referencedby?deleted=true
        200 [2]
        DELETE /subjects/money
        200 [1]
        DELETE /subjects/money?permanent=true
        422 {"error_code": 42206, "message": "~money"}
        DELETE /subjects/line?permanent=true
        200 [1]
        DELETE /subjects/money?permanent=true
        200 [1]
    "#;
    app.play(TEXTS, script).await;
}
