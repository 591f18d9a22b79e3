//! The server's HTTP API as the commands use it.
//!
//! Both error shapes of the server (problem+json of `/v1`, `{"error_code", "message"}` of the registry) become a
//! `Failure` here, and 404 becomes exit code 5, so that no command looks at a status.

use std::time::Duration;

use serde_json::Value;
use ureq::Agent;
use ureq::http::{Response, StatusCode};

use super::exit::{Exit, Failure};

/// Answers are read into memory; a page of 1,000 aggregates is far below this.
const ANSWER_BYTES_MAX: u64 = 256 * 1024 * 1024;
const TIMEOUT: Duration = Duration::from_secs(60);

pub(crate) struct Api {
    agent: Agent,
    base: String,
}

impl Api {
    pub(crate) fn new(server: &str) -> Self {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(TIMEOUT))
            .build();
        Self {
            agent: config.into(),
            base: server.trim_end_matches('/').to_owned(),
        }
    }

    /// GET a path built from `segments` (escaped here) with `query`.
    pub(crate) fn get(&self, segments: &[&str], query: &[(&str, &str)]) -> Result<Value, Failure> {
        let request = self
            .agent
            .get(self.url(segments))
            .query_pairs(query.iter().copied());
        self.answer(request.call())
    }

    pub(crate) fn post(
        &self,
        segments: &[&str],
        query: &[(&str, &str)],
        body: &Value,
    ) -> Result<Value, Failure> {
        let request = self
            .agent
            .post(self.url(segments))
            .query_pairs(query.iter().copied());
        self.answer(request.send_json(body))
    }

    fn url(&self, segments: &[&str]) -> String {
        let mut url = self.base.clone();
        for segment in segments {
            url.push('/');
            escape(segment, &mut url);
        }
        url
    }

    fn answer(&self, result: Result<Response<ureq::Body>, ureq::Error>) -> Result<Value, Failure> {
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
        let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
        if status.is_success() {
            Ok(body)
        } else {
            Err(refusal(status, &body))
        }
    }
}

fn refusal(status: StatusCode, body: &Value) -> Failure {
    let said = ["detail", "message", "title"]
        .iter()
        .find_map(|key| body[*key].as_str());
    let message = said.map_or_else(|| format!("the server answered {status}: {body}"), str::to_owned);
    let exit = if status == StatusCode::NOT_FOUND {
        Exit::NotFound
    } else {
        Exit::Failed
    };
    Failure::new(exit, message)
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
    fn segments_are_escaped() {
        let api = Api::new("http://h:1/");
        assert_eq!(
            api.url(&["subjects", "a/b c:ä"]),
            "http://h:1/subjects/a%2Fb%20c%3A%C3%A4"
        );
    }
}
