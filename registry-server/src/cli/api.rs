//! The server's HTTP API as the commands use it.
//!
//! What the client of a registry knows of requests and answers becomes a `Failure` here, and 404 becomes exit code 5, so that
//! no command looks at a status.

use std::collections::BTreeMap;
use std::time::Duration;

pub(crate) use annals_registry_client::server::{Answer, Method, Refusal};
use annals_registry_client::server::{Bounds, NoAnswer, Server};
use annals_schema_model::Unresolved;
use serde_json::Value;

use super::exit::{Exit, Failure};

/// Answers are read into memory; a page of 1,000 aggregates is far below this.
const ANSWER_BYTES_MAX: u64 = 256 * 1024 * 1024;
const TIMEOUT: Duration = Duration::from_secs(60);

/// How often a patient client asks before it gives up.
const ATTEMPTS_MAX: u32 = 4;
/// How long a patient client waits before it asks again; four times as long every time.
const PAUSE: Duration = Duration::from_millis(100);

pub(crate) struct Api {
    server: Server,
    attempts_max: u32,
}

/// What was asked wrong: a point in the log that reads, but means nothing there; a condition that does not fit the state.
const USAGE: [&str; 2] = ["urn:annals:problem:bad-point", "urn:annals:problem:bad-question"];

/// The parameters of a query that are given.
pub(crate) fn given<'q>(query: &[(&'q str, Option<&'q str>)]) -> Vec<(&'q str, &'q str)> {
    let given = query.iter().filter_map(|(name, value)| Some((*name, (*value)?)));
    given.collect()
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Failure {
        let exit = match refusal.is_not_found() {
            true => Exit::NotFound,
            false if USAGE.contains(&refusal.kind.as_str()) => Exit::Usage,
            false => Exit::Failed,
        };
        Failure::new(exit, refusal.message)
    }
}

impl From<NoAnswer> for Failure {
    fn from(none: NoAnswer) -> Failure {
        match none {
            NoAnswer::Failed(refusal) => refusal.into(),
            none @ NoAnswer::TooLong { .. } => Failure::new(Exit::Usage, none.to_string()).help(
                "ask for less at a time; an aggregate whose id is too long for a URL is among those of `annals list`",
            ),
            none @ NoAnswer::Broken(_) => Failure::new(Exit::Failed, none.to_string()),
            none @ NoAnswer::Late { .. } => Failure::new(Exit::Failed, none.to_string()).help(
                "the server has much to do, or the question is large: ask again in a while, or for less \
                 (an earlier point, a smaller --limit); what was to be changed may have been",
            ),
            none @ NoAnswer::Silent { .. } => Failure::new(Exit::Failed, none.to_string())
                .help("is `annals serve` running? --server names another address"),
        }
    }
}

/// What is wrong with an answer, or with what it leads to.
impl From<Unresolved> for Failure {
    fn from(unresolved: Unresolved) -> Failure {
        Failure::new(Exit::Failed, format!("the schema {unresolved}"))
    }
}

/// What no server should answer.
pub(crate) fn odd(answer: &Value) -> Failure {
    let message = format!("the server's answer is not understood: {answer}");
    Failure::new(Exit::Failed, message)
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
        let bounds = Bounds {
            timeout: TIMEOUT,
            answer_bytes_max: ANSWER_BYTES_MAX,
            connections_idle_max: connections,
        };
        Self {
            server: Server::new(server, bounds),
            attempts_max,
        }
    }

    /// The server's address.
    pub(crate) fn base(&self) -> &str {
        self.server.address()
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

    /// Passes the bytes of an answer on as they come, and gives its headers.
    pub(crate) fn pass_on(
        &self,
        segments: &[&str],
        query: &[(&str, &str)],
        out: &mut dyn std::io::Write,
    ) -> Result<BTreeMap<String, String>, Failure> {
        Ok(self.server.pass_on(segments, query, out)??)
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
            match self.server.ask(method, segments, query) {
                Err(_) => std::thread::sleep(pause),
                Ok(answered) => return Ok(answered),
            }
            pause *= 4;
        }
        Ok(self.server.ask(method, segments, query)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Who is there and does not answer in time is not taken for one who is not there.
    #[test]
    fn a_server_that_takes_too_long_is_told_from_none() {
        let check = |none: NoAnswer, says: &str, helps: &str| {
            let failure = Failure::from(none);
            let help = failure.help.unwrap_or_default();
            assert!(failure.message.contains(says), "{}", failure.message);
            assert!(help.contains(helps), "{help}");
        };
        let address = || "http://127.0.0.1:1".to_owned();
        let late = NoAnswer::Late {
            address: address(),
            after: TIMEOUT,
        };
        check(late, "no answer from http://127.0.0.1:1 within 60 s", "ask again");
        let silent = NoAnswer::Silent {
            address: address(),
            why: "refused".to_owned(),
        };
        check(silent, "refused", "is `annals serve` running?");
    }
}
