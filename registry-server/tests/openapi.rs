//! The OpenAPI document in `openapi/registry.json` is what the routes say. `UPDATE=1` writes it anew.

use std::{env, fs, path::Path, sync::Arc};

use annals_registry_server::http;
use utoipa::openapi::OpenApi;

/// The routes of the server's other parts.
fn others() -> OpenApi {
    let mut others = annals_event_store::http::routes(Arc::new(|| 0), Default::default()).into_openapi();
    others.merge(http::folds::routes(Arc::new(|| 0), Default::default()).into_openapi());
    others
}

#[test]
fn the_document_is_what_the_routes_say() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../openapi/registry.json");
    let mut now = http::document(others()).to_pretty_json().unwrap();
    now.push('\n');
    if env::var_os("UPDATE").is_some() {
        fs::write(&path, &now).unwrap();
    }
    let kept = fs::read_to_string(&path).unwrap_or_default();
    let drift = now
        .lines()
        .zip(kept.lines())
        .enumerate()
        .find(|(_, (now, kept))| now != kept);
    assert!(
        now == kept,
        "the routes and openapi/registry.json differ; UPDATE=1 cargo test -p annals-registry-server --test openapi \
         writes it anew. First difference: {drift:?}"
    );
}
