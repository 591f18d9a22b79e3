//! Who and what makes events happen, and the headers that say so: the one place where these names are.
//!
//! | header | what it says | form |
//! |---|---|---|
//! | `event-id` | which event this is, for ever and everywhere | the command's id, `/`, its number among the command's events, from 0 |
//! | `causation-id` | what made it happen: the command | text |
//! | `correlation-id` | which conversation it belongs to; the command itself where it began one | text |
//! | `actor` | who caused it | text |
//! | `business-time` | when it happened in the business | RFC 3339 |
//! | `traceparent` | the trace it was recorded in | W3C Trace Context, level 1 |
//!
//! Invariant: the same command gives its events the same ids however often it is sent, on whatever machine: that is what
//! makes a repeated command known as one. Nothing here reads a clock or rolls dice; who sends a command names it.

pub use annals_kafka_wire::batch::{Headers, NO_HEADERS};
use annals_schema_model::Timestamp;

/// Record header that names an event.
pub const EVENT_ID_HEADER: &str = "event-id";
/// Record header that names what made an event happen.
pub const CAUSATION_HEADER: &str = "causation-id";
/// Record header that names the conversation an event belongs to.
pub const CORRELATION_HEADER: &str = "correlation-id";
/// Record header that names who caused an event (UTF-8).
pub const ACTOR_HEADER: &str = "actor";
/// Record header that says when an event happened in the business (RFC 3339).
pub const BUSINESS_TIME_HEADER: &str = "business-time";
/// Record header of the trace an event was recorded in (W3C Trace Context).
pub const TRACEPARENT_HEADER: &str = "traceparent";

/// Longest text of a header, in bytes.
const TEXT_BYTES_MAX: usize = 1_024;

/// What makes events happen: a command, by its id and the present as its sender sees it, and what else is known.
///
/// ```
/// use annals_event_store::Cause;
/// use annals_schema_model::Timestamp;
///
/// let now = Timestamp::from_millis(1_767_600_000_000);
/// let cause = Cause::new("pay-4711", now)
///     .actor("jane")
///     .business_time("2026-01-04T23:30:00Z".parse()?)
///     .traceparent("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
/// assert_eq!((cause.command(), cause.sent_by(), cause.now()), ("pay-4711", Some("jane"), now));
///
/// let headers = cause.headers(0)?;
/// assert_eq!(headers.last("event-id"), Some(Some(&b"pay-4711/0"[..])));
/// assert_eq!(headers.last("actor"), Some(Some(&b"jane"[..])));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct Cause {
    command: String,
    now: Timestamp,
    expected: Option<Option<u64>>,
    correlation: Option<String>,
    actor: Option<String>,
    business_time: Option<Timestamp>,
    traceparent: Option<String>,
}

/// What a cause says that no header can.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the {what} `{shown}` cannot be written: {problem}")]
pub struct CauseError {
    what: &'static str,
    shown: String,
    problem: &'static str,
}

/// What the headers of an event say, for what has them and a recorded time.
macro_rules! told_by_headers {
    ($at:ident) => {
        impl<'a> $at<'a> {
            /// The value of the last header with this name.
            pub fn header(&self, name: &str) -> Option<&'a [u8]> {
                self.headers.last(name)?
            }

            fn text(&self, name: &str) -> Option<&'a str> {
                std::str::from_utf8(self.header(name)?).ok()
            }

            /// Which event it is, as the `event-id` header says.
            pub fn event_id(&self) -> Option<&'a str> {
                self.text($crate::cause::EVENT_ID_HEADER)
            }

            /// What made the event happen, as the `causation-id` header says.
            pub fn causation(&self) -> Option<&'a str> {
                self.text($crate::cause::CAUSATION_HEADER)
            }

            /// Which conversation the event belongs to, as the `correlation-id` header says.
            pub fn correlation(&self) -> Option<&'a str> {
                self.text($crate::cause::CORRELATION_HEADER)
            }

            /// Who caused the event, as the `actor` header says.
            pub fn actor(&self) -> Option<&'a str> {
                self.text($crate::cause::ACTOR_HEADER)
            }

            /// When the event happened in the business, as the `business-time` header says.
            pub fn business_time(&self) -> Option<annals_schema_model::Timestamp> {
                self.text($crate::cause::BUSINESS_TIME_HEADER)?.parse().ok()
            }

            /// The trace the event was recorded in, as the `traceparent` header says.
            pub fn traceparent(&self) -> Option<&'a str> {
                self.text($crate::cause::TRACEPARENT_HEADER)
            }

            /// When the log took the record.
            pub fn recorded(&self) -> annals_schema_model::Timestamp {
                annals_schema_model::Timestamp::from_millis(self.recorded_ms)
            }
        }
    };
}
pub(crate) use told_by_headers;

impl Cause {
    /// A command with this id. Whoever sends a command again sends it with the same id: then its events happen once.
    /// `now` is what records are stamped with and what decisions see; nothing else tells them the time.
    pub fn new(command: impl Into<String>, now: Timestamp) -> Cause {
        Cause {
            command: command.into(),
            now,
            expected: None,
            correlation: None,
            actor: None,
            business_time: None,
            traceparent: None,
        }
    }

    /// Decides on this revision of the aggregate alone (`None`: on one that has no event yet), as who sent the command saw
    /// it; where there is a later one the command is not carried out: [`HandleError::Unexpected`](crate::HandleError::Unexpected)
    /// is told then.
    pub fn expecting(mut self, revision: Option<u64>) -> Cause {
        self.expected = Some(revision);
        self
    }

    /// The conversation that the command belongs to.
    pub fn correlation(mut self, id: impl Into<String>) -> Cause {
        self.correlation = Some(id.into());
        self
    }

    /// Who sent it.
    pub fn actor(mut self, name: impl Into<String>) -> Cause {
        self.actor = Some(name.into());
        self
    }

    /// When that happened in the business which it tells of, where that is not now.
    pub fn business_time(mut self, time: Timestamp) -> Cause {
        self.business_time = Some(time);
        self
    }

    /// The trace it is part of, as its sender's `traceparent` header said.
    pub fn traceparent(mut self, value: impl Into<String>) -> Cause {
        self.traceparent = Some(value.into());
        self
    }

    /// The command's id.
    #[must_use]
    pub fn command(&self) -> &str {
        &self.command
    }

    /// The present.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// Who sent the command.
    #[must_use]
    pub fn sent_by(&self) -> Option<&str> {
        self.actor.as_deref()
    }

    /// The revision to be decided on, where one is expected.
    pub(crate) fn expected(&self) -> Option<Option<u64>> {
        self.expected
    }

    /// The id of the command's event with this number.
    pub(crate) fn event_id(&self, number: usize) -> String {
        format!("{}/{number}", self.command)
    }

    /// The headers of the command's event with this number.
    ///
    /// ```
    /// use annals_event_store::Cause;
    /// use annals_schema_model::Timestamp;
    ///
    /// let cause = Cause::new("pay-1", Timestamp::from_millis(0)).correlation("cart-7");
    /// assert_eq!(cause.headers(1)?.last("event-id"), Some(Some(&b"pay-1/1"[..])));
    /// assert_eq!(cause.headers(1)?.last("correlation-id"), Some(Some(&b"cart-7"[..])));
    /// assert!(cause.actor("").headers(0).is_err());
    /// # Ok::<(), annals_event_store::CauseError>(())
    /// ```
    ///
    /// # Errors
    /// When a text is empty, too long, has control characters, or is no `traceparent`.
    pub fn headers(&self, number: usize) -> Result<Headers, CauseError> {
        let command = text("command's id", &self.command)?;
        let correlation = match &self.correlation {
            Some(id) => text("correlation id", id)?,
            None => command,
        };
        let mut headers = vec![
            (EVENT_ID_HEADER, self.event_id(number)),
            (CAUSATION_HEADER, command.to_owned()),
            (CORRELATION_HEADER, correlation.to_owned()),
        ];
        if let Some(actor) = &self.actor {
            headers.push((ACTOR_HEADER, text("actor", actor)?.to_owned()));
        }
        if let Some(time) = self.business_time {
            headers.push((BUSINESS_TIME_HEADER, format!("{time:.9}")));
        }
        if let Some(value) = &self.traceparent {
            if !is_traceparent(value) {
                return Err(wrong(
                    "traceparent",
                    value,
                    "it is not 00-, 32 digits, 16 and 2, in lower-case hexadecimal",
                ));
            }
            headers.push((TRACEPARENT_HEADER, value.clone()));
        }
        Ok(headers
            .into_iter()
            .map(|(name, value)| (name, Some(value)))
            .collect())
    }
}

fn wrong(what: &'static str, shown: &str, problem: &'static str) -> CauseError {
    CauseError {
        what,
        shown: shown.chars().take(80).collect(),
        problem,
    }
}

fn text<'a>(what: &'static str, text: &'a str) -> Result<&'a str, CauseError> {
    match text {
        "" => Err(wrong(what, text, "it is empty")),
        text if text.len() > TEXT_BYTES_MAX => Err(wrong(what, text, "it has more than 1024 bytes")),
        text if text.contains(char::is_control) => Err(wrong(what, text, "it has control characters")),
        text => Ok(text),
    }
}

/// Whether a text is one of version 00: its ids are not all zeros.
fn is_traceparent(text: &str) -> bool {
    let is_id = |part: &str, length: usize| {
        let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        part.len() == length && part.bytes().all(is_digit)
    };
    let parts: Vec<&str> = text.split('-').collect();
    let [version, trace, parent, flags] = parts[..] else {
        return false;
    };
    let is_some = |id: &str| id.bytes().any(|byte| byte != b'0');
    version == "00"
        && is_id(trace, 32)
        && is_some(trace)
        && is_id(parent, 16)
        && is_some(parent)
        && is_id(flags, 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_header_can_say_is_refused() {
        let now = Timestamp::from_millis(0);
        let check = |cause: Cause, says: Option<&str>| {
            let said = cause.headers(0).map(drop).map_err(|error| error.to_string());
            match says {
                None => assert_eq!(said, Ok(())),
                Some(says) => assert!(said.as_ref().unwrap_err().contains(says), "{said:?}"),
            }
        };
        let trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        check(Cause::new("c", now), None);
        check(Cause::new("", now), Some("command's id `` cannot be written"));
        check(Cause::new("a\nb", now), Some("control"));
        check(Cause::new("c", now).actor("x".repeat(1_025)), Some("1024"));
        check(Cause::new("c", now).correlation(""), Some("correlation id"));
        check(Cause::new("c", now).traceparent(trace), None);
        let wrong = [
            trace.to_uppercase(),
            trace[1..].to_owned(),
            trace.replace("00-4", "01-4"),
            format!("{trace}-1"),
            trace.replace("00f067aa0ba902b7", "0000000000000000"),
        ];
        for wrong in wrong {
            check(Cause::new("c", now).traceparent(wrong), Some("traceparent"));
        }
    }
}
