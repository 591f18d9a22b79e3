//! Media types, from the request's headers to the answer's.

use axum::{
    body::Body,
    http::{StatusCode, header},
};

use super::App;

const V1: &str = "application/vnd.schemaregistry.v1+json";
const STRING: &str = r#"{"schema":"\"string\""}"#;

#[tokio::test]
async fn answers_have_the_type_asked_for() {
    let app = App::new().await;
    app.play(&[], &format!("POST /subjects/s/versions {STRING}\n 200 \"*\""))
        .await;
    let check = async |line: &str, accept: &str, status: u16, wanted: &str| {
        let answered = app.send(line, &[(header::ACCEPT, accept)], Body::empty()).await;
        assert_eq!(
            (answered.status.as_u16(), answered.content_type()),
            (status, wanted),
            "{line} {accept}"
        );
    };
    for line in [
        "GET /schemas/ids/1",
        "GET /schemas/ids/1/schema",
        "GET /subjects",
        "GET /config",
    ] {
        check(line, "*/*", 200, V1).await;
        check(line, "application/json", 200, "application/json").await;
        check(
            line,
            "application/vnd.schemaregistry+json",
            200,
            "application/vnd.schemaregistry+json",
        )
        .await;
        check(
            line,
            "application/vnd.schemaregistry.v1+json; q=0.9, application/json; q=0.5",
            200,
            V1,
        )
        .await;
        check(line, "text/html", 406, V1).await;
    }
    check(
        "GET /subjects/nope/versions",
        "application/json",
        404,
        "application/json",
    )
    .await;
}

#[tokio::test]
async fn bodies_have_a_type_that_is_read() {
    let app = App::new().await;
    let check = async |kind: &str, status: StatusCode| {
        let headers = [(header::CONTENT_TYPE, kind)];
        let body = Body::from(STRING);
        let answered = app.send("POST /subjects/s/versions", &headers, body).await;
        assert_eq!(answered.status, status, "{kind}: {}", answered.json());
    };
    check(V1, StatusCode::OK).await;
    check("application/json; charset=utf-8", StatusCode::OK).await;
    check("application/vnd.schemaregistry+json", StatusCode::OK).await;
    check("application/octet-stream", StatusCode::OK).await;
    check("text/plain", StatusCode::UNSUPPORTED_MEDIA_TYPE).await;
    check("application/xml", StatusCode::UNSUPPORTED_MEDIA_TYPE).await;
}
