//! What pages of other sites may make a browser send here: nothing that writes.
//!
//! A browser says where a request comes from, in `Sec-Fetch-Site` (to hosts it trusts) and in `Origin` (with whatever is
//! no GET), and no page can make it say otherwise; programs say neither. So a write that says it comes from another
//! origin is refused. A page that had its own host name point here would be of the same origin: where the server is
//! bound to loopback and nobody has business calling it by another name, such a `Host` is refused too.
//!
//! Left out: reading. Without CORS headers a browser shows no answer to a page of another origin.

use std::{
    future::{Ready, ready},
    net::Ipv4Addr,
    task::{Context, Poll},
};

use axum::{
    extract::Request,
    http::{HeaderMap, Method, Uri, header},
    response::Response,
};
use futures_util::future::Either;
use tower::Service;

use super::error::HttpError;

const SEC_FETCH_SITE: &str = "sec-fetch-site";

/// A service that refuses what another site made a browser send.
#[derive(Clone)]
pub(super) struct OwnSite<S> {
    inner: S,
    on_loopback: bool,
}

impl<S> OwnSite<S> {
    /// `on_loopback`: whether the server can be reached from this machine alone.
    pub(super) fn new(inner: S, on_loopback: bool) -> OwnSite<S> {
        OwnSite { inner, on_loopback }
    }
}

impl<S, B> Service<Request<B>> for OwnSite<S>
where
    S: Service<Request<B>, Response = Response>,
{
    type Response = Response;
    type Error = S::Error;
    type Future = Either<Ready<Result<Response, S::Error>>, S::Future>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        match check(
            request.method(),
            request.uri(),
            request.headers(),
            self.on_loopback,
        ) {
            Ok(()) => Either::Right(self.inner.call(request)),
            Err(refused) => Either::Left(ready(Ok(refused.at(request.uri().path())))),
        }
    }
}

fn check(method: &Method, uri: &Uri, headers: &HeaderMap, on_loopback: bool) -> Result<(), HttpError> {
    let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
    let host = uri.authority().map(|authority| authority.as_str());
    let host = host.or_else(|| text(header::HOST.as_str())).unwrap_or_default();
    if on_loopback && !is_loopback(host) {
        return Err(HttpError::ForeignHost(host.to_owned()));
    }
    if method.is_safe() {
        return Ok(());
    }
    let is_own = match (text(SEC_FETCH_SITE), text(header::ORIGIN.as_str())) {
        (Some(site), _) => matches!(site, "same-origin" | "none"),
        (None, Some(origin)) => origin
            .split_once("://")
            .is_some_and(|(_, origin)| origin.eq_ignore_ascii_case(host)),
        (None, None) => true,
    };
    match is_own {
        true => Ok(()),
        false => Err(HttpError::CrossSite),
    }
}

/// Whether a `Host` names this machine in a way that no name server can give to another. None at all is no browser's.
fn is_loopback(host: &str) -> bool {
    let is_port = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let name = match host.rsplit_once(':') {
        Some((name, port)) if is_port(port) => name,
        _ => host,
    };
    let name = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
    name.is_empty()
        || name == "[::1]"
        || name.ends_with(".localhost")
        || name == "localhost"
        || name.ends_with(".localhost")
        || name
            .parse::<Ipv4Addr>()
            .is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn checked(method: &str, on_loopback: bool, given: &[(&'static str, &'static str)]) -> &'static str {
        let mut headers = HeaderMap::new();
        for (name, value) in given {
            headers.insert(*name, HeaderValue::from_static(value));
        }
        let method: Method = method.parse().unwrap();
        match check(&method, &Uri::from_static("/config"), &headers, on_loopback) {
            Ok(()) => "let in",
            Err(HttpError::CrossSite) => "another site",
            Err(HttpError::ForeignHost(_)) => "another host",
            Err(other) => panic!("{other:?}"),
        }
    }

    #[test]
    fn only_the_own_site_writes() {
        let check = |given: &[(&'static str, &'static str)], wanted: &str| {
            for method in ["POST", "PUT", "DELETE", "PATCH", "BREW"] {
                assert_eq!(checked(method, false, given), wanted, "{method} {given:?}");
            }
            for method in ["GET", "HEAD", "OPTIONS"] {
                assert_eq!(checked(method, false, given), "let in", "{method} {given:?}");
            }
        };
        check(&[], "let in");
        check(&[("host", "annals:8081")], "let in");
        check(
            &[("host", "annals:8081"), ("origin", "http://annals:8081")],
            "let in",
        );
        check(&[("host", "Annals"), ("origin", "https://annals")], "let in");
        check(
            &[("host", "annals:8081"), ("origin", "http://annals:3000")],
            "another site",
        );
        check(
            &[("host", "annals:8081"), ("origin", "http://evil.example")],
            "another site",
        );
        check(&[("host", "annals:8081"), ("origin", "null")], "another site");
        check(&[("host", "annals:8081"), ("origin", "")], "another site");
        check(&[("host", "annals"), ("sec-fetch-site", "same-origin")], "let in");
        check(&[("host", "annals"), ("sec-fetch-site", "none")], "let in");
        check(
            &[("host", "annals"), ("sec-fetch-site", "same-site")],
            "another site",
        );
        check(
            &[("host", "annals"), ("sec-fetch-site", "cross-site")],
            "another site",
        );
        // A proxy may have changed the host; the browser still knows.
        check(
            &[
                ("host", "inside:8081"),
                ("origin", "https://annals.example"),
                ("sec-fetch-site", "same-origin"),
            ],
            "let in",
        );
        check(
            &[
                ("host", "annals"),
                ("origin", "http://annals"),
                ("sec-fetch-site", "cross-site"),
            ],
            "another site",
        );
    }

    #[test]
    fn on_loopback_other_names_are_nobodys() {
        let check = |host: &'static str, wanted: &str| {
            assert_eq!(checked("GET", true, &[("host", host)]), wanted, "{host}");
            assert_eq!(checked("GET", false, &[("host", host)]), "let in", "{host}");
        };
        for own in [
            "localhost",
            "LocalHost:8081",
            "localhost.",
            "a.localhost:1",
            "127.0.0.1",
            "127.0.0.1:8081",
            "127.9.9.9",
            "[::1]:8081",
            "[::1]",
            "",
        ] {
            check(own, "let in");
        }
        for foreign in [
            "evil.example",
            "evil.example:8081",
            "127.0.0.1.evil.example",
            "localhost.evil.example",
            "evillocalhost",
            "10.0.0.1",
            "0.0.0.0:8081",
            "[::2]:8081",
            "[::1].evil.example",
            "2130706433",
        ] {
            check(foreign, "another host");
        }
        assert_eq!(checked("GET", true, &[]), "let in");
    }
}
