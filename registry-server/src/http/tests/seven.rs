//! The shape of 7.x: what its clients do not know is not there.

use super::App;
use crate::http::ApiShape;

#[tokio::test]
async fn answers_as_servers_of_the_7_line() {
    let app = App::shaped(ApiShape::Seven).await;
    let texts = [(
        "PROTO",
        "syntax = \"proto3\";\n\nmessage M {\n  int32 a = 1;\n}\n",
    )];
    let script = r#"
        POST /subjects/s/versions {"schema": "\"int\""}
        200 {"id": 1}
        POST /subjects/p/versions {"schemaType": "PROTOBUF", "schema": $PROTO }
        200 {"id": 2}
        POST /subjects/s/versions {"schema": "\"string\""}
        409 {"error_code": 409, "message": "~incompatible with an earlier schema"}
        POST /subjects/s {"schema": "\"int\""}
        200 {"subject": "s", "version": 1, "id": 1, "schema": "\"int\""}
        GET /subjects/s/versions/1
        200 {"subject": "s", "version": 1, "id": 1, "schema": "\"int\""}
        GET /subjects/p/versions/1
        200 {"subject": "p", "version": 1, "id": 2, "schemaType": "PROTOBUF", "schema": "*"}
        GET /schemas/ids/1
        200 {"schema": "\"int\""}
        GET /schemas/ids/1?fetchMaxId=true
        200 {"schema": "\"int\"", "maxId": 2}
        GET /schemas/ids/2
        200 {"schemaType": "PROTOBUF", "schema": "*"}
        GET /schemas?subjectPrefix=s
        200 [{"subject": "s", "version": 1, "id": 1, "schema": "\"int\""}]
        POST /subjects/s/versions {"schema": "{"}
        422 {"error_code": 42201, "message": "*"}
        GET /v1/metadata/version
        200 {"version": "7.9.0", "commitId": "*"}
    "#;
    app.play(&texts, script).await;
}
