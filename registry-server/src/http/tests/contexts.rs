//! Contexts and aliases, in names and in paths.

use super::App;

#[tokio::test]
async fn contexts_are_registries_of_their_own() {
    let app = App::new().await;
    let script = r#"
        POST /subjects/:.eu:a/versions {"schema": "\"int\""}
        200 {"id": 1, "version": 1, "guid": "*", "schemaType": "AVRO", "schema": "\"int\""}
        POST /subjects/b/versions {"schema": "\"long\""}
        200 {"id": 1, "version": 1, "guid": "*", "schemaType": "AVRO", "schema": "\"long\""}
        GET /contexts
        200 [".", ".eu"]
        GET /contexts?contextPrefix=:.e
        200 [".eu"]
        GET /contexts?offset=1&limit=1
        200 [".eu"]
        GET /subjects
        200 ["b", ":.eu:a"]
        GET /subjects?subjectPrefix=:.eu:
        200 [":.eu:a"]
        GET /subjects/%3A.eu%3Aa/versions
        200 [1]
        # A name without a context is looked for in all of them, an id is not.
        GET /subjects/a/versions/1
        200 {"subject": ":.eu:a", "version": 1, "id": 1, "guid": "*", "schemaType": "AVRO", "schema": "\"int\"", "ts": 1700000000000, "deleted": false}
        POST /subjects/a {"schema": "\"int\""}
        200 {"subject": ":.eu:a", "version": 1, "id": 1, "guid": "*", "schemaType": "AVRO", "schema": "\"int\"", "ts": 1700000000000, "deleted": false}
        GET /subjects/a/versions
        404 {"error_code": 40401, "message": "~'a'"}
        GET /schemas/ids/1/schema
        200 "long"
        GET /schemas/ids/1/schema?subject=:.eu:
        200 "int"
        GET /schemas/ids/1/schema?subject=a
        200 "int"
        GET /schemas/ids/1?subject=a
        200 {"subject": ":.eu:a", "version": 1, "schemaType": "AVRO", "schema": "\"int\"", "guid": "*", "ts": 1700000000000, "deleted": false}
        GET /schemas/ids/1/subjects?subject=:.eu:
        200 [":.eu:a"]
        GET /schemas?subjectPrefix=:*:
        200 ["*", "*"]
        GET /schemas
        200 [{"subject": "b", "version": 1, "id": 1, "guid": "*", "schemaType": "AVRO", "schema": "\"long\"", "ts": 1700000000000, "deleted": false}]
    "#;
    app.play(&[], script).await;
}

#[tokio::test]
async fn a_client_lives_in_a_context_by_its_base_url() {
    let app = App::new().await;
    let script = r#"
        GET /contexts/.eu/
        200 {}
        POST /contexts/.eu/subjects/a%2Fb/versions {"schema": "\"int\""}
        200 {"id": 1, "version": 1, "guid": "*", "schemaType": "AVRO", "schema": "\"int\""}
        POST /subjects/other/versions {"schema": "\"long\""}
        200 "*"
        GET /contexts/.eu/subjects
        200 [":.eu:a/b"]
        GET /contexts/eu/subjects/a%2Fb/versions/latest/
        200 {"subject": ":.eu:a/b", "version": 1, "id": 1, "guid": "*", "schemaType": "AVRO", "schema": "\"int\"", "ts": 1700000000000, "deleted": false}
        GET /contexts/.eu/schemas/ids/1
        200 {"schemaType": "AVRO", "schema": "\"int\"", "guid": "*", "ts": 1700000000000, "deleted": false}
        GET /contexts/.eu/schemas/ids/1?subject=a/b
        200 {"subject": ":.eu:a/b", "version": 1, "schemaType": "AVRO", "schema": "\"int\"", "guid": "*", "ts": 1700000000000, "deleted": false}
        GET /contexts/.eu/schemas/ids/9
        404 {"error_code": 40403, "message": "Schema 9 not found"}
        GET /contexts/.eu/schemas/types
        200 ["JSON", "PROTOBUF", "AVRO"]
        POST /contexts/.eu/compatibility/subjects/a%2Fb/versions {"schema": "\"string\""}
        200 {"is_compatible": false}
        GET /contexts/.eu/config
        404 {"error_code": 40408, "message": "*"}
        PUT /contexts/.eu/config {"compatibility": "NONE"}
        200 {"compatibility": "NONE"}
        GET /contexts/.eu/config
        200 {"compatibilityLevel": "NONE"}
        GET /config
        200 {"compatibilityLevel": "BACKWARD"}
        GET /contexts/.eu/config/a%2Fb?defaultToGlobal=true
        200 {"compatibilityLevel": "NONE"}
        PUT /contexts/.eu/mode {"mode": "READONLY"}
        200 {"mode": "READONLY"}
        POST /contexts/.eu/subjects/x/versions {"schema": "\"int\""}
        422 {"error_code": 42205, "message": "~read-only"}
        POST /subjects/x/versions {"schema": "\"int\""}
        200 "*"
        DELETE /contexts/.eu/mode
        200 {"mode": "READONLY"}
        GET /contexts/.eu/contexts/
        200 [".", ".eu"]
        GET /contexts/
        200 [".", ".eu"]
        # A name that is qualified is left alone.
        GET /contexts/.eu/subjects/:.:other/versions
        200 [1]
        GET /contexts/.eu/schemas?latestOnly=true
        200 [{"subject": ":.eu:a/b", "version": 1, "id": 1, "guid": "*", "schemaType": "AVRO", "schema": "\"int\"", "ts": 1700000000000, "deleted": false}]
    "#;
    app.play(&[], script).await;
}

#[tokio::test]
async fn contexts_go_when_they_are_empty() {
    let app = App::new().await;
    let script = r#"
        POST /subjects/:.eu:a/versions {"schema": "\"int\""}
        200 "*"
        DELETE /contexts/.eu
        422 {"error_code": 42211, "message": "~.eu"}
        DELETE /subjects/:.eu:a
        200 [1]
        DELETE /contexts/.eu
        422 {"error_code": 42211, "message": "~.eu"}
        DELETE /subjects/:.eu:a?permanent=true
        200 [1]
        DELETE /contexts/:.eu:
        204 null
        GET /contexts
        200 ["."]
        DELETE /contexts/.
        422 {"error_code": 42211, "message": "*"}
    "#;
    app.play(&[], script).await;
}

#[tokio::test]
async fn aliases() {
    let app = App::new().await;
    let script = r#"
        POST /subjects/real/versions {"schema": "\"int\""}
        200 "*"
        PUT /config/short {"alias": "real"}
        200 {"alias": "real"}
        GET /subjects/short/versions
        200 [1]
        GET /subjects/short/versions/1
        200 {"subject": "real", "version": 1, "id": 1, "guid": "*", "schemaType": "AVRO", "schema": "\"int\"", "ts": 1700000000000, "deleted": false}
        POST /subjects/short/versions {"schema": "\"long\""}
        200 {"id": 2, "version": 2, "guid": "*", "schemaType": "AVRO", "schema": "\"long\""}
        POST /compatibility/subjects/short/versions/latest {"schema": "\"int\""}
        200 {"is_compatible": false}
        GET /schemas/ids/1?subject=short
        200 {"subject": "real", "version": 1, "schemaType": "AVRO", "schema": "\"int\"", "guid": "*", "ts": 1700000000000, "deleted": false}
        GET /schemas?subjectPrefix=short
        200 []
        GET /schemas?subjectPrefix=short&aliases=true&latestOnly=true
        200 [{"subject": "real", "version": 2, "id": 2, "guid": "*", "schemaType": "AVRO", "schema": "\"long\"", "ts": 1700000000000, "deleted": false, "aliases": ["short"]}]
        # The aliases of a subject follow their settings.
        PUT /config/brief {"alias": "real"}
        200 {"alias": "real"}
        PUT /config/odd {"alias": "real"}
        200 {"alias": "real"}
        PUT /config/odd {"alias": "other"}
        200 {"alias": "other"}
        GET /schemas?aliases=true&latestOnly=true
        200 [{"subject": "real", "version": 2, "id": 2, "guid": "*", "schemaType": "AVRO", "schema": "\"long\"", "ts": 1700000000000, "deleted": false, "aliases": ["brief", "short"]}]
        DELETE /config/brief
        200 {"alias": "real"}
        GET /schemas?subjectPrefix=real&aliases=true&latestOnly=true
        200 [{"subject": "real", "version": 2, "id": 2, "guid": "*", "schemaType": "AVRO", "schema": "\"long\"", "ts": 1700000000000, "deleted": false, "aliases": ["short"]}]
        # One step, and not for settings.
        PUT /config/shorter {"alias": "short"}
        200 {"alias": "short"}
        GET /subjects/shorter/versions
        404 {"error_code": 40401, "message": "~'short'"}
        GET /config/short
        200 {"alias": "real"}
        GET /config/real
        404 {"error_code": 40408, "message": "*"}
        DELETE /subjects/short
        200 [1, 2]
        GET /subjects
        200 []
    "#;
    app.play(&[], script).await;
}
