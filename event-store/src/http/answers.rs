//! Answers under way: one budget for everything that is answered from the log, routes and pages alike.
//!
//! An answer is worked on, which takes memory nobody knows before, and then waits in pieces until its client has taken
//! it. So only so many are worked on at once, each on a thread that may block; and none is begun while finished ones that
//! nobody has taken hold more than they may. Whoever finds no place waits for one, and is told so after a while.
//! Invariant: memory is bounded by [`WORKED_ON_MAX`] answers at work and [`UNSENT_BYTES_MAX`] beside them, however many
//! clients ask and however slowly they read. A client that goes away gives back all it had, and what is worked on for it
//! is stopped; so it is when the server ends.
//! Left out: cutting off clients that do not read; that is the listener's.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, HttpBody};
use bytes::Bytes;
use http_body::{Frame, SizeHint};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

use super::streamed::STREAMED_MAX;
use crate::work::{WaitedFor, Work};

/// Answers that are worked on at once.
pub const WORKED_ON_MAX: usize = 8;
/// Bytes of finished answers that wait for their clients; no answer is begun above it.
pub const UNSENT_BYTES_MAX: usize = 32 << 20;
/// How long a question waits for a place.
const PATIENCE: Duration = Duration::from_secs(20);
/// Bytes that are handed to a connection, and given back, at once.
const PIECE_BYTES: usize = 64 << 10;

/// The answers under way. Cloning shares the budget.
#[derive(Clone, Default)]
pub struct Answers(Arc<Budget>);

struct Budget {
    patience: Duration,
    places: Arc<Semaphore>,
    /// For answers that are sent while they are made.
    streaming: Arc<Semaphore>,
    unsent_bytes: AtomicUsize,
    /// Told when what is unsent has fallen below its bound.
    sent: Notify,
}

impl Default for Budget {
    fn default() -> Budget {
        Budget {
            patience: PATIENCE,
            places: Arc::new(Semaphore::new(WORKED_ON_MAX)),
            streaming: Arc::new(Semaphore::new(STREAMED_MAX)),
            unsent_bytes: AtomicUsize::new(0),
            sent: Notify::new(),
        }
    }
}

/// Why there is no answer.
#[derive(Debug)]
pub enum NoAnswer<E> {
    /// No place became free in time.
    Busy,
    /// The work did not come to its end.
    Interrupted,
    /// The question was refused.
    Refused(E),
}

impl Answers {
    /// Has an answer written, as soon as there is a place for it, on a thread that may block.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// use std::io::Write;
    /// use annals_event_store::http::Answers;
    ///
    /// let answers = Answers::default();
    /// let body = answers.give(|out, _work| out.write_all(b"[]")).await.expect("there is a place");
    /// let bytes = axum::body::to_bytes(body, 1_024).await.expect("it is there");
    /// assert_eq!(&*bytes, b"[]");
    /// # }
    /// ```
    pub async fn give<E: Send + 'static>(
        &self,
        write: impl FnOnce(&mut Pieces, &Work) -> Result<(), E> + Send + 'static,
    ) -> Result<Body, NoAnswer<E>> {
        let place = tokio::time::timeout(self.0.patience, self.place())
            .await
            .map_err(|_| NoAnswer::Busy)?
            .ok_or(NoAnswer::Interrupted)?;
        let mut pieces = Pieces::new(Arc::clone(&self.0));
        let waited_for = WaitedFor::default();
        let work = waited_for.work().clone();
        let written = tokio::task::spawn_blocking(move || {
            let written = write(&mut pieces, &work);
            drop(place);
            written.map(|()| pieces.finish())
        });
        match written.await {
            Ok(Ok(unsent)) => Ok(Body::new(unsent)),
            Ok(Err(refused)) => Err(NoAnswer::Refused(refused)),
            Err(_) => Err(NoAnswer::Interrupted),
        }
    }

    /// A place to make an answer at that is sent meanwhile.
    pub(super) async fn streaming_place<E>(&self) -> Result<OwnedSemaphorePermit, NoAnswer<E>> {
        let place = Arc::clone(&self.0.streaming).acquire_owned();
        let place = tokio::time::timeout(self.0.patience, place).await;
        place
            .map_err(|_| NoAnswer::Busy)?
            .map_err(|_| NoAnswer::Interrupted)
    }

    /// A place to work at. First come, first served: whoever waits for answers to be sent has a place already.
    async fn place(&self) -> Option<OwnedSemaphorePermit> {
        let budget = &self.0;
        let place = Arc::clone(&budget.places).acquire_owned().await.ok()?;
        loop {
            // Listens before it looks, so that nothing is missed between.
            let mut sent = std::pin::pin!(budget.sent.notified());
            sent.as_mut().enable();
            if budget.unsent_bytes.load(Ordering::Acquire) <= UNSENT_BYTES_MAX {
                return Some(place);
            }
            sent.await;
        }
    }
}

/// Some bytes of a finished answer, counted until they are handed on.
struct Piece {
    bytes: Bytes,
    budget: Arc<Budget>,
}

impl Drop for Piece {
    fn drop(&mut self) {
        let before = self
            .budget
            .unsent_bytes
            .fetch_sub(self.bytes.len(), Ordering::AcqRel);
        if before > UNSENT_BYTES_MAX && before - self.bytes.len() <= UNSENT_BYTES_MAX {
            self.budget.sent.notify_waiters();
        }
    }
}

/// What an answer is written to. Writing never fails and never waits.
pub struct Pieces {
    full: Vec<Piece>,
    last: Vec<u8>,
    budget: Arc<Budget>,
}

impl Pieces {
    fn new(budget: Arc<Budget>) -> Pieces {
        Pieces {
            full: Vec::new(),
            last: Vec::new(),
            budget,
        }
    }

    fn seal(&mut self) {
        let bytes = Bytes::from(std::mem::take(&mut self.last));
        self.budget.unsent_bytes.fetch_add(bytes.len(), Ordering::AcqRel);
        self.full.push(Piece {
            bytes,
            budget: Arc::clone(&self.budget),
        });
    }

    fn finish(mut self) -> Unsent {
        self.seal();
        Unsent {
            left_bytes: self.full.iter().map(|piece| piece.bytes.len() as u64).sum(),
            pieces: self.full.into_iter(),
        }
    }
}

impl io::Write for Pieces {
    fn write(&mut self, mut bytes: &[u8]) -> io::Result<usize> {
        let written = bytes.len();
        while self.last.len() + bytes.len() > PIECE_BYTES {
            let (fitting, rest) = bytes.split_at(PIECE_BYTES - self.last.len());
            self.last.extend_from_slice(fitting);
            self.seal();
            bytes = rest;
        }
        self.last.extend_from_slice(bytes);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A finished answer on its way to the client.
struct Unsent {
    pieces: std::vec::IntoIter<Piece>,
    left_bytes: u64,
}

impl HttpBody for Unsent {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let piece = self.pieces.next();
        Poll::Ready(piece.map(|piece| {
            self.left_bytes -= piece.bytes.len() as u64;
            Ok(Frame::data(piece.bytes.clone()))
        }))
    }

    fn is_end_stream(&self) -> bool {
        self.left_bytes == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left_bytes)
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::io::Write as _;
    use std::sync::Mutex;

    use axum::body::to_bytes;

    use super::*;

    fn give(answers: &Answers, bytes: usize) -> impl Future<Output = Body> {
        let answers = answers.clone();
        async move {
            let written = answers.give(move |out, _| {
                for start in (0..bytes).step_by(1_000) {
                    let line: Vec<u8> = (start..bytes.min(start + 1_000)).map(|at| at as u8).collect();
                    out.write_all(&line)?;
                }
                Ok::<(), io::Error>(())
            });
            written.await.unwrap()
        }
    }

    fn ready<F: Future>(future: Pin<&mut F>) -> Option<F::Output> {
        match future.poll(&mut Context::from_waker(std::task::Waker::noop())) {
            Poll::Ready(output) => Some(output),
            Poll::Pending => None,
        }
    }

    fn unsent(answers: &Answers) -> usize {
        answers.0.unsent_bytes.load(Ordering::Acquire)
    }

    #[tokio::test]
    async fn an_answer_is_what_was_written_and_is_counted_until_it_is_taken() {
        let answers = Answers::default();
        for bytes in [
            0,
            1,
            PIECE_BYTES - 1,
            PIECE_BYTES,
            PIECE_BYTES + 1,
            3 * PIECE_BYTES + 7,
        ] {
            let body = give(&answers, bytes).await;
            assert_eq!(unsent(&answers), bytes);
            assert_eq!(body.size_hint().exact(), Some(bytes as u64));
            let taken = to_bytes(body, usize::MAX).await.unwrap();
            assert!(taken.iter().copied().eq((0..bytes).map(|at| at as u8)), "{bytes}");
            assert_eq!(unsent(&answers), 0);
        }
        drop(give(&answers, 5 * PIECE_BYTES).await);
        assert_eq!(unsent(&answers), 0, "a client that went away");
        let refused = answers
            .give(|out, _| {
                out.write_all(&vec![0; 3 * PIECE_BYTES]).unwrap();
                Err("no")
            })
            .await;
        assert!(matches!(refused, Err(NoAnswer::Refused("no"))));
        assert_eq!(unsent(&answers), 0, "a refused question");
    }

    #[tokio::test]
    async fn unread_answers_hold_up_new_ones_until_they_are_taken() {
        let hasty = Budget {
            patience: Duration::from_millis(1),
            ..Budget::default()
        };
        let answers = Answers(Arc::new(hasty));
        let unread = [give(&answers, UNSENT_BYTES_MAX).await, give(&answers, 1).await];
        let refused = answers.give(|_, _| Ok::<(), Infallible>(())).await;
        assert!(matches!(refused, Err(NoAnswer::Busy)));
        let mut waiting = std::pin::pin!(answers.place());
        assert!(ready(waiting.as_mut()).is_none());
        drop(unread);
        assert!(ready(waiting).flatten().is_some());
        assert_eq!(unsent(&answers), 0);
    }

    #[tokio::test]
    async fn only_so_many_are_worked_on_at_once() {
        let answers = Answers::default();
        let (begun, mut begins) = tokio::sync::mpsc::unbounded_channel();
        let ended = Arc::new(AtomicUsize::new(0));
        // Whoever has begun waits until this test lets everybody go, or fails.
        let (hold, held) = std::sync::mpsc::channel::<()>();
        let held = Arc::new(Mutex::new(held));
        let ask = |waits: bool| {
            let (begun, ended, held) = (begun.clone(), Arc::clone(&ended), Arc::clone(&held));
            let answers = answers.clone();
            tokio::spawn(async move {
                let work = move |_: &mut Pieces, _: &Work| {
                    let _ = begun.send(ended.load(Ordering::SeqCst));
                    if waits {
                        let _let_go = held.lock().unwrap().recv();
                    }
                    ended.fetch_add(1, Ordering::SeqCst);
                    Ok::<(), Infallible>(())
                };
                answers.give(work).await.is_ok()
            })
        };
        let mut questions: Vec<_> = (0..WORKED_ON_MAX).map(|_| ask(true)).collect();
        for _ in 0..WORKED_ON_MAX {
            assert_eq!(begins.recv().await, Some(0), "all at once");
        }
        let mut place = Box::pin(answers.place());
        assert!(ready(place.as_mut()).is_none(), "no place for a ninth");
        drop(place);
        questions.push(ask(false));
        tokio::task::yield_now().await;
        drop(hold);
        assert!(
            begins.recv().await.unwrap() > 0,
            "the ninth began when another had ended"
        );
        for question in questions {
            assert!(question.await.unwrap());
        }
    }
}
