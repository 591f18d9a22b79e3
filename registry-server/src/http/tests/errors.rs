//! Every error code, and what happens between the socket and a handler.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::{Duration, Instant},
};

use axum::body::{Body, Bytes, HttpBody};
use hyper::body::Frame;
use serde_json::json;

use super::App;
use crate::http::{BODY_BYTES_MAX, connection::Unread, places::Waiting, timed_body::TimedBody};

#[tokio::test]
async fn every_code() {
    let app = App::new().await;
    let texts = [
        ("R", r#"{"type":"record","name":"R","fields":[]}"#),
        (
            "STRICT",
            r#"{"type":"record","name":"R","fields":[{"name":"x","type":"int"}]}"#,
        ),
        ("INT", "\"int\""),
    ];
    app.play(&texts, NOT_FOUND).await;
    app.play(&texts, REFUSED).await;
    app.play(&texts, BEFORE_THE_HANDLER).await;
    app.play(&texts, "GET /subjects\n 200 [\"s\"]").await;
}

const NOT_FOUND: &str = r#"
    POST /subjects/s/versions {"schema": $R }
    200 "*"
    GET /subjects/nope/versions
    404 {"error_code": 40401, "message": "Subject 'nope' not found."}
    GET /subjects/nope/versions/1
    404 {"error_code": 40401, "message": "~nope"}
    GET /subjects/nope/versions/latest/schema
    404 {"error_code": 40401, "message": "~nope"}
    POST /subjects/nope {"schema": $INT }
    404 {"error_code": 40401, "message": "~nope"}
    DELETE /config/nope
    404 {"error_code": 40401, "message": "~nope"}
    GET /subjects/s/versions/9
    404 {"error_code": 40402, "message": "Version 9 not found."}
    GET /subjects/s/versions/9/referencedby
    404 {"error_code": 40402, "message": "~9"}
    POST /compatibility/subjects/s/versions/9 {"schema": $INT }
    404 {"error_code": 40402, "message": "~9"}
    POST /compatibility/subjects/nope/versions/1 {"schema": $INT }
    404 {"error_code": 40402, "message": "~1"}
    POST /subjects/s {"schema": $INT }
    404 {"error_code": 40403, "message": "Schema not found"}
    POST /subjects/s {"schema": ""}
    404 {"error_code": 40403, "message": "Schema not found"}
    POST /subjects/s {}
    404 {"error_code": 40403, "message": "Schema not found"}
    GET /schemas/ids/99
    404 {"error_code": 40403, "message": "Schema 99 not found"}
    GET /schemas/ids/0
    404 {"error_code": 40403, "message": "Schema 0 not found"}
    GET /schemas/ids/-1/versions
    404 {"error_code": 40403, "message": "Schema -1 not found"}
    GET /schemas/ids/99/subjects
    404 {"error_code": 40403, "message": "~99"}
    GET /schemas/ids/99/schema
    404 {"error_code": 40403, "message": "~99"}
    GET /schemas/guids/nonsense
    404 {"error_code": 40403, "message": "~nonsense"}
    GET /schemas/guids/nonsense/ids
    404 {"error_code": 40403, "message": "~nonsense"}
    GET /config/s
    404 {"error_code": 40408, "message": "~Subject 's' does not have"}
    GET /mode/s
    404 {"error_code": 40409, "message": "~Subject 's' does not have"}
    DELETE /mode/s
    404 {"error_code": 40401, "message": "~'s'"}
    DELETE /subjects/nope
    404 {"error_code": 40401, "message": "~nope"}
    DELETE /subjects/nope/versions/1
    404 {"error_code": 40401, "message": "~nope"}
    DELETE /subjects/s/versions/9
    404 {"error_code": 40402, "message": "~9"}
    DELETE /contexts/.nope
    404 {"error_code": 40401, "message": "~.nope"}
    GET /subjects/nope/metadata?key=a&value=b
    404 {"error_code": 40401, "message": "~nope"}
    GET /subjects/s/metadata?key=a&value=b
    404 {"error_code": 40403, "message": "Schema not found"}
    POST /subjects/s/versions/9/tags {}
    404 {"error_code": 40402, "message": "~9"}
"#;

const REFUSED: &str = r#"
    POST /subjects/s/versions {"schema": $STRICT }
    409 {"error_code": 40901, "message": "~incompatible with an earlier schema for subject \"s\", details: [{errorType:'"}
    POST /subjects/t/versions {"schema": "{"}
    422 {"error_code": 42201, "message": "~Invalid schema"}
    POST /subjects/t/versions {}
    422 {"error_code": 42201, "message": "~Empty schema"}
    POST /subjects/t/versions {"schema": $INT , "schemaType": "XML"}
    422 {"error_code": 42201, "message": "Invalid schema: \"XML\" is not a schema type; use AVRO, PROTOBUF or JSON"}
    POST /subjects/t/versions {"schema": $INT , "schemaType": "avro"}
    422 {"error_code": 42201, "message": "Invalid schema: \"avro\" is not a schema type; use AVRO, PROTOBUF or JSON"}
    POST /subjects/t/versions {"schema": $INT , "references": [{"name": "X", "subject": "x", "version": 9}]}
    422 {"error_code": 42201, "message": "~version 9 of subject \"x\""}
    POST /subjects/t/versions {"schema": $INT , "version": 5}
    422 {"error_code": 42201, "message": "~next version"}
    POST /compatibility/subjects/s/versions/latest {"schema": "{"}
    422 {"error_code": 42201, "message": "~Invalid schema"}
    GET /subjects/s/versions/zero
    422 {"error_code": 42202, "message": "~'zero' is not a valid version"}
    GET /subjects/s/versions/0
    422 {"error_code": 42202, "message": "~'0'"}
    POST /compatibility/subjects/s/versions/1.5 {"schema": $INT }
    422 {"error_code": 42202, "message": "~1.5"}
    PUT /config {"compatibility": "SIDEWAYS"}
    422 {"error_code": 42203, "message": "~SIDEWAYS"}
    PUT /config/s {"compatibility": 7}
    422 {"error_code": 42203, "message": "~7"}
    PUT /config {"normalize": "maybe"}
    422 {"error_code": 422, "message": "~normalize"}
    PUT /config/s {"compatibilityGroup": {}}
    422 {"error_code": 422, "message": "~compatibilityGroup"}
    PUT /config/s {"alias": 1}
    422 {"error_code": 422, "message": "~alias"}
    POST /subjects/t/versions {"schema": $INT , "id": 7}
    422 {"error_code": 42205, "message": "~id 7"}
    POST /subjects/a%0Ab/versions {"schema": $INT }
    422 {"error_code": 42208, "message": "~control character"}
    POST /subjects/:.__GLOBAL:a/versions {"schema": $INT }
    422 {"error_code": 42208, "message": "~all contexts"}
    PUT /config/__GLOBAL {"compatibility": "NONE"}
    422 {"error_code": 42208, "message": "~__GLOBAL"}
    POST /subjects/t/versions {"schema": $INT , "ruleSet": {"domainRules": [{"name": "r"}]}}
    422 {"error_code": 42210, "message": "~no type"}
    POST /subjects/t/versions {"schema": $INT , "ruleSet": {"domainRules": [{"name": "r", "type": "CEL", "kind": "MAYBE"}]}}
    422 {"error_code": 42210, "message": "Invalid rule set: unknown variant `MAYBE`, expected `TRANSFORM` or `CONDITION`"}
    POST /subjects/s {"schema": $INT , "ruleSet": {"domainRules": [{"name": "r", "type": "CEL", "kind": "MAYBE"}]}}
    422 {"error_code": 42210, "message": "Invalid rule set: unknown variant `MAYBE`, expected `TRANSFORM` or `CONDITION`"}
    POST /subjects/s/versions/1/tags {"ruleSet": {"domainRules": [{"name": "r", "type": "CEL", "kind": "MAYBE"}]}}
    422 {"error_code": 42210, "message": "Invalid rule set: unknown variant `MAYBE`, expected `TRANSFORM` or `CONDITION`"}
    POST /subjects/s/versions/1/tags {"rulesToMerge": {"domainRules": [{"name": "r", "type": "CEL", "kind": "MAYBE"}]}}
    422 {"error_code": 42210, "message": "Invalid rule set: unknown variant `MAYBE`, expected `TRANSFORM` or `CONDITION`"}
    PUT /config {"defaultRuleSet": {"domainRules": [{"name": "r", "type": "CEL", "kind": "MAYBE"}]}}
    422 {"error_code": 42210, "message": "Invalid rule set: unknown variant `MAYBE`, expected `TRANSFORM` or `CONDITION`"}
    PUT /config/s {"overrideRuleSet": {"domainRules": [{"name": "r", "type": "CEL", "kind": "MAYBE"}]}}
    422 {"error_code": 42210, "message": "Invalid rule set: unknown variant `MAYBE`, expected `TRANSFORM` or `CONDITION`"}
"#;

const BEFORE_THE_HANDLER: &str = r#"
    GET /schemas/ids/one
    404 {"error_code": 404, "message": "~an id is a number"}
    GET /nowhere
    404 {"error_code": 404, "message": "~/nowhere"}
    GET /nowhere/
    404 {"error_code": 404, "message": "~/nowhere/"}
    DELETE /subjects
    405 {"error_code": 405, "message": "~DELETE is not possible here"}
    PUT /subjects/s/versions/1 {}
    405 {"error_code": 405, "message": "~PUT"}
    GET /contexts/.ctx
    405 {"error_code": 405, "message": "~GET"}
    POST /contexts/.ctx/subjects {}
    405 {"error_code": 405, "message": "~POST"}
    GET /contexts/.ctx/nowhere
    404 {"error_code": 404, "message": "~/contexts/.ctx/nowhere"}
    GET /associations/subjects/s
    404 {"error_code": 404, "message": "~/associations/subjects/s"}
    GET /exporters
    404 {"error_code": 404, "message": "~/exporters"}
    GET /dek-registry/v1/keks
    404 {"error_code": 404, "message": "~/dek-registry"}
    GET /subjects?limit=ten
    400 {"error_code": 400, "message": "~ten"}
    GET /subjects/s/metadata?key=a
    400 {"error_code": 400, "message": "~1 keys and 0 values"}
    GET /subjects/%FF/versions
    400 {"error_code": 400, "message": "~UTF-8"}
    POST /subjects/t/versions
    422 {"error_code": 422, "message": "~no body"}
    POST /subjects/t/versions [1]
    400 {"error_code": 400, "message": "~cannot be read"}
    POST /subjects/t/versions {"schema": 1}
    400 {"error_code": 400, "message": "~cannot be read"}
"#;

#[tokio::test]
async fn a_body_that_is_no_json() {
    let app = App::new().await;
    let check = async |body: String, status: u16, words: &str| {
        let answered = app.send("POST /subjects/t/versions", &[], Body::from(body)).await;
        let json = answered.json();
        assert_eq!(answered.status.as_u16(), status, "{json}");
        assert!(json["message"].as_str().unwrap().contains(words), "{json}");
    };
    check("{\"schema\": \"".to_owned(), 400, "line 1").await;
    check("null".to_owned(), 422, "no body").await;
    check("[".repeat(100_000), 400, "must be a JSON object").await;
    check(r#"["\"long\"",null]"#.to_owned(), 400, "must be a JSON object").await;
    check("{\"a\":".repeat(100_000), 400, "cannot be read").await;
    check(
        "x".repeat(BODY_BYTES_MAX + 1),
        413,
        &format!("limit of {BODY_BYTES_MAX} bytes"),
    )
    .await;
    check(
        json!({"schema": "x".repeat(BODY_BYTES_MAX - 100)}).to_string(),
        422,
        "Invalid schema",
    )
    .await;
}

/// A body whose client has gone quiet.
struct Silence;

impl HttpBody for Silence {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        Poll::Pending
    }
}

#[tokio::test]
async fn a_body_that_does_not_come() {
    let app = App::new().await;
    let body = Body::new(TimedBody::new(
        Silence,
        Duration::from_millis(1),
        Unread::default(),
        Arc::new(Waiting::from(Instant::now())),
    ));
    let answered = app.send("POST /subjects/t/versions", &[], body).await;
    assert_eq!(
        (answered.status.as_u16(), &answered.json()["error_code"]),
        (408, &json!(408))
    );
}

#[tokio::test]
async fn below_v1_what_is_not_there_is_a_problem() {
    let app = App::new().await;
    let check = async |line: &str, status: u16, code: &str| {
        let answered = app.send(line, &[], Body::empty()).await;
        assert_eq!(answered.content_type(), "application/problem+json", "{line}");
        let problem = answered.json();
        assert_eq!(answered.status.as_u16(), status, "{line}: {problem}");
        assert_eq!(problem["status"], status, "{line}: {problem}");
        assert_eq!(problem["type"], format!("urn:annals:problem:{code}"), "{line}");
        assert!(
            problem["detail"].as_str().unwrap().contains("/docs"),
            "{line}: {problem}"
        );
    };
    for line in ["GET /v1", "GET /v1/", "POST /v1", "GET /v1/nothing"] {
        check(line, 404, "not-found").await;
    }
    check("GET /v1/nothing/", 404, "not-found").await;
    check("POST /v1/metadata/id", 405, "method-not-allowed").await;
    check("DELETE /v1/metadata/version/", 405, "method-not-allowed").await;
}
