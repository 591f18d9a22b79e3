//! The API as clients meet it: scripts of requests and answers against a registry of their own.
//!
//! A script's row is two lines, `METHOD path body` and `status JSON`; blank lines and lines beginning with `#` do not
//! count. In both, `$NAME` stands for a text of the script's table, written as a JSON string. In the expected JSON the
//! string `*` stands for anything and a string `~words` for any string that holds the words; an answer without a body is
//! `null`.

mod bodies;
mod contexts;
mod deletes;
mod errors;
mod health;
mod modes;
mod negotiation;
mod parameters;
mod seven;
mod sockets;
mod tagging;

use axum::{
    Router,
    body::{Body, Bytes},
    http::{HeaderMap, HeaderName, Request, StatusCode, header},
};
use serde_json::Value;
use tower::ServiceExt;

use super::{ApiShape, AppState, Ready, router};
use crate::{service::Registry, store::Database};

/// The time of every write.
const NOW_MS: i64 = 1_700_000_000_000;

/// A registry of its own, served without a socket.
struct App {
    router: Router,
    ready: Ready,
    _folder: tempfile::TempDir,
}

struct Answered {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
}

impl Answered {
    fn json(&self) -> Value {
        if self.body.is_empty() {
            return Value::Null;
        }
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("no JSON: {:?}", self.body))
    }

    fn content_type(&self) -> &str {
        self.headers
            .get(header::CONTENT_TYPE)
            .map_or("", |value| value.to_str().unwrap())
    }
}

impl App {
    async fn new() -> App {
        App::shaped(ApiShape::Eight).await
    }

    async fn shaped(shape: ApiShape) -> App {
        App::made(shape, Ready::default()).await
    }

    async fn with(ready: Ready) -> App {
        App::made(ApiShape::Eight, ready).await
    }

    async fn made(shape: ApiShape, ready: Ready) -> App {
        let folder = tempfile::tempdir().unwrap();
        let database = Database::Sqlite(folder.path().join("registry.db"));
        let registry = Registry::open(&database, || NOW_MS, 64).await.unwrap();
        let state = AppState {
            registry,
            ready: ready.clone(),
            cluster_id: "cluster-1".into(),
            shape,
            metrics: crate::metrics::Metrics::default(),
        };
        App {
            router: router(state),
            ready,
            _folder: folder,
        }
    }

    async fn send(&self, line: &str, headers: &[(HeaderName, &str)], body: Body) -> Answered {
        let (method, path) = line.split_once(' ').unwrap();
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(name, *value);
        }
        let response = self
            .router
            .clone()
            .oneshot(request.body(body).unwrap())
            .await
            .unwrap();
        let (status, headers) = (response.status(), response.headers().clone());
        let body = axum::body::to_bytes(response.into_body(), usize::MAX)
            .await
            .unwrap();
        Answered {
            status,
            headers,
            body,
        }
    }

    async fn get(&self, path: &str) -> Answered {
        self.send(&format!("GET {path}"), &[], Body::empty()).await
    }

    /// Plays a script.
    async fn play(&self, texts: &[(&str, &str)], script: &str) {
        let mut lines = script
            .lines()
            .map(str::trim)
            .filter(|line| !line.is_empty() && !line.starts_with('#'));
        while let (Some(request), Some(wanted)) = (lines.next(), lines.next()) {
            let (request, wanted) = (filled(request, texts), filled(wanted, texts));
            let mut parts = request.splitn(3, ' ');
            let line = format!("{} {}", parts.next().unwrap(), parts.next().unwrap());
            let answered = self
                .send(
                    &line,
                    &[],
                    Body::from(parts.next().unwrap_or_default().to_owned()),
                )
                .await;
            let (status, json) = wanted.split_once(' ').unwrap();
            let json: Value = serde_json::from_str(json).unwrap_or_else(|error| panic!("{wanted}: {error}"));
            let got = answered.json();
            assert_eq!(answered.status.as_str(), status, "{request}: {got}");
            assert!(matches(&json, &got), "{request}:\n got    {got}\n wanted {json}");
            if !answered.body.is_empty() {
                assert_eq!(
                    answered.content_type(),
                    "application/vnd.schemaregistry.v1+json",
                    "{request}"
                );
            }
        }
    }
}

/// Puts the texts of a table in place of their names.
fn filled(line: &str, texts: &[(&str, &str)]) -> String {
    texts.iter().fold(line.to_owned(), |line, (name, text)| {
        line.replace(&format!("${name} "), &format!("{} ", Value::from(*text)))
    })
}

fn matches(wanted: &Value, got: &Value) -> bool {
    match (wanted, got) {
        (Value::String(any), _) if any == "*" => true,
        (Value::String(wanted), Value::String(got)) => match wanted.strip_prefix('~') {
            Some(words) => got.contains(words),
            None => wanted == got,
        },
        (Value::Array(wanted), Value::Array(got)) => {
            wanted.len() == got.len() && wanted.iter().zip(got).all(|(wanted, got)| matches(wanted, got))
        }
        (Value::Object(wanted), Value::Object(got)) => {
            wanted.len() == got.len()
                && wanted
                    .iter()
                    .all(|(key, wanted)| got.get(key).is_some_and(|got| matches(wanted, got)))
        }
        _ => wanted == got,
    }
}
