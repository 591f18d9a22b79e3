//! Which JSON a client wants to read and which it sends.
//!
//! The registry API has three names for the same JSON. Answers carry the first of them that the client accepts, in the
//! server's order of preference; a request body may also come as `application/octet-stream` or without a name, as some
//! clients send it.

use annals_event_store::http::Accept;
use axum::{
    extract::{FromRequestParts, Request},
    http::{HeaderMap, HeaderValue, Method, header, request::Parts},
    middleware::Next,
    response::{IntoResponse, Response},
};

use super::error::HttpError;

/// What answers are when nobody asks for something else.
pub(super) const DEFAULT: &str = "application/vnd.schemaregistry.v1+json";
/// The three names, in the server's order of preference.
pub(super) const NAMES: [&str; 3] = [DEFAULT, "application/vnd.schemaregistry+json", "application/json"];
/// How much the server likes each of them, in thousandths.
const LIKING: [u32; 3] = [1_000, 900, 500];
/// Taken as JSON too: what clients send that name nothing.
const OCTET_STREAM: &str = "application/octet-stream";

/// Refuses what cannot be answered or read, and names the answer's type.
pub(super) async fn negotiate(request: Request, next: Next) -> Response {
    let Some(name) = accepted(request.headers()) else {
        return HttpError::NotAcceptable.into_response();
    };
    if let Some(given) = unreadable(request.method(), request.headers()) {
        return HttpError::UnsupportedMediaType(given).into_response();
    }
    rename(next.run(request).await, name)
}

/// The answer's media type, for a handler that names it itself.
pub(super) struct Accepted(&'static str);

impl<S: Send + Sync> FromRequestParts<S> for Accepted {
    type Rejection = HttpError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, HttpError> {
        accepted(&parts.headers)
            .map(Accepted)
            .ok_or(HttpError::NotAcceptable)
    }
}

impl Accepted {
    /// The response under the name the client asked for.
    pub(super) fn named(&self, response: impl IntoResponse) -> Response {
        rename(response.into_response(), self.0)
    }
}

fn rename(mut response: Response, name: &'static str) -> Response {
    if name != DEFAULT {
        response
            .headers_mut()
            .insert(header::CONTENT_TYPE, HeaderValue::from_static(name));
    }
    response
}

/// The name a client's `Accept` headers lead to; `None` when they rule out all three.
fn accepted(headers: &HeaderMap) -> Option<&'static str> {
    match headers.get(header::ACCEPT) {
        None => return Some(DEFAULT),
        Some(first) if first == DEFAULT || first == "*/*" => return Some(DEFAULT),
        Some(_) => {}
    }
    let accept = Accept::of(headers);
    if accept.is_silent() {
        return Some(DEFAULT);
    }
    let scored = NAMES
        .iter()
        .zip(LIKING)
        .map(|(name, liking)| (accept.quality(name) * liking, *name));
    // Of equal scores the first wins: `max_by_key` would take the last.
    scored
        .filter(|(score, _)| *score > 0)
        .rev()
        .max_by_key(|(score, _)| *score)
        .map(|(_, name)| name)
}

/// The content type of a body that is not read here.
fn unreadable(method: &Method, headers: &HeaderMap) -> Option<String> {
    if !matches!(*method, Method::POST | Method::PUT) {
        return None;
    }
    let given = headers.get(header::CONTENT_TYPE)?;
    let text = given.to_str().unwrap_or_default();
    let name = text.split(';').next().unwrap_or_default().trim();
    let known = NAMES
        .iter()
        .chain([&OCTET_STREAM])
        .any(|known| known.eq_ignore_ascii_case(name));
    (!known && !name.is_empty()).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: header::HeaderName, values: &[&'static str]) -> HeaderMap {
        values
            .iter()
            .map(|value| (name.clone(), HeaderValue::from_static(value)))
            .collect()
    }

    #[test]
    fn accepts() {
        let check = |values: &[&'static str], wanted: Option<usize>| {
            let wanted = wanted.map(|place| NAMES[place]);
            assert_eq!(accepted(&headers(header::ACCEPT, values)), wanted, "{values:?}");
        };
        check(&[], Some(0));
        check(&[""], Some(0));
        check(&["*/*"], Some(0));
        check(&["application/*"], Some(0));
        check(&["application/json"], Some(2));
        check(&["Application/JSON; charset=utf-8"], Some(2));
        check(&["application/vnd.schemaregistry+json"], Some(1));
        check(
            &[
                "application/vnd.schemaregistry.v1+json, application/vnd.schemaregistry+json, application/json",
            ],
            Some(0),
        );
        check(
            &["application/vnd.schemaregistry.v1+json;q=0.1, application/json;q=0.9"],
            Some(2),
        );
        check(&["application/json, */*;q=0.8"], Some(0));
        check(
            &["text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"],
            Some(0),
        );
        check(&["text/html", "application/json"], Some(2));
        check(&["text/html"], None);
        check(&["application/json;q=0"], None);
        check(&["*/*, application/vnd.schemaregistry.v1+json;q=0"], Some(1));
    }

    #[test]
    fn bodies() {
        let check = |method: Method, value: Option<&'static str>, wanted: bool| {
            let values: Vec<&str> = value.into_iter().collect();
            let refused = unreadable(&method, &headers(header::CONTENT_TYPE, &values));
            assert_eq!(refused.is_none(), wanted, "{method} {value:?}");
        };
        check(Method::POST, None, true);
        check(Method::POST, Some("application/json; charset=utf-8"), true);
        check(Method::PUT, Some("application/vnd.schemaregistry.v1+json"), true);
        check(Method::POST, Some("application/octet-stream"), true);
        check(Method::POST, Some("text/plain"), false);
        check(Method::PUT, Some("application/x-www-form-urlencoded"), false);
        check(Method::GET, Some("text/plain"), true);
    }
}
