//! Lists of any length, written while they are sent.
//!
//! A list is an iterator over entries and a way to write one as JSON. A short one is sent whole, with its length; of a
//! longer one there is never more in memory than a chunk, and that is written when the client has read the one before.
//! Entries of a mebibyte make large chunks: of all answers together only [`LARGE_CHUNKS_MAX`] hold one at a time.
//!
//! Invariant: the threads that serve requests write one chunk of short entries for a list at most, its first; everything
//! else is written beside them.

use std::{io, iter::Peekable};

use axum::{
    body::{Body, Bytes},
    response::{IntoResponse, Response},
};
use futures_util::{StreamExt, stream};
use serde::Serialize;
use tokio::{
    sync::{Semaphore, SemaphorePermit},
    task::spawn_blocking,
};

use super::{error::HttpError, shapes::json};

/// How much is written before it is sent.
const CHUNK_BYTES: usize = 64 * 1024;
/// How many answers may hold a chunk with a longer entry in memory. An entry comes from a request body, so it has two
/// mebibytes at most.
const LARGE_CHUNKS_MAX: usize = 32;

static LARGE_CHUNKS: Semaphore = Semaphore::const_new(LARGE_CHUNKS_MAX);

/// A list whose entries are JSON as they are.
pub(super) async fn list<T>(entries: impl Iterator<Item = T> + Send + 'static) -> Response
where
    T: Serialize + Send + 'static,
{
    list_of(entries, |_| 0, |entry, json| serde_json::to_writer(json, entry)).await
}

/// A list whose entries are written by `write`, each some `bytes` long.
pub(super) async fn list_of<T>(
    entries: impl Iterator<Item = T> + Send + 'static,
    bytes: fn(&T) -> usize,
    write: impl Fn(&T, &mut Vec<u8>) -> serde_json::Result<()> + Send + 'static,
) -> Response
where
    T: Send + 'static,
{
    let rest = Rest {
        entries: entries.peekable(),
        bytes,
        write,
        begun: false,
        large: None,
    };
    match rest.chunk().await {
        Err(error) => HttpError::Unserialisable(error.to_string()).into_response(),
        Ok((whole, None)) => json(whole.into()),
        Ok((first, rest)) => {
            let first = stream::once(async { Ok(first) });
            // The status is sent: all that can be said of an error is that the answer is not whole.
            let more = stream::try_unfold(rest, |rest| async {
                match rest {
                    Some(rest) => rest.chunk().await.map(Some),
                    None => Ok(None),
                }
            });
            json(Body::from_stream(first.chain(more)))
        }
    }
}

/// What is still to be written.
struct Rest<I: Iterator, W> {
    entries: Peekable<I>,
    bytes: fn(&I::Item) -> usize,
    write: W,
    begun: bool,
    /// Held until the next chunk is asked for, by when this one has been sent.
    large: Option<SemaphorePermit<'static>>,
}

/// A chunk, and what is still to be written after it.
type Written<R> = io::Result<(Bytes, Option<R>)>;

impl<I, W> Rest<I, W>
where
    I: Iterator<Item: Send> + Send + 'static,
    W: Fn(&I::Item, &mut Vec<u8>) -> serde_json::Result<()> + Send + 'static,
{
    async fn chunk(mut self) -> Written<Self> {
        self.large = None;
        if self.is_large_next() {
            // It is never closed.
            self.large = LARGE_CHUNKS.acquire().await.ok();
        }
        if !self.begun && self.large.is_none() {
            return self.written();
        }
        let written = spawn_blocking(|| self.written()).await;
        written.unwrap_or_else(|error| Err(io::Error::other(error)))
    }

    fn is_large_next(&mut self) -> bool {
        let next = self.entries.peek();
        next.is_some_and(|entry| (self.bytes)(entry) > CHUNK_BYTES)
    }

    /// Writes entries until the chunk is full, or the next one is large and has no room.
    fn written(mut self) -> Written<Self> {
        let mut json = Vec::new();
        loop {
            json.push(if self.begun { b',' } else { b'[' });
            let Some(entry) = self.entries.next() else {
                // The comma of the entry that did not come; of an empty list the bracket stays.
                if self.begun {
                    json.pop();
                }
                json.push(b']');
                return Ok((json.into(), None));
            };
            self.begun = true;
            (self.write)(&entry, &mut json)?;
            if json.len() >= CHUNK_BYTES || self.large.is_none() && self.is_large_next() {
                return Ok((json.into(), Some(self)));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::{
            Mutex,
            atomic::{AtomicUsize, Ordering},
            mpsc,
        },
        time::Duration,
    };

    use axum::body::{HttpBody, to_bytes};
    use futures_util::FutureExt;

    use super::*;

    async fn answered(entries: Vec<String>) -> (Option<u64>, Vec<String>) {
        let body = list(entries.into_iter()).await.into_body();
        let length = body.size_hint().exact();
        let json = to_bytes(body, usize::MAX).await.unwrap();
        (length, serde_json::from_slice(&json).unwrap())
    }

    #[tokio::test]
    async fn a_list_comes_whole_however_long() {
        let check = async |count: usize, bytes: usize, is_short: bool| {
            let entries: Vec<String> = (0..count)
                .map(|number| format!("{number}{}", "\"".repeat(bytes)))
                .collect();
            let (length, came) = answered(entries.clone()).await;
            assert_eq!(length.is_some(), is_short, "{count} of {bytes}");
            assert!(came == entries, "{count} of {bytes}");
        };
        check(0, 0, true).await;
        check(1, 0, true).await;
        check(1_000, 10, true).await;
        check(100_000, 10, false).await;
        check(1, CHUNK_BYTES, false).await;
        check(5, 1024 * 1024, false).await;
    }

    #[tokio::test]
    async fn others_are_served_while_a_list_is_written() {
        const ENTRIES: usize = 5;
        let check = async |bytes: fn(&String) -> usize, written_first: usize| {
            let (served, others) = mpsc::channel();
            let others = Mutex::new(others);
            let number = AtomicUsize::new(0);
            // What is not written on the one thread of this test waits until somebody else was served by it. The limit is
            // there to end a test that fails.
            let write = move |entry: &String, json: &mut Vec<u8>| {
                if number.fetch_add(1, Ordering::Relaxed) >= written_first {
                    let other = others.lock().unwrap().recv_timeout(Duration::from_secs(10));
                    other.expect("the thread that serves others writes");
                }
                serde_json::to_writer(json, entry)
            };
            let entries = std::iter::repeat_n("x".repeat(CHUNK_BYTES + 1), ENTRIES);
            let list = tokio::spawn(async move {
                let body = list_of(entries, bytes, write).await.into_body();
                to_bytes(body, usize::MAX).await.unwrap().len()
            });
            for _ in written_first..ENTRIES {
                tokio::task::yield_now().await;
                served.send(()).unwrap();
            }
            assert_eq!(list.await.unwrap(), ENTRIES * (CHUNK_BYTES + 4) + 1);
        };
        check(String::len, 0).await;
        // Nobody knows how long they are: the first is written before anybody could.
        check(|_| 0, 1).await;
    }

    #[tokio::test]
    async fn answers_that_are_not_read_hold_a_chunk_each() {
        let entries = || std::iter::repeat_n("x".repeat(1024 * 1024), 1_000);
        let large = async || {
            list_of(entries(), String::len, |entry, json| {
                serde_json::to_writer(json, entry)
            })
            .await
        };
        let mut unread = Vec::new();
        for _ in 0..LARGE_CHUNKS_MAX {
            unread.push(large().await);
        }
        let mut next = Box::pin(large());
        assert!((&mut next).now_or_never().is_none(), "no room for another");
        // One that is read on makes room only when it is dropped or done: here its client leaves.
        unread.pop();
        assert_eq!(next.await.status(), 200);
        // Short entries need none.
        assert_eq!(list(["a"].into_iter()).await.status(), 200);
    }
}
