//! Answers that must be read in time.
//!
//! The clock starts when the client's side is full and runs until everything is written. What is taken prolongs it by
//! as long as [`BYTES_PER_SECOND_MIN`] need for it, so a client that reads drop by drop is cut off all the same.

use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Sleep, sleep},
};

use super::places::Waiting;

/// How fast a client must read at least: slower than any line that a page of the console could be read over.
const BYTES_PER_SECOND_MIN: u64 = 16 * 1024;

/// A connection with a limit on the time an answer takes to be read.
#[derive(Debug)]
pub(super) struct TimedWrite<S> {
    stream: S,
    limit: Duration,
    waiting: Arc<Waiting>,
    deadline: Option<Pin<Box<Sleep>>>,
}

impl<S> TimedWrite<S> {
    pub(super) fn new(stream: S, limit: Duration, waiting: Arc<Waiting>) -> TimedWrite<S> {
        TimedWrite {
            stream,
            limit,
            waiting,
            deadline: None,
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
                if let Some(deadline) = &mut self.deadline {
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
                let deadline = self.deadline.get_or_insert_with(|| Box::pin(sleep(limit)));
                if deadline.as_mut().poll(context).is_ready() {
                    let why = "the client does not read its answer";
                    return Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, why)));
                }
            }
        }
        written
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for TimedWrite<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for TimedWrite<S> {
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
        self.deadline = None;
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
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
        let mut stream = TimedWrite::new(ours, SHORT, Arc::new(Waiting::from(Instant::now())));
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
