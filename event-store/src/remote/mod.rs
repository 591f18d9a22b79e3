//! The port over the Kafka protocol, to the bundled broker: it alone knows the header by which an append rests on a
//! revision (`annals-expected-revision`).
//!
//! A thread of its own holds the connection and follows the topic: it reads it once and remembers where each key's events
//! are, about 16 bytes an event; events are fetched when they are asked for. What is asked waits its turn. A connection that
//! broke is made anew for the next question; one that follows (`feed.rs`) has its turn for as long as it waits. Left out: other brokers, which would take an append without looking at what
//! it expects; topics that are compacted, whose revisions nobody can tell.

mod feed;
mod follow;
mod worker;

use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::mpsc::{Sender, channel};
use std::time::Duration;

use annals_schema_model::Timestamp;
use bytes::Bytes;

use crate::at::AsOf;
use crate::cause::{Headers, NO_HEADERS};
use crate::cut::Cut;
use crate::feed::{FeedError, Portion};
use crate::fold::At;
use crate::log::{EventLog, NewEvent, Place, Stored, UnappendedError, UnreadError};
use worker::Worker;

/// An event that was fetched.
struct Fetched {
    offset: i64,
    recorded_ms: i64,
    /// Nothing where the record is gone.
    record: Option<(Headers, Option<Bytes>)>,
}

/// What the thread is asked, and where the answer goes.
enum Ask {
    Read(Bytes, AsOf, Sender<Result<(Place, Vec<Fetched>), UnreadError>>),
    Append(
        Bytes,
        Place,
        Vec<NewEvent>,
        Timestamp,
        Sender<Result<i64, UnappendedError>>,
    ),
    /// Where everything is decided; waits until that is beyond a cut, not longer than this.
    Head(Cut, Duration, Sender<Result<Cut, FeedError>>),
    /// Records of a partition behind an offset, so many at most.
    ReadOn(u32, i64, usize, Sender<Result<Portion, FeedError>>),
}

/// A topic of a broker.
///
/// ```no_run
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/deciding/account.in"));
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use std::sync::Arc;
/// use annals_event_store::{AsOf, Repository, remote::Remote};
///
/// let log = Remote::connect("localhost:9092", "accounts")?;
/// let accounts: Repository<AccountFold, _> = Repository::new(log, Arc::new(schemas()));
/// let account = accounts.load("a-1", &AsOf::Head)?.state;
/// println!("{account:?}");
/// # Ok(()) }
/// ```
pub struct Remote {
    topic: String,
    asks: Mutex<Sender<Ask>>,
}

impl Remote {
    /// Connects to a broker (`host:port`) and follows a topic, which must exist.
    ///
    /// # Errors
    /// When nobody answers there, or there is no such topic.
    pub fn connect(bootstrap: &str, topic: &str) -> Result<Remote, UnreadError> {
        let failed = |error: std::io::Error| UnreadError::Server(error.to_string());
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(failed)?;
        let mut worker = Worker::new(bootstrap, topic);
        let (asks, asked) = channel();
        let (ready, is_ready) = channel();
        std::thread::Builder::new()
            .name("annals-remote".into())
            .spawn(move || {
                let begun = runtime.block_on(worker.begin());
                let is_begun = begun.is_ok();
                if ready.send(begun).is_err() || !is_begun {
                    return;
                }
                // It ends when nobody can ask any more.
                while let Ok(ask) = asked.recv() {
                    runtime.block_on(worker.answer(ask));
                }
            })
            .map_err(failed)?;
        is_ready.recv().map_err(|_| gone())??;
        Ok(Remote {
            topic: topic.to_owned(),
            asks: Mutex::new(asks),
        })
    }

    fn ask<T>(&self, ask: impl FnOnce(Sender<T>) -> Ask) -> Option<T> {
        let (answer, answered) = channel();
        let asks = self.asks.lock().unwrap_or_else(PoisonError::into_inner).clone();
        asks.send(ask(answer)).ok()?;
        answered.recv().ok()
    }
}

fn gone() -> UnreadError {
    UnreadError::Server("the thread that asks the broker has ended".to_owned())
}

impl EventLog for Remote {
    fn topic(&self) -> &str {
        &self.topic
    }

    fn read(&self, key: &[u8], at: &AsOf, each: &mut dyn FnMut(&Stored<'_>)) -> Result<Place, UnreadError> {
        let key = Bytes::copy_from_slice(key);
        let answered = self.ask(|answer| Ask::Read(key, at.clone(), answer));
        let (place, events) = answered.ok_or_else(gone)??;
        for (revision, event) in (0..).zip(&events) {
            let headers = event.record.as_ref().map_or(&NO_HEADERS, |(headers, _)| headers);
            each(&Stored {
                at: At {
                    partition: place.partition,
                    offset: event.offset,
                    revision,
                    recorded_ms: event.recorded_ms,
                    headers,
                },
                value: match &event.record {
                    Some((_, value)) => Ok(value.as_deref()),
                    None => Err("the log has no record there any more"),
                },
            });
        }
        Ok(place)
    }

    fn append(
        &self,
        key: &[u8],
        behind: &Place,
        events: &[NewEvent],
        now: Timestamp,
    ) -> Result<i64, UnappendedError> {
        let (key, place) = (Bytes::copy_from_slice(key), behind.clone());
        let answered = self.ask(|answer| Ask::Append(key, place, events.to_vec(), now, answer));
        answered.unwrap_or_else(|| Err(UnappendedError::Unknown(gone().to_string())))
    }
}
