//! Counts of HTTP requests, by method, route and status: as many as there are routes, whatever is asked for.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use axum::{
    extract::{MatchedPath, Request},
    http::{Method, StatusCode},
    middleware::Next,
    response::Response,
};

/// What is counted under a route that is none.
const NO_ROUTE: &str = "none";

/// Counts by method and status.
type OfRoute = BTreeMap<(&'static str, u16), AtomicU64>;

/// Counts of requests.
#[derive(Default)]
pub(crate) struct Requests {
    /// By route.
    by: RwLock<BTreeMap<Box<str>, OfRoute>>,
}

impl Requests {
    /// Has a request answered, and counts it.
    pub(crate) async fn counted(self: Arc<Self>, request: Request, next: Next) -> Response {
        let method = name(request.method());
        let route = request.extensions().get::<MatchedPath>().cloned();
        let response = next.run(request).await;
        let route = route.as_ref().map_or(NO_ROUTE, MatchedPath::as_str);
        self.count(method, route, response.status());
        response
    }

    fn count(&self, method: &'static str, route: &str, status: StatusCode) {
        let key = (method, status.as_u16());
        let by = self.by.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = by.get(route).and_then(|of_route| of_route.get(&key)) {
            count.fetch_add(1, Ordering::Relaxed);
            return;
        }
        drop(by);
        let mut by = self.by.write().unwrap_or_else(PoisonError::into_inner);
        let count = by.entry(route.into()).or_default().entry(key).or_default();
        count.fetch_add(1, Ordering::Relaxed);
    }

    /// Gives method, route, status and count of all there were.
    pub(crate) fn each(&self, mut give: impl FnMut(&str, &str, u16, u64)) {
        let by = self.by.read().unwrap_or_else(PoisonError::into_inner);
        for (route, of_route) in &*by {
            for ((method, status), count) in of_route {
                give(method, route, *status, count.load(Ordering::Relaxed));
            }
        }
    }
}

/// Methods are told apart as far as routes have them.
fn name(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::DELETE => "DELETE",
        _ => "other",
    }
}
