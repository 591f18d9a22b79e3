//! Lists of any length, written while they are sent.
//!
//! A list is an iterator over entries and a way to write one as JSON. A short one is sent whole, with its length; of a
//! longer one there is never more in memory than a chunk, and that is written when the client has read the one before.
//! Entries of a mebibyte make large chunks: of all answers together only [`LARGE_CHUNKS_MAX`] hold one at a time.

use std::{io, iter::Peekable};

use axum::{
    body::{Body, Bytes},
    response::{IntoResponse, Response},
};
use futures_util::{StreamExt, stream};
use serde::Serialize;
use tokio::sync::{Semaphore, SemaphorePermit};

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
    let mut rest = Rest {
        entries: entries.peekable(),
        bytes,
        write,
        begun: false,
        ended: false,
        large: None,
    };
    match rest.chunk().await {
        Err(error) => HttpError::Unserialisable(error.to_string()).into_response(),
        Ok(whole) if rest.ended => json(whole.into()),
        Ok(first) => {
            let first = stream::once(async { Ok(first) });
            let more = stream::unfold(rest, |mut rest| async {
                if rest.ended {
                    return None;
                }
                let chunk = rest.chunk().await;
                // The status is sent: all that can be said is that the answer is not whole.
                rest.ended |= chunk.is_err();
                Some((chunk.map_err(io::Error::from), rest))
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
    ended: bool,
    /// Held until the next chunk is asked for, by when this one has been sent.
    large: Option<SemaphorePermit<'static>>,
}

impl<I, W> Rest<I, W>
where
    I: Iterator,
    W: Fn(&I::Item, &mut Vec<u8>) -> serde_json::Result<()>,
{
    async fn chunk(&mut self) -> serde_json::Result<Bytes> {
        self.large = None;
        let mut json = Vec::new();
        while json.len() < CHUNK_BYTES {
            let is_large = self
                .entries
                .peek()
                .is_some_and(|entry| (self.bytes)(entry) > CHUNK_BYTES);
            if is_large && self.large.is_none() {
                // It is never closed.
                self.large = LARGE_CHUNKS.acquire().await.ok();
            }
            json.push(if self.begun { b',' } else { b'[' });
            let Some(entry) = self.entries.next() else {
                // The comma of the entry that did not come; of an empty list the bracket stays.
                if self.begun {
                    json.pop();
                }
                json.push(b']');
                self.ended = true;
                break;
            };
            self.begun = true;
            (self.write)(&entry, &mut json)?;
        }
        Ok(json.into())
    }
}

#[cfg(test)]
mod tests {
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
