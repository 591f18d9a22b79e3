//! A server that is asked over HTTP and answers in JSON: a registry, or several that stand for one another.
//!
//! Both error shapes (problem+json, and the registry's `{"error_code", "message"}`) become a [`Refusal`] here. Invariant: who
//! does not answer in time, or with more than was bargained for, is one who did not answer. Left out: asking again
//! later, which is for those who know whether they may.

mod address;
mod pass_on;
mod url;

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::Value;
use ureq::http::{HeaderValue, Response, header};
use ureq::{Agent, RequestBuilder};

use self::address::{Address, each, pair, secret};
use self::url::{URL_BYTES_MAX, url};

pub use self::address::shown;

/// How a server is asked.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// How long one address may take to answer.
    pub timeout: Duration,
    /// Answers are read into memory; one that is longer is none.
    pub answer_bytes_max: u64,
    /// Connections that are kept for the next question.
    pub connections_idle_max: usize,
}

/// A server, at one address or at several that are tried in turn.
pub struct Server {
    agent: Agent,
    addresses: Vec<Address>,
    /// The address that answered last.
    current: AtomicUsize,
    authorization: Option<HeaderValue>,
    bounds: Bounds,
}

/// What to do, with the body where there is one.
#[derive(Clone, Copy, Debug)]
pub enum Method<'a> {
    /// Read.
    Get,
    /// Ask with a body, or add.
    Post(&'a Value),
    /// The same with a text in YAML.
    PostYaml(&'a str),
    /// Set.
    Put(&'a Value),
    /// Take away.
    Delete,
}

/// An answer, and what the server warns of in it.
#[derive(Clone, Debug)]
pub struct Answer {
    /// What was answered; a text that is not JSON is a string.
    pub body: Value,
    /// The words of its warnings.
    pub warnings: Vec<String>,
}

/// A server's no to a request that it understood.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{message}")]
pub struct Refusal {
    /// The status.
    pub status: u16,
    /// The registry's code, such as 40403; 0 when there is none.
    pub code: u64,
    /// Which problem, where the server names one.
    pub kind: String,
    /// What the server says.
    pub message: String,
    /// All that it answered.
    pub body: Value,
}

/// No address gave an answer.
#[derive(Clone, Debug, thiserror::Error)]
pub enum NoAnswer {
    /// Nobody is there.
    #[error("no answer from {address}: {why}")]
    Silent {
        /// Who was asked.
        address: String,
        /// Why there is none.
        why: String,
    },
    /// It was not there, or not whole, in time: who was asked may be at work on it still.
    #[error("no answer from {address} within {} s", after.as_secs_f64())]
    Late {
        /// Who was asked.
        address: String,
        /// How long was waited.
        after: Duration,
    },
    /// The answer was longer than may be, the connection ended in it, or it is no JSON that can be read.
    #[error("the answer broke off: {0}")]
    Broken(String),
    /// The request was not sent: no URL can be as long.
    #[error("{part} has {bytes} bytes in the URL of the request, and that may have {max} in all", max = URL_BYTES_MAX)]
    TooLong {
        /// The longest part of the URL.
        part: String,
        /// How long that is, percent-encoded.
        bytes: usize,
    },
    /// The server failed at the request.
    #[error(transparent)]
    Failed(Refusal),
}

impl Server {
    /// A server at one address, or at several with commas between them. A name and a password in one
    /// (`http://me:secret@host`) say who asks there, unless that is said for all of them.
    #[must_use]
    pub fn new(addresses: &str, bounds: Bounds) -> Server {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(bounds.timeout))
            // Elsewhere a POST or DELETE would be asked again as a GET, and its answer pass for that of the request.
            .max_redirects(0)
            .max_idle_connections(bounds.connections_idle_max)
            .max_idle_connections_per_host(bounds.connections_idle_max)
            .build();
        Server {
            agent: config.into(),
            addresses: each(addresses).map(Address::new).collect(),
            current: AtomicUsize::new(0),
            authorization: None,
            bounds,
        }
    }

    /// Says who asks, by name and password.
    #[must_use]
    pub fn basic(self, user: &str, password: &str) -> Server {
        self.authorized(&pair(format!("{user}:{password}").as_bytes()))
    }

    /// Says who asks, by a token.
    #[must_use]
    pub fn bearer(self, token: &str) -> Server {
        self.authorized(&format!("Bearer {token}"))
    }

    fn authorized(mut self, value: &str) -> Server {
        self.authorization = secret(value);
        self
    }

    /// The first address.
    #[must_use]
    pub fn address(&self) -> &str {
        self.addresses.first().map_or("", |address| &address.url)
    }

    /// The answer to a path made of `segments` (escaped here) with `query`, or the server's no to it.
    ///
    /// # Errors
    /// When no address answers, or the last one failed at it.
    pub fn ask(
        &self,
        method: Method<'_>,
        segments: &[&str],
        query: &[(&str, &str)],
    ) -> Result<Result<Answer, Refusal>, NoAnswer> {
        let first = self.current.load(Ordering::Relaxed);
        let mut none = NoAnswer::nobody();
        for turn in 0..self.addresses.len() {
            let place = (first + turn) % self.addresses.len();
            match self.ask_at(&self.addresses[place], method, segments, query) {
                Ok(answered) => {
                    self.current.store(place, Ordering::Relaxed);
                    return Ok(answered);
                }
                Err(error) => none = error,
            }
        }
        Err(none)
    }

    fn ask_at(
        &self,
        address: &Address,
        method: Method<'_>,
        segments: &[&str],
        query: &[(&str, &str)],
    ) -> Result<Result<Answer, Refusal>, NoAnswer> {
        let (agent, url) = (&self.agent, url(&address.url, segments, query)?);
        let caller = self.authorization.as_ref().or(address.authorization.as_ref());
        let sent = match method {
            Method::Get => with(agent.get(url), caller).call(),
            Method::Delete => with(agent.delete(url), caller).call(),
            Method::Post(body) => with(agent.post(url), caller).send_json(body),
            Method::PostYaml(text) => {
                let request = with(agent.post(url), caller);
                request.content_type("application/yaml").send(text)
            }
            Method::Put(body) => with(agent.put(url), caller).send_json(body),
        };
        let response = sent.map_err(|error| self.silent(address, &error))?;
        self.answer(address, response)
    }

    /// Why a request has no answer.
    fn silent(&self, address: &Address, error: &ureq::Error) -> NoAnswer {
        let address = address.url.clone();
        match error {
            ureq::Error::Timeout(_) => NoAnswer::Late {
                address,
                after: self.bounds.timeout,
            },
            error => NoAnswer::Silent {
                address,
                why: error.to_string(),
            },
        }
    }

    fn answer(
        &self,
        address: &Address,
        mut response: Response<ureq::Body>,
    ) -> Result<Result<Answer, Refusal>, NoAnswer> {
        let body = response.body_mut().with_config();
        let text = body.limit(self.bounds.answer_bytes_max).read_to_string();
        let text = text.map_err(|error| match error {
            ureq::Error::Timeout(_) => self.silent(address, &error),
            error => NoAnswer::Broken(error.to_string()),
        })?;
        let status = response.status();
        let body = match serde_json::from_str(&text) {
            Ok(body) => body,
            // Who refuses may say it in any words; who answers in JSON that is nested too deeply has answered no text.
            Err(error) if status.is_success() && is_json(&response) && !text.is_empty() => {
                return Err(NoAnswer::Broken(error.to_string()));
            }
            Err(_) => Value::String(text),
        };
        if status.is_success() {
            let warnings = response.headers().get_all(header::WARNING).iter();
            let warnings = warnings.filter_map(|value| warning(value.to_str().ok()?));
            return Ok(Ok(Answer {
                warnings: warnings.collect(),
                body,
            }));
        }
        let mut refusal = Refusal::new(status.as_u16(), &status, &body);
        if status.is_redirection()
            && let Some(location) = response.headers().get(header::LOCATION)
        {
            let location = String::from_utf8_lossy(location.as_bytes());
            refusal.message =
                format!("the server is elsewhere, and is not followed there: {location} ({status})");
        }
        if status.is_server_error() {
            return Err(NoAnswer::Failed(refusal));
        }
        Ok(Err(refusal))
    }
}

impl NoAnswer {
    /// Nobody could be asked.
    fn nobody() -> NoAnswer {
        NoAnswer::Silent {
            address: "anybody".to_owned(),
            why: "there is no address".to_owned(),
        }
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Without what says who asks.
        f.debug_struct("Server")
            .field(
                "addresses",
                &Vec::from_iter(self.addresses.iter().map(|address| &address.url)),
            )
            .finish_non_exhaustive()
    }
}

fn is_json(response: &Response<ureq::Body>) -> bool {
    let kind = response.headers().get(header::CONTENT_TYPE);
    let kind = kind.and_then(|kind| kind.to_str().ok()?.split(';').next());
    // `application/vnd.schemaregistry.v1+json` is, too.
    kind.is_some_and(|kind| kind.trim_end().ends_with("json"))
}

fn with<B>(request: RequestBuilder<B>, caller: Option<&HeaderValue>) -> RequestBuilder<B> {
    match caller {
        Some(value) => request.header(header::AUTHORIZATION, value),
        None => request,
    }
}

impl Refusal {
    fn new(status: u16, shown: &dyn fmt::Display, body: &Value) -> Refusal {
        let said = ["detail", "message", "title"]
            .iter()
            .find_map(|key| body[*key].as_str());
        Refusal {
            status,
            code: body["error_code"].as_u64().unwrap_or_default(),
            kind: body["type"].as_str().unwrap_or_default().to_owned(),
            message: said.map_or_else(|| format!("the server answered {shown}: {body}"), str::to_owned),
            body: body.clone(),
        }
    }

    /// There is no such thing.
    #[must_use]
    pub fn is_not_found(&self) -> bool {
        self.status == 404
    }

    /// What was to be deleted is referred to.
    #[must_use]
    pub fn is_referenced(&self) -> bool {
        self.code == 42206
    }

    /// What was to be soft-deleted is so already.
    #[must_use]
    pub fn is_soft_deleted(&self) -> bool {
        matches!(self.code, 40404 | 40406)
    }
}

/// The words of a warning: `299 annals "words"` (RFC 9110, section 5.5).
fn warning(value: &str) -> Option<String> {
    let (_, words) = value.strip_prefix("299 ")?.split_once('"')?;
    Some(words.strip_suffix('"').unwrap_or(words).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn warnings_are_heeded() {
        let check = |value, wanted: Option<&str>| assert_eq!(warning(value).as_deref(), wanted, "{value}");
        check("299 annals \"cannot be read: 'x'\"", Some("cannot be read: 'x'"));
        check("299 - \"\"", Some(""));
        check("110 proxy \"Response is Stale\"", None);
        check("299", None);
    }
}
