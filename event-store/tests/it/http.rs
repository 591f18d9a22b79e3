//! The routes, through the router as it is served.

use std::sync::Arc;

use annals_event_store::{EventStore, http, typed};
use axum::body::{Body, to_bytes};
use axum::http::{Request, header};
use serde_json::Value;
use tower::ServiceExt;

use crate::support::Logs;
use crate::till::{TOPIC, Till, TillFold, table};

fn router() -> (Logs, axum::Router) {
    let (table, ids) = table();
    let logs = Logs::new(TOPIC, 1);
    let opened = Till::Opened {
        owner: "ada".into(),
        opened_at: 0,
    };
    let paid = Till::Paid {
        cents: 150,
        payer: 1,
        note: None,
    };
    logs.append(
        0,
        &[
            opened.write(&ids, "a/ü 1", 1_000),
            paid.write(&ids, "a/ü 1", 8_000),
            opened.write(&ids, "b", 9_000),
        ],
    );
    let store = EventStore::new(Arc::new(table));
    store
        .add_aggregate(Box::new(typed::<TillFold>(TOPIC)), logs.source())
        .unwrap();
    let (router, _) = http::routes(Arc::new(|| 10_000)).split_for_parts();
    (logs, router.with_state(Arc::new(store)))
}

fn ask(router: &axum::Router, path: &str) -> (u16, String, Value) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let request = Request::get(path).body(Body::empty()).unwrap();
        let response = router.clone().oneshot(request).await.unwrap();
        let status = response.status().as_u16();
        let kind = response.headers()[header::CONTENT_TYPE]
            .to_str()
            .unwrap()
            .to_owned();
        let body = to_bytes(response.into_body(), 1 << 20).await.unwrap();
        (status, kind, serde_json::from_slice(&body).unwrap())
    })
}

#[test]
fn answers() {
    let (_logs, router) = router();
    let check = |path: &str, pointer: &str, expected: Value| {
        let (status, kind, body) = ask(&router, path);
        assert_eq!(
            (status, kind.as_str()),
            (200, "application/json"),
            "{path}: {body}"
        );
        assert_eq!(body.pointer(pointer), Some(&expected), "{path}: {body}");
    };
    let a = "/v1/aggregates/till/a%2F%C3%BC%201";
    check("/v1/aggregates", "/aggregates/0/name", "till".into());
    check("/v1/aggregates/till", "/total", 2.into());
    check(
        "/v1/aggregates/till?limit=1",
        "/next_cursor",
        "0=2;0;a/ü 1".into(),
    );
    check(
        "/v1/aggregates/till?limit=1&cursor=0%3D2%3B0%3Ba%2F%C3%BC%201",
        "/items/0/id",
        "b".into(),
    );
    check("/v1/aggregates/till?at=-5s", "/total", 1.into());
    check(a, "/state/balance", "1.50".into());
    check(a, "/id", "a/ü 1".into());
    check(&format!("{a}?at=-5s"), "/state/balance", "0.00".into());
    check(
        &format!("{a}?at=1970-01-01T02:00:01+02:00"),
        "/revision",
        0.into(),
    );
    check(&format!("{a}?at=0%3D0"), "/cut", "0=0".into());
    check(
        &format!("{a}/history?at=revision:0"),
        "/entries/0/event",
        "t.Opened".into(),
    );
    check(
        &format!("{a}/diff?from=revision:0"),
        "/changes/0/path",
        "/balance".into(),
    );
    check(
        &format!("{a}/diff?to=revision:0"),
        "/changes/0/kind",
        "added".into(),
    );
}

#[test]
fn problems() {
    let (_logs, router) = router();
    let check = |path: &str, status: u16, code: &str, detail: &str| {
        let (got, kind, body) = ask(&router, path);
        assert_eq!(
            (got, kind.as_str()),
            (status, "application/problem+json"),
            "{path}: {body}"
        );
        assert_eq!(body["type"], format!("urn:annals:problem:{code}"), "{path}");
        assert_eq!(body["status"], status, "{path}");
        assert!(
            body["detail"].as_str().unwrap().contains(detail),
            "{path}: {body}"
        );
    };
    check(
        "/v1/aggregates/box/b",
        404,
        "unknown-aggregate",
        "there are: till",
    );
    check("/v1/aggregates/till/nobody", 404, "unknown-id", "nobody");
    check("/v1/aggregates/till/b?at=offset:1", 404, "not-yet", "offset 2");
    check(
        "/v1/aggregates/till/b?at=revision:5",
        404,
        "no-such-revision",
        "0 to 0",
    );
    check("/v1/aggregates/till/b?at=yesterday", 400, "bad-point", "RFC 3339");
    check(
        "/v1/aggregates/till/b/history?at=-2y",
        400,
        "bad-point",
        "offset:N",
    );
    check("/v1/aggregates/till/b/diff?from=x", 400, "bad-point", "0=12,1=40");
    check("/v1/aggregates/till?limit=0", 400, "bad-limit", "1 to 1000");
    check("/v1/aggregates/till?limit=x", 400, "bad-query", "limit");
    check("/v1/aggregates/till?cursor=x", 400, "bad-cursor", "next_cursor");
    check("/v1/aggregates/till/%FF", 400, "bad-path", "");
}
