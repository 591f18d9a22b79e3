//! A request body that must arrive in time.
//!
//! The clock starts with the first wait, so a body that is already there costs no timer, and runs until the body ends:
//! a client that drips byte after byte is cut off all the same. The body also tells its connection whether it was read to
//! its end, and while it is waited for.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use axum::body::{Bytes, HttpBody};
use hyper::body::{Frame, SizeHint};
use thiserror::Error;
use tokio::time::{Sleep, sleep};

use super::{connection::Unread, places::Waiting};

/// The body did not arrive in time.
#[derive(Debug, Error)]
#[error("the request body did not arrive in time")]
pub(super) struct BodyStalled;

/// A body with a limit on the time it takes to arrive.
#[derive(Debug)]
pub(super) struct TimedBody<B: HttpBody> {
    body: B,
    unread: Unread,
    waiting: Arc<Waiting>,
    limit: Duration,
    deadline: Option<Pin<Box<Sleep>>>,
}

impl<B: HttpBody> TimedBody<B> {
    /// Gives a body a limit, and tells its connection when it is waited for or dropped before its end.
    pub(super) fn new(body: B, limit: Duration, unread: Unread, waiting: Arc<Waiting>) -> TimedBody<B> {
        unread.set(!body.is_end_stream());
        TimedBody {
            body,
            unread,
            waiting,
            limit,
            deadline: None,
        }
    }
}

impl<B> HttpBody for TimedBody<B>
where
    B: HttpBody<Data = Bytes> + Unpin,
    B::Error: Into<axum::BoxError>,
{
    type Data = Bytes;
    type Error = axum::BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::BoxError>>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(context) {
            self.waiting.works();
            self.unread.set(frame.is_some() && !self.body.is_end_stream());
            return Poll::Ready(frame.map(|frame| frame.map_err(Into::into)));
        }
        self.waiting.waits();
        let limit = self.limit;
        let deadline = self.deadline.get_or_insert_with(|| Box::pin(sleep(limit)));
        match deadline.as_mut().poll(context) {
            Poll::Ready(()) => Poll::Ready(Some(Err(Box::new(BodyStalled)))),
            Poll::Pending => Poll::Pending,
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
