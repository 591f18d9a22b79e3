//! Answers that are sent while they are made: rows of as many aggregates or events as there are.
//!
//! Whoever makes one waits for its client, a few pieces ahead of it, so an answer holds the same memory however long it is.
//! It has a place of its own kind, because a client may take its time. What goes wrong before the first piece is sent is a
//! refusal like any other; later the answer breaks off, and its client is told that it is not whole.
//! Invariant: when the client goes away, or the server ends, the work is stopped.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::{Body, HttpBody};
use axum::http::HeaderMap;
use bytes::Bytes;
use http_body::Frame;
use tokio::sync::{mpsc, oneshot};

use super::answers::{Answers, NoAnswer};
use crate::work::{WaitedFor, Work};

/// Answers that are made and sent at once.
pub const STREAMED_MAX: usize = 4;
/// What one of them may cost: fifty times as much as an answer that is made before it is sent.
pub const STREAMED_PIECES_MAX: u64 = 1_000_000_000;
/// Pieces that are made ahead of a client.
const AHEAD_MAX: usize = 4;
/// Bytes of a piece.
const PIECE_BYTES: usize = 64 << 10;

/// What such an answer is written to. Writing waits for the client, and fails when it is gone.
pub struct Stream {
    piece: Vec<u8>,
    pieces: mpsc::Sender<io::Result<Bytes>>,
    /// Told when the first piece is there, with the answer's headers.
    begun: Option<oneshot::Sender<HeaderMap>>,
    headers: HeaderMap,
}

impl Stream {
    /// Says what the answer's headers are to be, before anything is written.
    pub fn say(&mut self, headers: HeaderMap) {
        self.headers = headers;
    }

    fn send(&mut self) -> io::Result<()> {
        let piece = Bytes::from(std::mem::take(&mut self.piece));
        if let Some(begun) = self.begun.take() {
            // Nobody listens any more when the client is gone, which sending shows.
            let _ = begun.send(std::mem::take(&mut self.headers));
        }
        self.pieces
            .blocking_send(Ok(piece))
            .map_err(|_| io::ErrorKind::BrokenPipe.into())
    }
}

impl Stream {
    /// Sends what is left, or that there is no more; what went wrong before anything was sent is given back.
    fn end<E: ToString>(mut self, written: Result<(), E>) -> Result<(), E> {
        match written {
            Err(error) if self.begun.is_some() => return Err(error),
            Err(error) => {
                // Whoever reads sees that this is not the end.
                let _ = self
                    .pieces
                    .blocking_send(Err(io::Error::other(error.to_string())));
            }
            Ok(()) => {
                let _ = self.send();
            }
        }
        Ok(())
    }
}

impl io::Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.piece.extend_from_slice(bytes);
        if self.piece.len() >= PIECE_BYTES {
            self.send()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Answers {
    /// Has an answer made while it is sent, as soon as there is a place for it, on a thread that may block. With it come the
    /// headers that were said for it.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// use std::io::Write;
    /// use annals_event_store::http::Answers;
    ///
    /// let answers = Answers::default();
    /// let (_headers, body) = answers.stream(|out, _work| out.write_all(b"[]")).await.expect("there is a place");
    /// let bytes = axum::body::to_bytes(body, 1_024).await.expect("it is there");
    /// assert_eq!(&*bytes, b"[]");
    /// # }
    /// ```
    pub async fn stream<E: Send + ToString + 'static>(
        &self,
        write: impl FnOnce(&mut Stream, &Work) -> Result<(), E> + Send + 'static,
    ) -> Result<(HeaderMap, Body), NoAnswer<E>> {
        let place = self.streaming_place().await?;
        let waited_for = WaitedFor::up_to(STREAMED_PIECES_MAX);
        let work = waited_for.work().clone();
        let (pieces, made) = mpsc::channel(AHEAD_MAX);
        let (begun, begins) = oneshot::channel();
        let mut stream = Stream {
            piece: Vec::new(),
            pieces,
            begun: Some(begun),
            headers: HeaderMap::new(),
        };
        let writing = tokio::task::spawn_blocking(move || {
            let written = write(&mut stream, &work);
            drop(place);
            stream.end(written)
        });
        let headers = match begins.await {
            Ok(headers) => headers,
            // It has ended without a piece.
            Err(_) => {
                writing
                    .await
                    .map_err(|_| NoAnswer::Interrupted)?
                    .map_err(NoAnswer::Refused)?;
                HeaderMap::new()
            }
        };
        let body = Body::new(Streamed {
            _waited_for: waited_for,
            made,
        });
        Ok((headers, body))
    }
}

/// An answer under way to its client.
struct Streamed {
    /// Goes before `made` does: whoever finds that nobody takes a piece any more is to find the work stopped, too.
    _waited_for: WaitedFor,
    made: mpsc::Receiver<io::Result<Bytes>>,
}

impl HttpBody for Streamed {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        let made = self.made.poll_recv(context);
        made.map(|piece| piece.map(|piece| piece.map(Frame::data)))
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use axum::body::to_bytes;

    use super::*;

    #[tokio::test]
    async fn a_long_answer_comes_as_it_was_written() {
        let answers = Answers::default();
        for lines in [0, 1, 100_000] {
            let body = answers.stream(move |out, _| (0..lines).try_for_each(|line| writeln!(out, "{line}")));
            let taken = to_bytes(body.await.unwrap().1, usize::MAX).await.unwrap();
            let wanted: String = (0..lines).map(|line| format!("{line}\n")).collect();
            assert_eq!(taken, wanted.as_bytes());
        }
    }

    #[tokio::test]
    async fn what_goes_wrong_is_a_refusal_first_and_a_broken_answer_later() {
        let answers = Answers::default();
        let refused = answers.stream(|out, _| {
            let _ = out.write_all(b"x");
            Err("no")
        });
        assert!(matches!(refused.await, Err(NoAnswer::Refused("no"))));
        let broken = answers.stream(|out, _| {
            let _ = out.write_all(&[0; 2 * PIECE_BYTES]);
            Err("no")
        });
        assert!(to_bytes(broken.await.unwrap().1, usize::MAX).await.is_err());
    }

    #[tokio::test]
    async fn the_work_ends_with_its_client() {
        let answers = Answers::default();
        let (end, ended) = oneshot::channel();
        let body = answers.stream(move |out, work| {
            let written = loop {
                if let Err(error) = out.write_all(&[0; 1_000]) {
                    break Err(error);
                }
            };
            let _ = end.send(work.go_on().is_err());
            written
        });
        drop(body.await.unwrap());
        assert!(ended.await.unwrap(), "the work was stopped");
    }

    #[tokio::test]
    async fn only_so_many_are_made_at_once() {
        let answers = Answers::default();
        let mut unread = Vec::new();
        for _ in 0..STREAMED_MAX {
            let body = answers.stream(|out, _| (0..).try_for_each(|_: u32| out.write_all(&[0; 1_000])));
            unread.push(body.await.unwrap());
        }
        let mut place = std::pin::pin!(answers.streaming_place::<()>());
        let waker = std::task::Waker::noop();
        assert!(place.as_mut().poll(&mut Context::from_waker(waker)).is_pending());
        drop(unread);
        assert!(place.await.is_ok());
    }
}
