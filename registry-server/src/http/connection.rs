//! A client's connection: its answers must be read in time, and it is heard out before it is closed.
//!
//! The clock of an answer starts when the client's side is full and runs until everything is written. What is taken
//! prolongs it by as long as [`BYTES_PER_SECOND_MIN`] need for it, so a client that reads drop by drop is cut off all the
//! same.
//!
//! A socket that is closed with unread bytes in it resets the connection, and the client may lose the answer that says
//! why. So after an answer to a request whose body was not read to its end, what still comes is read and thrown away
//! for a while.

use std::{
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Sleep, sleep},
};

use super::places::Waiting;

/// How fast a client must read at least: slower than any line that a page of the console could be read over.
const BYTES_PER_SECOND_MIN: u64 = 16 * 1024;
/// How long a client is listened to after the answer.
const LINGER: Duration = Duration::from_secs(5);

/// Whether a connection's last request body was left unread. Clones share it.
#[derive(Clone, Debug, Default)]
pub(super) struct Unread(Arc<AtomicBool>);

impl Unread {
    pub(super) fn set(&self, unread: bool) {
        self.0.store(unread, Ordering::Relaxed);
    }

    fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// A connection with a limit on the time an answer takes to be read.
#[derive(Debug)]
pub(super) struct Connection<S> {
    stream: S,
    limit: Duration,
    waiting: Arc<Waiting>,
    unread: Unread,
    /// Until when the answer must be read.
    answered_by: Option<Pin<Box<Sleep>>>,
    /// Until when the client is heard out.
    closed_by: Option<Pin<Box<Sleep>>>,
}

impl<S: AsyncRead + Unpin> Connection<S> {
    pub(super) fn new(stream: S, limit: Duration, waiting: Arc<Waiting>, unread: Unread) -> Connection<S> {
        Connection {
            stream,
            limit,
            waiting,
            unread,
            answered_by: None,
            closed_by: None,
        }
    }

    /// Looks at the clock after an attempt to write.
    fn timed(
        &mut self,
        written: Poll<io::Result<usize>>,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        let limit = self.limit;
        match &written {
            Poll::Ready(Ok(bytes)) => {
                if let Some(deadline) = &mut self.answered_by {
                    let bytes = u64::try_from(*bytes).unwrap_or(u64::MAX);
                    let more = Duration::from_millis(bytes.saturating_mul(1_000) / BYTES_PER_SECOND_MIN);
                    let until = deadline.deadline() + more;
                    deadline.as_mut().reset(until);
                }
                self.waiting.moved();
            }
            Poll::Ready(Err(_)) => {}
            Poll::Pending => {
                self.waiting.waits();
                let deadline = self.answered_by.get_or_insert_with(|| Box::pin(sleep(limit)));
                if deadline.as_mut().poll(context).is_ready() {
                    let why = "the client does not read its answer";
                    return Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, why)));
                }
            }
        }
        written
    }

    /// Throws away what comes until the client is done or the time is up.
    fn poll_discard(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let deadline = self.closed_by.get_or_insert_with(|| Box::pin(sleep(LINGER)));
        let mut scratch = [0; 8 * 1024];
        loop {
            if deadline.as_mut().poll(context).is_ready() {
                return Poll::Ready(());
            }
            let mut buffer = ReadBuf::new(&mut scratch);
            let read = ready!(Pin::new(&mut self.stream).poll_read(context, &mut buffer));
            if read.is_err() || buffer.filled().is_empty() {
                return Poll::Ready(());
            }
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Connection<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Connection<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.timed(written, context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.timed(written, context)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        // Asked for when nothing is left to be written.
        self.answered_by = None;
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.closed_by.is_none() {
            ready!(Pin::new(&mut self.stream).poll_shutdown(context))?;
        }
        if self.unread.is_set() {
            ready!(self.poll_discard(context));
        }
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    use super::*;

    const SHORT: Duration = Duration::from_millis(50);

    /// Writes as much as a client that reads so many bytes at a time, resting in between, takes; answers the failure.
    async fn written_to_a_client_that_reads(bytes: usize, rest: Duration) -> io::Result<()> {
        let (ours, mut theirs) = duplex(bytes);
        let mut stream = Connection::new(
            ours,
            SHORT,
            Arc::new(Waiting::from(Instant::now())),
            Unread::default(),
        );
        let read = async {
            let mut some = vec![0; bytes];
            while theirs.read(&mut some).await.is_ok_and(|count| count > 0) {
                tokio::time::sleep(rest).await;
            }
        };
        let answer = vec![0; bytes * 64];
        let write = async {
            stream.write_all(&answer).await?;
            stream.flush().await
        };
        tokio::select! {
            written = write => written,
            () = read => Ok(()),
        }
    }

    #[tokio::test]
    async fn an_answer_must_be_read_in_time() {
        let never = Duration::from_secs(3_600);
        let check = async |bytes, rest, wanted: Option<io::ErrorKind>| {
            let written = written_to_a_client_that_reads(bytes, rest).await;
            assert_eq!(
                written.map_err(|error| error.kind()).err(),
                wanted,
                "{bytes} {rest:?}"
            );
        };
        check(1, never, Some(io::ErrorKind::TimedOut)).await;
        // Drop by drop: some progress every few milliseconds, and yet not fast enough.
        check(1, Duration::from_millis(5), Some(io::ErrorKind::TimedOut)).await;
        check(64 * 1024, Duration::ZERO, None).await;
        // Slow, but faster than the least: a mebibyte is given a minute.
        check(1024 * 1024, Duration::from_millis(5), None).await;
    }
}
