//! The server's HTTP API as the commands use it.
//!
//! Both error shapes of the server (problem+json of `/v1`, `{"error_code", "message"}` of the registry) become a
//! `Failure` here, and 404 becomes exit code 5, so that no command looks at a status.

use std::time::Duration;

use serde_json::Value;
use ureq::Agent;
use ureq::http::{Response, StatusCode, header};

use super::exit::{Exit, Failure};

/// Answers are read into memory; a page of 1,000 aggregates is far below this.
const ANSWER_BYTES_MAX: u64 = 256 * 1024 * 1024;
const TIMEOUT: Duration = Duration::from_secs(60);

/// How often a patient client asks before it gives up.
const ATTEMPTS_MAX: u32 = 4;
/// How long a patient client waits before it asks again; four times as long every time.
const PAUSE: Duration = Duration::from_millis(100);

pub(crate) struct Api {
    agent: Agent,
    base: String,
    attempts_max: u32,
}

/// What to do, with the body where there is one.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Method<'a> {
    Get,
    Post(&'a Value),
    Put(&'a Value),
    Delete,
}

/// An answer, and what the server warns of in it.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) body: Value,
    pub(crate) warnings: Vec<String>,
}

/// A server's no to a request that it understood.
#[derive(Debug, Clone)]
pub(crate) struct Refusal {
    status: StatusCode,
    code: u64,
    /// Which problem, where the server names one.
    kind: String,
    pub(crate) message: String,
}

impl Refusal {
    pub(crate) fn is_not_found(&self) -> bool {
        self.status == StatusCode::NOT_FOUND
    }

    /// What was to be deleted is referred to.
    pub(crate) fn is_referenced(&self) -> bool {
        self.code == 42206
    }

    /// What was to be soft-deleted is so already.
    pub(crate) fn is_soft_deleted(&self) -> bool {
        matches!(self.code, 40404 | 40406)
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Failure {
        let exit = match refusal.status {
            StatusCode::NOT_FOUND => Exit::NotFound,
            // A point in the log that reads, but means nothing there.
            _ if refusal.kind == "urn:annals:problem:bad-point" => Exit::Usage,
            _ => Exit::Failed,
        };
        Failure::new(exit, refusal.message)
    }
}

impl Api {
    pub(crate) fn new(server: &str) -> Self {
        Self::with(server, 1, 1)
    }

    /// A client for many requests, several at a time: it keeps `connections` open, and asks again what was not answered
    /// or what the server failed at. For requests that may be sent twice.
    pub(crate) fn patient(server: &str, connections: usize) -> Self {
        Self::with(server, connections, ATTEMPTS_MAX)
    }

    fn with(server: &str, connections: usize, attempts_max: u32) -> Self {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(TIMEOUT))
            .max_idle_connections(connections)
            .max_idle_connections_per_host(connections)
            .build();
        Self {
            agent: config.into(),
            base: server.trim_end_matches('/').to_owned(),
            attempts_max,
        }
    }

    /// The server's address.
    pub(crate) fn base(&self) -> &str {
        &self.base
    }

    /// GET a path built from `segments` (escaped here) with `query`.
    pub(crate) fn get(&self, segments: &[&str], query: &[(&str, &str)]) -> Result<Value, Failure> {
        Ok(self.ask(Method::Get, segments, query)??)
    }

    pub(crate) fn post(
        &self,
        segments: &[&str],
        query: &[(&str, &str)],
        body: &Value,
    ) -> Result<Value, Failure> {
        Ok(self.ask(Method::Post(body), segments, query)??)
    }

    /// The answer, or the server's no to the request; the outer failure is no answer at all, or a server that failed.
    pub(crate) fn ask(
        &self,
        method: Method<'_>,
        segments: &[&str],
        query: &[(&str, &str)],
    ) -> Result<Result<Value, Refusal>, Failure> {
        let answered = self.ask_and_heed(method, segments, query)?;
        Ok(answered.map(|answer| answer.body))
    }

    /// The same with the server's warnings.
    pub(crate) fn ask_and_heed(
        &self,
        method: Method<'_>,
        segments: &[&str],
        query: &[(&str, &str)],
    ) -> Result<Result<Answer, Refusal>, Failure> {
        let mut pause = PAUSE;
        for _ in 1..self.attempts_max {
            match self.ask_once(method, segments, query) {
                Err(_) => std::thread::sleep(pause),
                answered => return answered,
            }
            pause *= 4;
        }
        self.ask_once(method, segments, query)
    }

    fn ask_once(
        &self,
        method: Method<'_>,
        segments: &[&str],
        query: &[(&str, &str)],
    ) -> Result<Result<Answer, Refusal>, Failure> {
        let (agent, url) = (&self.agent, self.url(segments));
        let query = query.iter().copied();
        let sent = match method {
            Method::Get => agent.get(url).query_pairs(query).call(),
            Method::Delete => agent.delete(url).query_pairs(query).call(),
            Method::Post(body) => agent.post(url).query_pairs(query).send_json(body),
            Method::Put(body) => agent.put(url).query_pairs(query).send_json(body),
        };
        self.answer(sent)
    }

    fn url(&self, segments: &[&str]) -> String {
        let mut url = self.base.clone();
        for segment in segments {
            url.push('/');
            escape(segment, &mut url);
        }
        url
    }

    fn answer(
        &self,
        result: Result<Response<ureq::Body>, ureq::Error>,
    ) -> Result<Result<Answer, Refusal>, Failure> {
        let mut response = result.map_err(|e| {
            Failure::new(Exit::Failed, format!("no answer from {}: {e}", self.base))
                .help("is `annals serve` running? --server names another address")
        })?;
        let text = response
            .body_mut()
            .with_config()
            .limit(ANSWER_BYTES_MAX)
            .read_to_string();
        let text = text.map_err(|e| Failure::new(Exit::Failed, format!("the answer broke off: {e}")))?;
        let status = response.status();
        let warnings = response.headers().get_all(header::WARNING).iter();
        let warnings = warnings
            .filter_map(|value| warning(value.to_str().ok()?))
            .collect();
        let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
        if status.is_success() {
            return Ok(Ok(Answer { body, warnings }));
        }
        let refusal = refusal(status, &body);
        if status.is_server_error() {
            return Err(refusal.into());
        }
        Ok(Err(refusal))
    }
}

/// The words of a warning: `299 annals "words"` (RFC 9110, section 5.5).
fn warning(value: &str) -> Option<String> {
    let (_, words) = value.strip_prefix("299 ")?.split_once('"')?;
    Some(words.strip_suffix('"').unwrap_or(words).to_owned())
}

fn refusal(status: StatusCode, body: &Value) -> Refusal {
    let said = ["detail", "message", "title"]
        .iter()
        .find_map(|key| body[*key].as_str());
    Refusal {
        status,
        code: body["error_code"].as_u64().unwrap_or_default(),
        kind: body["type"].as_str().unwrap_or_default().to_owned(),
        message: said.map_or_else(|| format!("the server answered {status}: {body}"), str::to_owned),
    }
}

/// Percent-encode everything but RFC 3986 "unreserved" characters.
fn escape(segment: &str, into: &mut String) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    for byte in segment.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            into.push(char::from(byte));
        } else {
            into.push('%');
            into.push(char::from(HEX[usize::from(byte >> 4)]));
            into.push(char::from(HEX[usize::from(byte & 15)]));
        }
    }
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

    #[test]
    fn segments_are_escaped() {
        let api = Api::new("http://h:1/");
        assert_eq!(
            api.url(&["subjects", "a/b c:ä"]),
            "http://h:1/subjects/a%2Fb%20c%3A%C3%A4"
        );
    }
}
