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
    let (router, _) = routes();
    (logs, router.with_state(Arc::new(store)))
}

fn routes() -> (axum::Router<Arc<EventStore>>, utoipa::openapi::OpenApi) {
    http::routes(Arc::new(|| 10_000), http::Answers::default()).split_for_parts()
}

fn ask(router: &axum::Router, path: &str) -> (u16, String, Value) {
    let (status, kind, body) = get(router, path);
    (status, kind, serde_json::from_str(&body).unwrap())
}

/// What is answered: the status, what it is, and the body.
pub(crate) fn get(router: &axum::Router, path: &str) -> (u16, String, String) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();
    runtime.block_on(async {
        let request = Request::get(path).body(Body::empty()).unwrap();
        let response = router.clone().oneshot(request).await.unwrap();
        let status = response.status().as_u16();
        let kind = response.headers()[header::CONTENT_TYPE]
            .to_str()
            .unwrap()
            .to_owned();
        let body = to_bytes(response.into_body(), 1 << 20).await.unwrap();
        (status, kind, String::from_utf8(body.to_vec()).unwrap())
    })
}

/// The cursor of the next page, as a query has it.
fn next(router: &axum::Router, path: &str) -> String {
    let (_, _, body) = ask(router, path);
    let cursor = body["next_cursor"].as_str().unwrap();
    let encoded = [(";", "%3B"), ("=", "%3D"), ("ü", "%C3%BC"), (" ", "%20")];
    encoded
        .iter()
        .fold(cursor.to_owned(), |text, (from, to)| text.replace(from, to))
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
    let cursor = next(&router, "/v1/aggregates/till?limit=1");
    for at in ["", "&at=head", "&at=0%3D2"] {
        check(
            &format!("/v1/aggregates/till?limit=1&cursor={cursor}{at}"),
            "/items/0/id",
            "b".into(),
        );
    }
    check("/v1/aggregates/till?at=-5s", "/total", 1.into());
    check(a, "/state/balance", "1.50".into());
    check(a, "/id", "a/ü 1".into());
    check(&format!("{a}?at=-5s"), "/state/balance", "0.00".into());
    check(
        &format!("{a}?at=1970-01-01T02:00:01+02:00"),
        "/revision",
        0.into(),
    );
    check(
        &format!("{a}?explain=true"),
        "/explanation/leaves/1/by/offset",
        1.into(),
    );
    check(&format!("{a}?at=0%3D0"), "/cut", "0=0".into());
    check(
        &format!("{a}/history?at=revision:0"),
        "/entries/0/event",
        "t.Opened".into(),
    );
    let cursor = next(&router, &format!("{a}/history?limit=1"));
    check(
        &format!("{a}/history?cursor={cursor}"),
        "/entries/0/event",
        "t.Paid".into(),
    );
    let cursor = next(&router, &format!("{a}/diff?from=revision:0&limit=1"));
    check(
        &format!("{a}/diff?from=revision:0&limit=1&cursor={cursor}"),
        "/changes/0/path",
        "/last_paid".into(),
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
fn answers_about_all() {
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
    check(
        "/v1/aggregates/till?where=state.payments%20%3E%200",
        "/items/0/id",
        "a/ü 1".into(),
    );
    check(
        "/v1/aggregates/till?order=-owner,payments&select=payments",
        "/items/0/state/payments",
        0.into(),
    );
    check("/v1/aggregates/till?sum=payments", "/sums/payments/sum", 1.into());
    check("/v1/aggregates/till?count=true&limit=1", "/matched", 2.into());
    check(
        "/v1/changes/till?actor=ada&kind=Paid",
        "/entries/0/by/offset",
        1.into(),
    );
    check(
        "/v1/changes/till?field=balance&from=0%3D0&limit=1",
        "/entries/0/changes/0/after",
        "1.50".into(),
    );
    check("/v1/diff/till?from=-5s", "/items/1/kind", "appeared".into());
    let (_, _, first) = ask(&router, "/v1/diff/till?from=0%3D0&limit=1");
    let cursor = first["next_cursor"].as_str().unwrap();
    assert!(cursor.ends_with(";0=0;0=2;0;a/ü 1"), "{cursor}");
}

/// Every answer says which instant a time was taken for, in whatever form it came.
#[test]
fn the_instant_is_said_back() {
    let (_logs, router) = router();
    let a = "/v1/aggregates/till/a%2F%C3%BC%201";
    for (asked, taken) in [
        ("now", "1970-01-01T00:00:10.000Z"),
        ("-2s", "1970-01-01T00:00:08.000Z"),
        ("1970-01-01", "1970-01-01T23:59:59.999Z"),
        ("1970-01-01T00:00:08", "1970-01-01T00:00:08.000Z"),
        ("1970-01-01%2000:00:08.5", "1970-01-01T00:00:08.500Z"),
        ("1970-01-01T02:00:08+02:00", "1970-01-01T00:00:08.000Z"),
        ("revision:1", "revision:1"),
        ("0%3D1", "0=1"),
        ("head", "head"),
    ] {
        let said = |path: &str, pointer: &str| {
            let (status, _, body) = ask(&router, path);
            assert_eq!(status, 200, "{path}: {body}");
            assert_eq!(body.pointer(pointer), Some(&taken.into()), "{path}: {body}");
        };
        said(&format!("{a}?at={asked}"), "/at");
        said(&format!("{a}/history?at={asked}"), "/at");
        said(&format!("{a}/diff?to={asked}"), "/to/at");
        said(&format!("{a}/diff?from={asked}"), "/from/at");
        if asked != "revision:1" {
            said(&format!("/v1/aggregates/till?at={asked}"), "/at");
        }
    }
}

/// A variable that was not set is no question about the head.
#[test]
fn an_empty_parameter_is_refused() {
    let (_logs, router) = router();
    let (_, document) = routes();
    let document = serde_json::to_value(document).unwrap();
    let mut asked = 0;
    for (path, item) in document["paths"].as_object().unwrap() {
        let path = path.replace("{name}", "till").replace("{id}", "b");
        let parameters = item["get"]["parameters"].as_array().into_iter().flatten();
        for parameter in parameters.filter(|parameter| parameter["in"] == "query") {
            let name = parameter["name"].as_str().unwrap();
            for empty in ["", "%20"] {
                let (status, _, body) = ask(&router, &format!("{path}?{name}={empty}"));
                assert_eq!(status, 400, "{path} {name}: {body}");
            }
            asked += 1;
        }
    }
    assert!(asked > 25, "{asked} parameters");
    for (path, name) in [
        ("aggregates/till/b?at=", "`at`"),
        ("aggregates/till/b/diff?from=", "`from`"),
        ("changes/till?to=", "`to`"),
        ("diff/till?from=%20", "`from`"),
    ] {
        refused(&router, &format!("/v1/{path}"), 400, "bad-point", name);
    }
}

#[test]
fn the_form_that_is_accepted_best_is_sent() {
    let (_logs, router) = router();
    let check = |path: &str, accept: &str, wanted: &str| {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .unwrap();
        let request = Request::get(path)
            .header(header::ACCEPT, accept)
            .body(Body::empty());
        let response = runtime
            .block_on(router.clone().oneshot(request.unwrap()))
            .unwrap();
        assert_eq!(response.status(), 200, "{path} {accept}");
        assert_eq!(
            response.headers()[header::CONTENT_TYPE],
            wanted,
            "{path} {accept}"
        );
    };
    let [json, lines, csv] = [
        "application/json",
        "application/x-ndjson",
        "text/csv; charset=utf-8",
    ];
    let list = "/v1/aggregates/till";
    check(list, "application/json;q=0.5, text/csv", csv);
    check(list, "text/csv;q=0.5, application/json", json);
    check(list, "application/json;q=0, */*;q=0.1", lines);
    check(list, "text/html", json);
    check(&format!("{list}?format=json"), "text/csv", json);
    check("/v1/changes/till", "text/csv, application/json;q=0.1", json);
    check("/v1/diff/till", "text/csv, application/x-ndjson;q=0.1", lines);
}

/// Rows have no place for it, so their answer's headers say what they rest on.
#[test]
fn rows_say_what_they_rest_on() {
    let (logs, router) = router();
    let table_ids = table().1;
    // A place that nobody can read.
    logs.append(0, &[Till::Closed.write(&table_ids, "gone", 9_500)]);
    logs.partitions[0].delete_before(1).unwrap();
    let fold = ask(&router, "/v1/aggregates/till").2["fold"].clone();
    let fold = format!("till@1 {}", fold["digest"].as_str().unwrap());
    let check = |path: &str, wanted: &[(&str, Option<&str>)]| {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .unwrap();
        let request = Request::get(path).body(Body::empty()).unwrap();
        let response = runtime.block_on(router.clone().oneshot(request)).unwrap();
        assert_eq!(response.status(), 200, "{path}");
        for (name, wanted) in wanted {
            let said = response.headers().get(*name).map(|value| value.to_str().unwrap());
            assert_eq!(said, *wanted, "{path} {name}");
        }
    };
    let of_all = [
        ("annals-fold", Some(&*fold)),
        ("annals-unreadable", Some("1")),
        ("annals-time", Some("producer")),
    ];
    let of_list = [
        &[("annals-cut", Some("0=3")), ("annals-to-cut", None)],
        &of_all[..],
    ]
    .concat();
    let formats = if cfg!(feature = "avro-files") {
        &["csv", "ndjson", "avro"][..]
    } else {
        &["csv", "ndjson"]
    };
    for format in formats {
        check(&format!("/v1/aggregates/till?format={format}"), &of_list);
        // An answer without rows rests on the same.
        check(
            &format!("/v1/aggregates/till?where=false&format={format}"),
            &of_list,
        );
    }
    for (from, cut) in [("", Some("0=-1")), ("&from=0%3D1", Some("0=1"))] {
        let cuts = [
            ("annals-from-cut", cut),
            ("annals-to-cut", Some("0=3")),
            ("annals-cut", None),
        ];
        for route in ["changes", "diff"] {
            check(
                &format!("/v1/{route}/till?format=ndjson{from}"),
                &[&cuts[..], &of_all].concat(),
            );
        }
    }
}

/// Whatever the route, a parameter it does not know is not passed over.
#[test]
fn an_unknown_query_parameter_is_named() {
    let (_logs, router) = router();
    let (_, document) = routes();
    assert!(document.paths.paths.len() >= 5);
    for path in document.paths.paths.keys() {
        let path = path.replace("{name}", "till").replace("{id}", "b");
        for unknown in ["att=now", "limit=1&At=now", "at%20=now"] {
            let asked = format!("{path}?{unknown}");
            let (status, kind, body) = ask(&router, &asked);
            let got = (status, kind.as_str(), body["type"].as_str());
            let wanted = (
                400,
                "application/problem+json",
                Some("urn:annals:problem:bad-query"),
            );
            assert_eq!(got, wanted, "{asked}: {body}");
            let detail = body["detail"].as_str().unwrap();
            assert!(detail.contains("unknown query parameter `"), "{asked}: {detail}");
        }
    }
}

fn refused(router: &axum::Router, path: &str, status: u16, code: &str, detail: &str) {
    let (got, kind, body) = ask(router, path);
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
}

#[test]
fn questions_that_fit_nothing() {
    let (_logs, router) = router();
    let check =
        |path: &str, status: u16, code: &str, detail: &str| refused(&router, path, status, code, detail);
    check(
        "/v1/aggregates/till?order=names",
        400,
        "undecided",
        "has no order",
    );
    for (asked, says) in [
        ("aggregates/till?select=", "names nothing"),
        ("aggregates/till?sum=%20", "names nothing"),
        ("aggregates/till?order=", "names nothing"),
        ("aggregates/till?sum=payments&format=csv", "no place for a count"),
        ("aggregates/till?count=true&format=csv", "no place for a count"),
        ("changes/till?actor=", "it is empty"),
        ("changes/till?kind=", "it is empty"),
        ("changes/till?field=", "an empty step"),
        ("aggregates/till?where=", "no CEL expression"),
    ] {
        check(&format!("/v1/{asked}"), 400, "bad-question", says);
    }
}

#[test]
fn problems() {
    let (_logs, router) = router();
    let check =
        |path: &str, status: u16, code: &str, detail: &str| refused(&router, path, status, code, detail);
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
    check("/v1/aggregates/till@01/b", 404, "unknown-aggregate", "till@01");
    check(
        "/v1/aggregates/till/b/history?limit=1001",
        400,
        "bad-limit",
        "1 to 1000",
    );
    for cursor in ["x", "0%3D1", "0%3D1;-1", "y;1", "0%3D1;1;1"] {
        let asked = format!("/v1/aggregates/till/b/history?cursor={cursor}");
        check(&asked, 400, "bad-cursor", "next_cursor");
    }
    for cursor in ["x", "0%3D1;0%3D2", "0%3D1;0%3D2;x", "0%3D1;y;1"] {
        let asked = format!("/v1/aggregates/till/b/diff?cursor={cursor}");
        check(&asked, 400, "bad-cursor", "next_cursor");
    }
    check("/v1/aggregates/till/b?at=now&at=now", 400, "bad-query", "at");
    check("/v1/aggregates/till/%FF", 400, "bad-path", "");
}
