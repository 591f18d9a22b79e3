//! The registry over HTTP: routes, the OpenAPI document made from them, health, and the accept loop.
//!
//! A handler extracts, makes one call into `registry/` and converts. Statuses and error codes stand in one table
//! ([`error`]). A route is written once: its attribute feeds the router and the document.
//!
//! Other parts of the server hand in routes of their own ([`assemble`]); they are served and described together.

mod compatibility;
mod config;
mod connection;
mod contexts;
mod counts;
mod described;
mod docs;
pub mod error;
mod extract;
pub mod folds;
mod health;
mod list;
mod media;
mod metrics;
mod mode;
mod page;
mod places;
mod request;
mod rewrite;
mod root;
mod schema_lists;
mod schemas;
pub mod serve;
mod shape;
mod shapes;
mod site;
mod subjects;
mod tagging;
mod timed_body;
mod versions;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use axum::{
    Router,
    extract::Request,
    http::{Method, Uri},
    middleware::{self, Next},
    response::{IntoResponse, Response},
};
use tower::ServiceExt;
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;

pub(crate) use counts::Requests;
pub use extract::BODY_BYTES_MAX;
pub use health::Ready;
pub use shape::{ApiShape, ApiShapeError};

use crate::{metrics::Metrics, registry::RegistryError, service::Registry};
use error::HttpError;

/// What the handlers work with.
#[derive(Clone)]
pub struct AppState {
    /// The registry.
    pub registry: Registry,
    /// Whether the server is ready.
    pub ready: Ready,
    /// The id of the Kafka cluster this registry serves.
    pub cluster_id: Arc<str>,
    /// Which generation of the registry API answers are shaped for.
    pub shape: ApiShape,
    /// What `/metrics` shows.
    pub metrics: Metrics,
}

/// The state as handlers get it: one count up and down a request.
type Shared = Arc<AppState>;

/// The registry's own routes; each answers in the media type the client asked for.
fn registry_routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::default()
        .merge(root::routes())
        .merge(contexts::routes())
        .merge(schemas::routes())
        .merge(schema_lists::routes())
        .merge(subjects::routes())
        .merge(versions::routes())
        .merge(tagging::routes())
        .merge(compatibility::routes())
        .merge(config::routes())
        .merge(mode::routes())
        .route_layer(middleware::from_fn(media::negotiate))
        .merge(schemas::hot_routes())
}

/// The description of all routes: the registry's, and those of the server's other parts.
#[must_use]
pub fn document(others: OpenApi) -> OpenApi {
    let mut document = registry_routes().into_openapi();
    docs::name_media_types(&mut document);
    document.merge(health::routes().into_openapi());
    document.merge(metrics::routes().into_openapi());
    document.merge(others);
    docs::describe(&mut document);
    docs::give_examples(&mut document);
    docs::name_operations(&mut document);
    document
}

/// All routes of the server.
///
/// `described` are other routes that belong into the document, their state already given
/// (`OpenApiRouter::with_state`); `plain` are routes that do not, such as the console's.
pub fn assemble(state: AppState, described: OpenApiRouter, plain: Router) -> Router {
    let (described, others) = described.split_for_parts();
    let document = document(others);
    let own = registry_routes()
        .merge(health::routes())
        .merge(metrics::routes())
        .split_for_parts()
        .0;
    let requests = Arc::clone(state.metrics.requests());
    finish(
        requests,
        own.with_state(Arc::new(state))
            .merge(described)
            .merge(plain)
            .merge(docs::routes(&document)),
    )
}

/// The registry's routes alone, ready to be served.
pub fn router(state: AppState) -> Router {
    assemble(state, OpenApiRouter::default(), Router::new())
}

/// Adds answers for paths and methods that are not there.
fn finish(requests: Arc<Requests>, router: Router) -> Router {
    let count =
        middleware::from_fn(move |request: Request, next: Next| Arc::clone(&requests).counted(request, next));
    let router = router
        .layer(count)
        .method_not_allowed_fallback(|method: Method, uri: Uri| async move {
            HttpError::MethodNotAllowed(method.to_string()).at(uri.path())
        });
    let known = router.clone();
    router.fallback(move |request: Request| respelt(known, request))
}

/// What is not found as it is written is looked for as it may be meant.
async fn respelt(known: Router, mut request: Request) -> Response {
    let path = request.uri().path().to_owned();
    if path.contains("/subjects//") {
        return HttpError::Registry(RegistryError::InvalidSubject {
            subject: String::new(),
            reason: "a subject has a name".to_owned(),
        })
        .into_response();
    }
    let Some(uri) = rewrite::respelt(request.uri()) else {
        return HttpError::NotFound(path.clone()).at(&path);
    };
    *request.uri_mut() = uri;
    let known = known.fallback(move || async move { HttpError::NotFound(path.clone()).at(&path) });
    match known.oneshot(request).await {
        Ok(response) => response,
        Err(never) => match never {},
    }
}
