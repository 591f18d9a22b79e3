//! Modes, and registering with ids from elsewhere.

use axum::body::Body;

use super::App;

#[tokio::test]
async fn modes_are_set_and_cleared() {
    let app = App::new().await;
    let script = r#"
        PUT /mode?force=False {"mode": "readonly"}
        200 {"mode": "READONLY"}
        GET /mode
        200 {"mode": "READONLY"}
        GET /mode/s
        404 {"error_code": 40409, "message": "*"}
        GET /mode/s?defaultToGlobal=true
        200 {"mode": "READONLY"}
        POST /subjects/s/versions {"schema": "\"int\""}
        422 {"error_code": 42205, "message": "~read-only"}
        PUT /config/s {"compatibility": "NONE"}
        422 {"error_code": 42205, "message": "~read-only"}
        PUT /mode/s {"mode": "READWRITE"}
        200 {"mode": "READWRITE"}
        DELETE /mode/s
        200 {"mode": "READWRITE"}
        DELETE /mode/s
        404 {"error_code": 40401, "message": "*"}
        DELETE /mode/s?recursive=true
        200 {}
        PUT /mode {"mode": null}
        200 {}
        GET /mode
        200 {"mode": "READWRITE"}
        PUT /mode/s {"mode": "READONLY_OVERRIDE"}
        200 {"mode": "READONLY_OVERRIDE"}
        DELETE /mode?recursive=true
        200 {"mode": "READWRITE"}
        GET /mode/s
        404 {"error_code": 40409, "message": "*"}
        PUT /mode/:.__GLOBAL: {"mode": "FORWARD"}
        200 {"mode": "FORWARD"}
        GET /mode/any?defaultToGlobal=True
        200 {"mode": "FORWARD"}
        PUT /mode {"mode": "FORWARD"}
        422 {"error_code": 42204, "message": "~FORWARD"}
        PUT /mode {"mode": "SIDEWAYS"}
        422 {"error_code": 42204, "message": "~SIDEWAYS"}
        PUT /mode {"mode": 7}
        422 {"error_code": 42204, "message": "~7"}
        PUT /mode {}
        422 {"error_code": 42204, "message": "*"}
    "#;
    app.play(&[], script).await;
}

#[tokio::test]
async fn importing() {
    let app = App::new().await;
    let script = r#"
        POST /subjects/s/versions {"schema": "\"int\""}
        200 "*"
        PUT /mode {"mode": "IMPORT"}
        422 {"error_code": 42205, "message": "~existing subjects"}
        PUT /mode?force=true {"mode": "IMPORT"}
        200 {"mode": "IMPORT"}
        POST /subjects/t/versions {"schema": "\"long\""}
        422 {"error_code": 42205, "message": "~IMPORT"}
        POST /subjects/t/versions {"schema": "\"long\"", "id": 77, "version": 5}
        200 {"id": 77, "version": 5, "guid": "*", "schemaType": "AVRO", "schema": "\"long\""}
        POST /subjects/t/versions {"schema": "\"long\"", "id": 77, "version": 5}
        200 {"id": 77, "version": 5, "guid": "*", "schemaType": "AVRO", "schema": "\"long\""}
        POST /subjects/t/versions {"schema": "\"double\"", "id": 77}
        422 {"error_code": 42205, "message": "~Overwrite new schema with id 77"}
        POST /subjects/u/versions {"schema": "\"long\"", "id": 78}
        422 {"error_code": 42207, "message": "~77"}
        GET /schemas/ids/77?fetchMaxId=true
        200 {"schemaType": "AVRO", "schema": "\"long\"", "guid": "*", "maxId": 77, "ts": 1700000000000, "deleted": false}
    "#;
    app.play(&[], script).await;
}

#[tokio::test]
async fn an_import_says_what_it_could_not_read() {
    let app = App::new().await;
    let import = async |body: &str| {
        let body = Body::from(body.to_owned());
        app.send("POST /subjects/s/versions", &[], body).await
    };
    app.play(&[], "PUT /mode/s {\"mode\": \"IMPORT\"}\n 200 \"*\"")
        .await;
    let read = import(r#"{"schema": "\"int\"", "id": 7}"#).await;
    assert_eq!((read.status.as_u16(), read.headers.get("warning")), (200, None));
    let unread = import(r#"{"schema": "\"näme\"", "id": 8}"#).await;
    assert_eq!(unread.status.as_u16(), 200);
    let warning = unread.headers["warning"].to_str().unwrap();
    assert!(
        warning.starts_with("299 annals \"taken as it is, but this server cannot read it: ")
            && warning.contains("n?me"),
        "{warning}"
    );
    app.play(&[], "GET /schemas/ids/8/schema\n 200 \"näme\"").await;
}
