//! A request body that must arrive in time.
//!
//! The clock starts with the first wait, so a body that is already there costs no timer, and runs until the body ends:
//! a client that drips byte after byte is cut off all the same.

use std::{
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use axum::body::{Bytes, HttpBody};
use hyper::body::{Frame, SizeHint};
use thiserror::Error;
use tokio::time::{Sleep, sleep};

/// The body did not arrive in time.
#[derive(Debug, Error)]
#[error("the request body did not arrive in time")]
pub struct BodyStalled;

/// A body with a limit on the time it takes to arrive.
#[derive(Debug)]
pub struct TimedBody<B> {
    body: B,
    limit: Duration,
    deadline: Option<Pin<Box<Sleep>>>,
}

impl<B> TimedBody<B> {
    /// Gives a body a limit.
    pub fn new(body: B, limit: Duration) -> TimedBody<B> {
        TimedBody {
            body,
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
            return Poll::Ready(frame.map(|frame| frame.map_err(Into::into)));
        }
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
